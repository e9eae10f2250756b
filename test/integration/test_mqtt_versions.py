"""The side of MQTT: versions, properties, credentials, TLS, several brokers."""

import subprocess

import pytest
from coap import NON, OBSERVE, TEXT, Peer
from conftest import Broker, Mqtt
from ports import free_port


def served(gateway, mqtt, endpoint="meter", **options):
    """A device registers, is read and observed: the answer to the read, the notification."""
    with Peer(gateway.port) as device:
        device.register(endpoint, "</3/0>,</3303/0>")
        mqtt.expect("up/register")
        req_id = mqtt.command(endpoint, {"msgType": "read", "data": {"path": "/3/0/0"}}, **options)
        device.respond(device.next_request(), payload=b"x", content_format=TEXT)
        answer = mqtt.expect("#", lambda m: isinstance(m.json, dict) and m.json.get("reqID") == req_id
                             and "code" in m.json["data"])
        mqtt.command(endpoint, {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
        request = device.next_request()
        device.respond(request, payload=b"1", content_format=TEXT, options=[(OBSERVE, 1)])
        mqtt.expect("up/resp")
        device.notify(request.token, 2, b"2")
        notification = mqtt.expect("up/notify")
        device.receive()
    return answer, notification


def test_every_publish_has_its_properties(gateway, mqtt):
    answer, notification = served(gateway, mqtt)
    register = next(m for m in mqtt.history if m.topic == "up/register")
    for message in (answer, notification, register):
        assert message.content_type == "application/json"
        assert message.user_properties == {"ep": "meter"}
        assert message.qos == 1 and not message.retain


@pytest.mark.parametrize("correlation", [None, b"", b"id-1", bytes(range(256))],
                         ids=["none", "empty", "text", "bytes"])
def test_response_topic_and_correlation_data(gateway, mqtt, correlation):
    answer, _ = served(gateway, mqtt, response_topic="back/to/me", correlation=correlation)
    assert answer.topic == "back/to/me"
    assert (answer.correlation_data or None) == (correlation or None)
    assert answer.json["data"]["code"] == "2.05"


def test_refusals_and_states_go_to_the_response_topic_as_well(gateway, coap, mqtt):
    for payload in ("rubbish", '{"msgType":"read","data":{"path":"/3"}}'):
        mqtt.publish("dn/nobody", payload, response_topic="r", correlation=b"c")
        message = mqtt.expect("r")
        assert message.correlation_data == b"c" and message.json["data"]["code"] in ("4.00", "4.04")
    device = coap()
    location = device.register("meter")
    mqtt.publish("dn/meter", {"msgType": "read", "data": {"path": "/3/0/0"}}, response_topic="r")
    device.next_request()
    device.request(4, location)
    assert mqtt.expect("r").json["msgType"] == "dropped"
    mqtt.expect_none("up/resp", seconds=0.1)


@pytest.mark.settings({"mqtt.version": "3.1.1"})
def test_version_3_1_1(gateway, mqtt, broker):
    answer, _ = served(gateway, mqtt)
    assert answer.topic == "up/resp" and answer.user_properties == {}
    broker.restart()
    gateway.wait_status("online")
    served(gateway, mqtt, "again")
    gateway.stop()
    gateway.wait_status("offline")
    req_id = mqtt.command("nobody", {"msgType": "read", "data": {"path": "/3/0/0"}})
    gateway.start()
    answer = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id)
    assert answer.json["data"]["code"] == "4.04"


@pytest.mark.settings({"mqtt.version": "3.1.1", "mqtt.topics.notify.qos": 2})
def test_mosquitto_drops_nothing_of_qos_2_that_it_confirms(gateway, coap, mqtt):
    """It takes 20 at a time, and MQTT 3.1.1 has no means to say so."""
    device = coap()
    device.register("meter", "</3303/0>")
    mqtt.command("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    request = device.next_request()
    device.respond(request, payload=b"0", content_format=TEXT, options=[(OBSERVE, 1)])
    mqtt.expect("up/resp")
    for i in range(1, 201):
        device.notify(request.token, 1 + i, str(i).encode(), type=NON)
    seen = [mqtt.expect("up/notify").json["data"]["content"][0]["value"] for _ in range(200)]
    assert seen == list(range(1, 201))


# --- credentials


@pytest.fixture
def closed_broker(tmp_path):
    """A broker that wants a name and a password; it lets in the tests' own client by its own."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "gateway", "hush hush"], check=True)
    passwords.chmod(0o644)
    open_port = free_port()
    broker = Broker(tmp_path / "closed", extra="")
    text = broker.config.read_text().replace("allow_anonymous true\n", "")
    broker.config.write_text("per_listener_settings true\n" + text.replace(
        f"listener {broker.port} 127.0.0.1\n",
        f"listener {broker.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"listener {open_port} 127.0.0.1\nallow_anonymous true\n"))
    broker.start()
    broker.open_port = open_port
    yield broker
    broker.stop()


class At:
    """A broker under another port."""

    def __init__(self, port):
        self.host, self.port = "127.0.0.1", port


@pytest.fixture
def inside(closed_broker):
    client = Mqtt(At(closed_broker.open_port))
    yield client
    client.close()


@pytest.mark.parametrize("how", ["file", "environment"])
def test_user_name_and_password(make_gateway, closed_broker, inside, tmp_path, monkeypatch, how):
    settings = {"mqtt.broker": closed_broker.url, "mqtt.username": "gateway"}
    if how == "file":
        (tmp_path / "secret").write_text("hush hush\n")
        (tmp_path / "secret").chmod(0o600)
        settings["mqtt.password_file"] = str(tmp_path / "secret")
    else:
        monkeypatch.setenv("GATEWAY_PASSWORD", "hush hush")
        settings["mqtt.password"] = "${env:GATEWAY_PASSWORD}"
    gateway = make_gateway(settings, wait_online=False)
    inside.expect(gateway.status_topic, lambda m: m.payload == b"online")
    served(gateway, inside)
    assert "hush" not in gateway.process.text()


def test_a_wrong_password_is_said_and_tried_again(make_gateway, closed_broker):
    gateway = make_gateway({"mqtt.broker": closed_broker.url, "mqtt.username": "gateway",
                            "mqtt.password": "Guessed-1"}, wait_online=False)
    gateway.process.wait_line(r"broker-unreachable[\s\S]*broker-unreachable")
    assert "Guessed-1" not in gateway.process.text()
    with Peer(gateway.port) as device:
        device.register("meter")


# --- TLS


@pytest.fixture
def certificates(tmp_path):
    """A self-made authority and certificates of it: ca, broker, gateway (.pem and .key)."""
    directory = tmp_path / "tls"
    directory.mkdir()

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    openssl("req", "-x509", *key, "-keyout", "other.key", "-out", "other.pem", "-days", "2", "-subj",
            "/CN=other")
    for name, extension in (("broker", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
                            ("gateway", "subjectAltName=DNS:gateway"),
                            ("elsewhere", "subjectAltName=DNS:elsewhere.example")):
        (directory / f"{name}.ext").write_text(extension)
        openssl("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")
    for file in directory.glob("*.key"):
        file.chmod(0o644)
    return directory


@pytest.fixture
def make_tls_broker(tmp_path, certificates):
    """A broker with a second listener for TLS; the first is for the tests' own client."""
    brokers = []

    def make(name="broker", extra=""):
        port = free_port()
        broker = Broker(tmp_path / "tls-broker", extra=(
            f"listener {port} 127.0.0.1\ncafile {certificates}/ca.pem\n"
            f"certfile {certificates}/{name}.pem\nkeyfile {certificates}/{name}.key\n{extra}"))
        text = broker.config.read_text().replace("allow_anonymous true\n", "")
        broker.config.write_text(
            "allow_anonymous true\n" + text)
        broker.tls_url = f"mqtts://127.0.0.1:{port}"
        brokers.append(broker)
        broker.start()
        broker.client = Mqtt(broker)
        return broker

    yield make
    for broker in brokers:
        broker.client.close()
        broker.stop()


def test_tls(make_gateway, make_tls_broker, certificates):
    broker = make_tls_broker()
    gateway = make_gateway({"mqtt.broker": broker.tls_url, "mqtt.tls.ca_file": str(certificates / "ca.pem")},
                           wait_online=False)
    broker.client.expect(gateway.status_topic, lambda m: m.payload == b"online")
    served(gateway, broker.client)


def test_tls_with_a_certificate_of_the_gateway(make_gateway, make_tls_broker, certificates):
    broker = make_tls_broker(extra="require_certificate true\nuse_identity_as_username true\n")
    settings = {"mqtt.broker": broker.tls_url, "mqtt.tls.ca_file": str(certificates / "ca.pem")}
    refused = make_gateway(settings, wait_online=False)
    refused.process.wait_line("broker-unreachable")
    refused.stop()
    gateway = make_gateway({**settings, "mqtt.tls.cert_file": str(certificates / "gateway.pem"),
                            "mqtt.tls.key_file": str(certificates / "gateway.key")}, wait_online=False)
    broker.client.expect(gateway.status_topic, lambda m: m.payload == b"online")
    served(gateway, broker.client)


@pytest.mark.parametrize("name, ca", [("broker", "other"), ("elsewhere", "ca")],
                         ids=["authority", "name"])
def test_a_broker_that_is_not_what_it_should_be(make_gateway, make_tls_broker, certificates, name, ca):
    broker = make_tls_broker(name)
    settings = {"mqtt.broker": broker.tls_url, "mqtt.tls.ca_file": str(certificates / f"{ca}.pem")}
    gateway = make_gateway(settings, wait_online=False)
    gateway.process.wait_line("broker-unreachable")
    broker.client.expect_none(gateway.status_topic, seconds=0.3)
    gateway.stop()
    trusting = make_gateway({**settings, "mqtt.tls.verify": False}, wait_online=False)
    broker.client.expect(trusting.status_topic, lambda m: m.payload == b"online")


# --- several brokers


def test_the_next_broker_of_a_list(make_gateway, broker, mqtt):
    gateway = make_gateway({"mqtt.broker": [f"mqtt://127.0.0.1:{free_port()}", broker.url]})
    served(gateway, mqtt)


def test_changing_to_the_other_broker_when_one_goes(make_gateway, broker, mqtt, tmp_path):
    second = Broker(tmp_path / "second").start()
    other = Mqtt(second)
    try:
        gateway = make_gateway({"mqtt.broker": [broker.url, second.url]})
        served(gateway, mqtt)
        broker.kill()
        other.expect(gateway.status_topic, lambda m: m.payload == b"online")
        served(gateway, other, "again")
    finally:
        other.close()
        second.stop()


def test_two_gateways_at_one_broker(make_gateway, mqtt):
    one = make_gateway({"mqtt.mountpoint": "a/"})
    two = make_gateway({"mqtt.mountpoint": "b/", "mqtt.client_id": "two"})
    for gateway, tree in ((one, "a"), (two, "b")):
        with Peer(gateway.port) as device:
            device.register("meter")
            mqtt.expect(f"{tree}/up/register")
            mqtt.publish(f"{tree}/dn/meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
            device.respond(device.next_request(), "4.04")
            mqtt.expect(f"{tree}/up/resp")


def test_a_client_id_taken_by_another_is_no_busy_loop(make_gateway, mqtt):
    """Two gateways of one name: each throws the other out; both say so and wait in between."""
    make_gateway({"mqtt.reconnect_min": "500ms"})
    thief = make_gateway({"mqtt.reconnect_min": "500ms"}, wait_online=False)
    thief.process.wait_line("broker-lost|broker-connected")
    mqtt.clear()
    mqtt.expect_none("none", seconds=1)
    assert len([m for m in mqtt.history if m.topic.endswith("/status")]) < 20
