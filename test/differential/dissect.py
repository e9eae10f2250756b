"""Datagrams as a capture file, and what tshark says about them.

The packet description (PDML) has every field with its name, position and raw bytes, nested as the
dissectors nested them."""

import re
import struct
import subprocess
import xml.etree.ElementTree as tree

COAP_PORT = 5683
LOCALHOST = bytes([127, 0, 0, 1])
# What only a real interface computes.
OPTIONS = ["-o", "udp.check_checksum:FALSE", "-o", "ip.check_checksum:FALSE"]


def packet(payload, source=40000, destination=COAP_PORT):
    """A datagram in its UDP and IPv4 headers."""
    udp = struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, LOCALHOST,
                       LOCALHOST) + udp


def write_capture(file, packets):
    """The classic format of libpcap, of the link type "raw IP"."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 101)]
    for i, data in enumerate(packets):
        out.append(struct.pack("<IIII", 1700000000 + i, 0, len(data), len(data)) + data)
    file.write_bytes(b"".join(out))


class Field:
    """A field or protocol of the description."""

    def __init__(self, element):
        self.element = element
        self.name = element.get("name")
        self.show = element.get("show")
        self.size = int(element.get("size") or 0)
        self.children = [Field(child) for child in element]

    @property
    def value(self):
        return bytes.fromhex(self.element.get("value") or "")

    def descendants(self):
        for child in self.children:
            yield child
            yield from child.descendants()

    def all(self, name):
        """The fields of a name below this one, in order."""
        return [field for field in self.descendants() if field.name == name]

    def first(self, name):
        return next((field for field in self.descendants() if field.name == name), None)

    def complaints(self):
        """Marks of malformed content, and warnings."""
        marks = [field for field in [self, *self.descendants()]
                 if (field.name or "").startswith(("_ws.malformed", "_ws.short"))]
        for expert in self.all("_ws.expert"):
            if int(expert.first("_ws.expert.severity").show) >= 0x600000:  # warning, error
                marks.append(expert.first("_ws.expert.message") or expert)
        return [mark.show or mark.name for mark in marks]


def dissect(directory, packets, *options):
    """Of each packet its protocols by name; of one that stands twice the last."""
    file = directory / "packets.pcap"
    write_capture(file, packets)
    done = subprocess.run(["tshark", "-n", "-r", file, "-T", "pdml", *OPTIONS, *options],
                          capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode(errors="replace")
    # tshark writes control characters of strings as they are, which XML does not allow.
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "?", text)
    described = [{proto.get("name"): Field(proto) for proto in packet.iter("proto")}
                 for packet in tree.fromstring(text).iter("packet")]
    assert len(described) == len(packets)
    return described


def version():
    """(4, 0)"""
    text = subprocess.run(["tshark", "--version"], capture_output=True, text=True,
                          check=True).stdout
    return tuple(int(part) for part in text.split("(Wireshark) ")[1].split(".")[:2])
