"""SenML JSON, SenML-ETCH JSON and the JSON of LwM2M 1.0 against Python's json."""

import base64
import decimal
import json
import math

import json_forms
import pytest
import senml
from content_records import (NOW, ROUNDS, Record, Tool, any_integer, any_records, as_replaced,
                             assert_same, generator, path_text, reduced)

ROOTS = ("", "", "/lwm2m", "/a/b")


def exact(text):
    """As exact as it is written, but for an exponent beyond 2^53 (lwm2m/content/decimal.h)."""
    number = decimal.Decimal(text)
    return float(text) if "e" in text.lower() and abs(number) > 2**53 else number


def load(payload):
    """No value beyond JSON, no member twice."""
    def members(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    def constant(text):
        raise AssertionError(text)

    return json.loads(payload.decode(), parse_int=exact, parse_float=exact,
                      parse_constant=constant, object_pairs_hook=members)


def from_base64(text):
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def pack_of(payload):
    return [{name: from_base64(value) if name == "vd" else value for name, value in entry.items()}
            for entry in load(payload)]


def old_records(pack, base, root=""):
    """The JSON of LwM2M 1.0 (Core TS 1.0, 6.4.4)."""
    base_name = pack.get("bn", path_text(base))
    records = []
    for entry in pack.get("e", []):
        name = base_name + ("" if base_name.endswith("/") else "/") + entry.get("n", "").lstrip("/")
        assert name.startswith(root + "/") or "bn" not in pack, name
        name = name[len(root):] if name.startswith(root + "/") else name
        path = tuple(int(part) for part in name.split("/") if part)
        time = None
        if "bt" in pack or "t" in entry:
            time = float(pack.get("bt", 0)) + float(entry.get("t", 0))
            time += NOW if time < 2**28 else 0
        kinds = {"v": "number", "bv": "bool", "sv": "string", "ov": "objlnk"}
        label, = set(kinds) & set(entry)
        kind, value = kinds[label], entry[label]
        if kind == "number":
            kind, value = senml.number(value)
        elif kind == "objlnk":
            value = tuple(int(part) for part in value.split(":"))
        records.append(Record(path, kind, value, time))
    return records


def written(records):
    """As SenML JSON tells them."""
    return [reduced(record) for record in records]


def written_old(records):
    """Opaque bytes are strings in base64 here."""
    return [record._replace(type="string", value=base64.b64encode(record.value).decode())
            if record.type == "opaque" else record for record in written(records)]


# --- ours to theirs


@pytest.mark.parametrize("name", ["senml-json", "senml-etch-json", "json"])
def test_what_is_written_means_the_same(name):
    rng, tool, cases = generator(f"{name} encode"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng, finite=True, times=rng.random() < 0.7)
        root = "" if name == "json" else rng.choice(ROOTS)  # alternate paths came after JSON 1.0
        tool.encode(name, base, records, root)
        cases.append((base, records, root))
    for (base, records, root), payload in zip(cases, tool.answers()):
        assert isinstance(payload, bytes), (payload, records)
        if name == "json":
            theirs, expected = old_records(load(payload), base, root), written_old(records)
        else:
            pack = pack_of(payload)
            theirs, expected = senml.interpret(pack, root), written(records)
            # Core TS 7.4.5; base64url without padding (RFC 8428, 5).
            for entry in load(payload):
                assert set(entry) <= {"bn", "n", "t", "v", "vs", "vb", "vd", "vlo"}, entry
                assert not set(entry.get("vd", "")) & set("+/="), entry
        assert_same(expected, theirs, payload, any_number=True)
        for record, got in zip(expected, theirs):
            if record.type in ("int", "uint"):  # not by way of a double
                assert isinstance(got.value, int) and got.value == record.value, payload


@pytest.mark.parametrize("name", ["senml-json", "senml-etch-json", "json"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(name, value):
    tool = Tool()
    tool.encode(name, (3, 0, 9), [Record((3, 0, 9), "float", value)])
    assert tool.answers() == ["EINVAL"]


def test_what_an_etch_patch_removes_is_null():
    rng, tool, cases = generator("senml-etch-json patch"), Tool(), []
    for _ in range(ROUNDS // 4):
        base, records = any_records(rng, count=6, depths=(0,), finite=True)
        records = [record if i % 2 else Record(record.path, "none", None)
                   for i, record in enumerate(records)]
        tool.encode("senml-etch-json", base, records)
        cases.append(records)
    for records, payload in zip(cases, tool.answers()):
        pack = pack_of(payload)
        assert_same(written(records), senml.interpret(pack), payload, True)
        if any(record.type != "none" for record in records):
            assert [record.type == "none" for record in records] == \
                ["v" in entry and entry["v"] is None for entry in pack]


# --- theirs to ours


def in_json(rng, pack):
    """Bytes as text; the padding and the alphabet are not always the right ones."""
    def text(data):
        return rng.choice([json_forms.base64url(data), base64.urlsafe_b64encode(data).decode(),
                           base64.b64encode(data).decode()])

    entries = [{name: text(value) if isinstance(value, bytes) else value
                for name, value in entry.items()} for entry in pack]
    return json_forms.any_form(rng, entries).encode()


@pytest.mark.parametrize("defined", [False, True])
def test_senml_in_all_its_forms(defined):
    rng, tool, cases = generator(f"senml-json decode {defined}"), Tool(), []
    while len(cases) < ROUNDS:
        base, records = any_records(rng, defined=defined, times=rng.random() < 0.5, finite=True)
        root = rng.choice(ROOTS)
        if rng.random() < 0.5:
            records = [record._replace(time=record.time or NOW) for record in records]
        pack = senml.any_pack(rng, records, root, typed=True)
        if pack is None:
            continue
        payload = in_json(rng, pack)
        tool.decode(rng.choice(["senml-json", "senml-etch-json"]), base, payload, root, defined)
        cases.append((records, root, payload))
    for (records, root, payload), got in zip(cases, tool.answers()):
        if defined:
            assert_same(records, got, payload)
        else:
            assert_same(senml.interpret(pack_of(payload), root), got, payload)


def old_pack(rng, base, records, root):
    """A pack of JSON 1.0, its times relative to a base time and its names to a base name."""
    pack = {}
    depth = len(base)
    if rng.random() < 0.7:
        depth = rng.randint(0, depth)
        prefix = root + path_text(base[:depth])
        pack["bn"] = prefix if prefix.endswith("/") or rng.random() < 0.5 else prefix + "/"
    base_time = rng.choice([NOW, 0, -3, 1600000000.5])
    if records and all(record.time is not None for record in records) and rng.random() < 0.7:
        pack["bt"] = base_time
    entries = []
    for record in records:
        rest = "/".join(str(part) for part in record.path[depth:])
        entry = {"n": rest} if rest or rng.random() < 0.5 else {}
        if record.time is not None:
            time = record.time - pack.get("bt", 0)
            if time or "bt" not in pack:
                entry["t"] = int(time) if time == int(time) else time
        kind, value = record.type, record.value
        label = {"string": "sv", "corelnk": "sv", "opaque": "sv", "untyped": "sv", "bool": "bv",
                 "objlnk": "ov"}.get(kind, "v")
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        entry[label] = f"{value[0]}:{value[1]}" if kind == "objlnk" else value
        entries.append(entry)
    pack["e"] = entries
    for members in [pack, *entries]:
        shuffled = list(members.items())
        rng.shuffle(shuffled)
        members.clear()
        members.update(shuffled)
    return pack


@pytest.mark.parametrize("defined", [False, True])
def test_json_of_1_0_in_all_its_forms(defined):
    rng, tool, cases = generator(f"json decode {defined}"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng, defined=defined, times=rng.random() < 0.5, finite=True)
        if rng.random() < 0.5:
            records = [record._replace(time=record.time or NOW) for record in records]
        root = rng.choice(ROOTS)
        pack = old_pack(rng, base, records, root)
        payload = json_forms.any_form(rng, pack).encode()
        tool.decode("json", base, payload, root, defined)
        cases.append((base, records, root, payload))
    for (base, records, root, payload), got in zip(cases, tool.answers()):
        expected = records if defined else old_records(load(payload), base, root)
        assert_same(expected, got, payload)


# --- numbers, alone


def test_integers_of_64_bits_are_exact():
    rng, tool, numbers = generator("json integers"), Tool(), []
    for _ in range(ROUNDS):
        numbers.append(any_integer(rng, -2**63, 2**64 - 1))
        payload = json.dumps([{"n": "/9/0/1", "v": numbers[-1]}]).encode()
        tool.decode("senml-json", (9, 0, 1), payload)
        tool.decode("json", (), b'{"e":' + payload + b"}")
    answers = tool.answers()
    for number, got, got_old in zip(numbers, answers[::2], answers[1::2]):
        assert got[0].value == number and got[0].type == ("int" if number < 2**63 else "uint")
        assert got_old[0].value == number


def test_doubles_are_the_nearest():
    rng, tool, texts = generator("json doubles"), Tool(), []
    for _ in range(ROUNDS):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 40)))
        sign, exponent = rng.choice(["", "-"]), rng.randint(-330, 290)
        texts.append(f"{sign}{rng.randint(0, 9)}.{digits}e{exponent}")
        tool.decode("senml-json", (9, 0, 1), f'[{{"n":"/9/0/1","v":{texts[-1]}}}]'.encode())
    for text, got in zip(texts, tool.answers()):
        assert float(got[0].value) == float(text), text


# --- what is damaged


def test_damaged_payloads_are_refused_or_read_as_they_read_them():
    rng, tool, cases = generator("senml-json damaged"), Tool(), []
    while len(cases) < ROUNDS:
        base, records = any_records(rng, count=2, depths=(0, 1, 2), finite=True)
        pack = senml.any_pack(rng, records)
        if pack is None:
            continue
        data = bytearray(in_json(rng, pack))
        if rng.random() < 0.2:
            del data[rng.randrange(1, len(data)):]
        else:
            data[rng.randrange(len(data))] = rng.choice(b'"\\[]{}:,0129.eE+-ntfbvs\x00\x1f\x80 ')
        tool.decode("senml-json", base, bytes(data))
        cases.append(bytes(data))
    refused = compared = 0
    for payload, got in zip(cases, tool.answers()):
        if got == "EBADMSG":
            refused += 1
            continue
        try:  # control characters in strings are tolerated, and so is what is no UTF-8
            pack = json.loads(payload.decode(errors="replace"), parse_int=exact,
                              parse_float=exact, strict=False)
        except ValueError as error:
            raise AssertionError((payload, got)) from error
        try:
            pack = [{name: from_base64(value) if name == "vd" else value
                     for name, value in entry.items()} for entry in pack]
            theirs = senml.interpret(pack)
        except (AssertionError, ValueError):
            continue  # a name without its slash, two values, …
        compared += 1
        assert_same(theirs, [as_replaced(record) for record in got], payload)
    assert refused > ROUNDS // 20 and compared > ROUNDS // 20
