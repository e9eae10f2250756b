#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <string.h>

#define LINKS   "</1/0>,</3/0>,</5/0>"
#define CONTENT LWCOAP_CODE(2, 5)

/* A registered device whose battery level is observed. */
static void observed_device(struct harness *h, struct lwm2m_request *observe)
{
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    *observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    send_request(h, "a", observe);
    h->count = 0;
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    expect(h, "response a /3/0/9 2.05 seq=5 /3/0/9=90", NULL);
}

static void a_confirmable_notification_is_acknowledged_when_it_is_safe(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    device_repeat(h); /* still on its way: neither acknowledged nor published twice */
    expect(h, NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
    device_repeat(h);
    expect(h, "< ACK 0.00 ", NULL);
}

static void a_notification_that_could_not_be_kept_comes_again(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    lwm2m_server_disregard(h->server, &h->receipt);
    device_repeat(h);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89",
           "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
}

static void waiting_requests_follow_the_acknowledgement(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    send_request(h, "a", &observe);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    pass(h, 20000);
    send_request(h, "a", &read);
    h->count = 0;
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", "< CON 0.01 /3/0/0", NULL);
}

static void nobody_waits_for_a_nonconfirmable_notification(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    assert_true(h->has_receipt);
    device_notify(h, LWCOAP_NON, CONTENT, 7, LWM2M_FORMAT_TEXT, "88", 2);
    assert_false(h->has_receipt);
    h->count = 0;
}

/* The rest of a long notification is asked for with a request as well (NSTART, RFC 7252, 4.7). */
static void requests_wait_for_the_rest_of_a_long_notification(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe, read = request_of(LWM2M_READ, "/3/0/0");
    observed_device(h, &observe);
    h->block2 = (0 << 4 | 1 << 3 | 0) + 1; /* block 0 of 16 bytes, more follow */
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "0000000000000000", 16);
    send_request(h, "a", &read);
    expect(h, "< CON 0.01 /3/0/9 o23=16", NULL);
    h->block2 = (1 << 4 | 0 << 3 | 0) + 1;
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "7", 1);
    h->block2 = 0;
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=00000000000000007", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", "< CON 0.01 /3/0/0", NULL);
}

static void requests_go_on_when_the_rest_of_a_notification_does_not_come(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe, read = request_of(LWM2M_READ, "/3/0/0");
    observed_device(h, &observe);
    h->block2 = (0 << 4 | 1 << 3 | 0) + 1;
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "0000000000000000", 16);
    h->block2 = 0;
    send_request(h, "a", &read);
    h->count = h->checked = 0;
    device_answer(h, LWCOAP_CODE(4, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "< CON 0.01 /3/0/0", NULL);
}

static void an_older_notification_is_marked(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_NON, CONTENT, 8, LWM2M_FORMAT_TEXT, "88", 2);
    device_notify(h, LWCOAP_NON, CONTENT, 7, LWM2M_FORMAT_TEXT, "89", 2);
    pass(h, 129000);
    device_notify(h, LWCOAP_NON, CONTENT, 2, LWM2M_FORMAT_TEXT, "87", 2);
    expect(h, "notification a /3/0/9 2.05 seq=8 /3/0/9=88",
           "notification a /3/0/9 2.05 seq=7 outdated /3/0/9=89",
           "notification a /3/0/9 2.05 seq=2 /3/0/9=87", NULL);
}

static void an_unknown_token_is_reset(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    h->count = 0;
    h->request_token_len = 8;
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "< RST 0.00 ", NULL);
}

static void notifications_match_after_the_port_changed(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    observed_device(h, &observe);
    h->route.remote.port = 51111;
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    send_request(h, "a", &read);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", "< ACK 0.00 ", "< CON 0.01 /3/0/0",
           NULL);
}

static void an_observation_survives_an_update(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    uint8_t token[8];
    observed_device(h, &observe);
    memcpy(token, h->request_token, 8);
    device_update(h, NULL, LINKS);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
}

static void an_observation_is_set_up_again_after_a_register(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    uint8_t token[8];
    observed_device(h, &observe);
    memcpy(token, h->request_token, 8);
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*",
           "< CON 0.01  observe=0/3/0/9", NULL);
    assert_memory_equal(h->request_token, token, 8);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "77", 2); /* the device counts anew */
    expect(h, "notification a /3/0/9 2.05 seq=1 /3/0/9=77", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 2, LWM2M_FORMAT_TEXT, "76", 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=76", NULL);
}

static void a_failed_renewal_is_tried_again_after_an_update(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    pass(h, 100000); /* unanswered */
    h->count = 0;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01  observe=0/3/0/9", NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "77", 2);
    expect(h, "notification a /3/0/9 2.05 seq=1 /3/0/9=77", NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
}

static void a_refused_renewal_ends_the_observation_with_a_word(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    h->count = 0;
    device_answer(h, LWCOAP_CODE(4, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "notification a /3/0/9 4.04", NULL);
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", NULL);
}

static void an_automatic_observation_is_left_to_its_owner(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    observe.automatic = true;
    send_request(h, "a", &observe);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    h->count = 0;
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", NULL);
    assert_false(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &observe.path));
}

static void a_cancel_uses_the_token_of_the_observation(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    struct lwm2m_request cancel = request_of(LWM2M_CANCEL_OBSERVE, "/3/0/9");
    uint8_t token[8];
    observed_device(h, &observe);
    memcpy(token, h->request_token, 8);
    send_request(h, "a", &cancel);
    expect(h, "< CON 0.01  observe=1/3/0/9", NULL);
    assert_memory_equal(h->request_token, token, 8);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "response a /3/0/9 2.05 /3/0/9=80", NULL);
    device_notify(h, LWCOAP_CON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "< RST 0.00 ", NULL);
}

static void a_second_observe_keeps_the_token(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    struct lwm2m_request again = request_of(LWM2M_OBSERVE, "/3/0/9");
    uint8_t token[8];
    observed_device(h, &observe);
    memcpy(token, h->request_token, 8);
    send_request(h, "a", &again);
    assert_memory_equal(h->request_token, token, 8);
    h->count = 0;
    pass(h, 100000); /* unanswered: the first one goes on */
    h->count = 0;
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
}

static void what_cannot_be_observed_is_answered_and_forgotten(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    send_request(h, "a", &observe);
    assert_true(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &observe.path));
    h->count = 0;
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "90", 2);
    expect(h, "response a /3/0/9 2.05 /3/0/9=90", NULL);
    assert_false(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &observe.path));
}

static void an_error_notification_is_the_end(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(4, 4), 7, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "notification a /3/0/9 4.04 seq=7", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
    assert_false(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &observe.path));
}

/* The error is told again when it could not be kept the first time, and acknowledged then. */
static void a_last_word_that_could_not_be_kept_comes_again(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(4, 4), 6, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "notification a /3/0/9 4.04 seq=6", NULL);
    struct lwm2m_path path = { .ids = { 3, 0, 9 }, .depth = 3 };
    assert_false(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &path));
    lwm2m_server_disregard(h->server, &h->receipt);
    device_repeat(h);
    expect(h, "notification a /3/0/9 4.04 seq=6", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(4, 4), 7, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "< RST 0.00 ", NULL);
}

static void a_value_after_the_last_word_is_reset(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(5, 3), 6, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "notification a /3/0/9 5.03 seq=6", NULL);
    device_notify(h, LWCOAP_CON, CONTENT, 7, LWM2M_FORMAT_TEXT, "1", 1);
    expect(h, "< RST 0.00 ", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
}

static void a_path_can_be_observed_anew_while_a_last_word_waits(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe, again = request_of(LWM2M_OBSERVE, "/3/0/9");
    observed_device(h, &observe);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(5, 3), 6, LWCOAP_FORMAT_NONE, NULL, 0);
    struct lwm2m_receipt receipt = h->receipt;
    h->count = 0;
    send_request(h, "a", &again);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "8", 1);
    expect(h, "< CON 0.01  observe=0/3/0/9", "response a /3/0/9 2.05 seq=1 /3/0/9=8", NULL);
    lwm2m_server_acknowledge(h->server, &receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 2, LWM2M_FORMAT_TEXT, "7", 1);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=7", NULL);
}

static void an_object_that_vanishes_ends_its_observations(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    observed_device(h, &observe);
    device_update(h, NULL, "</1/0>,</5/0>");
    expect(h, "notification a /3/0/9 4.04: the device registered without it",
           "updated a list changed", "< ACK 2.04 ", NULL);
    assert_false(lwm2m_device_observes(lwm2m_server_find(h->server, "a"), &observe.path));
}

static void a_composite_observation_knows_its_paths(void **state)
{
    static const char values[] = "[{\"n\":\"/3/0/9\",\"v\":90},{\"n\":\"/3/0/0\",\"vs\":\"x\"}]";
    struct harness *h = *state;
    struct lwm2m_record paths[2] = { { .path = { { 3, 0, 9 }, 3 } },
                                     { .path = { { 3, 0, 0 }, 3 } } };
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE_COMPOSITE, "/");
    struct lwm2m_request cancel = request_of(LWM2M_CANCEL_OBSERVE_COMPOSITE, "/");
    uint8_t token[8];
    device_register(h, "ep=a&lt=3000&lwm2m=1.1", "</>;ct=110," LINKS);
    h->count = 0;
    observe.records = cancel.records = paths;
    observe.record_count = cancel.record_count = 2;
    send_request(h, "a", &observe);
    expect(h, "< CON 0.05  observe=0 ct=110 accept=110 [{\"n\":\"/3/0/9\"},{\"n\":\"/3/0/0\"}]",
           NULL);
    memcpy(token, h->request_token, 8);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_SENML_JSON, values, strlen(values));
    expect(h, "response a / 2.05 seq=1 /3/0/9=90 /3/0/0=x", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 2, LWM2M_FORMAT_SENML_JSON, values, strlen(values));
    expect(h, "notification a / 2.05 seq=2 /3/0/9=90 /3/0/0=x", NULL);
    device_register(h, "ep=a&lt=3000&lwm2m=1.1", "</>;ct=110," LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*",
           "< CON 0.05  observe=0 ct=110 accept=110 [{\"n\":\"/3/0/9\"},{\"n\":\"/3/0/0\"}]", NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_SENML_JSON, values, strlen(values));
    h->count = 0;
    send_request(h, "a", &cancel);
    assert_memory_equal(h->request_token, token, 8);
    expect(h, "< CON 0.05  observe=1 ct=110 accept=110 [{\"n\":\"/3/0/9\"},{\"n\":\"/3/0/0\"}]",
           NULL);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_SENML_JSON, values, strlen(values));
    expect(h, "response a / 2.05 /3/0/9=90 /3/0/0=x", NULL);
    device_notify(h, LWCOAP_CON, CONTENT, 3, LWM2M_FORMAT_SENML_JSON, values, strlen(values));
    expect(h, "< RST 0.00 ", NULL);
}

static void attach_context(struct harness *h, const struct lwm2m_event *event)
{
    static int context;
    if (event->observation && event->type == LWM2M_EVENT_RESPONSE) {
        lwm2m_observation_set_context(h->server, event->observation, &context);
    }
}

static void a_context_is_freed_with_its_observation(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe;
    h->on_event = attach_context;
    observed_device(h, &observe);
    assert_int_equal(h->contexts_freed, 0);
    lwm2m_server_kick(h->server, lwm2m_server_find(h->server, "a"), h->now_ms);
    assert_int_equal(h->contexts_freed, 1);
    h->count = 0;
}

static struct lwm2m_request from_event;

static void observe_on_register(struct harness *h, const struct lwm2m_event *event)
{
    if (event->type == LWM2M_EVENT_REGISTERED) {
        from_event = request_of(LWM2M_OBSERVE, "/3/0/9");
        send_request(h, lwm2m_device_endpoint(event->device), &from_event);
    }
}

static void a_request_from_within_the_register_event_goes_after_the_answer(void **state)
{
    struct harness *h = *state;
    h->on_event = observe_on_register;
    device_register(h, "ep=a&lt=3000&lwm2m=1.0", LINKS);
    expect(h, "registered a", "< ACK 2.01  location=rd location=*", "< CON 0.01  observe=0/3/0/9",
           NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_confirmable_notification_is_acknowledged_when_it_is_safe),
        TEST(a_notification_that_could_not_be_kept_comes_again),
        TEST(waiting_requests_follow_the_acknowledgement),
        TEST(nobody_waits_for_a_nonconfirmable_notification),
        TEST(requests_wait_for_the_rest_of_a_long_notification),
        TEST(requests_go_on_when_the_rest_of_a_notification_does_not_come),
        TEST(an_older_notification_is_marked),
        TEST(an_unknown_token_is_reset),
        TEST(notifications_match_after_the_port_changed),
        TEST(an_observation_survives_an_update),
        TEST(an_observation_is_set_up_again_after_a_register),
        TEST(a_failed_renewal_is_tried_again_after_an_update),
        TEST(a_refused_renewal_ends_the_observation_with_a_word),
        TEST(an_automatic_observation_is_left_to_its_owner),
        TEST(a_cancel_uses_the_token_of_the_observation),
        TEST(a_second_observe_keeps_the_token),
        TEST(what_cannot_be_observed_is_answered_and_forgotten),
        TEST(an_error_notification_is_the_end),
        TEST(a_last_word_that_could_not_be_kept_comes_again),
        TEST(a_value_after_the_last_word_is_reset),
        TEST(a_path_can_be_observed_anew_while_a_last_word_waits),
        TEST(an_object_that_vanishes_ends_its_observations),
        TEST(a_composite_observation_knows_its_paths),
        TEST(a_context_is_freed_with_its_observation),
        TEST(a_request_from_within_the_register_event_goes_after_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
