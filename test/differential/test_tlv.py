"""TLV against the dissector of Wireshark, and against a tree written from the specification."""

import itertools
import struct

import dissect
import tlv_forms
from coap import ACK, CON, CONTENT_FORMAT, PUT, TLV, URI_PATH, Message, code
from content_records import ROUNDS, Record, Tool, any_records, assert_same, generator
from tlv_forms import INSTANCE, MULTIPLE, RESOURCE, RESOURCE_INSTANCE

COUNT = min(ROUNDS // 4, 2000)  # tshark says much about each
# Wireshark has the resources of some objects by name, and complains of random values in them.
UNKNOWN = (1000, 9999, 65534)
NAMES = {"lwm2mtlv.object_instance": INSTANCE, "lwm2mtlv.resource_instance": RESOURCE_INSTANCE,
         "lwm2mtlv.resource_array": MULTIPLE, "lwm2mtlv.resource": RESOURCE}


def write_request(path, payload, mid=1):
    options = [(URI_PATH, str(part)) for part in path] + [(CONTENT_FORMAT, TLV)]
    return Message(CON, PUT, mid, b"\1\2", options, payload).build()


def element_of(field, shortest):
    """(kind, id, value) of a dissected element; its parts must fill it."""
    kind = NAMES[field.name]
    header = field.first("lwm2mtlv.header")

    def number(name):
        return int(header.first(name).show)

    assert number("lwm2mtlv.type.type") == kind
    size = number("lwm2mtlv.type.lol")
    length = number("lwm2mtlv.length" if size else "lwm2mtlv.type.length")
    identifier = number("lwm2mtlv.identifier")
    assert header.size == 2 + number("lwm2mtlv.type.loi") + size
    assert field.size == header.size + length
    if shortest:
        assert number("lwm2mtlv.type.loi") == (identifier > 255)
        assert size == (length > 7) + (length > 255) + (length > 65535)
        ignored = header.first("lwm2mtlv.type.ignored")
        assert ignored is None or ignored.show == "0"
    below = [element_of(child, shortest) for child in field.children if child.name in NAMES]
    if kind in (INSTANCE, MULTIPLE):
        assert length == sum(child.size for child in field.children if child.name in NAMES)
        return kind, identifier, below
    value = field.first("lwm2mtlv.value")
    data = b"" if value is None else value.value
    assert len(data) == length
    return kind, identifier, data


def tree_of(packet, payload, shortest):
    """The dissected tree of a packet; None when the payload is empty."""
    assert not packet["coap"].complaints(), packet["coap"].complaints()
    if not payload:
        assert "lwm2mtlv" not in packet
        return []
    assert packet["coap"].first("coap.payload").value == payload
    tlv = packet["lwm2mtlv"]
    assert tlv.size == len(payload) and not tlv.complaints(), tlv.complaints()
    assert not any(name.startswith("_ws.") for name in packet), payload.hex()
    elements = [child for child in tlv.children if child.name in NAMES]
    assert sum(child.size for child in elements) == len(payload)
    return [element_of(child, shortest) for child in elements]


def test_tlv_that_is_written_is_dissected_as_the_tree_it_means(tmp_path):
    rng, tool, cases = generator("tlv encode"), Tool(), []
    for _ in range(COUNT):
        base, records = any_records(rng, depths=(1, 2, 3, 4), objects=UNKNOWN)
        tool.encode("tlv", base, records)
        cases.append((base, records))
    payloads = tool.answers()
    packets = dissect.dissect(tmp_path, [
        dissect.packet(write_request(base, payload, mid))
        for mid, ((base, _), payload) in enumerate(zip(cases, payloads))])
    for (base, records), payload, packet in zip(cases, payloads, packets):
        expected = tlv_forms.ordered(tlv_forms.tree_of(base, records))
        assert tlv_forms.ordered(tree_of(packet, payload, True)) == expected, payload.hex()


def test_values_are_dissected_as_they_were_written(tmp_path):
    """Wireshark shows a value as everything that its length allows."""
    rng, tool, cases = generator("tlv values"), Tool(), []
    for _ in range(COUNT):
        base, records = any_records(rng, depths=(3,), count=1, finite=True, objects=UNKNOWN,
                                    types=("string", "int", "uint", "float", "bool", "time"))
        tool.encode("tlv", base, records)
        cases.append(records[0])
    payloads = tool.answers()
    packets = dissect.dissect(tmp_path, [
        dissect.packet(write_request(record.path[:3], payload, mid))
        for mid, (record, payload) in enumerate(zip(cases, payloads))])
    for record, packet in zip(cases, packets):
        fields = {kind: packet["lwm2mtlv"].first("lwm2mtlv.value." + name) for kind, name in (
            ("int", "integer"), ("time", "integer"), ("uint", "unsigned_integer"),
            ("float", "double"), ("bool", "boolean"), ("string", "string"))}
        field = fields[record.type]
        if record.type == "float":
            assert struct.pack(">d", record.value) == field.value, record
        elif record.type == "bool":
            shown = str(int(record.value)), str(record.value)  # by tshark 4.0, by 4.4
            assert field.show in shown, record
        elif record.type == "string":
            assert (field.value if field is not None else b"") == record.value.encode() or \
                not record.value.isprintable(), record
        else:
            assert int(field.show) == record.value, record


def test_the_edges_of_lengths(tmp_path):
    tool, cases = Tool(), []
    paths = ((9999, 0, 0), (9999, 0, 300), (9999, 0, 7, 255), (9999, 300, 7, 256))
    for path, size in itertools.product(paths, (0, 1, 7, 8, 255, 256, 60000)):
        record = Record(path, "opaque", bytes(i & 255 for i in range(size)))
        for depth in range(1, len(path) + 1):
            tool.encode("tlv", path[:depth], [record])
            cases.append((path[:depth], record))
    payloads = tool.answers()
    packets = dissect.dissect(tmp_path, [
        dissect.packet(write_request(base, payload, mid))
        for mid, ((base, _), payload) in enumerate(zip(cases, payloads))])
    for (base, record), payload, packet in zip(cases, payloads, packets):
        assert tree_of(packet, payload, True) == tlv_forms.tree_of(base, [record])


def test_tlv_in_all_its_forms(tmp_path):
    """Three readers: the records that were meant, the dissector, and ours."""
    rng, tool, cases = generator("tlv decode"), Tool(), []
    for _ in range(COUNT):
        base, records = any_records(rng, defined=True, depths=(1, 2, 3, 4))
        tree = tlv_forms.tree_of(base, records, rng)
        payload = tlv_forms.write(rng, tree)
        tool.decode("tlv", base, payload, defined=True)
        response = Message(ACK, code("2.05"), 1, b"", [(CONTENT_FORMAT, TLV)], payload)
        cases.append((base, records, tree, payload, dissect.packet(response.build(),
                                                                   dissect.COAP_PORT, 40000)))
    packets = dissect.dissect(tmp_path, [case[-1] for case in cases])
    for (base, records, tree, payload, _), packet, got in zip(cases, packets, tool.answers()):
        assert tree_of(packet, payload, False) == tree, payload.hex()
        by_path = {record.path: record for record in records}
        assert isinstance(got, list) and len(got) == len(records), (payload.hex(), got, records)
        assert_same([by_path.get(record.path) for record in got], got, payload.hex())
