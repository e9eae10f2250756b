"""The programs under test: the gateway and mosquitto. They die with the harness."""

import asyncio
import ctypes
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ports import free_port  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def before_exec():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    def __init__(self, name, command, log, ready, trace):
        """`ready`: what it logs once it is there."""
        self.name, self.command, self.log, self.ready, self.trace = name, command, log, ready, trace
        self.child = None
        self.meant_to_run = False

    def start(self):
        self.meant_to_run = True
        with open(self.log, "ab") as out:
            self.log_begins = out.tell()
            self.child = subprocess.Popen(
                self.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}, preexec_fn=before_exec)

    def running(self):
        return self.child is not None and self.child.poll() is None

    def was_ready(self):
        with open(self.log, "rb") as log:
            log.seek(self.log_begins)
            return self.ready in log.read()

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        self.meant_to_run = False
        self.trace.add("killed", program=self.name)
        self.signal(signal.SIGKILL)
        if self.child is not None:
            self.child.wait()

    async def end(self, patience=20.0):
        """SIGTERM, and a status of 0."""
        self.meant_to_run = False
        self.signal(signal.SIGTERM)
        for _ in range(int(patience / 0.05)):
            if not self.running():
                break
            await asyncio.sleep(0.05)
        else:
            self.kill()
            self.trace.add("ended", program=self.name, status="not within %d s of SIGTERM" % patience)
            return
        # Before it is ready, SIGTERM may simply end it.
        if self.child.returncode != 0 and (self.child.returncode != -signal.SIGTERM or self.was_ready()):
            self.trace.add("ended", program=self.name, status=self.child.returncode)

    def look(self):
        """Reports it when it ended by itself, starts it again as a supervisor would: whether it did."""
        if not self.meant_to_run or self.running():
            return False
        self.trace.add("ended", program=self.name, status=self.child.returncode)
        self.start()
        return True

    def complaints(self):
        text = Path(self.log).read_text(errors="replace")
        return [line for line in text.splitlines() if SANITIZER.search(line)]


def broker(directory, memory, trace):
    memory.mkdir(exist_ok=True)
    port = free_port(socket.SOCK_STREAM)
    config = directory / "mosquitto.conf"
    # Saved at every change that counts as one; World.watch() sees to the rest, so that a SIGKILL
    # costs it as little as can be.
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser {pwd.getpwuid(os.geteuid()).pw_name}\n"
        f"persistence true\npersistence_location {memory.resolve()}/\nautosave_interval 1\n"
        f"autosave_on_changes true\nmax_queued_messages 0\nset_tcp_nodelay true\n")
    program = Program("broker", ["mosquitto", "-c", config], directory / "mosquitto.log",
                      b" running", trace)
    program.port = port
    return program


def gateway(directory, trace, broker_port, store, mqtt_version):
    port = free_port(socket.SOCK_DGRAM)
    settings = {
        "mqtt": {"broker": f"mqtt://127.0.0.1:{broker_port}", "client_id": "chaos", "keepalive": "5s",
                 "version": mqtt_version, "reconnect_min": "100ms", "reconnect_max": "500ms"},
        "lwm2m": {"listeners": [{"transport": "udp", "bind": f"127.0.0.1:{port}"}],
                  "xml_dir": "objects-xml/oma", "qmode_time_window": "1s", "response_timeout": "5s",
                  "coap": {"ack_timeout": "300ms", "max_retransmit": 3}},
        "log": {"level": "info"},
    }
    if store:
        settings["store"] = {"path": str(store / "store.db")}
    file = directory / "lwm2mqtt.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    build = ROOT / os.environ.get("LWM2MQTT_BUILD", "build/dev")
    program = Program("gateway", [build / "gateway/lwm2mqtt", "-c", file], directory / "gateway.log",
                      b" started ", trace)
    program.port = port
    return program
