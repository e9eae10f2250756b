"""Everything the gateway sends to a device, dissected by Wireshark: well-formed, and the message
that another reader of the same bytes (test/integration/coap.py) sees."""

import base64
import os

import coap as peer
import dissect
import pytest
import senml
import test_cbor
import test_json
import tlv_forms
from coap import (ACK, BLOCK1, BLOCK2, CON, DELETE, FETCH, GET, IPATCH, LINK, LWM2M_CBOR,
                  LWM2M_JSON, NON, OBSERVE, OPAQUE, POST, PUT, RST, SENML_CBOR, SENML_JSON, TEXT,
                  TLV, Message)
from content_records import Record, assert_same, reduced

CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR = 60, 320, 322
OPTION_NAMES = {1: "If-Match", 4: "Etag", 6: "Observe", 8: "Location-Path", 11: "Uri-Path",
                12: "Content-Format", 14: "Max-age", 15: "Uri-Query", 17: "Accept", 23: "Block2",
                27: "Block1", 28: "Size2", 60: "Size1"}
# Wireshark 4.0 does not know the last.
MEDIA_TYPES = {TEXT: "text/plain; charset=utf-8", LINK: "application/link-format",
               OPAQUE: "application/octet-stream", CBOR: "application/cbor",
               SENML_JSON: "application/senml+json", SENML_CBOR: "application/senml+cbor",
               SENML_ETCH_JSON: "application/senml-etch+json",
               SENML_ETCH_CBOR: "application/senml-etch+cbor",
               TLV: "application/vnd.oma.lwm2m+tlv", LWM2M_JSON: "application/vnd.oma.lwm2m+json",
               LWM2M_CBOR: "application/vnd.oma.lwm2m+cbor"}
LINKS = "</1/0>,</3/0>,</31024/0>,</3303/0>"


class Recorder(peer.Peer):
    """A device that keeps what goes back and forth."""

    def __init__(self, port):
        super().__init__(port)
        self.packets = []   # of both directions, as packets
        self.received = []  # (index of the packet, datagram)

    def send_raw(self, data):
        self.packets.append(dissect.packet(data, 40000, dissect.COAP_PORT))
        super().send_raw(data)

    def receive(self, timeout=5.0):
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recvfrom(65536)[0]
        except TimeoutError:
            raise TimeoutError("no datagram from the gateway") from None
        self.received.append((len(self.packets), data))
        self.packets.append(dissect.packet(data, dissect.COAP_PORT, 40000))
        return Message.parse(data)


@pytest.fixture
def device(gateway):
    with Recorder(gateway.port) as recorder:
        yield recorder


class Session:
    """Commands one after the other, each with the device's answer to what it gets."""

    def __init__(self, mqtt, device):
        self.mqtt, self.device = mqtt, device

    def command(self, kind, data, code, *, payload=b"", content_format=None, options=()):
        """Returns the requests that the command made: more than one when it goes in blocks."""
        number = self.mqtt.command("meter", {"msgType": kind, "data": data})
        requests = [self.device.next_request()]
        while requests[-1].get(BLOCK1) is not None and requests[-1].get_uint(BLOCK1) & 8:
            block = requests[-1].get_uint(BLOCK1)
            self.device.respond(requests[-1], "2.31", options=[(BLOCK1, block)])
            requests.append(self.device.next_request())
        if requests[-1].get(BLOCK1) is not None:
            options = [*options, (BLOCK1, requests[-1].get_uint(BLOCK1))]
        self.device.respond(requests[-1], code, payload, content_format, options)
        self.mqtt.expect("up/resp", lambda m: m.json.get("reqID") == number)
        return requests


def length_of(option):
    """Of its value: 13 and 14 stand for longer ones, whose field is without what they add."""
    length = int(option.first("coap.opt.length").show)
    more = option.first("coap.opt.length_ext")
    return length if more is None else int(more.show) + {13: 13, 14: 269}[length]


def check_options(field, message):
    """Names, lengths and raw values of all options, in the order of their numbers."""
    theirs = [(option.show.split(": ", 1)[1], length_of(option))
              for option in field.all("coap.opt.name")]
    assert theirs == [(OPTION_NAMES[number], len(value)) for number, value in message.options]
    raw = [child.value for name in ("coap.opt.uri_path", "coap.opt.uri_query",
                                    "coap.opt.location_path") for child in field.all(name)]
    ours = [value for wanted in (11, 15, 8) for number, value in message.options
            if number == wanted]
    assert raw == ours
    for number, name in ((12, "coap.opt.ctype"), (17, "coap.opt.accept")):
        shown = field.first(name)
        if message.get(number) is None:
            assert shown is None
        else:
            assert int.from_bytes(shown.value, "big") == message.get_uint(number)
            # An option of no bytes, which is 0, has no text in an Accept of Wireshark 4.0.
            expected = MEDIA_TYPES[message.get_uint(number)]
            assert shown.show in (expected, f"Unknown Type {message.get_uint(number)}",
                                  *(["(null)"] if not message.get(number) else [])), shown.show
    if message.get(OBSERVE) is not None:
        assert int(field.first("coap.opt.observe").show) == message.get_uint(OBSERVE)
    for number in (BLOCK1, BLOCK2):
        if message.get(number) is not None:
            block = message.get_uint(number)
            assert int(field.first("coap.opt.block_number").show) == block >> 4
            assert int(field.first("coap.opt.block_mflag").show) == block >> 3 & 1
            assert int(field.first("coap.opt.block_size").show) == block & 7


def check(device, tmp_path):
    """Every datagram of the gateway, in the conversation it belongs to."""
    described = dissect.dissect(tmp_path, device.packets)
    assert device.received
    for index, data in device.received:
        message, packet = Message.parse(data), described[index]
        marks = [mark for name, proto in packet.items() if name not in ("frame", "geninfo")
                 for mark in proto.complaints()]
        assert not marks and not any(name.startswith("_ws.") for name in packet), (message, marks)
        field = packet["coap"]
        assert int(field.first("coap.version").show) == 1
        assert int(field.first("coap.type").show) == message.type
        assert int(field.first("coap.code").show) == message.code
        assert int(field.first("coap.mid").show) == message.mid
        assert int(field.first("coap.token_len").show) == len(message.token)
        if message.token:
            assert field.first("coap.token").value == message.token
        check_options(field, message)
        in_block = message.payload and message.get(BLOCK1) is not None
        payload = field.first("coap.block_payload" if in_block else "coap.payload")
        if message.payload:
            assert payload.value == message.payload
        else:
            assert payload is None and field.first("coap.opt.end_marker") is None
    return described


def dissectors_of(device, described, content_format):
    """The protocols that Wireshark found in the payloads of a content format."""
    found = set()
    for index, data in device.received:
        message = Message.parse(data)
        if message.payload and message.get_uint(12) == content_format \
                and message.get(BLOCK1) is None:
            found |= set(described[index]) - {"geninfo", "frame", "raw", "ip", "udp", "coap"}
    return found


def test_the_interfaces_of_a_device(device, mqtt, tmp_path):
    """Register, update, deregister; ping; what is refused."""
    location = device.register("meter", LINKS, queries=("sms=1234",))
    assert device.request(POST, location, queries=("lt=600",)).code_text == "2.04"
    links = {"payload": b"</3/0>", "content_format": LINK}
    assert device.request(POST, location, **links).code_text == "2.04"
    assert device.request(DELETE, location).code_text == "2.02"
    assert device.request(POST, location).code_text == "4.04"
    assert device.request(POST, "/rd").code_text == "4.00"
    assert device.request(GET, "/rd").code >= 0x80
    assert device.request(POST, "/nothing", type=NON).code >= 0x80
    assert device.ping().type == RST
    device.send(Message(ACK, 0, device.next_mid()))  # of nothing: ignored
    device.send(Message(CON, peer.code("2.05"), device.next_mid(), b"\x99", [], b"x"))
    assert device.receive().type == RST
    check(device, tmp_path)


def test_reads_and_their_kin(device, mqtt, tmp_path):
    device.register("meter", LINKS, version="1.1")
    session = Session(mqtt, device)
    for accept in (None, *MEDIA_TYPES):
        data = {"path": "/3/0/0"} if accept is None else {"path": "/3/0/0", "accept": accept}
        if accept in (LINK, SENML_ETCH_JSON, SENML_ETCH_CBOR):
            continue
        session.command("read", data, "4.06" if accept else "2.05", payload=b"" if accept else b"x",
                        content_format=None if accept else TEXT)
    request, = session.command("discover", {"path": "/3"}, "2.05", payload=b"</3>;ver=1.1,</3/0>",
                               content_format=LINK)
    assert request.get_uint(17) == LINK
    session.command("read", {"path": "/65534/65534/65534/65534"}, "4.04")
    session.command("write-attr", {"path": "/3/0/9", "pmin": 1, "pmax": 10, "lt": -3.5, "gt": 7,
                                   "st": 0.5, "edge": 1, "con": True, "hqmax": 5}, "2.04")
    session.command("execute", {"path": "/3/0/4"}, "2.04")
    session.command("execute", {"path": "/3/0/4", "args": "0='" + "x" * 300 + "',1"}, "2.04")
    session.command("delete", {"path": "/31024/0"}, "2.02")
    check(device, tmp_path)


def test_observations(device, mqtt, tmp_path):
    device.register("meter", LINKS, version="1.1")
    session = Session(mqtt, device)
    request, = session.command("observe", {"path": "/3303/0/5700"}, "2.05", payload=b"21.5",
                               content_format=TEXT, options=[(OBSERVE, 1)])
    for number in range(2, 5):  # each is acknowledged
        notification = device.notify(request.token, number, b"%d" % number, mid=number)
        assert device.reply_to(notification).type == ACK
    refused = device.notify(b"\xde\xad", 5, b"1")
    assert device.reply_to(refused).type == RST
    request, = session.command("cancel-observe", {"path": "/3303/0/5700"}, "2.05", payload=b"1",
                               content_format=TEXT)
    assert request.get_uint(OBSERVE) == 1
    paths = {"paths": ["/3303/0/5700", "/3/0/13"]}
    answer = {"payload": b'[{"n":"/3/0/13","v":1}]', "content_format": SENML_JSON}
    request, = session.command("observe-composite", paths, "2.05", options=[(OBSERVE, 7)], **answer)
    assert (request.code, request.get_uint(OBSERVE)) == (FETCH, 0)
    session.command("cancel-observe-composite", paths, "2.05", **answer)
    check(device, tmp_path)


WRITTEN = [{"path": "/31024/0/0", "type": "String", "value": "Grüße €"},
           {"path": "/31024/0/1", "type": "Integer", "value": -9223372036854775808},
           {"path": "/31024/0/2", "type": "Unsigned Integer", "value": 18446744073709551615},
           {"path": "/31024/0/3", "type": "Float", "value": 0.1},
           {"path": "/31024/0/4", "type": "Boolean", "value": True},
           {"path": "/31024/0/5", "type": "Opaque", "value": "AAH/fw=="},
           {"path": "/31024/0/6", "type": "Time", "value": 1700000000},
           {"path": "/31024/0/7", "type": "Objlnk", "value": "65535:65535"},
           {"path": "/31024/0/300/0", "type": "Integer", "value": 1},
           {"path": "/31024/0/300/256", "type": "Integer", "value": 2}]
# What Wireshark takes each payload for; "data": it has no dissector for it.
DISSECTORS = {TLV: {"lwm2mtlv"}, SENML_JSON: {"json"}, SENML_CBOR: {"cbor"}, LWM2M_JSON: {"json"},
              CBOR: {"cbor"}, TEXT: {"data-text-lines"}}


def meant():
    """The records of WRITTEN."""
    kinds = {"String": "string", "Integer": "int", "Unsigned Integer": "uint", "Float": "float",
             "Boolean": "bool", "Opaque": "opaque", "Time": "time", "Objlnk": "objlnk"}
    values = {"Opaque": base64.b64decode,
              "Objlnk": lambda text: tuple(int(part) for part in text.split(":"))}
    return [Record(tuple(int(part) for part in item["path"].split("/")[1:]), kinds[item["type"]],
                   values.get(item["type"], lambda value: value)(item["value"]))
            for item in WRITTEN]


def check_meaning(number, payload):
    """The payload for WRITTEN, read by the code that is not ours."""
    if number == TLV:
        assert payload == tlv_forms.shortest(tlv_forms.tree_of((31024, 0), meant()))
        return
    readers = {
        SENML_JSON: lambda: senml.interpret(test_json.pack_of(payload)),
        SENML_CBOR: lambda: senml.interpret(test_cbor.pack_of(payload)),
        LWM2M_JSON: lambda: test_json.old_records(test_json.load(payload), (31024, 0)),
        LWM2M_CBOR: lambda: test_cbor.tree_records(test_cbor.load(payload))}
    expected = [reduced(record, *(["links-are-text"] if number == LWM2M_CBOR else []))
                for record in meant()]
    if number == LWM2M_JSON:
        expected = test_json.written_old(expected)
    assert_same(expected, readers[number](), payload)


def test_what_is_written(device, mqtt, tmp_path):
    device.register("meter", LINKS, version="1.2")
    session = Session(mqtt, device)
    for number in (TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR):
        request, = session.command("write", {"basePath": "/31024/0", "content": WRITTEN,
                                             "format": number}, "2.04")
        assert (request.code, request.get_uint(12)) == (POST, number)
        check_meaning(number, request.payload)
        session.command("write", {"basePath": "/31024/0", "content": WRITTEN, "mode": "replace",
                                  "format": number}, "2.04")
        session.command("create", {"basePath": "/31024/5", "format": number, "content": [
            {"path": "/31024/5/1", "type": "Integer", "value": 1}]}, "2.01")
    request, = session.command("create", {"basePath": "/31024", "format": TLV, "content": [
        {"path": "1", "type": "Integer", "value": 1}]}, "2.01", options=[(8, "31024"), (8, "9")])
    for number in (TEXT, OPAQUE, CBOR):
        kind = "Opaque" if number == OPAQUE else "String"
        request, = session.command("write", {"path": "/31024/0/1", "type": kind, "value": "AAEC",
                                             "format": number}, "2.04")
        assert (request.code, request.get_uint(12)) == (PUT, number)
    described = check(device, tmp_path)
    for number, expected in DISSECTORS.items():
        assert dissectors_of(device, described, number) == expected, MEDIA_TYPES[number]


@pytest.mark.parametrize("number", [SENML_JSON, SENML_CBOR])
def test_composite_operations(device, mqtt, tmp_path, number):
    ct = "110" if number == SENML_JSON else "112"
    device.register("meter", f"</>;ct={ct};rt=\"oma.lwm2m\"," + LINKS, version="1.2")
    session = Session(mqtt, device)
    request, = session.command("read-composite", {"paths": ["/3/0/0", "/31024", "/1/0/1"]}, "2.05",
                               payload=b"[]", content_format=SENML_JSON)
    assert (request.code, request.get_uint(12)) == (FETCH, number)
    request, = session.command("write-composite", {"content": WRITTEN}, "2.04")
    assert (request.code, request.get_uint(12)) == (IPATCH, number)
    check_meaning(number, request.payload)
    described = check(device, tmp_path)
    assert dissectors_of(device, described, number) == DISSECTORS[number]


def test_blocks(device, mqtt, tmp_path):
    """Large values in both directions; Wireshark puts together what goes to the device."""
    device.register("meter", LINKS, version="1.1")
    session = Session(mqtt, device)
    value = os.urandom(1500).hex()
    requests = session.command("write", {"path": "/31024/0/0", "type": "String", "value": value,
                                         "format": "text"}, "2.04")
    assert len(requests) == 3
    assert b"".join(request.payload for request in requests) == value.encode()
    number = mqtt.command("meter", {"msgType": "read", "data": {"path": "/31024/0/0"}})
    request = device.next_request()
    for i in range(3):
        block = i << 4 | (i < 2) << 3 | 6
        device.respond(request, "2.05", value.encode()[1024 * i:1024 * (i + 1)], TEXT,
                       [(BLOCK2, block)])
        if i < 2:
            request = device.next_request()
            assert request.get_uint(BLOCK2) >> 4 == i + 1
    answer = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == number).json
    assert answer["data"]["content"][0]["value"] == value
    described = check(device, tmp_path)
    whole = [packet["coap"].first("coap.payload").value for packet in described
             if packet["coap"].first("coap.block.count") is not None]
    assert whole == [value.encode()] * 2
