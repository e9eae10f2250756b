/* Requests of peers that come in blocks: put together, refused, abandoned. */
#include "fake_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CONTINUE LWCOAP_CODE(2, 31)

static uint16_t message_id;

/* Sends block `num` of the pattern to `path`. */
static const struct sent *block_with(struct world *world, const struct transport_route *route,
                                     const char *path, uint32_t num, bool more, uint32_t size,
                                     size_t len, uint32_t size1, const char *tag)
{
    struct draft *message = draft(LWCOAP_CON, LWCOAP_POST, ++message_id, "t");

    with_option(message, LWCOAP_OPTION_URI_PATH, path);
    if (num == 0) {
        with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 40);
    }
    with_block(message, LWCOAP_OPTION_BLOCK1, num, more, size);
    if (size1 > 0) {
        with_uint(message, LWCOAP_OPTION_SIZE1, size1);
    }
    if (tag) {
        with_option(message, LWCOAP_OPTION_REQUEST_TAG, tag);
    }
    with_payload(message, pattern() + num * size, len);
    receive(world, route, message);
    return last_sent(world);
}

static const struct sent *block(struct world *world, const struct transport_route *route,
                                const char *path, uint32_t num, bool more)
{
    return block_with(world, route, path, num, more, 64, 64, 0, NULL);
}

static struct transport_route held_route(struct world *world, unsigned number)
{
    struct transport_route route = peer_route(number);

    assert_non_null(lwcoap_peer_hold(world->endpoint, &route));
    return route;
}

static void expect_body(struct world *world, size_t len)
{
    assert_int_equal(last_event(world)->body_len, len);
    assert_memory_equal(last_event(world)->body, pattern(), len);
    assert_int_equal(last_event(world)->content_format, 40);
}

static void a_body_in_blocks_is_handed_on_whole(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    const struct sent *sent = block(world, &route, "rd", 0, true);
    assert_int_equal(sent->message.type, LWCOAP_ACK);
    assert_int_equal(sent->message.code, CONTINUE);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "0/1/64");
    sent = block(world, &route, "rd", 1, true);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "1/1/64");
    assert_int_equal(world->event_count, 0);
    sent = block_with(world, &route, "rd", 2, false, 64, 10, 0, NULL);
    assert_int_equal(sent->message.code, LWCOAP_CODE(2, 4));
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "2/0/64");
    assert_int_equal(world->event_count, 1);
    expect_body(world, 138);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void a_body_in_one_block_needs_no_transfer(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->settings.max_transfers = 0;
    world_restart(world);
    const struct sent *sent = block_with(world, &route, "rd", 0, false, 64, 10, 0, NULL);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "0/0/64");
    expect_body(world, 10);
}

static void a_repeated_block_is_acknowledged_again_but_taken_once(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    block(world, &route, "rd", 0, true);
    message_id--;
    block(world, &route, "rd", 0, true);
    assert_int_equal(world->sent_count, 2);
    block(world, &route, "rd", 1, false);
    message_id--;
    block(world, &route, "rd", 1, false);
    assert_int_equal(world->event_count, 1);
    expect_body(world, 128);
}

static void blocks_that_do_not_follow_are_refused(void **state)
{
    static const struct {
        const char *name;
        uint32_t num;
        bool more;
        uint32_t size;
        size_t len;
        uint8_t code;
    } cases[] = {
        { "one left out", 2, true, 64, 64, LWCOAP_CODE(4, 8) },
        { "one twice", 0xffff, true, 64, 64, LWCOAP_CODE(4, 8) },
        { "last one far away", 1048575, false, 1024, 10, LWCOAP_CODE(4, 8) },
        { "shorter than its size", 1, true, 64, 63, LWCOAP_CODE(4, 0) },
        { "longer than its size", 1, true, 64, 65, LWCOAP_CODE(4, 0) },
        { "last one longer than its size", 1, false, 64, 65, LWCOAP_CODE(4, 0) },
    };
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        block(world, &route, "rd", 0, true);
        struct draft *message = draft(LWCOAP_CON, LWCOAP_POST, ++message_id, "t");
        with_option(message, LWCOAP_OPTION_URI_PATH, "rd");
        with_block(message, LWCOAP_OPTION_BLOCK1, cases[i].num, cases[i].more, cases[i].size);
        with_payload(message, pattern(), cases[i].len);
        receive(world, &route, message);
        if (last_sent(world)->message.code != cases[i].code) {
            fail_msg("%s: %02x", cases[i].name, last_sent(world)->message.code);
        }
        assert_int_equal(world->event_count, 0);
        block(world, &route, "rd", 1, false); /* what came before it is not lost */
        assert_int_equal(world->event_count, 1);
        expect_body(world, 128);
        world->event_count = 0;
    }
}

static void a_block_without_a_beginning_is_refused(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    assert_int_equal(block(world, &route, "rd", 1, true)->message.code, LWCOAP_CODE(4, 8));
    assert_int_equal(block(world, &route, "rd", 1, false)->message.code, LWCOAP_CODE(4, 8));
    assert_int_equal(world->event_count, 0);
}

static void a_new_beginning_replaces_the_old(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    block(world, &route, "rd", 0, true);
    block(world, &route, "rd", 1, true);
    block(world, &route, "rd", 0, true);
    block(world, &route, "rd", 1, false);
    expect_body(world, 128);
}

static void a_body_that_is_too_large_is_refused_as_soon_as_it_is_known(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->settings.max_body_size = 100;
    world_restart(world);
    const struct sent *sent = block_with(world, &route, "rd", 0, true, 64, 64, 101, NULL);
    assert_int_equal(sent->message.code, LWCOAP_CODE(4, 13));
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_SIZE1), 100);

    sent = block_with(world, &route, "rd", 0, true, 64, 64, 100, NULL);
    assert_int_equal(sent->message.code, CONTINUE);
    sent = block(world, &route, "rd", 1, true);
    assert_int_equal(sent->message.code, LWCOAP_CODE(4, 13));
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_SIZE1), 100);
    assert_int_equal(block(world, &route, "rd", 2, false)->message.code, LWCOAP_CODE(4, 8));
    assert_int_equal(world->event_count, 0);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void blocks_larger_than_ours_are_taken_and_smaller_ones_asked_for(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->settings.max_block_size = 64;
    world_restart(world);
    const struct sent *sent = block_with(world, &route, "rd", 0, true, 256, 256, 0, NULL);
    assert_int_equal(sent->message.code, CONTINUE);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "0/1/64");
    sent = block(world, &route, "rd", 4, true);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "4/1/64");
    block(world, &route, "rd", 5, false);
    expect_body(world, 384);
}

static void transfers_of_different_peers_paths_and_tags_do_not_mix(void **state)
{
    struct world *world = *state;
    struct transport_route one = held_route(world, 1), two = held_route(world, 2);

    block(world, &one, "rd", 0, true);
    block(world, &two, "rd", 0, true);
    block(world, &one, "dp", 0, true);
    block_with(world, &one, "rd", 0, true, 64, 64, 0, "tag");
    for (unsigned i = 0; i < 4; i++) {
        const struct transport_route *route = i == 1 ? &two : &one;
        block_with(world, route, i == 2 ? "dp" : "rd", 1, true, 64, 64, 0, i == 3 ? "tag" : NULL);
        assert_int_equal(last_sent(world)->message.code, CONTINUE);
    }
    for (unsigned i = 0; i < 4; i++) {
        const struct transport_route *route = i == 1 ? &two : &one;
        block_with(world, route, i == 2 ? "dp" : "rd", 2, false, 64, 8, 0, i == 3 ? "tag" : NULL);
        assert_int_equal(world->event_count, i + 1);
        expect_body(world, 136);
    }
}

static void too_many_transfers_are_refused_for_a_while(void **state)
{
    struct world *world = *state;

    for (unsigned i = 0; i < 4; i++) {
        struct transport_route route = held_route(world, i);
        assert_int_equal(block(world, &route, "rd", 0, true)->message.code, CONTINUE);
        pass(world, 1000);
    }
    struct transport_route first = peer_route(0), late = held_route(world, 9);
    const struct sent *sent = block(world, &late, "rd", 0, true);
    assert_int_equal(sent->message.code, LWCOAP_CODE(5, 3));
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_MAX_AGE), 30);
    assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->transfers_refused, 1);

    /* the one that is quiet for longest makes room, once no living peer would be */
    block(world, &first, "rd", 1, true);
    pass(world, 92500);
    assert_int_equal(block(world, &late, "rd", 0, true)->message.code, CONTINUE);
    assert_int_equal(block(world, &first, "rd", 2, true)->message.code, CONTINUE);
    struct transport_route second = peer_route(1);
    assert_int_equal(block(world, &second, "rd", 1, true)->message.code, LWCOAP_CODE(4, 8));
}

static void strangers_leave_half_of_the_places_to_held_peers(void **state)
{
    struct world *world = *state;
    struct transport_route held = held_route(world, 100);

    for (unsigned i = 0; i < 10; i++) {
        struct transport_route route = peer_route(i);
        uint8_t code = block(world, &route, "rd", 0, true)->message.code;
        assert_int_equal(code, i < 2 ? CONTINUE : LWCOAP_CODE(5, 3));
    }
    assert_int_equal(block(world, &held, "rd", 0, true)->message.code, CONTINUE);
    struct transport_route first = peer_route(0), late = peer_route(9);
    block(world, &first, "rd", 1, false); /* it is done: its place is free */
    assert_int_equal(block(world, &late, "rd", 0, true)->message.code, CONTINUE);
}

static void a_peer_has_four_at_once(void **state)
{
    struct world *world = *state;

    world->settings.max_transfers = 100;
    world_restart(world);
    struct transport_route greedy = held_route(world, 1), other = held_route(world, 2);
    for (unsigned i = 0; i < 6; i++) {
        char tag[] = { (char)('a' + i), '\0' };
        block_with(world, &greedy, "dp", 0, true, 64, 64, 0, tag);
        assert_int_equal(last_sent(world)->message.code, i < 4 ? CONTINUE : LWCOAP_CODE(5, 3));
    }
    assert_int_equal(block(world, &other, "dp", 0, true)->message.code, CONTINUE);
    block_with(world, &greedy, "dp", 1, false, 64, 8, 0, "b"); /* one is done */
    block_with(world, &greedy, "dp", 0, true, 64, 64, 0, "x");
    assert_int_equal(last_sent(world)->message.code, CONTINUE);
}

static void all_bodies_together_are_bounded(void **state)
{
    struct world *world = *state;

    world->settings.max_bodies_size = 4096;
    world_restart(world);
    struct transport_route one = held_route(world, 1), two = held_route(world, 2),
                           three = held_route(world, 3);
    assert_int_equal(block(world, &one, "rd", 0, true)->message.code, CONTINUE);
    assert_int_equal(block(world, &two, "rd", 0, true)->message.code, CONTINUE);
    assert_int_equal(block(world, &three, "rd", 0, true)->message.code, LWCOAP_CODE(5, 3));
    block(world, &two, "rd", 1, false);
    for (unsigned i = 1; i < 40; i++) { /* now there is room for it to grow */
        assert_int_equal(block(world, &one, "rd", i, true)->message.code, CONTINUE);
    }
    assert_int_equal(block(world, &three, "rd", 0, true)->message.code, LWCOAP_CODE(5, 3));
    block(world, &one, "rd", 40, false);
    assert_int_equal(block(world, &three, "rd", 0, true)->message.code, CONTINUE);
}

static size_t no_more_than_100(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct world *world = ctx;
    const struct lwcoap_reply reply = { .code = LWCOAP_CODE(4, 1),
                                        .content_format = LWCOAP_FORMAT_NONE };

    if (inbound->message->code == LWCOAP_POST) {
        return 100;
    }
    lwcoap_respond(world->endpoint, &inbound->receipt, &reply, world->now_ms);
    return 0;
}

static void who_uses_the_endpoint_says_how_long_a_body_may_get(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->body_limit = no_more_than_100;
    world_restart(world);
    assert_int_equal(block(world, &route, "rd", 0, true)->message.code, CONTINUE);
    const struct sent *sent = block(world, &route, "rd", 1, true);
    assert_int_equal(sent->message.code, LWCOAP_CODE(4, 13));
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_SIZE1), 100);

    struct draft *put = draft(LWCOAP_CON, LWCOAP_PUT, 7, "t");
    with_block(put, LWCOAP_OPTION_BLOCK1, 0, true, 64);
    with_payload(put, pattern(), 64);
    receive(world, &route, put);
    assert_int_equal(last_sent(world)->message.code, LWCOAP_CODE(4, 1));
    assert_string_equal(sent_block(last_sent(world), LWCOAP_OPTION_BLOCK1), "");
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX); /* nothing is kept */
}

static void an_abandoned_transfer_goes_after_its_lifetime(void **state)
{
    static const struct {
        bool held;
        uint64_t lifetime_ms;
    } cases[] = { { true, 247000 }, { false, 93000 } };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_restart(world);
        struct transport_route route = cases[i].held ? held_route(world, 1) : peer_route(1);
        block(world, &route, "rd", 0, true);
        pass(world, cases[i].lifetime_ms - 1);
        assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->transfers_abandoned, 0);
        pass(world, 1);
        assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->transfers_abandoned, 1);
        assert_int_equal(block(world, &route, "rd", 1, false)->message.code, LWCOAP_CODE(4, 8));
    }
}

static void memory_follows_what_arrived_not_what_was_announced(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    largest_allocation = 0;
    block_with(world, &route, "rd", 0, true, 16, 16, 16384, NULL);
    assert_int_equal(last_sent(world)->message.code, CONTINUE);
    assert_in_range(largest_allocation, 16, 2048);
}

static void without_memory_a_block_is_refused_and_nothing_stays(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    const struct sent *sent;
    unsigned at = 0;

    do {
        fail_allocation = ++at;
        world->sent_count = 0;
        sent = block(world, &route, "rd", 0, true);
        if (sent->message.code != CONTINUE) {
            assert_int_equal(sent->message.code, LWCOAP_CODE(5, 3));
            assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
        }
    } while (sent->message.code != CONTINUE);
    fail_allocation = 0;
    assert_true(at > 3);
}

static void long_answers_to_long_requests_carry_both_options(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->reply.payload = pattern();
    world->reply.payload_len = 2000;
    block(world, &route, "rd", 0, true);
    const struct sent *sent = block(world, &route, "rd", 1, false);
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK1), "1/0/64");
    assert_string_equal(sent_block(sent, LWCOAP_OPTION_BLOCK2), "0/1/1024");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_body_in_blocks_is_handed_on_whole),
        CASE(a_body_in_one_block_needs_no_transfer),
        CASE(a_repeated_block_is_acknowledged_again_but_taken_once),
        CASE(blocks_that_do_not_follow_are_refused),
        CASE(a_block_without_a_beginning_is_refused),
        CASE(a_new_beginning_replaces_the_old),
        CASE(a_body_that_is_too_large_is_refused_as_soon_as_it_is_known),
        CASE(blocks_larger_than_ours_are_taken_and_smaller_ones_asked_for),
        CASE(transfers_of_different_peers_paths_and_tags_do_not_mix),
        CASE(too_many_transfers_are_refused_for_a_while),
        CASE(strangers_leave_half_of_the_places_to_held_peers),
        CASE(a_peer_has_four_at_once),
        CASE(all_bodies_together_are_bounded),
        CASE(who_uses_the_endpoint_says_how_long_a_body_may_get),
        CASE(an_abandoned_transfer_goes_after_its_lifetime),
        CASE(memory_follows_what_arrived_not_what_was_announced),
        CASE(without_memory_a_block_is_refused_and_nothing_stays),
        CASE(long_answers_to_long_requests_carry_both_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
