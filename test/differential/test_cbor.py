"""SenML CBOR, SenML-ETCH CBOR, LwM2M CBOR and plain CBOR against cbor2."""

import datetime
import decimal
import io
import itertools

import cbor2
import cbor_forms
import pytest
import senml
from content_records import (ALL_TYPES, NOW, ROUNDS, Record, Tool, any_id, any_records, any_value,
                             as_replaced, assert_same, generator, reduced)

# RFC 8428, table 4; the link of LwM2M has no number.
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2,
          "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}
NAMES = {number: name for name, number in LABELS.items()}
ROOTS = ("", "", "/lwm2m", "/a/b")


def load(payload):
    """The one item of a payload; what stands behind it is a failure."""
    stream = io.BytesIO(payload)
    item = cbor2.CBORDecoder(stream).decode()
    assert stream.tell() == len(payload), payload.hex()
    return item


def plain(item):
    """Without tags; undefined is null."""
    while isinstance(item, cbor2.CBORTag):
        item = item.value
    return None if item is cbor2.undefined else item


def pack_from(item):
    return [{NAMES.get(plain(key), plain(key)): plain(value) for key, value in plain(entry).items()}
            for entry in plain(item)]


def pack_of(payload):
    return pack_from(load(payload))


def value_record(path, value):
    """What an item is by itself (Core TS 7.4.6, 7.4.7)."""
    value = plain(value)
    if value is None:
        return Record(path, "none", None)
    if isinstance(value, bool):
        return Record(path, "bool", value)
    if isinstance(value, (int, float, decimal.Decimal)):
        return Record(path, *senml.number(value))
    if isinstance(value, datetime.datetime):
        return Record(path, "time", int(value.timestamp()))
    return Record(path, "string" if isinstance(value, str) else "opaque", value)


def tree_records(item, path=()):
    """LwM2M CBOR: the keys from the top are the path, an id or several of them each."""
    item = plain(item)
    if not isinstance(item, dict):
        return [value_record(path, item)]
    records = []
    for key, value in item.items():
        ids = tuple(plain(part) for part in key) if isinstance(key, tuple) else (plain(key),)
        records += tree_records(value, path + ids)
    return records


# --- ours to theirs


def test_senml_that_is_written_means_the_same():
    rng, tool, cases = generator("senml-cbor encode"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng, times=True)
        root = rng.choice(ROOTS)
        name = rng.choice(["senml-cbor", "senml-etch-cbor"])
        tool.encode(name, base, records, root)
        cases.append((records, root))
    for (records, root), payload in zip(cases, tool.answers()):
        assert isinstance(payload, bytes), (payload, records)
        pack = pack_of(payload)
        for entry in pack:
            assert set(entry) <= {"bn", "n", "t", "v", "vs", "vb", "vd", "vlo"}, entry
        # RFC 8428, 6: the array and its maps are of definite length.
        assert payload[0] >> 5 == 4 and payload[0] & 31 != 31
        assert_same([reduced(record) for record in records], senml.interpret(pack, root),
                    payload.hex())


def any_names(rng):
    """A base and the paths of a composite read within it."""
    base = tuple(any_id(rng) for _ in range(rng.randint(0, 4)))
    return base, [Record(base + tuple(any_id(rng) for _ in range(rng.randint(0, 4 - len(base)))),
                         "none", None) for _ in range(rng.randint(1, 6))]


def test_senml_of_names_alone():
    rng, tool, cases = generator("senml-cbor names"), Tool(), []
    for _ in range(ROUNDS // 4):
        base, records = any_names(rng)
        root = rng.choice(ROOTS)
        tool.encode(rng.choice(["senml-cbor", "senml-etch-cbor"]), base, records, root)
        cases.append((records, root))
    for (records, root), payload in zip(cases, tool.answers()):
        pack = pack_of(payload)
        assert all(set(entry) <= {"n", "bn"} for entry in pack), pack  # RFC 8790, 3.1
        assert_same(records, senml.interpret(pack, root), payload.hex())


def test_what_an_etch_patch_removes_is_null():
    rng, tool, cases = generator("senml-etch-cbor patch"), Tool(), []
    for _ in range(ROUNDS // 4):
        base, records = any_records(rng, count=6, depths=(0,))
        changed = [record if i % 2 else Record(record.path, "none", None)
                   for i, record in enumerate(records)]
        tool.encode("senml-etch-cbor", base, changed)
        cases.append(changed)
    for records, payload in zip(cases, tool.answers()):
        pack = pack_of(payload)
        assert_same([reduced(record) for record in records], senml.interpret(pack), payload.hex())
        if any(record.type != "none" for record in records):
            assert [record.type == "none" for record in records] == \
                ["v" in entry and entry["v"] is None for entry in pack]  # RFC 8790, 3.2


def test_lwm2m_cbor_that_is_written_means_the_same():
    rng, tool, cases = generator("lwm2m-cbor encode"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng)
        records = [record if rng.random() < 0.95 else Record(record.path, "none", None)
                   for record in records]
        tool.encode("lwm2m-cbor", base, records)
        cases.append(records)
    for records, payload in zip(cases, tool.answers()):
        expected = [reduced(record, "links-are-text") for record in records]
        assert_same(expected, tree_records(load(payload)), payload.hex())


def test_cbor_that_is_written_means_the_same():
    rng, tool, cases = generator("cbor encode"), Tool(), []
    for _ in range(ROUNDS):
        kind = rng.choice(ALL_TYPES)
        record = Record((3, 0, 9), kind, any_value(rng, kind))
        tool.encode("cbor", record.path, [record])
        cases.append(record)
    for record, payload in zip(cases, tool.answers()):
        assert_same([reduced(record, "links-are-text")], [value_record(record.path, load(payload))],
                    payload.hex())


def test_numbers_are_written_short():
    """Preferred serialization of integers (RFC 8949, 4.1): cbor2 writes the same bytes."""
    rng, tool, numbers = generator("cbor numbers"), Tool(), []
    for number in itertools.chain(*((2**n - 1, 2**n, -2**n, -2**n - 1) for n in range(63))):
        tool.encode("cbor", (3, 0, 9), [Record((3, 0, 9), "int", number)])
        numbers.append(number)
    for number, payload in zip(numbers, tool.answers()):
        assert payload == cbor2.dumps(number)


# --- theirs to ours


def senml_cbor(rng, pack):
    def key(name):
        number = LABELS.get(name)
        if name == "extra":
            number = rng.choice([9, 1000, 2**40, -7, -2**50])
        return cbor_forms.any_form(rng, name if number is None else number)

    return cbor_forms.any_form(rng, []) if not pack else cbor_forms.array(rng, [
        cbor_forms.pairs(rng, [(key(name), cbor_forms.any_form(rng, value))
                               for name, value in entry.items()]) for entry in pack])


@pytest.mark.parametrize("defined", [False, True])
def test_senml_in_all_its_forms(defined):
    rng, tool, cases = generator(f"senml-cbor decode {defined}"), Tool(), []
    while len(cases) < ROUNDS:
        base, records = any_records(rng, defined=defined, times=rng.random() < 0.5)
        root = rng.choice(ROOTS)
        if rng.random() < 0.5:
            records = [record._replace(time=record.time or NOW) for record in records]
        pack = senml.any_pack(rng, records, root, typed=defined)
        if pack is None:
            continue
        payload = senml_cbor(rng, pack)
        tool.decode(rng.choice(["senml-cbor", "senml-etch-cbor"]), base, payload, root, defined)
        cases.append((records, root, payload))
    for (records, root, payload), got in zip(cases, tool.answers()):
        theirs = senml.interpret(pack_of(payload), root)
        if defined:
            assert_same(records, got, payload.hex())
        else:
            assert_same([reduced(record) for record in records], theirs, payload.hex(), True)
            assert_same(theirs, got, payload.hex())


def any_tree(rng, records, depth, typed):
    """The map of records that share their first `depth` ids, its keys of any length."""
    items = []
    while records:
        rest = [record for record in records if record.path[depth] == records[0].path[depth]]
        records = [record for record in records if record not in rest]
        size = rng.randint(1, min(len(record.path) for record in rest) - depth)
        keys = []
        for record in rest:
            if record.path[depth:depth + size] not in keys:
                keys.append(record.path[depth:depth + size])
        for key in keys:
            below = [record for record in rest if record.path[depth:depth + size] == key]
            if len(below) == 1 and len(below[0].path) == depth + size:
                value = any_item(rng, below[0], typed)
            else:
                value = any_tree(rng, below, depth + size, typed)
            as_array = len(key) > 1 or rng.random() < 0.2
            ids = [cbor_forms.any_form(rng, part) for part in key]
            items.append((cbor_forms.array(rng, ids) if as_array else ids[0], value))
    return cbor_forms.pairs(rng, items)


def any_item(rng, record, typed):
    value = record.value
    if record.type == "objlnk":
        value = f"{value[0]}:{value[1]}"
    elif record.type == "float" and typed and abs(value) < 2**63 \
            and value == int(value) and str(value) != "-0.0":
        value = rng.choice([value, int(value)])
    elif record.type == "time" and 0 <= value < 2**37:
        if rng.random() < 0.4:
            return cbor_forms.head(rng, 6, 1) + cbor_forms.untagged(rng, value)
        if typed and rng.random() < 0.4:
            moment = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
            text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            return cbor_forms.head(rng, 6, 0) + cbor_forms.head(rng, 3, len(text)) + text.encode()
    return cbor_forms.any_form(rng, value)


def in_tree_order(records, theirs):
    """Grouping keys changes the order of records: as the other side read them."""
    by_path = {record.path: record for record in records}
    assert set(by_path) == {record.path for record in theirs}
    return [by_path[record.path] for record in theirs]


@pytest.mark.parametrize("defined", [False, True])
def test_lwm2m_cbor_in_all_its_forms(defined):
    rng, tool, cases = generator(f"lwm2m-cbor decode {defined}"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng, defined=defined)
        payload = any_tree(rng, records, 0, defined)
        tool.decode("lwm2m-cbor", base, payload, defined=defined)
        cases.append((records, payload))
    for (records, payload), got in zip(cases, tool.answers()):
        theirs = tree_records(load(payload))
        if defined:
            assert_same(in_tree_order(records, theirs), got, payload.hex())
        else:
            assert_same(theirs, got, payload.hex())


@pytest.mark.parametrize("defined", [False, True])
def test_cbor_in_all_its_forms(defined):
    rng, tool, cases = generator(f"cbor decode {defined}"), Tool(), []
    for _ in range(ROUNDS):
        base, records = any_records(rng, defined=defined, depths=(3, 4), count=1)
        record = records[0]
        payload = any_item(rng, record, defined)
        tool.decode("cbor", record.path, payload, defined=defined)
        cases.append((record, payload))
    for (record, payload), got in zip(cases, tool.answers()):
        expected = record if defined else value_record(record.path, load(payload))
        assert_same([expected], got, payload.hex())


# --- what is damaged


def any_payload(rng, name):
    """Of two records, with the path of the request."""
    while True:
        depths = (3, 4) if name == "cbor" else (0, 1, 2)
        base, records = any_records(rng, count=2, depths=depths)
        if name == "cbor":
            return records[0].path, any_item(rng, records[0], False)
        if name == "lwm2m-cbor":
            return base, any_tree(rng, records, 0, False)
        pack = senml.any_pack(rng, records)
        if pack is not None:
            return base, senml_cbor(rng, pack)


def damaged(rng, payload):
    data = bytearray(payload)
    if rng.random() < 0.3:
        return bytes(data[:rng.randint(1, len(data))])
    data[rng.randrange(len(data))] = rng.getrandbits(8)
    return bytes(data)


def their_records(name, base, payload):
    """None when it is well-formed, but its tags or names mean nothing to cbor2, or to LwM2M."""
    stream = io.BytesIO(payload)
    try:
        item = cbor2.CBORDecoder(stream, str_errors="replace").decode()
    except cbor2.CBORDecodeEOF:
        raise
    except (ValueError, TypeError, ArithmeticError, OSError, SystemError):
        return None  # a date, a bignum or a pattern that is none (or cbor2 stumbles over it)
    assert stream.tell() == len(payload)
    try:
        if name == "senml-cbor":
            return senml.interpret(pack_from(item))
        return tree_records(item) if name == "lwm2m-cbor" else [value_record(base, item)]
    except (AssertionError, ValueError, TypeError, ArithmeticError):
        return None


def is_beyond_comparison(records):
    """A date in the place of an id, a pattern in that of a value; a value at a path that has others
    below it: a key came twice."""
    ids = [part for record in records for part in record.path]
    paths = {record.path for record in records}
    plain_types = (str, bytes, int, float, tuple, type(None))
    return any(not isinstance(part, int) for part in ids) or \
        any(not isinstance(record.value, plain_types) for record in records) or \
        any(path[:-1] in paths for path in paths if path)


def leniently(theirs, ours):
    """cbor2 drops the fraction of a date, and knows bignums."""
    if theirs.type == "time" and ours.type in ("time", "float"):
        return theirs, ours._replace(type="time", value=int(ours.value))
    if theirs.type in ("int", "uint", "float") and ours.type == "opaque":
        number = int.from_bytes(ours.value, "big")
        return theirs, ours._replace(type=theirs.type, value=senml.number(
            number if theirs.value >= 0 else -1 - number)[1])
    return theirs, as_replaced(ours)


@pytest.mark.parametrize("name", ["senml-cbor", "lwm2m-cbor", "cbor"])
def test_damaged_payloads_are_refused_or_read_as_they_read_them(name):
    rng, tool, cases = generator(f"{name} damaged"), Tool(), []
    for _ in range(ROUNDS):
        base, payload = any_payload(rng, name)
        payload = damaged(rng, payload)
        tool.decode(name, base, payload)
        cases.append((base, payload))
    refused = compared = 0
    for (base, payload), got in zip(cases, tool.answers()):
        if got == "EBADMSG":
            refused += 1
            continue
        theirs = their_records(name, base, payload)
        if theirs is None or is_beyond_comparison(theirs) or is_beyond_comparison(got):
            continue
        compared += 1
        assert len(theirs) == len(got), payload.hex()
        pairs = [leniently(*pair) for pair in zip(theirs, got)]
        assert_same([pair[0] for pair in pairs], [pair[1] for pair in pairs], payload.hex())
    assert refused > ROUNDS // 20 and compared > ROUNDS // 20
