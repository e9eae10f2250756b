"""Devices over DTLS: keys and certificates, identity and endpoint, changes of credentials."""

import signal
import subprocess

import pytest
from coap import LINK, POST, Peer
from conftest import BUILD, ROOT, wait_until
from secure import (KEY, OTHER_KEY, Authority, has_connection_id, move, reload, secure_gateway)

PROGRAM = BUILD / "gateway/lwm2mqtt"
LINKS = b"</1/0>,</3/0>"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


def registered(mqtt, endpoint):
    return mqtt.expect("up/register", lambda m: m.json["ep"] == endpoint).json


def fails(device, line):
    """A device that does not get in says so, and goes on trying until it is killed."""
    device.wait_line(line)
    device.kill()


def read_manufacturer(mqtt, endpoint):
    return mqtt.request(endpoint, {"msgType": "read", "data": {"path": "/3/0/0"}}).json["data"]


# --- what a device does, over DTLS ---

def test_a_device_with_a_key_does_everything(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--notify-interval", "0.2",
                 "--blob-size", "5000", "--test-object", server=gateway.uri)
    registered(mqtt, "dev1")
    device.wait_line(r"handshake done suite=TLS-PSK-WITH-AES-128-CCM-8")
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05"
    blob = mqtt.request("dev1", {"msgType": "read", "data": {"path": "/19/0/0"}}).json["data"]
    assert blob["code"] == "2.05" and len(blob["content"][0]["value"]) > 5000, "in blocks"

    written = mqtt.request("dev1", {"msgType": "write", "data": {
        "path": "/3/0/15", "type": "String", "value": "Europe/Berlin"}}).json["data"]
    assert written["code"] == "2.04"
    package = mqtt.request("dev1", {"msgType": "write", "data": {
        "path": "/5/0/0", "type": "Opaque", "value": "QUJD" * 1500}}).json["data"]
    assert package["code"] == "2.04", "in blocks"
    device.wait_line(r"firmware size=4500")

    observed = mqtt.request("dev1", {"msgType": "observe", "data": {"path": "/3303/0/5700"}}).json
    assert observed["data"]["code"] == "2.05"
    for _ in range(3):
        mqtt.expect("up/notify", lambda m: m.json["data"]["reqPath"] == "/3303/0/5700")
    device.signal(signal.SIGUSR2)
    mqtt.expect("up/update", lambda m: m.json["ep"] == "dev1")
    device.stop()
    left = mqtt.expect("up/deregister").json
    assert (left["ep"], left["data"]["reason"]) == ("dev1", "deregister")
    gateway.stop()
    gateway.process.wait_line(r"dtls-counters .*handshakes=1 failed=0")


def test_a_device_with_a_certificate(make_gateway, tmp_path, sim, mqtt, authority):
    gateway = secure_gateway(make_gateway, tmp_path, authority=authority)
    device = sim("--endpoint", "dev1", *authority.issue("dev1", "/CN=dev1"), server=gateway.uri)
    registered(mqtt, "dev1")
    device.wait_line(r"handshake done suite=TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8")
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05"
    by_alternative = authority.issue("dev2", "/CN=some device", "DNS:dev2,DNS:dev2.example")
    sim("--endpoint", "dev2", *by_alternative, server=gateway.uri)
    registered(mqtt, "dev2")
    fails(sim("--endpoint", "dev3", *authority.issue("dev3", "/CN=dev4"), server=gateway.uri),
          "refused register 4.00")


def test_a_device_that_takes_short_records(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--max-fragment", "512", "--block-size",
                 "256", "--blob-size", "3000", server=gateway.uri)
    registered(mqtt, "dev1")
    package = mqtt.request("dev1", {"msgType": "write", "data": {
        "path": "/5/0/0", "type": "Opaque", "value": "QUJD" * 500}}).json["data"]
    assert package["code"] == "2.04"
    device.wait_line(r"firmware size=1500")
    blob = mqtt.request("dev1", {"msgType": "read", "data": {"path": "/19/0/0"}}).json["data"]
    assert blob["code"] == "2.05" and len(blob["content"][0]["value"]) == 4000
    assert "message-too-long" not in gateway.process.text()


PSK_SUITES = ["TLS_PSK_WITH_AES_128_CCM_8", "TLS_PSK_WITH_AES_128_CBC_SHA256",
              "TLS_PSK_WITH_AES_128_CCM", "TLS_PSK_WITH_AES_128_GCM_SHA256"]
ECDSA_SUITES = ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]


def test_every_suite_on_one_listener(make_gateway, tmp_path, sim, mqtt, authority):
    names = [f"dev{i}" for i in range(len(PSK_SUITES))]
    gateway = secure_gateway(make_gateway, tmp_path, *(f"{name} {KEY}" for name in names),
                             authority=authority)
    certificate = authority.issue("cert", "/CN=cert0", "DNS:cert1,DNS:cert2,DNS:cert3")
    devices = [(name, suite, ["--psk", f"{name}:{KEY}"]) for name, suite in zip(names, PSK_SUITES)]
    devices += [(f"cert{i}", suite, certificate) for i, suite in enumerate(ECDSA_SUITES)]
    for name, suite, credentials in devices:
        device = sim("--endpoint", name, *credentials, "--suites", suite, "--no-deregister",
                     server=gateway.uri)
        registered(mqtt, name)
        device.wait_line(f"handshake done suite={suite.replace('_', '-')} ")
        assert read_manufacturer(mqtt, name)["code"] == "2.05"


def test_a_suite_that_is_not_configured_is_refused(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}",
                             settings={"security.ciphersuites": PSK_SUITES[1:]})
    fails(sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", server=gateway.uri), "handshake failed")
    gateway.process.wait_line(r'handshake-failed .* reason="no cipher suite in common"')
    sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--suites", PSK_SUITES[1], server=gateway.uri)
    registered(mqtt, "dev1")


def test_both_families_and_several_listeners(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", f"dev2 {KEY}", start=False,
                             host="[::1]")
    listeners = gateway.settings["lwm2m"]["listeners"]
    listeners.append({"transport": "dtls", "bind": f"127.0.0.1:{gateway.dtls_port}"})
    gateway.start()
    sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", server=f"coaps://[::1]:{gateway.dtls_port}")
    sim("--endpoint", "dev2", "--psk", f"dev2:{KEY}", server=f"coaps://127.0.0.1:{gateway.dtls_port}")
    sim("--endpoint", "plain", server=f"coap://127.0.0.1:{gateway.port}")
    for name in ("dev1", "dev2", "plain"):
        mqtt.expect("up/register", lambda m, name=name: m.json["ep"] == name)
        assert read_manufacturer(mqtt, name)["code"] == "2.05"


# --- who is who ---

def test_a_wrong_key_and_an_unknown_identity_look_alike(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    for credentials in (f"dev1:{OTHER_KEY}", f"nobody:{KEY}"):
        fails(sim("--endpoint", "dev1", "--psk", credentials, server=gateway.uri),
              "handshake failed: .*alert")
    gateway.process.wait_line(r'handshake-failed peer=\S+ identity=dev1 reason="its key is another"')
    gateway.process.wait_line(r'handshake-failed peer=\S+ identity=nobody reason="no such identity"')
    assert KEY not in gateway.process.text() and OTHER_KEY not in gateway.process.text()
    sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", server=gateway.uri)
    registered(mqtt, "dev1")


def test_the_endpoint_is_that_of_the_identity(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"id1 {KEY} urn:dev:1", f"fleet {KEY} meter-*")
    fails(sim("--endpoint", "urn:dev:2", "--psk", f"id1:{KEY}", server=gateway.uri),
          "refused register 4.00")
    gateway.process.wait_line(r'registration-refused endpoint=urn:dev:2 .*"ep is not of this identity"')
    sim("--endpoint", "unused", "--no-endpoint", "--psk", f"id1:{KEY}", server=gateway.uri)
    assert registered(mqtt, "urn:dev:1")["data"]["ep"] == "urn:dev:1"
    fails(sim("--no-endpoint", "--psk", f"fleet:{KEY}", server=gateway.uri), "refused register 4.00")
    for name in ("meter-1", "meter-2"):
        sim("--endpoint", name, "--psk", f"fleet:{KEY}", server=gateway.uri)
        registered(mqtt, name)
    for name in ("meter-1", "meter-2"):
        assert read_manufacturer(mqtt, name)["code"] == "2.05", "both sessions of one key live on"


def test_a_known_endpoint_is_not_to_be_had_without_dtls(make_gateway, tmp_path, sim, mqtt, authority):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", authority=authority)
    sim("--endpoint", "cert1", *authority.issue("cert1", "/CN=cert1"), server=gateway.uri)
    registered(mqtt, "cert1")
    with Peer(gateway.port) as stranger:
        for name in ("dev1", "cert1"):
            answer = stranger.request(POST, "/rd", payload=LINKS, content_format=LINK,
                                      queries=(f"ep={name}", "lt=300", "lwm2m=1.1"))
            assert answer.code_text == "4.00"
        gateway.process.wait_line(r'registration-refused endpoint=dev1 .*"this ep has to use DTLS"')
    assert read_manufacturer(mqtt, "cert1")["code"] == "2.05"


def test_plain_devices_may_be_allowed(make_gateway, tmp_path, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", settings={"security.allow_plain": True})
    with Peer(gateway.port) as device:
        device.register("dev1", "</1/0>")
    registered(mqtt, "dev1")


# --- sessions ---

def test_a_new_handshake_goes_on_with_the_registration(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--send-interval", "0.3",
                 server=gateway.uri)
    registered(mqtt, "dev1")
    device.signal(signal.SIGHUP)
    device.wait_line("session forgotten")
    mqtt.clear()
    wait_until(lambda: device.text().count("handshake done") == 2, what="another handshake")
    mqtt.expect("up/send", lambda m: m.json["ep"] == "dev1")
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05"
    mqtt.expect_none("up/register", seconds=0.1)


@pytest.mark.skipif(not has_connection_id(), reason="this mbedtls has no Connection IDs (RFC 9146)")
def test_a_session_with_a_connection_id_changes_its_address(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    device = sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", "--cid", server=gateway.uri)
    registered(mqtt, "dev1")
    device.wait_line("handshake done .*cid=yes")
    move(device)
    device.signal(signal.SIGUSR2)
    mqtt.expect("up/update", lambda m: m.json["ep"] == "dev1")
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05", "at the new address"
    assert device.text().count("handshake done") == 1


# --- credentials that change ---

def test_sighup_adds_and_removes_identities(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", f"dev2 {KEY}")
    for name in ("dev1", "dev2"):
        sim("--endpoint", name, "--psk", f"{name}:{KEY}", "--no-deregister", server=gateway.uri)
        registered(mqtt, name)
    gateway.keys.write(f"dev1 {KEY}", f"dev2 {OTHER_KEY}", f"dev3 {KEY}")
    reload(gateway)
    gateway.process.wait_line(r"credentials-loaded identities=3 sessions_closed=1 devices_removed=1")
    left = mqtt.expect("up/deregister").json
    assert (left["ep"], left["data"]["reason"]) == ("dev2", "kicked")
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05", "who stayed the same stays"
    sim("--endpoint", "dev3", "--psk", f"dev3:{KEY}", server=gateway.uri)
    registered(mqtt, "dev3")
    sim("--endpoint", "dev2", "--psk", f"dev2:{OTHER_KEY}", server=gateway.uri)
    registered(mqtt, "dev2")


def test_a_mistake_at_reload_changes_nothing(make_gateway, tmp_path, sim, mqtt):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}")
    sim("--endpoint", "dev1", "--psk", f"dev1:{KEY}", server=gateway.uri)
    registered(mqtt, "dev1")
    gateway.keys.write(f"dev2 {KEY}", "dev3")
    reload(gateway, "reload-refused")
    assert f"{gateway.keys.path}:2:5: found no key" in gateway.process.text()
    assert read_manufacturer(mqtt, "dev1")["code"] == "2.05"
    sim("--endpoint", "dev2", "--psk", f"dev2:{KEY}", server=gateway.uri).wait_line("handshake failed")
    gateway.keys.write(f"dev1 {KEY}", f"dev2 {KEY}")
    reload(gateway)
    mqtt.expect("up/register", lambda m: m.json["ep"] == "dev2", timeout=60)  # it tries again by itself


def test_a_revoked_certificate_is_refused(make_gateway, tmp_path, sim, mqtt):
    authority = Authority(tmp_path / "ca")
    gateway = secure_gateway(make_gateway, tmp_path, authority=authority)
    for name in ("dev1", "dev2"):
        sim("--endpoint", name, *authority.issue(name, f"/CN={name}"), "--no-deregister",
            server=gateway.uri)
        registered(mqtt, name)
    authority.revoke("dev2")
    gateway.set("security.crl_file", str(authority.crl))
    reload(gateway)
    gateway.process.wait_line(r"credentials-loaded identities=0 sessions_closed=2 ")
    again = [sim("--endpoint", name, *authority.options(name), "--no-deregister", server=gateway.uri)
             for name in ("dev1", "dev2")]
    registered(mqtt, "dev1")
    fails(again[1], "handshake failed")
    gateway.process.wait_line(r'handshake-failed .* reason="its certificate is not accepted"')


# --- configuration ---

def check(gateway):
    return subprocess.run([PROGRAM, "-t", "-c", gateway.write_config()], cwd=ROOT, timeout=30,
                          capture_output=True, text=True, check=False)


def test_mistakes_are_found_before_the_start(make_gateway, tmp_path, authority):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {KEY}", authority=authority, start=False)
    assert check(gateway).returncode == 0, check(gateway).stderr

    gateway.keys.write(f"dev1 {KEY}", "", f"dev1 {OTHER_KEY}")
    result = check(gateway)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{gateway.keys.path}:3:1: found the identity of line 1 again")

    gateway.keys.write(f"dev1 {KEY}")
    gateway.keys.path.chmod(0o644)
    result = check(gateway)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{gateway.keys.path}: found permissions 644")
    started = subprocess.run([PROGRAM, "-c", gateway.write_config()], cwd=ROOT, timeout=30,
                             capture_output=True, text=True, check=False)
    assert started.returncode == 2 and "found permissions 644" in started.stderr
    gateway.keys.path.chmod(0o600)

    gateway.set("security.ciphersuites", ["TLS_RSA_WITH_NULL_MD5"])
    assert check(gateway).returncode == 2
    gateway.set("security.ciphersuites", None)
    gateway.set("security.key_file", str(authority.directory / "ca.key"))
    result = check(gateway)
    assert result.returncode == 2 and result.stderr.startswith("security: ")
    gateway.set("security.key_file", "/nonexistent/key")
    assert check(gateway).returncode == 2


def test_a_dtls_listener_wants_credentials(make_gateway, tmp_path):
    gateway = secure_gateway(make_gateway, tmp_path, start=False)
    result = check(gateway)
    assert result.returncode == 2
    assert "found transport dtls without credentials" in result.stderr


def test_the_readme_shows_a_configuration_that_works(tmp_path):
    section = (ROOT / "README.md").read_text().split("### With DTLS")[1]
    commands = [line for line in section.split("```sh")[1].split("```")[0].splitlines()
                if line.startswith(("(umask", "sed"))]
    assert len(commands) == 2
    for name in ("config", "objects-xml"):
        (tmp_path / name).symlink_to(ROOT / name)
    subprocess.run(["sh", "-ec", "\n".join(commands)], cwd=tmp_path, timeout=30, check=True)
    result = subprocess.run([PROGRAM, "-t", "-c", "dtls.yaml"], cwd=tmp_path, timeout=30,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "\n    - {transport: dtls, " in (tmp_path / "dtls.yaml").read_text()
