"""Commands that the gateway answers by itself, at once, however soundly the device sleeps."""

import sqlite3
import time

import pytest
from coap import POST, TEXT
from dialogue import observe

pytestmark = pytest.mark.settings({
    "lwm2m.qmode_time_window": "300ms", "lwm2m.coap.ack_timeout": "100ms",
    "lwm2m.coap.ack_random_factor": 1, "lwm2m.coap.max_retransmit": 1})

NOW = {"ttl": 0}  # however soundly it sleeps: how fast the machine is does not matter


@pytest.fixture
def sleeper(coap):
    peer = coap()
    peer.location = peer.register("meter", queries=("Q",))
    return peer


def own(mqtt, name, **members):
    """The data of the gateway's answer to one of its own commands."""
    answer = mqtt.answer(mqtt.command("meter", {"msgType": name, **members}))
    assert answer["msgType"] == name and answer["ep"] == "meter"
    assert {name: answer[name] for name in members if name != "data"} == {
        name: value for name, value in members.items() if name != "data"}
    return answer["data"]


def waiting(mqtt):
    data = own(mqtt, "queue-list")
    assert data["code"] == "2.05" and data["codeMsg"] == "content"
    return data["content"]


def test_the_queue_of_a_sleeping_device_can_be_read_and_cleared(sleeper, mqtt):
    time.sleep(0.35)
    assert waiting(mqtt) == []
    read = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0", "ttl": 3600}})
    execute = mqtt.command("meter", {"msgType": "execute", "imei": "x", "data": {"path": "3/0/4"}})
    composite = mqtt.command("meter", {"msgType": "read-composite",
                                       "data": {"paths": ["/3/0", "/1/0/1"]}})
    first, second, third = waiting(mqtt)
    assert {**first, "age": 0, "ttl": 0} == {
        "msgType": "read", "reqID": read, "path": "/3/0/0", "state": "waiting", "age": 0, "ttl": 0}
    assert 3500 < first["ttl"] <= 3600
    assert {**second, "age": 0} == {"msgType": "execute", "reqID": execute, "imei": "x",
                                    "path": "3/0/4", "state": "waiting", "age": 0}
    assert third["paths"] == ["/3/0", "/1/0/1"]

    cleared = own(mqtt, "queue-clear", note={"by": "test"}, data={})
    assert (cleared["code"], cleared["codeMsg"], cleared["dropped"]) == ("2.04", "changed", 3)
    for req_id in (read, execute, composite):
        message = mqtt.answer(req_id)
        assert message["msgType"] == "dropped" and "cleared" in message["data"]["reason"]
    assert waiting(mqtt) == []
    assert sleeper.request(POST, sleeper.location).code_text == "2.04"
    sleeper.expect_silence(0.2)
    mqtt.expect_none("up/resp", seconds=0.1)


def test_what_is_observed_can_be_read(sleeper, mqtt):
    assert own(mqtt, "observe-list")["content"] == []
    observe(mqtt, sleeper, path="/3303/0/5700", label="boiler", mheaders=NOW)
    time.sleep(0.35)
    asked = mqtt.command("meter", {"msgType": "observe", "data": {"path": "/3/0/9?pmin=5"}})
    content = {item["path"]: item for item in own(mqtt, "observe-list")["content"]}
    assert set(content) == {"/3303/0/5700", "/3/0/9"}
    known = content["/3303/0/5700"]
    assert known["state"] == "established" and known["label"] == "boiler" and known["age"] < 60
    assert content["/3/0/9"]["state"] == "requested"
    own(mqtt, "queue-clear")
    assert mqtt.answer(asked)["msgType"] == "dropped"
    assert [item["path"] for item in own(mqtt, "observe-list")["content"]] == ["/3303/0/5700"]


def test_a_kicked_device_has_to_register_again(sleeper, mqtt):
    mqtt.expect("up/register")
    time.sleep(0.35)
    waits = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert own(mqtt, "kick")["code"] == "2.02"
    assert mqtt.answer(waits)["msgType"] == "dropped"
    assert mqtt.expect("up/deregister").json["data"]["reason"] == "kicked"
    assert own(mqtt, "kick")["code"] == "4.04"
    assert own(mqtt, "queue-list")["code"] == "4.04"
    assert sleeper.request(POST, sleeper.location).code_text == "4.04"
    sleeper.register("meter", queries=("Q",))
    assert "reRegistration" not in mqtt.expect("up/register").json["data"]
    sleeper.register("meter", queries=("Q",))
    assert mqtt.expect("up/register").json["data"]["reRegistration"] is True


def test_they_are_answered_where_the_command_says(sleeper, mqtt):
    mqtt.publish("dn/meter", '{"msgType":"queue-list","reqID":7}', response_topic="my/answers",
                 correlation=b"abc")
    message = mqtt.expect("my/answers")
    assert message.json["reqID"] == 7 and message.json["data"]["content"] == []
    assert message.correlation_data == b"abc"


def test_what_is_under_way_is_not_called_back_but_does_not_wait_again(sleeper, mqtt):
    req_id = mqtt.command("meter", {"msgType": "read", "mheaders": NOW, "data": {"path": "/3/0/0"}})
    request = sleeper.next_request()
    assert own(mqtt, "queue-clear")["dropped"] == 0
    sleeper.respond(request, payload=b"5", content_format=TEXT)
    answer = mqtt.answer(req_id)
    # On a busy machine the device's answer may come when the request was given up already.
    assert answer["msgType"] == "coap_timeout" or answer["data"]["code"] == "2.05"
    mqtt.expect_none("up/resp", seconds=0.1)


def test_what_the_store_does_not_take_is_refused_and_not_done(sleeper, mqtt, gateway):
    """Another process holds the file for writing: no commit succeeds until it lets go."""
    time.sleep(0.35)
    waits = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0", "ttl": 3600}})
    assert [command["reqID"] for command in waiting(mqtt)] == [waits]
    other = sqlite3.connect(gateway.settings["store"]["path"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for name in ("kick", "queue-clear"):
        assert own(mqtt, name)["code"] == "5.03"
    assert [command["reqID"] for command in waiting(mqtt)] == [waits]
    gateway.kill()
    other.close()
    gateway.start()
    assert [command["reqID"] for command in waiting(mqtt)] == [waits]
    assert own(mqtt, "queue-clear")["dropped"] == 1
    assert own(mqtt, "kick")["code"] == "2.02"
