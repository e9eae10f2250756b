/*
 * Who is let in: devices that show where they are (Echo), and not too many at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/echo.h"
#include "test/unit/lwm2m/harness.h"

#include <stdio.h>
#include <string.h>

#define QUERY "ep=a&lt=300&lwm2m=1.1&b=U"
#define LINKS "</1/0>,</3/0>"

static struct harness *with_echo(void **state)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    settings.require_echo = true;
    harness_restart(h, &settings);
    return h;
}

static void registered(struct harness *h)
{
    device_register(h, QUERY, LINKS);
    expect(h, "< ACK 4.01  echo", NULL);
    device_register(h, QUERY, LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
    h->echo_len = 0;
}

/* --- Echo --- */

static void a_device_registers_with_the_value_it_was_given(void **state)
{
    struct harness *h = with_echo(state);
    device_register(h, QUERY, LINKS);
    expect(h, "< ACK 4.01  echo", NULL);
    assert_int_equal(h->echo_len, LWM2M_ECHO_LEN);
    assert_int_equal(lwm2m_server_device_count(h->server), 0);
    device_register(h, QUERY, LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
    assert_int_equal(lwm2m_server_counters(h->server)->challenges, 1);
}

static void a_repeated_datagram_gets_the_same_challenge(void **state)
{
    struct harness *h = with_echo(state);
    uint8_t first[sizeof(h->echo)];
    device_register(h, QUERY, LINKS);
    memcpy(first, h->echo, sizeof(first));
    device_repeat(h);
    expect(h, "< ACK 4.01  echo", "< ACK 4.01  echo", NULL);
    assert_memory_equal(first, h->echo, sizeof(first));
}

static const struct {
    const char *name;
    uint64_t pause_ms; /* from the challenge to the answer */
    uint8_t flip;      /* bits of the first byte */
    int longer;        /* bytes */
    uint16_t port;     /* of the answer, other than the challenge's */
    uint8_t host;
    bool believed;
} echoes[] = {
    { "the value itself", 0, 0, 0, 0, 0, true },
    { "after the retransmissions of a slow device", 59000, 0, 0, 0, 0, true },
    { "after more than two minutes", 121000, 0, 0, 0, 0, false },
    { "one bit is another", 0, 1, 0, 0, 0, false },
    { "one byte less", 0, 0, -1, 0, 0, false },
    { "one byte more", 0, 0, 1, 0, 0, false },
    { "from another port", 0, 0, 0, 50001, 0, false },
    { "from another address", 0, 0, 0, 0, 9, false },
};

static void only_the_value_that_was_sent_there_a_short_while_ago_counts(void **state)
{
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        struct harness *h = with_echo(state);
        struct transport_route route = h->route;
        device_register(h, QUERY, LINKS);
        pass(h, echoes[i].pause_ms);
        h->echo[0] ^= echoes[i].flip;
        h->echo_len = (size_t)((int)h->echo_len + echoes[i].longer);
        h->route.remote.port = echoes[i].port ? echoes[i].port : route.remote.port;
        h->route.remote.ip[15] ^= echoes[i].host;
        device_register(h, QUERY, LINKS);
        if (lwm2m_server_device_count(h->server) != echoes[i].believed) {
            print_error("%s\n", echoes[i].name);
            fail();
        }
        h->route = route;
        h->echo_len = 0;
        h->count = 0;
    }
}

static void who_is_registered_there_is_not_asked_again(void **state)
{
    struct harness *h = with_echo(state);
    registered(h);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    device_register(h, QUERY, LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 2.02 ", "deregistered a: deregister", NULL);
}

static void an_update_from_a_new_address_is_challenged(void **state)
{
    struct harness *h = with_echo(state);
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    registered(h);
    h->route.remote.port++;
    device_update(h, NULL, NULL);
    expect(h, "< ACK 4.01  echo", NULL);

    h->route.remote.port--; /* commands still go to where it was verified */
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);

    h->route.remote.port++;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    h->route.remote.port--;
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0 to port 50001", NULL);
    h->count = 0;
}

static void an_update_of_nobody_is_not_worth_a_challenge(void **state)
{
    struct harness *h = with_echo(state);
    device_request(h, LWCOAP_CON, LWCOAP_POST, "/rd/AAAAAAAAAAA", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "refused  4.04: no registration at this location", "< ACK 4.04 ", NULL);
}

static void a_notification_from_a_new_address_does_not_move_a_device(void **state)
{
    struct harness *h = with_echo(state);
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/0");
    struct lwm2m_request request = request_of(LWM2M_READ, "/3/0/0");
    registered(h);
    send_request(h, "a", &observe);
    device_answer(h, LWCOAP_CODE(2, 5), 1, LWM2M_FORMAT_TEXT, "x", 1);
    h->count = 0;

    h->route.remote.port++;
    device_notify(h, LWCOAP_NON, LWCOAP_CODE(2, 5), 2, LWM2M_FORMAT_TEXT, "y", 1);
    expect(h, "notification a /3/0/0 2.05 seq=2 /3/0/0=y", NULL);
    h->route.remote.port--;
    send_request(h, "a", &request);
    expect(h, "< CON 0.01 /3/0/0", NULL);
}

static void a_secured_session_needs_no_echo(void **state)
{
    struct harness *h = with_echo(state);
    h->names[1] = "a";
    h->route.session = 1;
    device_register(h, QUERY, LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
}

/* --- registrations a second --- */

static struct harness *with_rate(void **state, uint32_t per_second)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    settings.registrations_per_second = per_second;
    settings.registrations_burst_ms = 1000;
    settings.max_devices = 1000;
    harness_restart(h, &settings);
    return h;
}

static bool can_register(struct harness *h, unsigned number)
{
    char query[64];
    size_t before = lwm2m_server_device_count(h->server);
    snprintf(query, sizeof(query), "ep=device%u&lt=300&lwm2m=1.1", number);
    h->route.remote.port = (uint16_t)(1000 + number);
    device_register(h, query, LINKS);
    h->count = 0;
    return lwm2m_server_device_count(h->server) > before;
}

static void a_storm_of_registrations_is_let_in_bit_by_bit(void **state)
{
    struct harness *h = with_rate(state, 10);
    unsigned admitted = 0;
    for (unsigned i = 0; i < 100; i++) {
        admitted += can_register(h, i);
    }
    assert_int_equal(admitted, 10);
    assert_int_equal(lwm2m_server_counters(h->server)->registrations_limited, 90);
    pass(h, 500);
    for (unsigned i = 100; i < 200; i++) {
        admitted += can_register(h, i);
    }
    assert_int_equal(admitted, 15);
}

static void the_refused_are_not_told_to_come_back_all_at_once(void **state)
{
    struct harness *h = with_rate(state, 1);
    uint32_t least = 1000, most = 0;
    assert_true(can_register(h, 0));
    for (unsigned i = 1; i < 200; i++) {
        char query[64];
        snprintf(query, sizeof(query), "ep=device%u&lt=300&lwm2m=1.1", i);
        device_register(h, query, LINKS);
        least = h->answer_max_age_s < least ? h->answer_max_age_s : least;
        most = h->answer_max_age_s > most ? h->answer_max_age_s : most;
        h->count = 0;
    }
    assert_in_range(least, 30, 40);
    assert_in_range(most, 110, 120);
}

static void who_is_registered_is_served_throughout_a_storm(void **state)
{
    struct harness *h = with_rate(state, 1);
    h->route.remote.port = 50000;
    device_register(h, QUERY, LINKS);
    h->count = 0;
    for (unsigned i = 0; i < 50; i++) {
        assert_false(can_register(h, i));
    }
    h->route.remote.port = 50000;
    device_update(h, NULL, NULL);
    h->count = 0;
    device_register(h, QUERY, LINKS); /* again, from where it is registered */
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", NULL);
    h->route.remote.port = 50001; /* but not from anywhere */
    device_register(h, QUERY, LINKS);
    assert_non_null(strstr(h->lines[0], "too many registrations"));
    h->count = 0;
}

/* --- what devices say when they register --- */

static void all_object_lists_and_parameters_together_are_bounded(void **state)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    char links[300], query[200];
    settings.max_devices = 100;
    settings.max_registration_data = 20000;
    harness_restart(h, &settings);

    unsigned admitted = 0;
    for (unsigned i = 0; i < 50; i++) { /* each with a list of its own */
        snprintf(query, sizeof(query), "ep=device%u&lt=300&lwm2m=1.1", i);
        snprintf(links, sizeof(links), "</3/0>,</3303/%u>,<%0200u>", i, 0);
        device_register(h, query, links);
        admitted += strncmp(h->lines[0], "registered", 10) == 0;
        h->count = 0;
    }
    assert_in_range(admitted, 10, 49);
    size_t devices = lwm2m_server_device_count(h->server);
    assert_int_equal(devices, admitted);

    device_register(h, "ep=device0&lt=300&lwm2m=1.1", NULL); /* the first one has none now */
    device_register(h, "ep=small&lt=300&lwm2m=1.1", "</3/0>,</3303/1>");
    assert_int_equal(lwm2m_server_device_count(h->server), devices + 1);
    h->count = 0;
    char value[3300];
    size_t at = 0;
    for (unsigned i = 0; i < 5; i++) {
        at += (size_t)snprintf(value + at, sizeof(value) - at, "p%u=%0200u&", i, 0);
    }
    device_update(h, value, NULL);
    assert_non_null(strstr(h->lines[0], "5.03: no room for more object lists"));
    h->count = 0;
    device_update(h, "p=1", NULL); /* what is small goes on */
    expect(h, "updated small", "< ACK 2.04 ", NULL);
}

static void what_devices_that_leave_had_said_is_room_again(void **state)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    char links[300], query[400];
    settings.max_registration_data = 3000;
    harness_restart(h, &settings);

    for (unsigned i = 0; i < 200; i++) {
        snprintf(query, sizeof(query), "ep=device%u&lt=300&lwm2m=1.1&p=%0200u", i, 0);
        snprintf(links, sizeof(links), "</3/0>,</3303/%u>,<%0200u>", i, 0);
        device_register(h, query, links);
        device_update(h, "p=2&q=3", "</3/0>");
        device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
        assert_int_equal(strncmp(h->lines[0], "registered", 10), 0);
        assert_int_equal(lwm2m_server_device_count(h->server), 0);
        h->count = 0;
    }
}

/* --- who is known --- */

static void an_address_is_known_as_long_as_a_device_is_registered_there(void **state)
{
    struct harness *h = *state;
    struct transport_route session = { .session = 1 };
    assert_false(lwm2m_server_knows(h->server, &h->route));
    device_register(h, QUERY, LINKS);
    assert_true(lwm2m_server_knows(h->server, &h->route));
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    assert_false(lwm2m_server_knows(h->server, &h->route));
    assert_true(lwm2m_server_knows(h->server, &session));
    h->count = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_registers_with_the_value_it_was_given),
        TEST(a_repeated_datagram_gets_the_same_challenge),
        TEST(only_the_value_that_was_sent_there_a_short_while_ago_counts),
        TEST(who_is_registered_there_is_not_asked_again),
        TEST(an_update_from_a_new_address_is_challenged),
        TEST(an_update_of_nobody_is_not_worth_a_challenge),
        TEST(a_notification_from_a_new_address_does_not_move_a_device),
        TEST(a_secured_session_needs_no_echo),
        TEST(a_storm_of_registrations_is_let_in_bit_by_bit),
        TEST(the_refused_are_not_told_to_come_back_all_at_once),
        TEST(who_is_registered_is_served_throughout_a_storm),
        TEST(all_object_lists_and_parameters_together_are_bounded),
        TEST(what_devices_that_leave_had_said_is_room_again),
        TEST(an_address_is_known_as_long_as_a_device_is_registered_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
