#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <string.h>

#define VALUES "[{\"n\":\"/3/0/9\",\"v\":90}]"

static void send_values(struct harness *h, enum lwcoap_type type, uint16_t format, const char *body)
{
    device_request(h, type, LWCOAP_POST, "/dp", NULL, format, body);
}

static void registered(struct harness *h)
{
    device_register(h, "ep=a&lt=3000&lwm2m=1.1&Q", "</3/0>");
    h->count = 0;
}

static void a_send_is_answered_when_it_is_safe(void **state)
{
    struct harness *h = *state;
    registered(h);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    expect(h, "send a 2.05 /3/0/9=90", NULL);
    device_repeat(h);
    expect(h, NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 2.04 ", NULL);
    device_repeat(h);
    expect(h, "< ACK 2.04 ", NULL);
}

static void a_send_without_room_may_be_tried_later(void **state)
{
    struct harness *h = *state;
    registered(h);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    lwm2m_server_postpone(h->server, &h->receipt);
    expect(h, "send a 2.05 /3/0/9=90", "< ACK 5.03  max-age", NULL);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "send a 2.05 /3/0/9=90", "< ACK 2.04 ", NULL);
}

static void a_send_may_be_non_confirmable(void **state)
{
    struct harness *h = *state;
    registered(h);
    send_values(h, LWCOAP_NON, LWM2M_FORMAT_SENML_JSON, VALUES);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "send a 2.05 /3/0/9=90", "< NON 2.04 ", NULL);
}

static void a_send_wakes_the_device(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    registered(h);
    pass(h, 30000);
    send_request(h, "a", &read);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    expect(h, "send a 2.05 /3/0/9=90", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 2.04 ", "< CON 0.01 /3/0/0", NULL);
}

static void a_send_that_could_not_be_kept_comes_again(void **state)
{
    struct harness *h = *state;
    registered(h);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    lwm2m_server_disregard(h->server, &h->receipt);
    device_repeat(h);
    expect(h, "send a 2.05 /3/0/9=90", "send a 2.05 /3/0/9=90", NULL);
}

static void bad_sends_are_refused(void **state)
{
    struct harness *h = *state;
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    expect(h, "< ACK 4.04 ", NULL);
    registered(h);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, "[{");
    expect(h, "< ACK 4.00 ", NULL);
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/3303/0/5700\",\"v\":1}]");
    expect(h, "< ACK 4.04 ", NULL);
    send_values(h, LWCOAP_CON, 9999, "x");
    expect(h, "< ACK 4.15 ", NULL);
}

static void the_last_device_behind_an_address_is_the_sender(void **state)
{
    struct harness *h = *state;
    registered(h);
    device_register(h, "ep=b&lt=3000&lwm2m=1.1", "</3/0>");
    h->count = 0;
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    expect(h, "send b 2.05 /3/0/9=90", NULL);
    lwm2m_server_kick(h->server, lwm2m_server_find(h->server, "b"), h->now_ms);
    h->count = 0;
    send_values(h, LWCOAP_CON, LWM2M_FORMAT_SENML_JSON, VALUES);
    expect(h, "< ACK 4.04 ", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_send_is_answered_when_it_is_safe),
        TEST(a_send_without_room_may_be_tried_later),
        TEST(a_send_may_be_non_confirmable),
        TEST(a_send_wakes_the_device),
        TEST(a_send_that_could_not_be_kept_comes_again),
        TEST(bad_sends_are_refused),
        TEST(the_last_device_behind_an_address_is_the_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
