/* Our requests and their responses in blocks, with peers of all tempers. */
#include "fake_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CHANGED  LWCOAP_CODE(2, 4)
#define CONTENT  LWCOAP_CODE(2, 5)
#define CONTINUE LWCOAP_CODE(2, 31)

/* --- our body --- */

static void send_put(struct world *world, size_t body_len)
{
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_PUT, "/5/0/0");

    request.content_format = 42;
    request.body = pattern();
    request.body_len = body_len;
    send_request(world, &route, &request, NULL);
}

/* The peer answers what was sent last; `block` is "num/more/size" or "". */
static void answer(struct world *world, uint8_t code, const char *block)
{
    struct transport_route route = peer_route(1);
    const struct sent *sent = last_sent(world);
    struct draft *message = draft_reply(LWCOAP_ACK, code, sent->message.message_id, sent);
    unsigned num, more, size;

    if (sscanf(block, "%u/%u/%u", &num, &more, &size) == 3) {
        with_block(message, LWCOAP_OPTION_BLOCK1, num, more, size);
    }
    receive(world, &route, message);
}

static void expect_slice(const struct world *world, const char *block, size_t offset, size_t len)
{
    const struct sent *sent = last_sent(world);

    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), block);
    assert_int_equal(sent->message.payload_len, len);
    assert_memory_equal(sent->message.payload, pattern() + offset, len);
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_CONTENT_FORMAT), 42);
    assert_string_equal(sent_path(sent), "/5/0/0");
}

static void expect_response(struct world *world, uint8_t code)
{
    const struct event *event = last_event(world);

    assert_int_equal(world->event_count, 1);
    assert_int_equal(event->kind, EVENT_OUTCOME);
    assert_int_equal(event->outcome, LWCOAP_OUTCOME_RESPONSE);
    assert_int_equal(event->code, code);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void expect_failure(struct world *world, const char *reason)
{
    assert_int_equal(world->event_count, 1);
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_FAILED);
    assert_string_equal(last_event(world)->reason, reason);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void a_long_body_is_sent_in_blocks(void **state)
{
    struct world *world = *state;

    send_put(world, 2500);
    struct sent first = *last_sent(world);
    expect_slice(world, "0/1/1024", 0, 1024);
    assert_int_equal(sent_uint(&first, LWCOAP_OPTION_SIZE1), 2500);
    answer(world, CONTINUE, "0/1/1024");
    expect_slice(world, "1/1/1024", 1024, 1024);
    assert_int_equal(sent_uint(last_sent(world), LWCOAP_OPTION_SIZE1), -1);
    assert_memory_equal(last_sent(world)->message.token, first.message.token, 8);
    assert_int_not_equal(last_sent(world)->message.message_id, first.message.message_id);
    answer(world, CONTINUE, "1/1/1024");
    expect_slice(world, "2/0/1024", 2048, 452);
    assert_int_equal(world->event_count, 0);
    answer(world, CHANGED, "2/0/1024");
    expect_response(world, CHANGED);
}

static void a_body_of_one_block_is_not_cut(void **state)
{
    struct world *world = *state;

    send_put(world, 1024);
    expect_slice(world, "", 0, 1024);
    answer(world, CHANGED, "");
    expect_response(world, CHANGED);
}

static size_t short_messages(void *ctx, const struct transport_route *route)
{
    (void)ctx;
    return route->remote.port == peer_route(1).remote.port ? 512 : 0;
}

static void a_route_for_short_messages_gets_smaller_blocks(void **state)
{
    struct world *world = *state;
    struct transport_route other = peer_route(2);
    struct lwcoap_request request = request_of(LWCOAP_PUT, "/5/0/0");

    world->message_max = short_messages;
    world_restart(world);
    send_put(world, 1000);
    expect_slice(world, "0/1/256", 0, 256);
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "0/0/256");
    answer(world, CONTINUE, "0/1/256");
    expect_slice(world, "1/1/256", 256, 256);

    request.content_format = 42;
    request.body = pattern();
    request.body_len = 1000;
    send_request(world, &other, &request, NULL);
    assert_int_equal(last_sent(world)->message.payload_len, 1000);
}

static void each_block_is_retransmitted_by_itself(void **state)
{
    struct world *world = *state;

    send_put(world, 2500);
    pass(world, 3000);
    assert_int_equal(world->sent_count, 2);
    answer(world, CONTINUE, "0/1/1024");
    assert_int_equal(world->sent_count, 3);
    pass(world, 30000);
    assert_int_equal(world->sent_count, 6);
    expect_slice(world, "1/1/1024", 1024, 1024);
    pass(world, 70000);
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_TIMEOUT);
}

static void a_late_repetition_of_an_earlier_answer_changes_nothing(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    send_put(world, 2500);
    struct sent first = *last_sent(world);
    answer(world, CONTINUE, "0/1/1024");
    struct draft *late = draft_reply(LWCOAP_ACK, CONTINUE, first.message.message_id, &first);
    with_block(late, LWCOAP_OPTION_BLOCK1, 0, true, 1024);
    receive(world, &route, late);
    late = draft_reply(LWCOAP_NON, CONTINUE, 999, &first);
    with_block(late, LWCOAP_OPTION_BLOCK1, 0, true, 1024);
    receive(world, &route, late);
    assert_int_equal(world->sent_count, 2);
    expect_slice(world, "1/1/1024", 1024, 1024);
    answer(world, CONTINUE, "1/1/1024");
    expect_slice(world, "2/0/1024", 2048, 452);
}

static void an_empty_acknowledgement_is_reported_once_for_all_blocks(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    send_put(world, 2500);
    for (uint16_t num = 0; num < 2; num++) {
        struct sent sent = *last_sent(world);
        receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
        struct draft *message = draft_reply(LWCOAP_NON, CONTINUE, (uint16_t)(800 + num), &sent);
        with_block(message, LWCOAP_OPTION_BLOCK1, num, true, 1024);
        receive(world, &route, message);
    }
    expect_slice(world, "2/0/1024", 2048, 452);
    assert_int_equal(world->event_count, 1);
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_ACKNOWLEDGED);
    pass(world, 200000);
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_TIMEOUT);
}

static void a_smaller_size_in_the_answer_is_adopted(void **state)
{
    struct world *world = *state;

    send_put(world, 1100);
    answer(world, CONTINUE, "0/1/256");
    expect_slice(world, "4/0/256", 1024, 76);
    answer(world, CHANGED, "4/0/256");
    expect_response(world, CHANGED);
}

static void a_larger_size_in_the_answer_is_not(void **state)
{
    struct world *world = *state;

    world->settings.max_block_size = 64;
    world_restart(world);
    send_put(world, 200);
    expect_slice(world, "0/1/64", 0, 64);
    answer(world, CONTINUE, "0/1/1024");
    expect_slice(world, "1/1/64", 64, 64);
}

static void too_large_with_a_smaller_size_restarts_with_it(void **state)
{
    struct world *world = *state;

    send_put(world, 2500);
    answer(world, LWCOAP_CODE(4, 13), "0/1/512");
    expect_slice(world, "0/1/512", 0, 512);
    assert_int_equal(sent_uint(last_sent(world), LWCOAP_OPTION_SIZE1), 2500);
    answer(world, CONTINUE, "0/1/512");
    answer(world, LWCOAP_CODE(4, 13), "1/1/128");
    expect_slice(world, "4/1/128", 512, 128);
    answer(world, LWCOAP_CODE(4, 13), "4/1/128");
    expect_response(world, LWCOAP_CODE(4, 13));
}

static void too_large_for_a_short_body_cuts_it(void **state)
{
    struct world *world = *state;

    send_put(world, 100);
    expect_slice(world, "", 0, 100);
    answer(world, LWCOAP_CODE(4, 13), "0/1/64");
    expect_slice(world, "0/1/64", 0, 64);
    answer(world, CONTINUE, "0/1/64");
    expect_slice(world, "1/0/64", 64, 36);
    answer(world, CHANGED, "1/0/64");
    expect_response(world, CHANGED);
}

static void too_large_without_a_smaller_size_is_the_outcome(void **state)
{
    static const char *const blocks[] = { "", "0/1/1024" };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        world->event_count = 0;
        send_put(world, 2500);
        answer(world, LWCOAP_CODE(4, 13), blocks[i]);
        expect_response(world, LWCOAP_CODE(4, 13));
    }
}

static void incomplete_restarts_once(void **state)
{
    struct world *world = *state;

    send_put(world, 2500);
    answer(world, CONTINUE, "0/1/1024");
    answer(world, LWCOAP_CODE(4, 8), "1/1/1024");
    expect_slice(world, "0/1/1024", 0, 1024);
    answer(world, CONTINUE, "0/1/1024");
    answer(world, LWCOAP_CODE(4, 8), "");
    expect_response(world, LWCOAP_CODE(4, 8));
}

static void an_early_final_code_is_the_outcome(void **state)
{
    static const uint8_t codes[] = { CHANGED, LWCOAP_CODE(4, 4), LWCOAP_CODE(5, 0) };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof codes; i++) {
        world->event_count = 0;
        send_put(world, 2500);
        answer(world, codes[i], "");
        expect_response(world, codes[i]);
    }
}

static void a_peer_that_takes_each_block_by_itself_gets_them_all(void **state)
{
    struct world *world = *state;

    send_put(world, 2500);
    answer(world, CHANGED, "0/0/1024");
    answer(world, CHANGED, "1/0/1024");
    expect_slice(world, "2/0/1024", 2048, 452);
    answer(world, CHANGED, "2/0/1024");
    expect_response(world, CHANGED);
}

static void continue_after_the_last_block_fails(void **state)
{
    struct world *world = *state;

    send_put(world, 10);
    answer(world, CONTINUE, "0/1/1024");
    expect_failure(world, "2.31 to the last block");
}

/* --- the peer's body --- */

struct part {
    uint32_t num;
    bool more;
    uint32_t size;
    const char *etag;
    uint32_t size2;
    size_t offset, len;
};

static void answer_part(struct world *world, struct part part)
{
    struct transport_route route = peer_route(1);
    const struct sent *sent = last_sent(world);
    struct draft *message = draft_reply(LWCOAP_ACK, CONTENT, sent->message.message_id, sent);

    if (part.etag) {
        with_option(message, LWCOAP_OPTION_ETAG, part.etag);
    }
    if (part.offset == 0) {
        with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 112);
    }
    with_block(message, LWCOAP_OPTION_BLOCK2, part.num, part.more, part.size);
    if (part.size2 > 0) {
        with_uint(message, LWCOAP_OPTION_SIZE2, part.size2);
    }
    with_payload(message, pattern() + part.offset, part.len);
    receive(world, &route, message);
}

static void send_get(struct world *world)
{
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3/0");

    request.query = "depth=1";
    request.accept = 112;
    send_request(world, &route, &request, NULL);
}

static void expect_body(struct world *world, size_t len)
{
    expect_response(world, CONTENT);
    assert_int_equal(last_event(world)->content_format, 112);
    assert_int_equal(last_event(world)->body_len, len);
    assert_memory_equal(last_event(world)->body, pattern(), len);
}

static void a_long_response_is_asked_for_block_by_block(void **state)
{
    struct world *world = *state;

    send_get(world);
    struct sent first = *last_sent(world);
    assert_string_equal(sent_block(&first, LWCOAP_OPTION_BLOCK2), "");
    answer_part(world, (struct part){ 0, true, 64, "e", 0, 0, 64 });
    const struct sent *next = last_sent(world);
    assert_string_equal(sent_block(next, LWCOAP_OPTION_BLOCK2), "1/0/64");
    assert_string_equal(sent_path(next), "/3/0");
    assert_int_equal(next->message.code, LWCOAP_GET);
    assert_int_equal(sent_uint(next, LWCOAP_OPTION_ACCEPT), 112);
    assert_true(sent_uint(next, LWCOAP_OPTION_URI_QUERY) >= 0);
    assert_int_not_equal(next->message.message_id, first.message.message_id);
    answer_part(world, (struct part){ 1, true, 64, "e", 0, 64, 64 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "2/0/64");
    answer_part(world, (struct part){ 2, false, 64, "e", 0, 128, 5 });
    expect_body(world, 133);
}

static void sizes_may_change_on_the_way(void **state)
{
    struct world *world = *state;

    send_get(world);
    answer_part(world, (struct part){ 0, true, 128, NULL, 0, 0, 128 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "1/0/128");
    answer_part(world, (struct part){ 4, true, 32, NULL, 0, 128, 32 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "5/0/32");
    answer_part(world, (struct part){ 5, false, 32, NULL, 0, 160, 1 });
    expect_body(world, 161);
}

static void our_smaller_size_is_asked_for_from_the_start(void **state)
{
    struct world *world = *state;

    world->settings.max_block_size = 64;
    world_restart(world);
    send_get(world);
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "0/0/64");
    /* a peer that does not care */
    answer_part(world, (struct part){ 0, true, 256, NULL, 0, 0, 256 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "4/0/64");
    answer_part(world, (struct part){ 4, false, 64, NULL, 0, 256, 64 });
    expect_body(world, 320);
}

static void a_changed_representation_is_fetched_again_once(void **state)
{
    struct world *world = *state;

    send_get(world);
    answer_part(world, (struct part){ 0, true, 64, "old", 0, 64, 64 });
    answer_part(world, (struct part){ 1, true, 64, "new", 0, 64, 64 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "0/0/64");
    answer_part(world, (struct part){ 0, true, 64, "new", 0, 0, 64 });
    answer_part(world, (struct part){ 1, false, 64, "new", 0, 64, 64 });
    expect_body(world, 128);

    world->event_count = 0;
    send_get(world);
    answer_part(world, (struct part){ 0, true, 64, "1", 0, 0, 64 });
    answer_part(world, (struct part){ 1, true, 64, "2", 0, 64, 64 });
    answer_part(world, (struct part){ 0, true, 64, "2", 0, 0, 64 });
    answer_part(world, (struct part){ 1, true, 64, "3", 0, 64, 64 });
    expect_failure(world, "the representation keeps changing");
}

static void broken_responses_fail(void **state)
{
    static const struct {
        const char *reason;
        struct part first, second; /* second.size 0: the first fails already */
    } cases[] = {
        { "the response does not begin with block 0", { 1, true, 64, NULL, 0, 64, 64 }, { 0 } },
        { "the response does not begin with block 0", { 1, false, 64, NULL, 0, 64, 4 }, { 0 } },
        { "a block of the wrong length", { 0, true, 64, NULL, 0, 0, 63 }, { 0 } },
        { "a block of the wrong length", { 0, true, 64, NULL, 0, 0, 65 }, { 0 } },
        { "a block of the wrong length", { 0, true, 64, NULL, 0, 0, 0 }, { 0 } },
        { "a block of reserved size", { 0, true, 2048, NULL, 0, 0, 10 }, { 0 } },
        { "body too large", { 0, true, 64, NULL, 16385, 0, 64 }, { 0 } },
        { "a block out of order",
          { 0, true, 64, NULL, 0, 0, 64 },
          { 2, true, 64, NULL, 0, 128, 64 } },
        { "a block out of order",
          { 0, true, 64, NULL, 0, 0, 64 },
          { 0, true, 64, NULL, 0, 0, 64 } },
        { "a block of the wrong length",
          { 0, true, 64, NULL, 0, 0, 64 },
          { 1, false, 64, NULL, 0, 64, 65 } },
        { "a block of reserved size",
          { 0, true, 64, NULL, 0, 0, 64 },
          { 1, false, 2048, NULL, 0, 64, 6 } },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->event_count = 0;
        send_get(world);
        answer_part(world, cases[i].first);
        if (cases[i].second.size > 0) {
            assert_int_equal(world->event_count, 0);
            answer_part(world, cases[i].second);
        }
        expect_failure(world, cases[i].reason);
    }
}

static void a_body_that_grows_too_large_fails(void **state)
{
    struct world *world = *state;
    struct part part = { 0, true, 64, NULL, 0, 0, 64 };

    world->settings.max_body_size = 160;
    world_restart(world);
    send_get(world);
    answer_part(world, part);
    part = (struct part){ 1, true, 64, NULL, 0, 64, 64 };
    answer_part(world, part);
    part = (struct part){ 2, true, 64, NULL, 0, 128, 64 };
    answer_part(world, part);
    expect_failure(world, "body too large");
}

static void too_many_bodies_at_once_fail(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 4; i++) {
        send_get(world);
        answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
        assert_int_equal(world->event_count, 0);
    }
    send_get(world);
    answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_FAILED);
    assert_string_equal(last_event(world)->reason, "too many bodies under way");
}

static void an_error_on_the_way_is_the_outcome(void **state)
{
    struct world *world = *state;

    send_get(world);
    answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
    answer(world, LWCOAP_CODE(4, 4), "");
    expect_response(world, LWCOAP_CODE(4, 4));
    assert_int_equal(last_event(world)->body_len, 0);

    world->event_count = 0;
    send_get(world);
    answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
    answer(world, CONTENT, "");
    expect_failure(world, "a block without its Block2 option");
}

static void further_blocks_repeat_the_body_of_a_fetch_but_of_no_other_method(void **state)
{
    static const struct {
        uint8_t code;
        bool repeated;
    } cases[] = { { LWCOAP_FETCH, true }, { LWCOAP_POST, false }, { LWCOAP_IPATCH, false } };
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lwcoap_request request = request_of(cases[i].code, "/");
        request.content_format = 110;
        request.body = (const uint8_t *)"[]";
        request.body_len = 2;
        world->event_count = 0;
        send_request(world, &route, &request, NULL);
        answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
        assert_int_equal(last_sent(world)->message.payload_len, cases[i].repeated ? 2 : 0);
        assert_int_equal(sent_uint(last_sent(world), LWCOAP_OPTION_CONTENT_FORMAT),
                         cases[i].repeated ? 110 : -1);
        answer_part(world, (struct part){ 1, false, 64, NULL, 0, 64, 64 });
        expect_body(world, 128);
    }
}

static void long_both_ways(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_FETCH, "/");

    request.content_format = 110;
    request.body = pattern();
    request.body_len = 1100;
    send_request(world, &route, &request, NULL);
    answer(world, CONTINUE, "0/1/1024");
    answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK1), "");
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK2), "1/0/64");
    assert_int_equal(last_sent(world)->message.payload_len, 0);
    answer_part(world, (struct part){ 1, false, 64, NULL, 0, 64, 10 });
    expect_body(world, 74);
}

static void without_memory_a_response_in_blocks_fails(void **state)
{
    struct world *world = *state;
    unsigned at = 0;

    do {
        world->event_count = 0;
        world->sent_count = 0;
        send_get(world);
        fail_allocation = ++at;
        answer_part(world, (struct part){ 0, true, 64, NULL, 0, 0, 64 });
        fail_allocation = 0;
        if (world->event_count > 0) {
            expect_failure(world, "out of memory");
        }
    } while (world->event_count > 0);
    assert_true(at > 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_long_body_is_sent_in_blocks),
        CASE(a_body_of_one_block_is_not_cut),
        CASE(a_route_for_short_messages_gets_smaller_blocks),
        CASE(each_block_is_retransmitted_by_itself),
        CASE(a_late_repetition_of_an_earlier_answer_changes_nothing),
        CASE(an_empty_acknowledgement_is_reported_once_for_all_blocks),
        CASE(a_smaller_size_in_the_answer_is_adopted),
        CASE(a_larger_size_in_the_answer_is_not),
        CASE(too_large_with_a_smaller_size_restarts_with_it),
        CASE(too_large_for_a_short_body_cuts_it),
        CASE(too_large_without_a_smaller_size_is_the_outcome),
        CASE(incomplete_restarts_once),
        CASE(an_early_final_code_is_the_outcome),
        CASE(a_peer_that_takes_each_block_by_itself_gets_them_all),
        CASE(continue_after_the_last_block_fails),
        CASE(a_long_response_is_asked_for_block_by_block),
        CASE(sizes_may_change_on_the_way),
        CASE(our_smaller_size_is_asked_for_from_the_start),
        CASE(a_changed_representation_is_fetched_again_once),
        CASE(broken_responses_fail),
        CASE(a_body_that_grows_too_large_fails),
        CASE(too_many_bodies_at_once_fail),
        CASE(an_error_on_the_way_is_the_outcome),
        CASE(further_blocks_repeat_the_body_of_a_fetch_but_of_no_other_method),
        CASE(long_both_ways),
        CASE(without_memory_a_response_in_blocks_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
