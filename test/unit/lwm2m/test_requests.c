/* Operations, their answers, the queue of a device, and the choice of a content format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINKS "</1/0>,</3/0>,</5/0>"

static void register_device(struct harness *h, const char *query, const char *links)
{
    device_register(h, query, links);
    h->count = 0;
}

static struct lwm2m_record record_of(const char *path, enum lwm2m_type type)
{
    struct lwm2m_record record = { .value.type = type };
    assert_int_equal(lwm2m_path_parse(path, strlen(path), &record.path), 0);
    return record;
}

static struct lwm2m_record text_record(const char *path, const char *text)
{
    struct lwm2m_record record = record_of(path, LWM2M_TYPE_STRING);
    record.value.bytes = (struct lwm2m_bytes){ (const uint8_t *)text, strlen(text) };
    return record;
}

/* --- operations --- */

static void a_read_is_decoded_in_whatever_format_it_comes(void **state)
{
    static const struct {
        uint16_t format;
        const char *body;
        size_t len;
        const char *event;
    } rows[] = {
        { LWM2M_FORMAT_TLV,
          "\xc3\x03"
          "1.0",
          5, "response a /3/0/3 2.05 /3/0/3=1.0" },
        { LWM2M_FORMAT_TEXT, "1.0", 3, "response a /3/0/3 2.05 /3/0/3=1.0" },
        { LWCOAP_FORMAT_NONE, "1.0", 3, "response a /3/0/3 2.05 /3/0/3=1.0" },
        { 1541, "1.0", 3, "response a /3/0/3 2.05 /3/0/3=1.0" },
        { LWM2M_FORMAT_SENML_JSON, "[{\"bn\":\"/3/0/3\",\"vs\":\"1.0\"}]", 28,
          "response a /3/0/3 2.05 /3/0/3=1.0" },
        { LWM2M_FORMAT_SENML_JSON, "[{", 2, "response a /3/0/3 2.05 undecodable" },
        { 9999, "x", 1, "response a /3/0/3 2.05 undecodable" },
    };
    struct harness *h = *state;
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/3");
        send_request(h, "a", &read);
        expect(h, "< CON 0.01 /3/0/3", NULL);
        device_answer(h, LWCOAP_CODE(2, 5), -1, rows[i].format, rows[i].body, rows[i].len);
        expect(h, rows[i].event, NULL);
    }
}

static void every_operation_has_its_message(void **state)
{
    struct lwm2m_record model = text_record("/3/0/15", "UTC");
    struct lwm2m_record instance = text_record("/3303/1/5750", "x");
    static const struct {
        enum lwm2m_operation operation;
        const char *path, *query, *arguments;
        bool writes_instance, writes_model;
        const char *message;
    } rows[] = {
        { LWM2M_READ, "/3", NULL, NULL, false, false, "< CON 0.01 /3" },
        { LWM2M_READ, "/3/0/6/1", NULL, NULL, false, false, "< CON 0.01 /3/0/6/1" },
        { LWM2M_DISCOVER, "/3/0", NULL, NULL, false, false, "< CON 0.01 /3/0 accept=40" },
        { LWM2M_WRITE_ATTRIBUTES, "/3/0/9", "pmin=1&pmax=5&st", NULL, false, false,
          "< CON 0.03 /3/0/9 ?pmin=1 ?pmax=5 ?st" },
        { LWM2M_EXECUTE, "/3/0/4", NULL, NULL, false, false, "< CON 0.02 /3/0/4" },
        { LWM2M_EXECUTE, "/3/0/4", NULL, "0='5'", false, false, "< CON 0.02 /3/0/4 ct=0 0='5'" },
        { LWM2M_DELETE, "/3303/1", NULL, NULL, false, false, "< CON 0.04 /3303/1" },
        { LWM2M_OBSERVE, "/3/0/9", NULL, NULL, false, false, "< CON 0.01  observe=0/3/0/9" },
        { LWM2M_CANCEL_OBSERVE, "/3/0/9", NULL, NULL, false, false, "< CON 0.01  observe=1/3/0/9" },
        { LWM2M_WRITE_REPLACE, "/3/0/15", NULL, NULL, false, true,
          "< CON 0.03 /3/0/15 ct=11542 \\c3\\0fUTC" },
        { LWM2M_WRITE_UPDATE, "/3/0", NULL, NULL, false, true,
          "< CON 0.02 /3/0 ct=11542 \\c3\\0fUTC" },
        { LWM2M_CREATE, "/3303", NULL, NULL, true, false,
          "< CON 0.02 /3303 ct=11542 \\04\\01\\e1\\16vx" },
    };
    struct harness *h = *state;
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lwm2m_request request = request_of(rows[i].operation, rows[i].path);
        request.query = rows[i].query;
        request.arguments = rows[i].arguments;
        request.records = rows[i].writes_model ? &model : &instance;
        request.record_count = rows[i].writes_model || rows[i].writes_instance;
        send_request(h, "a", &request);
        expect(h, rows[i].message, NULL);
        device_answer(h, LWCOAP_CODE(4, 4), -1, LWCOAP_FORMAT_NONE, "not here", 8);
        assert_int_equal(h->count, 1);
        h->count = 0;
    }
}

static void the_alternate_path_stands_before_every_path(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", "</a/b>;rt=\"oma.lwm2m\",</a/b/3/0>");
    send_request(h, "a", &read);
    expect(h, "< CON 0.01 /a/b/3/0/3", NULL);
}

static void a_separate_response_is_announced(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    send_request(h, "a", &read);
    h->count = 0;
    device_empty(h, LWCOAP_ACK);
    expect(h, "acknowledged a /3/0/3", NULL);
    pass(h, 60000);
    expect(h, NULL);
    device_notify(h, LWCOAP_CON, LWCOAP_CODE(2, 5), 0, LWM2M_FORMAT_TEXT, "1.0", 3);
    expect(h, "< ACK 0.00 ", "response a /3/0/3 2.05 seq=0 /3/0/3=1.0", NULL);
}

static void silence_ends_in_a_timeout_and_reset_in_a_reset(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    send_request(h, "a", &execute);
    pass(h, 60000);
    expect(h, "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4",
           "timeout a /3/0/4 maybe executed", NULL);
    send_request(h, "a", &read);
    device_empty(h, LWCOAP_RST);
    expect(h, "< CON 0.01 /3/0/3", "reset a /3/0/3", NULL);
}

static void composite_operations_name_several_paths(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record paths[2] = { { .path = { { 3, 0, 9 }, 3 } }, { .path = { { 1 }, 1 } } };
    struct lwm2m_record values[2] = { text_record("/3/0/15", "UTC"), text_record("/3/0/14", "+1") };
    struct lwm2m_request read = request_of(LWM2M_READ_COMPOSITE, "/");
    struct lwm2m_request write = request_of(LWM2M_WRITE_COMPOSITE, "/");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    read.records = paths;
    read.record_count = 2;
    send_request(h, "a", &read);
    expect(h, "< CON 0.05  ct=110 [{\"n\":\"/3/0/9\"},{\"n\":\"/1\"}]", NULL);
    device_answer(h, LWCOAP_CODE(4, 5), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a / 4.05", NULL);
    write.records = values;
    write.record_count = 2;
    send_request(h, "a", &write);
    expect(h,
           "< CON 0.07  ct=110 [{\"n\":\"/3/0/15\",\"vs\":\"UTC\"},"
           "{\"n\":\"/3/0/14\",\"vs\":\"+1\"}]",
           NULL);
    device_answer(h, LWCOAP_CODE(2, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a / 2.04", NULL);
}

/* --- one at a time --- */

static void requests_go_one_after_the_other(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    send_request(h, "a", &first);
    send_request(h, "a", &second);
    expect(h, "< CON 0.01 /3/0/0", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", "< CON 0.01 /3/0/3", NULL);
}

static void a_full_queue_refuses_the_newest(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request requests[6];
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    for (int i = 0; i < 3; i++) {
        requests[i] = request_of(LWM2M_READ, "/3/0/0");
        send_request(h, "a", &requests[i]);
    }
    requests[3] = request_of(LWM2M_READ, "/3/0/0");
    assert_int_equal(
        lwm2m_server_request(h->server, lwm2m_server_find(h->server, "a"), &requests[3], h->now_ms),
        -ENOSPC);
    for (int i = 3; i < 6; i++) { /* there is more room for the gateway's own */
        requests[i] = request_of(LWM2M_READ, "/3/0/0");
        requests[i].automatic = true;
        assert_int_equal(lwm2m_server_request(h->server, lwm2m_server_find(h->server, "a"),
                                              &requests[i], h->now_ms),
                         i < 5 ? 0 : -ENOSPC);
    }
    h->count = 0;
    lwm2m_server_drop_requests(h->server, "the gateway stops");
    expect(h, "dropped a /3/0/0: the gateway stops", "dropped a /3/0/0: the gateway stops",
           "dropped a /3/0/0: the gateway stops", "dropped a /3/0/0: the gateway stops",
           "dropped a /3/0/0: the gateway stops", NULL);
}

static void a_request_that_fits_no_format_is_refused_at_once(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3/0/15", "UTC");
    struct lwm2m_request write = request_of(LWM2M_WRITE_UPDATE, "/3/0");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    write.records = &record;
    write.record_count = 1;
    write.format = LWM2M_FORMAT_LINK;
    assert_int_equal(
        lwm2m_server_request(h->server, lwm2m_server_find(h->server, "a"), &write, h->now_ms),
        -EINVAL);
    expect(h, NULL);
}

static void a_device_that_leaves_drops_its_requests(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_EXECUTE, "/3/0/4");
    struct lwm2m_request second = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    send_request(h, "a", &first);
    send_request(h, "a", &second);
    h->count = 0;
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 2.02 ", "dropped a /3/0/4 maybe executed: the device left",
           "dropped a /3/0/4: the device left", "deregistered a: deregister", NULL);
    pass(h, 300000);
    expect(h, NULL); /* no retransmission any more */
}

static void a_kicked_device_is_gone(void **state)
{
    struct harness *h = *state;
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    lwm2m_server_kick(h->server, lwm2m_server_find(h->server, "a"), h->now_ms);
    expect(h, "deregistered a: kicked", NULL);
    assert_int_equal(lwm2m_server_device_count(h->server), 0);
}

/* --- queue mode --- */

static void a_sleeping_device_gets_its_requests_after_its_update_is_answered(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    pass(h, 20000);
    send_request(h, "a", &first);
    send_request(h, "a", &second);
    pass(h, 1000000);
    expect(h, NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01 /3/0/0", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", "< CON 0.01 /3/0/3", NULL);
}

static void an_awake_device_is_sent_to_at_once_and_every_answer_prolongs_it(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request requests[3];
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    for (int i = 0; i < 3; i++) {
        requests[i] = request_of(LWM2M_READ, "/3/0/0");
        pass(h, 19000); /* 57 s in all, with a window of 20 s */
        send_request(h, "a", &requests[i]);
        expect(h, "< CON 0.01 /3/0/0", NULL);
        device_answer(h, LWCOAP_CODE(4, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
        expect(h, "response a /3/0/0 4.04", NULL);
    }
}

static void an_unanswered_request_waits_for_the_next_message(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    send_request(h, "a", &execute);
    pass(h, 1000000);
    expect(h, "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4", NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.02 /3/0/4", NULL);
    device_answer(h, LWCOAP_CODE(2, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/4 2.04 maybe executed", NULL);
}

static void a_request_that_is_never_answered_is_given_up(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    send_request(h, "a", &execute);
    send_request(h, "a", &read);
    pass(h, 60000);
    for (unsigned attempt = 2; attempt <= harness_settings().queue_attempts; attempt++) {
        h->count = h->checked = 0;
        device_update(h, NULL, NULL);
        pass(h, 5000);
        expect(h, "updated a", "< ACK 2.04 ", "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4", NULL);
        pass(h, 60000);
    }
    /* The device sleeps again: what comes next waits for its next message. */
    expect(h, "< CON 0.02 /3/0/4", "timeout a /3/0/4 maybe executed", NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01 /3/0/0", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

/* It woke up when all repetitions were under way already: they went where nobody listened. */
static void a_device_that_spoke_meanwhile_is_not_asleep(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    send_request(h, "a", &execute);
    pass(h, 7000); /* sent at 0, 2 and 6 s; given up at 14 s */
    h->count = h->checked = 0;
    uint16_t first = h->request_mid;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    pass(h, 7000);
    expect(h, "< CON 0.02 /3/0/4", NULL);
    assert_int_not_equal(h->request_mid, first);
    device_answer(h, LWCOAP_CODE(2, 4), -1, LWM2M_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/4 2.04 maybe executed", NULL);
}

static void a_message_of_the_device_hurries_what_was_repeated(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    send_request(h, "a", &read);
    uint16_t first = h->request_mid;
    device_update(h, NULL, NULL); /* the request may just be on its way */
    expect(h, "< CON 0.01 /3/0/0", "updated a", "< ACK 2.04 ", NULL);
    pass(h, 2500);
    device_update(h, NULL, NULL);
    expect(h, "< CON 0.01 /3/0/0", "updated a", "< ACK 2.04 ", "< CON 0.01 /3/0/0", NULL);
    assert_int_equal(h->request_mid, first);
    device_update(h, NULL, NULL); /* all its transmissions are used up */
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

static void what_waits_can_be_looked_at_and_cleared(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request requests[3] = { request_of(LWM2M_EXECUTE, "/3/0/4"),
                                         request_of(LWM2M_READ, "/3/0/0"),
                                         request_of(LWM2M_OBSERVE, "/3/0/9") };
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    for (size_t i = 0; i < 3; i++) {
        send_request(h, "a", &requests[i]);
    }
    struct lwm2m_device *device = lwm2m_server_find(h->server, "a");
    struct lwm2m_request *at = NULL;
    for (size_t i = 0; i < 3; i++) {
        at = lwm2m_device_request_after(device, at);
        assert_ptr_equal(at, &requests[i]);
        assert_int_equal(lwm2m_request_is_under_way(at), i == 0);
    }
    assert_null(lwm2m_device_request_after(device, at));
    assert_non_null(lwm2m_device_observation_after(device, NULL));
    h->count = 0;
    assert_int_equal(lwm2m_server_clear_queue(h->server, device, "cleared", h->now_ms), 2);
    expect(h, "dropped a /3/0/0: cleared", "dropped a /3/0/9: cleared", NULL);
    assert_null(lwm2m_device_observation_after(device, NULL));
    pass(h, 60000); /* what is under way ends, and does not wait again */
    expect(h, "< CON 0.02 /3/0/4", "< CON 0.02 /3/0/4", "timeout a /3/0/4 maybe executed", NULL);
    assert_null(lwm2m_device_request_after(device, NULL));
}

static void a_waiting_request_expires(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    pass(h, 20000);
    read.expires_ms = h->now_ms + 60000;
    send_request(h, "a", &read);
    pass(h, 59999);
    expect(h, NULL);
    pass(h, 1);
    expect(h, "expired a /3/0/0", NULL);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
}

static void a_request_that_expired_under_way_expires_when_it_comes_back(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    execute.expires_ms = h->now_ms + 5000;
    send_request(h, "a", &execute);
    h->count = 0;
    pass(h, 5000);
    h->count = 0;
    pass(h, 100000);
    assert_string_equal(h->lines[h->count - 1], "expired a /3/0/4 maybe executed");
    h->count = 0;
}

static void a_request_may_insist_on_a_sleeping_device(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request waiting = request_of(LWM2M_READ, "/3/0/0");
    struct lwm2m_request insisting = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    pass(h, 20000);
    send_request(h, "a", &waiting);
    insisting.send_now = true;
    send_request(h, "a", &insisting);
    expect(h, "< CON 0.01 /3/0/3", NULL);
    pass(h, 60000);
    expect(h, "< CON 0.01 /3/0/3", "< CON 0.01 /3/0/3", "timeout a /3/0/3", NULL);
    assert_int_equal(lwm2m_device_queue_length(lwm2m_server_find(h->server, "a")), 1);
}

static void the_queue_survives_a_new_register(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_device(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    pass(h, 20000);
    send_request(h, "a", &read);
    h->route.remote.port = 51000;
    device_register(h, "ep=a&lt=3000&lwm2m=1.1&Q", LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*", "< CON 0.01 /3/0/0",
           NULL);
}

/* --- formats --- */

static void a_newer_device_is_spoken_to_in_what_it_announced(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3/0/15", "UTC");
    struct lwm2m_request write = request_of(LWM2M_WRITE_UPDATE, "/3/0");
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", "</>;ct=\"0 110\"," LINKS);
    write.records = &record;
    write.record_count = 1;
    send_request(h, "a", &write);
    expect(h, "< CON 0.02 /3/0 ct=110 [{\"n\":\"/3/0/15\",\"vs\":\"UTC\"}]", NULL);
    device_answer(h, LWCOAP_CODE(2, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    h->count = 0;
    send_request(h, "a", &read);
    expect(h, "< CON 0.01 /3/0 accept=110", NULL);
}

static void one_value_goes_to_a_device_that_announced_only_text(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3/0/15", "UTC");
    struct lwm2m_request write = request_of(LWM2M_WRITE_REPLACE, "/3/0/15");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", "</>;ct=\"0 42\"," LINKS);
    write.records = &record;
    write.record_count = 1;
    send_request(h, "a", &write);
    expect(h, "< CON 0.03 /3/0/15 ct=0 UTC", NULL);
}

static void an_instance_without_values_is_created_in_a_format_that_can_say_so(void **state)
{
    static const char *const announced[] = { "110", "112", "11543" };
    struct harness *h = *state;
    struct lwm2m_record instance = { .path = { { 3303, 1 }, 2 } };
    for (size_t i = 0; i < sizeof(announced) / sizeof(announced[0]); i++) {
        struct lwm2m_request create = request_of(LWM2M_CREATE, "/3303");
        char links[64];
        snprintf(links, sizeof(links), "</>;ct=%s," LINKS, announced[i]);
        register_device(h, "ep=a&lt=300&lwm2m=1.1", links);
        create.records = &instance;
        create.record_count = 1;
        send_request(h, "a", &create);
        expect(h, "< CON 0.02 /3303 ct=11542 \\00\\01", NULL);
        device_answer(h, LWCOAP_CODE(2, 1), -1, LWCOAP_FORMAT_NONE, NULL, 0);
        h->count = 0;
    }
}

static void a_refused_format_is_followed_by_another_and_remembered(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3/0/15", "UTC");
    struct lwm2m_request first = request_of(LWM2M_WRITE_REPLACE, "/3/0/15");
    struct lwm2m_request second = request_of(LWM2M_WRITE_REPLACE, "/3/0/15");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    first.records = second.records = &record;
    first.record_count = second.record_count = 1;
    send_request(h, "a", &first);
    expect(h, "< CON 0.03 /3/0/15 ct=11542 \\c3\\0fUTC", NULL);
    device_answer(h, LWCOAP_CODE(4, 15), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "< CON 0.03 /3/0/15 ct=0 UTC", NULL);
    device_answer(h, LWCOAP_CODE(2, 4), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/15 2.04", NULL);
    send_request(h, "a", &second);
    expect(h, "< CON 0.03 /3/0/15 ct=0 UTC", NULL);
    device_answer(h, LWCOAP_CODE(4, 15), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    h->count = 0;
    device_answer(h, LWCOAP_CODE(4, 15), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/15 4.15", NULL); /* once, not for ever */
}

static void a_refused_accept_is_left_out(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/3");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/3");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", "</>;ct=110," LINKS);
    send_request(h, "a", &first);
    expect(h, "< CON 0.01 /3/0/3 accept=110", NULL);
    device_answer(h, LWCOAP_CODE(4, 6), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "< CON 0.01 /3/0/3", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    h->count = 0;
    send_request(h, "a", &second);
    expect(h, "< CON 0.01 /3/0/3", NULL);
}

static void a_forced_format_is_the_only_one(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3/0/15", "UTC");
    struct lwm2m_request write = request_of(LWM2M_WRITE_REPLACE, "/3/0/15");
    register_device(h, "ep=a&lt=300&lwm2m=1.0", LINKS);
    write.records = &record;
    write.record_count = 1;
    write.format = LWM2M_FORMAT_SENML_JSON;
    send_request(h, "a", &write);
    expect(h, "< CON 0.03 /3/0/15 ct=110 [{\"n\":\"/3/0/15\",\"vs\":\"UTC\"}]", NULL);
    device_answer(h, LWCOAP_CODE(4, 15), -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "response a /3/0/15 4.15", NULL);
}

/* In SenML every record has a name, and this one has none yet. */
static void an_instance_that_the_device_numbers_is_created_in_tlv(void **state)
{
    struct harness *h = *state;
    struct lwm2m_record record = text_record("/3303/1/5750", "x");
    struct lwm2m_request create = request_of(LWM2M_CREATE, "/3303");
    register_device(h, "ep=a&lt=300&lwm2m=1.1", "</>;ct=110," LINKS);
    record.path.ids[1] = LWM2M_ID_ANY;
    create.records = &record;
    create.record_count = 1;
    send_request(h, "a", &create);
    expect(h, "< CON 0.02 /3303 ct=11542 \\e1\\16vx", NULL);
}

/* Registers this device from a port of its own; what follows is sent from there. */
static void register_at_port(struct harness *h, const char *query, uint16_t port)
{
    h->route.remote.port = port;
    device_register(h, query, "</1/0>,</3/0>");
}

static void devices_wait_for_an_exchange_in_turn(void **state)
{
    struct harness *h = *state;
    struct lwm2m_server_settings settings = harness_settings();
    struct lwm2m_request reads[3];
    static const char *const names[] = { "a", "b", "c" };
    settings.coap.max_exchanges = 1;
    harness_restart(h, &settings);
    register_at_port(h, "ep=c&lt=3000&lwm2m=1.0", 50002);
    register_at_port(h, "ep=b&lt=3000&lwm2m=1.0", 50001);
    register_at_port(h, "ep=a&lt=3000&lwm2m=1.0", 50000);
    h->count = 0;
    for (int i = 0; i < 3; i++) {
        reads[i] = request_of(LWM2M_READ, "/3/0/0");
        send_request(h, names[i], &reads[i]);
    }
    expect(h, "< CON 0.01 /3/0/0", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", "< CON 0.01 /3/0/0 to port 50001", NULL);
    device_answer(h, LWCOAP_CODE(2, 5), -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response b /3/0/0 2.05 /3/0/0=x", "< CON 0.01 /3/0/0 to port 50002", NULL);
}

static void what_expired_before_it_came_is_not_sent(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/0");
    register_at_port(h, "ep=a&lt=3000&lwm2m=1.0", 50000);
    h->count = 0;
    read.expires_ms = h->now_ms;
    send_request(h, "a", &read);
    expect(h, "expired a /3/0/0", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_is_decoded_in_whatever_format_it_comes),
        TEST(every_operation_has_its_message),
        TEST(the_alternate_path_stands_before_every_path),
        TEST(a_separate_response_is_announced),
        TEST(silence_ends_in_a_timeout_and_reset_in_a_reset),
        TEST(composite_operations_name_several_paths),
        TEST(requests_go_one_after_the_other),
        TEST(a_full_queue_refuses_the_newest),
        TEST(a_request_that_fits_no_format_is_refused_at_once),
        TEST(a_device_that_leaves_drops_its_requests),
        TEST(a_kicked_device_is_gone),
        TEST(a_sleeping_device_gets_its_requests_after_its_update_is_answered),
        TEST(an_awake_device_is_sent_to_at_once_and_every_answer_prolongs_it),
        TEST(an_unanswered_request_waits_for_the_next_message),
        TEST(a_request_that_is_never_answered_is_given_up),
        TEST(a_device_that_spoke_meanwhile_is_not_asleep),
        TEST(a_message_of_the_device_hurries_what_was_repeated),
        TEST(what_waits_can_be_looked_at_and_cleared),
        TEST(a_waiting_request_expires),
        TEST(a_request_that_expired_under_way_expires_when_it_comes_back),
        TEST(a_request_may_insist_on_a_sleeping_device),
        TEST(the_queue_survives_a_new_register),
        TEST(a_newer_device_is_spoken_to_in_what_it_announced),
        TEST(one_value_goes_to_a_device_that_announced_only_text),
        TEST(an_instance_without_values_is_created_in_a_format_that_can_say_so),
        TEST(a_refused_format_is_followed_by_another_and_remembered),
        TEST(a_refused_accept_is_left_out),
        TEST(a_forced_format_is_the_only_one),
        TEST(an_instance_that_the_device_numbers_is_created_in_tlv),
        TEST(devices_wait_for_an_exchange_in_turn),
        TEST(what_expired_before_it_came_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
