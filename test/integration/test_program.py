"""The program itself: command line, configuration errors, signals, its status topic."""

import re
import signal
import subprocess

import coap as coap_peer
import pytest
from conftest import BUILD, ROOT, Mqtt, wait_until

PROGRAM = BUILD / "gateway/lwm2mqtt"


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=ROOT, capture_output=True,
                          text=True, timeout=30, check=False, **options)


def test_version():
    version = re.search(r"project\(lwm2mqtt VERSION ([0-9.]+)",
                        (ROOT / "CMakeLists.txt").read_text()).group(1)
    result = run("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(rf"\b{re.escape(version)}\b", result.stdout)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_the_options(option):
    result = run(option)
    assert (result.returncode, result.stderr) == (0, "")
    for name in ("-c", "-t", "--version"):
        assert name in result.stdout


@pytest.mark.parametrize("arguments", [["--nonsense"], ["-c"], ["surplus"]])
def test_a_wrong_command_line_is_refused(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr and not result.stdout


def test_check_accepts_the_default_configuration():
    result = run("-t", "-c", "config/lwm2mqtt.yaml")
    assert result.returncode == 0, result.stderr


def test_check_accepts_the_configuration_of_these_tests(make_gateway):
    gateway = make_gateway(start=False)
    result = run("-t", "-c", gateway.write_config())
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("text, line, column, words", [
    ("lwm2m:\n  lifetime_mim: 15s\n", 2, 3, ["lifetime_mim", "did you mean"]),
    ("lwm2m:\n  lifetime_min: soon\n", 2, 17, ["lifetime_min", "soon"]),
    ("mqtt:\n  topics:\n    response: {topic: up/resp, qos: 3}\n", 3, 37, ["qos", "3"]),
    ("mqtt:\n  topics:\n    command: {topic: dn/all, qos: 1}\n", 3, None, ["endpoint_name"]),
    ("lwm2m:\n  xml_dir: /nonexistent\n", 2, 12, ["/nonexistent"]),
    ("mqtt: {broker: [\n", None, None, []),
], ids=["unknown", "duration", "range", "topic", "missing-directory", "no-yaml"])
@pytest.mark.parametrize("check", [["-t"], []], ids=["check", "start"])
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path, check, text, line, column, words):
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    result = run(*check, "-c", file)
    assert result.returncode == 2, result.stderr
    place = re.search(rf"{re.escape(str(file))}:(\d+):(\d+): ", result.stderr)
    assert place, result.stderr
    assert line is None or int(place.group(1)) == line, result.stderr
    assert column is None or int(place.group(2)) == column, result.stderr
    for word in words:
        assert word in result.stderr


def test_a_missing_configuration_is_refused(tmp_path):
    result = run("-c", tmp_path / "none.yaml")
    assert result.returncode == 2
    assert "none.yaml" in result.stderr


def test_a_port_in_use_is_reported(gateway, make_gateway):
    other = make_gateway({"lwm2m.listeners": gateway.settings["lwm2m"]["listeners"],
                          "mqtt.client_id": "other"}, start=False)
    result = run("-c", other.write_config())
    assert result.returncode not in (0, 2), "not a matter of syntax, and no success"
    assert str(gateway.port) in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_a_retained_offline(gateway, broker, mqtt, number):
    gateway.process.signal(number)
    assert gateway.process.wait() == 0
    gateway.wait_status("offline")
    assert retained_status(gateway, broker) == b"offline"


def test_the_status_is_retained_while_it_runs(gateway, broker):
    assert retained_status(gateway, broker) == b"online"


def test_a_killed_gateway_is_reported_offline_by_its_will(gateway, broker):
    gateway.kill()
    gateway.wait_status("offline")
    assert retained_status(gateway, broker) == b"offline"


def test_it_ends_while_there_is_no_broker(gateway, broker):
    broker.kill()
    gateway.stop()


def test_it_starts_before_the_broker(make_gateway, broker, mqtt):
    broker.stop()
    gateway = make_gateway(wait_online=False)
    broker.start()
    gateway.wait_status("online", 30)


def test_sighup_leaves_devices_and_the_connection_alone(gateway, mqtt, coap):
    device = coap()
    location = device.register("steady")
    mqtt.expect("up/register", lambda m: m.json["ep"] == "steady")
    gateway.process.signal(signal.SIGHUP)
    wait_until(gateway.answers, what="the gateway answers after SIGHUP")
    assert device.request(coap_peer.POST, location).code_text == "2.04"
    mqtt.expect("up/update", lambda m: m.json["ep"] == "steady")
    mqtt.expect_none(gateway.status_topic, seconds=0.3)


def test_sighup_with_a_wrong_file_changes_nothing(gateway, mqtt, coap):
    gateway.set("lwm2m.lifetime_min", "soon")
    gateway.reload()
    gateway.process.wait_line(r"lwm2mqtt\.yaml:\d+:\d+: ")
    device = coap()
    device.register("after")
    mqtt.expect("up/register", lambda m: m.json["ep"] == "after")


def retained_status(gateway, broker):
    """What somebody hears who comes later."""
    late = Mqtt(broker, [gateway.status_topic])
    try:
        message = late.expect(gateway.status_topic)
        assert message.retain
        return message.payload
    finally:
        late.close()


def test_no_definitions_are_no_mistake(make_gateway):
    gateway = make_gateway({"lwm2m.xml_dir": ""})
    gateway.process.wait_line(r"definitions-loaded objects=0")
    assert "definitions-not-loaded" not in gateway.process.text()
