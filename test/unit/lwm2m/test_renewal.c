/* Observations that a device forgets, and requests for them that cross with something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <string.h>

#define CONTENT  LWCOAP_CODE(2, 5)
#define REGISTER "ep=a&lt=3000&lwm2m=1.1&Q"
#define LINKS    "</1/0>,</3/0>"

/* A device in queue mode, awake, whose battery level is observed with this query. */
static void observed_device(struct harness *h, struct lwm2m_request *observe, const char *query)
{
    device_register(h, REGISTER, LINKS);
    *observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    observe->query = query;
    send_request(h, "a", observe);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    h->count = 0;
}

static void a_renewal_asks_with_the_newest_query(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe, again = request_of(LWM2M_OBSERVE, "/3/0/9");
    observed_device(h, &observe, "pmin=1");
    pass(h, 20000);
    again.query = "pmin=2";
    send_request(h, "a", &again);
    h->count = 0;
    device_register(h, REGISTER, LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*",
           "< CON 0.01  observe=0/3/0/9 ?pmin=2", NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "77", 2);
    expect(h, "response a /3/0/9 2.05 seq=1 /3/0/9=77", "< CON 0.01  observe=0/3/0/9 ?pmin=2",
           NULL);
    device_answer(h, CONTENT, 2, LWM2M_FORMAT_TEXT, "77", 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=77", NULL);
}

static void an_observation_goes_on_while_a_second_observe_waits(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe, again = request_of(LWM2M_OBSERVE, "/3/0/9");
    observed_device(h, &observe, NULL);
    send_request(h, "a", &again);
    pass(h, 100000); /* the device went to sleep: the request waits for it */
    h->count = 0;
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", "< CON 0.01  observe=0/3/0/9", NULL);
}

/* What the device set up before it forgot everything does not count: were the request only
 * repeated, the device might answer it from its memory of message ids (RFC 7252, 4.5). */
static void an_observe_under_way_starts_anew_after_a_register(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, REGISTER, LINKS);
    send_request(h, "a", &observe);
    for (int i = 0; i < 2; i++) { /* the caller's request, then the renewal of what it made */
        uint16_t before = h->request_mid;
        h->count = 0;
        device_register(h, REGISTER, LINKS);
        expect(h, "registered a again", "< ACK 2.01  location=rd location=*",
               "< CON 0.01  observe=0/3/0/9", NULL);
        assert_int_not_equal(h->request_mid, before);
        device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
        h->count = 0;
        device_register(h, REGISTER, LINKS);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_renewal_asks_with_the_newest_query),
        TEST(an_observation_goes_on_while_a_second_observe_waits),
        TEST(an_observe_under_way_starts_anew_after_a_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
