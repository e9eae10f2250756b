/*
 * Who may speak for a device: names bound to identities, sessions that come and go, and sources
 * that only claim a name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <string.h>

#define LINKS      "</1/0>,</3/0>"
#define REGISTER   "ep=a&lt=300&lwm2m=1.1"
#define CREATED    "< ACK 2.01  location=rd location=*"
#define OF_ANOTHER "refused a 4.04: the registration is of another identity"
#define NOT_FOUND  "< ACK 4.04 "

static struct harness *with_names(void **state)
{
    struct harness *h = *state;
    h->names[0] = "known";
    h->names[1] = "a";
    h->names[2] = "b";
    h->names[3] = "a b c";
    return h;
}

static void registered_by(struct harness *h, uint32_t session)
{
    h->route.session = session;
    device_register(h, REGISTER, LINKS);
    expect(h, "registered a", CREATED, NULL);
}

static const struct {
    const char *name;
    uint32_t session;
    const char *query, *first, *second;
} registers[] = {
    { "the name of the identity", 1, "ep=a&lt=300&lwm2m=1.1", "registered a", CREATED },
    { "another name", 1, "ep=b&lt=300&lwm2m=1.1", "refused b 4.00: ep is not of this identity",
      "< ACK 4.00  ep is not of this identity" },
    { "one of several names", 3, "ep=b&lt=300&lwm2m=1.1", "registered b", CREATED },
    { "none of several names", 3, "ep=x&lt=300&lwm2m=1.1",
      "refused x 4.00: ep is not of this identity", "< ACK 4.00  ep is not of this identity" },
    { "no name", 1, "lt=300&lwm2m=1.1", "registered a", CREATED },
    { "no name in 1.2", 2, "lt=300&lwm2m=1.2", "registered b", CREATED },
    { "no name in 1.0", 1, "lt=300&lwm2m=1.0", "refused  4.00: ep is missing",
      "< ACK 4.00  ep is missing" },
    { "no name, of several", 3, "lt=300&lwm2m=1.1", "refused  4.00: ep is missing",
      "< ACK 4.00  ep is missing" },
    { "no name, no identity", 0, "lt=300&lwm2m=1.1", "refused  4.00: ep is missing",
      "< ACK 4.00  ep is missing" },
    { "a name that has an identity, without it", 0, "ep=known&lt=300&lwm2m=1.1",
      "refused known 4.00: this ep has to use DTLS", "< ACK 4.00  this ep has to use DTLS" },
    { "any other name without an identity", 0, "ep=x&lt=300&lwm2m=1.1", "registered x", CREATED },
};

static void a_name_must_be_that_of_the_identity(void **state)
{
    struct harness *h = with_names(state);
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        struct lwm2m_server_settings settings = harness_settings();
        harness_restart(h, &settings);
        print_message("%s\n", registers[i].name);
        h->route.session = registers[i].session;
        device_register(h, registers[i].query, LINKS);
        expect(h, registers[i].first, registers[i].second, NULL);
    }
}

static void a_secured_device_cannot_be_taken_over_without_its_identity(void **state)
{
    static const uint32_t strangers[] = { 0, 2 };
    struct harness *h = with_names(state);
    registered_by(h, 1);
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        h->route.session = strangers[i];
        device_update(h, NULL, NULL);
        expect(h, OF_ANOTHER, "refused  4.04: no registration at this location", NOT_FOUND, NULL);
        device_update(h, "lt=60", NULL);
        expect(h, OF_ANOTHER, "refused  4.04: no registration at this location", NOT_FOUND, NULL);
        device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
        expect(h, OF_ANOTHER, "< ACK 4.04 ", NULL);
        device_request(h, LWCOAP_CON, LWCOAP_POST, "/dp", NULL, LWM2M_FORMAT_SENML_JSON,
                       "[{\"n\":\"/3/0/9\",\"v\":1}]");
        expect(h, NOT_FOUND, NULL);
        device_register(h, REGISTER, LINKS);
        h->count -= 2;
        assert_string_equal(h->lines[0], strangers[i] == 0
                                             ? "refused a 4.00: this ep has to use DTLS"
                                             : "refused a 4.00: ep is not of this identity");
    }
    h->route.session = 1;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
}

static void the_same_identity_in_a_new_session_goes_on(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    h->route.session = 3;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0", NULL); /* to the new session */
    lwm2m_server_drop_requests(h->server, "");
}

static void a_device_without_security_may_become_a_secured_one(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 0);
    h->route.session = 1;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    h->route.session = 0;
    device_update(h, NULL, NULL);
    expect(h, OF_ANOTHER, "refused  4.04: no registration at this location", NOT_FOUND, NULL);
}

static void an_answer_from_a_stranger_is_nobodys(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0", NULL);
    for (uint32_t session = 0; session <= 2; session += 2) {
        h->route.session = session;
        device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "forged", 6);
        expect(h, NULL);
        device_empty(h, LWCOAP_RST);
        device_empty(h, LWCOAP_ACK);
        expect(h, NULL);
        device_notify(h, LWCOAP_CON, LWCOAP_CODE(2, 5), 7, LWM2M_FORMAT_TEXT, "forged", 6);
        expect(h, "< RST 0.00 ", NULL); /* a separate response to nothing */
    }
    h->route.session = 1;
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "true", 4);
    expect(h, "response a /3/0/0 2.05 /3/0/0=true", NULL);
}

static void an_answer_may_come_by_a_new_session_of_the_device(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0", NULL);
    h->route.session = 3;
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "true", 4);
    expect(h, "response a /3/0/0 2.05 /3/0/0=true", NULL);
}

static void a_notification_from_a_stranger_is_refused(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    struct lwm2m_request request = request_of(LWM2M_OBSERVE, "/3/0/9");
    send_request(h, "a", &request);
    device_answer(h, LWCOAP_CODE(2, 5), 1, LWM2M_FORMAT_TEXT, "90", 2);
    expect(h, "< CON 0.01  observe=0/3/0/9", "response a /3/0/9 2.05 seq=1 /3/0/9=90", NULL);
    for (uint32_t session = 0; session <= 2; session += 2) {
        h->route.session = session;
        device_notify(h, LWCOAP_CON, LWCOAP_CODE(2, 5), 9, LWM2M_FORMAT_TEXT, "1", 1);
        expect(h, "< RST 0.00 ", NULL);
        device_notify(h, LWCOAP_CON, LWCOAP_CODE(4, 4), 9, LWCOAP_FORMAT_NONE, NULL, 0);
        expect(h, "< RST 0.00 ", NULL);
    }
    h->route.session = 1; /* the forged sequence number has not outdated it */
    device_notify(h, LWCOAP_NON, LWCOAP_CODE(2, 5), 2, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=89", NULL);
    h->route.session = 3; /* the device, after another handshake */
    device_notify(h, LWCOAP_NON, LWCOAP_CODE(2, 5), 3, LWM2M_FORMAT_TEXT, "88", 2);
    expect(h, "notification a /3/0/9 2.05 seq=3 /3/0/9=88", NULL);
}

static void a_send_by_a_new_session_is_known_by_its_identity(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 3);
    h->route.session = 1;
    device_request(h, LWCOAP_CON, LWCOAP_POST, "/dp", NULL, LWM2M_FORMAT_SENML_JSON,
                   "[{\"n\":\"/3/0/9\",\"v\":1}]");
    expect(h, "send a 2.05 /3/0/9=1", NULL);
}

static void a_session_may_change_its_address(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    h->route.remote.port++;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    assert_int_equal(lwm2m_device_route(lwm2m_server_find(h->server, "a"))->remote.port,
                     h->route.remote.port);
}

static void a_new_session_is_used_before_the_device_speaks(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 1);
    struct transport_route by = h->route;
    by.session = 2; /* not its identity */
    lwm2m_server_reroute(h->server, "a", &by, h->now_ms);
    lwm2m_server_reroute(h->server, "nobody", &by, h->now_ms);
    assert_int_equal(lwm2m_device_route(lwm2m_server_find(h->server, "a"))->session, 1);
    by.session = 3;
    lwm2m_server_reroute(h->server, "a", &by, h->now_ms);
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0 to session 3", NULL);
    lwm2m_server_drop_requests(h->server, "");
}

static bool is_secured(void *ctx, const struct lwm2m_device *device)
{
    (void)ctx;
    return lwm2m_device_route(device)->session != 0;
}

static void devices_are_removed_by_what_they_are(void **state)
{
    struct harness *h = with_names(state);
    registered_by(h, 3);
    device_register(h, "ep=b&lt=300&lwm2m=1.1", LINKS);
    expect(h, "registered b", CREATED, NULL);
    h->route.session = 0;
    device_register(h, "ep=x&lt=300&lwm2m=1.1", LINKS);
    expect(h, "registered x", CREATED, NULL);
    assert_int_equal(lwm2m_server_kick_if(h->server, is_secured, NULL, h->now_ms), 2);
    assert_int_equal(h->count, 2);
    assert_non_null(strstr(h->lines[0], ": kicked"));
    h->count = 0;
    assert_null(lwm2m_server_find(h->server, "a"));
    assert_non_null(lwm2m_server_find(h->server, "x"));
    assert_int_equal(lwm2m_server_kick_if(h->server, is_secured, NULL, h->now_ms), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_must_be_that_of_the_identity),
        TEST(a_secured_device_cannot_be_taken_over_without_its_identity),
        TEST(the_same_identity_in_a_new_session_goes_on),
        TEST(a_device_without_security_may_become_a_secured_one),
        TEST(an_answer_from_a_stranger_is_nobodys),
        TEST(an_answer_may_come_by_a_new_session_of_the_device),
        TEST(a_notification_from_a_stranger_is_refused),
        TEST(a_send_by_a_new_session_is_known_by_its_identity),
        TEST(a_session_may_change_its_address),
        TEST(devices_are_removed_by_what_they_are),
        TEST(a_new_session_is_used_before_the_device_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
