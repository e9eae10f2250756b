"""Devices that sleep: commands wait for them, in order, and each ends exactly once."""

import time

import pytest
from coap import DELETE, OBSERVE, POST, TEXT

WINDOW = 0.3
pytestmark = pytest.mark.settings({
    "lwm2m.qmode_time_window": f"{int(WINDOW * 1000)}ms", "lwm2m.coap.ack_timeout": "100ms",
    "lwm2m.coap.ack_random_factor": 1, "lwm2m.coap.max_retransmit": 1})


class Sleeper:
    """A raw device in queue mode."""

    def __init__(self, peer, mqtt, queries=("Q",), **options):
        self.peer, self.mqtt = peer, mqtt
        self.location = peer.register("meter", queries=queries, **options)

    def sleep(self):
        time.sleep(WINDOW + 0.05)

    def wake(self):
        assert self.peer.request(POST, self.location).code_text == "2.04"

    def read(self, path="/3/0/0", **options):
        return self.mqtt.command("meter", {"msgType": "read", "data": {"path": path}}, **options)

    def serve(self, path="/3/0/0", value=b"5"):
        request = self.peer.next_request()
        assert request.path == path
        self.peer.respond(request, payload=value, content_format=TEXT)
        return request

    def answer(self, req_id):
        return self.mqtt.answer(req_id)


@pytest.fixture
def sleeper(coap, mqtt):
    return Sleeper(coap(), mqtt)


@pytest.mark.settings({"lwm2m.qmode_time_window": "60s"})
def test_a_command_goes_out_at_once_while_the_device_is_awake(sleeper):
    req_id = sleeper.read()
    sleeper.serve()
    assert sleeper.answer(req_id)["data"]["code"] == "2.05"


def test_commands_wait_for_the_update_and_go_out_one_by_one_behind_its_answer(sleeper, mqtt):
    sleeper.sleep()
    ids = [sleeper.read(f"/3/0/{i}") for i in range(3)]
    sleeper.peer.expect_silence(0.4)
    sleeper.wake()  # its 2.04 is the first datagram that comes
    for i in range(3):
        sleeper.serve(f"/3/0/{i}")
    assert [mqtt.expect("up/resp").json["reqID"] for _ in ids] == ids


@pytest.mark.parametrize("queries", [("b=UQ",), ("b=SQ",), ("b=UQS",), ("apn=Ctnb",),
                                     ("apn=psmA.eDRX0.ctnb",), ("apn=psmC.eDRX0.ctnb",),
                                     ("apn=psmF.eDRXC.ctnb",)], ids=lambda q: q[0])
def test_all_that_means_queue_mode(coap, mqtt, queries):
    sleeper = Sleeper(coap(), mqtt, queries=queries)
    sleeper.sleep()
    sleeper.read()
    sleeper.peer.expect_silence(0.2)
    sleeper.wake()
    sleeper.serve()


def test_a_device_without_queue_mode_is_always_awake(coap, mqtt):
    device = Sleeper(coap(), mqtt, queries=())
    device.sleep()
    device.read()
    device.serve()


def test_an_update_turns_queue_mode_off_and_on(coap, mqtt):
    device = Sleeper(coap(), mqtt, queries=("b=UQ",), version="1.0")
    device.peer.request(POST, device.location, queries=("b=U",))
    device.sleep()
    device.read()
    device.serve()
    device.peer.request(POST, device.location, queries=("b=UQ",))
    device.sleep()
    device.read()
    device.peer.expect_silence(0.2)
    device.wake()
    device.serve()


def test_a_notification_wakes_the_queue(sleeper, mqtt):
    req_id = mqtt.command("meter", {"msgType": "observe", "mheaders": {"ttl": 0},
                                    "data": {"path": "/3303/0/5700"}})
    request = sleeper.peer.next_request()
    sleeper.peer.respond(request, payload=b"5", content_format=TEXT, options=[(OBSERVE, 1)])
    sleeper.answer(req_id)
    sleeper.sleep()
    sleeper.read()
    sleeper.peer.expect_silence(0.2)
    sent = sleeper.peer.notify(request.token, 2, b"6")
    first = sleeper.peer.receive()
    assert (first.mid, first.code) == (sent.mid, 0), "its acknowledgement goes first"
    sleeper.serve()


def test_a_send_wakes_the_queue(sleeper):
    sleeper.sleep()
    sleeper.read()
    assert sleeper.peer.request(POST, "/dp", payload=b'[{"n":"/3/0/9","v":5}]',
                                content_format=110).code_text == "2.04"
    sleeper.serve()


def test_registering_again_keeps_what_waits(sleeper):
    sleeper.sleep()
    req_id = sleeper.read()
    sleeper.peer.expect_silence(0.1)
    sleeper.location = sleeper.peer.register("meter", queries=("Q",))
    sleeper.serve()
    assert sleeper.answer(req_id)["data"]["code"] == "2.05"


def test_what_was_not_answered_is_sent_again_at_the_next_wake_up(sleeper, mqtt):
    sleeper.sleep()
    req_id = sleeper.read()
    sleeper.peer.expect_silence(0.1)
    sleeper.wake()
    sleeper.peer.next_request()  # and falls asleep
    sleeper.sleep()
    mqtt.expect_none("up/resp", seconds=0.2)
    sleeper.wake()
    sleeper.serve()
    assert sleeper.answer(req_id)["data"]["code"] == "2.05"
    mqtt.expect_none("up/resp", seconds=0.2)


def test_a_change_that_may_have_happened_twice_says_so(sleeper, mqtt):
    sleeper.sleep()
    req_id = mqtt.command("meter", {"msgType": "execute", "data": {"path": "/3/0/4"}})
    sleeper.peer.expect_silence(0.1)
    sleeper.wake()
    first = sleeper.peer.next_request()
    sleeper.sleep()
    sleeper.wake()
    again = sleeper.peer.next_request()
    assert again.path == first.path
    sleeper.peer.respond(again, "2.04")
    assert sleeper.answer(req_id)["maybeExecuted"] is True


def test_a_device_that_comes_back_from_another_port(sleeper, coap):
    sleeper.sleep()
    req_id = sleeper.read()
    sleeper.peer.expect_silence(0.1)
    sleeper.peer = coap()
    sleeper.wake()
    sleeper.serve()
    assert sleeper.answer(req_id)["data"]["code"] == "2.05"


def test_message_expiry_is_the_time_to_live_in_the_queue(sleeper, mqtt):
    sleeper.sleep()
    req_id = sleeper.read(expiry=1)
    kept = sleeper.read("/3/0/1")
    message = sleeper.answer(req_id)
    assert message["msgType"] == "expired" and message["data"] == {"path": "/3/0/0"}
    sleeper.wake()
    sleeper.serve("/3/0/1")
    sleeper.answer(kept)
    mqtt.expect_none("up/resp", seconds=0.2)


@pytest.mark.parametrize("ttl", [0.2, "0.2"])
def test_a_time_to_live_in_the_command(sleeper, mqtt, ttl):
    sleeper.sleep()
    command = {"msgType": "read", "mheaders": {"ttl": ttl, "x": 1}, "data": {"path": "/3/0/0"}}
    message = sleeper.answer(mqtt.command("meter", command))
    assert message["msgType"] == "expired" and message["mheaders"] == {"ttl": ttl, "x": 1}


def test_a_time_to_live_of_nothing_means_now(sleeper, mqtt):
    sleeper.sleep()
    waits = sleeper.read("/3/0/1")
    now = mqtt.command("meter", {"msgType": "read", "mheaders": {"ttl": 0},
                                 "data": {"path": "/3/0/0"}})
    sleeper.serve()
    assert sleeper.answer(now)["data"]["code"] == "2.05"
    # it answered, so it is awake
    sleeper.serve("/3/0/1")
    sleeper.answer(waits)
    sleeper.sleep()
    missed = mqtt.command("meter", {"msgType": "read", "mheaders": {"ttl": 0},
                                    "data": {"path": "/3/0/0"}})
    assert sleeper.answer(missed)["msgType"] == "coap_timeout"


def test_a_device_that_leaves_while_commands_wait(sleeper):
    sleeper.sleep()
    ids = [sleeper.read(), sleeper.read()]
    sleeper.peer.expect_silence(0.1)
    sleeper.peer.request(DELETE, sleeper.location)
    for req_id in ids:
        message = sleeper.answer(req_id)
        assert message["msgType"] == "dropped" and message["data"]["reason"]


@pytest.mark.settings({"lwm2m.queue_length": 2})
def test_a_full_queue(sleeper):
    sleeper.sleep()
    ids = [sleeper.read(f"/3/0/{i}") for i in range(3)]
    message = sleeper.answer(ids[2])
    assert message["msgType"] == "dropped" and "full" in message["data"]["reason"]
    sleeper.wake()
    for i in range(2):
        sleeper.serve(f"/3/0/{i}")
        assert sleeper.answer(ids[i])["data"]["code"] == "2.05"


@pytest.mark.settings({"lwm2m.report_queued": True})
def test_waiting_may_be_reported(sleeper, mqtt):
    now = mqtt.command("meter", {"msgType": "read", "mheaders": {"ttl": 0},
                                 "data": {"path": "/3/0/0"}})
    sleeper.serve()
    assert sleeper.answer(now)["msgType"] == "read"
    sleeper.sleep()
    req_id = sleeper.read()
    message = sleeper.answer(req_id)
    assert message["msgType"] == "queued" and message["data"] == {"path": "/3/0/0"}
    sleeper.wake()
    sleeper.serve()
    assert sleeper.answer(req_id)["msgType"] == "read"


@pytest.mark.settings({"lwm2m.qmode_time_window": "60s", "lwm2m.qmode_overrides": [
    {"endpoint": "met*", "time_window": "300ms"}, {"endpoint": "*", "time_window": "1h"}]})
def test_a_window_for_some_devices(sleeper, coap, mqtt):
    other = coap()
    other.register("long", queries=("Q",))
    sleeper.sleep()
    sleeper.read()
    mqtt.command("long", {"msgType": "read", "data": {"path": "/3/0/0"}})
    other.respond(other.next_request(), "4.04")
    sleeper.peer.expect_silence(0.2)
    sleeper.wake()
    sleeper.serve()


@pytest.mark.settings({"lwm2m.qmode_time_window": "400ms"})
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_simulated_device_that_sleeps(gateway, mqtt, sim, version):
    device = sim("--endpoint", "meter", "--queue-mode", "--version", version, "--awake", "0.5",
                 "--update-interval", "1.5")
    mqtt.expect("up/register")
    device.wait_line("^asleep")
    ids = [mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/9"}}) for _ in range(3)]
    answers = [mqtt.expect("up/resp").json for _ in ids]
    assert [answer["reqID"] for answer in answers] == ids
    assert {answer["data"]["code"] for answer in answers} == {"2.05"}
    assert "awake" in device.text()
