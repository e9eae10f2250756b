"""What happened in a run, in the order in which it happened: the one thing that the checker reads.

An event is a dictionary with `t` (seconds since the begin), `what`, and members of its own:

    sent            a device sent a number: ep, number, kind (notify, non, send, answer)
    copy            another copy of it reached the gateway: ep, number
    acknowledged    the gateway acknowledged it, whether or not the network brought that: ep, number
    register        a Register went out: ep, number
    registered      it was answered 2.01: ep, number, location
    refused         a request to the device's own location was answered 4.04: ep, number (of the
                    Register), request, copies (of it, or late ones of an older one, which
                    reached the gateway)
    executed        a device carried a command out: ep, command
    command         the commander published a command: command, ep, kind, expiry (seconds or None)
    accepted        the broker confirmed it: command
    up, down        a PUBLISH between gateway and broker: link, mid, dup, topic, payload
    up-confirmed    the broker's PUBACK for it: link, mid, code
    down-confirmed  the gateway's PUBACK for it: link, mid, code
    link-closed     a connection between gateway and broker ended: link
    heard           the subscriber got a message: topic, payload
    killed          SIGKILL: program (gateway, broker)
    fault           kind, name
    disk            the store's file system is being filled, or is free again: full
    ended           a program ended by itself, or not as it should: program, status
"""

import json
import time


class Trace:
    def __init__(self):
        self.events = []
        self.began = time.monotonic()

    def add(self, what, **members):
        self.events.append({"t": round(time.monotonic() - self.began, 4), "what": what, **members})

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for event in self.events:
                out.write(json.dumps(event) + "\n")


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
