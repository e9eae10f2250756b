"""A CoAP peer on a raw UDP socket, for odd and hostile devices.

Deliberately simple and independent of the gateway's code: it builds and reads datagrams
(RFC 7252), keeps no state besides a message id, retransmits nothing and checks nothing, so that a
test may send what no proper device would.
"""

import itertools
import os
import socket
import time

CON, NON, ACK, RST = range(4)

GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH = range(1, 8)


def code(text):
    """"2.05" -> 69"""
    group, detail = text.split(".")
    return int(group) << 5 | int(detail)


def code_text(number):
    """69 -> "2.05" """
    return f"{number >> 5}.{number & 31:02d}"


# options
IF_MATCH, URI_HOST, ETAG, OBSERVE, URI_PORT, LOCATION_PATH = 1, 3, 4, 6, 7, 8
URI_PATH, CONTENT_FORMAT, URI_QUERY, ACCEPT = 11, 12, 15, 17
BLOCK2, BLOCK1, SIZE2, SIZE1 = 23, 27, 28, 60

# content formats
TEXT, LINK, OPAQUE, SENML_JSON, SENML_CBOR = 0, 40, 42, 110, 112
TLV, LWM2M_JSON, LWM2M_CBOR = 11542, 11543, 11544


def uint(value):
    """An option's or a SenML field's unsigned integer, as short as it can be; 0 is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class Message:
    """One datagram, taken apart. `options` is a list of (number, bytes) in any order."""

    def __init__(self, type=CON, code=GET, mid=0, token=b"", options=(), payload=b""):
        self.type = type
        self.code = code
        self.mid = mid
        self.token = token
        self.options = [(number, uint(value) if isinstance(value, int) else
                         value.encode() if isinstance(value, str) else bytes(value))
                        for number, value in options]
        self.payload = payload

    def build(self):
        out = bytearray([1 << 6 | self.type << 4 | len(self.token), self.code])
        out += self.mid.to_bytes(2, "big") + self.token
        last = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            delta, delta_bytes = _nibble(number - last)
            length, length_bytes = _nibble(len(value))
            out += bytes([delta << 4 | length]) + delta_bytes + length_bytes + value
            last = number
        if self.payload:
            out += b"\xff" + self.payload
        return bytes(out)

    @classmethod
    def parse(cls, data):
        """Raises ValueError when the datagram is not CoAP."""
        reader = _Reader(data)
        first, number = reader.take(2)
        if first >> 6 != 1:
            raise ValueError("version")
        message = cls(first >> 4 & 3, number, int.from_bytes(reader.take(2), "big"),
                      bytes(reader.take(first & 15)))
        last = 0
        while not reader.empty():
            head = reader.take(1)[0]
            if head == 0xFF:
                message.payload = bytes(reader.rest())
                break
            last += reader.extended(head >> 4)
            message.options.append((last, bytes(reader.take(reader.extended(head & 15)))))
        return message

    def all(self, number):
        """The values of an option, in order."""
        return [value for option, value in self.options if option == number]

    def get(self, number, default=None):
        """The first value of an option, as bytes."""
        return next(iter(self.all(number)), default)

    def get_uint(self, number, default=None):
        value = self.get(number)
        return default if value is None else int.from_bytes(value, "big")

    @property
    def path(self):
        return "/" + "/".join(segment.decode() for segment in self.all(URI_PATH))

    @property
    def queries(self):
        return [query.decode() for query in self.all(URI_QUERY)]

    @property
    def location(self):
        return "/" + "/".join(segment.decode() for segment in self.all(LOCATION_PATH))

    @property
    def code_text(self):
        return code_text(self.code)

    def __repr__(self):
        return (f"<{('CON', 'NON', 'ACK', 'RST')[self.type]} {self.code_text} mid={self.mid} "
                f"token={self.token.hex()} options={self.options} payload={self.payload!r}>")


def _nibble(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")


class _Reader:
    def __init__(self, data):
        self.data, self.at = memoryview(data), 0

    def empty(self):
        return self.at == len(self.data)

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def extended(self, nibble):
        if nibble == 15:
            raise ValueError("reserved nibble")
        if nibble == 14:
            return int.from_bytes(self.take(2), "big") + 269
        return self.take(1)[0] + 13 if nibble == 13 else nibble


class Peer:
    """A UDP socket that talks CoAP to one server. Use as a context manager, or close()."""

    def __init__(self, port, host="127.0.0.1", source=("127.0.0.1", 0)):
        self.server = (host, port)
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0) if ":" in host else source)
        self.mids = itertools.count(int.from_bytes(os.urandom(2), "big"))
        self.seen = set()  # message ids of the gateway's requests

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def next_mid(self):
        return next(self.mids) & 0xFFFF

    def send_raw(self, data):
        self.socket.sendto(data, self.server)

    def send(self, message):
        self.send_raw(message.build())
        return message

    def receive(self, timeout=5.0):
        """The next datagram from the server as a Message; TimeoutError when none comes."""
        self.socket.settimeout(timeout)
        try:
            return Message.parse(self.socket.recvfrom(65536)[0])
        except socket.timeout:
            raise TimeoutError("no datagram from the gateway") from None

    def receive_where(self, wanted, timeout=5.0):
        """The next datagram for which wanted(message) is true; others are thrown away."""
        until = time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("no such datagram from the gateway")
            message = self.receive(left)
            if wanted(message):
                return message

    def expect_silence(self, seconds):
        """AssertionError when the gateway sends anything in that time."""
        try:
            message = self.receive(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"the gateway sent {message}")

    def ping(self, timeout=1.0):
        """An empty CON; the answer is a Reset (RFC 7252, 4.3)."""
        sent = self.send(Message(CON, 0, self.next_mid()))
        return self.receive_where(lambda m: m.type == RST and m.mid == sent.mid, timeout)

    def request(self, method, path, *, queries=(), payload=b"", content_format=None, accept=None,
                options=(), type=CON, token=None, timeout=5.0):
        """Sends a request and waits for its response, piggybacked or separate (then it is ACKed)."""
        token = os.urandom(4) if token is None else token
        all_options = [(URI_PATH, segment) for segment in path.strip("/").split("/") if segment]
        all_options += [(URI_QUERY, query) for query in queries]
        if content_format is not None:
            all_options.append((CONTENT_FORMAT, content_format))
        if accept is not None:
            all_options.append((ACCEPT, accept))
        self.send(Message(type, method, self.next_mid(), token, all_options + list(options), payload))
        response = self.receive_where(lambda m: m.code >= 64 and m.token == token, timeout)
        if response.type == CON:
            self.send(Message(ACK, 0, response.mid))
        return response

    def next_request(self, timeout=5.0):
        """The next request of the gateway, without what it repeats of older ones."""
        request = self.receive_where(lambda m: 1 <= m.code < 32 and m.mid not in self.seen, timeout)
        self.seen.add(request.mid)
        return request

    def notify(self, token, sequence, payload=b"", content_format=TEXT, *, code_text="2.05",
               type=CON, mid=None, options=()):
        """Sends a notification; with sequence None it has no Observe option."""
        all_options = [] if sequence is None else [(OBSERVE, sequence)]
        if content_format is not None:
            all_options.append((CONTENT_FORMAT, content_format))
        return self.send(Message(type, code(code_text), self.next_mid() if mid is None else mid,
                                 token, all_options + list(options), payload))

    def reply_to(self, message, timeout=5.0):
        """The ACK or Reset of a message that was sent."""
        return self.receive_where(lambda m: m.type in (ACK, RST) and m.mid == message.mid, timeout)

    def respond(self, request, code_text="2.05", payload=b"", content_format=None, options=()):
        """A piggybacked answer to a request that the gateway sent."""
        all_options = list(options)
        if content_format is not None:
            all_options.append((CONTENT_FORMAT, content_format))
        return self.send(Message(ACK if request.type == CON else NON, code(code_text),
                                 request.mid if request.type == CON else self.next_mid(),
                                 request.token, all_options, payload))

    def register(self, endpoint, links="</1/0>,</3/0>", *, lifetime=300, version="1.1", queries=(),
                 **more):
        """Registers (LwM2M 1.1, 6.2.1) and returns the location; AssertionError when refused."""
        response = self.request(POST, "/rd", payload=links.encode(), content_format=LINK,
                                queries=(f"ep={endpoint}", f"lt={lifetime}", f"lwm2m={version}",
                                         "b=U", *queries), **more)
        assert response.code_text == "2.01", response
        return response.location
