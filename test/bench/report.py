#!/usr/bin/python3
"""Turns the rows of a benchmark run into tables, ratios to the references, and one JSON file.

    report.py ROWS.jsonl OUT.json       tables of `run`
    report.py --soak ROWS.jsonl OUT.json    judges a soak; exit status 1 when memory grew
"""

import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Rows:
    """Rows by subject and label; a figure that was not measured is None, and so is what needs it."""

    def __init__(self, rows):
        self.rows = rows
        self.by_name = {(row["subject"], row.get("label")): row for row in rows}

    def get(self, subject, label, member):
        return self.by_name.get((subject, label), {}).get(member)


def ratio(a, b):
    return a / b if a is not None and b else None


def inverse(value):
    return 1 / value if value else None


def number(value, digits=None):
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}".replace(",", " ")


def table(title, head, lines):
    cells = [head] + lines
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    print(f"\n{title}")
    for line in cells:
        print("| " + " | ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))) + " |")
        if line is head:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def bytes_per_device(rows, subject, label, member="rss"):
    before = rows.get(subject, label, f"{member}_before_kib")
    after = rows.get(subject, label, f"{member}_after_kib")
    devices = rows.get(subject, label, "messages")
    return (after - before) * 1024 / devices if after and devices else None


def print_phases(rows):
    lines = []
    for row in rows.rows:
        if "per_second" not in row or row.get("label") == "warm-up":
            continue
        lines.append([
            f"{row['subject']} {row['label']}", number(row["messages"], 0),
            number(row["per_second"], 0), number(row.get("server_cpu_us")),
            number(row.get("broker_cpu_us")), number(row.get("own_cpu_us")),
            number(row.get("p50_us"), 0), number(row.get("p99_us"), 0),
            number(row.get("published"), 0), number(row.get("repeated"), 0),
            number(row.get("lost"), 0), number(row.get("refused"), 0),
            number(row.get("rss_after_kib", 0) / 1024, 0), number(row.get("others_cores"))])
    table("Phases (CPU in µs per message of a device; latency in µs; memory in MiB)",
          ["phase", "messages", "per s", "CPU", "broker CPU", "fleet CPU", "p50", "p99", "published",
           "repeated", "lost", "refused", "RSS", "others' cores"], lines)


# What, subject and label, reference's subject and label.
RATIOS = [
    ("Register, published, against echo", ("gateway", "register"), ("echo", "register")),
    ("Update against echo", ("gateway", "update"), ("echo", "update")),
    ("Update, published, against echo", ("gateway", "update-published"), ("echo", "update")),
    ("Register: library against echo", ("library", "register"), ("echo", "register")),
    ("Update: library against echo", ("library", "update"), ("echo", "update")),
    ("Update: gateway against library", ("gateway", "update"), ("library", "update")),
    ("Register, published, against paho QoS 1", ("gateway", "register"), ("paho", "publish-qos1")),
    ("Update, published, against paho QoS 1", ("gateway", "update-published"),
     ("paho", "publish-qos1")),
    ("CON notification against paho QoS 1", ("gateway", "notify-con-qos1"),
     ("paho", "publish-qos1")),
    ("NON notification against paho QoS 1", ("gateway", "notify-non-qos1"),
     ("paho", "publish-qos1")),
    ("CON notification against paho QoS 0", ("gateway", "notify-con-qos0"),
     ("paho", "publish-qos0")),
    ("NON notification against paho QoS 0", ("gateway", "notify-non-qos0"),
     ("paho", "publish-qos0")),
]


def ratios(rows):
    result = []
    for name, subject, reference in RATIOS:
        result.append({
            "name": name,
            "per_second": rows.get(*subject, "per_second"),
            "reference_per_second": rows.get(*reference, "per_second"),
            "throughput_ratio": ratio(rows.get(*subject, "per_second"),
                                      rows.get(*reference, "per_second")),
            "cpu_us": rows.get(*subject, "server_cpu_us"),
            "reference_cpu_us": rows.get(*reference, "server_cpu_us"),
            "cpu_ratio": ratio(rows.get(*subject, "server_cpu_us"),
                               rows.get(*reference, "server_cpu_us"))})
    return result


def print_ratios(found):
    table("Against the references of the same run",
          ["what", "per s", "reference", "ratio", "CPU µs", "reference", "ratio"],
          [[row["name"], number(row["per_second"], 0), number(row["reference_per_second"], 0),
            number(row["throughput_ratio"]), number(row["cpu_us"]),
            number(row["reference_cpu_us"]), number(row["cpu_ratio"])] for row in found])


def added_delay(rows, percentile):
    """A command passes the broker twice; the rest of its way is the gateway's (and the kernel's).
    The usual way through the broker is taken off, not its slowest: percentiles cannot be subtracted."""
    command = rows.get("gateway", "command", f"command_{percentile}_us")
    ping = rows.get("gateway", "ping", "command_p50_us")
    return None if command is None or ping is None else (command - 2 * ping) / 1000


def budgets(rows):
    by_name = {row["name"]: row for row in ratios(rows)}
    library = rows.get("library", "heap", "bytes")
    devices = rows.get("library", "heap", "devices")
    # name, measured, unit, budget, whether less is better
    lines = [
        ("memory per registered device over UDP (RSS)",
         bytes_per_device(rows, "gateway", "register"), "bytes", 1024, True),
        ("… of that in the library (malloc)", ratio(library, devices), "bytes", None, True),
        ("memory per device with one observation (RSS)",
         bytes_per_device(rows, "gateway", "register-observed-qos1"), "bytes", None, True),
        ("Register against echo, exchanges/s (library: the gateway always publishes)",
         by_name["Register: library against echo"]["throughput_ratio"], "", 0.5, False),
        ("Register against echo, by CPU time (library)",
         inverse(by_name["Register: library against echo"]["cpu_ratio"]), "", 0.5, False),
        ("Update (not published) against echo, exchanges/s",
         by_name["Update against echo"]["throughput_ratio"], "", 0.5, False),
        ("Update (not published) against echo, by CPU time",
         inverse(by_name["Update against echo"]["cpu_ratio"]), "", 0.5, False),
        ("CPU per CON notification against bare paho, QoS 1",
         by_name["CON notification against paho QoS 1"]["cpu_ratio"], "", 1.5, True),
        ("CPU per NON notification against bare paho, QoS 1",
         by_name["NON notification against paho QoS 1"]["cpu_ratio"], "", 1.5, True),
        ("CPU per CON notification against bare paho, QoS 0",
         by_name["CON notification against paho QoS 0"]["cpu_ratio"], "", 1.5, True),
        ("CPU per NON notification against bare paho, QoS 0",
         by_name["NON notification against paho QoS 0"]["cpu_ratio"], "", 1.5, True),
        ("delay added to a command, idle, p50", added_delay(rows, "p50"), "ms", 0.2, True),
        ("delay added to a command, idle, p99", added_delay(rows, "p99"), "ms", 1, True),
    ]
    result = []
    for name, measured, unit, budget, less in lines:
        kept = None
        if measured is not None and budget is not None:
            kept = measured <= budget if less else measured >= budget
        result.append({"name": name, "measured": measured, "unit": unit, "budget": budget,
                       "less_is_better": less, "kept": kept})
    return result


def print_budgets(found):
    words = {True: "kept", False: "NOT KEPT", None: ""}
    table("Budgets", ["what", "measured", "budget", ""],
          [[row["name"], f"{number(row['measured'])} {row['unit']}".strip(),
            "-" if row["budget"] is None else
            f"{'<=' if row['less_is_better'] else '>='} {row['budget']:g} {row['unit']}".strip(),
            words[row["kept"]]] for row in found])


def print_commands(rows):
    members = ["commands", "commands_failed", "commands_lost", "command_p50_us", "command_p99_us",
               "command_down_p50_us", "command_down_p99_us", "command_up_p50_us",
               "command_up_p99_us"]
    lines = [[f"{row['subject']} {row['label']}", number(row["commands"] / row["seconds"], 0)]
             + [number(row.get(member), 0) for member in members]
             for row in rows.rows if "commands" in row]
    table("Commands (µs; down: published to asked, up: answered to published)",
          ["phase", "per s", "count", "failed", "lost", "p50", "p99", "down p50", "down p99",
           "up p50", "up p99"], lines)


def run(rows, out):
    conditions = rows.by_name.get(("conditions", None), {})
    print("\nConditions: " + ", ".join(
        f"{name} {value}" for name, value in conditions.items() if name != "subject"))
    print_phases(rows)
    print_commands(rows)
    found = ratios(rows)
    print_ratios(found)
    kept = budgets(rows)
    print_budgets(kept)
    write(out, {"conditions": conditions, "rows": rows.rows, "ratios": found, "budgets": kept})
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
    table(f"Soak: memory of the gateway in KiB, {number(before)} before",
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
    judge = run
    if arguments and arguments[0] == "--soak":
        judge = soak
        arguments = arguments[1:]
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    return judge(Rows(load(arguments[0])), arguments[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
