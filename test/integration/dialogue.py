"""What many tests do: a command, the device's side of it, what is published."""

from coap import GET, OBSERVE, TEXT


def read(mqtt, device, endpoint="meter"):
    """A read that reaches this raw device, and whose answer comes back: the JSON of that."""
    req_id = mqtt.command(endpoint, {"msgType": "read", "data": {"path": "/3/0/0"}})
    device.respond(device.next_request(), payload=b"x", content_format=TEXT)
    answer = mqtt.answer(req_id)
    assert answer["ep"] == endpoint and answer["data"]["code"] == "2.05"
    return answer


def observe(mqtt, device, endpoint="meter", path="/3303/0/5700", value=b"1", sequence=1, **members):
    """An observation of a raw device: its token."""
    req_id = mqtt.command(endpoint, {"msgType": "observe", "data": {"path": path}, **members})
    request = device.next_request()
    assert (request.code, request.path, request.get_uint(OBSERVE)) == (GET, path, 0)
    device.respond(request, payload=value, content_format=TEXT, options=[(OBSERVE, sequence)])
    answer = mqtt.answer(req_id)
    assert answer["msgType"] == "observe" and answer["data"]["code"] == "2.05"
    return request.token
