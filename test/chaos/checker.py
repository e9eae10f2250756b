"""Decides from a trace alone whether the gateway kept what it promised.

It knows nothing of the harness but the events of trace.py, and nothing of the gateway but its
published JSON. Each rule is a method that yields findings; `python3 checker.py TRACE` checks a run
again. The rules and what they excuse are explained in README.md; test_checker.py shows that each
of them can fail.
"""

import collections
import json
import sys

import trace

# A broker that is killed may lose what it confirmed in its last moments: its own, not the gateway's.
BROKER_MEMORY = 1.0  # seconds
# How long it takes to notice that a program has ended.
NOTICE = 1.0

NOT_FINAL = {"ack", "queued"}
# What reports values. The answer to `observe` can be a notification: they share a token (RFC 7641, 3.1).
REPORTS = {"notify", "send", "observe", "cancel-observe"}
ORDERED = {"notify", "send"}
# Finals that do not come from the device. `error` and refusals have no execution either.
WITHOUT_ANSWER = {"coap_timeout", "coap_reset", "expired", "dropped"}
CHANGES = {"write", "execute"}


class Finding(collections.namedtuple("Finding", "rule text")):
    def __str__(self):
        return f"{self.rule}: {self.text}"


class Publish:
    """A message that the gateway handed to the broker, with all its repetitions."""

    def __init__(self, payload, index):
        self.payload, self.index = payload, index
        self.json = parse(payload)
        self.copies = []  # (time, link)
        self.confirmed = None  # time of the first confirmation
        self.confirmed_last = None


def parse(payload):
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def numbers(message):
    """The numbers that a notification, a Send or an answer carries."""
    data = message.get("data")
    content = data.get("content") if isinstance(data, dict) else None
    for item in content if isinstance(content, list) else ():
        value = item.get("value") if isinstance(item, dict) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield int(value)


class Checker:
    def __init__(self, events):
        self.sent, self.acknowledged = {}, {}  # (ep, number) -> event, -> time
        self.copies = collections.Counter()  # (ep, number)
        self.registers, self.registered = {}, {}
        self.refused = []
        self.executed = collections.Counter()
        self.commands, self.accepted = {}, {}
        self.publishes = {}  # payload -> Publish
        self.refusals = []  # publishes that the broker refused
        self.deliveries = collections.defaultdict(list)  # command -> [dup]
        self.taken = set()  # commands that the gateway confirmed
        self.closed = collections.defaultdict(list)  # link -> time
        self.links_closed = []
        self.heard = collections.Counter()
        self.kills = collections.defaultdict(list)
        self.faults = collections.Counter()
        self.ended = []
        self._disk_full_until = 0
        self.refused_starts = 0  # on a full disk
        self._open = {}  # (direction, link, mid) -> Publish or command
        for event in events:
            method = getattr(self, "_on_" + event["what"].replace("-", "_"), None)
            if method:
                method(event)
        self._sort_out()

    # --- what happened

    def _on_sent(self, event):
        self.sent[event["ep"], event["number"]] = event

    def _on_copy(self, event):
        self.copies[event["ep"], event["number"]] += 1

    def _on_acknowledged(self, event):
        self.acknowledged.setdefault((event["ep"], event["number"]), event["t"])

    def _on_register(self, event):
        self.registers[event["ep"], event["number"]] = event

    def _on_registered(self, event):
        self.registered[event["ep"], event["number"]] = event["t"]

    def _on_refused(self, event):
        self.refused.append(event)

    def _on_executed(self, event):
        self.executed[event["command"]] += 1

    def _on_command(self, event):
        self.commands[event["command"]] = event

    def _on_accepted(self, event):
        self.accepted[event["command"]] = event["t"]

    def _on_up(self, event):
        payload = event["payload"]
        publish = self.publishes.setdefault(payload, Publish(payload, len(self.publishes)))
        publish.copies.append((event["t"], event["link"]))
        self._open["up", event["link"], event["mid"]] = publish

    def _on_up_confirmed(self, event):
        publish = self._open.pop(("up", event["link"], event["mid"]), None)
        if publish is None:
            return
        if event.get("code", 0) >= 0x80:
            self.refusals.append(publish)
            return
        if publish.confirmed is None:
            publish.confirmed = event["t"]
        publish.confirmed_last = event["t"]

    def _on_down(self, event):
        command = parse(event["payload"]).get("reqID")
        self.deliveries[command].append(event["dup"])
        self._open["down", event["link"], event["mid"]] = command

    def _on_down_confirmed(self, event):
        command = self._open.pop(("down", event["link"], event["mid"]), None)
        if event.get("code", 0) < 0x80:
            self.taken.add(command)

    def _on_link_closed(self, event):
        self.links_closed.append(event["t"])

    def _on_heard(self, event):
        self.heard[event["payload"]] += 1

    def _on_killed(self, event):
        self.kills[event["program"]].append(event["t"])

    def _on_fault(self, event):
        self.faults[event["kind"], event["name"]] += 1

    def _on_disk(self, event):
        self._disk_full_until = float("inf") if event["full"] else event["t"] + NOTICE

    def _on_ended(self, event):
        if event["program"] == "gateway" and event["status"] == 1 \
                and event["t"] < self._disk_full_until:
            self.refused_starts += 1
        else:
            self.ended.append(event)

    # --- tables that the rules share

    def _sort_out(self):
        self.reports = {}  # (ep, number) -> [Publish], in the order of their first copies
        self.register_messages = {}
        self.finals = collections.defaultdict(list)  # command -> [Publish]
        for publish in self.publishes.values():
            message = publish.json
            kind = message.get("msgType")
            if kind in REPORTS:
                for number in numbers(message):
                    self.reports.setdefault((message.get("ep"), number), []).append(publish)
            if kind in ORDERED:
                continue
            if kind == "register":
                number = message.get("data", {}).get("n")
                self.register_messages.setdefault((message.get("ep"), number), []).append(publish)
            elif "reqID" in message and kind not in NOT_FINAL:
                self.finals[message["reqID"]].append(publish)

    def _forgotten_by_broker(self, confirmed):
        # What it confirmed last may be read when it is dead already.
        return any(confirmed - NOTICE <= killed <= confirmed + BROKER_MEMORY
                   for killed in self.kills["broker"])

    def lost_by_broker(self, command):
        """A command that the broker confirmed, was killed, and that the gateway never confirmed."""
        return self._with_broker(command) and self._forgotten_by_broker(self.accepted[command])

    def expired_at_broker(self, command):
        """One with an expiry that the gateway never confirmed: the broker's own to throw away."""
        return self._with_broker(command) and self.commands[command].get("expiry") is not None

    def _with_broker(self, command):
        return command not in self.taken and command not in self.finals

    # --- the rules

    def lost_messages(self):
        """What was acknowledged to a device is with the broker."""
        for key, time in self.acknowledged.items():
            if not any(publish.confirmed is not None for publish in self.reports.get(key, ())):
                seen = "never confirmed" if key in self.reports else "never published"
                yield f"{key[0]} was told that {self._kind(key)} {key[1]} is safe at {time}: {seen}"

    def lost_registrations(self):
        """A registration that was answered 2.01 was published."""
        for key, time in self.registered.items():
            if not any(publish.confirmed is not None
                       for publish in self.register_messages.get((key[0], str(key[1])), ())):
                yield f"register {key[1]} of {key[0]}, answered at {time}, is not with the broker"

    def forgotten_registrations(self):
        """No device was refused under a location that it was given, unless its Register came twice."""
        for event in self.refused:
            if event["copies"] <= 1:
                yield (f"{event['ep']}: {event['request']} at {event['t']} under the location of "
                       f"register {event['number']} was answered {event['code']}")

    def forged_messages(self):
        """Nothing is published that no device sent."""
        for (ep, number), publishes in self.reports.items():
            if (ep, number) not in self.sent:
                yield f"{ep} never sent {number}: {publishes[0].payload}"

    def disordered_messages(self):
        """A device's messages are published in the order in which they were acknowledged.

        Answers to commands, which a notification can become, wait for nobody."""
        devices = collections.defaultdict(list)
        for key, time in self.acknowledged.items():
            first = next(iter(self.reports.get(key, ())), None)
            if first is not None and first.json["msgType"] in ORDERED and key in self.sent:
                devices[key[0]].append((self.sent[key]["t"], time, first.index, key[1]))
        for ep, messages in devices.items():
            messages.sort()
            for (_, acknowledged, before, a), (sent, _, after, b) in zip(messages, messages[1:]):
                if acknowledged < sent and before > after:
                    yield f"{ep}: {b} was published before {a}, which had been acknowledged before"

    def unended_commands(self):
        """Every command that the broker accepted has a final message."""
        for command in self.accepted:
            if not any(publish.confirmed is not None for publish in self.finals.get(command, ())) \
                    and not self.lost_by_broker(command) and not self.expired_at_broker(command):
                state = ("confirmed by the gateway" if command in self.taken else
                         "delivered" if command in self.deliveries else "never delivered")
                yield f"command {self._command(command)}: no final message; {state}"

    def allowed(self, command):
        """How often the broker gave a command to the gateway as a new one."""
        return max(1, sum(not dup for dup in self.deliveries.get(command, ())))

    def doubled_finals(self):
        """... and only one. A repetition of the same message is another rule's matter."""
        for command, finals in self.finals.items():
            if len(finals) > self.allowed(command):
                texts = " | ".join(f"{p.copies[0][0]} {p.payload}" for p in finals)
                yield f"command {self._command(command)}: {texts}"

    def needless_repetitions(self):
        """A message is published again only when its connection ended before, or when the device or
        the network repeated it too late for the gateway to know it again."""
        for publish in self.publishes.values():
            message = publish.json
            if message.get("msgType") in (None, "update"):
                continue
            again = sum(link == other
                        for (_, link), (_, other) in zip(publish.copies, publish.copies[1:]))
            if again > max([self.copies[message.get("ep"), number] for number in numbers(message)],
                           default=0):
                yield f"{publish.copies}: {publish.payload}"

    def repeated_executions(self):
        """A device carries a command out once, unless its final message warns of it."""
        for command, count in self.executed.items():
            if count > self.allowed(command) and not self._warns(command):
                yield f"command {self._command(command)}: carried out {count} times, no maybeExecuted"

    def silent_executions(self):
        """A final message that tells of no answer warns, if the device carried the command out."""
        for command in self.executed:
            finals = self.finals.get(command, ())
            if finals and all(p.json.get("msgType") in WITHOUT_ANSWER for p in finals) \
                    and not self._warns(command):
                yield f"command {self._command(command)}: carried out, but {finals[0].payload}"

    def claimed_executions(self):
        """What is said to have been changed was changed."""
        for command, finals in self.finals.items():
            for publish in finals:
                data = publish.json.get("data")
                code = data.get("code") if isinstance(data, dict) else None
                if code == "2.04" and publish.json["msgType"] in CHANGES \
                        and not self.executed[command]:
                    yield f"command {self._command(command)}: never carried out, but {publish.payload}"

    def unheard_messages(self):
        """What the broker confirmed reached its subscriber: what the tap saw is true."""
        for publish in self.publishes.values():
            if publish.confirmed is not None and publish.payload not in self.heard \
                    and publish.json and not self._forgotten_by_broker(publish.confirmed_last):
                yield f"confirmed at {publish.confirmed}, not heard: {publish.payload}"

    def refused_messages(self):
        """The broker takes what the gateway publishes."""
        for publish in self.refusals:
            yield publish.payload

    def broken_programs(self):
        """The programs end when they are told to, with status 0; a start on a full disk may fail."""
        for event in self.ended:
            yield f"{event['program']} ended at {event['t']}: {event['status']}"

    RULES = (lost_messages, lost_registrations, forgotten_registrations, forged_messages,
             disordered_messages, unended_commands, doubled_finals, needless_repetitions,
             repeated_executions, silent_executions, claimed_executions, unheard_messages,
             refused_messages, broken_programs)

    def _warns(self, command):
        return any(publish.json.get("maybeExecuted") is True for publish in self.finals[command])

    def _kind(self, key):
        return self.sent[key]["kind"] if key in self.sent else "?"

    def _command(self, command):
        event = self.commands.get(command, {})
        return f"{command} ({event.get('kind')} to {event.get('ep')} at {event.get('t')})"

    # --- results

    def findings(self):
        return [Finding(rule.__name__, text) for rule in self.RULES for text in rule(self)]

    def unfinished(self):
        """What may still arrive: a run waits until nothing is."""
        return [*self.lost_messages(), *self.lost_registrations(), *self.unended_commands()]

    def figures(self):
        """The numbers of a run, by name."""
        of = collections.Counter(kind for kind, _ in self.faults.elements())
        return {
            "faults": sum(of.values()),
            "faults_by_kind": dict(sorted(of.items())),
            "faults_by_name": {f"{kind} {name}": count
                               for (kind, name), count in sorted(self.faults.items())},
            "messages": sum(event["kind"] != "answer" for event in self.sent.values()),
            "acknowledged": len(self.acknowledged),
            "registrations": len(self.registered),
            "refused_starts": self.refused_starts,
            "lost": len([*self.lost_messages(), *self.lost_registrations()]),
            "commands": len(self.commands),
            "accepted": len(self.accepted),
            "ended": sum(command in self.finals for command in self.accepted),
            "endless": len(list(self.unended_commands())),
            "doubled": len(list(self.doubled_finals())),
            "executed": sum(self.executed.values()),
            "executed_again": sum(count - 1 for count in self.executed.values()),
            "unannounced": len([*self.repeated_executions(), *self.silent_executions()]),
            "lost_by_broker": sum(self.lost_by_broker(command) and not self.expired_at_broker(command)
                                  for command in self.accepted),
            "expired_at_broker": sum(map(self.expired_at_broker, self.accepted)),
            "doubled_by_broker": sum(self.allowed(command) > 1 for command in self.accepted),
        }


def main():
    checker = Checker(trace.load(sys.argv[1]))
    findings = checker.findings()
    for finding in findings:
        print(finding)
    print(json.dumps(checker.figures(), indent=1))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
