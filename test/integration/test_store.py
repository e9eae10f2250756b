"""What is kept on disk: through outages of the broker, the death of the gateway, damage, a full disk."""

import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
from coap import ACK, CON, CONTENT_FORMAT, NON, OBSERVE, POST, SENML_JSON, TEXT, Message
from conftest import BUILD, wait_until
from dialogue import observe
from ports import free_port


@pytest.fixture
def device(gateway, coap):
    peer = coap()
    peer.register("meter")
    return peer


def notification(device, token, number, type=CON):
    return Message(type, 69, device.next_mid(), token, [(OBSERVE, number), (CONTENT_FORMAT, TEXT)],
                   b"%d" % number)


def send_of(device, number):
    return Message(CON, POST, device.next_mid(), b"s%d" % number,
                   [(11, "dp"), (CONTENT_FORMAT, SENML_JSON)],
                   b'[{"n":"/3/0/9","v":%d}]' % number)


def deliver(device, messages, seconds=15):
    """Sends confirmable messages one by one, each again until it is acknowledged."""
    for message in messages:
        until = time.monotonic() + seconds
        while True:
            assert time.monotonic() < until, f"never acknowledged: {message}"
            device.send(message)
            try:
                device.receive_where(lambda m, wanted=message: m.type == ACK and m.mid == wanted.mid,
                                     1)
                break
            except TimeoutError:
                continue


def stop_broker(broker, gateway):
    broker.stop()
    gateway.process.wait_line("broker-lost")


def stored_messages(gateway):
    """What another process sees in the file while the gateway runs."""
    path = gateway.settings["store"]["path"]
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM message").fetchone()[0]
    finally:
        connection.close()


def test_what_was_acknowledged_during_an_outage_survives_the_death_of_the_gateway(
        broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    stop_broker(broker, gateway)
    deliver(device, [notification(device, token, number) for number in range(2, 12)])
    deliver(device, [send_of(device, number) for number in range(5)])
    device.send(notification(device, token, 12, NON))
    wait_until(lambda: stored_messages(gateway) >= 16, what="all are stored")
    gateway.kill()
    broker.start()
    gateway.start()
    numbers = [mqtt.expect("up/notify").json["seqNum"] for _ in range(11)]
    assert numbers == list(range(2, 13))
    values = [mqtt.expect("up/send").json["data"]["content"][0]["value"] for _ in range(5)]
    assert values == list(range(5))
    wait_until(lambda: stored_messages(gateway) == 0, what="what the broker confirmed is deleted")


def test_an_outage_does_not_fill_the_memory(broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    stop_broker(broker, gateway)
    for number in range(2, 402):
        device.send(notification(device, token, number, NON))
        if number % 20 == 0:
            assert device.ping()
    wait_until(lambda: stored_messages(gateway) == 400, what="all are stored")
    broker.start()
    line = gateway.process.wait_line("broker-connected .* waiting=([0-9]+) stored=400")
    assert line.group(1) == "0"
    numbers = [mqtt.expect("up/notify").json["seqNum"] for _ in range(400)]
    assert numbers == list(range(2, 402))


@pytest.mark.settings({"mqtt.drain_rate": 20})
def test_others_are_not_held_up_while_stored_messages_drain(broker, coap, device, gateway, mqtt):
    other = coap()
    other.register("other")
    token, others = observe(mqtt, device), observe(mqtt, other, "other")
    stop_broker(broker, gateway)
    for number in range(2, 102):
        device.send(notification(device, token, number, NON))
        if number % 20 == 0:
            assert device.ping()
    wait_until(lambda: stored_messages(gateway) == 100, what="all are stored")
    broker.start()
    gateway.process.wait_line("broker-connected .* stored=100")
    deliver(other, [notification(other, others, 2)])
    deliver(device, [notification(device, token, 102)])
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    device.respond(device.next_request(10), payload=b"x", content_format=TEXT)
    mqtt.answer(req_id)
    mqtt.expect("up/notify", lambda m: m.json["ep"] == "other")
    numbers = [mqtt.expect("up/notify").json["seqNum"] for _ in range(101)]
    assert numbers == list(range(2, 103)), "the newest one comes behind the stored ones"
    times = {m.json["seqNum"] if m.json["ep"] == "meter" else m.json["ep"]: i
             for i, m in enumerate(mqtt.history) if m.topic == "up/notify"}
    assert times["other"] < times[102]


def test_sigterm_during_an_outage_loses_nothing(broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    stop_broker(broker, gateway)
    deliver(device, [notification(device, token, number) for number in (2, 3)])
    gateway.stop()
    assert "messages-lost" not in gateway.process.text()
    broker.start()
    gateway.start()
    assert [mqtt.expect("up/notify").json["seqNum"] for _ in range(2)] == [2, 3]


def test_a_damaged_file_is_put_aside(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--update-interval", "0.5")
    mqtt.expect("up/register")
    gateway.kill()
    path = pathlib.Path(gateway.settings["store"]["path"])
    path.with_name("store.db-wal").unlink()  # it would mend all of it
    path.write_bytes(b"rubbish " * 5000)
    gateway.start()
    gateway.process.wait_line("store-damaged .*put_aside=")
    aside = [p for p in path.parent.glob("store.db.damaged-*") if re.search("[0-9]$", p.name)]
    assert len(aside) == 1 and aside[0].read_bytes().startswith(b"rubbish ")
    mqtt.expect("up/register")
    assert mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})


def test_a_second_gateway_on_the_same_file_is_refused(gateway):
    other = gateway.directory / "other.yaml"
    port = free_port(socket.SOCK_DGRAM)
    gateway.set("lwm2m.listeners", [{"transport": "udp", "bind": f"127.0.0.1:{port}"}])
    other.write_text(gateway.write_config().read_text())
    result = subprocess.run([BUILD / "gateway/lwm2mqtt", "-c", other], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == 1
    assert "store-not-opened" in result.stderr and "another process uses it" in result.stderr
    assert gateway.answers()


def test_the_file_is_readable_by_its_owner_alone(gateway):
    path = pathlib.Path(gateway.settings["store"]["path"])
    assert [p.stat().st_mode & 0o077 for p in path.parent.glob("store.db*")] == [0, 0, 0]


@pytest.mark.settings({"mqtt.keepalive": "1s"})
def test_a_broker_that_hangs_is_an_outage(broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    os.kill(broker.process.child.pid, signal.SIGSTOP)
    try:
        deliver(device, [notification(device, token, number) for number in (2, 3)], seconds=60)
        gateway.process.wait_line("broker-lost")
    finally:
        os.kill(broker.process.child.pid, signal.SIGCONT)
    numbers = []
    while set(numbers) != {2, 3}:  # a message that was under way may come twice
        numbers.append(mqtt.expect("up/notify", timeout=30).json["seqNum"])


@pytest.mark.settings({"store.max_bytes": "4MiB", "mqtt.backlog_full": "drop_oldest",
                       "mqtt.drain_rate": 0})
def test_the_oldest_make_room_in_a_long_outage(broker, device, gateway, mqtt):
    token = observe(mqtt, device, path="/3303/0/5701", value=b"unit")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    broker.kill()
    gateway.process.wait_line("broker-lost")
    device.respond(request, payload=b"x", content_format=TEXT)
    last = 6000
    for number in range(2, last + 1):
        device.send(Message(NON, 69, device.next_mid(), token,
                            [(OBSERVE, number), (CONTENT_FORMAT, TEXT)], b"u" * 1000))
        if number % 50 == 0:
            assert device.ping()
    deliver(device, [notification(device, token, last + 1)])
    gateway.process.wait_line("messages-dropped .*count=[0-9]+")
    broker.start()
    assert mqtt.answer(req_id, 30)["data"]["code"] == "2.05", "an answer is never dropped"
    numbers = []
    while last + 1 not in numbers:
        numbers.append(mqtt.expect("up/notify", timeout=30).json["seqNum"])
    assert numbers == sorted(numbers)
    assert 1000 < len(numbers) < last - 1000
    assert set(range(last - 500, last + 2)) <= set(numbers)
    assert os.path.getsize(gateway.settings["store"]["path"]) <= 4 * 1024 * 1024
