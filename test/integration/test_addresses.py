"""Where devices are and where the gateway is: IPv6, several listeners and addresses, NAT."""

import socket

import pytest
from coap import ACK, CON, CONTENT_FORMAT, LINK, OBSERVE, POST, RST, TEXT, URI_PATH, URI_QUERY, Message, Peer
from dialogue import observe, read
from ports import free_port


@pytest.fixture
def listen(make_gateway):
    """listen("host:{}", …): a gateway with these listeners, the first on 127.0.0.1"""
    def start(*binds, **settings):
        gateway = make_gateway(settings, start=False)
        listeners = gateway.settings["lwm2m"]["listeners"]
        gateway.ports = [free_port(socket.SOCK_DGRAM) for _ in binds]
        listeners += [{"transport": "udp", "bind": bind.format(port)}
                      for bind, port in zip(binds, gateway.ports)]
        return gateway.start()
    return start


def test_ipv6(listen, mqtt):
    gateway = listen("[::1]:{}")
    with Peer(gateway.ports[0], host="::1") as device:
        device.register("meter")
        read(mqtt, device)


def test_a_simulated_device_over_ipv6(listen, mqtt, sim):
    gateway = listen("[::1]:{}")
    sim("--endpoint", "meter", server=f"coap://[::1]:{gateway.ports[0]}")
    mqtt.expect("up/register")
    answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert answer.json["data"]["code"] == "2.05"


@pytest.mark.parametrize("bind", ["[::]:{}", "*:{}"])
def test_all_addresses_take_ipv4_as_well(listen, mqtt, bind):
    gateway = listen(bind)
    for host, endpoint in (("::1", "six"), ("127.0.0.1", "four"), ("127.0.0.2", "two")):
        with Peer(gateway.ports[0], host=host) as device:
            device.register(endpoint)
            read(mqtt, device, endpoint)


def test_several_listeners_are_one_gateway(listen, mqtt):
    gateway = listen("127.0.0.1:{}", "[::1]:{}")
    with Peer(gateway.port) as one, Peer(gateway.ports[0]) as two, \
            Peer(gateway.ports[1], host="::1") as three:
        for device, endpoint in ((one, "one"), (two, "two"), (three, "three")):
            device.register(endpoint)
        for device, endpoint in ((three, "three"), (one, "one"), (two, "two")):
            read(mqtt, device, endpoint)


def test_a_device_that_changes_the_listener(listen, mqtt):
    gateway = listen("127.0.0.1:{}")
    with Peer(gateway.port) as before, Peer(gateway.ports[0]) as after:
        location = before.register("meter")
        read(mqtt, before)
        assert after.request(POST, location).code_text == "2.04"
        read(mqtt, after)


@pytest.mark.parametrize("bind", ["0.0.0.0:{}", "[::]:{}", "*:{}"])
def test_the_address_that_a_device_talks_to_is_the_one_that_answers(listen, mqtt, bind):
    """A connected socket, like a NAT, throws away what comes from another address."""
    gateway = listen(bind)
    with Peer(gateway.ports[0], host="127.0.0.2") as device:
        device.socket.connect(device.server)
        device.send_raw = device.socket.send
        device.register("meter")
        read(mqtt, device)
        assert device.ping()


# --- NAT


def test_an_update_from_another_port_moves_the_device(coap, mqtt):
    before, after = coap(), coap()
    location = before.register("meter")
    assert after.request(POST, location).code_text == "2.04"
    read(mqtt, after)
    before.expect_silence(0.1)


def test_an_update_from_another_address_moves_the_device(coap, mqtt):
    before, after = coap(), coap(source=("127.0.0.5", 0))
    location = before.register("meter")
    assert after.request(POST, location).code_text == "2.04"
    read(mqtt, after)
    mqtt.expect("up/update")


@pytest.mark.settings({"lwm2m.coap.ack_timeout": "300ms"})
def test_a_request_under_way_follows_the_device(coap, mqtt):
    before, after = coap(), coap()
    location = before.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    lost = before.next_request()
    assert after.request(POST, location).code_text == "2.04"
    request = after.next_request()
    assert request.token == lost.token
    after.respond(request, payload=b"x", content_format=TEXT)
    answer = mqtt.answer(req_id)
    assert answer["data"]["code"] == "2.05"


def test_a_response_from_another_port_counts(coap, mqtt):
    """User demands A1, leshan#1138: matched by its token."""
    before, after = coap(), coap()
    before.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = before.next_request()
    before.send(Message(ACK, 0, request.mid))
    sent = after.send(Message(CON, 69, 9, request.token, [(CONTENT_FORMAT, TEXT)], b"x"))
    assert after.reply_to(sent).type == ACK
    answer = mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id
                         and m.json["msgType"] == "read").json
    assert answer["data"]["code"] == "2.05"


def test_observations_follow_the_device(coap, mqtt):
    before, after = coap(), coap()
    location = before.register("meter", "</3303/0>")
    token = observe(mqtt, before)
    assert after.request(POST, location).code_text == "2.04"
    assert after.reply_to(after.notify(token, 2, b"2")).type == ACK
    assert mqtt.expect("up/notify").json["ep"] == "meter"
    mqtt.command("meter", {"msgType": "cancel-observe", "data": {"path": "/3303/0/5700"}})
    cancel = after.next_request()
    assert cancel.token == token and cancel.get_uint(OBSERVE) == 1
    after.respond(cancel, payload=b"1", content_format=TEXT)


def test_a_send_after_the_port_changed(coap, mqtt):
    """Only a registered address can send; after its Update it may."""
    before, after = coap(), coap()
    location = before.register("meter")
    send = {"payload": b'[{"n":"/3/0/9","v":5}]', "content_format": 110}
    assert after.request(POST, "/dp", **send).code_text == "4.04"
    after.request(POST, location)
    assert after.request(POST, "/dp", **send).code_text == "2.04"
    assert mqtt.expect("up/send").json["ep"] == "meter"


def test_two_devices_that_swap_their_ports(coap, mqtt):
    left, right = coap(), coap()
    a, b = left.register("a"), right.register("b")
    assert right.request(POST, a).code_text == "2.04"
    assert left.request(POST, b).code_text == "2.04"
    read(mqtt, right, "a")
    read(mqtt, left, "b")


def test_the_same_message_id_from_two_ports_is_two_messages(coap, mqtt):
    answers = set()
    for endpoint in ("a", "b"):
        peer = coap()
        peer.send(Message(CON, POST, 1000, b"same", [
            (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, f"ep={endpoint}"),
            (URI_QUERY, "lt=60"), (URI_QUERY, "lwm2m=1.1")], b"</3/0>"))
        answers.add(peer.receive().location)
    assert len(answers) == 2
    assert {mqtt.expect("up/register").json["ep"] for _ in range(2)} == {"a", "b"}


@pytest.mark.settings({"lwm2m.coap.ack_timeout": "100ms", "lwm2m.coap.max_retransmit": 2})
def test_a_device_whose_port_is_closed(coap, mqtt):
    """ICMP says so; the others are served on."""
    device, other = coap(), coap()
    device.register("meter")
    other.register("other")
    device.close()
    mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    for _ in range(3):
        read(mqtt, other, "other")
        assert other.ping()


def test_a_reset_from_a_stranger_ends_nothing(coap, mqtt):
    device, stranger = coap(), coap()
    device.register("meter")
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    request = device.next_request()
    stranger.send(Message(RST, 0, request.mid))
    mqtt.expect_none("up/resp", seconds=0.2)
    device.respond(request, "4.04")
    mqtt.expect("up/resp", lambda m: m.json.get("reqID") == req_id)
