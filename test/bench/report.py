#!/usr/bin/python3
"""Turns the rows of a benchmark run into tables, ratios to the references, and one JSON file.

    report.py ROWS.jsonl OUT.json OUT.md    tables of `run`
    report.py --soak ROWS.jsonl OUT.json    judges a soak; exit status 1 when memory grew
"""

import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Rows:
    """Rows by subject, label and number of devices; a figure that was not measured is None, and so is
    what needs it."""

    def __init__(self, rows):
        self.rows = rows
        self.by_name = {}
        for row in rows:
            self.by_name[(row["subject"], row.get("label"), row.get("devices"))] = row
            self.by_name[(row["subject"], row.get("label"))] = row  # the last one of any size

    def get(self, member, *name):
        return self.by_name.get(name, {}).get(member)

    def sizes(self):
        return sorted({row["devices"] for row in self.rows
                       if row["subject"] == "gateway" and "devices" in row})


def ratio(a, b):
    return a / b if a is not None and b else None



def number(value, digits=None):
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}".replace(",", " ")


class Pages:
    """Tables in Markdown, aligned; printed, and kept for the file."""

    def __init__(self):
        self.lines = []

    def text(self, line):
        print(line)
        self.lines.append(line)

    def table(self, title, head, lines, note=""):
        if not lines:
            return
        cells = [head] + lines
        widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
        self.text(f"\n### {title}\n")
        if note:
            self.text(f"{note}\n")
        for line in cells:
            self.text("| " + " | ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths))) + " |")
            if line is head:
                self.text("|" + "|".join(
                    "-" * (width + 2) if i == 0 else "-" * (width + 1) + ":"
                    for i, width in enumerate(widths)) + "|")


def bytes_per_device(rows, *name):
    before, after = rows.get("rss_before_kib", *name), rows.get("rss_after_kib", *name)
    devices = rows.get("messages", *name)
    return (after - before) * 1024 / devices if after and devices else None


def added_delay_ms(rows, percentile, *size, with_device=False, condition=""):
    """A command passes the broker twice, and a datagram goes to the device and back; the rest of its
    way is the gateway's. The usual way through the broker and to a device is taken off, not the
    slowest: percentiles cannot be subtracted."""
    command = rows.get(f"command_{percentile}_us", "gateway" + condition, "command", *size)
    ping = rows.get("command_p50_us", "gateway" + condition, "ping", *size)
    device = 0 if with_device else rows.get("p50_us", "echo" + condition, "idle", *size)
    if None in (command, ping, device):
        return None
    return (command - 2 * ping - device) / 1000


# --- the same figures for each number of devices ---

# What, and its value for a number of devices.
BY_SIZE = [
    ("memory per device, bytes of RSS", lambda r, n: bytes_per_device(r, "gateway", "register", n)),
    ("Register, per s", lambda r, n: r.get("per_second", "gateway", "register", n)),
    ("- against echo", lambda r, n: ratio(r.get("per_second", "gateway", "register", n),
                                          r.get("per_second", "echo", "register", n))),
    ("- published, per s", lambda r, n: r.get("published_per_second", "gateway", "register", n) or None),
    ("- CPU µs", lambda r, n: r.get("server_cpu_us", "gateway", "register", n)),
    ("- longest wait for an answer, ms", lambda r, n: ratio(
        r.get("max_us", "gateway", "register", n), 1000)),
    ("Update, per s", lambda r, n: r.get("per_second", "gateway", "update", n)),
    ("- against echo", lambda r, n: ratio(r.get("per_second", "gateway", "update", n),
                                          r.get("per_second", "echo", "update", n))),
    ("- CPU µs", lambda r, n: r.get("server_cpu_us", "gateway", "update", n)),
    ("- CPU µs of echo", lambda r, n: r.get("server_cpu_us", "echo", "update", n)),
    ("- longest wait for an answer, ms", lambda r, n: ratio(
        r.get("max_us", "gateway", "update", n), 1000)),
    ("confirmable notification, per s", lambda r, n: r.get("per_second", "gateway", "notify-con", n)),
    ("- CPU µs", lambda r, n: r.get("server_cpu_us", "gateway", "notify-con", n)),
    ("- p50, ms", lambda r, n: ratio(r.get("p50_us", "gateway", "notify-con", n), 1000)),
    ("- p99, ms", lambda r, n: ratio(r.get("p99_us", "gateway", "notify-con", n), 1000)),
    ("non-confirmable notification, per s",
     lambda r, n: r.get("per_second", "gateway", "notify-non", n)),
    ("- CPU µs", lambda r, n: r.get("server_cpu_us", "gateway", "notify-non", n)),
    ("command, 64 under way, per s", lambda r, n: ratio(
        r.get("commands", "gateway", "command-64", n), r.get("seconds", "gateway", "command-64", n))),
    ("- CPU µs", lambda r, n: r.get("server_cpu_us", "gateway", "command-64", n)),
    ("command, idle, p50, ms", lambda r, n: ratio(
        r.get("command_p50_us", "gateway", "command", n), 1000)),
    ("- through the broker and back, p50, ms", lambda r, n: ratio(
        r.get("command_p50_us", "gateway", "ping", n), 1000)),
    ("- to a device and back, p50, ms", lambda r, n: ratio(
        r.get("p50_us", "echo", "idle", n), 1000)),
    ("delay added to a command, idle, p50, ms", lambda r, n: added_delay_ms(r, "p50", n)),
    ("delay added to a command, idle, p99, ms", lambda r, n: added_delay_ms(r, "p99", n)),
    ("storm: seconds until all are registered",
     lambda r, n: r.get("arrival_seconds", "gateway", "storm", n)),
    ("- repeated", lambda r, n: r.get("repeated", "gateway", "storm", n)),
    ("- without an answer after five attempts", lambda r, n: r.get("lost", "gateway", "storm", n)),
    ("- came again", lambda r, n: r.get("arrival_came_back", "gateway", "storm", n)),
    ("RSS after it, MiB", lambda r, n: ratio(r.get("rss_after_kib", "gateway", "storm", n), 1024)),
    ("killed: ms until it serves again", lambda r, n: r.get("restart_ms", "gateway", "restart", n)),
    ("bytes of the store per device", lambda r, n: ratio(r.get("bytes", "store", "size", n), n)),
]


def print_sizes(rows, pages):
    sizes = rows.sizes()
    lines = []
    for name, value in BY_SIZE:
        values = [value(rows, size) for size in sizes]
        if any(item is not None for item in values):
            lines.append([name] + [number(item) for item in values]
                         + [number(ratio(values[-1], values[0]))])
    pages.table("By number of devices", ["what"] + [number(size, 0) for size in sizes]
                + ["last/first"], lines)


# --- notifications against bare paho ---

CONTENTS = [("one float, TLV, QoS 1", "float-qos1"), ("/3/0, TLV, QoS 1", "device-tlv"),
            ("/3/0, SenML JSON, QoS 1", "device-senml-json"),
            ("/3/0, SenML CBOR, QoS 1", "device-senml-cbor"), ("one float, TLV, QoS 0", "float-qos0")]
KINDS = [("confirmable", "notify-con"), ("non-confirmable", "notify-non")]


def notifications(rows):
    found = []
    for content, name in CONTENTS:
        for kind, label in KINDS:
            cpu = rows.get("server_cpu_us", f"gateway-{name}", label)
            if cpu is None:
                continue
            reference = rows.get("server_cpu_us", f"paho-{name}", "publish")
            found.append({
                "name": f"{content}, {kind}", "content": name, "kind": label,
                "per_second": rows.get("per_second", f"gateway-{name}", label),
                "reference_per_second": rows.get("per_second", f"paho-{name}", "publish"),
                "payload_bytes": rows.get("payload_bytes", f"paho-{name}", "publish"),
                "cpu_us": cpu, "reference_cpu_us": reference, "cpu_ratio": ratio(cpu, reference),
                "properties_cpu_us": rows.get("server_cpu_us", f"paho-{name}", "publish-properties"),
                "one_cpu_us": rows.get("server_cpu_us", f"paho-one-{name}", "publish-properties"),
                "p99_us": rows.get("p99_us", f"gateway-{name}", label)})
    return found


def print_notifications(found, pages):
    pages.table(
        "Notifications against bare paho, payloads of the same length",
        ["notification", "bytes", "per s", "paho", "ratio", "CPU µs", "paho", "ratio",
         "paho with properties", "ratio", "and on one processor", "ratio"],
        [[row["name"], number(row["payload_bytes"], 0), number(row["per_second"], 0),
          number(row["reference_per_second"], 0),
          number(ratio(row["per_second"], row["reference_per_second"])), number(row["cpu_us"]),
          number(row["reference_cpu_us"]), number(row["cpu_ratio"]),
          number(row["properties_cpu_us"]),
          number(ratio(row["cpu_us"], row["properties_cpu_us"])), number(row["one_cpu_us"]),
          number(ratio(row["cpu_us"], row["one_cpu_us"]))] for row in found],
        "The gateway sends a content type and the endpoint's name along (MQTT 5), which paho copies "
        "several times, and keeps paho's threads on one processor: the last columns have bare "
        "publishers that do the same.")


# --- other tables ---

def print_libcoap(rows, pages):
    lines = []
    for row in rows.rows:
        if row["subject"] == "libcoap" and row["label"] == "update":
            peers = row["devices"]
            lines.append([number(peers, 0),
                          number(rows.get("per_second", "libcoap", "register", peers), 0),
                          number(row["per_second"], 0), number(row["server_cpu_us"])])
    sizes = rows.sizes()
    for size in sizes:
        lines.append([f"gateway, {number(size, 0)}",
                      number(rows.get("per_second", "gateway", "register", size), 0),
                      number(rows.get("per_second", "gateway", "update", size), 0),
                      number(rows.get("server_cpu_us", "gateway", "update", size))])
    pages.table("libcoap's own server, by number of peers",
                ["peers", "first POST of each, per s", "POST (Update), per s", "CPU µs"], lines)


def print_overload(rows, pages):
    lines = []
    for row in rows.rows:
        if "overload_offered" not in row:
            continue
        lines.append([
            row["label"], number(row["overload_capacity"], 0), number(row["overload_offered"], 0),
            number(row["overload_answered"], 0),
            number(ratio(row["overload_answered"], row["overload_capacity"])),
            number(row["overload_before_p99_us"] / 1000), number(row["overload_p50_us"] / 1000), number(row["overload_p99_us"] / 1000),
            number(row["overload_max_us"] / 1000), number(row["rss_before_kib"] / 1024),
            number(row["overload_rss_kib"] / 1024), number(row["overload_recovery_ms"], 0)])
    pages.table("Overload: an open loop at twice what the closed one reached",
                ["kind", "capacity, per s", "offered", "answered", "of capacity",
                 "p99 before, ms", "p50, ms", "p99, ms", "longest, ms", "RSS before, MiB", "highest", "as before after, ms"], lines)


def print_days(rows, pages):
    members = ["p50_us", "p99_us", "p999_us", "max_us", "command_p50_us", "command_p99_us"]
    lines = []
    for row in rows.rows:
        if row.get("phase") == "day":
            lines.append([f"{row['subject']} {row['label']}", number(row["rate_wanted"], 0),
                          number(row["per_second"], 0), number(row["server_cpu_us"])]
                         + [number(row[member] / 1000) if member in row else "-"
                            for member in members]
                         + [number(row["refused"] + row["lost"], 0)])
    pages.table("A day in a hurry: an open loop of everything at once",
                ["day", "wanted, per s", "answered", "CPU µs", "p50, ms", "p99, ms", "p99.9, ms",
                 "longest, ms", "command p50, ms", "command p99, ms", "refused or lost"], lines)


def print_commands(rows, pages):
    members = ["commands", "commands_failed", "commands_lost", "command_p50_us", "command_p99_us",
               "command_down_p50_us", "command_down_p99_us", "command_up_p50_us",
               "command_up_p99_us"]
    lines = [[f"{row['subject']} {row['label']}, {number(row['devices'], 0)}",
              number(row["commands"] / row["seconds"], 0)]
             + [number(row.get(member), 0) for member in members]
             for row in rows.rows if "commands" in row]
    pages.table("Commands (µs; down: published to asked, up: answered to published)",
                ["phase", "per s", "count", "failed", "lost", "p50", "p99", "down p50", "down p99",
                 "up p50", "up p99"], lines)


def print_phases(rows, pages):
    lines = []
    for row in rows.rows:
        if "per_second" not in row or row.get("label") == "warm-up" or row["messages"] == 0:
            continue
        devices = row.get("devices")
        lines.append([
            f"{row['subject']} {row['label']}" + (f", {number(devices, 0)}" if devices else ""),
            number(row["messages"], 0), number(row["per_second"], 0),
            number(row.get("server_cpu_us")), number(row.get("broker_cpu_us")),
            number(row.get("own_cpu_us")), number(row.get("p50_us"), 0),
            number(row.get("p99_us"), 0), number(row.get("published"), 0),
            number(row.get("repeated"), 0), number(row.get("lost"), 0),
            number(row.get("refused"), 0), number(row.get("rss_after_kib", 0) / 1024, 0),
            number(row.get("others_cores"))])
    pages.table("All phases (CPU in µs per message of a device; latency in µs; memory in MiB)",
                ["phase", "messages", "per s", "CPU", "broker CPU", "fleet CPU", "p50", "p99",
                 "published", "repeated", "lost", "refused", "RSS", "others' cores"], lines)


def dtls_memory(rows):
    before = rows.get("rss_before_kib", "gateway-dtls", "handshake")
    after = rows.get("rss_after_kib", "gateway-dtls", "register")
    devices = rows.get("devices", "gateway-dtls", "register")
    return (after - before) * 1024 / devices if after and devices else None


def print_dtls(rows, pages):
    lines = []
    plain = rows.by_name.get(("gateway", "update"), {})
    for name, subject, label in [
            ("handshake", "gateway-dtls", "handshake"), ("Register", "gateway-dtls", "register"),
            ("Update, session at rest", "gateway-dtls", "update"),
            ("Update, session ready", "gateway-dtls-live", "update")]:
        row = rows.by_name.get((subject, label))
        bare = rows.by_name.get(("mbedtls", label), {})
        if row:
            over_udp = plain.get("server_cpu_us") if label == "update" else None
            lines.append([
                name, number(row["per_second"], 0), number(bare.get("per_second"), 0),
                number(ratio(row["per_second"], bare.get("per_second"))),
                number(row["server_cpu_us"]), number(bare.get("server_cpu_us")),
                number(ratio(row["server_cpu_us"], bare.get("server_cpu_us"))), number(over_udp)])
    if not lines:
        return
    devices = rows.get("devices", "gateway-dtls", "register")
    bare = ratio(rows.get("rss_after_kib", "mbedtls", "register"), devices)
    pages.table(f"DTLS with {number(devices, 0)} devices",
                ["what", "per s", "bare mbedtls", "ratio", "CPU µs", "bare mbedtls", "ratio",
                 "CPU µs over UDP"], lines,
                f"Memory per device: {number(dtls_memory(rows), 0)} bytes; bare mbedtls "
                f"{number(bare * 1024 if bare else None, 0)} bytes.")


def print_store(rows, pages):
    lines = []
    for label in ("register", "update", "notify-con", "update-restarted", "notify-con-restarted"):
        row = rows.by_name.get(("gateway-store", label))
        without = rows.by_name.get(("gateway-memory", label.replace("-restarted", "")), {})
        if row:
            lines.append([label, number(row["per_second"], 0), number(without.get("per_second"), 0),
                          number(row["server_cpu_us"]), number(without.get("server_cpu_us")),
                          number(ratio(row["server_cpu_us"], without.get("server_cpu_us"))),
                          number(row["p99_us"] / 1000), number(row["max_us"] / 1000),
                          number(row["refused"], 0), number(row["lost"], 0)])
    if lines:
        pages.table("What the store costs, 10 000 devices",
                    ["phase", "per s", "without", "CPU µs", "without", "ratio", "p99, ms",
                     "longest, ms", "refused", "lost"], lines)


# --- budgets ---

def flatness(rows, label, smallest=0, member="per_second"):
    """The rate of the largest fleet against that of the smallest of at least so many devices."""
    sizes = [size for size in rows.sizes() if size >= smallest]
    if len(sizes) < 2 or sizes[-1] < 100000:
        return None
    return ratio(rows.get(member, "gateway", label, sizes[-1]),
                 rows.get(member, "gateway", label, sizes[0]))


def overload(rows, label, member):
    return rows.get(member, "gateway-overload", label)


def budgets(rows, notified):
    size = max((size for size in rows.sizes() if size <= 100000), default=None)
    largest = max(rows.sizes(), default=None)
    library = ratio(rows.get("bytes", "library", "heap"), rows.get("devices", "library", "heap"))
    # name, measured, unit, budget, whether less is better
    lines = [
        ("memory per registered device over UDP (RSS)",
         bytes_per_device(rows, "gateway", "register", largest), "bytes", 1024, True),
        ("… of that in the library (malloc)", library, "bytes", None, True),
        # A thousand are over before the broker confirms the first; of 100 000 many wait for it when
        # the last is answered: what counts is how fast they reach the broker.
        ("Register, published per s, 1 000 000 devices against 100 000",
         flatness(rows, "register", 100000, "published_per_second"), "", 0.8, False),
        ("Update, largest fleet against smallest", flatness(rows, "update"), "", 0.8, False),
        ("confirmable notification, largest fleet against smallest", flatness(rows, "notify-con"),
         "", 0.8, False),
        ("Register against echo, per s (library: the gateway always publishes)",
         ratio(rows.get("per_second", "library", "register"),
               rows.get("per_second", "echo", "register", size)), "", 0.5, False),
        ("Update (not published) against echo, per s",
         ratio(rows.get("per_second", "gateway", "update", size),
               rows.get("per_second", "echo", "update", size)), "", 0.5, False),
        ("Update (not published) against echo, by CPU time",
         ratio(rows.get("server_cpu_us", "echo", "update", size),
               rows.get("server_cpu_us", "gateway", "update", size)), "", 0.5, False),
    ]
    lines += [(f"CPU against bare paho: {row['name']}", row["cpu_ratio"], "", 1.5, True)
              for row in notified]
    lines += [
        ("memory per registered device over DTLS (RSS)", dtls_memory(rows), "bytes", 2048, True),
        ("restart of the largest fleet, until it serves",
         rows.get("restart_ms", "gateway", "restart", largest), "ms", 5000, True),
        ("delay added to a command, idle, p50", added_delay_ms(rows, "p50", size), "ms", 0.2, True),
        ("… with the datagram's way to the device and back",
         added_delay_ms(rows, "p50", size, with_device=True), "ms", None, True),
        ("… with processors that are kept awake", added_delay_ms(rows, "p50", condition="-awake"),
         "ms", None, True),
        ("delay added to a command, idle, p99", added_delay_ms(rows, "p99", size), "ms", 1, True),
        ("… with processors that are kept awake", added_delay_ms(rows, "p99", condition="-awake"),
         "ms", None, True),
        ("Updates at twice the capacity: answered, of capacity",
         ratio(overload(rows, "overload-update", "overload_answered"),
               overload(rows, "overload-update", "overload_capacity")), "", 0.8, False),
        ("… as before after", overload(rows, "overload-update", "overload_recovery_ms"), "ms", 1000,
         True),
        ("notifications at twice the capacity: answered, of capacity",
         ratio(overload(rows, "overload-notify", "overload_answered"),
               overload(rows, "overload-notify", "overload_capacity")), "", 0.8, False),
        ("… as before after", overload(rows, "overload-notify", "overload_recovery_ms"), "ms", 1000,
         True),
        ("devices without a registration after the storm of the largest fleet",
         rows.get("arrival_left", "gateway", "storm", largest), "", 0, True),
    ]
    result = []
    for name, measured, unit, budget, less in lines:
        kept = None
        if measured is not None and budget is not None:
            kept = measured <= budget if less else measured >= budget
        result.append({"name": name, "measured": measured, "unit": unit, "budget": budget,
                       "less_is_better": less, "kept": kept})
    return result


def print_budgets(found, pages):
    words = {True: "kept", False: "NOT KEPT", None: ""}
    pages.table("Budgets", ["what", "measured", "budget", ""],
                [[row["name"], f"{number(row['measured'])} {row['unit']}".strip(),
                  "-" if row["budget"] is None else
                  f"{'<=' if row['less_is_better'] else '>='} {row['budget']:g} {row['unit']}".strip(),
                  words[row["kept"]]] for row in found if row["measured"] is not None])


def run(rows, out, out_text):
    pages = Pages()
    conditions = rows.by_name.get(("conditions", None), {})
    pages.text("\nConditions: " + ", ".join(
        f"{name} {value}" for name, value in conditions.items() if name != "subject")
        + f"; {rows.get('seconds', 'duration', None)} s in all.")
    notified = notifications(rows)
    kept = budgets(rows, notified)
    print_budgets(kept, pages)
    print_sizes(rows, pages)
    print_notifications(notified, pages)
    print_overload(rows, pages)
    print_days(rows, pages)
    print_store(rows, pages)
    print_dtls(rows, pages)
    print_libcoap(rows, pages)
    print_commands(rows, pages)
    print_phases(rows, pages)
    with open(out_text, "w", encoding="utf-8") as file:
        file.write("\n".join(pages.lines).lstrip() + "\n")
    write(out, {"conditions": conditions, "rows": rows.rows, "notifications": notified,
                "budgets": kept})
    return 0


# --- soak ---------------------------------------------------------------------------------------

GROWTH = 0.03  # of the first cycle's highest memory: what later cycles may need more
SLACK_KIB = 2048


def soak(rows, out):
    """Each cycle fills the gateway with the same fleet and empties it again. The first one shows how
    much memory that takes; memory that leaks or crumbles makes a later one need more."""
    cycles = [row for row in rows.rows if row.get("phase") == "churn"]
    ends = [row for row in rows.rows if row.get("phase") == "deregister"]
    peaks = [max(row["rss_samples_kib"]) for row in cycles]
    empty = [row["rss_after_kib"] for row in ends]
    before = cycles[0]["rss_before_kib"]
    lines = [[row["label"], number(row["messages"], 0), number(row["per_second"], 0),
              number(row.get("commands"), 0), number(row["lost"], 0), number(row["refused"], 0),
              number(min(row["rss_samples_kib"])), number(peak), number(end_kib)]
             for row, peak, end_kib in zip(cycles, peaks, empty)]
    Pages().table(f"Soak: memory of the gateway in KiB, {number(before)} before",
          ["cycle", "messages", "per s", "commands", "lost", "refused", "RSS lowest",
           "RSS highest", "after de-registration"], lines)
    for row in cycles:
        print(f"{row['label']} KiB each second: "
              + " ".join(str(sample) for sample in row["rss_samples_kib"]))
    allowed = peaks[0] * (1 + GROWTH) + SLACK_KIB
    worst = max(peaks[1:])
    lost = sum(row["lost"] for row in cycles + ends)
    left = ends[-1]["registered"]
    verdicts = [
        (worst <= allowed, f"highest RSS of later cycles {number(worst)} KiB, at most "
                           f"{number(allowed)} KiB allowed (first cycle + {GROWTH:.0%} + "
                           f"{SLACK_KIB} KiB)"),
        (empty[-1] <= empty[0] * (1 + GROWTH) + SLACK_KIB,
         f"RSS without devices {number(empty[0])} KiB after the first cycle, "
         f"{number(empty[-1])} KiB after the last"),
        (lost == 0, f"{number(lost, 0)} messages without an answer"),
        (left == 0, f"{number(left, 0)} devices still registered at the end"),
    ]
    for good, text in verdicts:
        print(("ok    " if good else "FAIL  ") + text)
    write(out, {"rows": rows.rows, "kept": all(good for good, _ in verdicts)})
    return 0 if all(good for good, _ in verdicts) else 1


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
    print(f"\nwritten: {path}")


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--soak":
        return soak(Rows(load(arguments[1])), arguments[2])
    if len(arguments) == 3:
        return run(Rows(load(arguments[0])), *arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
