"""TLV by Core TS 7.4.4, written from the specification: the tree that records make, and its bytes
in every legal form.

A tree is a list of (kind, id, value), the value bytes or a list of the same."""

import struct

INSTANCE, RESOURCE_INSTANCE, MULTIPLE, RESOURCE = range(4)


def _width(value, signed):
    for width in (1, 2, 4, 8):
        low, high = (-1 << 8 * width - 1, 1 << 8 * width - 1) if signed else (0, 1 << 8 * width)
        if low <= value < high:
            return width
    raise ValueError(value)


def value_bytes(record, rng=None):
    """Integers as short as can be, or (with rng) in any width that holds them."""
    kind, value = record.type, record.value
    if kind in ("int", "time", "uint"):
        signed = kind != "uint"
        shortest = _width(value, signed)
        width = rng.choice([width for width in (1, 2, 4, 8) if width >= shortest]) if rng \
            else shortest
        return value.to_bytes(width, "big", signed=signed)
    if kind == "float":
        if rng and rng.random() < 0.5:
            try:
                single = struct.pack(">f", value)
            except OverflowError:
                single = b""
            if single and struct.unpack(">f", single)[0] == value:
                return single
        return struct.pack(">d", value)
    if kind == "bool":
        return b"\1" if value else b"\0"
    if kind == "objlnk":
        return struct.pack(">HH", *value)
    return value.encode() if isinstance(value, str) else value


def _by_id(records, depth):
    groups = {}
    for record in records:
        groups.setdefault(record.path[depth], []).append(record)
    return groups.items()


def _instances(records, rng):
    return [(RESOURCE_INSTANCE, record.path[3], value_bytes(record, rng)) for record in records]


def _resources(records, rng):
    elements = []
    for number, below in _by_id(records, 2):
        if len(below[0].path) == 4:
            elements.append((MULTIPLE, number, _instances(below, rng)))
        else:
            elements.append((RESOURCE, number, value_bytes(below[0], rng)))
    return elements


def tree_of(base, records, rng=None):
    """As the gateway writes it; with rng also with the wrappers that may be there."""
    if len(base) == 1:
        return [(INSTANCE, number, _resources(below, rng))
                for number, below in _by_id(records, 1)]
    if len(base) == 4:
        elements = _instances(records, rng)
        if rng and elements and rng.random() < 0.4:
            elements = [(MULTIPLE, base[2], elements)]
    else:
        elements = _resources(records, rng)
        if rng and len(base) == 3 and len(elements) == 1 and elements[0][0] == MULTIPLE \
                and rng.random() < 0.3:
            elements = elements[0][2]
    if rng and elements and rng.random() < 0.3:
        elements = [(INSTANCE, base[1], elements)]
    return elements


def write(rng, elements):
    out = b""
    for kind, number, value in elements:
        data = value if isinstance(value, bytes) else write(rng, value)
        wide = number > 255 or rng.random() < 0.2
        sizes = [size for size in (0, 1, 2, 3)
                 if len(data) < (1 << 8 * size if size else 8)]
        size = rng.choice(sizes)
        low = len(data) if size == 0 else rng.randint(0, 7)  # to be ignored: 7.4.4, table
        out += bytes([kind << 6 | wide << 5 | size << 3 | low])
        out += number.to_bytes(2 if wide else 1, "big")
        out += (len(data).to_bytes(size, "big") if size else b"") + data
    return out


class _Shortest:
    """Where there is a choice, the first."""

    @staticmethod
    def random():
        return 1.0

    @staticmethod
    def choice(options):
        return options[0]

    @staticmethod
    def randint(low, _high):
        return low


def shortest(elements):
    return write(_Shortest, elements)


def ordered(elements):
    """By id: in which order elements stand says nothing."""
    return sorted(((kind, number, value if isinstance(value, bytes) else ordered(value))
                   for kind, number, value in elements), key=lambda element: element[:2])
