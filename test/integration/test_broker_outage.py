"""The broker goes and comes back, the gateway ends and starts: nothing acknowledged is lost."""

import time

import pytest
from coap import ACK, CON, CONTENT_FORMAT, NON, OBSERVE, POST, RST, SENML_JSON, TEXT, Message
from dialogue import observe

REPEAT = 0.3  # seconds until the devices of these tests send a message again


@pytest.fixture
def device(coap):
    device = coap()
    device.location = device.register("meter", "</3/0>,</3303/0>")
    return device


def read_answers(device, waiting, seconds):
    """Takes what comes in that time; messages that were answered leave `waiting` (by id)."""
    until = time.monotonic() + seconds
    while waiting and time.monotonic() < until:
        try:
            answer = device.receive(max(0.01, until - time.monotonic()))
        except TimeoutError:
            return
        if answer.type in (ACK, RST):
            message = waiting.pop(answer.mid, None)
            assert answer.type == ACK or message is None, answer


class Stream:
    """A device that sends one confirmable message after the other, repeating each (NSTART 1)."""

    def __init__(self, peer, messages):
        self.peer, self.left = peer, list(messages)
        self.repeat_at = 0
        self.answers = 0

    def step(self):
        """Sends what is due and looks for its answer; False at the end."""
        if not self.left:
            return False
        if time.monotonic() >= self.repeat_at:
            self.peer.send(self.left[0])
            self.repeat_at = time.monotonic() + REPEAT
        try:
            answer = self.peer.receive(0.01)
        except TimeoutError:
            return True
        if answer.mid == self.left[0].mid:
            assert answer.type == ACK, answer
            self.left.pop(0)
            self.answers += 1
            self.repeat_at = 0
        return True


def run(streams, seconds=15, until=lambda: False):
    end = time.monotonic() + seconds
    while any([stream.step() for stream in streams]) and not until():
        if time.monotonic() > end:
            return


def repeat_until_answered(device, waiting):
    until = time.monotonic() + 15
    while waiting:
        assert time.monotonic() < until, f"{len(waiting)} messages were never acknowledged"
        read_answers(device, waiting, REPEAT)
        for message in waiting.values():
            device.send(message)


def notification(device, token, number):
    return Message(CON, 69, device.next_mid(), token, [(OBSERVE, number), (CONTENT_FORMAT, TEXT)],
                   b"%d" % number)


def test_confirmable_notifications_during_an_outage(broker, coap, mqtt):
    """None that was acknowledged is lost, and the order is kept. What the broker had taken but not
    confirmed when it went is published again (QoS 1)."""
    streams = {}
    for name in ("a", "b", "c", "d"):
        peer = coap()
        peer.register(name, "</3303/0>")
        token = observe(mqtt, peer, name)
        streams[name] = Stream(peer, [notification(peer, token, number) for number in range(2, 22)])
    run(streams.values(), until=lambda: all(stream.answers > 3 for stream in streams.values()))
    broker.stop()
    run(streams.values(), seconds=1.5)
    broker.start()
    run(streams.values())
    assert not any(stream.left for stream in streams.values())
    numbers = {name: [] for name in streams}
    while any(21 not in of_device for of_device in numbers.values()):
        message = mqtt.expect("up/notify").json
        if message["seqNum"] not in numbers[message["ep"]]:
            numbers[message["ep"]].append(message["seqNum"])
    assert numbers == {name: list(range(2, 22)) for name in streams}


def test_sends_during_an_outage(broker, device, mqtt):
    stream = Stream(device, [
        Message(CON, POST, device.next_mid(), b"t%d" % i, [(11, "dp"), (CONTENT_FORMAT, SENML_JSON)],
                b'[{"n":"/3/0/9","v":%d}]' % i) for i in range(5)])
    run([stream], until=lambda: stream.answers == 1)
    broker.stop()
    run([stream], seconds=1)
    broker.start()
    run([stream])
    values = []
    while 4 not in values:
        value = mqtt.expect("up/send").json["data"]["content"][0]["value"]
        values += [value] if value not in values else []  # published again: see above
    assert values == [0, 1, 2, 3, 4]


def test_registrations_and_answers_during_an_outage_come_later_in_order(broker, device, mqtt):
    mqtt.expect("up/register")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    broker.stop()
    device.respond(request, payload=b"late", content_format=TEXT)
    location = device.register("other")
    assert device.request(POST, location, queries=("lt=77",)).code_text == "2.04"
    assert device.request(4, location).code_text == "2.02"
    broker.start()
    messages = [mqtt.expect("up/#") for _ in range(4)]
    assert [message.topic for message in messages] == [
        "up/resp", "up/register", "up/update", "up/deregister"]
    assert messages[0].json["reqID"] == req_id
    assert messages[0].json["data"]["content"][0]["value"] == "late"


def test_the_gateway_says_that_it_is_online_again(broker, gateway, mqtt):
    broker.kill()
    gateway.process.wait_line("broker-lost")
    broker.start()
    gateway.wait_status("online")


def test_commands_work_after_an_outage(broker, device, mqtt):
    for _ in range(2):
        broker.restart()
        req_id = wait_for_command(mqtt, device)
        answer = mqtt.expect("up/resp", lambda m, wanted=req_id: m.json.get("reqID") == wanted)
        assert answer.json["data"]["code"] == "4.04"


def wait_for_command(mqtt, device):
    """A command once the test's own client is connected again; its request is answered 4.04."""
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    device.respond(device.next_request(10), "4.04")
    return req_id


@pytest.mark.settings({"mqtt.max_backlog": 10, "store.path": ""})
def test_a_flood_without_a_broker_is_bounded_and_costs_nobody_an_answer(broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    mqtt.expect("up/register")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    broker.stop()
    gateway.process.wait_line("broker-lost")
    for number in range(2, 102):
        device.notify(token, number, b"5", type=NON)
    device.respond(request, payload=b"x", content_format=TEXT)
    assert device.ping()
    broker.start()
    answer = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id)
    assert answer.json["data"]["code"] == "2.05"
    numbers = [mqtt.expect("up/notify").json["seqNum"]]
    while True:
        try:
            numbers.append(mqtt.expect("up/notify", timeout=0.3).json["seqNum"])
        except AssertionError:
            break
    assert numbers == sorted(numbers) and len(numbers) <= 12
    device.notify(token, 200, b"5", type=NON)
    assert mqtt.expect("up/notify").json["seqNum"] == 200


@pytest.mark.settings({"mqtt.max_backlog": 5, "store.path": ""})
def test_what_does_not_fit_is_not_acknowledged(broker, device, gateway, mqtt):
    token = observe(mqtt, device)
    broker.stop()
    gateway.process.wait_line("broker-lost")
    messages = [notification(device, token, number) for number in range(2, 22)]
    waiting = {message.mid: message for message in messages}
    for message in messages:
        device.send(message)
    read_answers(device, waiting, 0.5)
    acknowledged = [m for m in messages if m.mid not in waiting]
    broker.start()
    repeat_until_answered(device, waiting)
    numbers = [mqtt.expect("up/notify").json["seqNum"] for _ in messages]
    assert sorted(numbers) == list(range(2, 22)), "each once"
    kept = [m.get_uint(OBSERVE) for m in acknowledged]
    assert [number for number in numbers if number in kept] == kept


def test_a_simulated_device_keeps_streaming_through_a_restart_of_the_broker(broker, gateway, mqtt, sim):
    sim("--endpoint", "meter", "--notify-interval", "0.1", "--non")
    mqtt.expect("up/register")
    mqtt.request("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    before = mqtt.expect("up/notify").json["seqNum"]
    broker.restart()
    numbers = [before] + [mqtt.expect("up/notify").json["seqNum"] for _ in range(20)]
    assert numbers == sorted(numbers)  # one may have come twice: see above


# --- the gateway ends


def test_sigterm_delivers_what_was_acknowledged(gateway, device, mqtt):
    token = observe(mqtt, device)
    messages = [notification(device, token, number) for number in range(2, 202)]
    waiting = {message.mid: message for message in messages}
    for message in messages:
        device.send(message)
    gateway.stop()
    read_answers(device, waiting, 0.3)
    acknowledged = [m.get_uint(OBSERVE) for m in messages if m.mid not in waiting]
    gateway.wait_status("offline")
    published = [m.json["seqNum"] for m in mqtt.history if m.topic == "up/notify"]
    assert [number for number in published if number in acknowledged] == acknowledged
    assert published == sorted(set(published))


@pytest.mark.settings({"lwm2m.qmode_time_window": "200ms", "store.path": ""})
def test_sigterm_without_a_store_ends_every_command(gateway, coap, mqtt):
    """A request under way is still answered, what waits for a sleeping device is dropped."""
    awake, sleeper = coap(), coap()
    sleeper.register("sleeper", queries=("Q",))
    awake.register("awake")
    time.sleep(0.25)
    queued = mqtt.command("sleeper", {"msgType": "read", "data": {"path": "/3/0/0"}})
    sleeper.expect_silence(0.1)
    under_way = mqtt.command("awake", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = awake.next_request()
    gateway.process.signal(15)
    gateway.process.wait_line("stopping")
    awake.respond(request, payload=b"x", content_format=TEXT)
    assert gateway.process.wait() == 0
    answer = mqtt.expect("up/resp", lambda m: m.json["reqID"] == under_way).json
    assert answer["data"]["code"] == "2.05"
    dropped = mqtt.expect("up/resp", lambda m: m.json["reqID"] == queued).json
    assert dropped["msgType"] == "dropped" and dropped["data"]["reason"]
    gateway.wait_status("offline")


def test_commands_published_while_it_is_away_are_delivered(gateway, device, mqtt):
    """The broker keeps them: the session is persistent."""
    mqtt.expect("up/register")
    gateway.stop()
    gateway.wait_status("offline")
    ids = [mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}}) for _ in range(3)]
    gateway.start()
    for _ in ids:
        device.respond(device.next_request(), payload=b"x", content_format=TEXT)
    final = [mqtt.expect("up/resp").json for _ in ids]
    assert [message["reqID"] for message in final] == ids
    mqtt.expect_none("up/resp", seconds=0.2)


@pytest.mark.settings({"store.path": ""})
def test_a_killed_gateway_without_a_store_and_devices_that_register_again(gateway, mqtt, sim):
    device = sim("--endpoint", "meter", "--update-interval", "0.5", "--notify-interval", "0.1")
    mqtt.expect("up/register")
    mqtt.request("meter", {"msgType": "observe", "data": {"path": "/3303/0/5700"}})
    mqtt.expect("up/notify")
    gateway.kill()
    gateway.wait_status("offline")
    lost = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    gateway.start()
    mqtt.expect("up/resp", lambda m: m.json.get("reqID") == lost)
    device.wait_line("^refused update 4.04")
    mqtt.expect("up/register")
    answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert answer.json["data"]["code"] == "2.05"


@pytest.mark.settings({"store.path": ""})
def test_a_restart_without_a_store_resets_notifications_of_before(gateway, device, mqtt):
    token = observe(mqtt, device)
    gateway.kill()
    gateway.start()
    device.notify(token, 5, b"5")
    assert device.receive_where(lambda m: m.type in (ACK, RST)).type == RST
