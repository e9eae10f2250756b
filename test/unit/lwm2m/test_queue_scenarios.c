/*
 * What users of other servers reported of sleeping devices, as dialogues. SCENARIOS.md has the list
 * of reports, with the tests of other files that answer them.
 */
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
#define SLEEPS  "ep=a&lt=80000&lwm2m=1.1&Q"
#define LINKS   "</1/0>,</3/0>"
#define WINDOW  20000 /* of awake_window_ms below */

#define UPDATED "updated a", "< ACK 2.04 "
#define READS   "< CON 0.01 /3/0/0"
#define READ    "response a /3/0/0 2.05 /3/0/0=x"

static void register_sleeper(struct harness *h)
{
    h->awake_window_ms = WINDOW;
    device_register(h, SLEEPS, LINKS);
    h->count = h->checked = 0;
}

static void answer(struct harness *h)
{
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
}

/* --- the window --- */

/* What a device may say; its answers are given to a request that `ask` sent. */
enum word { UPDATES, REGISTERS, SENDS, NOTIFIES_NON, NOTIFIES_CON, ANSWERS, ACKNOWLEDGES, RESETS };

static void observe_and_answer(struct harness *h)
{
    static struct lwm2m_request observe;
    observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    send_request(h, "a", &observe);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "9", 1);
}

static void say(struct harness *h, enum word word)
{
    static const char values[] = "[{\"n\":\"/3/0/9\",\"v\":5}]";
    switch (word) {
    case UPDATES:
        device_update(h, NULL, NULL);
        return;
    case REGISTERS:
        device_register(h, SLEEPS, LINKS);
        return;
    case SENDS:
        device_request(h, LWCOAP_NON, LWCOAP_POST, "/dp", NULL, LWM2M_FORMAT_SENML_JSON, values);
        return;
    case NOTIFIES_NON:
    case NOTIFIES_CON:
        device_notify(h, word == NOTIFIES_CON ? LWCOAP_CON : LWCOAP_NON, CONTENT, 2,
                      LWM2M_FORMAT_TEXT, "8", 1);
        return;
    case ANSWERS:
        answer(h);
        return;
    case ACKNOWLEDGES:
        device_empty(h, LWCOAP_ACK);
        return;
    case RESETS:
        device_empty(h, LWCOAP_RST);
        return;
    }
}

/* A window of a few seconds, so that a request is still under way when it ends. */
static void every_message_of_a_device_opens_its_window_anew(void **state)
{
    struct harness *h = *state;
    for (int word = UPDATES; word <= RESETS; word++) {
        struct lwm2m_request asked = request_of(LWM2M_READ, "/3/0/3");
        struct lwm2m_request probe = request_of(LWM2M_READ, "/3/0/0");
        struct lwm2m_server_settings settings = harness_settings();
        harness_restart(h, &settings);
        h->awake_window_ms = 1000;
        device_register(h, SLEEPS, LINKS);
        if (word == NOTIFIES_NON || word == NOTIFIES_CON) {
            observe_and_answer(h);
        } else if (word >= ANSWERS) {
            send_request(h, "a", &asked);
        }
        pass(h, 990);
        say(h, (enum word)word);
        pass(h, 999);
        struct lwm2m_device *device = lwm2m_server_find(h->server, "a");
        assert_true(lwm2m_server_is_awake(h->server, device, h->now_ms));
        pass(h, 1);
        lwm2m_server_run(h->server, h->now_ms);
        assert_false(lwm2m_server_is_awake(h->server, device, h->now_ms));
        send_request(h, "a", &probe);
        assert_int_equal(lwm2m_device_queue_length(device), word == ACKNOWLEDGES ? 2 : 1);
        h->count = h->checked = 0;
    }
}

static void a_window_ends_to_the_millisecond(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request in_time = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request too_late = request_of(LWM2M_READ, "/3/0/3");
    register_sleeper(h);
    pass(h, WINDOW - 1);
    send_request(h, "a", &in_time);
    expect(h, READS, NULL);
    answer(h);
    expect(h, READ, NULL);
    pass(h, WINDOW);
    send_request(h, "a", &too_late);
    expect(h, NULL);
}

static void a_window_of_its_own_lets_a_device_sleep_earlier(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    h->awake_window_ms = 500; /* asked for each endpoint name */
    device_register(h, SLEEPS, LINKS);
    pass(h, 500);
    h->count = h->checked = 0;
    send_request(h, "a", &read);
    expect(h, NULL);
}

/* --- waking up --- */

static void a_device_can_be_commanded_right_after_its_first_register(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_sleeper(h);
    send_request(h, "a", &read);
    expect(h, READS, NULL);
    answer(h);
    expect(h, READ, NULL);
}

static void an_update_while_awake_lets_the_queue_go_on(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/3");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/0");
    register_sleeper(h);
    send_request(h, "a", &first);
    send_request(h, "a", &second);
    pass(h, 14000); /* the first was given up: the device is taken to be asleep, and is not */
    h->count = h->checked = 0;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01 /3/0/3", NULL);
    answer(h);
    expect(h, "response a /3/0/3 2.05 /3/0/3=x", READS, NULL);
}

static void a_queue_of_many_goes_out_in_order_and_one_at_a_time(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request requests[3];
    static const char *const paths[] = { "/3/0/0", "/3/0/3", "/3/0/15" };
    char line[64];
    register_sleeper(h);
    pass(h, WINDOW);
    for (size_t i = 0; i < 3; i++) {
        requests[i] = request_of(LWM2M_READ, paths[i]);
        send_request(h, "a", &requests[i]);
    }
    expect(h, NULL);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, READS, NULL);
    for (size_t i = 0; i < 3; i++) {
        char next[64] = "";
        answer(h);
        snprintf(line, sizeof(line), "response a %s 2.05 %s=x", paths[i], paths[i]);
        if (i < 2) {
            snprintf(next, sizeof(next), "< CON 0.01 %s", paths[i + 1]);
        }
        expect(h, line, *next ? next : NULL, NULL);
    }
}

static void queue_mode_is_turned_off_and_on_by_an_update(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request waits = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request at_once = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request again = request_of(LWM2M_READ, "/3/0/0");
    h->awake_window_ms = WINDOW;
    device_register(h, "ep=a&lt=80000&lwm2m=1.0&b=UQ", LINKS);
    pass(h, WINDOW);
    send_request(h, "a", &waits);
    h->count = h->checked = 0;
    device_update(h, "b=U", NULL);
    expect(h, UPDATED, READS, NULL);
    answer(h);
    expect(h, READ, NULL);
    pass(h, 1000000);
    send_request(h, "a", &at_once);
    expect(h, READS, NULL);
    answer(h);
    expect(h, READ, NULL);
    device_update(h, "b=UQ", NULL);
    expect(h, UPDATED, NULL);
    pass(h, WINDOW);
    send_request(h, "a", &again);
    expect(h, NULL);
}

/* --- attempts --- */

static void what_follows_an_unanswered_request_is_not_tried_in_vain(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/3");
    h->awake_window_ms = 93000;
    device_register(h, SLEEPS, LINKS);
    h->count = h->checked = 0;
    send_request(h, "a", &first); /* the window is open, but the device sleeps already */
    pass(h, 14000);
    expect(h, READS, READS, READS, NULL);
    send_request(h, "a", &second);
    pass(h, 60000);
    expect(h, NULL);
}

static void a_lost_acknowledgement_makes_a_repetition_that_is_told(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_sleeper(h);
    send_request(h, "a", &execute);
    pass(h, 14000); /* it was carried out, but the answer got lost */
    h->count = h->checked = 0;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.02 /3/0/4", NULL);
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/4 2.04 maybe executed", NULL);
}

static void an_answer_that_comes_late_ends_a_request_once(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_sleeper(h);
    send_request(h, "a", &execute);
    uint16_t first = h->request_mid;
    pass(h, 14000);
    device_update(h, NULL, NULL);
    h->count = h->checked = 0;
    uint16_t second = h->request_mid;
    uint8_t token[8];
    memcpy(token, h->request_token, sizeof(token));
    h->request_mid = first;
    memset(h->request_token, 0x55, sizeof(h->request_token)); /* of the first attempt */
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, NULL);
    h->request_mid = second;
    memcpy(h->request_token, token, sizeof(token));
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/4 2.04 maybe executed", NULL);
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, NULL);
}

static void a_time_to_live_ends_to_the_millisecond(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request lives = request_of(LWM2M_READ, "/3/0/3");
    register_sleeper(h);
    pass(h, WINDOW);
    read.expires_ms = h->now_ms + 5000;
    lives.expires_ms = h->now_ms + 5001;
    send_request(h, "a", &read);
    send_request(h, "a", &lives);
    pass(h, 4999);
    expect(h, NULL);
    pass(h, 1);
    expect(h, "expired a /3/0/0", NULL);
    device_update(h, NULL, NULL);
    expect(h, UPDATED, "< CON 0.01 /3/0/3", NULL);
}

/* --- addresses and registrations --- */

static void a_request_under_way_follows_a_device_that_moved(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_sleeper(h);
    send_request(h, "a", &read);
    pass(h, 2500); /* repeated once */
    h->count = h->checked = 0;
    h->route.remote.port = 50123;
    h->route.remote.ip[15] ^= 1;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, READS, NULL); /* at its new port, and at once */
    answer(h);
    expect(h, READ, NULL);
}

static void the_queue_is_delivered_after_a_register_from_another_address(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_sleeper(h);
    pass(h, WINDOW);
    send_request(h, "a", &read);
    h->route.remote.ip[15] ^= 1;
    h->route.remote.port = 50123;
    device_register(h, SLEEPS, LINKS);
    expect(h, "deregistered a: replaced", "registered a again",
           "< ACK 2.01  location=rd location=*", READS, NULL);
    answer(h);
    expect(h, READ, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_message_of_a_device_opens_its_window_anew),
        TEST(a_window_ends_to_the_millisecond),
        TEST(a_window_of_its_own_lets_a_device_sleep_earlier),
        TEST(a_device_can_be_commanded_right_after_its_first_register),
        TEST(an_update_while_awake_lets_the_queue_go_on),
        TEST(a_queue_of_many_goes_out_in_order_and_one_at_a_time),
        TEST(queue_mode_is_turned_off_and_on_by_an_update),
        TEST(what_follows_an_unanswered_request_is_not_tried_in_vain),
        TEST(a_lost_acknowledgement_makes_a_repetition_that_is_told),
        TEST(an_answer_that_comes_late_ends_a_request_once),
        TEST(a_time_to_live_ends_to_the_millisecond),
        TEST(a_request_under_way_follows_a_device_that_moved),
        TEST(the_queue_is_delivered_after_a_register_from_another_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
