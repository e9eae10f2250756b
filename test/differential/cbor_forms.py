"""CBOR (RFC 8949) in every legal form: heads wider than needed, indefinite lengths, strings in
pieces, floats of every size that holds them, decimal fractions, tags."""

import decimal
import math
import struct

# cbor2 gives these back as what they hold, or as a CBORTag: those that mean nothing here.
HARMLESS_TAGS = (24, 32, 55799, 65535, 1 << 40)


def head(rng, major, argument):
    """The argument in its shortest form, or a longer one."""
    sizes = [size for size in (0, 1, 2, 4, 8) if argument < (24 if size == 0 else 1 << 8 * size)]
    size = sizes[0] if rng.random() < 0.7 else rng.choice(sizes)
    if size == 0:
        return bytes([major << 5 | argument])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + argument.to_bytes(size, "big")


def _float(rng, number):
    forms = []
    for letter, initial in ((">e", 0xF9), (">f", 0xFA), (">d", 0xFB)):
        try:
            data = struct.pack(letter, number)
        except OverflowError:
            continue
        back = struct.unpack(letter, data)[0]
        if back == number or (math.isnan(back) and math.isnan(number)):
            forms.append(bytes([initial]) + data)
    return rng.choice(forms)


def _integer(rng, number):
    return head(rng, 0, number) if number >= 0 else head(rng, 1, -1 - number)


def decimal_fraction(rng, number):
    """Tag 4: [exponent, mantissa]; None when the mantissa is too long."""
    sign, digits, exponent = decimal.Decimal(repr(number)).as_tuple()
    mantissa = int("".join(map(str, digits)))
    if mantissa >= 2**63 or (mantissa == 0 and sign):
        return None
    mantissa = -mantissa if sign else mantissa
    return head(rng, 6, 4) + head(rng, 4, 2) + _integer(rng, exponent) + _integer(rng, mantissa)


def _pieces(rng, parts):
    """Parts of a string, in random groups."""
    pieces = [[]]
    for part in parts:
        if rng.random() < 0.3:
            pieces.append([])
        pieces[-1].append(part)
    return pieces


def _string(rng, major, parts):
    """parts: what must not be torn apart, as bytes."""
    if rng.random() < 0.75:
        data = b"".join(parts)
        return head(rng, major, len(data)) + data
    out = bytes([major << 5 | 31])
    for piece in _pieces(rng, parts):
        data = b"".join(piece)
        out += head(rng, major, len(data)) + data
    return out + b"\xff"


def container(rng, major, items, count):
    if rng.random() < 0.5:
        return bytes([major << 5 | 31]) + items + b"\xff"
    return head(rng, major, count) + items


def array(rng, items):
    return container(rng, 4, b"".join(items), len(items))


def pairs(rng, items):
    """A map of (key, value), both written already."""
    return container(rng, 5, b"".join(key + value for key, value in items), len(items))


def untagged(rng, value):
    if value is None:
        return rng.choice([b"\xf6", b"\xf7"])  # null, undefined
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _integer(rng, value)
    if isinstance(value, float):
        fraction = None
        if math.isfinite(value) and value != int(value) and rng.random() < 0.2:
            fraction = decimal_fraction(rng, value)
        return fraction or _float(rng, value)
    if isinstance(value, str):
        return _string(rng, 3, [char.encode() for char in value])
    if isinstance(value, bytes):
        return _string(rng, 2, [value[i:i + 1] for i in range(len(value))])
    if isinstance(value, list):
        return array(rng, [any_form(rng, item) for item in value])
    return pairs(rng, [(any_form(rng, key), any_form(rng, item)) for key, item in value.items()])


def any_form(rng, value):
    tag = head(rng, 6, rng.choice(HARMLESS_TAGS)) if rng.random() < 0.1 else b""
    return tag + untagged(rng, value)
