#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <stdio.h>
#include <string.h>

#define LINKS "</1/0>,</3/0>"

static const struct {
    const char *name, *query, *links, *outcome;
} cases[] = {
    { "LwM2M 1.0", "ep=a&lt=300&lwm2m=1.0&b=U", LINKS, "2.01" },
    { "1.0 without a lifetime", "ep=a&lwm2m=1.0", LINKS, "2.01" },
    { "1.0 as old clients spell it", "ep=a&lwm2m=1", LINKS, "2.01" },
    { "LwM2M 1.1 in queue mode", "ep=a&lt=300&lwm2m=1.1&b=U&Q", LINKS, "2.01" },
    { "LwM2M 1.2", "ep=a&lt=300&lwm2m=1.2&b=UT", LINKS, "2.01" },
    { "an endless lifetime", "ep=a&lt=0&lwm2m=1.1", LINKS, "2.01" },
    { "parameters nobody knows", "ep=a&lt=300&lwm2m=1.1&imei=86&at=1&flag", LINKS, "2.01" },
    { "no object list", "ep=a&lt=300&lwm2m=1.1", NULL, "2.01" },
    { "an endpoint name with odd characters", "ep=urn:a/b+c#d%20&lt=300&lwm2m=1.1", LINKS, "2.01" },
    { "a profile id beside the list", "ep=a&lt=300&lwm2m=1.2&pid=6:27354b9a", LINKS, "2.01" },
    { "a profile id in place of the list", "ep=a&lt=300&lwm2m=1.2&pid=6:27354b9a", NULL,
      "4.09: the profile id is not known" },
    { "no endpoint name", "lt=300&lwm2m=1.1", LINKS, "4.00: ep is missing" },
    { "an empty endpoint name", "ep=&lt=300&lwm2m=1.1", LINKS, "4.00: ep is not a name in UTF-8" },
    { "an endpoint name that is no UTF-8", "ep=\xff&lt=300&lwm2m=1.1", LINKS,
      "4.00: ep is not a name in UTF-8" },
    { "no version", "ep=a&lt=300", LINKS, "4.00: lwm2m is missing" },
    { "a newer version", "ep=a&lt=300&lwm2m=1.3", LINKS,
      "4.12: this version of LwM2M is not supported" },
    { "a version that is none", "ep=a&lt=300&lwm2m=x", LINKS,
      "4.12: this version of LwM2M is not supported" },
    { "1.1 without a lifetime", "ep=a&lwm2m=1.1", LINKS, "4.00: lt is missing" },
    { "a lifetime that is no number", "ep=a&lt=5m&lwm2m=1.1", LINKS,
      "4.00: lt is not a number of seconds" },
    { "a negative lifetime", "ep=a&lt=-1&lwm2m=1.1", LINKS, "4.00: lt is not a number of seconds" },
    { "a parameter without a name", "ep=a&lt=300&lwm2m=1.1&=x", LINKS,
      "4.00: a query parameter has no name" },
    { "links that are none", "ep=a&lt=300&lwm2m=1.1", "hello",
      "4.00: the object list is not link-format" },
};

static void registers_are_admitted_or_refused(void **state)
{
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_server_settings settings = harness_settings();
        harness_restart(h, &settings);
        h->count = 0;
        device_register(h, cases[i].query, cases[i].links);
        assert_int_equal(h->count, 2); /* registered or refused, then the answer */
        const char *said = strncmp(h->lines[0], "refused", 7) == 0 ? strrchr(h->lines[0], '4')
                                                                   : strstr(h->lines[1], "2.01");
        if (!said || strncmp(said, cases[i].outcome, strlen(cases[i].outcome)) != 0) {
            print_error("%s: \"%s\", \"%s\"\n", cases[i].name, h->lines[0], h->lines[1]);
            fail();
        }
        assert_int_equal(lwm2m_server_device_count(h->server), cases[i].outcome[0] == '2');
    }
    h->count = 0;
}

static void a_register_gives_a_location(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1&b=U", LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
    assert_int_equal(strlen(h->location), strlen("/rd/") + 11);
}

static void a_retransmitted_register_makes_no_second_registration(void **state)
{
    struct harness *h = *state;
    char location[32];
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    strcpy(location, h->location);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
    pass(h, 2500);
    device_repeat(h);
    expect(h, "< ACK 2.01  location=rd location=*", NULL);
    assert_string_equal(h->location, location);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
}

static void a_second_register_replaces_the_first(void **state)
{
    struct harness *h = *state;
    char location[32];
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    strcpy(location, h->location);
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", "registered a again",
           "< ACK 2.01  location=rd location=*", NULL);
    assert_string_not_equal(h->location, location);
    assert_int_equal(lwm2m_server_device_count(h->server), 1);
    strcpy(h->location, location); /* the old one is gone */
    device_update(h, NULL, NULL);
    expect(h, "refused  4.04: no registration at this location", "< ACK 4.04 ", NULL);
}

static void a_register_from_another_address_replaces_with_a_word(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    h->count = 0;
    h->route.remote.ip[15] = 9;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    expect(h, "deregistered a: replaced", "registered a again",
           "< ACK 2.01  location=rd location=*", NULL);
}

static void a_lifetime_ends_the_registration(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=60&lwm2m=1.1", LINKS);
    h->count = 0;
    pass(h, 59000);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    pass(h, 59000);
    expect(h, NULL);
    pass(h, 1001);
    expect(h, "deregistered a: lifetime_expired", NULL);
    device_update(h, NULL, NULL);
    expect(h, "refused  4.04: no registration at this location", "< ACK 4.04 ", NULL);
}

static void lifetimes_are_clamped(void **state)
{
    static const struct {
        const char *query;
        uint32_t lifetime_s;
    } rows[] = {
        { "ep=a&lt=1&lwm2m=1.1", 15 },        { "ep=a&lt=16&lwm2m=1.1", 16 },
        { "ep=a&lt=86401&lwm2m=1.1", 86400 }, { "ep=a&lt=99999999999999999999&lwm2m=1.1", 86400 },
        { "ep=a&lt=0&lwm2m=1.1", 0 },         { "ep=a&lt=0&lwm2m=1.0", 15 },
        { "ep=a&lwm2m=1.0", 86400 },
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device_register(h, rows[i].query, LINKS);
        assert_int_equal(lwm2m_device_lifetime_s(lwm2m_server_find(h->server, "a")),
                         rows[i].lifetime_s);
        h->count = 0;
    }
}

static void an_endless_lifetime_never_ends(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=60&lwm2m=1.1", LINKS);
    device_update(h, "lt=0", NULL);
    h->count = 0;
    pass(h, 10ull * 365 * 86400 * 1000);
    expect(h, NULL);
    device_update(h, "lt=60", NULL);
    h->count = 0;
    pass(h, 60001);
    expect(h, "deregistered a: lifetime_expired", NULL);
}

static void a_shorter_lifetime_counts_from_its_update(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=86400&lwm2m=1.1", LINKS);
    device_update(h, "lt=20", NULL);
    h->count = 0;
    pass(h, 20001);
    expect(h, "deregistered a: lifetime_expired", NULL);
}

static void an_update_changes_what_it_names(void **state)
{
    struct harness *h = *state;
    struct lwm2m_parameter parameter;
    device_register(h, "ep=a&lt=300&lwm2m=1.1&b=U&imei=86", LINKS);
    h->count = 0;
    device_update(h, "lt=600&sms=49", "</1/0>,</3/0>,</5/0>");
    expect(h, "updated a list changed", "< ACK 2.04 ", NULL);
    device_update(h, NULL, "</1/0>,</3/0>,</5/0>");
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    const struct lwm2m_device *device = lwm2m_server_find(h->server, "a");
    static const char *const merged[] = {
        "ep=a", "lt=600", "lwm2m=1.1", "b=U", "imei=86", "sms=49"
    };
    for (size_t i = 0; i < sizeof(merged) / sizeof(merged[0]); i++) {
        char text[64];
        assert_true(lwm2m_device_parameter(device, i, &parameter));
        snprintf(text, sizeof(text), "%s=%s", parameter.name, parameter.value);
        assert_string_equal(text, merged[i]);
    }
    assert_true(lwm2m_object_list_has(lwm2m_device_object_list(device), 5));
}

static void a_bad_update_changes_nothing(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    h->count = 0;
    device_update(h, "lt=x", "</5/0>");
    expect(h, "refused a 4.00: lt is not a number of seconds", "< ACK 4.00 ", NULL);
    assert_int_equal(lwm2m_device_lifetime_s(lwm2m_server_find(h->server, "a")), 300);
    device_request(h, LWCOAP_CON, LWCOAP_POST, h->location, NULL, LWM2M_FORMAT_TLV, "x");
    expect(h, "refused a 4.15: the object list is not in link-format", "< ACK 4.15 ", NULL);
}

static void an_update_from_a_new_address_moves_the_device(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    h->route.remote.port = 50001;
    device_update(h, NULL, NULL);
    h->count = 0;
    send_request(h, "a", &read);
    expect(h, "< CON 0.01 /3/0/0", NULL); /* not "to port 50000" */
    device_answer(h, LWCOAP_CODE(4, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/0 4.04", NULL);
}

static void a_deregister_is_answered_and_its_repetition_too(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    h->count = 0;
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 2.02 ", "deregistered a: deregister", NULL);
    device_repeat(h);
    expect(h, "< ACK 2.02 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 4.04 ", NULL);
}

static void nobody_is_admitted_while_nothing_can_be_kept(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    h->count = 0;
    lwm2m_server_admit_none(h->server, "the disk is full", 0);
    device_register(h, "ep=b&lt=300&lwm2m=1.1", LINKS);
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    expect(h, "refused b 5.03: the disk is full", "< ACK 5.03  max-age the disk is full",
           "refused a 5.03: the disk is full", "< ACK 5.03  max-age the disk is full", NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    lwm2m_server_admit_none(h->server, NULL, 0);
    device_register(h, "ep=b&lt=300&lwm2m=1.1", LINKS);
    expect(h, "registered b", "< ACK 2.01  location=rd location=*", NULL);
}

static void no_more_devices_than_allowed(void **state)
{
    struct harness *h = *state;
    char query[64];
    for (int i = 0; i < 4; i++) {
        snprintf(query, sizeof(query), "ep=d%d&lt=300&lwm2m=1.1", i);
        device_register(h, query, LINKS);
    }
    h->count = 0;
    device_register(h, "ep=one-too-many&lt=300&lwm2m=1.1", LINKS);
    expect(h, "refused one-too-many 5.03: no room for more devices",
           "< ACK 5.03  max-age no room for more devices", NULL);
    device_register(h, "ep=d2&lt=300&lwm2m=1.1", LINKS); /* a known one may come again */
    expect(h, "registered d2 again", "< ACK 2.01  location=rd location=*", NULL);
}

/* So many that they are looked up ahead: nothing that is heard or sent is different for that. */
static void a_large_fleet_is_expected_by_the_batch(void **state)
{
    enum { FLEET = 5000, BATCH = 150 };
    static char locations[FLEET][sizeof(((struct harness *)NULL)->location)];
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    struct transport_route routes[BATCH];

    settings.max_devices = FLEET;
    harness_restart(h, &settings);
    for (uint16_t i = 0; i < FLEET; i++) {
        char query[64];
        snprintf(query, sizeof(query), "ep=d%d&lt=300&lwm2m=1.1", i);
        h->route.remote.port = i + 1;
        h->count = 0;
        device_register(h, query, LINKS);
        memcpy(locations[i], h->location, sizeof(locations[i]));
    }
    for (uint16_t i = 0; i < BATCH; i++) { /* every third is of nobody */
        routes[i] = h->route;
        routes[i].remote.port = (uint16_t)(i % 3 ? i * 33 + 1 : FLEET + i + 1);
    }
    lwm2m_server_expect(h->server, routes, BATCH);
    for (uint16_t i = 0; i < BATCH; i++) {
        h->route = routes[i];
        h->count = h->checked = 0;
        strcpy(h->location, locations[i * 33]);
        device_update(h, "", NULL);
        const char *answer = h->lines[h->count - 1];
        assert_string_equal(answer, "< ACK 2.04 ");
        assert_int_equal(h->moves, i / 3 + 1);
    }
}

static void a_reason_makes_no_answer_larger_than_its_request(void **state)
{
    struct harness *h = *state;
    device_register(h, "lt=300&lwm2m=1.1", NULL);
    expect(h, "refused  4.00: ep is missing", "< ACK 4.00  ep is missing", NULL);
    device_register(h, "lwm2m=1.0", NULL);
    expect(h, "refused  4.00: ep is missing", "< ACK 4.00 ", NULL);
}

static void queue_mode_has_many_spellings(void **state)
{
    static const struct {
        const char *query;
        bool sleeps;
    } rows[] = {
        { "ep=a&lt=60&lwm2m=1.1&b=U", false },
        { "ep=a&lt=60&lwm2m=1.1&b=U&Q", true },
        { "ep=a&lt=60&lwm2m=1.0&b=UQ", true },
        { "ep=a&lt=60&lwm2m=1.0&b=UQS", true },
        { "ep=a&lt=60&lwm2m=1.0&b=S", false },
        { "ep=a&lt=60&lwm2m=1.0&apn=Ctnb", true },
        { "ep=a&lt=60&lwm2m=1.0&apn=psmA.eDRX0.ctnb", true },
        { "ep=a&lt=60&lwm2m=1.0&apn=internet", false },
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device_register(h, rows[i].query, LINKS);
        assert_int_equal(lwm2m_device_uses_queue_mode(lwm2m_server_find(h->server, "a")),
                         rows[i].sleeps);
        h->count = 0;
    }
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct harness *h = *state;
    device_request(h, LWCOAP_CON, LWCOAP_GET, "/rd", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 4.05 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_PUT, "/rd/x", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 4.05 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_POST, "/rd/x/y", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 4.04 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_POST, "/", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 4.04 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_GET, "/.well-known/core", NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 2.05  ct=40 </rd>;rt=\"core.rd\";ct=40", NULL);
}

/* Each one is looked for among the others: a datagram holds thousands. */
static void a_flood_of_parameters_is_refused(void **state)
{
    struct harness *h = *state;
    char query[500] = "ep=a&lt=300&lwm2m=1.1";
    for (int i = 0; i < 61; i++) {
        strcat(query, "&x=1");
    }
    device_register(h, query, LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", NULL);
    strcat(query, "&x=1");
    device_register(h, query, LINKS);
    expect(h, "refused a 4.00: too many query parameters", "< ACK 4.00  too many query parameters",
           NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers_are_admitted_or_refused),
        TEST(a_register_gives_a_location),
        TEST(a_retransmitted_register_makes_no_second_registration),
        TEST(a_second_register_replaces_the_first),
        TEST(a_register_from_another_address_replaces_with_a_word),
        TEST(a_lifetime_ends_the_registration),
        TEST(lifetimes_are_clamped),
        TEST(an_endless_lifetime_never_ends),
        TEST(a_shorter_lifetime_counts_from_its_update),
        TEST(an_update_changes_what_it_names),
        TEST(a_bad_update_changes_nothing),
        TEST(an_update_from_a_new_address_moves_the_device),
        TEST(a_deregister_is_answered_and_its_repetition_too),
        TEST(nobody_is_admitted_while_nothing_can_be_kept),
        TEST(no_more_devices_than_allowed),
        TEST(a_large_fleet_is_expected_by_the_batch),
        TEST(a_reason_makes_no_answer_larger_than_its_request),
        TEST(queue_mode_has_many_spellings),
        TEST(other_paths_and_methods_are_refused),
        TEST(a_flood_of_parameters_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
