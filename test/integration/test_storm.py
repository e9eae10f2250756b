"""More comes in than can be served: who registers is told when to come back (5.03), those who are
registered are served, and as soon as there is room again who registers is welcome."""

import contextlib
import itertools
import os
import re
import signal
import socket

import coap as coap_peer
import pytest
from coap import CON, CONTENT_FORMAT, LINK, POST, SENML_JSON, URI_PATH, URI_QUERY, Message
from conftest import PATIENCE, wait_until

MAX_AGE = 14
MIB = 1 << 20
SO_RCVBUFFORCE = 33  # of Linux; not in the socket module
BATCH = 64  # datagrams that the gateway reads at once
TURN = 16 * BATCH  # before it looks at how many are left
CROWDED = "too many messages wait for the broker"
FLOODED = "more comes in than can be served"


def enlarge_buffer(receiver):
    """Asks for 2 MiB, as the gateway does; returns how much it became, which the kernel doubles."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * MIB)
    with contextlib.suppress(PermissionError):
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2 * MIB)
    return receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def largest_buffer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return enlarge_buffer(probe)


class Crowd:
    """Devices behind one address; each registers once, and repeats nothing."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.peer = coap_peer.Peer(gateway.port)
        enlarge_buffer(self.peer.socket)
        self.numbers = itertools.count()
        self.sent = {}  # endpoints of the Registers that are not answered, by token
        self.registered = {}  # their locations, by endpoint
        self.refused = set()

    def send(self, count):
        for number in itertools.islice(self.numbers, count):
            token = number.to_bytes(4, "big")
            self.sent[token] = f"device-{number}"
            self.peer.send(Message(CON, POST, self.peer.next_mid(), token, [
                (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, "lwm2m=1.1"),
                (URI_QUERY, "lt=300"), (URI_QUERY, f"ep=device-{number}")], b"</1/0>,</3/0>"))

    def receive(self, timeout=PATIENCE):
        """Takes the next answer to a Register; returns its code."""
        answer = self.peer.receive_where(lambda m: m.token in self.sent, timeout)
        endpoint = self.sent.pop(answer.token)
        if answer.code_text == "2.01":
            self.registered[endpoint] = answer.location
        else:
            assert answer.code_text == "5.03", answer
            assert 5 <= answer.get_uint(MAX_AGE) <= 185, answer
            self.refused.add(endpoint)
        return answer.code_text

    def register(self, timeout=PATIENCE):
        """One more device registers; returns the code of its answer."""
        self.send(1)
        token = next(reversed(self.sent))
        code = None
        while token in self.sent:
            code = self.receive(timeout)
        return code

    def is_welcome(self):
        """Whether one more device is; what is lost in a flood counts as no."""
        try:
            return self.register(1) == "2.01"
        except TimeoutError:
            return False

    def logged(self, reason):
        """How many were refused according to each line of the log."""
        lines = re.findall(r"registration-refused endpoint=device-\d+ .*"
                           rf'reason="{reason}" postponed=(\d+)$', self.gateway.process.text(),
                           re.MULTILINE)
        return [1 + int(postponed) for postponed in lines]


@pytest.fixture
def crowd():
    """crowd(gateway): see above"""
    made = []

    def make(gateway):
        made.append(Crowd(gateway))
        return made[-1]

    yield make
    for crowd in made:
        crowd.peer.close()


# --- messages that wait for the broker ---

@contextlib.contextmanager
def stopped(broker, gateway):
    broker.stop()
    gateway.process.wait_line("broker-lost")
    yield
    broker.start()


@contextlib.contextmanager
def hanging(broker, _gateway):
    broker.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.process.signal(signal.SIGCONT)


@pytest.mark.parametrize("outage, store, room", [
    pytest.param(stopped, False, 6, id="stopped"),
    pytest.param(hanging, False, 2 + 6, id="hanging"),  # two are handed over
    pytest.param(hanging, True, 2 + 6, id="hanging-with-a-store"),
])
def test_half_of_the_backlog_is_full(broker, crowd, make_gateway, mqtt, outage, store, room):
    settings = {"mqtt.max_backlog": 12, "mqtt.max_inflight": 2, "mqtt.keepalive": "600s"}
    gateway = make_gateway(settings if store else {**settings, "store.path": ""})
    devices = crowd(gateway)
    with outage(broker, gateway):
        assert [devices.register() for _ in range(room + 1)] == ["2.01"] * room + ["5.03"]
        devices.send(20)
        assert {devices.receive() for _ in range(20)} == {"5.03"}
        location = devices.registered["device-0"]
        assert devices.peer.request(POST, location, timeout=PATIENCE).code_text == "2.04"

        def all_are_logged():  # once a second there is a line
            assert devices.register() == "5.03"
            return sum(devices.logged(CROWDED)) == len(devices.refused)

        wait_until(all_are_logged, what="the log tells of all that were refused")
        assert max(devices.logged(CROWDED)) > 1
    wait_until(devices.is_welcome, what="Registers are welcome once the broker is back")
    published = {mqtt.expect("up/register").json["ep"] for _ in devices.registered}
    assert published == set(devices.registered)


@pytest.mark.settings({"mqtt.max_backlog": 12})
def test_an_outage_refuses_nobody_whom_the_store_can_take(broker, crowd, gateway, mqtt):
    devices = crowd(gateway)
    with stopped(broker, gateway):
        assert [devices.register() for _ in range(50)] == ["2.01"] * 50
    published = {mqtt.expect("up/register").json["ep"] for _ in range(50)}
    assert published == set(devices.registered)


# --- datagrams that wait to be read ---

@contextlib.contextmanager
def paused(gateway):
    os.kill(gateway.pid, signal.SIGSTOP)

    def is_paused():
        with open(f"/proc/{gateway.pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    try:
        wait_until(is_paused, what="the gateway is paused")
        yield
    finally:
        os.kill(gateway.pid, signal.SIGCONT)


@pytest.mark.settings({"mqtt.max_inflight": 2, "lwm2m.socket_buffer": "128KiB"})
def test_half_of_the_buffer_is_full_while_devices_wait_for_the_broker(coap, crowd, gateway, mqtt):
    """The first batch holds more Sends than the broker is given at once. Until it has taken them
    the Registers behind them stay in the buffer, which could not hold all of them."""
    device, devices = coap(), crowd(gateway)
    device.register("meter")
    with paused(gateway):
        for number in range(BATCH):
            device.send(Message(CON, POST, device.next_mid(), b"%d" % number, [
                (URI_PATH, "dp"), (CONTENT_FORMAT, SENML_JSON)],
                b'[{"n":"/3/0/9","v":%d}]' % number))
        devices.send(2000)
    while len(devices.refused) <= BATCH:
        devices.receive()
    assert devices.logged(FLOODED) and not devices.logged(CROWDED)
    wait_until(devices.is_welcome, what="Registers are welcome once the buffer is empty")
    values = [mqtt.expect("up/send").json["data"]["content"][0]["value"] for _ in range(BATCH)]
    assert values == list(range(BATCH)), "who cannot come later is heard"


@pytest.mark.skipif(largest_buffer() < 4 * MIB, reason="the kernel allows no such buffer")
@pytest.mark.settings({"lwm2m.socket_buffer": "2MiB", "log.level": "info"})
def test_half_of_the_buffer_is_full_after_all_batches_of_a_turn(crowd, gateway):
    devices = crowd(gateway)
    with paused(gateway):
        devices.send(10000)  # more than the buffer can hold
    while len(devices.refused) <= BATCH:
        devices.receive()
    assert len(devices.registered) >= TURN, "nobody had looked at the buffer yet"
    assert devices.logged(FLOODED) and not devices.logged(CROWDED)
    wait_until(devices.is_welcome, what="Registers are welcome once the buffer is empty")
