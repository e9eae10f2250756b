"""A disk that is full, and one that has room again: a small file system in memory."""

import os
import subprocess
import time

import pytest
from coap import ACK, CON, CONTENT_FORMAT, OBSERVE, POST, SENML_JSON, TEXT, Message
from conftest import wait_until
from dialogue import observe

SIZE = 12 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs to mount a file system: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


class Filler:
    """Fills a file system to the last byte, and gives the room back."""

    def __init__(self, place):
        self.path = place / "filler"

    def fill(self):
        with open(self.path, "ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                while True:
                    try:
                        if file.write(b"x" * size) < size:
                            break
                    except OSError:
                        break

    def free(self):
        self.path.unlink()


@pytest.fixture
def gateway(small_disk, make_gateway):
    """A gateway whose store is on the small disk."""
    return make_gateway({"store.path": str(small_disk / "store.db")})


def registers(device):
    """Whether a Register is accepted; True or False."""
    answer = device.request(POST, "/rd", payload=b"</1/0>,</3/0>", content_format=40,
                            queries=("ep=meter", "lt=300", "lwm2m=1.1", "b=U"))
    assert answer.code_text in ("2.01", "5.03"), answer
    return answer.code_text == "2.01"


def served(mqtt, device, seconds=30):
    """A command is answered; the device answers all that it is asked, an observation as well."""
    until = time.monotonic() + seconds
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    while time.monotonic() < until:
        try:
            device.respond(device.next_request(0.2), payload=b"x", content_format=TEXT)
        except TimeoutError:
            pass
        try:
            return mqtt.answer(req_id, 0.2)["data"]["code"] == "2.05"
        except AssertionError:
            pass
    return False


def test_a_full_disk_refuses_commands_and_loses_none(small_disk, gateway, coap, mqtt):
    filler = Filler(small_disk)
    device = coap()
    device.register("meter")
    token = observe(mqtt, device, path="/3303/0/5701", value=b"unit")
    under_way = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    filler.fill()
    # The store still has room of its own; it is used up by messages while the broker is away.
    gateway.broker.stop()
    gateway.process.wait_line("broker-lost")
    number, acknowledged, silent = 2, [], 0
    while silent < 3:
        number += 1
        message = Message(CON, 69, device.next_mid(), token,
                          [(OBSERVE, number), (CONTENT_FORMAT, TEXT)], b"u" * 1000)
        device.send(message)
        try:
            device.receive_where(lambda m, w=message: m.type == ACK and m.mid == w.mid, 0.5)
            acknowledged.append(number)
            silent = 0
        except TimeoutError:
            silent += 1
        assert number < 20000
    gateway.process.wait_line("store-full")
    device.respond(request, payload=b"y" * 900, content_format=TEXT)
    assert not registers(device)
    send = device.request(POST, "/dp", payload=b'[{"n":"/3/0/9","v":5}]', content_format=SENML_JSON)
    assert send.code_text == "5.03"
    gateway.kill()
    gateway.broker.start()
    gateway.start()
    assert mqtt.answer(under_way, timeout=60)["data"]["code"] == "2.05"
    numbers = set()
    while not set(acknowledged) <= numbers:
        numbers.add(mqtt.expect("up/notify", timeout=30).json["seqNum"])
    filler.free()
    wait_until(lambda: registers(device), timeout=30, what="a Register is accepted again")
    assert served(mqtt, device)


@pytest.mark.parametrize("index_is_gone", [False, True])
def test_a_full_disk_at_the_start(small_disk, gateway, coap, mqtt, index_is_gone):
    """It starts, refuses what it cannot keep, and works when there is room again."""
    filler = Filler(small_disk)
    sleeper = coap()
    sleeper.register("sleeper", queries=("Q",))
    gateway.stop()
    if index_is_gone:  # as when others take its room: SQLite empties it at a start
        (small_disk / "store.db-shm").unlink()
    filler.fill()
    gateway.set("lwm2m.qmode_time_window", "100ms")
    gateway.set("lwm2m.queue_length", 1000)
    gateway.start()
    refused = None
    write = {"msgType": "write", "data": {"path": "/3303/0/5750", "value": "v" * 60000,
                                          "type": "String"}}
    accepted = []
    while refused is None:
        req_id = mqtt.command("sleeper", write)
        try:
            refused = mqtt.answer(req_id, 0.3)
        except AssertionError:
            accepted.append(req_id)
        assert len(accepted) < 200
    assert refused["data"]["code"] == "5.03" and refused["data"]["reason"]
    assert not registers(sleeper)
    filler.free()
    wait_until(lambda: registers(sleeper), timeout=30, what="a Register is accepted again")
