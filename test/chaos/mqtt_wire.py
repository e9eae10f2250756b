"""MQTT as far as the chaos test needs it: packets in a stream of bytes, PUBLISH and PUBACK."""

import collections

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, DISCONNECT = 1, 2, 3, 4, 8, 9, 14

Publish = collections.namedtuple("Publish", "topic mid qos dup retain payload")


def number(value):
    """A variable byte integer."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def read_number(data, at):
    """-> (value, position behind it); IndexError when it is not complete"""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            return value, at


def packet(kind, body, flags=0):
    return bytes([kind << 4 | flags]) + number(len(body)) + body


def text(value):
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def connect(client_id, session_expiry=86400):
    properties = b"\x11" + session_expiry.to_bytes(4, "big")
    return packet(CONNECT, text("MQTT") + bytes([5, 0, 0, 0]) + number(len(properties)) + properties
                  + text(client_id))


def subscribe(mid, topic, qos):
    return packet(SUBSCRIBE, mid.to_bytes(2, "big") + b"\0" + text(topic) + bytes([qos]), 2)


def publish(mid, topic, payload, expiry=None):
    """QoS 1"""
    properties = b"" if expiry is None else b"\x02" + expiry.to_bytes(4, "big")
    return packet(PUBLISH, text(topic) + mid.to_bytes(2, "big") + number(len(properties)) + properties
                  + payload, 2)


def puback(mid):
    return packet(PUBACK, mid.to_bytes(2, "big"))


def read_level(raw):
    """The protocol level of a CONNECT: 5, or 4 for 3.1.1."""
    _, at = read_number(raw, 1)
    return raw[at + 6]


def read_publish(raw, level=5):
    flags = raw[0] & 15
    qos = flags >> 1 & 3
    _, at = read_number(raw, 1)
    end = at + 2 + int.from_bytes(raw[at:at + 2], "big")
    topic = raw[at + 2:end].decode()
    mid = None
    if qos:
        mid = int.from_bytes(raw[end:end + 2], "big")
        end += 2
    if level == 5:
        length, end = read_number(raw, end)
        end += length
    return Publish(topic, mid, qos, bool(flags & 8), bool(flags & 1), raw[end:])


def read_puback(raw):
    """-> (message id, reason code)"""
    length, at = read_number(raw, 1)
    return int.from_bytes(raw[at:at + 2], "big"), raw[at + 2] if length > 2 else 0


class Splitter:
    """feed() bytes as they come; it gives back whole packets."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, data):
        self.data += data
        packets = []
        while True:
            try:
                length, at = read_number(self.data, 1)
            except IndexError:
                return packets
            if len(self.data) < at + length:
                return packets
            packets.append(bytes(self.data[:at + length]))
            del self.data[:at + length]
