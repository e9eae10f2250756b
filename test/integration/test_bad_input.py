"""What no proper device or consumer sends: the gateway drops or refuses it and serves the others.

The mutations are made with a fixed seed: a failure comes again.
"""

import json
import random
import threading

import pytest
from coap import (ACK, CON, CONTENT_FORMAT, LINK, LWM2M_CBOR, LWM2M_JSON, NON, OBSERVE, POST,
                  RST, SENML_CBOR, SENML_JSON, TEXT, TLV, URI_PATH, URI_QUERY, Message)
from conftest import Mqtt
from dialogue import read
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@pytest.fixture
def served(coap, mqtt):
    """A good device that is read all the time; fails the test when an answer is missing."""
    device = coap()
    device.register("good", "</3/0>")
    mqtt.expect("up/register")

    def check():
        read(mqtt, device, "good")

    return check


def mutated(rng, data):
    """A datagram that is cut, longer, or differs in a few bits."""
    data = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        del data[rng.randrange(len(data)):]
    elif kind == 1:
        data += rng.randbytes(rng.randrange(1, 40))
    elif kind == 2:
        at = rng.randrange(len(data))
        data[at:at + rng.randrange(1, 6)] = rng.randbytes(rng.randrange(8))
    else:
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def register_message(endpoint, mid=1):
    return Message(CON, POST, mid, b"token", [
        (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, f"ep={endpoint}"), (URI_QUERY, "lt=60"),
        (URI_QUERY, "lwm2m=1.1"), (URI_QUERY, "b=U")], b'</>;ct="110 112",</1/0>,</3/0>;ver=1.1').build()


def drain(peer):
    peer.socket.setblocking(False)
    try:
        while True:
            peer.socket.recv(65536)
    except (BlockingIOError, ConnectionError):
        pass
    finally:
        peer.socket.setblocking(True)


def test_mutated_datagrams(coap, mqtt, served):
    rng = random.Random(1)
    hostile = coap()
    location = hostile.register("hostile")
    seeds = [
        register_message("hostile"), register_message("x" * 200),
        Message(CON, POST, 2, b"t", [(URI_PATH, "rd"), (URI_PATH, location[4:])]).build(),
        Message(CON, 69, 3, b"12345678", [(OBSERVE, 5), (CONTENT_FORMAT, TLV)], b"\xc1\x09\x64").build(),
        Message(CON, POST, 4, b"t", [(URI_PATH, "dp"), (CONTENT_FORMAT, SENML_JSON)],
                b'[{"n":"/3/0/9","v":5}]').build(),
        Message(CON, POST, 5, b"t", [(URI_PATH, "rd"), (27, 0x0E), (URI_QUERY, "ep=b")], b"x" * 64).build(),
        Message(ACK, 69, 6, b"12345678", [], b"x").build(), Message(RST, 0, 7).build(),
        Message(CON, 0, 8).build(),
    ]
    for i in range(3000):
        hostile.send_raw(mutated(rng, rng.choice(seeds)))
        if i % 100 == 99:
            served()
            drain(hostile)
    with_ping = coap()
    assert with_ping.ping()


def test_garbage(coap, served):
    rng = random.Random(2)
    hostile = coap()
    for size in [*range(0, 40), 100, 500, 1280, 1400, 1500, 9000, 65507]:
        for _ in range(3):
            hostile.send_raw(rng.randbytes(size))
    for size in (4, 100, 1500, 65507):
        hostile.send_raw(b"\x00" * size)
        hostile.send_raw(b"\xff" * size)
        hostile.send_raw((b"\x40\x02" + b"\xdd" * size)[:65507])
    served()


def test_what_is_no_coap_is_answered_with_a_reset_or_not_at_all(coap):
    """RFC 7252, 4.2: and never with more than came."""
    peer = coap()
    for data in (b"", b"\x40", b"\x40\x01\x00", b"\x80\x01\x00\x01", b"\x49\x01\x00\x01" + b"t" * 9,
                 b"\x40\x01\x00\x02\xff", b"\x40\x01\x00\x03\xf0", b"\x40\x01\x00\x04\x0f",
                 b"\x42\x01\x00\x05t", b"\x40\x01\x00\x06\xbd", b"\x50\x00\x00\x07junk",
                 b"\x60\x00\x00\x08", b"\x70\x00\x00\x09", b"\x40\xe1\x00\x0a", b"\x40\x3f\x00\x0b"):
        peer.send_raw(data)
        try:
            answer = peer.receive(0.1)
        except TimeoutError:
            continue
        assert len(answer.build()) <= max(len(data), 4), (data, answer)
        assert answer.type == RST or answer.code >> 5 in (4, 5), (data, answer)


@pytest.mark.settings({"lwm2m.coap.ack_timeout": "100ms", "lwm2m.coap.ack_random_factor": 1,
                       "lwm2m.coap.max_retransmit": 0})
def test_mutated_responses_end_their_command_once(coap, mqtt, served):
    rng = random.Random(3)
    device = coap()
    device.register("odd")
    mqtt.expect("up/register")
    for _ in range(40):
        req_id = mqtt.command("odd", {"msgType": "read", "data": {"path": "/3/0"}})
        request = device.next_request()
        response = Message(ACK, 69, request.mid, request.token, [
            (CONTENT_FORMAT, rng.choice([TEXT, TLV, SENML_JSON])), (23, rng.choice([0, 8, 14, 15]))],
            b"\x86\x07\x41\x00\x01\x41\x01\x02").build()
        device.send_raw(mutated(rng, response))
        for _ in range(4):  # whatever it asks next
            drain(device)
        final = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id and
                            m.json["msgType"] != "ack", 5)
        assert final.json["msgType"] in ("read", "coap_timeout", "coap_reset", "dropped"), final
    served()
    finals = [m.json["reqID"] for m in mqtt.history if m.topic == "up/resp" and m.json["msgType"] != "ack"]
    assert len(finals) == len(set(finals))


def test_mutated_payloads_are_published_as_valid_json(coap, mqtt, served):
    rng = random.Random(4)
    device = coap()
    device.register("odd")
    mqtt.expect("up/register")
    bodies = [
        (TLV, b"\x08\x00\x0e\xc1\x09\x64\x86\x07\x41\x00\x01\x41\x05\x02\xc1\x0ex"),
        (SENML_JSON, b'[{"bn":"/3/0/","bt":1e9,"n":"0","vs":"A\\u00fc"},{"n":"9","v":95,"t":-5}]'),
        (SENML_CBOR, bytes.fromhex("83a3216 12f0065312f302f32021865a20065312f302f3604f5a20066332f302f"
                                   "31330200".replace(" ", ""))),
        (LWM2M_JSON, b'{"bn":"/3/0/","e":[{"n":"0","sv":"A"},{"n":"9","v":9.5e1},{"n":"6/0","v":1}]}'),
        (LWM2M_CBOR, bytes.fromhex("bf8303000918 5f830300006141ff".replace(" ", ""))),
        (60, b"\x1b\x00\x00\x00\x00\x00\x00\x00\x05"), (TEXT, b"12.5"), (LINK, b"</3/0>;pmin=10,</3/0/1>"),
        (1541, b"1"), (65535, b"?"),
    ]
    for i in range(400):
        number, body = rng.choice(bodies)
        path = rng.choice(["/3/0", "/3", "/3/0/9", "/3/0/7"])
        req_id = mqtt.command("odd", {"msgType": "read", "data": {"path": path}}, qos=0)
        device.respond(device.next_request(), payload=mutated(rng, body), content_format=number)
        message = mqtt.expect("up/resp", lambda m: m.json is None or m.json.get("reqID") == req_id)
        assert message.json and message.json["data"]["code"] == "2.05", (i, number, message)
        assert isinstance(message.json["data"]["content"], list)
    served()


def test_mutated_object_lists(coap, mqtt, served):
    rng = random.Random(5)
    links = b'</lwm2m>;rt="oma.lwm2m";ct="110 112";x=y,</lwm2m/1/0>,</lwm2m/3>;ver="1.1",</lwm2m/3/0>'
    device = coap()
    registered = 0
    for _ in range(300):
        response = device.request(POST, "/rd", queries=("ep=odd", "lt=60", "lwm2m=1.1"),
                                  payload=mutated(rng, links), content_format=LINK)
        assert response.code_text in ("2.01", "4.00"), response
        registered += response.code_text == "2.01"
    for _ in range(registered):
        assert isinstance(mqtt.expect("up/register").json["data"].get("objectList", []), list)
    served()


def test_long_and_many_parameters(coap, mqtt, served):
    device = coap()
    for queries in ([f"p{i}={'x' * 200}" for i in range(5)], [f"p{i}" for i in range(100)],
                    ["=", "=x", "&", "%00", "x" * 255], ["ep=two", "ep=three"], ["lt=1", "lt=2"],
                    ["lwm2m=1.0", "lwm2m=9"]):
        response = device.request(POST, "/rd", queries=["ep=odd", "lt=60", "lwm2m=1.1", *queries],
                                  payload=b"</3/0>", content_format=LINK)
        assert response.code >> 5 in (2, 4), queries
    served()


def test_a_flood_from_many_sources(coap, mqtt, served):
    """Registrations, pings and rubbish at once, while a good device is served."""
    stop = threading.Event()

    def flood(peer, number):
        rng = random.Random(number)
        while not stop.is_set():
            peer.send(Message(CON, 0, peer.next_mid()))
            peer.send_raw(mutated(rng, register_message(f"flood{number}", peer.next_mid())))
            peer.send(Message(CON, 69, peer.next_mid(), rng.randbytes(8), [(OBSERVE, 1)], b"5"))
            drain(peer)
            stop.wait(0.001)

    threads = [threading.Thread(target=flood, args=(coap(), i)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            served()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# --- from the broker's side


def hostile_commands():
    deep = 100000
    yield "deep arrays", b"[" * deep + b"]" * deep
    yield "deep objects", b'{"a":' * deep + b"1" + b"}" * deep
    yield "deep data", b'{"msgType":"read","data":' + b"[" * 5000 + b"]" * 5000 + b"}"
    yield "deep echo", b'{"msgType":"reed","x":' + b"[" * 500 + b"]" * 500 + b',"data":{}}'
    yield "invalid utf-8", b'{"msgType":"read","x":"\xff\xfe","data":{"path":"/3"}}'
    yield "overlong utf-8", b'{"msgType":"read","data":{"path":"\xc0\xaf3"}}'
    yield "surrogate", b'{"msgType":"read","x":"\xed\xa0\x80","data":{"path":"/3"}}'
    yield "lone escape", b'{"msgType":"\\ud800","data":{"path":"/3"}}'
    yield "nul escape", b'{"msgType":"read\\u0000","data":{"path":"/3\\u0000"}}'
    yield "nul byte", b'{"msgType":"read","data":{"path":"/3"}}\x00'
    yield "nul inside", b'{"msgType":"re\x00ad","data":{"path":"/3"}}'
    yield "trailing", b'{"msgType":"read","data":{"path":"/3"}} x'
    yield "two objects", b'{"msgType":"read","data":{"path":"/3"}}{}'
    yield "long path", b'{"msgType":"read","data":{"path":"' + b"/3" * 100000 + b'"}}'
    yield "long type", b'{"msgType":"' + b"x" * 100000 + b'","data":{}}'
    yield "control", b'{"msgType":"read","data":{"path":"/3\\n\\u0001"}}'
    yield "long query", b'{"msgType":"read","data":{"path":"/3?' + b"x" * 5000 + b'"}}'
    yield "query control", b'{"msgType":"read","data":{"path":"/3?a\\u0000b\\n"}}'
    yield "huge number", b'{"msgType":"read","data":{"path":"/3","accept":1e999}}'
    yield "negative", b'{"msgType":"read","data":{"path":"/3","accept":-1}}'
    yield "not a number", b'{"msgType":"read","data":{"path":"/3","accept":NaN}}'
    yield "long number", b'{"msgType":"write","data":{"path":"/1/0/1","value":' + b"9" * 100000 + b"}}"
    yield "many values", (b'{"msgType":"write","data":{"basePath":"/31024/0","content":[' + b",".join(
        b'{"path":"%d","value":1}' % i for i in range(5000)) + b"]}}")
    yield "values of nothing", b'{"msgType":"write","data":{"basePath":"/3/0","content":[null,{},[]]}}'
    yield "objects as values", b'{"msgType":"write","data":{"path":"/3/0/14","value":{"a":{"b":[]}}}}'
    yield "blank", b" " * 1000
    yield "bom", b'\xef\xbb\xbf{"msgType":"read","data":{"path":"/x"}}'
    yield "members twice", b'{"msgType":"read","msgType":"reed","data":{"path":"/x"},"data":7}'
    yield "comment", b'{"msgType":"read",/* x */"data":{"path":"/3"}}'
    yield "ttl", b'{"msgType":"read","mheaders":{"ttl":-1},"data":{"path":"/3"}}'
    yield "ttl of words", b'{"msgType":"read","mheaders":{"ttl":"soon"},"data":{"path":"/3"}}'
    yield "a megabyte", b'{"msgType":"reed","x":"' + b"y" * 1000000 + b'","data":{}}'


@pytest.mark.settings({"lwm2m.coap.ack_timeout": "100ms", "lwm2m.coap.ack_random_factor": 1,
                       "lwm2m.coap.max_retransmit": 0})
def test_hostile_commands_are_answered_once(coap, mqtt, served):
    device = coap()
    device.register("meter", "</3/0>")
    mqtt.expect("up/register")
    for name, payload in hostile_commands():
        mqtt.publish("dn/meter", payload)
        try:
            message = mqtt.expect("up/resp", timeout=5)
        except AssertionError:
            raise AssertionError(f"no answer: {name}") from None
        assert message.json, (name, message)
        assert message.json["ep"] == "meter", name
        if message.json["msgType"] not in ("coap_timeout", "dropped"):
            assert message.json["data"]["code"] == "4.00", (name, message)
            assert len(message.json["data"]["reason"]) < 500, name
        mqtt.expect_none("up/resp", seconds=0)
    served()


def test_echoed_members_cannot_break_the_answer(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>")
    for members in ('"a\\"b":1', '"\\\\":"\\\\"', '"x":{"}":"]"}', '"x":"\\u2028\\ud83d\\ude00"',
                    '"data2":{"data":{}}', '"":""', '"x" : 1 , "y"\t:\n[ 1 , 2 ]',
                    '"msgtype":1,"EP":2'):
        mqtt.publish("dn/meter", '{"msgType":"read",%s,"data":{"path":"/x"}}' % members)
        message = mqtt.expect("up/resp")
        assert message.json, message
        wanted = json.loads("{%s}" % members)
        assert {name: message.json[name] for name in wanted} == wanted
        assert message.json["ep"] == "meter"


def test_other_topics_than_those_of_commands(mqtt, served):
    for topic in ("dn/", "dn/a/b", "dn", "/dn/meter", "dn/%", "dn/%zz", "dn/%00", "up/resp/x"):
        mqtt.publish(topic, {"msgType": "read", "data": {"path": "/3"}})
    served()


@pytest.mark.parametrize("topic", ["a/#", "+", "$share/x/y", "x" * 60000])
def test_a_response_topic_that_cannot_be_published_to(broker, gateway, served, topic):
    """The answer comes on the usual topic or not at all; nobody else is hurt."""
    hostile = Mqtt(broker, topics=["nothing"])  # newer brokers hang up on some of these
    request_hostile(hostile, topic)
    served()
    hostile.close()
    gateway.stop(3)
    assert "broker-lost" not in gateway.process.text()


def request_hostile(mqtt, topic):
    if topic.startswith("x") or "#" not in topic and "+" not in topic:
        mqtt.publish("dn/nobody", {"msgType": "read", "data": {"path": "/3"}}, response_topic=topic)
    else:
        # the client library refuses wildcards: they are put into the packet behind its back
        properties = Properties(PacketTypes.PUBLISH)
        object.__setattr__(properties, "ResponseTopic", topic)
        mqtt.client.publish("dn/nobody", '{"msgType":"read","data":{"path":"/3"}}', 1, False, properties)


def test_a_storm_of_acknowledgements_and_resets(coap, mqtt, served):
    device = coap()
    for kind in (ACK, RST, NON):
        for mid in range(0, 65536, 131):
            device.send(Message(kind, 0 if kind != NON else 69, mid, b"" if kind != NON else b"12345678"))
    served()
    drain(device)
    assert device.ping()
