"""Records, random ones, and the C tool that turns them into payloads and back.

A value is a Python int, float, str, bytes, bool, (object, instance) or None; the type says which.
"""

import collections
import errno
import math
import os
import pathlib
import random
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LWM2MQTT_BUILD", "build/dev")
SEED = int(os.environ.get("LWM2MQTT_SEED", "20240517"))
ROUNDS = int(os.environ.get("LWM2MQTT_ROUNDS", "3000"))
NOW = 1700000000.0

Record = collections.namedtuple("Record", "path type value time", defaults=(None,))

# Object 1000 of test/unit/lwm2m/content/fixture.c: resources 0 to 9 single, 10 to 19 multiple.
DEFINED_OBJECT = 1000
DEFINED_TYPES = ("string", "int", "uint", "float", "bool", "opaque", "time", "objlnk", "corelnk")
ALL_TYPES = DEFINED_TYPES + ("untyped",)


# --- the words of the tool (tool_record.h)


def _double_word(number):
    return struct.pack(">d", number).hex()


def _double_of(word):
    return struct.unpack(">d", bytes.fromhex(word))[0]


def path_text(path):
    return "/" + "/".join(str(part) for part in path)


def _bytes_word(data):
    return data.hex() or "-"


def _word(record):
    kind, value = record.type, record.value
    if kind in ("string", "corelnk"):
        text = _bytes_word(value.encode())
    elif kind in ("opaque", "untyped"):
        text = _bytes_word(value)
    elif kind == "float":
        text = _double_word(value)
    elif kind == "objlnk":
        text = f"{value[0]}:{value[1]}"
    else:
        text = "" if kind == "none" else str(int(value))
    time = "" if record.time is None else "@" + _double_word(record.time)
    return f"{path_text(record.path)}:{kind}:{text}{time}"


def _record(word):
    word, _, time = word.partition("@")
    path, kind, text = word.split(":", 2)
    data = b"" if text == "-" else text
    if kind in ("string", "corelnk"):
        value = bytes.fromhex(data or "").decode()
    elif kind in ("opaque", "untyped"):
        value = bytes.fromhex(data or "")
    elif kind == "float":
        value = _double_of(text)
    elif kind == "objlnk":
        value = tuple(int(part) for part in text.split(":"))
    elif kind == "bool":
        value = text == "1"
    else:
        value = None if kind == "none" else int(text)
    return Record(tuple(int(part) for part in path.split("/") if part), kind, value,
                  _double_of(time) if time else None)


class Tool:
    """Questions are collected and asked all at once, of one process."""

    def __init__(self):
        self.lines = []

    def _add(self, verb, name, base, root, defined, words):
        self.lines.append(" ".join([verb, name, path_text(base), root or "-", repr(NOW),
                                    "1" if defined else "0", *words]))

    def encode(self, name, base, records, root="", defined=False):
        self._add("encode", name, base, root, defined, [_word(record) for record in records])

    def decode(self, name, base, payload, root="", defined=False):
        self._add("decode", name, base, root, defined, [_bytes_word(payload)])

    def answers(self):
        """Of each question: bytes, a list of records, or the name of an error ("EBADMSG")."""
        lines, self.lines = self.lines, []
        done = subprocess.run([BUILD / "test/differential/content_tool"],
                              input="\n".join(lines) + "\n", capture_output=True, text=True,
                              timeout=600)
        assert done.returncode == 0, done.stderr
        answers = done.stdout.splitlines()
        assert len(answers) == len(lines)
        return [self._answer(line, answer) for line, answer in zip(lines, answers)]

    @staticmethod
    def _answer(line, answer):
        status, *words = answer.split()
        if status != "ok":
            return errno.errorcode[int(words[0])]
        if line.startswith("encode"):
            return bytes.fromhex("" if words == ["-"] else words[0])
        return [_record(word) for word in words]


# --- random records


def any_integer(rng, low=-2**63, high=2**63 - 1):
    """Of all magnitudes, the edges of the sizes among them."""
    while True:
        number = rng.getrandbits(rng.randint(1, 64))
        if rng.random() < 0.3:
            number = (1 << rng.randint(0, 64)) + rng.randint(-2, 1)
        if rng.random() < 0.5:
            number = -number
        if low <= number <= high:
            return number


def any_double(rng, finite=False):
    kind = rng.randint(0, 5)
    if kind == 0:
        return round(rng.uniform(-500, 500), 2)
    if kind == 1:  # what half and single precision hold
        edges = [b"\0\1", b"\3\xff", b"\4\0", b"\x7b\xff", b"\x3c\1"]
        return struct.unpack(">e", rng.choice(edges))[0]
    if kind == 2:
        return struct.unpack(">f", struct.pack(">f", rng.uniform(-1e6, 1e6)))[0]
    if kind == 3:
        return float(any_integer(rng))
    if kind == 4 and not finite:
        return rng.choice([math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7976931348623157e308])
    number = struct.unpack(">d", rng.randbytes(8))[0]
    return number if math.isfinite(number) else 0.0


def any_text(rng):
    pieces = ["a", '"', "\\", "/", "\n", "\x01", "ü", "€", "😀", "\x7f", " ", "0", "=", "\ufffd",
              "12345678901234567890", "plain text " * 12]
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, 8)))


def any_bytes(rng):
    return rng.randbytes(rng.randint(0, 400) if rng.random() < 0.1 else rng.randint(0, 12))


def any_value(rng, kind, finite=False):
    if kind in ("string", "corelnk"):
        return any_text(rng)
    if kind in ("opaque", "untyped"):
        return any_bytes(rng)
    if kind == "float":
        return any_double(rng, finite)
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "objlnk":
        return rng.choice([(65535, 65535), (rng.randint(0, 65535), rng.randint(0, 65535))])
    return any_integer(rng, 0, 2**64 - 1) if kind == "uint" else any_integer(rng)


def any_id(rng):
    return rng.choice([0, 1, 5, 23, 24, 255, 256, 65534, rng.randint(0, 65534)])


def _path(rng, base, kind, defined, multiple):
    """A path within the base; a resource is multiple or not throughout a payload."""
    ids = list(base)
    while len(ids) < 3:
        if not defined:
            ids.append(any_id(rng))
        elif len(ids) == 2:
            ids.append(DEFINED_TYPES.index(kind) + rng.choice([0, 10]))
        else:
            ids.append(DEFINED_OBJECT if not ids else rng.randint(0, 3))
    if len(ids) == 3:
        usual = ids[2] >= 10 if defined else rng.random() < 0.3
        if multiple.setdefault(tuple(ids), usual):
            ids.append(any_id(rng))
    return tuple(ids)


def any_records(rng, *, types=ALL_TYPES, defined=False, finite=False, times=False, count=None,
                depths=(0, 1, 2, 3, 4), objects=None):
    """A base path and records below it, no path twice; of `objects`, unless defined."""
    if defined:
        types = [kind for kind in types if kind in DEFINED_TYPES]
    kind = rng.choice(types)
    known = (rng.choice(objects),) if objects and not defined else ()
    base = _path(rng, known, kind, defined, {})
    base = base[:rng.choice(depths)]
    multiple = {}
    records = {}
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6, 12]) if count is None else count):
        if len(base) < 3 or not defined:
            kind = rng.choice(types)
        path = _path(rng, base, kind, defined, multiple)
        if path in records:
            continue
        time = None
        if times and rng.random() < 0.5:
            time = rng.choice([rng.randint(2**28, 2**32), rng.randint(2**31, 2**36) / 8,
                               NOW - rng.randint(0, 80000) / 8])
        records[path] = Record(path, kind, any_value(rng, kind, finite), time)
    return base, list(records.values())


# --- comparison


def reduced(record, *names):
    """A record as a format tells it that has no such type: the changes by name."""
    kind, value = record.type, record.value
    if kind == "corelnk":
        kind = "string"
    elif kind == "untyped":
        kind = "opaque"
    elif kind == "time":
        kind = "int"
    elif kind == "uint" and value < 2**63:
        kind = "int"
    elif kind == "objlnk" and "links-are-text" in names:
        kind, value = "string", f"{value[0]}:{value[1]}"
    return record._replace(type=kind, value=value)


def _same_number(a, b):
    """Equal as mathematics has it; NaN equals NaN, and zeros have a sign."""
    if any(isinstance(number, float) and math.isnan(number) for number in (a, b)):
        return all(isinstance(number, float) and math.isnan(number) for number in (a, b))
    return a == b and (a != 0 or math.copysign(1, a) == math.copysign(1, b))


def same(a, b, any_number=False):
    """Whether two records are the same; with any_number whatever the type of a number is."""
    if a.path != b.path or (a.time is None) != (b.time is None):
        return False
    if a.time is not None and a.time != b.time:
        return False
    numbers = ("int", "uint", "float")
    if any_number and a.type in numbers and b.type in numbers:
        return _same_number(a.value, b.value)
    if a.type != b.type:
        return False
    return _same_number(a.value, b.value) if a.type == "float" else a.value == b.value


def as_replaced(record):
    """Text that is no UTF-8 comes as bytes without a type: as Python reads it with replacements."""
    if record.type != "untyped":
        return record
    return record._replace(type="string", value=record.value.decode(errors="replace"))


def assert_same(expected, got, what, any_number=False):
    """`what` is told when it fails, with the seed."""
    assert isinstance(got, list), f"{got}: seed {SEED}, {what}\nexpected {expected}"
    assert len(expected) == len(got), f"seed {SEED}, {what}\nexpected {expected}\ngot      {got}"
    for left, right in zip(expected, got):
        assert same(left, right, any_number), \
            f"seed {SEED}, {what}\nexpected {left}\ngot      {right}"


def generator(name):
    return random.Random(f"{SEED} {name}")
