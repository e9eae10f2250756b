"""DTLS sessions outlive the gateway: a device that slept through a restart needs no handshake."""

import signal
import sqlite3

import pytest
from conftest import wait_until
from secure import KEY, OTHER_KEY, Authority, has_connection_id, move, secure_gateway


def handshakes(device):
    return device.text().count("handshake done")


def device_of(sim, gateway, *more):
    return sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", *more, server=gateway.uri)


def updates(device, mqtt):
    """The device sends an Update on the session that it has."""
    mqtt.clear()
    device.signal(signal.SIGUSR2)
    mqtt.expect("up/update", lambda m: m.json["ep"] == "dev1")


def read(mqtt):
    return mqtt.request("dev1", {"msgType": "read", "data": {"path": "/3/0/0"}}).json["data"]["code"]


def sessions(gateway):
    store = sqlite3.connect(f"file:{gateway.settings['store']['path']}?mode=ro", uri=True,
                            timeout=10)
    try:
        return store.execute("SELECT number, identity, bytes FROM session WHERE number > 0").fetchall()
    finally:
        store.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_session_goes_on_after_a_restart(make_gateway, tmp_path, sim, mqtt, end):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = device_of(sim, gateway, "--notify-interval", "0.2")
    mqtt.expect("up/register")
    mqtt.request("dev1", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    for _ in range(3):
        getattr(gateway, end)()
        gateway.start()
        assert read(mqtt) == "2.05"  # before the device has said a word
        updates(device, mqtt)
        mqtt.expect("up/notify", lambda m: m.json["data"]["reqPath"] == "/3303/0/5700")
    assert handshakes(device) == 1


def test_a_certificate_is_known_after_a_restart(make_gateway, tmp_path, sim, mqtt):
    authority = Authority(tmp_path / "ca")
    gateway = secure_gateway(make_gateway, tmp_path, authority=authority)
    device = sim("--endpoint", "dev1", *authority.issue("dev1", "/CN=dev1"), server=gateway.uri)
    mqtt.expect("up/register")
    gateway.die_and_start()
    updates(device, mqtt)
    assert read(mqtt) == "2.05" and handshakes(device) == 1


def test_the_store_has_no_key_of_a_device(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device_of(sim, gateway)
    mqtt.expect("up/register")
    wait_until(lambda: len(sessions(gateway)) == 1, what="the session is stored")
    assert sessions(gateway)[0][1] == b"dev1"
    gateway.stop()
    path = gateway.directory / "store.db"
    assert path.stat().st_mode & 0o077 == 0
    for file in gateway.directory.glob("store.db*"):
        content = file.read_bytes()
        assert bytes.fromhex(KEY) not in content and KEY.encode() not in content.lower()


def test_without_stored_sessions_a_restart_costs_a_handshake(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    first = device_of(sim, gateway)
    mqtt.expect("up/register")
    gateway.stop()
    first.kill()  # it would try for long to say goodbye on a session that nobody has
    assert len(sessions(gateway)) == 1
    gateway.set("store.dtls_sessions", False)
    gateway.start()
    wait_until(lambda: not sessions(gateway), what="the stored session is deleted")
    device = device_of(sim, gateway)  # its registration waited for it
    mqtt.expect("up/register", lambda m: m.json["data"].get("reRegistration"))
    assert read(mqtt) == "2.05"
    device.kill()


def test_an_identity_that_is_removed_meanwhile_loses_all(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", f"dev2 {OTHER_KEY}")
    device = device_of(sim, gateway)
    mqtt.expect("up/register")
    gateway.kill()
    file = gateway.settings["security"]["psk_file"]
    with open(file, "w", encoding="ascii") as out:
        out.write(f"dev2 {OTHER_KEY}\n")
    gateway.start()
    left = mqtt.expect("up/deregister").json
    assert (left["ep"], left["data"]["reason"]) == ("dev1", "kicked")
    wait_until(lambda: not sessions(gateway), what="its session is deleted")
    device.kill()


def test_numbers_of_lost_sessions_do_not_come_back(make_gateway, tmp_path, sim, mqtt):
    """What is meant for one device never reaches another that got the number of its session."""
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", f"dev2 {OTHER_KEY}",
                             settings={"store.dtls_sessions": False,
                                       "lwm2m.coap.ack_timeout": "100ms",
                                       "lwm2m.coap.max_retransmit": 1})
    first = device_of(sim, gateway)
    mqtt.expect("up/register")
    gateway.kill()
    first.kill()
    gateway.start()
    sim("--endpoint", "dev2", "--psk", f"dev2:{OTHER_KEY}", server=gateway.uri)
    mqtt.expect("up/register", lambda m: m.json["ep"] == "dev2")
    lost = mqtt.request("dev1", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert lost.json["msgType"] == "coap_timeout"


@pytest.mark.skipif(not has_connection_id(), reason="this mbedtls has no Connection IDs")
def test_a_new_address_after_a_restart_with_a_connection_id(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = device_of(sim, gateway, "--cid")
    mqtt.expect("up/register")
    gateway.kill()
    move(device)
    gateway.start()
    updates(device, mqtt)
    assert read(mqtt) == "2.05" and handshakes(device) == 1
