/*
 * What users of other servers reported of observations that got lost or were refused, as dialogues.
 * SCENARIOS.md has the list of reports, with the tests of other files that answer them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <string.h>

#define CONTENT  LWCOAP_CODE(2, 5)
#define CHANGED  LWCOAP_CODE(2, 4)
#define REGISTER "ep=a&lt=80000&lwm2m=1.1"
#define LINKS    "</1/0>,</3/0>,</5/0>"

#define UPDATED  "updated a", "< ACK 2.04 "
#define OBSERVES "< CON 0.01  observe=0/3/0/9"
#define AGAIN    "registered a again", "< ACK 2.01  location=rd location=*"

static void observe(struct harness *h, const char *path)
{
    static struct lwm2m_request requests[4];
    static unsigned next;
    struct lwm2m_request *request = &requests[next++ % 4];
    *request = request_of(LWM2M_OBSERVE, path);
    send_request(h, "a", request);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    h->count = h->checked = 0;
}

static void observed_device(struct harness *h)
{
    device_register(h, REGISTER, LINKS);
    observe(h, "/3/0/9");
}

static void notify(struct harness *h, uint32_t sequence)
{
    device_notify(h, LWCOAP_CON, CONTENT, sequence, LWM2M_FORMAT_TEXT, "89", 2);
}

static void acknowledge(struct harness *h)
{
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
}

/* --- the device forgot --- */

static void a_device_that_lost_its_state_registers_and_is_observed_again(void **state)
{
    struct harness *h = *state;
    observed_device(h); /* then it reboots, without a de-registration */
    pass(h, 5000);
    device_register(h, REGISTER, LINKS);
    expect(h, AGAIN, OBSERVES, NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "notification a /3/0/9 2.05 seq=1 /3/0/9=80", NULL);
    notify(h, 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=89", NULL);
    acknowledge(h);
}

/* The execute is answered, the device goes, and comes back with another firmware and address. */
static void observations_come_back_after_the_reboot_that_ends_a_firmware_update(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request update = request_of(LWM2M_EXECUTE, "/5/0/2");
    observed_device(h);
    observe(h, "/5/0/3");
    send_request(h, "a", &update);
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, "< CON 0.02 /5/0/2", "response a /5/0/2 2.04", NULL);
    pass(h, 300000);
    h->route.remote.ip[15] ^= 1;
    device_register(h, "ep=a&lt=80000&lwm2m=1.2", "</1/0>,</3/0>,</5/0>,</3303/0>");
    expect(h, "deregistered a: replaced", AGAIN, "< CON 0.01  observe=0/5/0/3", NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "0", 1);
    expect(h, "notification a /5/0/3 2.05 seq=1 /5/0/3=0", OBSERVES, NULL);
    device_answer(h, CONTENT, 1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "notification a /3/0/9 2.05 seq=1 /3/0/9=80", NULL);
}

/* Something on the way, or another server, answered a notification with Reset. */
static void an_observation_that_the_device_dropped_silently_comes_back(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request attributes = request_of(LWM2M_WRITE_ATTRIBUTES, "/3/0/9");
    observed_device(h);
    attributes.query = "pmax=60";
    send_request(h, "a", &attributes);
    device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
    pass(h, 60000 + harness_settings().observe_grace_ms);
    h->count = h->checked = 0;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, OBSERVES, NULL);
}

/* --- the set of observations --- */

static void the_set_of_observations_changes_while_the_device_lives(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request cancel = request_of(LWM2M_CANCEL_OBSERVE, "/3/0/9");
    observed_device(h);
    observe(h, "/3/0/13");
    send_request(h, "a", &cancel);
    expect(h, "< CON 0.01  observe=1/3/0/9", NULL);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "response a /3/0/9 2.05 /3/0/9=80", NULL);
    device_register(h, REGISTER, LINKS); /* only what is wanted comes back */
    expect(h, AGAIN, "< CON 0.01  observe=0/3/0/13", NULL);
}

static void a_path_of_an_object_with_a_version_is_observed(void **state)
{
    struct harness *h = *state;
    device_register(h, REGISTER, "</>;rt=\"oma.lwm2m\",</1/0>,</3>;ver=1.2,</3/0>");
    observe(h, "/3/0/9");
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    device_update(h, NULL, "</1/0>,</3>;ver=1.2,</3/0>,</3/1>");
    expect(h, "updated a list changed", "< ACK 2.04 ", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 7, LWM2M_FORMAT_TEXT, "88", 2);
    expect(h, "notification a /3/0/9 2.05 seq=7 /3/0/9=88", NULL);
}

/* --- addresses --- */

static void a_notification_from_another_ip_address_is_understood(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    observed_device(h);
    h->route.remote.ip[15] ^= 1;
    h->route.remote.port = 6207;
    notify(h, 6);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    acknowledge(h);
    send_request(h, "a", &read); /* the device is where it spoke from */
    expect(h, "< CON 0.01 /3/0/0", NULL);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

static void an_observation_survives_an_update_from_another_address(void **state)
{
    struct harness *h = *state;
    observed_device(h);
    h->route.remote.ip[15] ^= 1;
    device_update(h, NULL, NULL);
    expect(h, UPDATED, NULL); /* nothing to be set up again */
    notify(h, 6);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    acknowledge(h);
}

static void an_observation_is_cancelled_at_the_devices_new_port(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request cancel = request_of(LWM2M_CANCEL_OBSERVE, "/3/0/9");
    observed_device(h);
    uint8_t token[8];
    memcpy(token, h->request_token, sizeof(token));
    h->route.remote.port = 6207;
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    expect(h, "notification a /3/0/9 2.05 seq=6 /3/0/9=89", NULL);
    send_request(h, "a", &cancel);
    expect(h, "< CON 0.01  observe=1/3/0/9", NULL); /* "to port" would tell of another */
    assert_memory_equal(token, h->request_token, sizeof(token));
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "80", 2);
    expect(h, "response a /3/0/9 2.05 /3/0/9=80", NULL);
}

/* A proxy in front of the server gives each datagram a port of its own. */
static void answers_through_a_proxy_that_changes_the_port_count(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, REGISTER, LINKS);
    h->count = h->checked = 0;
    for (uint16_t i = 0; i < 3; i++) {
        send_request(h, "a", &read);
        h->count = h->checked = 0;
        h->route.remote.port = (uint16_t)(50000 + i);
        device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
        expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
    }
}

/* The empty acknowledgement is not recognised, the separate answer is. */
static void an_acknowledgement_from_an_unmatched_port_does_not_cost_the_observation(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request request = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, REGISTER, LINKS);
    h->count = h->checked = 0;
    send_request(h, "a", &request);
    expect(h, OBSERVES, NULL);
    h->route.remote.port = 6207;
    device_empty(h, LWCOAP_ACK);
    expect(h, NULL);
    notify(h, 1); /* its form is that of a separate answer */
    expect(h, "< ACK 0.00 ", "response a /3/0/9 2.05 seq=1 /3/0/9=89", NULL);
    notify(h, 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 /3/0/9=89", NULL);
    acknowledge(h);
    pass(h, 60000);
    expect(h, NULL); /* no repetition is left */
}

/* --- unknown tokens --- */

static void each_notification_of_an_unknown_token_is_reset(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, REGISTER, LINKS);
    h->request_token_len = 8;
    memset(h->request_token, 0x77, sizeof(h->request_token));
    h->count = h->checked = 0;
    for (uint32_t i = 0; i < 3; i++) {
        device_notify(h, LWCOAP_NON, CONTENT, i, LWM2M_FORMAT_TEXT, "1", 1);
        expect(h, "< RST 0.00 ", NULL);
        notify(h, i);
        expect(h, "< RST 0.00 ", NULL);
    }
    send_request(h, "a", &read); /* and all else works */
    expect(h, "< CON 0.01 /3/0/0", NULL);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

/* --- a registration that is followed by another --- */

static void a_device_that_registers_again_can_be_commanded_and_heard(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, REGISTER, LINKS);
    for (unsigned i = 0; i < 3; i++) {
        h->count = h->checked = 0;
        device_register(h, REGISTER, LINKS);
        expect(h, AGAIN, NULL);
        send_request(h, "a", &read);
        expect(h, "< CON 0.01 /3/0/0", NULL);
        device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
        expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
        device_request(h, LWCOAP_CON, LWCOAP_POST, "/dp", NULL, LWM2M_FORMAT_SENML_JSON,
                       "[{\"n\":\"/3/0/9\",\"v\":5}]");
        expect(h, "send a 2.05 /3/0/9=5", NULL);
        lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
        expect(h, "< ACK 2.04 ", NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_that_lost_its_state_registers_and_is_observed_again),
        TEST(observations_come_back_after_the_reboot_that_ends_a_firmware_update),
        TEST(an_observation_that_the_device_dropped_silently_comes_back),
        TEST(the_set_of_observations_changes_while_the_device_lives),
        TEST(a_path_of_an_object_with_a_version_is_observed),
        TEST(a_notification_from_another_ip_address_is_understood),
        TEST(an_observation_survives_an_update_from_another_address),
        TEST(an_observation_is_cancelled_at_the_devices_new_port),
        TEST(answers_through_a_proxy_that_changes_the_port_count),
        TEST(an_acknowledgement_from_an_unmatched_port_does_not_cost_the_observation),
        TEST(each_notification_of_an_unknown_token_is_reset),
        TEST(a_device_that_registers_again_can_be_commanded_and_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
