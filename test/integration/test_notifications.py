"""Observations, notifications and Send: matching, acknowledging, order, survival."""

import json
import time

import pytest
from coap import (ACK, CON, CONTENT_FORMAT, GET, LINK, NON, OBSERVE, POST, RST, SENML_JSON, TEXT,
                  TLV, Message)
from dialogue import observe


@pytest.fixture
def device(coap):
    device = coap()
    device.location = device.register("meter", "</1/0>,</3/0>,</3303/0>")
    return device


def test_the_answer_to_an_observe_carries_the_first_value(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    device.respond(request, payload=b"21.5", content_format=TEXT, options=[(OBSERVE, 0)])
    answer = mqtt.expect("up/resp").json
    assert answer["reqID"] == req_id and "seqNum" not in str(answer)
    assert answer["data"] == {"reqPath": "/3303/0/5700", "code": "2.05", "codeMsg": "content",
                              "content": [{"path": "/3303/0/5700", "value": 21.5}]}
    mqtt.expect_none("up/notify", seconds=0.2)


def test_a_notification(device, mqtt):
    token = observe(mqtt, device, cacheID="c", imei=[7])
    sent = device.notify(token, 12, b"22.5")
    message = mqtt.expect("up/notify").json
    assert device.reply_to(sent).type == ACK
    assert message.pop("ts") > 0 and message.pop("reqID")
    assert message == {
        "msgType": "notify", "ep": "meter", "seqNum": 12, "cacheID": "c", "imei": [7],
        "data": {"reqPath": "/3303/0/5700", "code": "2.05", "codeMsg": "content",
                 "content": [{"path": "/3303/0/5700", "value": 22.5}]}}


def test_observed_instances_are_reported_resource_by_resource(device, mqtt):
    token = observe(mqtt, device, path="/3/0", value=b"x")
    device.notify(token, 2, b"\xc1\x09\x64\x86\x07\x41\x00\x01\x41\x01\x02\xc3\x031.0", TLV)
    assert mqtt.expect("up/notify").json["data"]["content"] == [
        {"path": "/3/0/9", "value": 100}, {"path": "/3/0/7/0", "value": 1},
        {"path": "/3/0/7/1", "value": 2}, {"path": "/3/0/3", "value": "1.0"}]


def test_a_non_confirmable_notification_is_published_and_not_answered(device, mqtt):
    token = observe(mqtt, device)
    device.notify(token, 2, b"5", type=NON)
    assert mqtt.expect("up/notify").json["data"]["content"][0]["value"] == 5
    device.expect_silence(0.2)


def test_an_unknown_token_is_reset(device, mqtt):
    observe(mqtt, device)
    for token in (b"", b"x", b"unknown!"):
        assert device.reply_to(device.notify(token, 2, b"5")).type == RST
    mqtt.expect_none("up/notify", seconds=0.2)


def test_a_duplicate_is_acknowledged_again_and_published_once(device, mqtt):
    token = observe(mqtt, device)
    for _ in range(3):
        sent = device.notify(token, 2, b"5", mid=1000)
        assert device.reply_to(sent).type == ACK
    mqtt.expect("up/notify")
    mqtt.expect_none("up/notify", seconds=0.2)


def test_a_notification_that_comes_late_is_marked(device, mqtt):
    token = observe(mqtt, device, sequence=5)
    for sequence in (10, 8, 11, 11 + 2 ** 23 + 5):
        assert device.reply_to(device.notify(token, sequence, b"%d" % sequence)).type == ACK
    messages = [mqtt.expect("up/notify").json for _ in range(4)]
    assert [message["seqNum"] for message in messages] == [10, 8, 11, 11 + 2 ** 23 + 5]
    assert [bool(message.get("outdated")) for message in messages] == [False, True, False, True]


def test_sequence_numbers_roll_over(device, mqtt):
    token = observe(mqtt, device, sequence=2 ** 24 - 2)
    for sequence in (2 ** 24 - 1, 0, 1):
        device.reply_to(device.notify(token, sequence, b"5"))
        message = mqtt.expect("up/notify").json
        assert message["seqNum"] == sequence and "outdated" not in message


def test_cancelling(device, mqtt):
    token = observe(mqtt, device)
    req_id = mqtt.command("meter", {"msgType": "cancel-observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    assert (request.code, request.path, request.get_uint(OBSERVE)) == (GET, "/3303/0/5700", 1)
    assert request.token == token, "many devices ignore a cancellation with another token"
    device.respond(request, payload=b"3", content_format=TEXT)
    answer = mqtt.answer(req_id)
    assert answer["msgType"] == "cancel-observe" and answer["data"]["code"] == "2.05"
    assert device.reply_to(device.notify(token, 9, b"5")).type == RST
    mqtt.expect_none("up/notify", seconds=0.2)


def test_cancelling_what_is_not_observed_is_the_devices_to_judge(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "cancel-observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    assert request.get_uint(OBSERVE) == 1
    device.respond(request, "4.04")
    answer = mqtt.answer(req_id)
    assert answer["data"]["code"] == "4.04"


def test_observing_again_is_the_same_observation(device, mqtt):
    first = observe(mqtt, device, cacheID="one")
    assert observe(mqtt, device, cacheID="two") == first
    device.notify(first, 9, b"5")
    assert mqtt.expect("up/notify").json["cacheID"] == "two"
    mqtt.expect_none("up/notify", seconds=0.2)


def test_several_observations_of_one_device(device, mqtt):
    paths = ["/3303/0/5700", "/3303/0", "/3/0/9", "/3303"]
    tokens = {path: observe(mqtt, device, path=path, cacheID=path) for path in paths}
    assert len(set(tokens.values())) == len(paths)
    for path in reversed(paths):
        device.reply_to(device.notify(tokens[path], 5, b"7"))
        message = mqtt.expect("up/notify").json
        assert message["cacheID"] == message["data"]["reqPath"] == path


def test_an_error_ends_an_observation(device, mqtt):
    token = observe(mqtt, device)
    assert device.reply_to(device.notify(token, None, b"gone", None, code_text="4.04")).type == ACK
    data = mqtt.expect("up/notify").json["data"]
    assert (data["code"], data["codeMsg"], data["reason"]) == ("4.04", "not_found", "gone")
    assert data["reqPath"] == "/3303/0/5700"
    assert device.reply_to(device.notify(token, 5, b"5")).type == RST


def test_a_device_that_does_not_observe(device, mqtt):
    """The answer has no Observe option: just a read."""
    req_id = mqtt.command("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    device.respond(request, payload=b"5", content_format=TEXT)
    answer = mqtt.answer(req_id)
    assert answer["data"]["content"][0]["value"] == 5
    assert device.reply_to(device.notify(request.token, 5, b"5")).type == RST


def test_a_notification_that_overtakes_the_acknowledgement_of_the_observe(device, mqtt):
    """RFC 7641, 3.5: the answer may come separately, a notification right after it."""
    req_id = mqtt.command("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    device.send(Message(ACK, 0, request.mid))
    device.notify(request.token, 1, b"1")
    device.notify(request.token, 2, b"2")
    mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id and m.json["msgType"] == "observe")
    assert mqtt.expect("up/notify").json["seqNum"] == 2


# --- observations that live on (user demands A1)


def test_an_update_leaves_observations_alone(device, mqtt):
    token = observe(mqtt, device)
    assert device.request(POST, device.location).code_text == "2.04"
    assert device.reply_to(device.notify(token, 5, b"5")).type == ACK
    mqtt.expect("up/notify")


def test_registering_again_sets_observations_up_again(device, mqtt):
    token = observe(mqtt, device, cacheID="keep")
    device.register("meter", "</1/0>,</3303/0>")
    request = device.next_request()
    assert (request.path, request.get_uint(OBSERVE)) == ("/3303/0/5700", 0)
    device.respond(request, payload=b"30", content_format=TEXT, options=[(OBSERVE, 1)])
    device.notify(request.token, 2, b"31")
    values = []
    while 31 not in values:
        message = mqtt.expect("up/notify").json
        assert message["cacheID"] == "keep"
        values.append(message["data"]["content"][0]["value"])
    assert token


@pytest.mark.settings({"lwm2m.observe_grace": "100ms"})
def test_an_observation_that_fell_silent_is_set_up_again(device, mqtt):
    token = observe(mqtt, device, cacheID="keep")
    attributes = mqtt.command("meter", {"msgType": "write-attr",
                                        "data": {"path": "/3303/0", "pmax": 1}})
    device.respond(device.next_request(), "2.04")
    assert mqtt.answer(attributes)["data"]["code"] == "2.04"
    time.sleep(1.2)
    assert device.request(POST, device.location).code_text == "2.04"
    request = device.next_request()
    assert (request.path, request.get_uint(OBSERVE)) == ("/3303/0/5700", 0)
    assert request.token == token
    device.respond(request, payload=b"30", content_format=TEXT, options=[(OBSERVE, 1)])
    message = mqtt.expect("up/notify").json
    assert message["cacheID"] == "keep" and message["data"]["content"][0]["value"] == 30


def test_a_simulated_device_that_reboots_goes_on_notifying(gateway, mqtt, sim):
    device = sim("--endpoint", "meter", "--notify-interval", "0.1")
    mqtt.expect("up/register")
    assert mqtt.request("meter", {"msgType": "observe", "cacheID": "keep", "data": {
        "path": "/3303/0/5700"}}).json["data"]["code"] == "2.05"
    mqtt.expect("up/notify")
    mqtt.request("meter", {"msgType": "execute", "data": {"path": "/3/0/4"}})
    device.wait_line("^rebooted")
    mqtt.expect("up/register")
    mqtt.clear()
    assert mqtt.expect("up/notify").json["cacheID"] == "keep"
    assert len([1 for line in device.text().splitlines() if line.startswith("observe ")]) == 2


def test_a_notification_from_another_port_counts(device, coap, mqtt):
    """A NAT gave the device another port since it was asked."""
    token = observe(mqtt, device)
    moved = coap()
    sent = moved.notify(token, 5, b"5")
    assert moved.reply_to(sent).type == ACK
    assert mqtt.expect("up/notify").json["ep"] == "meter"
    mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = moved.next_request()
    assert request.path == "/3/0/0", "the new port is where the device is now"
    moved.respond(request, "4.04")


def test_an_object_that_an_update_takes_away_ends_its_observation(device, mqtt):
    token = observe(mqtt, device)
    assert device.request(POST, device.location, payload=b"</1/0>,</3/0>",
                          content_format=LINK).code_text == "2.04"
    data = mqtt.expect("up/notify").json["data"]
    assert (data["code"], data["reqPath"]) == ("4.04", "/3303/0/5700") and data["reason"]
    assert device.reply_to(device.notify(token, 5, b"5")).type == RST


def test_after_it_left_a_device_is_reset(device, mqtt):
    token = observe(mqtt, device)
    device.request(4, device.location)
    assert device.reply_to(device.notify(token, 5, b"5")).type == RST
    mqtt.expect_none("up/notify", seconds=0.2)


# --- simulated devices


@pytest.mark.parametrize("options", [[], ["--non"], ["--timestamps", "--version", "1.1"],
                                     ["--version", "1.0"], ["--version", "1.2"]],
                         ids=["con", "non", "timestamps", "1.0", "1.2"])
def test_a_stream_of_notifications(gateway, mqtt, sim, options):
    device = sim("--endpoint", "meter", "--notify-interval", "0.05", *options)
    mqtt.expect("up/register")
    assert mqtt.request("meter", {"msgType": "observe", "data": {"path": "/3303/0"}}).json[
        "data"]["code"] == "2.05"
    messages = [mqtt.expect("up/notify").json for _ in range(10)]
    numbers = [message["seqNum"] for message in messages]
    assert numbers == sorted(set(numbers))
    for message in messages:
        items = {item["path"]: item for item in message["data"]["content"]}
        assert isinstance(items["/3303/0/5700"]["value"], (int, float)) and len(items) > 3
        assert ("time" in items["/3303/0/5700"]) == ("--timestamps" in options)
    assert mqtt.request("meter", {"msgType": "cancel-observe", "data": {"path": "/3303/0"}}).json[
        "data"]["code"] == "2.05"
    device.wait_line("^cancel-observe /3303/0")
    mqtt.clear()
    mqtt.expect_none("up/notify", seconds=0.3)


def test_attributes_hold_notifications_back(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--notify-interval", "0.05")
    mqtt.expect("up/register")
    mqtt.request("meter", {"msgType": "write-attr", "data": {"path": "/3303/0/5700", "gt": 1000}})
    mqtt.request("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    mqtt.expect_none("up/notify", seconds=0.5)
    mqtt.request("meter", {"msgType": "write-attr", "data": {"path": "/3303/0/5700", "gt": None}})
    mqtt.expect("up/notify")


# --- Send


def send(device, records, **options):
    options.setdefault("content_format", SENML_JSON)
    return device.request(POST, "/dp", payload=json.dumps(records).encode(), **options)


def test_a_send(device, mqtt):
    response = send(device, [{"bn": "/3303/0/", "bt": 1700000000.5, "n": "5700", "v": 21.5},
                             {"n": "5700", "t": 1, "v": 22}, {"bn": "/3/0/", "n": "0", "vs": "A"}])
    assert response.code_text == "2.04"
    message = mqtt.expect("up/send").json
    assert message.pop("ts") > 0
    assert message == {
        "msgType": "send", "ep": "meter",
        "data": {"code": "2.05", "codeMsg": "content", "content": [
            {"path": "/3303/0/5700", "value": 21.5, "time": 1700000000.5},
            {"path": "/3303/0/5700", "value": 22, "time": 1700000001.5},
            {"path": "/3/0/0", "value": "A", "time": 1700000000.5}]}}


def test_a_duplicated_send_is_published_once(device, mqtt):
    message = Message(CON, POST, 77, b"t", [(11, "dp"), (CONTENT_FORMAT, SENML_JSON)],
                      b'[{"n":"/3/0/9","v":5}]')
    for _ in range(3):
        device.send(message)
        assert device.receive_where(lambda m: m.mid == 77).code_text == "2.04"
    mqtt.expect("up/send")
    mqtt.expect_none("up/send", seconds=0.2)


def test_a_send_may_be_non_confirmable(device, mqtt):
    response = send(device, [{"n": "/3/0/9", "v": 5}], type=NON)
    assert (response.type, response.code_text) == (NON, "2.04")
    mqtt.expect("up/send")


def test_sends_that_are_refused(device, coap, mqtt):
    stranger = coap(source=("127.0.0.9", 0))
    assert send(stranger, [{"n": "/3/0/9", "v": 5}]).code_text == "4.04"
    for payload in (b"{", b"[7]", b'[{"n":"nonsense","v":5}]'):
        response = device.request(POST, "/dp", payload=payload, content_format=SENML_JSON)
        assert response.code_text == "4.00", payload
    assert device.request(POST, "/dp", payload=b"x", content_format=9999).code_text == "4.15"
    mqtt.expect_none("up/send", seconds=0.2)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_simulated_device_that_sends(gateway, mqtt, sim, version):
    device = sim("--endpoint", "meter", "--send-interval", "0.1", "--timestamps", "--version", version)
    for _ in range(3):
        message = mqtt.expect("up/send").json
        items = {item["path"]: item for item in message["data"]["content"]}
        assert message["ep"] == "meter" and items["/3303/0/5700"]["time"] > 1e9
    device.wait_line("^sent -> 2.04")
