"""Attacks on a plain listener, beside a device that goes on as if nothing were: every Update of it
is answered, memory does not grow, and what comes back to the attacker is no more than it deserves.

The attacker's addresses are those of 127.64.0.0/10, one socket for all: IP_PKTINFO says which.
"""

import os
import random
import re
import socket
import struct
import threading
import time

import coap
import pytest
from coap import CON, DELETE, GET, LINK, NON, OBSERVE, POST, TEXT, URI_PATH, URI_QUERY, Message
from conftest import wait_until
from ports import free_port

ECHO = 252
MAX_AGE = 14
IP_PKTINFO = 8  # of Linux; not in the socket module of Python 3.11
FIRST_ADDRESS = 0x7F400000  # 127.64.0.0
MIB = 1 << 20


class Attacker:
    """Sends datagrams from as many addresses as it likes, and counts what comes back."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * MIB)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(0.2)
        self.sent = self.sent_bytes = self.answers = self.answer_bytes = 0
        self.over = False
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        while not self.over:
            try:
                self.answer_bytes += len(self.socket.recv(65536))
                self.answers += 1
            except TimeoutError:
                pass

    def send(self, source, data):
        info = struct.pack("=I4s4s", 0, struct.pack("!I", FIRST_ADDRESS + source), bytes(4))
        try:
            self.socket.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, self.server)
        except OSError:
            return  # lost, as on any network
        self.sent += 1
        self.sent_bytes += len(data)

    def close(self):
        self.over = True
        self.reader.join()
        self.socket.close()


class Control:
    """A device that is registered before the attack; it repeats a message that gets no answer."""

    def __init__(self, gateway):
        self.peer = coap.Peer(gateway.port)
        self.location = self.peer.register("control")
        self.updates = self.tries = 0
        self.slowest = 0.0

    def update(self):
        path = [(URI_PATH, segment) for segment in self.location.strip("/").split("/")]
        message = Message(CON, POST, self.peer.next_mid(), os.urandom(4), path)
        begin = time.monotonic()
        for _ in range(20):
            self.tries += 1
            self.peer.send(message)
            try:
                answer = self.peer.receive_where(lambda m: m.mid == message.mid, 1.0)
            except TimeoutError:
                continue
            assert answer.code_text == "2.04", answer
            self.updates += 1
            self.slowest = max(self.slowest, time.monotonic() - begin)
            return
        raise AssertionError("an Update of the control device was not answered")


class Siege:
    """Runs an attack in a thread while the control device sends Updates."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.control = Control(gateway)
        self.attacker = Attacker(gateway.port)

    def run(self, datagrams, warm_up=2000):
        """`datagrams` yields (source, bytes); memory is looked at after some of them."""
        for _, (source, data) in zip(range(warm_up), datagrams):
            self.attacker.send(source, data)
        self.control.update()
        before = self.memory()
        thread = threading.Thread(
            target=lambda: [self.attacker.send(source, data) for source, data in datagrams])
        begin = time.monotonic()
        thread.start()
        while thread.is_alive():
            self.control.update()
        seconds = time.monotonic() - begin
        self.control.update()
        growth = self.memory() - before
        print(f"siege: {self.attacker.sent} datagrams at {self.attacker.sent / seconds:.0f}/s, "
              f"{self.attacker.answers} answers; {self.control.updates} Updates in "
              f"{self.control.tries} tries, the slowest {self.control.slowest * 1000:.0f} ms; "
              f"RSS {before / MIB:.1f} MiB and {growth / MIB:+.1f}")
        assert growth < 24 * MIB
        assert self.attacker.answer_bytes <= 3 * self.attacker.sent_bytes

    def memory(self):
        with open(f"/proc/{self.gateway.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def close(self):
        self.attacker.close()
        self.control.peer.close()


@pytest.fixture
def besiege(monkeypatch, make_gateway):
    """besiege(settings): a gateway, its control device and an attacker"""
    started = []
    # What AddressSanitizer keeps of freed memory is not the gateway's.
    options = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, (
        options, "quarantine_size_mb=2", "thread_local_quarantine_size_kb=64"))))

    def start(settings=None, port=None):
        quiet = {"log.level": "info", "lwm2m.xml_dir": ""}
        gateway = make_gateway({**quiet, **(settings or {})}, start=False)
        gateway.port = port or gateway.port
        started.append(Siege(gateway.start()))
        return started[-1]

    yield start
    for siege in started:
        siege.close()


def limited(gateway):
    """What the log says was kept out, after the gateway was stopped."""
    gateway.stop()
    totals = dict.fromkeys(("source", "prefix", "device", "registrations"), 0)
    for line in re.findall(r"datagrams-limited (.*)", gateway.process.text()):
        for name in totals:
            totals[name] += int(re.search(rf"{name}=(\d+)", line)[1])
    return totals


def register_message(mid, endpoint, type=CON, options=()):
    return Message(type, POST, mid & 0xFFFF, b"", [
        (URI_PATH, "rd"), (coap.CONTENT_FORMAT, LINK), (URI_QUERY, "lwm2m=1.1"),
        (URI_QUERY, "lt=300"), (URI_QUERY, f"ep={endpoint}"), *options], b"</1/0>,</3/0>").build()


def requests_of_strangers(sources):
    kinds = [
        Message(CON, GET, 1, b"", [(URI_PATH, ".well-known"), (URI_PATH, "core")]).build(),
        Message(CON, POST, 2, b"ab", [(URI_PATH, "rd"), (URI_PATH, "AAAAAAAAAAA")]).build(),
        Message(CON, 0, 3).build(),
        Message(NON, coap.code("2.05"), 4, b"abcdefgh", [(coap.OBSERVE, 7)], b"1").build(),
        Message(CON, POST, 5, b"", [(URI_PATH, "dp"), (coap.CONTENT_FORMAT, 110)], b"[]").build(),
        Message(CON, POST, 6, b"", [(URI_PATH, "rd"), (coap.BLOCK1, 8)], bytes(16)).build(),
    ]
    return ((source, kinds[source % len(kinds)]) for source in range(sources))


# --- floods ---

def test_100000_unknown_sources(besiege):
    siege = besiege()
    siege.run(requests_of_strangers(100_000))


def test_100000_unknown_sources_before_limits(besiege):
    siege = besiege({"lwm2m.limits": {"requests_per_source": 5, "requests_per_prefix": 10,
                                      "requests_per_device": 1000, "burst": "1s"}})
    siege.run(requests_of_strangers(100_000))
    kept_out = limited(siege.gateway)
    print(kept_out)
    assert kept_out["prefix"] > 0  # of each network the first ten, and ten a second
    assert kept_out["device"] == 0


def test_one_source_that_does_not_stop(besiege):
    siege = besiege({"lwm2m.limits": {"requests_per_source": 50, "burst": "1s"}})
    message = Message(CON, GET, 1, b"", [(URI_PATH, "rd")])
    siege.run((7, message.build()) for _ in range(30_000))
    kept_out = limited(siege.gateway)
    print(kept_out)
    assert kept_out["source"] > 0


def test_garbage(besiege):
    siege = besiege()
    dice = random.Random(1)
    siege.run((dice.randrange(1 << 20), dice.randbytes(dice.choice((0, 1, 3, 4, 12, 40, 400))))
              for _ in range(60_000))


def test_registrations_that_do_not_stop(besiege, mqtt):
    siege = besiege({"lwm2m.limits": {"registrations_per_second": 50, "burst": "1s"},
                     "lwm2m.max_devices": 400})
    siege.run(((n, register_message(n, f"flood-{n}")) for n in range(30_000)))
    for late in range(500):  # until they are too many a second, or there is no room for more
        with coap.Peer(siege.gateway.port) as peer:
            answer = peer.request(POST, "/rd", queries=(f"ep=late-{late}", "lt=300", "lwm2m=1.1"),
                                  content_format=LINK, payload=b"</3/0>")
        if answer.code_text == "5.03":
            break
    assert answer.code_text == "5.03" and 30 <= answer.get_uint(MAX_AGE) <= 120
    kept_out = limited(siege.gateway)
    published = {m.json["ep"] for m in mqtt.history if m.topic == "up/register"}
    print(kept_out, len(published), "registered")
    assert kept_out["registrations"] > 0
    assert "control" in published and len(published) <= 400


# --- guesses ---

def test_locations_cannot_be_guessed(besiege):
    siege = besiege()
    dice = random.Random(2)
    right = siege.control.location.rsplit("/", 1)[1]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    near = [right[:-1], right + "A", right.swapcase(), "", right[::-1], right + "/x"]
    near += [right[:i] + letter + right[i + 1:] for i in range(11) for letter in "Aa0_"]
    guesses = [guess for guess in near if guess != right]
    guesses += ["".join(dice.choices(letters, k=11)) for _ in range(500)]
    with coap.Peer(siege.gateway.port) as peer:
        answers = set()
        for guess in guesses:
            for method in (POST, DELETE):
                segments = [(URI_PATH, "rd")] + [(URI_PATH, part) for part in guess.split("/")]
                answer = peer.request(method, "", options=segments, token=b"")
                answers.add((answer.code_text, tuple(answer.options), answer.payload))
        assert answers == {("4.04", (), b"")}, answers
    siege.control.update()


def test_who_is_registered_cannot_be_asked(gateway, coap):
    """Register says the same of a name that is taken as of one that is free."""
    coap().register("taken")
    forms = set()
    for endpoint in ("taken", "free"):
        peer = coap()
        answer = peer.request(POST, "/rd", queries=(f"ep={endpoint}", "lt=300", "lwm2m=1.1"))
        forms.add((answer.code_text, tuple((number, len(value)) for number, value in
                                           answer.options), len(answer.payload)))
    assert len(forms) == 1, forms


# --- Echo (RFC 9175) ---

def test_a_device_that_knows_echo_registers(make_gateway, sim, mqtt):
    gateway = make_gateway({"lwm2m.require_echo": True})
    device = sim("--endpoint", "meter", gateway=gateway)
    device.wait_line(r"^registered")
    mqtt.expect("up/register", lambda m: m.json["ep"] == "meter")
    answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert answer.json["data"]["code"] == "2.05"


def test_a_long_object_list_and_echo(make_gateway, sim, mqtt):
    gateway = make_gateway({"lwm2m.require_echo": True})
    sim("--endpoint", "meter", "--sensors", "150", gateway=gateway).wait_line(r"^registered")
    registered = mqtt.expect("up/register", lambda m: m.json["ep"] == "meter").json
    assert "/3303/149" in registered["data"]["objectList"]


@pytest.mark.settings({"lwm2m.require_echo": True, "lwm2m.auto_observe": ["/3/0"]})
def test_nothing_goes_to_an_address_before_it_is_verified(gateway, coap, mqtt):
    device = coap()
    queries = ("ep=meter", "lt=300", "lwm2m=1.1", "b=U")

    def register(options=()):
        return device.request(POST, "/rd", queries=queries, content_format=LINK,
                              payload=b"</1/0>,</3/0>", options=options)

    challenge = register()
    assert challenge.code_text == "4.01" and len(challenge.get(ECHO)) == 8
    device.expect_silence(0.3)
    mqtt.expect_none("up/register", seconds=0.1)
    location = register([(ECHO, challenge.get(ECHO))]).location
    observe = device.next_request()
    assert observe.path == "/3/0"
    device.respond(observe, payload=b"x", content_format=TEXT, options=[(OBSERVE, 1)])

    moved = coap()  # the same device behind a NAT that gave it another port
    challenge = moved.request(POST, location)
    assert challenge.code_text == "4.01"
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    device.respond(device.next_request(), payload=b"x", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"
    assert moved.request(POST, location,
                         options=[(ECHO, challenge.get(ECHO))]).code_text == "2.04"
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    moved.respond(moved.next_request(), payload=b"x", content_format=TEXT)
    assert mqtt.answer(req_id)["data"]["code"] == "2.05"


# --- who is registered, and who has a session ---

def test_a_registered_device_that_does_not_stop(besiege):
    siege = besiege({"lwm2m.limits": {"requests_per_device": 100, "burst": "1s"}})
    with coap.Peer(siege.gateway.port) as greedy:
        greedy.register("greedy")
        for _ in range(5000):
            greedy.send(Message(CON, 0, greedy.next_mid()))
        siege.control.update()
    kept_out = limited(siege.gateway)
    print(kept_out)
    assert kept_out["device"] > 0 and kept_out["source"] == 0


def test_strangers_before_a_dtls_listener(besiege, tmp_path, sim):
    keys = tmp_path / "psk"
    keys.write_text("meter 00112233445566778899aabbccddeeff\n")
    keys.chmod(0o600)
    port = free_port(socket.SOCK_DGRAM)
    plain = free_port(socket.SOCK_DGRAM)
    siege = besiege({
        "lwm2m.listeners": [{"transport": "udp", "bind": f"127.0.0.1:{plain}"},
                            {"transport": "dtls", "bind": f"127.0.0.1:{port}"}],
        "security.psk_file": str(keys),
        "lwm2m.limits": {"requests_per_source": 50, "requests_per_prefix": 50, "burst": "1s"},
    }, plain)
    device = sim("--endpoint", "meter", "--psk", "meter:00112233445566778899aabbccddeeff",
                 "--update-interval", "1", server=f"coaps://127.0.0.1:{port}")
    device.wait_line(r"^registered")
    hello = b"\x16\xfe\xff" + bytes(8) + b"\x00\x3a\x01" + os.urandom(57)
    attacker = Attacker(port)
    for source in range(20_000):
        attacker.send(source, hello)
    attacker.close()
    assert attacker.answer_bytes <= 3 * attacker.sent_bytes
    updates = device.text().count("updated")
    wait_until(lambda: device.text().count("updated") >= updates + 2, what="Updates go on")
    device.stop()
    kept_out = limited(siege.gateway)
    print(kept_out)
    assert kept_out["prefix"] > 0
