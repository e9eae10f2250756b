"""Values through every content format: what a device says is what is published, and the other way."""

import base64
import json
import math
import struct
import time

import cbor2
import pytest
from coap import ACCEPT, CONTENT_FORMAT, LWM2M_CBOR, LWM2M_JSON, OPAQUE, SENML_CBOR, SENML_JSON, TEXT, TLV

# /3442/0 of lwm2m-sim: a resource of each type, with values at the edges
SINGLE = {
    110: "initial value", 120: 1024, 125: 18446744073709551615, 130: 3.14159, 140: True,
    150: "ASNFZ4mrze8=", 160: 946684800, 170: "3:0", 180: "</3442>"}
MULTIPLE = {
    "1110/0": "initial value 0", "1110/3": 'second, with "quotes" and a line\nbreak',
    "1120/0": -9223372036854775808, "1120/1": -129, "1120/2": 9007199254740993,
    "1125/0": 200, "1125/1": 4294967296, "1130/0": -0.1, "1130/1": 1e300,
    "1140/0": True, "1140/1": False, "1150/0": "/+8=", "1150/1": "",
    "1160/0": -1, "1160/1": 4102444800, "1170/0": "3:0", "1170/7": "65535:65535",
    "1180/0": "</3/0>;dim=8"}
NEW = {
    110: "ünïcode ☃ \"\\\n", 120: -9007199254740993, 125: 2 ** 64 - 1, 130: -2.5e-10, 140: False,
    150: base64.b64encode(bytes(range(256))).decode(), 160: 4102444800, 170: "65535:65535",
    180: "</3/0>;dim=8"}

FORMATS = [("1.0", "tlv"), ("1.0", "json"), ("1.1", "senml-json"), ("1.1", "senml-cbor"),
           ("1.2", "lwm2m-cbor"), ("1.1", "tlv")]


def ask(mqtt, endpoint, command):
    return mqtt.request(endpoint, command).json["data"]


def items(data):
    assert data["code"] == "2.05", data
    return {item["path"]: item["value"] for item in data["content"]}


@pytest.fixture(params=FORMATS, ids=lambda row: "-".join(row))
def typed(request, gateway, mqtt, sim):
    """A simulated device that speaks one format, and nothing else if it can."""
    version, name = request.param
    options = ["--version", version, "--format", name, "--test-object"]
    sim("--endpoint", "meter", *options, "--formats", f"{name},text,opaque" if name != "tlv" else name)
    mqtt.expect("up/register")
    return name


def test_every_type_can_be_read(typed, mqtt):
    read = items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": "/3442/0"}}))
    wanted = {f"/3442/0/{i}": value for i, value in SINGLE.items()}
    wanted.update({f"/3442/0/{i}": value for i, value in MULTIPLE.items()})
    different = {path: (read.get(path), value) for path, value in wanted.items()
                 if read.get(path) != value or isinstance(read.get(path), bool) != isinstance(value, bool)}
    assert not different
    for number, value in SINGLE.items():
        path = f"/3442/0/{number}"
        assert items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": path}})) == {path: value}


def test_every_type_can_be_written_and_read_again(typed, mqtt):
    for number, value in NEW.items():
        path = f"/3442/0/{number}"
        answer = ask(mqtt, "meter", {"msgType": "write", "data": {"path": path, "value": value}})
        assert answer["code"] == "2.04", (path, answer)
        assert items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": path}})) == {path: value}
    content = [{"path": f"/3442/0/{number}", "value": value} for number, value in SINGLE.items()]
    answer = ask(mqtt, "meter", {"msgType": "write", "data": {"basePath": "/3442/0",
                                                              "content": content}})
    assert answer["code"] == "2.04", answer
    read = items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": "/3442/0"}}))
    assert {number: read[f"/3442/0/{number}"] for number in SINGLE} == SINGLE


def test_text_and_opaque_of_single_resources(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--test-object", "--formats", "text,opaque")
    mqtt.expect("up/register")
    for number, value in SINGLE.items():
        path = f"/3442/0/{number}"
        assert items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": path}})) == {path: value}
    for number, value in NEW.items():
        path = f"/3442/0/{number}"
        answer = ask(mqtt, "meter", {"msgType": "write", "data": {
            "path": path, "value": value, "format": "opaque" if number == 150 else "text"}})
        assert answer["code"] == "2.04", (path, answer)
        assert items(ask(mqtt, "meter", {"msgType": "read", "data": {"path": path}})) == {path: value}


# --- payloads as they come from a raw device


@pytest.fixture
def device(coap):
    device = coap()
    device.register("meter", "</1/0>,</3/0>,</31024/0>,</3303/0>,</3442/0>,</19/0>")
    return device


def content_of(mqtt, device, path, payload, number):
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": path}})
    device.respond(device.next_request(), payload=payload, content_format=number)
    message = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id)
    return message.json["data"]


def test_what_devices_answer(device, mqtt):
    double = struct.pack(">d", math.inf)
    tlv_3_0 = bytes.fromhex(
        "C800144F70656E204D6F62696C6520416C6C69616E6365C801164C69676874776569676874204D324D20436C"
        "69656E74C80209333435303030313233C303312E308606410001410105"
        "88070842000ED842011388870841007D42010384C10964C10A0F830B410000C40D5182428FC60E2B30323A3030C11055")
    cases = [
        # path, payload, content format, what is published
        ("/3/0", tlv_3_0, TLV, {"/3/0/0": "Open Mobile Alliance", "/3/0/1": "Lightweight M2M Client",
                                "/3/0/2": "345000123", "/3/0/3": "1.0", "/3/0/6/0": 1, "/3/0/6/1": 5,
                                "/3/0/7/0": 3800, "/3/0/7/1": 5000, "/3/0/8/0": 125, "/3/0/8/1": 900,
                                "/3/0/9": 100, "/3/0/10": 15, "/3/0/11/0": 0, "/3/0/13": 1367491215,
                                "/3/0/14": "+02:00", "/3/0/16": "U"}),
        ("/3", b"\x08\x00\x79" + tlv_3_0, TLV, None),
        ("/3/0", b"\x08\x00\x79" + tlv_3_0, TLV, None),
        ("/3/0/9", b"\xc1\x09\x64", TLV, {"/3/0/9": 100}),
        ("/3/0/7", b"\x86\x07\x41\x00\x01\x41\x05\x02", TLV, {"/3/0/7/0": 1, "/3/0/7/5": 2}),
        ("/3/0/7", b"\x41\x00\x01\x41\x05\x02", TLV, {"/3/0/7/0": 1, "/3/0/7/5": 2}),
        ("/3/0/7/5", b"\x41\x05\x02", TLV, {"/3/0/7/5": 2}),
        ("/3303/0/5700", b"\xe4\x16\x44\x41\xac\x00\x00", TLV, {"/3303/0/5700": 21.5}),
        ("/3303/0/5700", b"\xe8\x16\x44\x08" + double, TLV, {"/3303/0/5700": "Infinity"}),
        ("/3303/0/5700", b"-Infinity", TEXT, None),
        ("/3303/0/5700", b"21.5", TEXT, {"/3303/0/5700": 21.5}),
        ("/3303/0/5700", b"21.5", None, {"/3303/0/5700": 21.5}),
        ("/3/0/9", b"100", TEXT, {"/3/0/9": 100}),
        ("/3/0/9", b"100", 1541, {"/3/0/9": 100}),
        ("/3/0/9", b"\xc1\x09\x64", 1542, {"/3/0/9": 100}),
        ("/3/0/0", "ü\"".encode(), TEXT, {"/3/0/0": "ü\""}),
        ("/3442/0/140", b"1", TEXT, {"/3442/0/140": True}),
        ("/3442/0/150", b"AQI=", TEXT, {"/3442/0/150": "AQI="}),
        ("/3442/0/150", b"\x01\x02", OPAQUE, {"/3442/0/150": "AQI="}),
        ("/3442/0/170", b"3:7", TEXT, {"/3442/0/170": "3:7"}),
        ("/3/0", b'{"bn":"/3/0/","e":[{"n":"0","sv":"A"},{"n":"9","v":95},{"n":"6/0","v":1}]}',
         LWM2M_JSON, {"/3/0/0": "A", "/3/0/9": 95, "/3/0/6/0": 1}),
        ("/3/0", b'{"e":[{"n":"0","sv":"A"},{"n":"9","v":95}]}', LWM2M_JSON,
         {"/3/0/0": "A", "/3/0/9": 95}),
        ("/3/0", b'{"e":[{"n":"0","sv":"A"},{"n":"9","v":95}]}', 1543, {"/3/0/0": "A", "/3/0/9": 95}),
        ("/3/0", b'[{"bn":"/3/0/","n":"0","vs":"A"},{"n":"9","v":95},{"n":"6/0","v":1}]', SENML_JSON,
         {"/3/0/0": "A", "/3/0/9": 95, "/3/0/6/0": 1}),
        ("/3/0/9", b'[{"bn":"/3/0/9","v":9007199254740993}]', SENML_JSON,
         {"/3/0/9": 9007199254740993}),
        ("/3/0/9", b'[{"n":"3/0/9","v":90}]', SENML_JSON, {"/3/0/9": 90}),
        ("/3442/0/150", b'[{"n":"/3442/0/150","vd":"-_8"}]', SENML_JSON, {"/3442/0/150": "+/8="}),
        ("/3442/0/170", b'[{"n":"/3442/0/170","vlo":"3:1"}]', SENML_JSON, {"/3442/0/170": "3:1"}),
        ("/3442/0/125", b'[{"n":"/3442/0/125","v":18446744073709551615}]', SENML_JSON,
         {"/3442/0/125": 18446744073709551615}),
        ("/1/0", bytes.fromhex("83A3216 12F0065312F302F32021865A20065312F302F3604F5"
                               "A20066332F302F31330200".replace(" ", "")), SENML_CBOR,
         {"/1/0/2": 101, "/1/0/6": True, "/3/0/13": 0}),
        ("/3/0/9", cbor2.dumps([{-2: "/3/0/", 0: "9", 2: 2 ** 53 + 1}]), SENML_CBOR,
         {"/3/0/9": 2 ** 53 + 1}),
        ("/3442/0/150", cbor2.dumps([{0: "/3442/0/150", 8: b"\xfb\xff"}]), SENML_CBOR,
         {"/3442/0/150": "+/8="}),
        ("/3/0/9", b"\x9f\xbf\x00\x66/3/0/9\x02\x18\x5f\xff\xff", SENML_CBOR, {"/3/0/9": 95}),
        ("/3/0", cbor2.dumps({3: {0: {0: "A", 9: 95, 6: {0: 1}}}}), LWM2M_CBOR,
         {"/3/0/0": "A", "/3/0/9": 95, "/3/0/6/0": 1}),
        ("/3/0/9", bytes.fromhex("BF8303000918 5FFF".replace(" ", "")), LWM2M_CBOR, {"/3/0/9": 95}),
        ("/3/0/9", cbor2.dumps(95), 60, {"/3/0/9": 95}),
        ("/3442/0/110", cbor2.dumps("ü"), 60, {"/3442/0/110": "ü"}),
        ("/3303", b"", TLV, {}),
        ("/3303", b"[]", SENML_JSON, {}),
        ("/3303", b"\x80", SENML_CBOR, {}),
    ]
    last, wrong = None, []
    for path, payload, number, wanted in cases:
        if wanted is None:
            wanted = last if payload[:1] != b"-" else {path: "-Infinity"}
        data = content_of(mqtt, device, path, payload, number)
        got = {item["path"]: item["value"] for item in data.get("content", [])}
        if data["code"] != "2.05" or got != wanted:
            wrong.append((path, payload, number, data))
        last = wanted
    assert not wrong


def test_instances_of_an_object_without_a_definition(device, mqtt):
    data = content_of(mqtt, device, "/31024/0", b"\xc1\x01\x05\x86\x02\x41\x00\x01\x41\x01\x02", TLV)
    assert data["content"] == [
        {"path": "/31024/0/1", "value": "BQ==", "encoding": "base64"},
        {"path": "/31024/0/2/0", "value": "AQ==", "encoding": "base64"},
        {"path": "/31024/0/2/1", "value": "Ag==", "encoding": "base64"}]
    data = content_of(mqtt, device, "/31024/0", b'[{"bn":"/31024/0/","n":"1","v":5}]', SENML_JSON)
    assert data["content"] == [{"path": "/31024/0/1", "value": 5}], "SenML carries the type"


@pytest.mark.parametrize("payload, number", [
    (b"\xc8\x01\xff\x00", TLV), (b"[{]", SENML_JSON), (b"{", LWM2M_JSON), (b"\xff\xff", SENML_CBOR),
    (b"\xa1", LWM2M_CBOR), (b"\x00\xff", 9999)],
    ids=["tlv", "senml-json", "json", "senml-cbor", "lwm2m-cbor", "unknown"])
def test_what_cannot_be_decoded_is_published_as_it_came(device, mqtt, payload, number):
    path = "/3/0/9"
    data = content_of(mqtt, device, path, payload, number)
    assert data["code"] == "2.05" and data["reason"]
    assert data["content"] == [{"path": path, "value": base64.b64encode(payload).decode(),
                                "encoding": "base64", "contentFormat": number}]


def test_a_value_that_does_not_fit_its_type_is_published_as_it_came(device, mqtt):
    data = content_of(mqtt, device, "/3/0/9", b"twelve", TEXT)
    assert data["content"] == [{"path": "/3/0/9", "value": "twelve"}]
    for path, payload, number, value in (("/3/0/0", b"\xff\xfe", TEXT, "//4="),
                                         ("/3/0/0", b"\xc2\x00\xff\xfe", TLV, "//4="),
                                         ("/3442/0/140", b"\xc1\x8c\x07", TLV, "Bw==")):
        data = content_of(mqtt, device, path, payload, number)
        assert data["content"] == [{"path": path, "value": value, "encoding": "base64"}]


def test_a_format_that_is_not_known_in_an_error_is_no_matter(device, mqtt):
    data = content_of(mqtt, device, "/3/0/9", b"", None)
    assert data["code"] == "2.05"
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/9"}})
    device.respond(device.next_request(), "4.04", b"\xff\xfe", 9999)
    data = mqtt.answer(req_id)["data"]
    assert data["code"] == "4.04"


def test_times_of_records(device, mqtt):
    data = content_of(mqtt, device, "/3303/0/5700",
                      b'[{"bn":"/3303/0/5700","bt":1.7e9,"v":1},{"t":-10.25,"v":2},{"t":5,"v":3}]',
                      SENML_JSON)
    assert [(item["value"], item["time"]) for item in data["content"]] == [
        (1, 1700000000), (2, 1699999989.75), (3, 1700000005)]
    data = content_of(mqtt, device, "/3303/0/5700", b'[{"n":"/3303/0/5700","t":-60,"v":1}]', SENML_JSON)
    item, = data["content"]
    assert abs(item["time"] - (time.time() - 60)) < 10, "relative to now"


def test_the_alternate_path_in_names(coap, mqtt):
    device = coap()
    device.register("meter", '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>')
    data = content_of(mqtt, device, "/3/0", b'[{"bn":"/lwm2m/3/0/","n":"9","v":95}]', SENML_JSON)
    assert data["content"] == [{"path": "/3/0/9", "value": 95}]
    data = content_of(mqtt, device, "/3/0", b'{"bn":"/lwm2m/3/0/","e":[{"n":"9","v":95}]}', LWM2M_JSON)
    assert data["content"] == [{"path": "/3/0/9", "value": 95}]


@pytest.mark.settings({"mqtt.content_names": True})
def test_names_of_the_definition_may_be_published(device, mqtt):
    data = content_of(mqtt, device, "/3303/0/5700", b"21.5", TEXT)
    item, = data["content"]
    assert item["name"] == "Sensor Value" and item["value"] == 21.5
    data = content_of(mqtt, device, "/31024/0/1", b"21.5", TEXT)
    assert "name" not in data["content"][0]


def test_the_version_of_an_object_chooses_the_definition(coap, mqtt):
    """5750 came with version 1.1 of object 3303."""
    for version, wanted in ((";ver=1.0", {"value": "eA==", "encoding": "base64"}),
                            (";ver=1.1", {"value": "x"})):
        device = coap()
        device.register("meter", f"</3303>{version},</3303/0>")
        data = content_of(mqtt, device, "/3303/0/5750", b"\xe1\x16\x76x", TLV)
        assert data["content"] == [{"path": "/3303/0/5750", **wanted}]


def test_numbers_beside_their_type(device, mqtt):
    """User demands B1: 129 is never -127, a float stays short."""
    cases = [(b"\xc1\x09\x81", "/3/0/9", -127), (b"\xc2\x09\x00\x81", "/3/0/9", 129),
             (b"\xc1\x7d\x81", "/3442/0/125", 129),
             (b"\xc8\x82\x08" + struct.pack(">d", 0.1), "/3442/0/130", 0.1)]
    for payload, path, wanted in cases:
        data = content_of(mqtt, device, path, payload, TLV)
        assert data["content"] == [{"path": path, "value": wanted}], payload


def test_a_json_number_is_text_never_a_double(device, mqtt):
    """What is published holds all 64 bits as digits."""
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3442/0/120"}})
    device.respond(device.next_request(), payload=b"-9223372036854775807", content_format=TEXT)
    message = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id)
    assert b'"value":-9223372036854775807' in message.payload
    assert json.loads(message.payload)


def test_1_0_and_newer_devices_are_asked_in_their_formats(coap, mqtt):
    for version, links, accept in (("1.0", "</3/0>", None), ("1.1", "</3/0>", None),
                                   ("1.1", '</>;rt="oma.lwm2m";ct="112 110",</3/0>', 112),
                                   ("1.2", '</>;rt="oma.lwm2m";ct=11544,</3/0>', 11544)):
        device = coap()
        device.register("meter", links, version=version)
        mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0"}})
        request = device.next_request()
        assert request.get_uint(ACCEPT) == accept, (version, links)
        device.respond(request, "4.04")
        mqtt.expect("up/resp")
        assert request.get(CONTENT_FORMAT) is None
