"""Attacks on a dtls listener, with a device that is served throughout and memory that stays bounded.

The figures are far above what a sanitizer build does between two looks, far below what would take
long: each test lasts a few seconds.
"""

import contextlib
import os
import random
import signal

import pytest
from dtls_wire import (ALERT, APPLICATION, CID, CLIENT_HELLO, HANDSHAKE, HELLO_VERIFY, ManySources,
                       Relay, Stranger, client_hello, cookie_of, handshake, handshake_kind, record)
from secure import KEY, resident_kib, secure_gateway

GROWTH_KIB = 32 * 1024  # with the address sanitizer's quarantine
HANDSHAKES = 16


@pytest.fixture
def served(make_gateway, tmp_path, sim, mqtt):
    """A gateway with few places for handshakes, a device that it serves, and a check that it does."""
    gateway = secure_gateway(make_gateway, tmp_path, *(f"dev{i} {KEY}" for i in range(4)), settings={
        "lwm2m.dtls.max_handshakes": HANDSHAKES, "lwm2m.dtls.handshake_timeout": "5s"})
    device = sim("--endpoint", "dev0", "--psk", f"dev0:{KEY}", "--no-deregister", server=gateway.uri)
    mqtt.expect("up/register", lambda m: m.json["ep"] == "dev0")

    def check():
        answer = mqtt.request("dev0", {"msgType": "read", "data": {"path": "/3/0/0"}}).json
        assert answer["data"]["code"] == "2.05"
        assert device.text().count("handshake done") == 1, "its session is the first one"

    check()
    gateway.check = check
    return gateway


def newcomer(sim, mqtt, gateway, name="dev1"):
    """A device that was not there before gets in."""
    sim("--endpoint", name, "--psk", f"{name}:{KEY}", "--no-deregister", server=gateway.uri)
    mqtt.expect("up/register", lambda m: m.json["ep"] == name, timeout=60)


def test_a_flood_of_first_hellos_costs_nothing(served, sim, mqtt):
    before = resident_kib(served)
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(Stranger(served.dtls_port)) for _ in range(100)]
        for i in range(50):
            for stranger in strangers:
                stranger.send(client_hello(sequence=i))
            if i % 10 == 0:
                served.check()
        answers = [stranger.receive(0.01) for stranger in strangers]
    assert all(answer is None or handshake_kind(answer) == HELLO_VERIFY for answer in answers)
    newcomer(sim, mqtt, served)
    served.check()
    assert resident_kib(served) - before < GROWTH_KIB
    served.stop()
    served.process.wait_line(r"dtls-counters .*hello_verify=[1-9]")


def test_half_open_handshakes_are_bounded(served, sim, mqtt):
    before = resident_kib(served)
    with contextlib.ExitStack() as stack:
        for _ in range(4 * HANDSHAKES):
            stranger = stack.enter_context(Stranger(served.dtls_port))
            stranger.send(client_hello(stranger.random, stranger.cookie(), message=1, sequence=1))
        served.check()
        assert resident_kib(served) - before < GROWTH_KIB + HANDSHAKES * 100
        newcomer(sim, mqtt, served)  # when theirs have lasted too long
    served.check()


def test_a_cookie_is_good_for_its_address_alone(served):
    with Stranger(served.dtls_port) as honest, Stranger(served.dtls_port) as thief:
        cookie = honest.cookie()
        for i in range(20):
            thief.send(client_hello(honest.random, cookie, message=1, sequence=i + 1))
            answer = thief.receive()
            assert answer is None or handshake_kind(answer) == HELLO_VERIFY
            assert answer is None or cookie_of(answer) != cookie
        forged = bytes(cookie[:-1]) + bytes([cookie[-1] ^ 1])
        honest.send(client_hello(honest.random, forged, message=1, sequence=1))
        assert handshake_kind(honest.receive()) == HELLO_VERIFY
        honest.send(client_hello(os.urandom(32), cookie, message=1, sequence=2))
        assert handshake_kind(honest.receive()) == HELLO_VERIFY, "it is bound to the whole hello"
        honest.send(client_hello(honest.random, cookie, message=1, sequence=3))
        assert handshake_kind(honest.receive()) not in (None, HELLO_VERIFY), "the right one"
    served.check()


def test_an_answer_to_nobody_is_never_longer_than_its_request(served):
    with Stranger(served.dtls_port) as stranger:
        for datagram in (client_hello(), record(APPLICATION, os.urandom(40), 1, 7),
                         record(CID, os.urandom(40), 1, 7), record(ALERT, b"\x02\x28"),
                         b"\x16", os.urandom(200), record(HANDSHAKE, handshake(CLIENT_HELLO, b"")),
                         record(HANDSHAKE, handshake(20, os.urandom(12)), 1, 0)):
            stranger.send(datagram)
            answer = stranger.receive(0.3)
            assert answer is None or len(answer) <= len(datagram)
    served.check()


def test_cut_and_torn_hellos(served, sim, mqtt):
    with Stranger(served.dtls_port) as stranger:
        whole = client_hello(stranger.random, stranger.cookie(), message=1, sequence=1)
        for length in range(len(whole)):
            stranger.send(whole[:length])
        for i in range(13, len(whole)):  # a byte that is wrong
            stranger.send(whole[:i] + bytes([whole[i] ^ 0x80]) + whole[i + 1:])
        body = whole[25:]
        for offset in range(0, len(body), 7):  # in pieces, the last first, each twice
            piece = handshake(CLIENT_HELLO, body, 1, offset, body[offset:offset + 7])
            for _ in range(2):
                stranger.send(record(HANDSHAKE, piece, sequence=1000 - offset))
        huge = b"\x01\xff\xff\xff\x00\x01\x00\x00\x00\x00\x00\x10" + os.urandom(16)
        for _ in range(100):
            stranger.send(record(HANDSHAKE, huge, sequence=2000))
        served.check()
    newcomer(sim, mqtt, served)
    served.check()


def test_a_handshake_over_a_bad_way(served, sim, mqtt):
    """Records lost, cut, doubled and in another order: it takes longer, and is complete at last."""
    fates = iter(["lost", "cut", "twice", "held", "cut", "lost", "twice", "held", "twice", "cut", "held",
                  "lost", "twice", "cut"])
    held = []

    def on_way(_to_gateway, datagram):
        fate = next(fates, "passed")
        late, held[:] = held[:], [datagram] if fate == "held" else []
        return {"lost": [], "held": [], "cut": [datagram[:len(datagram) // 2], datagram[:-1], datagram],
                "twice": [datagram, datagram], "passed": [datagram]}[fate] + late

    with Relay(served.dtls_port, on_way) as relay:
        sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--no-deregister", server=relay.uri)
        mqtt.expect("up/register", lambda m: m.json["ep"] == "dev1", timeout=60)
        served.check()


def test_forged_records_do_not_touch_a_session(served, sim, mqtt):
    """All that somebody who can write anything from the device's address, but knows no key, can do."""
    with Relay(served.dtls_port) as relay:
        device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--no-deregister", server=relay.uri)
        mqtt.expect("up/register", lambda m: m.json["ep"] == "dev1")
        genuine = [datagram for to_gateway, datagram in relay.passed
                   if to_gateway and datagram[0] == APPLICATION]
        assert genuine
        before = resident_kib(served)
        for _ in range(3):
            for datagram in genuine * 20:
                relay.forge(datagram)  # once more
                relay.forge(datagram[:-1] + bytes([datagram[-1] ^ 1]))
                relay.forge(datagram[:5] + os.urandom(6) + datagram[11:])  # another number
            for kind in (APPLICATION, CID, ALERT, HANDSHAKE, 20):
                for epoch in (0, 1, 2, 65535):
                    for _ in range(5):
                        relay.forge(record(kind, os.urandom(50), epoch, random.getrandbits(48)))
            relay.forge(record(ALERT, b"\x02\x28"))  # a fatal alert, not encrypted
            relay.forge(record(ALERT, b"\x01\x00"))  # close_notify
            relay.forge(client_hello())              # as if the device had lost its session
            answer = mqtt.request("dev1", {"msgType": "read", "data": {"path": "/3/0/0"}}).json
            assert answer["data"]["code"] == "2.05"
        assert device.text().count("handshake done") == 1
        device.signal(signal.SIGUSR2)
        mqtt.expect("up/update", lambda m: m.json["ep"] == "dev1")
        assert resident_kib(served) - before < GROWTH_KIB
    served.check()


def test_what_the_gateway_says_to_forgers_does_not_end_a_session(served, sim, mqtt):
    """An alert that answers a forged record goes to the address it came from: the device's."""
    with Relay(served.dtls_port) as relay:
        device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--no-deregister", server=relay.uri)
        mqtt.expect("up/register", lambda m: m.json["ep"] == "dev1")
        for _ in range(20):
            relay.forge(record(CID, os.urandom(60), 1, random.getrandbits(40)))
            relay.forge(record(APPLICATION, os.urandom(60), 3, random.getrandbits(40)))
        relay.forge_to_device(record(ALERT, b"\x02\x28"))
        device.signal(signal.SIGUSR2)
        mqtt.expect("up/update", lambda m: m.json["ep"] == "dev1")
        assert device.text().count("handshake done") == 1


def test_unknown_sources_by_the_thousand(served):
    """Records without a session, each from another address: a few alerts, and no memory."""
    before = resident_kib(served)
    with ManySources(served.dtls_port) as sources:
        for i in range(10000):
            sources.send(i, record(APPLICATION, os.urandom(40), 1, i))
            if i % 100 == 0:  # as fast as a slow machine reads them
                served.check()
        answers = sources.answers()
    assert answers < 1000, "alerts are few"
    assert resident_kib(served) - before < GROWTH_KIB
    served.check()
    served.stop()
    unknown = served.process.wait_line(r"dtls-counters .* unknown=(\d+) ")
    assert int(unknown.group(1)) > 5000


def test_hellos_from_sources_by_the_thousand(served, sim, mqtt):
    before = resident_kib(served)
    with ManySources(served.dtls_port) as sources:
        for i in range(5000):
            sources.send(i, client_hello())
            if i % 100 == 0:
                served.check()
    newcomer(sim, mqtt, served)
    assert resident_kib(served) - before < GROWTH_KIB


def test_wrong_keys_by_the_dozen(served, sim, mqtt):
    devices = [sim("--endpoint", "dev2", "--psk", "dev2:00112233445566778899aabbccddeeff",
                   server=served.uri) for _ in range(4)]
    for device in devices:
        device.wait_line("handshake failed")
    served.check()
    for device in devices:
        device.kill()
    newcomer(sim, mqtt, served, "dev2")
    served.process.wait_line(r'handshake-failed .* identity=dev2 reason="its key is another"')
