/* Observations that a device lost without a word: found out by its silence, and set up again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <stdio.h>
#include <string.h>

#define CONTENT LWCOAP_CODE(2, 5)
#define CHANGED LWCOAP_CODE(2, 4)
#define AWAKE   "ep=a&lt=80000&lwm2m=1.1"
#define SLEEPS  "ep=a&lt=80000&lwm2m=1.1&Q"
#define LINKS   "</1/0>,</3/0>"
#define GRACE   10000 /* harness_settings() */

#define UPDATED "updated a", "< ACK 2.04 "

/* The battery level is observed with this query; the answer is good for `max_age_s`. */
static void observe(struct harness *h, const char *query, uint32_t max_age_s)
{
    static struct lwm2m_request request;
    request = request_of(LWM2M_OBSERVE, "/3/0/9");
    request.query = query;
    send_request(h, "a", &request);
    h->max_age_s = max_age_s;
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    h->max_age_s = 0;
    h->count = 0;
}

static void write_attributes(struct harness *h, const char *path, const char *query, uint8_t code)
{
    struct lwm2m_request request = request_of(LWM2M_WRITE_ATTRIBUTES, path);
    request.query = query;
    send_request(h, "a", &request);
    device_answer(h, code, -1, LWM2M_FORMAT_NONE, NULL, 0);
    h->count = 0;
}

static void discover(struct harness *h, const char *links)
{
    struct lwm2m_request request = request_of(LWM2M_DISCOVER, "/3");
    send_request(h, "a", &request);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_LINK, links, strlen(links));
    h->count = 0;
}

static void silence_longer_than_was_promised_is_noticed(void **state)
{
    struct harness *h = *state;
    static const struct {
        const char *written_before, *query, *written_after, *discovered;
        const char *attributes;
        uint32_t max_age_s;
        uint32_t expected_s; /* 0: silence is fine */
    } cases[] = {
        { .expected_s = 0 },
        { .query = "pmin=1&pmax=30", .expected_s = 30 },
        { .query = "pmaxx=3&epmax=4", .expected_s = 0 },
        { .query = "pmax", .expected_s = 0 },
        { .written_before = "/3/0/9", .attributes = "pmax=40", .expected_s = 40 },
        { .written_after = "/3/0", .attributes = "pmin=5&pmax=50", .expected_s = 50 },
        { .written_after = "/3", .attributes = "pmax=50", .expected_s = 50 },
        { .written_after = "/3/1", .attributes = "pmax=50", .expected_s = 0 },
        { .written_before = "/3",
          .written_after = "/3/0/9",
          .attributes = "pmax=9",
          .expected_s = 9 },
        { .query = "pmax=20",
          .written_after = "/3/0/9",
          .attributes = "pmax=50",
          .expected_s = 20 },
        { .discovered = "</3>,</3/0>;pmax=70,</3/0/9>;pmin=1", .expected_s = 70 },
        { .discovered = "</3/0/9>;pmax=\"15\"", .expected_s = 15 },
        { .max_age_s = 25, .expected_s = 25 },
        { .max_age_s = 60, .expected_s = 0 }, /* what it would mean without the option */
        { .query = "pmax=20", .max_age_s = 25, .expected_s = 25 },
        { .query = "pmax=99999999999999", .expected_s = 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_server_settings settings = harness_settings();
        harness_restart(h, &settings);
        device_register(h, AWAKE, LINKS);
        if (cases[i].written_before) {
            write_attributes(h, cases[i].written_before, cases[i].attributes, CHANGED);
        }
        observe(h, cases[i].query, cases[i].max_age_s);
        if (cases[i].written_after) {
            write_attributes(h, cases[i].written_after, cases[i].attributes, CHANGED);
        }
        if (cases[i].discovered) {
            discover(h, cases[i].discovered);
        }
        uint64_t expected_s = cases[i].expected_s > 0 ? cases[i].expected_s : 70000;
        pass(h, expected_s * 1000 + GRACE - 1);
        h->count = h->checked = 0;
        device_update(h, NULL, NULL);
        expect(h, UPDATED, NULL);
        pass(h, 1);
        device_update(h, NULL, NULL);
        assert_int_equal(h->count, cases[i].expected_s > 0 ? 3 : 2);
        h->count = h->checked = 0;
    }
}

static void what_is_known_of_no_observation_may_be_set(void **state)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    settings.observe_pmax_s = 100;
    harness_restart(h, &settings);
    device_register(h, AWAKE, LINKS);
    observe(h, NULL, 0);
    pass(h, 100000 + GRACE);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01  observe=0/3/0/9", NULL);

    settings.observe_grace_ms = 0; /* silent ones are left alone */
    harness_restart(h, &settings);
    device_register(h, AWAKE, LINKS);
    observe(h, "pmax=10", 0);
    pass(h, 1000000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL);
}

static void attributes_that_were_refused_or_taken_away_promise_nothing(void **state)
{
    struct harness *h = *state;
    device_register(h, AWAKE, LINKS);
    observe(h, NULL, 0);
    write_attributes(h, "/3/0/9", "pmax=10", LWCOAP_CODE(4, 0));
    pass(h, 30000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL);
    write_attributes(h, "/3/0/9", "pmax=10", CHANGED);
    write_attributes(h, "/3/0/9", "pmax", CHANGED);
    pass(h, 30000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL);
}

static void the_answer_is_published_as_a_notification(void **state)
{
    struct harness *h = *state;
    device_register(h, AWAKE, LINKS);
    observe(h, "pmax=30", 0);
    pass(h, 40000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01  observe=0/3/0/9 ?pmax=30", NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "notification a /3/0/9 2.05 seq=1 /3/0/9=80", NULL);
    pass(h, 39999);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL);
}

static void every_notification_is_a_sign_of_life(void **state)
{
    struct harness *h = *state;
    device_register(h, AWAKE, LINKS);
    observe(h, "pmax=30", 0);
    for (unsigned i = 0; i < 3; i++) {
        pass(h, 35000);
        device_notify(h, LWCOAP_NON, CONTENT, 6 + i, LWM2M_FORMAT_TEXT, "89", 2);
        h->count = 0;
        device_update(h, NULL, NULL);
        expect(h, UPDATED, NULL);
    }
}

/* The device may be in no state to answer: it is asked again as long after, not with every
 * message. */
static void a_device_that_does_not_answer_is_not_pressed(void **state)
{
    struct harness *h = *state;
    device_register(h, AWAKE, LINKS);
    observe(h, "pmax=30", 0);
    pass(h, 40000);
    device_update(h, NULL, NULL);
    pass(h, 20000);
    h->count = h->checked = 0;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL);
    pass(h, 20000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01  observe=0/3/0/9 ?pmax=30", NULL);
}

static void a_sleeping_device_is_not_woken_for_it(void **state)
{
    struct harness *h = *state;
    device_register(h, SLEEPS, LINKS);
    observe(h, "pmax=30", 0);
    pass(h, 1000000);
    expect(h, NULL);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01  observe=0/3/0/9 ?pmax=30", NULL);
}

/* The acknowledgement goes first; what the notification shows to be alive is not asked for. */
static void a_notification_after_a_long_sleep_is_enough(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request other = request_of(LWM2M_OBSERVE, "/3/0/13");
    device_register(h, SLEEPS, LINKS);
    other.query = "pmax=30";
    send_request(h, "a", &other);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "1", 1);
    observe(h, "pmax=30", 0);
    pass(h, 1000000);
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", "< CON 0.01  observe=0/3/0/13 ?pmax=30", NULL);
}

static void a_renewal_that_waits_is_called_off_by_a_notification(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, AWAKE, LINKS);
    observe(h, "pmax=30", 0);
    uint8_t token[8], of_read[8];
    memcpy(token, h->request_token, sizeof(token));
    pass(h, 40000);
    send_request(h, "a", &read); /* the renewal waits behind it */
    expect(h, "< CON 0.01 /3/0/0", NULL);
    memcpy(of_read, h->request_token, sizeof(of_read));
    memcpy(h->request_token, token, sizeof(token));
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    memcpy(h->request_token, of_read, sizeof(of_read));
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

static void an_observation_of_the_gateways_own_stays_its_own(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request request = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, AWAKE, LINKS);
    request.automatic = true;
    request.query = "pmax=30";
    send_request(h, "a", &request);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    pass(h, 40000);
    h->count = h->checked = 0;
    device_update(h, NULL, NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, UPDATED, "< CON 0.01  observe=0/3/0/9 ?pmax=30",
           "notification a /3/0/9 2.05 seq=1 /3/0/9=80", NULL);
    device_register(h, AWAKE, LINKS); /* not renewed by the server: its owner asks again */
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", NULL);
}

static void only_so_many_attributes_are_remembered(void **state)
{
    struct harness *h = *state;
    device_register(h, AWAKE, LINKS);
    observe(h, NULL, 0);
    char links[4000] = "";
    for (unsigned i = 0; i < 70; i++) {
        char link[40];
        snprintf(link, sizeof(link), "%s</3/0/%u>;pmax=10", i > 0 ? "," : "", 100 + i);
        strcat(links, link);
    }
    strcat(links, ",</3/0/9>;pmax=10");
    discover(h, links);
    pass(h, 30000);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL); /* what found no room is not known */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(silence_longer_than_was_promised_is_noticed),
        TEST(what_is_known_of_no_observation_may_be_set),
        TEST(attributes_that_were_refused_or_taken_away_promise_nothing),
        TEST(the_answer_is_published_as_a_notification),
        TEST(every_notification_is_a_sign_of_life),
        TEST(a_device_that_does_not_answer_is_not_pressed),
        TEST(a_sleeping_device_is_not_woken_for_it),
        TEST(a_notification_after_a_long_sleep_is_enough),
        TEST(a_renewal_that_waits_is_called_off_by_a_notification),
        TEST(an_observation_of_the_gateways_own_stays_its_own),
        TEST(only_so_many_attributes_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
