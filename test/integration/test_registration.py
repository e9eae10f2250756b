"""Register, Update, De-register, lifetimes: what the device is answered and what is published."""

import time

import pytest
from coap import (ACK, CON, CONTENT_FORMAT, DELETE, GET, LINK, NON, POST, PUT, URI_PATH, URI_QUERY,
                  Message)


def register(mqtt, endpoint):
    return mqtt.expect("up/register", lambda m: m.json["ep"] == endpoint).json


def raw_register(device, *queries, payload=b"</1/0>,</3/0>", **options):
    options.setdefault("content_format", LINK)
    return device.request(POST, "/rd", queries=queries, payload=payload, **options)


def test_a_registration_is_published_with_all_it_said(coap, mqtt):
    coap().register("testlwm2mclient", '</>;rt="oma.lwm2m";ct="110 112",</1>,</1/0>,</2/0>,</3/0>')
    before = time.time() * 1000
    message = register(mqtt, "testlwm2mclient")
    assert message["msgType"] == "register"
    assert isinstance(message["ts"], int) and abs(message["ts"] - before) < 60000
    assert message["data"] == {
        "ep": "testlwm2mclient", "lt": 300, "lwm2m": "1.1", "b": "U", "alternatePath": "/",
        "objectList": ["/1", "/1/0", "/2/0", "/3/0"]}
    assert set(message) == {"msgType", "ep", "ts", "data"}


def test_the_location_is_one_opaque_segment_below_rd(coap, mqtt):
    response = raw_register(coap(), "ep=a/b c", "lt=60", "lwm2m=1.1")
    assert response.code_text == "2.01"
    base, segment = [value.decode() for value in response.all(8)]
    assert base == "rd" and segment and "a/b" not in segment and "/" not in segment
    assert register(mqtt, "a/b c")["data"]["ep"] == "a/b c"


def test_unknown_parameters_are_kept_and_credentials_are_not(coap, mqtt):
    secrets = ["password", "passwd", "secret", "private_key", "token", "access_token", "api_key",
               "apikey", "jwt", "authorization", "Password", "TOKEN", "Api_Key"]
    raw_register(coap(), "ep=meter", "lt=60", "lwm2m=1.1", "b=U", "Q", "imei=123456789012345",
                 "at=x=y", "apn=Ctnb", "empty=", "sms=49170", *[f"{name}=hush" for name in secrets])
    data = register(mqtt, "meter")["data"]
    assert data["Q"] is True
    assert data["imei"] == "123456789012345" and data["at"] == "x=y"
    assert data["apn"] == "Ctnb" and data["empty"] == "" and data["sms"] == "49170"
    assert not set(secrets) & set(data)
    assert "hush" not in str(data)


def test_a_secret_is_not_in_the_log_either(gateway, coap, mqtt):
    raw_register(coap(), "ep=meter", "lt=60", "lwm2m=1.1", "password=hush-hush")
    raw_register(coap(), "ep=meter", "lwm2m=9.9", "password=hush-hush")
    register(mqtt, "meter")
    assert "hush-hush" not in gateway.process.text()


def test_a_registration_without_payload_publishes_no_object_list(coap, mqtt):
    response = raw_register(coap(), "ep=bare", "lt=60", "lwm2m=1.1", payload=b"",
                            content_format=None)
    assert response.code_text == "2.01"
    assert register(mqtt, "bare")["data"] == {"ep": "bare", "lt": 60, "lwm2m": "1.1"}


@pytest.mark.parametrize("links, root, objects, versions", [
    ('</lwm2m>;rt="oma.lwm2m";ct=11543,</lwm2m/1/0>,</lwm2m/3/0>', "/lwm2m", ["/1/0", "/3/0"], None),
    ('</a/b>;rt="oma.lwm2m",</a/b/3/0>', "/a/b", ["/3/0"], None),
    ('</1/0>,</3>;ver=1.1,</3/0>', "/", ["/1/0", "/3", "/3/0"], {"/3": "1.1"}),
    ('</1/0>,</3303>;ver="1.1"', "/", ["/1/0", "/3303"], {"/3303": "1.1"}),
    ('</3/0>;ver=1.2;x="a,b;c>d",</5/0>', "/", ["/3/0", "/5/0"], {"/3": "1.2"}),
    ('</1/0>, </3/0>,</5/0/>', "/", ["/1/0", "/3/0", "/5/0"], None),
], ids=["alternate", "deep", "version", "quoted-version", "quotes", "blanks"])
def test_object_lists(coap, mqtt, links, root, objects, versions):
    coap().register("meter", links)
    data = register(mqtt, "meter")["data"]
    assert (data["alternatePath"], data["objectList"]) == (root, objects)
    assert data.get("objectVersions") == versions


def test_what_is_refused_and_how(coap, mqtt, gateway):
    good = ("ep=meter", "lt=60", "lwm2m=1.1")
    cases = [
        ("no ep", good[1:], {}, "4.00"),
        ("empty ep", ("ep=", *good[1:]), {}, "4.00"),
        ("no lifetime in 1.1", (good[0], good[2]), {}, "4.00"),
        ("a lifetime of words", (good[0], "lt=soon", good[2]), {}, "4.00"),
        ("a negative lifetime", (good[0], "lt=-1", good[2]), {}, "4.00"),
        ("no version", good[:2], {}, "4.00"),
        ("a newer version", (*good[:2], "lwm2m=2.0"), {}, "4.12"),
        ("a newer minor", (*good[:2], "lwm2m=1.9"), {}, "4.12"),
        ("an unknown profile", (*good, "pid=6:27354b9a"), {"payload": b"", "content_format": None},
         "4.09"),
        ("links that are none", good, {"payload": b"<</3/0"}, "4.00"),
        ("another format", good, {"content_format": 110}, "4.15"),
    ]
    for name, queries, options, code in cases:
        # The answer is never longer than the request: the reason needs some room.
        response = raw_register(coap(), *queries, "imei=" + "7" * 80, **options)
        assert response.code_text == code, name
        assert response.payload, f"{name}: no diagnostic payload"
    mqtt.expect_none("up/#", seconds=0.2)
    gateway.process.wait_line("registration-refused")


@pytest.mark.parametrize("queries", [
    ("ep=old", "lwm2m=1.0"), ("ep=old", "lwm2m=1", "lt=60"),
    ("ep=old", "lwm2m=1.0", "lt=60", "b=UQS", "sms=1234"), ("ep=old", "lwm2m=1.2", "lt=60", "b=UT"),
    ("ep=old", "lwm2m=1.1", "lt=0"), ("ep=old", "lwm2m=1.1", "lt=99999999999"),
], ids=["1.0-without-lt", "old-1.0", "1.0-binding", "1.2", "infinite", "long"])
def test_what_is_accepted(coap, mqtt, queries):
    assert raw_register(coap(), *queries).code_text == "2.01"
    register(mqtt, "old")


def test_a_duplicated_register_is_one_registration(coap, mqtt):
    device = coap()
    message = Message(CON, POST, 4711, b"tok", [
        (URI_PATH, "rd"), (CONTENT_FORMAT, LINK), (URI_QUERY, "ep=twice"), (URI_QUERY, "lt=60"),
        (URI_QUERY, "lwm2m=1.1")], b"</3/0>")
    answers = []
    for _ in range(3):
        device.send(message)
        answers.append(device.receive().build())
    assert answers[0] == answers[1] == answers[2]
    register(mqtt, "twice")
    mqtt.expect_none("up/#", seconds=0.3)
    location = Message.parse(answers[0]).location
    assert device.request(POST, location).code_text == "2.04"


def test_the_response_is_piggybacked_or_non_confirmable_like_the_request(coap, mqtt):
    device = coap()
    assert raw_register(device, "ep=a", "lt=60", "lwm2m=1.1").type == ACK
    assert raw_register(device, "ep=b", "lt=60", "lwm2m=1.1", type=NON).type == NON


def test_registering_again_publishes_again_and_the_old_location_is_gone(coap, mqtt):
    device = coap()
    first = device.register("again")
    second = device.register("again", "</3/0>", lifetime=400)
    assert first != second
    assert register(mqtt, "again")["data"]["lt"] == 300
    data = register(mqtt, "again")["data"]
    assert data["lt"] == 400 and data["objectList"] == ["/3/0"]
    assert device.request(POST, first).code_text == "4.04"
    assert device.request(POST, second).code_text == "2.04"


def test_registering_from_another_address_says_that_it_replaces(coap, mqtt):
    coap().register("mover")
    register(mqtt, "mover")
    coap(source=("127.0.0.3", 0)).register("mover")
    left = mqtt.expect("up/deregister").json
    assert (left["ep"], left["data"]["reason"]) == ("mover", "replaced")
    register(mqtt, "mover")


def test_an_update_publishes_the_merged_registration(coap, mqtt):
    device = coap()
    location = device.register("meter", queries=("imei=7",))
    assert device.request(POST, location).code_text == "2.04"
    message = mqtt.expect("up/update").json
    whole = {"ep": "meter", "lt": 300, "lwm2m": "1.1", "b": "U", "imei": "7",
             "alternatePath": "/", "objectList": ["/1/0", "/3/0"]}
    assert message["msgType"] == "update" and message["data"] == whole

    assert device.request(POST, location, queries=("lt=500", "b=UT")).code_text == "2.04"
    assert mqtt.expect("up/update").json["data"] == {**whole, "lt": 500, "b": "UT"}

    assert device.request(POST, location, payload=b"</3/0>,</5/0>",
                          content_format=LINK).code_text == "2.04"
    assert mqtt.expect("up/update").json["data"] == {
        **whole, "lt": 500, "b": "UT", "objectList": ["/3/0", "/5/0"]}


def test_an_update_may_name_the_endpoint_as_some_devices_do(coap, mqtt):
    device = coap()
    location = device.register("meter")
    assert device.request(POST, location, queries=("ep=meter",)).code_text == "2.04"
    assert mqtt.expect("up/update").json["ep"] == "meter"


@pytest.mark.settings({"lwm2m.update_publish": "object_list_changed"})
def test_updates_are_published_only_when_the_object_list_changed(coap, mqtt):
    device = coap()
    location = device.register("meter")
    device.request(POST, location)
    device.request(POST, location, queries=("lt=301",))
    device.request(POST, location, payload=b"</1/0>,</3/0>", content_format=LINK)
    device.request(POST, location, payload=b"</1/0>,</3/0>,</5/0>", content_format=LINK)
    data = mqtt.expect("up/update").json["data"]
    assert data["objectList"] == ["/1/0", "/3/0", "/5/0"]
    mqtt.expect_none("up/update", seconds=0.2)


def test_unknown_locations(coap, mqtt):
    device = coap()
    location = device.register("meter")
    register(mqtt, "meter")
    for path in ("/rd/none", "/rd/0", f"{location}x", "/rd/" + "x" * 200):
        assert device.request(POST, path).code_text == "4.04", path
        assert device.request(DELETE, path).code_text == "4.04", path
    assert device.request(POST, f"{location}/1").code_text == "4.04"
    mqtt.expect_none("up/#", seconds=0.2)


def test_a_wrong_update_changes_nothing(coap, mqtt):
    device = coap()
    location = device.register("meter")
    assert device.request(POST, location, queries=("lt=many", "imei=7")).code_text == "4.00"
    assert device.request(POST, location, payload=b"<<<", content_format=LINK).code_text == "4.00"
    assert device.request(POST, location).code_text == "2.04"
    data = mqtt.expect("up/update").json["data"]
    assert data["lt"] == 300 and "imei" not in data and data["objectList"] == ["/1/0", "/3/0"]
    mqtt.expect_none("up/update", seconds=0.2)


def test_deregistration(coap, mqtt):
    device = coap()
    location = device.register("meter")
    assert device.request(DELETE, location).code_text == "2.02"
    message = mqtt.expect("up/deregister").json
    assert message["msgType"] == "deregister"
    assert message["data"]["ep"] == "meter" and message["data"]["reason"] == "deregister"
    assert device.request(POST, location).code_text == "4.04"
    answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert answer.json["data"]["code"] == "4.04"


@pytest.mark.settings({"lwm2m.lifetime_min": "2s"})
def test_a_lifetime_is_clamped_and_its_end_is_published(coap, mqtt):
    device = coap()
    kept = coap()
    location = device.register("short", lifetime=1)
    kept.register("forever", lifetime=0)
    mqtt.expect_none("up/deregister", seconds=1.5)
    message = mqtt.expect("up/deregister", timeout=3).json
    assert (message["ep"], message["data"]["reason"]) == ("short", "lifetime_expired")
    assert device.request(POST, location).code_text == "4.04"
    mqtt.expect_none("up/deregister", seconds=0.2)


@pytest.mark.settings({"lwm2m.lifetime_min": "1s"})
def test_an_update_starts_the_lifetime_anew(coap, mqtt):
    device = coap()
    location = device.register("kept", lifetime=1)
    for _ in range(4):
        time.sleep(0.5)
        assert device.request(POST, location).code_text == "2.04"
    mqtt.expect_none("up/deregister", seconds=0)
    mqtt.expect("up/deregister", timeout=3)


@pytest.mark.settings({"lwm2m.max_devices": 2})
def test_more_devices_than_allowed_are_told_to_come_later(coap, mqtt):
    MAX_AGE = 14
    device = coap()
    device.register("one")
    location = device.register("two")
    response = raw_register(coap(), "ep=three", "lt=60", "lwm2m=1.1")
    assert response.code_text == "5.03"
    assert response.get_uint(MAX_AGE) > 0
    assert raw_register(coap(), "ep=two", "lt=60", "lwm2m=1.1").code_text == "2.01"
    device.request(DELETE, location)


def test_several_devices_behind_one_address(coap, mqtt):
    device = coap()
    locations = [device.register(f"child{i}") for i in range(5)]
    assert len(set(locations)) == 5
    for i in (3, 0, 2):
        req_id = mqtt.command(f"child{i}", {"msgType": "read", "data": {"path": f"/3/0/{i}"}})
        request = device.next_request()
        assert request.path == f"/3/0/{i}"
        device.respond(request, payload=b"text", content_format=0)
        answer = mqtt.expect("up/resp", lambda m, wanted=req_id: m.json["reqID"] == wanted)
        assert answer.json["ep"] == f"child{i}"


def test_other_paths_and_methods(coap):
    device = coap()
    assert b"</rd>" in device.request(GET, "/.well-known/core").payload
    assert device.request(GET, "/rd").code_text == "4.05"
    assert device.request(PUT, "/rd/1").code_text == "4.05"
    assert device.request(GET, "/nothing").code_text == "4.04"
    assert device.request(POST, "/").code_text == "4.04"
    assert device.request(GET, "/rd", options=[(9999, b"x")]).code_text == "4.02", "critical option"


def test_many_devices_register_and_are_all_published(gateway, mqtt, sim):
    fleet = sim("--endpoint", "fleet", "--count", "100", "--lifetime", "60")
    seen = {mqtt.expect("up/register").json["ep"] for _ in range(100)}
    assert seen == {f"fleet-{i:04}" for i in range(1, 101)}
    fleet.stop()
    gone = {mqtt.expect("up/deregister").json["ep"] for _ in range(100)}
    assert gone == seen


def test_a_simulated_device_from_register_to_deregister(gateway, mqtt, sim):
    device = sim("--endpoint", "meter", "--update-interval", "0.3", "--lifetime", "20",
                 "--alternate-path", "/lwm2m", "--version", "1.2")
    data = register(mqtt, "meter")["data"]
    assert (data["lt"], data["lwm2m"], data["alternatePath"]) == (20, "1.2", "/lwm2m")
    assert {"/1/0", "/3/0", "/3303/0", "/3303/1"} <= set(data["objectList"])
    assert mqtt.expect("up/update").json["data"]["objectList"] == data["objectList"]
    device.wait_line("^updated")
    answer = mqtt.request("meter", {"msgType": "read", "data": {"path": "/3/0/0"}})
    assert answer.json["data"]["content"] == [{"path": "/3/0/0", "value": "Open Mobile Alliance"}]
    device.stop()
    assert mqtt.expect("up/deregister").json["data"]["reason"] == "deregister"
    assert "deregistered" in device.text()


def test_a_device_that_vanishes_is_known_until_its_lifetime_ends(make_gateway, mqtt, sim):
    gateway = make_gateway({"lwm2m.lifetime_min": "1s"})
    device = sim("--endpoint", "meter", "--lifetime", "1", "--update-interval", "60",
                 gateway=gateway)
    register(mqtt, "meter")
    device.kill()
    assert mqtt.expect("up/deregister").json["data"]["reason"] == "lifetime_expired"
