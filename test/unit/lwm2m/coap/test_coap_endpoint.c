/* Datagrams of all kinds, good and hostile, and what they are answered with. */
#include "fake_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void settings_are_checked(void **state)
{
    struct world *world = *state;
    struct lwcoap_callbacks none = { 0 };
    struct lwcoap_endpoint *endpoint;

    assert_int_equal(lwcoap_endpoint_new(&world->settings, &none, 0, &endpoint), -EINVAL);
    lwcoap_endpoint_free(NULL);
}

static void malformed_and_senseless_messages(void **state)
{
    static const struct {
        const char *name, *hex;
        const char *reply; /* hex; "" none */
    } cases[] = {
        { "empty datagram", "", "" },
        { "three bytes", "400000", "" },
        { "version 0", "00011234", "" },
        { "version 3, confirmable", "c0011234", "" },
        { "ping", "40001234", "70001234" },
        { "empty NON", "50001234", "" },
        { "ACK of nothing", "60001234", "" },
        { "RST of nothing", "70001234", "" },
        { "empty CON with a token", "4100123401", "70001234" },
        { "CON with token length 9", "49011234010203040506070809", "70001234" },
        { "NON with token length 9", "59011234010203040506070809", "" },
        { "ACK with token length 15", "6f011234", "" },
        { "CON with an option cut off", "40011234b272", "70001234" },
        { "CON with a marker and no payload", "40011234ff", "70001234" },
        { "NON with a marker and no payload", "50011234ff", "" },
        { "CON of reserved class 1", "40211234", "70001234" },
        { "CON of reserved class 6", "40c11234", "70001234" },
        { "CON of reserved class 7", "40e11234", "70001234" },
        { "NON of reserved class 7", "50e11234", "" },
        { "ACK with a request", "60011234", "" },
        { "RST with a request", "70011234", "" },
        { "RST with a response", "70451234", "" },
        { "ACK with a response to nothing", "64451234aabbccdd", "" },
        { "CON response to nothing", "44451234aabbccdd", "70001234" },
        { "NON response to nothing", "54451234aabbccdd", "" },
        { "NON notification of nothing", "54451234aabbccdd6101", "70001234" },
        { "CON notification of nothing", "54451234aabbccdd6101", "70001234" },
        { "CON request with Uri-Path", "40021234b27264", "60441234" },
        { "unknown method", "40081234", "60851234" },
        { "unknown critical option", "4002123411aa", "60821234" },
        { "unknown critical option, high number", "40021234e101f4aa", "60821234" },
        { "unknown critical option in NON", "5002123411aa", "" },
        { "unknown elective option", "4002123421aa", "60441234" },
        { "OSCORE", "4002123491aa", "60821234" },
        { "If-None-Match", "4002123450", "60821234" },
        { "Uri-Host twice",
          "400212343161"
          "0161",
          "60821234" },
        { "Uri-Port of three bytes", "4002123473010203", "60821234" },
        { "Accept twice", "40021234d1042800", "60821234" },
        { "Accept twice, both with a value", "40021234d104280128", "60821234" },
        { "Accept of three bytes", "40021234d304010203", "60821234" },
        { "Content-Format of three bytes is skipped", "40021234c3010203", "60441234" },
        { "Content-Format twice is skipped", "40021234c1280128", "60441234" },
        { "Proxy-Uri", "40021234d116aa", "60a51234" },
        { "Proxy-Scheme", "40021234d11aaa", "60a51234" },
        { "Block1 of reserved size", "40021234d10e0f", "60801234" },
        { "Block2 of reserved size", "40021234d10a07", "60801234" },
        { "Block2 of four bytes", "40021234d40a00000000", "60821234" },
        { "Location-Path in a request is skipped", "400212348161", "60441234" },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct transport_route route = peer_route((unsigned)i);
        uint8_t bytes[64];
        char reply[64] = "";
        size_t len = 0;
        unsigned byte;

        for (const char *hex = cases[i].hex; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
            bytes[len++] = (uint8_t)byte;
        }
        world->sent_count = 0;
        world->event_count = 0;
        receive_bytes(world, &route, bytes, len);
        for (size_t at = 0; world->sent_count > 0 && at < world->sent[0].len; at++) {
            snprintf(reply + 2 * at, 3, "%02x", world->sent[0].bytes[at]);
        }
        if (world->sent_count > 1 || strcmp(reply, cases[i].reply) != 0) {
            fail_msg("%s: %s", cases[i].name, reply);
        }
        assert_true(world->sent_count == 0 || world->sent[0].len <= len);
    }
}

static void a_request_is_handed_on_with_its_options(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct draft *message = draft(LWCOAP_CON, LWCOAP_POST, 7, "tok");

    with_option(message, LWCOAP_OPTION_URI_PATH, "rd");
    with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 40);
    with_option(message, LWCOAP_OPTION_URI_QUERY, "ep=a");
    with_payload(message, "</1/0>", 6);
    world->reply.code = LWCOAP_CODE(2, 1);
    world->reply.location[0] = "rd";
    world->reply.location[1] = "4711";
    receive(world, &route, message);

    const struct event *event = last_event(world);
    assert_int_equal(event->code, LWCOAP_POST);
    assert_int_equal(event->content_format, 40);
    assert_int_equal(event->body_len, 6);
    assert_memory_equal(event->body, "</1/0>", 6);
    const struct sent *sent = last_sent(world);
    assert_int_equal(sent->message.type, LWCOAP_ACK);
    assert_int_equal(sent->message.code, LWCOAP_CODE(2, 1));
    assert_int_equal(sent->message.message_id, 7);
    assert_memory_equal(sent->message.token, "tok", 3);
    assert_int_equal(sent->message.options_len, 3 + 5);
}

static void a_nonconfirmable_request_gets_a_nonconfirmable_answer(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive(world, &route, draft(LWCOAP_NON, LWCOAP_POST, 7, "t"));
    assert_int_equal(last_sent(world)->message.type, LWCOAP_NON);
    assert_int_equal(last_sent(world)->message.code, LWCOAP_CODE(2, 4));
}

static void a_location_that_fits_no_datagram_is_an_internal_error(void **state)
{
    static char segment[1300];
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    memset(segment, 'x', sizeof segment - 1);
    world->reply.location[0] = segment;
    receive(world, &route, draft(LWCOAP_CON, LWCOAP_POST, 7, "t"));
    assert_int_equal(last_sent(world)->message.code, LWCOAP_CODE(5, 0));
}

static void a_long_answer_is_cut_into_blocks(void **state)
{
    static const struct {
        const char *name;
        size_t payload_len;
        int32_t num; /* -1: no Block2 in the request */
        uint32_t size;
        uint8_t code;
        const char *block;
        size_t offset, len;
    } cases[] = {
        { "short, no Block2", 1024, -1, 0, LWCOAP_CODE(2, 5), "", 0, 1024 },
        { "long, no Block2", 1025, -1, 0, LWCOAP_CODE(2, 5), "0/1/1024", 0, 1024 },
        { "long, second block", 1025, 1, 1024, LWCOAP_CODE(2, 5), "1/0/1024", 1024, 1 },
        { "short, asked in small blocks", 40, 0, 16, LWCOAP_CODE(2, 5), "0/1/16", 0, 16 },
        { "short, last small block", 40, 2, 16, LWCOAP_CODE(2, 5), "2/0/16", 32, 8 },
        { "short, asked in large blocks", 40, 0, 1024, LWCOAP_CODE(2, 5), "0/0/1024", 0, 40 },
        { "beyond the end", 40, 3, 16, LWCOAP_CODE(4, 0), "", 0, 0 },
        { "just beyond the end", 32, 2, 16, LWCOAP_CODE(4, 0), "", 0, 0 },
        { "far beyond the end", 40, 1048575, 1024, LWCOAP_CODE(4, 0), "", 0, 0 },
        { "nothing to cut", 0, 0, 64, LWCOAP_CODE(2, 5), "", 0, 0 },
    };
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct draft *message = draft(LWCOAP_CON, LWCOAP_GET, (uint16_t)i, "t");
        if (cases[i].num >= 0) {
            with_block(message, LWCOAP_OPTION_BLOCK2, (uint32_t)cases[i].num, false, cases[i].size);
        }
        world->sent_count = 0;
        world->reply.code = LWCOAP_CODE(2, 5);
        world->reply.payload = pattern();
        world->reply.payload_len = cases[i].payload_len;
        receive(world, &route, message);
        const struct sent *sent = last_sent(world);
        if (sent->message.code != cases[i].code ||
            strcmp(sent_block(sent, LWCOAP_OPTION_BLOCK2), cases[i].block) != 0 ||
            sent->message.payload_len != cases[i].len ||
            (cases[i].len > 0 &&
             memcmp(sent->message.payload, pattern() + cases[i].offset, cases[i].len) != 0)) {
            fail_msg("%s: %s", cases[i].name, sent_block(sent, LWCOAP_OPTION_BLOCK2));
        }
    }
}

static void the_blocks_of_an_answer_carry_an_entity_tag_and_the_first_its_size(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_option first, second;

    world->reply.payload = pattern();
    world->reply.payload_len = 1500;
    receive(world, &route, draft(LWCOAP_CON, LWCOAP_GET, 1, "t"));
    assert_int_equal(sent_uint(last_sent(world), LWCOAP_OPTION_SIZE2), 1500);
    assert_true(lwcoap_option_find(&last_sent(world)->message, LWCOAP_OPTION_ETAG, &first));
    struct draft *message = draft(LWCOAP_CON, LWCOAP_GET, 2, "t");
    with_block(message, LWCOAP_OPTION_BLOCK2, 1, false, 1024);
    receive(world, &route, message);
    assert_int_equal(sent_uint(last_sent(world), LWCOAP_OPTION_SIZE2), -1);
    assert_true(lwcoap_option_find(&last_sent(world)->message, LWCOAP_OPTION_ETAG, &second));
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.value, second.value, first.len);
}

static void a_million_pings_and_rubbish_take_no_memory(void **state)
{
    struct world *world = *state;
    const uint8_t ping[] = { 0x40, 0, 0x12, 0x34 };
    const uint8_t rubbish[] = { 0x49, 1, 0x12, 0x34, 0xff };

    struct transport_route route = peer_route(1);
    lwcoap_endpoint_receive(world->endpoint, &route, ping, sizeof ping, world->now_ms);
    unsigned before = allocations;
    for (unsigned i = 0; i < 1000000; i++) {
        route.remote.port = (uint16_t)i;
        route.remote.ip[0] = (uint8_t)(i >> 16);
        lwcoap_endpoint_receive(world->endpoint, &route, ping, sizeof ping, world->now_ms);
        lwcoap_endpoint_receive(world->endpoint, &route, rubbish, sizeof rubbish, world->now_ms);
    }
    assert_int_equal(allocations, before);
    assert_int_equal(world->sent_count, 2000001);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(settings_are_checked),
        CASE(malformed_and_senseless_messages),
        CASE(a_request_is_handed_on_with_its_options),
        CASE(a_nonconfirmable_request_gets_a_nonconfirmable_answer),
        CASE(a_location_that_fits_no_datagram_is_an_internal_error),
        CASE(a_long_answer_is_cut_into_blocks),
        CASE(the_blocks_of_an_answer_carry_an_entity_tag_and_the_first_its_size),
        CASE(a_million_pings_and_rubbish_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
