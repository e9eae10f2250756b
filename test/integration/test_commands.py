"""Commands: the request that a device gets, the answer that is published, what is refused."""

import base64
import json
import struct
import time

import pytest
from coap import (ACCEPT, ACK, CON, CONTENT_FORMAT, DELETE, GET, LINK, NON, OPAQUE, POST, PUT, RST,
                  SENML_JSON, TEXT, TLV, Message, code)

FAST = {"lwm2m.coap.ack_timeout": "100ms", "lwm2m.coap.ack_random_factor": 1,
        "lwm2m.coap.max_retransmit": 1, "lwm2m.response_timeout": "1s"}


def settle(mqtt):
    """Returns when the gateway has handled all commands that were published before."""
    mqtt.request("nobody", {"msgType": "read", "data": {"path": "/3"}})


def exchange(mqtt, device, endpoint, command, code_text="2.05", payload=b"", content_format=None,
             options=()):
    """A command, the request that the device gets, its response, and the answer."""
    req_id = mqtt.command(endpoint, command)
    request = device.next_request()
    device.respond(request, code_text, payload, content_format, options)
    return request, mqtt.answer(req_id)


# --- the walk-through, with a simulated device in the place of Wakaama


@pytest.fixture
def walker(gateway, mqtt, sim):
    device = sim("--endpoint", "testlwm2mclient", "--format", "tlv", "--test-object")
    mqtt.expect("up/register", lambda m: m.json["ep"] == "testlwm2mclient")
    return device


def test_the_walk_through(walker, mqtt):
    mqtt.publish("dn/testlwm2mclient", '{"msgType": "read", "data": {"path": "/3/0/3"}}')
    message = mqtt.expect("up/resp").json
    assert message["msgType"] == "read" and message["ep"] == "testlwm2mclient"
    assert message["data"] == {"reqPath": "/3/0/3", "code": "2.05", "codeMsg": "content",
                               "content": [{"path": "/3/0/3", "value": "1.0"}]}
    assert set(message) == {"msgType", "ep", "ts", "data"}


def test_read_at_every_level(walker, mqtt):
    def read(path):
        data = mqtt.request("testlwm2mclient", {"msgType": "read", "data": {"path": path}}).json["data"]
        assert data["code"] == "2.05", data
        return {item["path"]: item["value"] for item in data["content"]}

    assert read("/3/0/7/1") == {"/3/0/7/1": 5000}
    assert read("/3/0/7") == {"/3/0/7/0": 3800, "/3/0/7/1": 5000}
    instance = read("/3/0")
    assert instance["/3/0/0"] == "Open Mobile Alliance" and instance["/3/0/9"] == 100
    assert instance["/3/0/7/1"] == 5000 and len(instance) > 15
    both = read("/3303")
    assert both["/3303/0/5700"] == 20 and "/3303/1/5701" in both


def test_write_read_execute_create_delete(walker, mqtt):
    def ask(command):
        return mqtt.request("testlwm2mclient", command).json["data"]

    write = ask({"msgType": "write", "data": {"path": "/3/0/14", "value": "+02:00",
                                              "type": "String"}})
    assert write == {"reqPath": "/3/0/14", "code": "2.04", "codeMsg": "changed"}
    assert ask({"msgType": "read", "data": {"path": "/3/0/14"}})["content"] == [
        {"path": "/3/0/14", "value": "+02:00"}]

    batch = ask({"msgType": "write", "data": {"basePath": "/3/0", "content": [
        {"path": "/3/0/14", "type": "string", "value": "+03:00"}, {"path": "13", "value": 77}]}})
    assert batch == {"reqPath": "/3/0", "code": "2.04", "codeMsg": "changed"}
    assert ask({"msgType": "read", "data": {"path": "/3/0/13"}})["content"][0]["value"] == 77

    assert ask({"msgType": "execute", "data": {"path": "/3/0/12", "args": "0='a'"}}) == {
        "reqPath": "/3/0/12", "code": "2.04", "codeMsg": "changed"}
    walker.wait_line(r"""^execute /3/0/12 args="0='a'" """.strip())

    created = ask({"msgType": "create", "data": {"basePath": "/3303/9", "content": [
        {"path": "5750", "type": "String", "value": "outside"}]}})
    assert (created["code"], created["codeMsg"]) == ("2.01", "created")
    assert ask({"msgType": "read", "data": {"path": "/3303/9/5750"}})["content"] == [
        {"path": "/3303/9/5750", "value": "outside"}]
    assert ask({"msgType": "delete", "data": {"path": "/3303/9"}}) == {
        "reqPath": "/3303/9", "code": "2.02", "codeMsg": "deleted"}
    assert ask({"msgType": "read", "data": {"path": "/3303/9/5750"}})["code"] == "4.04"


def test_an_instance_that_the_device_numbers(walker, mqtt):
    created = mqtt.request("testlwm2mclient", {"msgType": "create", "data": {
        "basePath": "/3303", "content": [{"path": "5750", "value": "roof"}]}}).json["data"]
    assert created["code"] == "2.01" and created["reqPath"] == "/3303"
    location = created["location"]
    read = mqtt.request("testlwm2mclient", {"msgType": "read", "data": {"path": location + "/5750"}})
    assert read.json["data"]["content"][0]["value"] == "roof"


def test_discover_and_attributes(walker, mqtt):
    def ask(command):
        return mqtt.request("testlwm2mclient", command).json["data"]

    assert ask({"msgType": "write-attr", "data": {"path": "/3/0/9", "pmin": 10, "pmax": 60, "gt": 50.5,
                                                  "of": "no interest"}})["code"] == "2.04"
    walker.wait_line(r"^request PUT /3/0/9\?pmin=10&pmax=60&gt=50\.5 -> 2\.04")
    links = ask({"msgType": "discover", "data": {"path": "/3/0"}})
    assert links["code"] == "2.05" and links["reqPath"] == "/3/0"
    assert all(isinstance(link, str) for link in links["content"])
    assert "</3/0/7>;dim=2" in links["content"]
    assert next(l for l in links["content"] if l.startswith("</3/0/9>")) in (
        "</3/0/9>;pmin=10;pmax=60;gt=50.5",)
    assert ask({"msgType": "write-attr", "data": {"path": "/3/0/9", "gt": None}})["code"] == "2.04"
    links = ask({"msgType": "discover", "data": {"path": "/3/0/9"}})["content"]
    assert links == ["</3/0/9>;pmin=10;pmax=60"]


# --- what comes back


def test_all_other_members_come_back_as_they_were(coap, mqtt):
    device = coap()
    device.register("meter")
    others = {"reqID": 1, "cacheID": "c1", "requestID": None, "imei": 12345678901234567890,
              "nested": {"a": [1, 2.50, {"b": None}], "ü": "\u2603\"\\"}, "encoding": "hex",
              "mheaders": {"ttl": 60, "x": "y"}, "": False, "big": 1e300}
    request, answer = exchange(mqtt, device, "meter", {
        "msgType": "read", **others, "data": {"path": "/3/0/0"}}, payload=b"ok", content_format=TEXT)
    assert {name: answer[name] for name in others} == others
    assert set(answer) == set(others) | {"msgType", "ep", "ts", "data"}


def test_members_of_the_gateway_cannot_be_forged(coap, mqtt):
    device = coap()
    device.register("meter")
    _, answer = exchange(mqtt, device, "meter", {
        "msgType": "read", "ep": "other", "ts": 1, "seqNum": 9, "data": {"path": "/3/0/0"}},
        payload=b"ok", content_format=TEXT)
    assert answer["ep"] == "meter" and answer["ts"] > 1000000


@pytest.mark.parametrize("path, uri, queries", [
    ("3/0/0", "/3/0/0", []), ("/3/0/", "/3/0", []), ("/3/0/0?x=1&y", "/3/0/0", ["x=1", "y"]),
    ("3303", "/3303", []), ("/3/0/7/1", "/3/0/7/1", [])])
def test_paths_are_taken_and_come_back_as_written(coap, mqtt, path, uri, queries):
    device = coap()
    device.register("meter", "</3/0>,</3303/0>")
    request, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": path}},
                               "4.04")
    assert (request.code, request.path, request.queries) == (GET, uri, queries)
    assert answer["data"]["reqPath"] == path.partition("?")[0]


def test_the_alternate_path_stands_before_every_path(coap, mqtt):
    device = coap()
    device.register("meter", '</lwm2m/x>;rt="oma.lwm2m",</lwm2m/x/3/0>')
    request, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": "/3/0/0"}},
                               payload=b"ok", content_format=TEXT)
    assert request.path == "/lwm2m/x/3/0/0"
    assert answer["data"]["content"] == [{"path": "/3/0/0", "value": "ok"}]


def test_codes_and_diagnostic_payloads(coap, mqtt):
    names = {"2.01": "created", "2.02": "deleted", "2.03": "valid", "2.04": "changed",
             "2.05": "content", "4.00": "bad_request", "4.01": "unauthorized", "4.02": "bad_option",
             "4.03": "forbidden", "4.04": "not_found", "4.05": "method_not_allowed",
             "4.06": "not_acceptable", "4.08": "request_entity_incomplete", "4.09": "conflict",
             "4.12": "precondition_failed", "4.13": "request_entity_too_large",
             "4.15": "unsupported_content_format", "4.22": "unprocessable_entity",
             "4.29": "too_many_requests", "5.00": "internal_server_error",
             "5.01": "not_implemented", "5.02": "bad_gateway", "5.03": "service_unavailable",
             "5.04": "gateway_timeout", "5.05": "proxying_not_supported"}
    device = coap()
    device.register("meter", version="1.0")
    for number, name in names.items():
        text = b"because \xc3\xbc" if number[0] != "2" else b""
        _, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": "/3/0/0"}},
                             number, text)
        data = answer["data"]
        assert (data["code"], data["codeMsg"]) == (number, name)
        assert data.get("reason") == ("because ü" if text else None), number


def test_an_empty_read_is_content_without_items(coap, mqtt):
    device = coap()
    device.register("meter", "</3303>")
    for payload, number in ((b"", TLV), (b"[]", SENML_JSON)):
        _, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": "/3303"}},
                             payload=payload, content_format=number)
        assert answer["data"]["code"] == "2.05" and answer["data"]["content"] == []


def test_a_separate_response_is_announced(coap, mqtt):
    device = coap()
    device.register("meter")
    data = {"path": "/3/0/0", "note": [1]}
    req_id = mqtt.command("meter", {"msgType": "read", "cacheID": 5, "data": data})
    request = device.next_request()
    device.send(Message(ACK, 0, request.mid))
    ack = mqtt.answer(req_id)
    assert (ack["msgType"], ack["data"], ack["cacheID"]) == ("ack", data, 5)
    mid = device.next_mid()
    for _ in range(2):  # the device did not get the first ACK
        device.send(Message(CON, code("2.05"), mid, request.token, [(CONTENT_FORMAT, TEXT)], b"late"))
        empty = device.receive()
        assert (empty.type, empty.code, empty.mid) == (ACK, 0, mid)
    final = mqtt.answer(req_id)
    assert final["msgType"] == "read" and final["data"]["content"][0]["value"] == "late"
    mqtt.expect_none("up/resp", seconds=0.2)


def test_a_simulated_device_that_answers_separately(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--separate")
    mqtt.expect("up/register")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert mqtt.answer(req_id)["msgType"] == "ack"
    assert mqtt.answer(req_id)["data"]["content"][0]["value"] == "Open Mobile Alliance"


@pytest.mark.settings(FAST)
def test_a_separate_response_whose_acknowledgement_was_lost(coap, mqtt):
    device = coap()
    device.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    device.send(Message(NON, code("2.05"), device.next_mid(), request.token,
                        [(CONTENT_FORMAT, TEXT)], b"direct"))
    assert mqtt.answer(req_id)["data"]["content"][0]["value"] == "direct"
    device.expect_silence(0.4)


@pytest.mark.settings(FAST)
def test_no_answer(coap, mqtt):
    device = coap()
    device.register("meter")
    data = {"path": "/3/0/0", "note": {"x": None}}
    req_id = mqtt.command("meter", {"msgType": "read", "requestID": "r", "data": data})
    first, second = device.receive(), device.receive()
    assert first.build() == second.build() and first.type == CON
    message = mqtt.answer(req_id)
    assert (message["msgType"], message["data"], message["requestID"]) == ("coap_timeout", data, "r")
    # and the next command is sent
    _, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": "/3/0/0"}}, "4.04")
    assert answer["data"]["code"] == "4.04"


@pytest.mark.settings(FAST)
def test_an_acknowledged_request_that_is_never_answered(coap, mqtt):
    device = coap()
    device.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    device.send(Message(ACK, 0, request.mid))
    assert mqtt.answer(req_id)["msgType"] == "ack"
    device.expect_silence(0.4)
    assert mqtt.answer(req_id)["msgType"] == "coap_timeout"


def test_a_reset(coap, mqtt):
    device = coap()
    device.register("meter")
    data = {"path": "/3/0/4"}
    req_id = mqtt.command("meter", {"msgType": "execute", "data": data})
    device.send(Message(RST, 0, device.next_request().mid))
    message = mqtt.answer(req_id)
    assert (message["msgType"], message["data"]) == ("coap_reset", data)


@pytest.mark.settings(FAST)
def test_a_lost_response_is_asked_for_again_and_published_once(coap, mqtt):
    device = coap()
    device.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    first = device.receive()
    again = device.receive()
    assert again.mid == first.mid and again.token == first.token
    for _ in range(3):  # the late first answer, and more
        device.respond(again, payload=b"once", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["content"][0]["value"] == "once"
    mqtt.expect_none("up/#", lambda m: m.json.get("reqID") == req_id, 0.3)


def test_one_request_at_a_time_in_order(coap, mqtt):
    device = coap()
    device.register("meter")
    ids = [mqtt.command("meter", {"msgType": "read", "data": {"path": f"/3/0/{i}"}}) for i in range(3)]
    for i in range(3):
        request = device.next_request()
        assert request.path == f"/3/0/{i}"
        device.expect_silence(0.1)
        device.respond(request, payload=b"%d" % i, content_format=TEXT)
    answers = [mqtt.expect("up/resp").json for _ in ids]
    assert [answer["reqID"] for answer in answers] == ids
    assert [answer["data"]["content"][0]["value"] for answer in answers] == ["0", "1", "2"]


def test_answers_match_by_token(coap, mqtt):
    """Wrong tokens and message ids are not taken for the answer."""
    device, other = coap(), coap()
    device.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    stranger = device.send(Message(CON, code("2.05"), device.next_mid(), b"unknown!",
                                   [(CONTENT_FORMAT, TEXT)], b"wrong"))
    assert device.reply_to(stranger).type == RST
    device.send(Message(ACK, code("2.05"), request.mid ^ 1, b"unknown!", [], b"wrong"))
    other.send(Message(RST, 0, request.mid))
    other.send(Message(ACK, 0, request.mid))
    mqtt.expect_none("up/resp", seconds=0.2)
    device.respond(request, payload=b"right", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["content"][0]["value"] == "right"


# --- requests as the device sees them


def test_discover_accepts_link_format(coap, mqtt):
    device = coap()
    device.register("meter")
    request, answer = exchange(
        mqtt, device, "meter", {"msgType": "discover", "data": {"path": "/3"}},
        payload=b'</3>;ver=1.1,</3/0>;pmin=10,</3/0/7>;dim=8;title="a,b"', content_format=LINK)
    assert (request.code, request.path, request.get_uint(ACCEPT)) == (GET, "/3", LINK)
    assert answer["data"]["content"] == ["</3>;ver=1.1", "</3/0>;pmin=10",
                                         '</3/0/7>;dim=8;title="a,b"']


@pytest.mark.parametrize("accept, number", [(TEXT, 0), (110, 110), ("senml-json", 110), ("tlv", 11542),
                                            ("11542", 11542), (60, 60)])
def test_accept_may_be_asked_for(coap, mqtt, accept, number):
    device = coap()
    device.register("meter")
    request, answer = exchange(mqtt, device, "meter", {"msgType": "read", "data": {
        "path": "/3/0/0", "accept": accept}}, "4.06")
    assert request.get_uint(ACCEPT) == number
    assert answer["data"]["code"] == "4.06"


def test_write_requests(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>,</3303/0>", version="1.0")
    double = struct.pack(">d", 1.5)
    cases = [
        ({"path": "/3/0/14", "value": "x"}, PUT, "/3/0/14", b"\xc1\x0ex"),
        ({"path": "/1/0/1", "value": "300"}, PUT, "/1/0/1", b"\xc2\x01\x01\x2c"),
        ({"path": "/1/0/1", "value": 200}, PUT, "/1/0/1", b"\xc2\x01\x00\xc8"),
        ({"path": "/1/0/6", "value": "true", "type": "boolean"}, PUT, "/1/0/6", b"\xc1\x06\x01"),
        ({"path": "/31024/0/1", "value": 1.5, "type": "Float"}, PUT, "/31024/0/1",
         b"\xc8\x01\x08" + double),
        ({"path": "/31024/0/1", "value": "3:1", "type": "OBJLNK"}, PUT, "/31024/0/1",
         b"\xc4\x01\x00\x03\x00\x01"),
        ({"path": "/31024/0/1", "value": "AQI=", "type": "Opaque"}, PUT, "/31024/0/1",
         b"\xc2\x01\x01\x02"),
        ({"path": "/31024/0/1", "value": 200, "type": "Unsigned Integer"}, PUT, "/31024/0/1",
         b"\xc1\x01\xc8"),
        ({"path": "/31024/0/1", "value": 1700000000, "type": "Time"}, PUT, "/31024/0/1",
         b"\xc4\x01" + (1700000000).to_bytes(4, "big")),
        ({"basePath": "/3/0", "content": [{"path": "14", "value": "x"}]}, POST, "/3/0",
         b"\xc1\x0ex"),
        ({"basePath": "/3/0", "mode": "replace", "content": [{"path": "/3/0/14", "value": "x"}]}, PUT,
         "/3/0", b"\xc1\x0ex"),
        ({"basePath": "/3/0/14", "content": [{"path": "/3/0/14", "value": "x"}]}, PUT, "/3/0/14",
         b"\xc1\x0ex"),
        ({"basePath": "/3/0", "content": [{"path": "14", "value": "first"},
                                          {"path": "/3/0/14", "value": "x"}]}, POST, "/3/0",
         b"\xc1\x0ex"),
        ({"basePath": "/31024/0/5", "content": [
            {"path": "0", "value": 1, "type": "Integer"},
            {"path": "/31024/0/5/9", "value": 2, "type": "Integer"}]}, PUT, "/31024/0/5",
         b"\x86\x05\x41\x00\x01\x41\x09\x02"),
    ]
    for data, method, path, payload in cases:
        request, answer = exchange(mqtt, device, "meter", {"msgType": "write", "data": data}, "2.04")
        assert (request.code, request.path) == (method, path), data
        assert request.get_uint(CONTENT_FORMAT) == TLV and not request.queries, data
        assert request.payload == payload, data
        assert answer["data"]["code"] == "2.04", data
        assert answer["data"]["reqPath"] == data.get("path", data.get("basePath"))


def test_hex_values(coap, mqtt):
    device = coap()
    device.register("meter", version="1.0")
    for value, kind, payload in (("00ffAB", "Opaque", b"\xc3\x01\x00\xff\xab"),
                                 ("6869", "String", b"\xc2\x01hi"), ("12", "Integer", b"\xc1\x01\x0c")):
        request, answer = exchange(mqtt, device, "meter", {
            "msgType": "write", "encoding": "hex",
            "data": {"path": "/31024/0/1", "value": value, "type": kind}}, "2.04")
        assert request.payload == payload
        assert answer["encoding"] == "hex"


def test_a_resource_instance_is_a_partial_update(coap, mqtt):
    device = coap()
    device.register("meter", "</31024/0>", version="1.1")
    request, answer = exchange(mqtt, device, "meter", {"msgType": "write", "data": {
        "path": "/31024/0/5/3", "value": 7, "type": "Integer", "format": "senml-json"}}, "2.04")
    assert (request.code, request.path) == (POST, "/31024/0/5")
    record, = json.loads(request.payload)
    assert record.get("bn", "") + record.get("n", "") == "/31024/0/5/3" and record["v"] == 7
    assert answer["data"]["reqPath"] == "/31024/0/5/3"


@pytest.mark.parametrize("data, queries", [
    ({"pmin": 1, "pmax": 10}, ["pmin=1", "pmax=10"]),
    ({"pmin": "1", "lt": -3.5, "gt": 7, "st": "0.5"}, ["pmin=1", "gt=7", "lt=-3.5", "st=0.5"]),
    ({"epmin": 2, "epmax": 3, "edge": 1, "con": True, "hqmax": 5},
     ["epmin=2", "epmax=3", "edge=1", "con=1", "hqmax=5"]),
    ({"pmax": None, "other": {"x": 1}}, ["pmax"]),
])
def test_attributes_are_a_query_and_no_payload(coap, mqtt, data, queries):
    device = coap()
    device.register("meter")
    request, _ = exchange(mqtt, device, "meter", {"msgType": "write-attr", "data": {
        "path": "/3/0/9", **data}}, "2.04")
    assert (request.code, request.path, request.payload) == (PUT, "/3/0/9", b"")
    assert sorted(request.queries) == sorted(queries)
    assert request.get(CONTENT_FORMAT) is None


def test_execute_requests(coap, mqtt):
    device = coap()
    device.register("meter")
    for data in ({}, {"args": ""}, {"args": None}, {"args": "undefined"}):
        request, answer = exchange(mqtt, device, "meter", {"msgType": "execute", "data": {
            "path": "/3/0/4", **data}}, "2.04")
        assert (request.code, request.path, request.payload) == (POST, "/3/0/4", b""), data
        assert request.get(CONTENT_FORMAT) is None, data
        assert answer["data"]["code"] == "2.04"
    arguments = "2='10.3',7,0='https://www.omaspecworks.org'"
    request, _ = exchange(mqtt, device, "meter", {"msgType": "execute", "data": {
        "path": "/3/0/4", "args": arguments}}, "2.04")
    assert request.payload.decode() == arguments and request.get_uint(CONTENT_FORMAT, -1) == TEXT


def test_create_and_delete_requests(coap, mqtt):
    device = coap()
    device.register("meter", "</3303>,</31024>", version="1.0")
    content = [{"path": "5750", "type": "String", "value": "x"}]
    cases = [("/3303", content, b"\xe1\x16\x76x"), ("/3303/4", content, b"\x04\x04\xe1\x16\x76x"),
             ("/3303/4", [], b"\x00\x04")]
    for base, values, payload in cases:
        request, answer = exchange(mqtt, device, "meter", {"msgType": "create", "data": {
            "basePath": base, "content": values}}, "2.01")
        assert (request.code, request.path) == (POST, "/3303"), base
        assert request.get_uint(CONTENT_FORMAT) == TLV
        assert request.payload == payload, base
        assert answer["data"]["reqPath"] == base and answer["data"]["code"] == "2.01"
    for path in ("/3303/4", "/31024/0/5/1"):
        request, _ = exchange(mqtt, device, "meter", {"msgType": "delete", "data": {"path": path}},
                              "2.02")
        assert (request.code, request.path, request.payload) == (DELETE, path, b"")


# --- the content format of a request's body


def writes(mqtt, device, endpoint, answers, data=None):
    """Sends a write; answers the requests with these codes; the formats that were tried."""
    data = data or {"path": "/31024/0/1", "value": "x", "type": "String"}
    req_id = mqtt.command(endpoint, {"msgType": "write", "data": data})
    tried = []
    for code_text in answers:
        request = device.next_request()
        tried.append(request.get_uint(CONTENT_FORMAT))
        device.respond(request, code_text)
    return tried, mqtt.answer(req_id)["data"]["code"]


def test_the_first_format_that_the_device_announced(coap, mqtt):
    for ct, version, number in (('"110 112"', "1.1", 110), ("110", "1.2", 110), ('"11542 110"', "1.1",
                                TLV), (None, "1.1", TLV), (None, "1.0", TLV)):
        device = coap()
        device.register("meter", ("</>;rt=oma.lwm2m;ct=%s,</3/0>" % ct) if ct else "</3/0>",
                        version=version)
        assert writes(mqtt, device, "meter", ["2.04"]) == ([number], "2.04"), (ct, version)


def test_another_format_is_tried_once_and_remembered(coap, mqtt):
    device = coap()
    location = device.register("meter", "</3/0>", version="1.1")
    tried, final = writes(mqtt, device, "meter", ["4.15", "2.04"])
    assert tried[0] == TLV and tried[1] != TLV and final == "2.04"
    assert writes(mqtt, device, "meter", ["2.04"]) == ([tried[1]], "2.04")
    device.request(POST, location)
    assert writes(mqtt, device, "meter", ["2.04"]) == ([tried[1]], "2.04")


def test_two_refusals_are_final(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>", version="1.1")
    tried, final = writes(mqtt, device, "meter", ["4.15", "4.15"])
    assert len(set(tried)) == 2 and final == "4.15"
    device.expect_silence(0.1)


@pytest.mark.parametrize("name, number", [("tlv", TLV), ("senml-json", 110), ("text", TEXT),
                                          ("json", 11543), (110, 110)])
def test_a_forced_format_is_the_only_one(coap, mqtt, name, number):
    device = coap()
    device.register("meter", "</3/0>", version="1.1")
    assert writes(mqtt, device, "meter", ["4.15"], {
        "path": "/31024/0/1", "value": "x", "type": "String", "format": name}) == ([number], "4.15")
    device.expect_silence(0.1)


def test_opaque_in_its_own_format(coap, mqtt):
    device = coap()
    device.register("meter", "</3/0>", version="1.1")
    body = bytes(range(256))
    req_id = mqtt.command("meter", {"msgType": "write", "data": {
        "path": "/31024/0/1", "value": base64.b64encode(body).decode(), "type": "Opaque",
        "format": "opaque"}})
    request = device.next_request()
    assert (request.get_uint(CONTENT_FORMAT), request.payload) == (OPAQUE, body)
    device.respond(request, "2.04")
    mqtt.answer(req_id)


def test_a_refused_accept_is_left_out_next_time(coap, mqtt):
    device = coap()
    device.register("meter", '</>;rt="oma.lwm2m";ct="110",</3/0>')
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    assert request.get_uint(ACCEPT) == 110
    device.respond(request, "4.06")
    request = device.next_request()
    assert request.get(ACCEPT) is None
    device.respond(request, payload=b"ok", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["content"][0]["value"] == "ok"
    request, _ = exchange(mqtt, device, "meter", {"msgType": "read", "data": {"path": "/3/0/0"}}, "4.04")
    assert request.get(ACCEPT) is None


# --- composite operations


def composite(mqtt, endpoint, kind, data, **members):
    return mqtt.request(endpoint, {"msgType": kind, "data": data, **members}).json


@pytest.mark.parametrize("fmt", ["senml-json", "senml-cbor"])
def test_composite_operations(gateway, mqtt, sim, fmt):
    device = sim("--endpoint", "meter", "--version", "1.2", "--format", fmt, "--notify-interval", "0.2",
                 "--test-object")
    mqtt.expect("up/register")
    read = composite(mqtt, "meter", "read-composite", {"paths": ["/3/0/0", "/1/0/1", "/9999/0/1"]})
    assert read["msgType"] == "read-composite" and read["data"]["code"] == "2.05", read
    assert {item["path"]: item["value"] for item in read["data"]["content"]} == {
        "/3/0/0": "Open Mobile Alliance", "/1/0/1": 300}
    write = composite(mqtt, "meter", "write-composite", {"content": [
        {"path": "/3442/0/110", "value": "both"}, {"path": "/3/0/15", "value": "Europe/Rome"}]})
    assert write["data"]["code"] == "2.04", write
    read = composite(mqtt, "meter", "read-composite", {"paths": ["/3442/0/110", "/3/0/15"]})
    assert {item["value"] for item in read["data"]["content"]} == {"both", "Europe/Rome"}

    observed = composite(mqtt, "meter", "observe-composite", {"paths": ["/3303/0/5700", "/3/0/13"]},
                         imei="7")
    assert observed["data"]["code"] == "2.05", observed
    notification = mqtt.expect("up/notify").json
    assert notification["msgType"] == "notify" and notification["imei"] == "7"
    assert "/3303/0/5700" in {item["path"] for item in notification["data"]["content"]}
    cancelled = composite(mqtt, "meter", "cancel-observe-composite",
                          {"paths": ["/3303/0/5700", "/3/0/13"]})
    assert cancelled["data"]["code"] == "2.05", cancelled
    device.wait_line("^cancel-observe")
    mqtt.clear()
    mqtt.expect_none("up/notify", seconds=0.5)


@pytest.mark.parametrize("data", [{}, {"paths": []}, {"paths": "/3/0"}, {"paths": ["/3/0", 7]},
                                  {"paths": ["/x"]}])
def test_malformed_composite_commands(coap, mqtt, data):
    device = coap()
    device.register("meter")
    answer = composite(mqtt, "meter", "read-composite", data)
    assert answer["data"]["code"] == "4.00" and "paths" in answer["data"]["reason"]
    device.expect_silence(0.1)


# --- what is refused at once


def test_malformed_commands_are_answered_with_the_member_at_fault(coap, mqtt):
    device = coap()
    device.register("meter")
    cases = [
        ("msgType", {"data": {"path": "/3"}}),
        ("msgType", {"msgType": 7, "data": {"path": "/3"}}),
        ("reed", {"msgType": "reed", "data": {"path": "/3"}}),
        ("data", {"msgType": "read"}),
        ("data", {"msgType": "read", "data": "/3"}),
        ("path", {"msgType": "read", "data": {}}),
        ("path", {"msgType": "read", "data": {"path": 3}}),
        ("path", {"msgType": "read", "data": {"path": "/a"}}),
        ("path", {"msgType": "read", "data": {"path": "/"}}),
        ("path", {"msgType": "read", "data": {"path": "/3/0/0/0/0"}}),
        ("path", {"msgType": "read", "data": {"path": "/65536"}}),
        ("path", {"msgType": "read", "data": {"path": "/3//0"}}),
        ("path", {"msgType": "read", "data": {"path": "/-3"}}),
        ("accept", {"msgType": "read", "data": {"path": "/3/0", "accept": "nonsense"}}),
        ("path", {"msgType": "discover", "data": {"path": "/3/0/7/1"}}),
        ("path", {"msgType": "execute", "data": {"path": "/3/0"}}),
        ("args", {"msgType": "execute", "data": {"path": "/3/0/4", "args": {"0": 1}}}),
        ("value", {"msgType": "write", "data": {"path": "/3/0/14"}}),
        ("path", {"msgType": "write", "data": {"path": "/3", "value": 1}}),
        ("value", {"msgType": "write", "data": {"path": "/1/0/1", "value": "many"}}),
        ("value", {"msgType": "write", "data": {"path": "/1/0/1", "value": 1.5}}),
        ("value", {"msgType": "write", "data": {"path": "/1/0/1", "value": 2 ** 63, "type": "Integer"}}),
        ("value", {"msgType": "write", "data": {"path": "/1/0/1", "value": -1,
                                                "type": "Unsigned Integer"}}),
        ("value", {"msgType": "write", "data": {"path": "/3/0/14", "value": {"a": 1}}}),
        ("type", {"msgType": "write", "data": {"path": "/3/0/14", "value": "x", "type": "Text"}}),
        ("value", {"msgType": "write", "data": {"path": "/5/0/0", "value": "*", "type": "Opaque"}}),
        ("value", {"msgType": "write", "encoding": "hex",
                   "data": {"path": "/5/0/0", "value": "abc", "type": "Opaque"}}),
        ("content", {"msgType": "write", "data": {"basePath": "/3/0"}}),
        ("content", {"msgType": "write", "data": {"basePath": "/3/0", "content": []}}),
        ("content", {"msgType": "write", "data": {"basePath": "/3/0", "content": {"a": 1}}}),
        ("content[0]", {"msgType": "write", "data": {"basePath": "/3/0", "content": ["x"]}}),
        ("content[1]", {"msgType": "write", "data": {"basePath": "/3/0", "content": [
            {"path": "14", "value": "x"}, {"path": "14"}]}}),
        ("content[0]", {"msgType": "write", "data": {"basePath": "/3/0", "content": [
            {"path": "/4/0/1", "value": 1}]}}),
        ("mode", {"msgType": "write", "data": {"basePath": "/3/0", "mode": "add", "content": [
            {"path": "14", "value": "x"}]}}),
        ("basePath", {"msgType": "create", "data": {"content": []}}),
        ("basePath", {"msgType": "create", "data": {"basePath": "/3303/0/1", "content": []}}),
        ("path", {"msgType": "delete", "data": {"path": "/3"}}),
        ("pmin", {"msgType": "write-attr", "data": {"path": "/3/0/9", "pmin": "often"}}),
        ("pmin", {"msgType": "write-attr", "data": {"path": "/3/0/9"}}),
        ("format", {"msgType": "write", "data": {"path": "/3/0/14", "value": "x", "format": "xml"}}),
    ]
    for member, command in cases:
        answer = mqtt.request("meter", {**command, "cacheID": "c"}).json
        data = answer["data"]
        assert (data["code"], data["codeMsg"]) == ("4.00", "bad_request"), (command, data)
        assert member in data["reason"], (command, data)
        assert answer["cacheID"] == "c"
        wanted = command.get("msgType")
        assert answer["msgType"] == (wanted if isinstance(wanted, str) else "error"), command
    device.expect_silence(0.1)


@pytest.mark.parametrize("payload", ["", "nonsense", '"text"', "[1]", "7", "null", '{"msgType":"read"',
                                     "{'msgType':'read'}"])
def test_what_is_no_json_object(coap, mqtt, payload):
    device = coap()
    device.register("meter")
    mqtt.publish("dn/meter", payload)
    answer = mqtt.expect("up/resp").json
    assert (answer["msgType"], answer["ep"]) == ("error", "meter")
    assert answer["data"]["code"] == "4.00" and answer["data"]["reason"]


def test_an_endpoint_that_is_not_registered(gateway, mqtt):
    answer = mqtt.request("nobody", {"msgType": "read", "cacheID": 1, "data": {"path": "/3/0/0"}}).json
    assert (answer["ep"], answer["msgType"], answer["cacheID"]) == ("nobody", "read", 1)
    assert answer["data"]["code"] == "4.04" and answer["data"]["codeMsg"] == "not_found"
    assert answer["data"]["reqPath"] == "/3/0/0" and answer["data"]["reason"]


@pytest.mark.parametrize("command", [
    {"msgType": "read", "data": {"path": "/3/0/4"}},
    {"msgType": "observe", "data": {"path": "/3/0/4"}},
    {"msgType": "write", "data": {"path": "/3/0/0", "value": "x"}},
    {"msgType": "execute", "data": {"path": "/3/0/0"}},
], ids=["read", "observe", "write", "execute"])
def test_what_the_definition_forbids(coap, mqtt, command):
    device = coap()
    device.register("meter")
    data = mqtt.request("meter", command).json["data"]
    assert (data["code"], data["codeMsg"]) == ("4.05", "method_not_allowed")
    assert data["reqPath"] == command["data"]["path"] and data["reason"]
    device.expect_silence(0.1)


# --- the time it takes


def test_an_answer_does_not_wait_for_the_kernel(coap, mqtt):
    device = coap()
    device.register("meter")
    times = []
    for _ in range(15):
        req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}}, qos=1)
        request = device.next_request()
        started = time.monotonic()
        device.respond(request, payload=b"x", content_format=TEXT)
        mqtt.answer(req_id)
        times.append(time.monotonic() - started)
    assert sorted(times)[len(times) // 2] < 0.02, times


# --- every command ends once


def test_a_device_that_leaves(coap, mqtt):
    device = coap()
    location = device.register("meter")
    ids = [mqtt.command("meter", {"msgType": "read", "data": {"path": f"/3/0/{i}"}}) for i in range(3)]
    device.next_request()
    settle(mqtt)
    device.request(DELETE, location)
    for i, req_id in enumerate(ids):
        message = mqtt.answer(req_id)
        assert message["msgType"] == "dropped" and message["data"]["reason"]
        assert message["data"]["path"] == f"/3/0/{i}"
    mqtt.expect_none("up/resp", seconds=0.2)


@pytest.mark.settings({"lwm2m.queue_length": 2})
def test_a_full_queue(coap, mqtt):
    device = coap()
    device.register("meter")
    ids = [mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}}) for _ in range(4)]
    dropped = [mqtt.expect("up/resp").json for _ in range(2)]
    assert [message["reqID"] for message in dropped] == ids[2:]
    for message in dropped:
        assert message["msgType"] == "dropped" and "full" in message["data"]["reason"]
    for req_id in ids[:2]:
        device.respond(device.next_request(), "4.04")
        assert mqtt.answer(req_id)["data"]["code"] == "4.04"


def test_hundreds_of_commands_to_many_devices_end_once_each(gateway, mqtt, sim):
    sim("--endpoint", "fleet", "--count", "20")
    for _ in range(20):
        mqtt.expect("up/register")
    ids = [mqtt.command(f"fleet-{i % 20 + 1:04}", {"msgType": "read", "data": {"path": "/3/0/9"}})
           for i in range(300)]
    answers = [mqtt.expect("up/resp").json for _ in ids]
    assert sorted(answer["reqID"] for answer in answers) == ids
    assert {answer["data"]["code"] for answer in answers} == {"2.05"}
    mqtt.expect_none("up/resp", seconds=0.2)
