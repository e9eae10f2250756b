"""What outlives the gateway: it is killed or asked to end, and starts again with its store."""

import signal
import re
import sqlite3
import time

import pytest
from coap import ACK, DELETE, GET, NON, OBSERVE, POST, RST, TEXT, Message, Peer
from conftest import PATIENCE, wait_until
from dialogue import observe, read

pytestmark = pytest.mark.settings({
    "lwm2m.qmode_time_window": "300ms", "lwm2m.coap.ack_timeout": "300ms",
    "lwm2m.coap.ack_random_factor": 1, "lwm2m.coap.max_retransmit": 1})

SLEEP = 0.4  # longer than the window


def die(gateway):
    gateway.die_and_start()


def end(gateway):
    gateway.restart()


@pytest.fixture(params=[die, end], ids=["killed", "ended"])
def again(request, gateway):
    """again(): the gateway ends, one way or the other, and starts anew"""
    return lambda: request.param(gateway)


@pytest.fixture
def device(coap):
    return coap()


def update(device, location):
    return device.request(POST, location).code_text


def rows(gateway, table):
    store = sqlite3.connect(f"file:{gateway.settings['store']['path']}?mode=ro", uri=True,
                            timeout=10)
    try:
        return store.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        store.close()


def wait_rows(gateway, table, count):
    """Waits until so many rows are durable; of commands those that have not ended."""
    where = "command WHERE payload IS NOT NULL" if table == "command" else table
    wait_until(lambda: len(rows(gateway, where)) == count, what=f"{count} rows of {table}")


# --- registrations ---

def test_a_registration_survives(again, device, mqtt):
    location = device.register("meter", queries=("imei=86",))
    again()
    assert update(device, location) == "2.04"
    data = mqtt.expect("up/update", lambda m: m.json["ep"] == "meter").json["data"]
    assert data["objectList"] == ["/1/0", "/3/0"] and data["lt"] == 300 and data["imei"] == "86"
    read(mqtt, device)
    assert device.request(DELETE, location).code_text == "2.02"
    again()
    assert update(device, location) == "4.04"


def test_a_device_that_never_sleeps_is_reached_before_it_speaks(again, device, mqtt):
    device.register("meter")
    again()
    read(mqtt, device)


def test_what_an_update_changed_survives(again, device, mqtt):
    location = device.register("meter")
    assert device.request(POST, location, queries=("lt=4000",),
                          payload=b"</1/0>,</3/0>,</3303/7>",
                          content_format=40).code_text == "2.04"
    again()
    mqtt.clear()
    assert update(device, location) == "2.04"
    data = mqtt.expect("up/update").json["data"]
    assert data["lt"] == 4000 and data["objectList"] == ["/1/0", "/3/0", "/3303/7"]


def test_a_new_registration_replaces_the_stored_one(again, device, mqtt):
    first = device.register("meter")
    second = device.register("meter", lifetime=500)
    assert first != second
    again()
    assert update(device, first) == "4.04"
    assert update(device, second) == "2.04"


def test_a_device_for_which_there_was_no_room_is_stored_once(gateway, coap, device, mqtt):
    first = device.register("first")
    other = coap()
    old = other.register("second")
    gateway.kill()
    gateway.set("lwm2m.max_devices", 1)
    gateway.start()
    gateway.process.wait_line(r"not-restored .*endpoint=second")
    assert device.request(DELETE, first).code_text == "2.02"
    new = other.register("second")
    wait_rows(gateway, "device", 1)
    gateway.kill()
    gateway.set("lwm2m.max_devices", 2)
    gateway.start()
    gateway.process.wait_line(r"restored devices=1 .*unserved=0")
    assert update(other, old) == "4.04"
    assert update(other, new) == "2.04"


@pytest.mark.settings({"lwm2m.lifetime_min": "1s"})
def test_a_lifetime_that_ends_while_the_gateway_is_away_is_reported(gateway, device, mqtt):
    location = device.register("meter", lifetime=1)
    other = device.register("other", lifetime=300)
    gateway.kill()
    time.sleep(1.6)  # and the half that a start adds
    gateway.start()
    left = mqtt.expect("up/deregister", lambda m: m.json["ep"] == "meter").json
    assert left["data"]["reason"] == "lifetime_expired"
    assert update(device, location) == "4.04"
    assert update(device, other) == "2.04"
    wait_rows(gateway, "device", 1)


def test_a_device_comes_back_from_another_address(again, coap, device, mqtt):
    location = device.register("meter", queries=("Q",))
    token = observe(mqtt, device)
    again()
    elsewhere = coap()
    assert update(elsewhere, location) == "2.04"
    read(mqtt, elsewhere)
    elsewhere.notify(token, 2, b"7")
    assert mqtt.expect("up/notify").json["data"]["content"][0]["value"] == 7
    again()
    read_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert update(elsewhere, location) == "2.04"
    elsewhere.respond(elsewhere.next_request(), payload=b"x", content_format=TEXT)
    assert mqtt.answer(read_id)["data"]["code"] == "2.05"


def test_the_address_of_a_device_that_never_sleeps_is_kept_up_to_date(again, coap, device, mqtt):
    location = device.register("meter")
    elsewhere = coap()
    assert update(elsewhere, location) == "2.04"
    again()
    read(mqtt, elsewhere)


# --- observations ---

def test_a_notification_after_a_restart_is_understood(again, device, mqtt):
    device.register("meter")
    token = observe(mqtt, device, cacheID="c1", nested={"a": [1, None]})
    again()
    assert device.reply_to(device.notify(token, 2, b"21.5")).type == ACK
    message = mqtt.expect("up/notify").json
    assert message["data"]["reqPath"] == "/3303/0/5700" and message["seqNum"] == 2
    assert message["data"]["content"] == [{"path": "/3303/0/5700", "value": 21.5}]
    assert message["cacheID"] == "c1" and message["nested"] == {"a": [1, None]}


def test_an_observation_that_was_cancelled_does_not_come_back(again, device, mqtt):
    device.register("meter")
    token = observe(mqtt, device)
    req_id = mqtt.command("meter", {"msgType": "cancel-observe", "data": {"path": "/3303/0/5700"}})
    device.respond(device.next_request(), payload=b"1", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"
    again()
    assert device.reply_to(device.notify(token, 2, b"21.5")).type == RST


def test_an_observation_is_renewed_when_the_device_registers_after_a_restart(again, device, mqtt):
    device.register("meter")
    token = observe(mqtt, device, mark="kept")
    again()
    device.register("meter")
    request = device.next_request()
    assert (request.code, request.get_uint(OBSERVE)) == (GET, 0)
    assert (request.path, request.token) == ("/3303/0/5700", token)
    device.respond(request, payload=b"5", content_format=TEXT, options=[(OBSERVE, 1)])
    assert mqtt.expect("up/notify").json["mark"] == "kept"


def test_a_renewal_that_a_restart_interrupts_is_made_up_for(gateway, device, mqtt):
    device.register("meter", queries=("Q",))
    token = observe(mqtt, device)
    location = device.register("meter", queries=("Q",))
    assert device.next_request().token == token  # and no answer to it
    gateway.die_and_start()
    assert update(device, location) == "2.04"
    request = device.receive_where(lambda m: m.code == GET)
    assert (request.path, request.token) == ("/3303/0/5700", token)


@pytest.mark.parametrize("path", ["/3303/0/5700", "/3303"])
def test_a_pmax_that_was_written_survives(again, device, mqtt, path):
    device.register("meter")
    observe(mqtt, device)
    req_id = mqtt.command("meter", {"msgType": "write-attr", "data": {"path": path, "pmax": 60}})
    device.respond(device.next_request(), "2.04")
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"
    again()
    listed = mqtt.answer(mqtt.command("meter", {"msgType": "observe-list"}))
    assert [entry["pmax"] for entry in listed["data"]["content"]] == [60]


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_automatic_observations_survive_and_are_not_asked_for_again(again, device, mqtt):
    location = device.register("meter", links="</1/0>,</3303/0>")
    request = device.next_request()
    assert (request.path, request.get_uint(OBSERVE)) == ("/3303/0", 0)
    device.respond(request, payload=b'{"e":[{"n":"5700","v":1}]}', content_format=11543,
                   options=[(OBSERVE, 1)])
    mqtt.expect("up/resp", lambda m: m.json.get("is_auto_observe"))
    again()
    assert update(device, location) == "2.04"
    device.notify(request.token, 2, b'{"e":[{"n":"5700","v":2}]}', content_format=11543, type=NON)
    message = mqtt.expect("up/notify").json
    assert message["is_auto_observe"] is True and message["data"]["content"][0]["value"] == 2
    device.expect_silence(0.3)


@pytest.mark.settings({"lwm2m.auto_observe": True})
def test_automatic_observations_that_a_restart_prevented_are_made_up_for(gateway, device, mqtt):
    location = device.register("meter", links="</1/0>,</3303/0>", queries=("Q",))
    device.next_request()  # and no answer to it
    gateway.die_and_start()
    assert update(device, location) == "2.04"
    request = device.receive_where(lambda m: m.code == GET)
    assert (request.path, request.get_uint(OBSERVE)) == ("/3303/0", 0)


def test_a_composite_observation_survives(again, device, mqtt):
    device.register("meter", links='</>;rt="oma.lwm2m";ct=110,</1/0>,</3/0>')
    req_id = mqtt.command("meter", {"msgType": "observe-composite",
                                    "data": {"paths": ["/3/0/9", "/3/0/0"]}})
    request = device.next_request()
    device.respond(request, payload=b'[{"n":"/3/0/9","v":1}]', content_format=110,
                   options=[(OBSERVE, 1)])
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"
    again()
    device.notify(request.token, 2, b'[{"n":"/3/0/9","v":2}]', content_format=110)
    assert mqtt.expect("up/notify").json["data"]["content"] == [{"path": "/3/0/9", "value": 2}]


# --- commands ---

def command(mqtt, path="/3/0/0", **options):
    return mqtt.command("meter", {"msgType": "read", "data": {"path": path}}, **options)


def sleeping(device):
    location = device.register("meter", queries=("Q",))
    time.sleep(SLEEP)
    return location


def serve(device, path="/3/0/0"):
    request = device.next_request()
    assert request.path == path
    device.respond(request, payload=b"x", content_format=TEXT)


def test_the_queue_of_a_sleeping_device_survives_in_its_order(again, device, mqtt, gateway):
    location = sleeping(device)
    ids = [command(mqtt, f"/3/0/{i}") for i in range(3)]
    wait_rows(gateway, "command", 3)
    again()
    assert update(device, location) == "2.04"
    for i in range(3):
        serve(device, f"/3/0/{i}")
    assert [mqtt.expect("up/resp").json["reqID"] for _ in ids] == ids
    wait_rows(gateway, "message", 0)  # else they may be published once more
    again()
    assert update(device, location) == "2.04"
    device.expect_silence(0.3)
    seen = {message.payload for message in mqtt.history}  # the same message may come again
    mqtt.expect_none("up/resp", lambda m: m.payload not in seen, seconds=0.2)


def test_a_command_goes_to_the_device_that_registers_anew_after_a_restart(again, device, mqtt,
                                                                          gateway):
    sleeping(device)
    req_id = command(mqtt)
    wait_rows(gateway, "command", 1)
    again()
    device.register("meter", queries=("Q",))
    serve(device)
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"


def test_response_topic_and_correlation_data_survive(again, device, mqtt, gateway):
    location = sleeping(device)
    command(mqtt, response_topic="my/answers", correlation=b"\x00\xff7")
    wait_rows(gateway, "command", 1)
    again()
    assert update(device, location) == "2.04"
    serve(device)
    assert mqtt.expect("my/answers").correlation_data == b"\x00\xff7"


def test_a_deadline_goes_on_while_no_gateway_runs(gateway, device, mqtt):
    location = sleeping(device)
    expired, kept = command(mqtt, expiry=1), command(mqtt, expiry=300)
    wait_rows(gateway, "command", 2)
    gateway.kill()
    time.sleep(1.1)
    gateway.start()
    assert mqtt.answer(expired)["msgType"] == "expired"
    assert update(device, location) == "2.04"
    serve(device)
    assert mqtt.answer(kept)["data"]["code"] == "2.05"
    mqtt.expect_none("up/resp", seconds=0.2)


def test_a_command_published_while_no_gateway_runs_is_carried_out(gateway, device, mqtt):
    location = device.register("meter")
    gateway.kill()
    req_id = command(mqtt)
    gateway.start()
    serve(device)
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"
    assert update(device, location) == "2.04"


def test_a_command_to_an_unknown_device_published_while_no_gateway_runs(gateway, mqtt):
    gateway.kill()
    req_id = command(mqtt)
    gateway.start()
    assert mqtt.answer(req_id)["data"]["code"] == "4.04"


@pytest.mark.settings({"lwm2m.qmode_time_window": "60s"})
def test_a_command_under_way_is_sent_once_more_and_says_so(gateway, device, mqtt):
    location = device.register("meter", queries=("Q",))
    execute = mqtt.command("meter", {"msgType": "execute", "data": {"path": "/3/0/4"}})
    harmless = command(mqtt)
    assert device.next_request().path == "/3/0/4"  # carried out, but the answer comes too late
    wait_rows(gateway, "command", 2)
    gateway.die_and_start()
    assert update(device, location) == "2.04"
    request = device.receive_where(lambda m: m.path == "/3/0/4")
    device.respond(request, "2.04")
    serve(device)
    answer = mqtt.answer(execute)
    assert answer["data"]["code"] == "2.04" and answer["maybeExecuted"] is True
    assert "maybeExecuted" not in mqtt.answer(harmless)


def test_a_command_that_was_never_sent_was_not_executed(again, device, mqtt, gateway):
    location = sleeping(device)
    execute = mqtt.command("meter", {"msgType": "execute", "data": {"path": "/3/0/4"}})
    wait_rows(gateway, "command", 1)
    again()
    assert update(device, location) == "2.04"
    device.respond(device.next_request(), "2.04")
    assert "maybeExecuted" not in mqtt.answer(execute)


def test_commands_of_a_device_that_leaves_after_a_restart_end(again, device, mqtt, gateway):
    location = sleeping(device)
    req_id = command(mqtt)
    wait_rows(gateway, "command", 1)
    again()
    assert device.request(DELETE, location).code_text == "2.02"
    answer = mqtt.answer(req_id)
    assert answer["msgType"] == "dropped" and answer["data"]["reason"] == "the device left"
    wait_rows(gateway, "device", 0)


def test_broker_and_gateway_start_again_together(gateway, broker, device, mqtt):
    location = sleeping(device)
    token = observe_sleeping(mqtt, device, location)
    time.sleep(SLEEP)
    req_id = command(mqtt)
    wait_rows(gateway, "command", 1)
    gateway.kill()
    broker.restart()
    gateway.start()
    device.notify(token, 2, b"8")
    serve(device)
    assert mqtt.expect("up/notify").json["data"]["content"][0]["value"] == 8
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"


def observe_sleeping(mqtt, device, location):
    assert update(device, location) == "2.04"
    return observe(mqtt, device)


# --- what changed meanwhile ---

def test_other_definitions_after_a_restart(make_gateway, mqtt, tmp_path):
    (tmp_path / "none").mkdir()
    gateway = make_gateway({"lwm2m.xml_dir": str(tmp_path / "none"),
                            "lwm2m.qmode_time_window": "300ms"})
    with Peer(gateway.port) as device:
        location = sleeping(device)
        req_id = mqtt.command("meter", {"msgType": "write", "data": {
            "path": "/3/0/0", "type": "String", "value": "x"}})
        wait_rows(gateway, "command", 1)
        gateway.kill()
        gateway.set("lwm2m.xml_dir", "objects-xml/oma")
        gateway.start()
        assert mqtt.answer(req_id)["data"]["code"] == "4.05"  # a manufacturer cannot be written
        assert update(device, location) == "2.04"
        device.expect_silence(0.3)


def test_a_start_without_a_store_knows_nothing(gateway, device, mqtt):
    location = device.register("meter")
    gateway.kill()
    path = gateway.settings["store"]["path"]
    gateway.set("store.path", "")
    gateway.start()
    assert update(device, location) == "4.04"
    gateway.kill()
    gateway.set("store.path", path)
    gateway.start()
    assert update(device, location) == "2.04"


def test_damaged_rows_cost_only_themselves(gateway, device, mqtt):
    location = device.register("meter")
    other = device.register("other")
    observe(mqtt, device)
    gateway.stop()
    store = sqlite3.connect(gateway.settings["store"]["path"])
    with store:
        store.execute("UPDATE device SET links=X'3C' WHERE endpoint='other'")
        store.execute("INSERT INTO device (endpoint, number) VALUES ('third', 7)")
        store.execute("INSERT INTO observation (device, token)"
                      " SELECT id, X'00' FROM device WHERE endpoint='meter'")
        store.execute("INSERT INTO command (id, endpoint, payload) VALUES (9, 'meter', X'7B')")
        store.execute("INSERT INTO command (id, endpoint, payload) VALUES (10, 'nobody', ?)",
                      (b'{"msgType":"read","data":{"path":"/3"}}',))
    store.close()
    gateway.start()
    gateway.process.wait_line(r"restored devices=1 observations=1 commands=0 damaged=3")
    assert mqtt.expect("up/resp", lambda m: m.json["ep"] == "meter"
                       and m.json["msgType"] == "error").json["data"]["code"] == "4.00"
    assert mqtt.expect("up/resp", lambda m: m.json["ep"] == "nobody").json["msgType"] == "dropped"
    assert update(device, location) == "2.04"
    assert update(device, other) == "4.04"
    wait_rows(gateway, "device", 1)
    wait_rows(gateway, "observation", 1)
    wait_rows(gateway, "command", 0)


def sql(gateway, *lines):
    """Changes the file while no gateway runs."""
    store = sqlite3.connect(gateway.settings["store"]["path"])
    for line in lines:
        store.execute(line)
        store.commit()
    store.close()


def observed(mqtt, endpoint):
    answer = mqtt.answer(mqtt.command(endpoint, {"msgType": "observe-list"}))
    return [one["path"] for one in answer["data"]["content"]]


def test_an_observation_without_its_device_is_nobodys(gateway, coap, mqtt):
    device, third, new = coap(), coap(), coap()
    location = device.register("first")
    coap().register("second")
    third.register("third")
    observe(mqtt, third, endpoint="third")
    gateway.kill()
    sql(gateway, "DELETE FROM device WHERE endpoint='third'")
    gateway.set("lwm2m.max_devices", 1)  # the second stays in the store all the same
    gateway.start()
    gateway.process.wait_line(r"restored devices=1 observations=0 commands=0 damaged=1 unserved=1")
    assert device.request(DELETE, location).code_text == "2.02"
    new.register("new")
    gateway.kill()
    gateway.set("lwm2m.max_devices", 9)
    gateway.start()
    assert observed(mqtt, "new") == []


def test_a_registration_for_which_there_was_no_room_ended_its_observations(gateway, coap, mqtt):
    device, other = coap(), coap()
    location = device.register("first")
    other.register("second")
    observe(mqtt, other, endpoint="second")
    gateway.kill()
    gateway.set("lwm2m.max_devices", 1)
    gateway.start()
    gateway.process.wait_line(r"restored devices=1")
    assert device.request(DELETE, location).code_text == "2.02"
    other.register("second")
    assert observed(mqtt, "second") == []
    gateway.die_and_start()
    assert observed(mqtt, "second") == []


def test_a_row_whose_number_is_none(gateway, device, mqtt):
    device.register("meter")
    gateway.kill()
    sql(gateway, "UPDATE device SET id=0")
    gateway.start()
    gateway.process.wait_line(r"restored devices=0 .*damaged=1")
    location = device.register("meter")
    gateway.die_and_start()
    assert update(device, location) == "2.04"
    wait_rows(gateway, "device", 1)


def test_rows_are_not_mixed_up_when_the_file_is_lost(gateway, coap, mqtt):
    """One device has no room after a start; the file is lost, then others come, and at last it."""
    devices = {name: coap() for name in ("a", "b", "c", "d", "new")}
    locations = {name: devices[name].register(name) for name in "abcd"}
    gateway.kill()
    sql(gateway, "PRAGMA wal_checkpoint(TRUNCATE)", "CREATE TABLE x (y)",
        "INSERT INTO x VALUES (zeroblob(100000))", "DROP TABLE x",
        "PRAGMA wal_checkpoint(TRUNCATE)")
    damage_free_page(gateway.settings["store"]["path"])
    gateway.set("lwm2m.max_devices", 3)
    gateway.start()
    gateway.process.wait_line(r"restored devices=3 .*unserved=1")
    mqtt.command("a", {"msgType": "write", "data": {"path": "/3/0/15", "type": "String",
                                                    "value": "x" * 9000}})
    gateway.process.wait_line(r"store-damaged")
    assert devices["b"].request(DELETE, locations["b"]).code_text == "2.02"
    new = devices["new"].register("new")
    assert devices["c"].request(DELETE, locations["c"]).code_text == "2.02"
    late = devices["d"].register("d")
    gateway.die_and_start()
    assert update(devices["new"], new) == "2.04"
    assert update(devices["d"], late) == "2.04"


def damage_free_page(path):
    """Spoils the first page of the list of pages that are not used: whoever needs one meets it."""
    with open(path, "r+b") as file:
        first = int.from_bytes(file.read(36)[32:], "big")
        assert first > 0
        file.seek((first - 1) * 4096)
        file.write(b"\x77" * 4096)


def test_damage_that_is_met_while_observations_are_read(gateway, device, mqtt):
    device.register("meter")
    gateway.kill()
    sql(gateway, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000)"
                 " INSERT INTO observation SELECT id, CAST(printf('%08d', i) AS BLOB), 1,"
                 " CAST('/3303/'||i||'/5700' AS BLOB), NULL, 0, 0, NULL, 0, 0 FROM device, n",
        "PRAGMA wal_checkpoint(TRUNCATE)")
    with open(gateway.settings["store"]["path"], "r+b") as file:
        file.seek(file.read().index(b"00000500") & ~4095)
        file.write(b"\x77" * 4096)
    gateway.start()
    restored, starts = restored_observations(gateway)
    assert 800 < restored < 1000 and starts == 1
    gateway.die_and_start()
    assert restored_observations(gateway) == (restored, 2)


def test_damage_that_is_met_while_commands_are_read(gateway, device, mqtt):
    location = sleeping(device)
    for i in range(20):
        mqtt.command("meter", {"msgType": "write", "data": {
            "path": f"/32769/0/{i}", "type": "String", "value": f"value {i} " + "x" * 2000}})
    wait_rows(gateway, "command", 20)
    gateway.kill()
    sql(gateway, "PRAGMA wal_checkpoint(TRUNCATE)")
    with open(gateway.settings["store"]["path"], "r+b") as file:
        file.seek(file.read().index(b"value 12 x") & ~4095)
        file.write(b"\x77" * 4096)
    gateway.start()
    assert update(device, location) == "2.04"
    paths = []
    while len(paths) < 40:
        try:
            request = device.next_request(timeout=1)
        except TimeoutError:
            break
        paths.append(request.path)
        device.respond(request, "2.04")
    assert "store-damaged" in gateway.process.text()
    assert len(paths) == len(set(paths)) and 10 <= len(paths) < 20


def restored_observations(gateway):
    """As the last start said, which is over."""
    lines = re.findall(r"restored devices=1 observations=(\d+) .*damaged=0", gateway.process.text())
    return int(lines[-1]), len(lines)


def test_a_first_value_that_was_acknowledged_as_a_response_survives(broker, gateway, device, mqtt):
    """A device answers the observation that the gateway sets up again with a confirmable message,
    which is acknowledged at once; the broker and the gateway die before they speak of it."""
    device.register("meter", "</3303/0>")
    observe(mqtt, device)
    broker.process.signal(signal.SIGSTOP)
    device.register("meter", "</3303/0>")
    request = device.next_request()
    assert request.get_uint(OBSERVE) == 0
    device.send(Message(ACK, 0, request.mid))
    sent = device.notify(request.token, 7, b"7")
    assert device.reply_to(sent).type == ACK
    gateway.kill()
    broker.kill()
    mqtt.subscribed.clear()
    broker.start()
    assert mqtt.subscribed.wait(PATIENCE)
    gateway.start()
    assert mqtt.expect("up/notify").json["data"]["content"][0]["value"] == 7
