"""SenML by RFC 8428 and Core TS 7.4.5, written from the specifications: what packs mean, and packs
that say the same in every way there is. A pack here is a list of dicts with the labels of JSON."""

import decimal

from content_records import NOW, Record, path_text

RELATIVE_END = 2**28
VALUE_LABELS = {"v", "vs", "vb", "vd", "vlo"}


def number(value):
    """(type, value) of a number: a float stays one, a Decimal is what its digits say. Only beyond
    2^53 an exponent makes it a double (lwm2m/content/decimal.h)."""
    if isinstance(value, decimal.Decimal):
        whole = value == value.to_integral_value() and not (value == 0 and value.is_signed())
        if not whole or (value.as_tuple().exponent > 0 and abs(value) > 2**53):
            return "float", float(value)
        value = int(value)
    if isinstance(value, float):
        return "float", value
    if -2**63 <= value < 2**63:
        return "int", value
    return ("uint", value) if 0 <= value < 2**64 else ("float", float(value))


def _value(label, value, base_value):
    if value is None:
        return "none", None
    if label == "v":
        if base_value is None:
            return number(value)
        terms = [number(value)[1], number(base_value)[1]]
        if any(isinstance(term, float) for term in terms):
            return "float", float(terms[0]) + float(terms[1])
        return number(sum(terms))
    if label == "vlo":
        return "objlnk", tuple(int(part) for part in value.split(":"))
    return {"vs": "string", "vb": "bool", "vd": "opaque"}[label], value


def interpret(pack, root=""):
    """Resolved records (RFC 8428, 4.6), with LwM2M paths."""
    records = []
    base_name, base_time, base_value = "", None, None
    for entry in pack:
        base_name = entry.get("bn", base_name)
        base_time = entry.get("bt", base_time)
        base_value = entry.get("bv", base_value)
        name = base_name + entry.get("n", "")
        assert name.startswith(root + "/"), name
        path = tuple(int(part) for part in name[len(root):].split("/") if part)
        time = None
        if base_time is not None or "t" in entry:
            time = float(base_time or 0) + float(entry.get("t", 0))
            if time < RELATIVE_END:
                time += NOW
        labels = VALUE_LABELS & set(entry)
        assert len(labels) <= 1, entry
        kind, value = "none", None
        for label in labels:
            kind, value = _value(label, entry[label], base_value)
        records.append(Record(path, kind, value, time))
    return records


# --- the same records in many ways


UNKNOWN = [("u", "Cel"), ("bu", "V"), ("ut", 5), ("bver", 10), ("s", 1.5), ("bs", 2),
           ("x", ["deep", {"down": [None, True, {}]}]), ("sets", "a"), ("", 0), ("extra", {})]


class Writer:
    """State of the pack that is being written, and the choices it leaves."""

    def __init__(self, rng, root, typed):
        self.rng, self.root = rng, root
        self.typed = typed  # a definition tells the type: a whole Float may come as an integer, …
        self.base_name = ""
        self.base_time = None
        self.base_value = None
        self.with_base_time = rng.random() < 0.3
        self.with_base_value = rng.random() < 0.3

    def name(self, entry, path):
        full = self.root + path_text(path)
        if self.rng.random() < 0.3 or not full.startswith(self.base_name):
            self.base_name = full[:self.rng.randint(0, len(full))]
            entry["bn"] = self.base_name
        rest = full[len(self.base_name):]
        if rest or self.rng.random() < 0.2:
            entry["n"] = rest

    def time(self, entry, record):
        if record.time is None:
            return
        if self.with_base_time and self.rng.random() < 0.4:
            self.base_time = self.rng.choice([record.time, NOW, 1, -5.5, 0, record.time - 0.125])
            entry["bt"] = self.base_time
        time = record.time
        if time - NOW < RELATIVE_END and self.rng.random() < 0.5:
            time -= NOW
        time -= self.base_time or 0
        if time or self.base_time is None or self.rng.random() < 0.2:
            entry["t"] = int(time) if time == int(time) and self.rng.random() < 0.8 else time

    def number(self, entry, record):
        value = record.value
        if record.type == "float" and self.typed and -2**63 <= value < 2**64 \
                and value == int(value) and str(value) != "-0.0":
            value = self.rng.choice([int(value), value])
        if self.with_base_value and self.rng.random() < 0.3:
            self.base_value = self.rng.choice([0, 1, -7, 2.5, value])
            entry["bv"] = self.base_value
        if self.base_value is not None:
            difference = value - self.base_value
            if isinstance(value, int) != isinstance(difference, int) or \
                    difference + self.base_value != value or \
                    not -2**63 <= difference < 2**64 or str(value) == "-0.0":
                return False
            value = difference
        entry["v"] = value
        return True

    def value(self, entry, record):
        """False when the pack, as it is, has no way to write it."""
        kind, value = record.type, record.value
        if kind in ("int", "uint", "float", "time"):
            return self.number(entry, record)
        label = {"string": "vs", "corelnk": "vs", "bool": "vb", "opaque": "vd", "untyped": "vd",
                 "objlnk": "vlo", "none": None}[kind]
        if kind == "objlnk":
            value = f"{value[0]}:{value[1]}"
            if self.typed and self.rng.random() < 0.2:
                label = "vs"
        if kind == "bool" and self.typed and self.rng.random() < 0.2:
            label, value = "v", int(value)
            if self.base_value is not None:
                return False
        if label is not None:
            entry[label] = value
        return True

    def entry(self, record):
        entry = {}
        if not self.value(entry, record):
            self.base_value = 0 if record.type != "float" else -0.0
            entry = {"bv": self.base_value}
            if not self.value(entry, record):
                return None
        self.name(entry, record.path)
        self.time(entry, record)
        if self.rng.random() < 0.2:
            entry.update([self.rng.choice(UNKNOWN)])
        items = list(entry.items())
        self.rng.shuffle(items)
        return dict(items)


def any_pack(rng, records, root="", typed=False):
    """A pack that means these records; None when the choices made led nowhere."""
    if any(record.time is None for record in records):
        with_base_time = False
    else:
        with_base_time = None
    writer = Writer(rng, root, typed)
    if with_base_time is False:
        writer.with_base_time = False
    pack = [writer.entry(record) for record in records]
    return None if None in pack else pack
