"""DTLS with programs that share no code with the gateway: libcoap's clients on OpenSSL and on GnuTLS,
and openssl s_client."""

import re
import shutil
import subprocess

import pytest
from coap import CON, CONTENT_FORMAT, LINK, POST, URI_PATH, URI_QUERY, Message
from conftest import ROOT
from secure import Authority, secure_gateway

PSK_TEXT = "sixteen-letters."  # coap-client takes a key as text
LINKS = "</1/0>,</3/0>"
MODES = ["CCM8", "CBC-SHA256", "GCM-SHA256", "CCM"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture
def gateway(make_gateway, tmp_path, authority):
    gateway = secure_gateway(make_gateway, tmp_path, f"dev1 {PSK_TEXT.encode().hex()}", host="*",
                             authority=authority)
    authority.issue("cert1", "/CN=cert1")
    return gateway


def coap_client(library, *arguments):
    program = shutil.which(f"coap-client-{library}")
    assert program is not None, "Debian's libcoap3-bin has it"
    return subprocess.run([program, *arguments], cwd=ROOT, timeout=60, check=False,
                          capture_output=True, text=True)


def with_key(_authority):
    return "dev1", ["-u", "dev1", "-k", PSK_TEXT]


def with_certificate(authority):
    return "cert1", ["-c", str(authority.directory / "cert1.pem"), "-j",
                     str(authority.directory / "cert1.key"), "-R", str(authority.ca), "-n"]


@pytest.mark.parametrize("library", ["openssl", "gnutls"])
def test_libcoap_registers(gateway, mqtt, authority, library):
    for host in ("127.0.0.1", "[::1]"):
        for credentials in (with_key, with_certificate):
            name, options = credentials(authority)
            uri = f"coaps://{host}:{gateway.dtls_port}"
            result = coap_client(library, "-B", "20", *options, f"{uri}/.well-known/core")
            assert "core.rd" in result.stdout, result
            result = coap_client(library, "-B", "20", *options, "-m", "post", "-t", "40", "-e", LINKS,
                                 f"{uri}/rd?ep={name}&lt=300&lwm2m=1.1&b=U")
            register = mqtt.expect("up/register", lambda m, name=name: m.json["ep"] == name).json
            assert register["data"]["objectList"] == ["/1/0", "/3/0"], result
    uri = f"coaps://127.0.0.1:{gateway.dtls_port}/.well-known/core"
    result = coap_client(library, "-B", "1", "-u", "dev1", "-k", "another-key.....", uri)
    assert "core.rd" not in result.stdout, "a wrong key"


def s_client(gateway, log, *options):
    """openssl s_client; what is written to its standard input is sent, what comes is in its log."""
    command = ["openssl", "s_client", "-dtls1_2", "-quiet", "-connect",
               f"127.0.0.1:{gateway.dtls_port}", *options]
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)


def register_message(endpoint):
    return Message(CON, POST, 0x4242, b"tokn", [
        (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, f"ep={endpoint}"), (URI_QUERY, "lt=300"),
        (URI_QUERY, "lwm2m=1.1"), (URI_QUERY, "b=U")], LINKS.encode()).build()


def test_openssl_s_client_registers_with_every_suite(gateway, mqtt, authority, tmp_path):
    log = tmp_path / "s_client.log"
    key = ["-psk", PSK_TEXT.encode().hex(), "-psk_identity", "dev1"]
    certificate = ["-cert", str(authority.directory / "cert1.pem"), "-key",
                   str(authority.directory / "cert1.key"), "-CAfile", str(authority.ca)]
    cases = [("dev1", key, f"PSK-AES128-{mode}") for mode in MODES]
    cases += [("cert1", certificate, f"ECDHE-ECDSA-AES128-{mode.replace('CBC-', '')}") for mode in MODES]
    for name, options, cipher in cases:
        client = s_client(gateway, log, *options, "-cipher", f"{cipher}:@SECLEVEL=0")
        try:
            client.stdin.write(register_message(name))
            client.stdin.flush()
            register = mqtt.expect("up/register", lambda m, name=name: m.json["ep"] == name).json
            assert register["data"]["objectList"] == ["/1/0", "/3/0"], cipher
        finally:
            client.kill()
            client.wait()
    suites = re.findall(r"dtls-established .* suite=(\S+)", gateway.process.text())
    assert len(suites) == len(set(suites)) == len(cases), suites
