"""Bodies longer than a datagram, in both directions (RFC 7959), and devices that do it oddly."""

import base64
import time
import zlib

import pytest
from coap import (BLOCK1, BLOCK2, CON, CONTENT_FORMAT, ETAG, LINK, OBSERVE, OPAQUE, POST, PUT,
                  SIZE1, TEXT, URI_PATH, URI_QUERY, Message)

BLOB = bytes(range(256)) * 20


def block(number, more, size):
    return number << 4 | (8 if more else 0) | (size.bit_length() - 5)


def parts(value):
    """number, more, size of a block option"""
    return value >> 4, bool(value & 8), 16 << (value & 7)


def write_blob(mqtt, body, **data):
    return mqtt.command("meter", {"msgType": "write", "data": {
        "path": "/5/0/0", "type": "Opaque", "value": base64.b64encode(body).decode(), **data}})


def serve_write(device, size=None, first=None):
    """Takes a block-wise body as a device does: the body, and how its first block asked for it."""
    body = b""
    while True:
        request = first or device.next_request()
        first = None
        number, more, got = parts(request.get_uint(BLOCK1))
        assert number * got == len(body)
        body += request.payload[:size] if size and not body else request.payload
        use = min(size or got, got)
        options = [(BLOCK1, block(number, more, use))]
        device.respond(request, "2.31" if more else "2.04", options=options)
        if not more:
            return body


@pytest.fixture
def device(coap):
    device = coap()
    device.location = device.register("meter", "</1/0>,</3/0>,</5/0>,</19/0>,</3303/0>")
    return device


# --- simulated devices, on libcoap's block-wise transfer


@pytest.mark.parametrize("block_size", [16, 64, 1024])
def test_a_long_answer(gateway, mqtt, sim, block_size):
    size = 3000 if block_size == 16 else 20000
    sim("--endpoint", "meter", "--blob-size", size, "--block-size", block_size)
    mqtt.expect("up/register")
    data = mqtt.request("meter", {"msgType": "read", "data": {"path": "/19/0/0/0"}}).json["data"]
    assert data["code"] == "2.05"
    assert len(base64.b64decode(data["content"][0]["value"])) == size


def test_long_notifications(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--sensors", "60", "--block-size", 256, "--notify-interval", "0.5")
    mqtt.expect("up/register")
    assert mqtt.request("meter", {"msgType": "observe", "data": {"path": "/3303"}}).json[
        "data"]["code"] == "2.05"
    for _ in range(3):
        values = {item["path"] for item in mqtt.expect("up/notify").json["data"]["content"]}
        assert {f"/3303/{i}/5700" for i in range(60)} <= values


@pytest.mark.parametrize("size, gateway_block", [(996, "1024"), (1024, "1024"), (1025, "1024"),
                                                 (100000, "1024"), (3000, "64")])
def test_firmware(make_gateway, mqtt, sim, size, gateway_block):
    """User demands B3: the package arrives whole, whatever its length."""
    gateway = make_gateway({"lwm2m.coap.max_block_size": gateway_block})
    device = sim("--endpoint", "meter", gateway=gateway)
    mqtt.expect("up/register")
    body = (BLOB * 20)[:size]
    req_id = write_blob(mqtt, body)
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"
    device.wait_line(rf"^firmware size={size} crc32={zlib.crc32(body):08x}")
    state = mqtt.request("meter", {"msgType": "read", "data": {"path": "/5/0/3"}}).json
    assert state["data"]["content"][0]["value"] == 2


def test_an_object_list_longer_than_a_datagram(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--sensors", "300", "--lifetime", "60")
    objects = mqtt.expect("up/register").json["data"]["objectList"]
    assert {f"/3303/{i}" for i in range(300)} <= set(objects)
    data = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3303/299/5700"}}).json["data"]
    assert data["code"] == "2.05"


def test_a_long_read_in_every_way(gateway, mqtt, sim):
    sim("--endpoint", "meter", "--sensors", "100", "--block-size", "128")
    mqtt.expect("up/register")
    for accept in ("tlv", "senml-json", None):
        data = {"path": "/3303", **({"accept": accept} if accept else {})}
        content = mqtt.request("meter", {"msgType": "read", "data": data}).json["data"]["content"]
        values = {item["path"]: item["value"] for item in content}
        assert all(f"/3303/{i}/5700" in values for i in range(100)), accept


# --- raw devices


def test_blocks_of_an_answer_are_fetched_in_order(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/19/0/0/0"}})
    body, size = BLOB[:1000], 256
    for number in range(4):
        request = device.next_request()
        if number:
            assert parts(request.get_uint(BLOCK2)) == (number, False, size)
        options = [(BLOCK2, block(number, number < 3, size)), (ETAG, b"v1")]
        # RFC 7959, 2.4: only the first block must tell the format
        device.respond(request, payload=body[number * size:(number + 1) * size],
                       content_format=OPAQUE if number == 0 else None, options=options)
    item = mqtt.answer(req_id)["data"]["content"][0]
    assert base64.b64decode(item["value"]) == body


def test_a_resource_that_changes_while_it_is_read_is_never_a_mixture(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/19/0/0/0"}})
    old, new, size = b"a" * 64, b"b" * 64, 32
    body, tag = old, b"v1"
    for _ in range(8):
        try:
            request = device.next_request(0.5)
        except TimeoutError:
            break
        number = parts(request.get_uint(BLOCK2, 0))[0]
        device.respond(request, payload=body[number * size:(number + 1) * size],
                       content_format=OPAQUE, options=[(BLOCK2, block(number, number == 0, size)),
                                                       (ETAG, tag)])
        body, tag = new, b"v2"
    data = mqtt.answer(req_id)["data"]
    values = [base64.b64decode(item["value"]) for item in data.get("content", [])]
    assert values == [new] or (not values and data["reason"]), data


def test_the_size_of_a_body_is_told_first(device, mqtt):
    req_id = write_blob(mqtt, BLOB, format="opaque")
    request = device.next_request()
    assert request.get_uint(SIZE1) == len(BLOB)
    assert parts(request.get_uint(BLOCK1)) == (0, True, 1024)
    assert (request.code, request.get_uint(CONTENT_FORMAT)) == (PUT, OPAQUE)
    assert serve_write(device, first=request) == BLOB
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"


def test_a_device_that_acknowledges_with_smaller_blocks(device, mqtt):
    req_id = write_blob(mqtt, BLOB, format="opaque")
    request = device.next_request()
    device.respond(request, "2.31", options=[(BLOCK1, block(0, True, 64))])
    body = request.payload
    while True:
        request = device.next_request()
        number, more, size = parts(request.get_uint(BLOCK1))
        assert size == 64 and len(request.payload) <= 64
        assert number * 64 in (len(body), 64), "what was acknowledged: the block, or 64 bytes of it"
        body = body[:number * 64] + request.payload
        device.respond(request, "2.31" if more else "2.04", options=[(BLOCK1, block(number, more, 64))])
        if not more:
            break
    assert body == BLOB
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"


def test_a_device_that_asks_for_smaller_blocks_with_an_error(device, mqtt):
    """User demands B3, leshan#371: 4.13 with Block1 is a wish, not the end."""
    req_id = write_blob(mqtt, BLOB[:1500], format="opaque")
    request = device.next_request()
    device.respond(request, "4.13", options=[(BLOCK1, block(0, False, 128)), (SIZE1, 128)])
    request = device.next_request()
    assert parts(request.get_uint(BLOCK1)) == (0, True, 128)
    assert serve_write(device, first=request) == BLOB[:1500]
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"


def test_a_body_that_is_too_long_for_the_device(device, mqtt):
    req_id = write_blob(mqtt, BLOB, format="opaque")
    device.respond(device.next_request(), "4.13", b"no room")
    data = mqtt.answer(req_id)["data"]
    assert (data["code"], data["reason"]) == ("4.13", "no room")
    device.expect_silence(0.1)


def test_a_device_that_refuses_in_the_middle(device, mqtt):
    req_id = write_blob(mqtt, BLOB, format="opaque")
    device.respond(device.next_request(), "2.31", options=[(BLOCK1, block(0, True, 1024))])
    device.respond(device.next_request(), "5.00", b"flash broke")
    data = mqtt.answer(req_id)["data"]
    assert (data["code"], data["reason"]) == ("5.00", "flash broke")
    device.expect_silence(0.1)


@pytest.mark.settings({"lwm2m.coap.ack_timeout": "100ms", "lwm2m.coap.ack_random_factor": 1})
def test_lost_blocks_are_sent_again(device, mqtt):
    req_id = write_blob(mqtt, BLOB[:4000], format="opaque")
    body = b""
    while True:
        lost = device.receive()
        request = device.receive_where(lambda m, first=lost: m.mid == first.mid)
        number, more, size = parts(request.get_uint(BLOCK1))
        body += request.payload
        for _ in range(2):  # the device's answer is duplicated, too
            device.respond(request, "2.31" if more else "2.04",
                           options=[(BLOCK1, block(number, more, size))])
        if not more:
            break
    assert body == BLOB[:4000]
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"


@pytest.mark.settings({"lwm2m.response_timeout": "1s", "lwm2m.coap.max_block_size": "16"})
def test_a_transfer_may_take_longer_than_an_answer(device, mqtt):
    """User demands B3, leshan#1394: no timeout for the whole."""
    req_id = write_blob(mqtt, BLOB[:320], format="opaque")
    for number in range(20):
        request = device.next_request()
        time.sleep(0.07)
        device.respond(request, "2.31" if number < 19 else "2.04",
                       options=[(BLOCK1, block(number, number < 19, 16))])
    assert mqtt.answer(req_id)["data"]["code"] == "2.04"


def test_other_devices_are_served_meanwhile(device, coap, mqtt):
    other = coap()
    other.register("other")
    req_id = write_blob(mqtt, BLOB, format="opaque")
    request = device.next_request()
    req_other = mqtt.command("other", {"msgType": "read", "data": {"path": "/3/0/0"}})
    other.respond(other.next_request(), payload=b"x", content_format=TEXT)
    assert mqtt.answer(req_other)["data"]["code"] == "2.05"
    assert serve_write(device, first=request) == BLOB
    mqtt.answer(req_id)


@pytest.mark.settings({"lwm2m.coap.max_body_size": "2KiB"})
def test_an_answer_without_end_is_given_up(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "read", "data": {"path": "/19/0/0/0"}})
    for number in range(10):
        try:
            request = device.next_request(0.5)
        except TimeoutError:
            break
        device.respond(request, payload=b"x" * 1024, content_format=OPAQUE,
                       options=[(BLOCK2, block(number, True, 1024))])
    assert number <= 4
    message = mqtt.answer(req_id)
    assert message["data"].get("reason"), message


# --- a device's request in blocks


def register_blocks(device, numbers, links, size=64, endpoint="long", **more):
    """Sends these blocks of a Register; the last response."""
    response = None
    for number in numbers:
        last = (number + 1) * size >= len(links)
        response = device.request(
            POST, "/rd", queries=(f"ep={endpoint}", "lt=60", "lwm2m=1.1"), content_format=LINK,
            payload=links[number * size:(number + 1) * size],
            options=[(BLOCK1, block(number, not last, size))], **more)
        if not last:
            assert response.code_text in ("2.31", "4.08"), response
    return response


LINKS = ",".join(f"</3303/{i}>" for i in range(40)).encode()


def test_a_registration_in_blocks(coap, mqtt):
    response = register_blocks(coap(), range(-(-len(LINKS) // 64)), LINKS)
    assert response.code_text == "2.01" and parts(response.get_uint(BLOCK1))[2] == 64
    assert len(mqtt.expect("up/register").json["data"]["objectList"]) == 40


def test_a_registration_whose_middle_is_missing(coap, mqtt):
    device = coap()
    assert register_blocks(device, [0, 1, 3], LINKS).code_text == "4.08"
    mqtt.expect_none("up/register", seconds=0.2)
    assert register_blocks(device, range(-(-len(LINKS) // 64)), LINKS).code_text == "2.01"
    mqtt.expect("up/register")


def test_two_devices_send_blocks_at_the_same_time(coap, mqtt):
    one, two = coap(), coap()
    last = -(-len(LINKS) // 64) - 1
    for number in range(last):
        for device, endpoint in ((one, "one"), (two, "two")):
            response = register_blocks(device, [number], LINKS, endpoint=endpoint)
            assert response.code_text == "2.31"
    for device, endpoint in ((two, "two"), (one, "one")):
        assert register_blocks(device, [last], LINKS, endpoint=endpoint).code_text == "2.01"
    assert {mqtt.expect("up/register").json["ep"] for _ in range(2)} == {"one", "two"}


def test_a_duplicated_block_is_one_block(coap, mqtt):
    device = coap()
    count = -(-len(LINKS) // 64)
    for number in range(count):
        message = Message(CON, POST, 100 + number, b"t", [
            (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, "ep=long"), (URI_QUERY, "lt=60"),
            (URI_QUERY, "lwm2m=1.1"), (BLOCK1, block(number, number + 1 < count, 64))],
            LINKS[number * 64:(number + 1) * 64])
        for _ in range(2):
            device.send(message)
            answer = device.receive()
            assert answer.code_text == ("2.31" if number + 1 < count else "2.01")
    assert len(mqtt.expect("up/register").json["data"]["objectList"]) == 40
    mqtt.expect_none("up/register", seconds=0.2)


@pytest.mark.settings({"lwm2m.coap.max_body_size": "1KiB"})
def test_a_body_that_is_too_long_for_the_gateway(coap, mqtt):
    device = coap()
    links = b"</3303/1>," * 300
    for number in range(0, 20):
        response = device.request(POST, "/rd", queries=("ep=long", "lt=60", "lwm2m=1.1"),
                                  content_format=LINK, payload=links[number * 64:(number + 1) * 64],
                                  options=[(BLOCK1, block(number, True, 64))])
        if response.code_text == "4.13":
            break
        assert response.code_text == "2.31"
    assert number <= 16
    mqtt.expect_none("up/register", seconds=0.2)


@pytest.mark.settings({"lwm2m.coap.max_transfers": 4})
def test_unfinished_bodies_do_not_lock_others_out_for_ever(coap, mqtt):
    peers = [coap() for _ in range(8)]
    codes = {register_blocks_once(peer) for peer in peers}
    assert codes <= {"2.31", "5.03"} and "2.31" in codes
    device = coap()
    device.register("short")
    mqtt.expect("up/register")


def register_blocks_once(peer):
    return peer.request(POST, "/rd", queries=("ep=x", "lt=60", "lwm2m=1.1"), content_format=LINK,
                        payload=b"x" * 64, options=[(BLOCK1, block(0, True, 64))]).code_text


def test_a_long_send(device, mqtt):
    payload = b"[" + b",".join(b'{"n":"/3303/%d/5700","v":%d}' % (i, i) for i in range(100)) + b"]"
    size = 256
    count = -(-len(payload) // size)
    for number in range(count):
        response = device.request(POST, "/dp", payload=payload[number * size:(number + 1) * size],
                                  content_format=110,
                                  options=[(BLOCK1, block(number, number + 1 < count, size))])
    assert response.code_text == "2.04"
    content = mqtt.expect("up/send").json["data"]["content"]
    assert [item["value"] for item in content] == list(range(100))


def test_a_long_notification_of_a_raw_device(device, mqtt):
    req_id = mqtt.command("meter", {"msgType": "observe", "data": {"path": "/19/0/0/0"}})
    request = device.next_request()
    device.respond(request, payload=b"x", content_format=OPAQUE, options=[(OBSERVE, 1)])
    mqtt.answer(req_id)
    body = BLOB[:200]
    device.notify(request.token, 2, body[:64], OPAQUE, options=[(BLOCK2, block(0, True, 64))])
    for number in range(1, 4):
        fetch = device.next_request()
        assert fetch.get(OBSERVE) is None and fetch.token != request.token, "RFC 7959, 3.4"
        assert fetch.path == "/19/0/0/0" and parts(fetch.get_uint(BLOCK2))[0] == number
        device.respond(fetch, payload=body[number * 64:(number + 1) * 64], content_format=OPAQUE,
                       options=[(BLOCK2, block(number, number < 3, 64))])
    message = mqtt.expect("up/notify").json
    assert message["seqNum"] == 2
    assert base64.b64decode(message["data"]["content"][0]["value"]) == body
