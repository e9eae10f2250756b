"""SIGHUP: definitions are read again, devices and the connection stay."""

import shutil

import pytest
from coap import ACK, POST, TEXT, TLV, Peer
from conftest import ROOT
from dialogue import observe

DEFINITION = """<?xml version="1.0" encoding="UTF-8"?>
<LWM2M>
  <Object ObjectType="MODefinition">
    <Name>Tank</Name><Description1>A tank.</Description1><ObjectID>33900</ObjectID>
    <ObjectURN>urn:oma:lwm2m:x:33900</ObjectURN><LWM2MVersion>1.0</LWM2MVersion>
    <ObjectVersion>1.0</ObjectVersion><MultipleInstances>Multiple</MultipleInstances>
    <Mandatory>Optional</Mandatory>
    <Resources>
      <Item ID="1"><Name>Level</Name><Operations>R</Operations>
        <MultipleInstances>Single</MultipleInstances><Mandatory>Mandatory</Mandatory>
        <Type>%s</Type><RangeEnumeration></RangeEnumeration><Units>l</Units>
        <Description>Litres.</Description></Item>
    </Resources><Description2></Description2>
  </Object>
</LWM2M>
"""


@pytest.fixture
def definitions(tmp_path):
    directory = tmp_path / "xml"
    directory.mkdir()
    for name in ("1-1.1.xml", "3-1.1.xml", "3-1.0.xml"):
        shutil.copy(ROOT / "objects-xml/oma" / name, directory)
    return directory


def read(mqtt, device, path, payload):
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": path}})
    device.respond(device.next_request(), payload=payload, content_format=TLV)
    item, = mqtt.answer(req_id)["data"]["content"]
    return item


def test_a_new_definition_is_used_at_once(make_gateway, definitions, mqtt):
    gateway = make_gateway({"lwm2m.xml_dir": str(definitions), "lwm2m.auto_observe": True})
    with Peer(gateway.port) as device:
        location = device.register("meter", "</33900/0>")
        device.expect_silence(0.2)
        assert read(mqtt, device, "/33900/0/1", b"\xc1\x01\x05") == {
            "path": "/33900/0/1", "value": "BQ==", "encoding": "base64"}

        (definitions / "tank.xml").write_text(DEFINITION % "Integer")
        gateway.reload()
        gateway.process.wait_line("reloaded")
        assert read(mqtt, device, "/33900/0/1", b"\xc1\x01\x05") == {"path": "/33900/0/1", "value": 5}
        assert device.request(POST, location).code_text == "2.04", "the device stayed"
        mqtt.command("meter", {"msgType": "write", "reqID": 1, "data": {"path": "/33900/0/1", "value": 1}})
        assert mqtt.expect("up/resp").json["data"]["code"] == "4.05", "it is read-only now"

        (definitions / "tank.xml").write_text(DEFINITION % "String")
        gateway.reload()
        gateway.process.wait_line(r"reloaded[\s\S]*reloaded")
        assert read(mqtt, device, "/33900/0/1", b"\xc1\x01A") == {"path": "/33900/0/1", "value": "A"}

        (definitions / "tank.xml").unlink()
        gateway.reload()
        gateway.process.wait_line(r"reloaded[\s\S]*reloaded[\s\S]*reloaded")
        assert read(mqtt, device, "/33900/0/1", b"\xc1\x01A")["encoding"] == "base64"


@pytest.mark.parametrize("text", ["", "<LWM2M>", "rubbish", DEFINITION % "Nonsense",
                                  "<a>" * 100000, "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"],
                         ids=["empty", "cut", "no-xml", "type", "deep", "entity"])
def test_a_broken_definition_is_named_and_costs_the_others_nothing(make_gateway, definitions, mqtt, text):
    gateway = make_gateway({"lwm2m.xml_dir": str(definitions)})
    (definitions / "broken.xml").write_text(text)
    gateway.reload()
    gateway.process.wait_line("reloaded")
    gateway.process.wait_line(r"broken\.xml")
    with Peer(gateway.port) as device:
        device.register("meter", "</3/0>")
        assert read(mqtt, device, "/3/0/9", b"\xc1\x09\x64") == {"path": "/3/0/9", "value": 100}


def test_observations_and_commands_go_on(gateway, coap, mqtt):
    device = coap()
    device.register("meter", "</3303/0>")
    token = observe(mqtt, device)
    mqtt.command("meter", {"msgType": "read", "reqID": "under way", "data": {"path": "/3/0/0"}})
    pending = device.next_request()
    gateway.reload()
    gateway.process.wait_line("reloaded")
    device.respond(pending, payload=b"x", content_format=TEXT)
    mqtt.expect("up/resp", lambda m: m.json.get("reqID") == "under way")
    assert device.reply_to(device.notify(token, 2, b"2")).type == ACK
    mqtt.expect("up/notify")


def test_the_log_level_changes(make_gateway, coap_at, mqtt):
    gateway = make_gateway({"log.level": "error"})
    coap_at(gateway).register("quiet")
    mqtt.expect("up/register")
    assert "registered" not in gateway.process.text()
    gateway.set("log.level", "debug")
    gateway.reload()
    gateway.process.wait_line("reloaded")
    coap_at(gateway).register("loud")
    gateway.process.wait_line("registered endpoint=loud")


@pytest.fixture
def coap_at():
    """coap_at(gateway): a raw CoAP peer of a gateway that is not the fixture"""
    peers = []

    def make(gateway):
        peers.append(Peer(gateway.port))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
