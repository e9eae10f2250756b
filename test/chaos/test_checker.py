"""The checker passes a run in which all went well, and finds each thing that can go wrong."""

import json

import pytest
from checker import Checker


class Story:
    """A trace, told event by event."""

    def __init__(self):
        self.events = []
        self.mid = 0

    def add(self, what, **members):
        self.events.append({"t": float(len(self.events)), "what": what, **members})
        return self

    def up(self, message, link=1, confirmed=True, heard=True, code=0):
        self.mid += 1
        payload = message if isinstance(message, str) else json.dumps(message)
        self.add("up", link=link, mid=self.mid, dup=False, topic="up/x", payload=payload)
        if confirmed:
            self.add("up-confirmed", link=link, mid=self.mid, code=code)
        if heard:
            self.add("heard", topic="up/x", payload=payload)
        return self

    def down(self, command, dup=False, confirmed=True):
        self.mid += 1
        self.add("down", link=1, mid=self.mid, dup=dup, topic="dn/a",
                 payload=json.dumps({"reqID": command}))
        return self.add("down-confirmed", link=1, mid=self.mid, code=0) if confirmed else self

    def report(self, number, kind="notify", **how):
        return self.up({"msgType": kind, "ep": "a", "data": {"content": [{"value": number}]}}, **how)

    def sent(self, number, kind="notify"):
        return self.add("sent", ep="a", number=number, kind=kind)

    def safe(self, number):
        return self.add("acknowledged", ep="a", number=number)

    def command(self, number, kind="execute", expiry=None):
        return self.add("command", command=number, ep="a", kind=kind, expiry=expiry) \
            .add("accepted", command=number)

    def final(self, number, kind="execute", code="2.04", ts=1, **members):
        how = {name: members.pop(name) for name in ("link", "confirmed", "heard") if name in members}
        data = {"code": code} if code else {}
        return self.up({"msgType": kind, "reqID": number, "ts": ts, "data": data, **members}, **how)

    def executed(self, number):
        return self.add("executed", ep="a", command=number)

    def registered(self, number=1):
        return self.add("register", ep="a", number=number) \
            .add("registered", ep="a", number=number, location="/rd/1")

    def register_message(self, number=1):
        return self.up({"msgType": "register", "ep": "a", "data": {"n": str(number)}})


def rules(story):
    return {finding.rule for finding in Checker(story.events).findings()}


def test_a_run_in_which_all_went_well():
    story = Story().registered().register_message()
    story.sent(1).report(1).safe(1).sent(2, "send").report(2, "send").safe(2)
    story.command(1).down(1).executed(1).final(1).add("fault", kind="broker", name="kill")
    checker = Checker(story.events)
    assert checker.findings() == [] and checker.unfinished() == []
    figures = checker.figures()
    assert (figures["faults"], figures["messages"], figures["acknowledged"], figures["lost"]) == (1, 2, 2, 0)
    assert (figures["accepted"], figures["ended"], figures["endless"], figures["doubled"]) == (1, 1, 0, 0)


WRONG = {
    "an acknowledged notification that was never published":
        (lambda s: s.sent(1).safe(1), "lost_messages"),
    "one that the broker never confirmed":
        (lambda s: s.sent(1).report(1, confirmed=False).safe(1), "lost_messages"),
    "one that the broker refused":
        (lambda s: s.sent(1).report(1, code=0x97).safe(1), "lost_messages"),
    "a Send that was told 2.04 while another was published":
        (lambda s: s.sent(1, "send").sent(2, "send").safe(1).report(2, "send").safe(2), "lost_messages"),
    "a registration that nobody heard of":
        (lambda s: s.registered(), "lost_registrations"),
    "a second registration of which only the first was published":
        (lambda s: s.registered(1).register_message(1).registered(2), "lost_registrations"),
    "an Update that is refused though the device is registered":
        (lambda s: s.registered().register_message().add(
            "refused", ep="a", number=1, request="update", code="4.04", copies=1), "forgotten_registrations"),
    "a value that no device sent":
        (lambda s: s.report(1), "forged_messages"),
    "messages in the wrong order":
        (lambda s: s.sent(1).safe(1).sent(2).safe(2).report(2).report(1), "disordered_messages"),
    "a command without a final message":
        (lambda s: s.command(1).down(1), "unended_commands"),
    "a command that never left the broker":
        (lambda s: s.command(1), "unended_commands"),
    "a command with an expiry that the gateway confirmed and forgot":
        (lambda s: s.command(1, expiry=1).down(1), "unended_commands"),
    "a final message that the broker never confirmed":
        (lambda s: s.command(1).down(1).executed(1).final(1, confirmed=False), "unended_commands"),
    "only an `ack`":
        (lambda s: s.command(1).down(1).final(1, "ack", None), "unended_commands"),
    "a command that the broker had long kept when it was killed":
        (lambda s: s.command(1).add("x").add("x").add("x").add("killed", program="broker"),
         "unended_commands"),
    "two final messages":
        (lambda s: s.command(1).down(1).executed(1).final(1).final(1, ts=2), "doubled_finals"),
    "two final messages of different kinds":
        (lambda s: s.command(1).down(1).executed(1).final(1).final(1, "coap_timeout", None),
         "doubled_finals"),
    "two final messages because the broker repeated the command":
        (lambda s: s.command(1).down(1, confirmed=False).down(1, dup=True).executed(1).final(1)
         .final(1, ts=2), "doubled_finals"),
    "three final messages of a command that the broker gave twice":
        (lambda s: s.command(1).down(1).down(1).executed(1).final(1).final(1, ts=2).final(1, ts=3),
         "doubled_finals"),
    "a message that is published twice on one connection":
        (lambda s: s.sent(1).report(1).report(1), "needless_repetitions"),
    "one that is published more often than the network repeated it":
        (lambda s: s.sent(1).add("copy", ep="a", number=1).report(1).report(1).report(1),
         "needless_repetitions"),
    "a command that is carried out twice":
        (lambda s: s.command(1).down(1).executed(1).executed(1).final(1), "repeated_executions"),
    "a command that is carried out twice because the broker repeated it":
        (lambda s: s.command(1).down(1).executed(1).down(1, dup=True).executed(1).final(1),
         "repeated_executions"),
    "a timeout of what was carried out, without a warning":
        (lambda s: s.command(1).down(1).executed(1).final(1, "coap_timeout", None), "silent_executions"),
    "a drop of what was carried out, without a warning":
        (lambda s: s.command(1).down(1).executed(1).final(1, "dropped", None), "silent_executions"),
    "a change that never happened":
        (lambda s: s.command(1).down(1).final(1), "claimed_executions"),
    "a message that the broker confirmed and nobody heard":
        (lambda s: s.sent(1).report(1, heard=False).safe(1), "unheard_messages"),
    "a message that the broker refused":
        (lambda s: s.sent(1).report(1, code=0x97), "refused_messages"),
    "a gateway that does not start though the disk is free again":
        (lambda s: s.add("disk", full=True).add("disk", full=False).add("x")
         .add("ended", program="gateway", status=1), "broken_programs"),
    "a gateway that ended by itself":
        (lambda s: s.add("ended", program="gateway", status=-11), "broken_programs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_finds(name):
    tell, rule = WRONG[name]
    assert rule in rules(tell(Story()))


EXCUSED = {
    "a message that was not acknowledged": lambda s: s.sent(1),
    "a message that came twice because the connection ended":
        lambda s: s.sent(1).report(1, confirmed=False).add("link-closed", link=1).report(1, link=2).safe(1),
    "a message that is published twice on one connection because the network doubled it":
        lambda s: s.sent(1).add("copy", ep="a", number=1).report(1).report(1),
    "a notification that became the answer to `observe`":
        lambda s: s.sent(1).command(1, "observe").down(1).up(
            {"msgType": "observe", "ep": "a", "reqID": 1, "data": {"content": [{"value": 1}]}}).safe(1),
    "a command that the broker did not confirm":
        lambda s: s.add("command", command=1, ep="a", kind="read", expiry=None),
    "a command that the broker lost when it was killed":
        lambda s: s.command(1).add("killed", program="broker"),
    "a command that expired before the broker could deliver it":
        lambda s: s.command(1, expiry=1),
    "a command that expired in the broker after a delivery that the gateway did not confirm":
        lambda s: s.command(1, expiry=1).down(1, confirmed=False),
    "a command that the broker gave twice as a new one, as it may after a kill":
        lambda s: s.command(1).down(1).executed(1).final(1).down(1).executed(1).final(1, ts=2),
    "a command that is carried out twice, with a warning":
        lambda s: s.command(1).down(1).executed(1).executed(1).final(1, maybeExecuted=True),
    "a timeout of what was carried out, with a warning":
        lambda s: s.command(1).down(1).executed(1).final(1, "coap_timeout", None, maybeExecuted=True),
    "a final message that was published again on a new connection":
        lambda s: s.command(1).down(1).executed(1).final(1, confirmed=False).add("link-closed", link=1)
        .final(1, link=2),
    "a message that the broker forgot when it was killed":
        lambda s: s.sent(1).report(1, heard=False).add("killed", program="broker"),
    "messages that were under way together":
        lambda s: s.sent(1).sent(2).safe(1).safe(2).report(2).report(1),
    "a start that a full disk does not let happen":
        lambda s: s.add("disk", full=True).add("ended", program="gateway", status=1),
    "an Update that is refused because the network doubled the Register":
        lambda s: s.registered().register_message().add(
            "refused", ep="a", number=1, request="update", code="4.04", copies=2),
}


@pytest.mark.parametrize("name", EXCUSED)
def test_it_excuses(name):
    assert rules(EXCUSED[name](Story())) == set()


def test_every_rule_is_shown_to_fail():
    assert {rule for _, rule in WRONG.values()} == {rule.__name__ for rule in Checker.RULES}
