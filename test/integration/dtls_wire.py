"""DTLS 1.2 datagrams built by hand (RFC 6347), and a relay that stands between a device and the
gateway: it can lose, cut, repeat, reorder and forge what passes."""

import contextlib
import os
import select
import socket
import threading

HANDSHAKE, ALERT, APPLICATION, CID = 22, 21, 23, 25
CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY = 1, 2, 3
VERSION = b"\xfe\xfd"
PSK_AES_128_CCM_8 = 0xC0A8


def record(kind, payload, epoch=0, sequence=0, version=VERSION):
    return (bytes([kind]) + version + epoch.to_bytes(2, "big") + sequence.to_bytes(6, "big")
            + len(payload).to_bytes(2, "big") + payload)


def handshake(kind, body, message=0, offset=0, fragment=None):
    fragment = body if fragment is None else fragment
    return (bytes([kind]) + len(body).to_bytes(3, "big") + message.to_bytes(2, "big")
            + offset.to_bytes(3, "big") + len(fragment).to_bytes(3, "big") + fragment)


def client_hello(random=None, cookie=b"", message=0, sequence=0, suites=(PSK_AES_128_CCM_8,)):
    """A whole datagram. The cookie is bound to all the rest: give the same random again."""
    body = VERSION + (random or os.urandom(32)) + b"\x00" + bytes([len(cookie)]) + cookie
    body += (2 * len(suites)).to_bytes(2, "big")
    body += b"".join(suite.to_bytes(2, "big") for suite in suites) + b"\x01\x00"
    return record(HANDSHAKE, handshake(CLIENT_HELLO, body, message), sequence=sequence)


def handshake_kind(datagram):
    return datagram[13] if len(datagram) > 13 and datagram[0] == HANDSHAKE else None


def cookie_of(datagram):
    """Of a HelloVerifyRequest."""
    assert handshake_kind(datagram) == HELLO_VERIFY, datagram.hex()
    return datagram[28:28 + datagram[27]]


class Stranger:
    """A socket that speaks to a dtls listener."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect((host, port))
        self.random = os.urandom(32)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, datagram):
        try:
            self.socket.send(datagram)
        except ConnectionError:
            pass

    def receive(self, timeout=5.0):
        """The next datagram, None when there is none in time."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(4096)
        except (TimeoutError, ConnectionError):
            return None

    def cookie(self):
        """Asks until it gets one: the first datagrams may be lost in a crowd."""
        for _ in range(10):
            self.send(client_hello(self.random))
            answer = self.receive()
            if answer is not None and handshake_kind(answer) == HELLO_VERIFY:
                return cookie_of(answer)
        raise AssertionError("no HelloVerifyRequest")


class ManySources:
    """One socket that sends from 127.1.0.0, 127.1.0.1, …: all of 127/8 is this machine's."""

    IP_PKTINFO = 8  # Linux

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, source, datagram):
        address = bytes([127, 1 + (source >> 16), source >> 8 & 255, source & 255])
        info = bytes(4) + address + bytes(4)  # struct in_pktinfo: interface, source, unused
        with contextlib.suppress(BlockingIOError):
            self.socket.sendmsg([datagram], [(socket.IPPROTO_IP, self.IP_PKTINFO, info)], 0, self.to)

    def answers(self):
        """How many came so far."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(4096)
                count += 1
        return count


class Relay:
    """Passes datagrams between one device (.port) and the gateway; `on_way(to_gateway, datagram)`
    returns what goes on instead, a list of datagrams."""

    def __init__(self, gateway_port, on_way=None):
        self.on_way = on_way or (lambda _to_gateway, datagram: [datagram])
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind(("127.0.0.1", 0))
        self.port = self.inner.getsockname()[1]
        self.outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outer.bind(("127.0.0.1", 0))
        self.outer.connect(("127.0.0.1", gateway_port))
        self.device = None
        self.passed = []  # (to_gateway, datagram)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def uri(self):
        return f"coaps://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.inner.close()
        self.outer.close()

    def _run(self):
        while not self.stopping.is_set():
            for ready in select.select([self.inner, self.outer], [], [], 0.05)[0]:
                try:
                    self._pass_on(ready)
                except ConnectionError:
                    pass  # nobody was there: a datagram that is lost

    def _pass_on(self, ready):
        to_gateway = ready is self.inner
        datagram, sender = ready.recvfrom(4096)
        if to_gateway:
            self.device = sender
        self.passed.append((to_gateway, datagram))
        for each in self.on_way(to_gateway, datagram):
            if to_gateway:
                self.outer.send(each)
            elif self.device is not None:
                self.inner.sendto(each, self.device)

    def forge(self, datagram):
        """Sends to the gateway what seems to be the device's."""
        try:
            self.outer.send(datagram)
        except ConnectionError:
            pass

    def forge_to_device(self, datagram):
        self.inner.sendto(datagram, self.device)
