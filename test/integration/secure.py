"""Gateways with a DTLS listener, the keys and certificates of their devices."""

import os
import re
import signal
import socket
import subprocess

from conftest import BUILD, ROOT, wait_until
from ports import free_port

KEY = "000102030405060708090a0b0c0d0e0f"
OTHER_KEY = "0f0e0d0c0b0a09080706050403020100"


class KeyFile:
    """A psk_file that a test may change."""

    def __init__(self, path, lines):
        self.path = path
        self.write(*lines)

    def write(self, *lines):
        """As an editor does it: a new file takes the old one's place."""
        new = self.path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        new.rename(self.path)


def secure_settings(gateway_port, dtls_port, host="127.0.0.1"):
    return {"lwm2m.listeners": [
        {"transport": "udp", "bind": f"127.0.0.1:{gateway_port}"},
        {"transport": "dtls", "bind": f"{host}:{dtls_port}"}]}


def secure_gateway(make_gateway, tmp_path, *lines, settings=None, start=True, host="127.0.0.1",
                   authority=None):
    """A gateway with these lines in its psk_file: .dtls_port, .uri, .keys"""
    gateway = make_gateway(start=False)
    gateway.dtls_port = free_port(socket.SOCK_DGRAM)
    gateway.uri = f"coaps://{'127.0.0.1' if host in ('*', '[::]') else host}:{gateway.dtls_port}"
    gateway.keys = KeyFile(tmp_path / "psk", lines)
    wanted = secure_settings(gateway.port, gateway.dtls_port, host)
    if lines:
        wanted["security.psk_file"] = str(gateway.keys.path)
    if authority is not None:
        wanted.update(authority.settings())
    for name, value in {**wanted, **(settings or {})}.items():
        gateway.set(name, value)
    return gateway.start() if start else gateway


def reload(gateway, line=r"reloaded"):
    """SIGHUP; waits for one more line in the log that matches."""
    before = len(re.findall(line, gateway.process.text()))
    gateway.reload()
    wait_until(lambda: len(re.findall(line, gateway.process.text())) > before, what=line)


def resident_kib(gateway):
    with open(f"/proc/{gateway.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


class Authority:
    """A certificate authority with a server certificate; made by the openssl program."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.ca = directory / "ca.pem"
        self.crl = directory / "crl.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=test authority")
        self.server = self.issue("server", "/CN=gateway")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, timeout=60,
                       capture_output=True)

    def issue(self, name, subject, alternative=None):
        """Returns the options of lwm2m-sim for it."""
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        extension = self.directory / f"{name}.ext"
        extension.write_text(f"subjectAltName={alternative}\n" if alternative else
                             "basicConstraints=CA:FALSE\n")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-CAcreateserial", "-out", f"{name}.pem", "-days", "30", "-extfile", extension.name)
        return self.options(name)

    def options(self, name):
        return ["--cert", str(self.directory / f"{name}.pem"),
                "--key", str(self.directory / f"{name}.key"), "--ca", str(self.ca)]

    def revoke(self, *names):
        """Writes a revocation list with these certificates."""
        (self.directory / "index.txt").write_text("")
        (self.directory / "crlnumber").write_text("01\n")
        (self.directory / "ca.cnf").write_text(
            "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\ncrlnumber=crlnumber\n"
            "default_md=sha256\ndefault_crl_days=30\n")
        for name in names:
            self._openssl("ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                          "-revoke", f"{name}.pem")
        self._openssl("ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                      "-gencrl", "-out", "crl.pem")

    def settings(self):
        return {"security.cert_file": str(self.directory / "server.pem"),
                "security.key_file": str(self.directory / "server.key"),
                "security.ca_file": str(self.ca)}


def has_connection_id():
    """Whether the mbedtls that this was built with has Connection IDs (RFC 9146)."""
    command = [BUILD / "test/sim/lwm2m-sim", "--cid", "--once", "--duration", "0.01", "--server",
               "coap://127.0.0.1:1"]
    result = subprocess.run(command, cwd=ROOT, timeout=30, capture_output=True, text=True, check=False)
    return "no Connection IDs" not in result.stderr


def move(device):
    """The simulated device goes on from another local port."""
    device.signal(signal.SIGUSR1)
    return int(device.wait_line(r"^moved port=(\d+)").group(1))
