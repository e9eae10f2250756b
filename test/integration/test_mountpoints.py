"""Topics: mountpoints, placeholders, EMQX's habits, odd endpoint names."""

import json
import subprocess

import pytest
from coap import CON, CONTENT_FORMAT, DELETE, LINK, OBSERVE, POST, TEXT, URI_PATH, URI_QUERY, Message
from conftest import BUILD, ROOT


def read(mqtt, device, topic, answer_topic):
    mqtt.publish(topic, {"msgType": "read", "reqID": topic, "data": {"path": "/3/0/0"}})
    device.respond(device.next_request(), payload=b"x", content_format=TEXT)
    return mqtt.expect(answer_topic, lambda m: m.json.get("reqID") == topic)


EMQX = {"mqtt.mountpoint": "lwm2m/${endpoint_name}/", "mqtt.topics.command": {"topic": "dn/#"}}


@pytest.mark.settings(EMQX)
def test_the_usual_tree_of_emqx(coap, mqtt):
    device = coap()
    location = device.register("meter", "</3/0>,</3303/0>")
    assert mqtt.expect("lwm2m/meter/up/register").json["ep"] == "meter"
    for topic in ("lwm2m/meter/dn/x", "lwm2m/meter/dn/dm/read", "lwm2m/meter/dn"):
        read(mqtt, device, topic, "lwm2m/meter/up/resp")
    mqtt.publish("lwm2m/meter/dn/dm", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    device.respond(request, payload=b"1", content_format=TEXT, options=[(OBSERVE, 1)])
    mqtt.expect("lwm2m/meter/up/resp")
    device.notify(request.token, 2, b"2")
    mqtt.expect("lwm2m/meter/up/notify")
    device.request(POST, "/dp", payload=b'[{"n":"/3/0/9","v":5}]', content_format=110)
    mqtt.expect("lwm2m/meter/up/send")
    device.request(POST, location)
    mqtt.expect("lwm2m/meter/up/update")
    device.request(DELETE, location)
    mqtt.expect("lwm2m/meter/up/deregister")


@pytest.mark.settings({"mqtt.mountpoint": "m/%e/", "mqtt.topics.response": {"topic": "r"},
                       "mqtt.topics.register": {"topic": "reg/%e/${peerhost}"},
                       "mqtt.topics.command": {"topic": "cmd"}})
def test_short_placeholders_and_the_peers_address(coap, mqtt):
    device = coap(source=("127.0.0.7", 0))
    device.register("meter")
    mqtt.expect("m/meter/reg/meter/127.0.0.7")
    read(mqtt, device, "m/meter/cmd", "m/meter/r")


@pytest.mark.settings({"mqtt.mountpoint": "site-"})
def test_no_slash_is_put_between(coap, mqtt):
    device = coap()
    device.register("meter")
    mqtt.expect("site-up/register")
    read(mqtt, device, "site-dn/meter", "site-up/resp")


@pytest.mark.settings({"mqtt.topics.status": {"topic": "state/${client_id}"}, "mqtt.mountpoint": "x/"})
def test_the_status_topic_stands_alone(make_gateway, mqtt):
    make_gateway({"mqtt.topics.status": {"topic": "state/${client_id}"}, "mqtt.mountpoint": "x/"},
                 wait_online=False)
    assert mqtt.expect("state/lwm2mqtt").payload == b"online"


@pytest.mark.settings({"mqtt.topics.register": {"topic": "up/register", "qos": 2},
                       "mqtt.topics.response": {"topic": "up/resp", "qos": 0}})
def test_the_quality_of_service_of_each_topic(coap, mqtt):
    device = coap()
    device.register("meter")
    assert mqtt.expect("up/register").qos == 2
    assert read(mqtt, device, "dn/meter", "up/resp").qos == 0


def raw_register(peer, endpoint):
    peer.send(Message(CON, POST, 7, b"t", [
        (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, b"ep=" + endpoint),
        (URI_QUERY, "lt=60"), (URI_QUERY, "lwm2m=1.1")], b"</3/0>"))
    return peer.receive()


@pytest.mark.settings({"mqtt.topics.register": {"topic": "up/${endpoint_name}/register"}})
@pytest.mark.parametrize("endpoint, level", [
    ("urn:a/b", "urn:a%2Fb"), ("a+b", "a%2Bb"), ("#", "%23"), ("100%", "100%25"), ("a b", "a b"),
    ("ünï☃", "ünï☃"), ('q"\\', 'q"\\'), ("$SYS", "$SYS"), ("x" * 252, "x" * 252), (".", "."),
    ("..", "..")], ids=lambda text: ascii(text)[:12])
def test_endpoint_names_in_topics(coap, mqtt, endpoint, level):
    device = coap()
    assert raw_register(device, endpoint.encode()).code_text == "2.01"
    message = mqtt.expect(f"up/{level}/register")
    assert message.json["ep"] == endpoint == message.json["data"]["ep"]
    assert message.user_properties["ep"] == endpoint
    read(mqtt, device, f"dn/{level}", "up/resp")


@pytest.mark.settings({"mqtt.topics.register": {"topic": "up/${endpoint_name}/register"}})
@pytest.mark.parametrize("endpoint, level", [
    ("line\nend\x01", "line%0Aend%01"), ("\x7f", "%7F"), ("\x80", "%C2%80"),
    ("\ufdd0", "%EF%B7%90"), ("a\U0001ffff", "a%F0%9F%BF%BF")], ids=lambda text: ascii(text)[:12])
def test_endpoint_names_that_would_make_a_broker_hang_up(coap, mqtt, gateway, endpoint, level):
    """A user property cannot hold them; one device must not cost all others the connection."""
    device = coap()
    assert raw_register(device, endpoint.encode()).code_text == "2.01"
    message = mqtt.expect(f"up/{level}/register")
    assert message.json["ep"] == endpoint and "ep" not in message.user_properties
    read(mqtt, device, f"dn/{level}", "up/resp")
    mqtt.publish("dn/nobody%01", "{}")
    assert mqtt.expect("up/resp").json["ep"] == "nobody\x01"
    assert "broker-lost" not in gateway.process.text()


@pytest.mark.parametrize("endpoint", [b"\xff\xfe", b"a\x00b", b"\xed\xa0\x80", b""])
def test_endpoint_names_that_are_no_text(coap, mqtt, endpoint):
    assert raw_register(coap(), endpoint).code_text == "4.00"
    mqtt.expect_none("up/#", seconds=0.1)


@pytest.mark.parametrize("mountpoint, command", [("", "dn/#"), ("", "dn"), ("lwm2m/", "dn/+")])
def test_a_command_topic_without_an_endpoint_is_refused_at_start(make_gateway, mountpoint, command):
    gateway = make_gateway({"mqtt.mountpoint": mountpoint, "mqtt.topics.command": {"topic": command}},
                           start=False)
    result = subprocess.run([BUILD / "gateway/lwm2mqtt", "-c", gateway.write_config()], cwd=ROOT,
                            capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2 and "endpoint_name" in result.stderr


def test_a_topic_is_encoded_the_same_way_back(coap, mqtt):
    """A command under the verbatim name goes nowhere, it is another topic."""
    device = coap()
    raw_register(device, b"a+b")
    mqtt.publish("dn/a%2bb", json.dumps({"msgType": "read", "data": {"path": "/3/0/0"}}))
    device.respond(device.next_request(), "4.04")
    assert mqtt.expect("up/resp").json["ep"] == "a+b"
