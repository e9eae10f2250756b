"""Observations that the gateway sets up by itself when a device registers."""

import pytest
from coap import (ACK, CON, CONTENT_FORMAT, GET, LINK, OBSERVE, POST, TEXT, TLV, URI_PATH, URI_QUERY,
                  Message)


def wanted(device, timeout=0.5):
    """Answers all observe requests; the paths in the order they came."""
    paths = []
    while True:
        try:
            request = device.next_request(timeout)
        except TimeoutError:
            return paths
        assert (request.code, request.get_uint(OBSERVE)) == (GET, 0)
        paths.append(request.path)
        device.respond(request, payload=b"", content_format=TLV, options=[(OBSERVE, 1)])


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_every_instance_with_a_definition_but_for_management(coap, mqtt):
    device = coap()
    device.register("meter", "".join(f"</{i}/0>," for i in (0, 1, 2, 4, 5, 6, 7, 9, 15)) +
                    "</3/0>,</3303>,</3303/0>,</3303/7>,</31024/0>,</19/0>")
    assert sorted(wanted(device)) == ["/19/0", "/3/0", "/3303/0", "/3303/7"]


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_its_answers_and_notifications_say_so(coap, mqtt):
    device = coap()
    device.register("meter", "</1/0>,</3/0>")
    request = device.next_request()
    device.respond(request, payload=b"\xc1\x09\x64", content_format=TLV, options=[(OBSERVE, 0)])
    answer = mqtt.expect("up/resp").json
    assert answer["msgType"] == "observe" and answer["is_auto_observe"] is True
    assert answer["data"] == {"reqPath": "/3/0", "code": "2.05", "codeMsg": "content",
                              "content": [{"path": "/3/0/9", "value": 100}]}
    assert device.reply_to(device.notify(request.token, 5, b"\xc1\x09\x63", TLV)).type == ACK
    message = mqtt.expect("up/notify").json
    assert message["is_auto_observe"] is True and message["seqNum"] == 5
    assert message["data"]["content"] == [{"path": "/3/0/9", "value": 99}]


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_the_registration_is_answered_and_published_first(coap, mqtt):
    device = coap()
    device.send(Message(CON, POST, 5, b"reg", [
        (URI_PATH, "rd"), (URI_QUERY, "ep=meter"), (URI_QUERY, "lt=60"), (URI_QUERY, "lwm2m=1.1"),
        (CONTENT_FORMAT, LINK)], b"</3/0>"))
    from_gateway = [device.receive(), device.receive()]
    assert from_gateway[0].code_text == "2.01" and from_gateway[1].path == "/3/0"
    device.respond(from_gateway[1], payload=b"", content_format=TLV, options=[(OBSERVE, 0)])
    assert [mqtt.expect("up/#").topic for _ in range(2)] == ["up/register", "up/resp"]


@pytest.mark.settings({"lwm2m.auto_observe": ["/3/0/9", "/3303", "/6/0"]})
def test_a_list_of_paths(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>,</3303/1>")
    assert sorted(wanted(device)) == ["/3/0/9", "/3303"], "6 is not registered"


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_what_an_update_adds_is_observed_and_nothing_twice(coap, mqtt):
    device = coap()
    location = device.register("meter", "</3/0>")
    assert wanted(device) == ["/3/0"]
    device.request(POST, location)
    assert wanted(device, 0.2) == []
    device.request(POST, location, payload=b"</3/0>,</3303/0>", content_format=LINK)
    assert wanted(device) == ["/3303/0"]
    device.register("meter", "</3/0>,</3303/0>")
    assert sorted(wanted(device)) == ["/3/0", "/3303/0"], "a new registration starts from nothing"


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_a_refused_observation_is_reported(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>")
    device.respond(device.next_request(), "4.05")
    answer = mqtt.expect("up/resp").json
    assert answer["is_auto_observe"] is True and answer["data"]["code"] == "4.05"


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_a_command_takes_an_automatic_observation_over(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>")
    wanted(device)
    mqtt.command("meter", {"msgType": "cancel-observe", "data": {"path": "/3/0"}})
    request = device.next_request()
    assert request.get_uint(OBSERVE) == 1
    device.respond(request, payload=b"x", content_format=TEXT)


@pytest.mark.settings({"lwm2m.auto_observe": True})
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_a_simulated_device_is_reported_resource_by_resource(gateway, mqtt, sim, version):
    """The walk-through: never one base64 lump."""
    sim("--endpoint", "meter", "--version", version, "--notify-interval", "0.1")
    answer = mqtt.expect("up/resp", lambda m: m.json["data"].get("reqPath") == "/3/0").json
    values = {item["path"]: item["value"] for item in answer["data"]["content"]}
    assert values["/3/0/0"] == "Open Mobile Alliance" and values["/3/0/7/1"] == 5000
    message = mqtt.expect("up/notify", lambda m: m.json["data"]["reqPath"] == "/3303/0").json
    values = {item["path"]: item["value"] for item in message["data"]["content"]}
    assert isinstance(values["/3303/0/5700"], (int, float)) and len(values) > 3
    assert all("encoding" not in item for item in message["data"]["content"]
               if item["path"] != "/3303/0/5750")
