"""What the integration tests stand on: a real broker, the gateway, devices, all on loopback.

Every process belongs to one test, uses ports of its own and keeps its files in the test's tmp_path.
A gateway or device that a sanitizer complains about, or that does not leave with status 0 when it
is asked to, fails the test it served.

    def test_read(gateway, mqtt, sim):
        sim("--endpoint", "meter")
        mqtt.expect("up/register", lambda m: m.json["ep"] == "meter")
        answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
        assert answer.json["data"]["code"] == "2.05"

    @pytest.mark.settings({"lwm2m.auto_observe": True})    # settings of the `gateway` fixture
"""

import copy
import getpass
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path[:0] = [str(directory) for directory in pathlib.Path(__file__).parents[:2]]
import coap as coap_peer  # noqa: E402
from ports import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LWM2MQTT_BUILD", "build/dev")
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")
# A program with sanitizers on a busy machine takes its time.
PATIENCE = float(os.environ.get("LWM2MQTT_PATIENCE", "10"))


def pytest_configure(config):
    config.addinivalue_line("markers", "settings(dict): settings of the gateway, by dotted names")
    config.addinivalue_line("markers", "xdist_group(name): tests that one worker runs in turn")


def wait_until(condition, timeout=None, what="condition"):
    """Calls condition() until it returns something true, which is returned."""
    until = time.monotonic() + (PATIENCE if timeout is None else timeout)
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < until, f"timeout: {what}"
        time.sleep(0.02)


def default_sigint():
    """A shell that runs the tests in the background makes its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Process:
    """A child process whose output goes to a file that can be waited for line by line."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                preexec_fn=default_sigint)

    def running(self):
        return self.child.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_line(self, pattern, timeout=None):
        """Waits for a line that matches the regular expression; returns the match."""
        def look():
            match = re.search(pattern, self.text(), re.MULTILINE)
            assert match or self.running(), f"{self.name} has ended:\n{self.text()}"
            return match
        return wait_until(look, timeout, f"{pattern!r} in the output of {self.name}")

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, timeout=None):
        """The exit status; AssertionError when the process does not end in time."""
        try:
            return self.child.wait(PATIENCE if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end:\n{self.text()}") from None

    def kill(self):
        if self.running():
            self.child.kill()
            self.child.wait()

    def stop(self, timeout=None):
        """SIGTERM; the process must leave with status 0 and without a sanitizer's complaint."""
        if not self.running() and self.child.returncode == -signal.SIGKILL:
            return  # a test killed it
        if self.running():
            self.signal(signal.SIGTERM)
        status = self.wait(timeout)
        assert status == 0, f"{self.name} left with status {status}:\n{self.text()}"
        self.check_sanitizers()

    def check_sanitizers(self):
        assert not SANITIZER.search(self.text()), f"{self.name}:\n{self.text()}"


class Broker:
    """mosquitto on a loopback port; its sessions and retained messages survive a restart."""

    def __init__(self, directory, port=None, extra=""):
        self.directory = directory
        self.port = port or free_port()
        self.host = "127.0.0.1"
        self.process = None
        directory.mkdir(exist_ok=True)
        self.config = directory / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser {getpass.getuser()}\n"
            f"persistence true\npersistence_location {directory}/\nmax_queued_messages 0\n"
            f"set_tcp_nodelay true\n"
            f"{extra}\n")

    @property
    def url(self):
        return f"mqtt://{self.host}:{self.port}"

    def start(self):
        path = os.environ["PATH"] + ":/usr/sbin"
        self.process = Process("mosquitto", ["mosquitto", "-c", self.config],
                               self.directory / "mosquitto.log", {"PATH": path})
        wait_until(self.answers, what="mosquitto listens")
        return self

    def answers(self):
        assert self.process.running(), self.process.text()
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is not None and self.process.running():
            self.process.signal(signal.SIGTERM)
            self.process.wait()

    def kill(self):
        if self.process is not None:
            self.process.kill()

    def restart(self):
        self.stop()
        self.start()


class Received:
    """A message as it came from the broker."""

    def __init__(self, message):
        self.topic = message.topic
        self.payload = message.payload
        self.qos = message.qos
        self.retain = bool(message.retain)
        properties = message.properties
        self.user_properties = dict(getattr(properties, "UserProperty", []))
        self.content_type = getattr(properties, "ContentType", None)
        self.correlation_data = getattr(properties, "CorrelationData", None)
        self.expiry = getattr(properties, "MessageExpiryInterval", None)
        try:
            self.json = json.loads(self.payload)
        except (ValueError, RecursionError):
            self.json = None

    def __repr__(self):
        return f"{self.topic} {self.payload[:2000]!r}"


class Mqtt:
    """An MQTT 5 client that keeps everything it hears until a test asks for it.

    Its session outlives a restart of the broker, so that it misses nothing.
    """

    req_ids = itertools.count(1)
    client_ids = itertools.count(1)

    def __init__(self, broker, topics=("#",)):
        self.topics = list(topics)
        self.messages = []  # not yet taken by expect()
        self.history = []
        self.changed = threading.Condition()
        self.subscribed = threading.Event()
        version = getattr(paho, "CallbackAPIVersion", None)  # paho-mqtt 2, Debian 13
        arguments = [version.VERSION2] if version else []
        self.client = paho.Client(*arguments, client_id=f"test-{next(self.client_ids)}",
                                  protocol=paho.MQTTv5)
        self.client.reconnect_delay_set(1, 1)
        # Without it each command waits 40 ms for the kernel, and so does each answer.
        self.client.on_socket_open = lambda _client, _userdata, connection: connection.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        # Mosquitto forgets the session of a client that began with a clean start when it restarts.
        self.client.connect(broker.host, broker.port, clean_start=False, properties=session)
        self.client.loop_start()
        assert self.subscribed.wait(PATIENCE), "no SUBACK"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client, *_):
        client.subscribe([(topic, paho.SubscribeOptions(qos=2)) for topic in self.topics])

    def _on_message(self, _client, _userdata, message):
        with self.changed:
            self.messages.append(Received(message))
            self.history.append(self.messages[-1])
            self.changed.notify_all()

    def _take(self, topic, predicate):
        for i, message in enumerate(self.messages):
            if paho.topic_matches_sub(topic, message.topic) and predicate(message):
                return self.messages.pop(i)
        return None

    def expect(self, topic, predicate=lambda message: True, timeout=None):
        """Takes the oldest message of a topic (filter) for which predicate(message) is true."""
        until = time.monotonic() + (PATIENCE if timeout is None else timeout)
        with self.changed:
            while True:
                message = self._take(topic, predicate)
                if message is not None:
                    return message
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no such message on {topic}; there are: {self.messages}")
                self.changed.wait(left)

    def expect_none(self, topic, predicate=lambda message: True, seconds=0.5):
        """AssertionError when such a message is there or comes within that time."""
        try:
            message = self.expect(topic, predicate, seconds)
        except AssertionError:
            return
        raise AssertionError(f"unexpected: {message}")

    def clear(self):
        with self.changed:
            self.messages.clear()

    def publish(self, topic, payload, qos=1, retain=False, response_topic=None, correlation=None,
                expiry=None):
        properties = Properties(PacketTypes.PUBLISH)
        if response_topic is not None:
            properties.ResponseTopic = response_topic
        if correlation is not None:
            properties.CorrelationData = correlation
        if expiry is not None:
            properties.MessageExpiryInterval = expiry
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        self.client.publish(topic, payload, qos, retain, properties)

    def command(self, endpoint, command, topic="dn/{}", **options):
        """Publishes a command to a device, with a reqID unless it has one; returns the reqID."""
        command = {"reqID": next(self.req_ids), **command}
        self.publish(topic.format(endpoint), command, **options)
        return command["reqID"]

    def answer(self, req_id, timeout=None, topic="up/resp"):
        """The JSON of the next message to the command with this reqID, an `ack` as well."""
        return self.expect(topic, lambda m: isinstance(m.json, dict)
                           and m.json.get("reqID") == req_id, timeout).json

    def request(self, endpoint, command, timeout=None, answer_topic="up/resp", **options):
        """command(), then its answer: the next message with its reqID other than an `ack`."""
        req_id = self.command(endpoint, command, **options)
        return self.expect(
            answer_topic,
            lambda m: isinstance(m.json, dict) and m.json.get("reqID") == req_id
            and m.json.get("msgType") != "ack", timeout)


class Gateway:
    """The gateway with a configuration of its own."""

    def __init__(self, directory, broker, mqtt, settings=None):
        self.directory, self.broker, self.mqtt = directory, broker, mqtt
        directory.mkdir(exist_ok=True)
        self.file = directory / "lwm2mqtt.yaml"
        self.log = directory / "gateway.log"
        self.port = free_port(socket.SOCK_DGRAM)
        self.process = None
        self.settings = {
            "mqtt": {"broker": broker.url, "client_id": "lwm2mqtt",
                     "reconnect_min": "100ms", "reconnect_max": "500ms"},
            "lwm2m": {"listeners": [{"transport": "udp", "bind": f"127.0.0.1:{self.port}"}],
                      "xml_dir": "objects-xml/oma"},
            "store": {"path": str(directory / "store.db")},
            "log": {"level": "debug"},
        }
        for name, value in (settings or {}).items():
            self.set(name, value)

    def set(self, name, value):
        """set("lwm2m.auto_observe", True), for the next start; None removes the setting."""
        *groups, last = name.split(".")
        place = self.settings
        for group in groups:
            place = place.setdefault(group, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = copy.deepcopy(value)

    def write_config(self):
        self.file.write_text(yaml.safe_dump(self.settings, sort_keys=False))
        return self.file

    @property
    def status_topic(self):
        return f"lwm2mqtt/{self.settings['mqtt']['client_id']}/status"

    @property
    def pid(self):
        return self.process.child.pid

    def start(self, wait_online=True):
        """Starts and waits until it answers devices and, unless told otherwise, is online."""
        self.write_config()
        self.process = Process("gateway", [BUILD / "gateway/lwm2mqtt", "-c", self.file], self.log)
        wait_until(self.answers, what="the gateway answers a CoAP ping")
        if wait_online:
            self.wait_status("online")
        return self

    def answers(self):
        assert self.process.running(), f"the gateway has ended:\n{self.process.text()}"
        with coap_peer.Peer(self.port) as peer:
            try:
                return peer.ping(0.2)
            except (TimeoutError, ConnectionError):
                return None

    def wait_status(self, status, timeout=None):
        return self.mqtt.expect(self.status_topic, lambda m: m.payload == status.encode(), timeout)

    def reload(self):
        """Writes the settings as they are now and sends SIGHUP."""
        self.write_config()
        self.process.signal(signal.SIGHUP)

    def stop(self, timeout=None):
        self.process.stop(timeout)

    def kill(self):
        """SIGKILL: what a power cut does."""
        self.process.kill()
        self.process.check_sanitizers()

    def die_and_start(self, wait_online=True):
        """SIGKILL, and a new process with the same files."""
        self.kill()
        return self.start(wait_online)

    def restart(self, wait_online=True):
        if self.process.running():
            self.stop()
            self.wait_status("offline")
        return self.start(wait_online)


@pytest.fixture
def broker(tmp_path):
    """A running mosquitto: .url .port .stop() .kill() .start() .restart()"""
    broker = Broker(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def mqtt(broker):
    """A client that hears everything: .expect() .expect_none() .command() .request() .publish()"""
    client = Mqtt(broker)
    yield client
    client.close()


@pytest.fixture
def make_gateway(tmp_path, broker, mqtt):
    """make_gateway({"dotted.name": value}, start=True): for more than one, or one not yet started"""
    made = []

    def make(settings=None, start=True, wait_online=True):
        gateway = Gateway(tmp_path / f"gateway{len(made) or ''}", broker, mqtt, settings)
        made.append(gateway)
        return gateway.start(wait_online) if start else gateway

    yield make
    ended = [gateway for gateway in made if gateway.process is not None]
    for gateway in ended:
        print(f"--- {gateway.log}\n{gateway.process.text()[-20000:]}")
    try:
        for gateway in ended:
            gateway.stop()
    finally:
        for gateway in ended:
            gateway.process.kill()


@pytest.fixture
def gateway(request, make_gateway):
    """A running gateway, with the settings of @pytest.mark.settings({...})"""
    settings = {}
    for marker in reversed(list(request.node.iter_markers("settings"))):
        settings.update(marker.args[0])
    return make_gateway(settings)


@pytest.fixture
def sim(tmp_path, request):
    """sim("--endpoint", "meter", …): starts a simulated device; .wait_line() .stop() .kill()

    Its server is the fixture `gateway`, or the one given: sim(…, gateway=other), sim(…, server=uri).
    """
    started = []
    usual = request.getfixturevalue("gateway") if "gateway" in request.fixturenames else None

    def start(*arguments, gateway=usual, server=None):
        server = server or f"coap://127.0.0.1:{gateway.port}"
        log = tmp_path / f"sim{len(started)}.log"
        command = [BUILD / "test/sim/lwm2m-sim", "--server", server, *arguments]
        started.append(Process("lwm2m-sim", command, log))
        return started[-1]

    yield start
    for process in started:
        print(f"--- {process.log}\n{process.text()[-20000:]}")
    try:
        for process in started:
            process.stop()
    finally:
        for process in started:
            process.kill()


@pytest.fixture
def coap(gateway):
    """coap(): a raw CoAP peer of the gateway (see coap.py), closed at the end of the test"""
    peers = []

    def make(**options):
        peers.append(coap_peer.Peer(gateway.port, **options))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
