"""gateway/run: starts what is missing, ends all that it started, and only that."""

import pathlib
import signal
import socket

import pytest
import yaml
from conftest import ROOT, Process, wait_until
from ports import free_port

# One after the other: they build in the same directory.
pytestmark = pytest.mark.xdist_group("gateway-run")
BUILDING = 600  # seconds: the first run compiles the release


class Run(Process):
    """gateway/run --demo on ports of its own; processes are known by these ports and the path."""

    def __init__(self, directory, broker_port, *arguments, udp_port=None):
        self.udp_port = udp_port or free_port(socket.SOCK_DGRAM)
        self.broker_port = broker_port
        self.directory = directory
        config = directory / "run.yaml"
        config.write_text(yaml.safe_dump({
            "mqtt": {"broker": f"mqtt://127.0.0.1:{broker_port}", "client_id": "run"},
            "lwm2m": {"listeners": [{"transport": "udp", "bind": f"127.0.0.1:{self.udp_port}"}],
                      "xml_dir": "objects-xml/oma"}}))
        super().__init__("gateway/run", [ROOT / "gateway/run", "-c", config, *arguments],
                         directory / "run.log", {"TMPDIR": str(directory)})

    def processes(self):
        """Command lines of what runs for it."""
        words = (str(self.directory), f"127.0.0.1:{self.udp_port}", f"-p {self.broker_port} ")
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if any(word in line for word in words):
                found.append(line)
        return found


@pytest.fixture
def run(tmp_path):
    started = []

    def start(broker_port, *arguments, **options):
        directory = tmp_path / "run"
        directory.mkdir()
        started.append(Run(directory, broker_port, *arguments, **options))
        return started[-1]

    yield start
    for process in started:
        print(process.text())
        if process.running():
            process.signal(signal.SIGTERM)
            process.wait(60)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_demo_shows_a_device_and_leaves_nothing(run, number, status):
    demo = run(free_port(), "--demo")
    demo.wait_line(r"^up/register .*\"ep\": ?\"demo\"", BUILDING)
    running = " ".join(demo.processes())
    for name in ("mosquitto -c", "mosquitto_sub", "gateway/lwm2mqtt", "lwm2m-sim"):
        assert name in running
    demo.signal(number)
    assert demo.wait(60) == status
    assert "\nup/deregister " in demo.text(), "the device takes its leave while all others still run"
    wait_until(lambda: not demo.processes(), what="all have ended")
    assert [path.name for path in demo.directory.iterdir() if path.is_dir()] == []


def test_a_broker_that_answers_is_used_and_left_running(run, broker, mqtt):
    started = run(broker.port)
    message = mqtt.expect("lwm2mqtt/run/status", timeout=BUILDING)
    assert message.payload == b"online"
    assert not [line for line in started.processes() if line.startswith("mosquitto -c")]
    started.signal(signal.SIGTERM)
    assert started.wait(60) == 143
    mqtt.expect("lwm2mqtt/run/status", lambda m: m.payload == b"offline")
    assert broker.answers()


def test_the_exit_status_is_that_of_the_gateway(run, broker):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        started = run(broker.port, udp_port=other.getsockname()[1])
        assert started.wait(BUILDING) not in (0, 2, 130, 143)
    assert started.processes() == []
