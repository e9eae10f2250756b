/* A request is handled once, whatever the network repeats, and its answer is the same each time. */
#include "fake_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void receive_post(struct world *world, const struct transport_route *route,
                         uint16_t message_id)
{
    receive(world, route, draft(LWCOAP_CON, LWCOAP_POST, message_id, "tok"));
}

/* The same request once more: not handled, answered with the same bytes as the first time. */
static void expect_repeated(struct world *world, const struct transport_route *route,
                            uint16_t message_id, const struct sent *answer)
{
    struct sent first = *answer;
    unsigned events = world->event_count, sent = world->sent_count;

    receive_post(world, route, message_id);
    assert_int_equal(world->event_count, events);
    assert_int_equal(world->sent_count, sent + 1);
    assert_int_equal(last_sent(world)->len, first.len);
    assert_memory_equal(last_sent(world)->bytes, first.bytes, first.len);
}

static void a_duplicate_of_a_stranger_gets_the_same_answer(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive_post(world, &route, 7);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void a_duplicate_of_a_held_peer_gets_the_same_answer(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    assert_true(transport_route_same_peer(lwcoap_peer_route(peer), &route));
    receive_post(world, &route, 7);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
}

static void the_same_message_id_of_another_peer_is_another_message(void **state)
{
    struct world *world = *state;
    struct transport_route one = peer_route(1), other = peer_route(2);

    receive_post(world, &one, 7);
    receive_post(world, &other, 7);
    other = one;
    other.listener = 1;
    receive_post(world, &other, 7);
    other = one;
    other.session = 5;
    receive_post(world, &other, 7);
    assert_int_equal(world->event_count, 4);
}

static void a_duplicate_is_dropped_while_the_request_is_being_handled(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->respond = false;
    receive_post(world, &route, 7);
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, 1);
    assert_int_equal(world->sent_count, 0);
    lwcoap_respond(world->endpoint, &last_event(world)->receipt, &world->reply, world->now_ms);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void a_disregarded_request_is_new_when_it_comes_again(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->respond = false;
    receive_post(world, &route, 7);
    lwcoap_disregard(world->endpoint, &last_event(world)->receipt);
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, 2);
}

static void an_answered_request_cannot_be_disregarded(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive_post(world, &route, 7);
    lwcoap_disregard(world->endpoint, &last_event(world)->receipt);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void a_message_id_is_new_again_after_its_lifetime(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive_post(world, &route, 7);
    pass(world, 246000);
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, 1);
    pass(world, 2000);
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, 2);
}

static void a_duplicate_nonconfirmable_is_dropped_for_145_seconds(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive(world, &route, draft(LWCOAP_NON, LWCOAP_POST, 7, "t"));
    pass(world, 144000);
    receive(world, &route, draft(LWCOAP_NON, LWCOAP_POST, 7, "t"));
    assert_int_equal(world->event_count, 1);
    assert_int_equal(world->sent_count, 1);
    pass(world, 2000);
    receive(world, &route, draft(LWCOAP_NON, LWCOAP_POST, 7, "t"));
    assert_int_equal(world->event_count, 2);
}

/* --- peers that come and go between a request and its duplicate --- */

static struct lwcoap_peer *held;

static void hold_peer(struct world *world, const struct lwcoap_inbound *inbound)
{
    held = lwcoap_peer_hold(world->endpoint, &inbound->receipt.route);
    assert_non_null(held);
}

static void release_peer(struct world *world, const struct lwcoap_inbound *inbound)
{
    (void)inbound;
    lwcoap_peer_release(world->endpoint, held);
}

static void the_answer_to_a_register_survives_that_its_peer_is_held_by_it(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->on_request = hold_peer;
    receive_post(world, &route, 7);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, held);
}

static void the_answer_survives_that_the_peer_is_held_later(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    receive_post(world, &route, 7);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void the_answer_to_a_deregister_survives_that_its_peer_is_released_by_it(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    held = lwcoap_peer_hold(world->endpoint, &route);
    world->on_request = release_peer;
    receive_post(world, &route, 7);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void the_answer_survives_that_the_peer_is_released_and_held_again(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    receive_post(world, &route, 7);
    lwcoap_peer_release(world->endpoint, peer);
    expect_repeated(world, &route, 7, last_sent(world));
    peer = lwcoap_peer_hold(world->endpoint, &route);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
}

static void a_pending_request_survives_that_its_peer_is_released(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    world->respond = false;
    receive_post(world, &route, 7);
    lwcoap_peer_release(world->endpoint, peer);
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, 1);
    lwcoap_respond(world->endpoint, &last_event(world)->receipt, &world->reply, world->now_ms);
    expect_repeated(world, &route, 7, last_sent(world));
}

static void another_peer_that_is_released_takes_nothing_along(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1), other_route = peer_route(2);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);
    struct lwcoap_peer *other = lwcoap_peer_hold(world->endpoint, &other_route);

    receive_post(world, &route, 7);
    lwcoap_peer_release(world->endpoint, other);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
}

static void a_peer_held_twice_stays_until_it_is_released_twice(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    assert_ptr_equal(lwcoap_peer_hold(world->endpoint, &route), peer);
    lwcoap_peer_release(world->endpoint, peer);
    receive_post(world, &route, 7);
    expect_repeated(world, &route, 7, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
}

static void thousands_of_peers_come_and_go_and_the_others_stay(void **state)
{
    enum { PEERS = 5000 };
    static struct lwcoap_peer *peers[PEERS];
    struct world *world = *state;
    uint32_t seed = 1;

    memset(peers, 0, sizeof peers);
    for (unsigned step = 0; step < 40000; step++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned number = (seed >> 8) % PEERS;
        struct transport_route route = peer_route(number);
        if (peers[number]) {
            lwcoap_peer_release(world->endpoint, peers[number]);
            peers[number] = NULL;
        } else {
            peers[number] = lwcoap_peer_hold(world->endpoint, &route);
            assert_null(lwcoap_peer_owner(peers[number]));
            lwcoap_peer_set_owner(peers[number], &peers[number]);
            assert_true(transport_route_same_peer(lwcoap_peer_route(peers[number]), &route));
        }
    }
    for (unsigned number = 0; number < PEERS; number++) {
        struct transport_route route = peer_route(number);
        assert_ptr_equal(lwcoap_peer_find(world->endpoint, &route), peers[number]);
        struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);
        assert_ptr_equal(lwcoap_peer_owner(peer), peers[number] ? &peers[number] : NULL);
        lwcoap_peer_release(world->endpoint, peer);
        lwcoap_peer_release(world->endpoint, peers[number]);
    }
}

/* --- long answers, many messages --- */

static void a_long_answer_is_repeated_too(void **state)
{
    struct world *world = *state;
    struct transport_route stranger = peer_route(1), known = peer_route(2);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &known);

    world->reply.payload = pattern();
    world->reply.payload_len = 900;
    receive_post(world, &stranger, 7);
    expect_repeated(world, &stranger, 7, last_sent(world));
    receive_post(world, &known, 8);
    expect_repeated(world, &known, 8, last_sent(world));
    lwcoap_peer_release(world->endpoint, peer);
    expect_repeated(world, &known, 8, last_sent(world));
}

static void an_answer_given_again_replaces_a_longer_one(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->reply.payload = pattern();
    world->reply.payload_len = 900;
    receive_post(world, &route, 7);
    world->reply.payload_len = 0;
    lwcoap_respond(world->endpoint, &last_event(world)->receipt, &world->reply, world->now_ms);
    expect_repeated(world, &route, 7, last_sent(world));
    assert_int_equal(last_sent(world)->message.payload_len, 0);
}

static void the_last_four_messages_of_a_peer_are_known(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    for (uint16_t id = 1; id <= 5; id++) {
        receive_post(world, &route, id);
        pass(world, 1000);
    }
    for (uint16_t id = 2; id <= 5; id++) {
        receive_post(world, &route, id);
    }
    assert_int_equal(world->event_count, 5);
    receive_post(world, &route, 1);
    assert_int_equal(world->event_count, 6);
    lwcoap_peer_release(world->endpoint, peer);
}

static void a_pending_request_outlives_a_burst_of_nonconfirmables(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    world->respond = false;
    receive_post(world, &route, 7);
    for (uint16_t id = 100; id < 110; id++) {
        pass(world, 1000);
        receive(world, &route, draft(LWCOAP_NON, LWCOAP_POST, id, "t"));
        lwcoap_respond(world->endpoint, &last_event(world)->receipt, &world->reply, world->now_ms);
    }
    unsigned events = world->event_count;
    receive_post(world, &route, 7);
    assert_int_equal(world->event_count, events);
    lwcoap_peer_release(world->endpoint, peer);
}

static void drop_event(struct world *world, const struct lwcoap_inbound *inbound)
{
    (void)inbound;
    world->event_count = 0;
}

static void a_noisy_stranger_forgets_its_own_messages_only(void **state)
{
    struct world *world = *state;
    struct transport_route quiet = peer_route(1), noisy = peer_route(3);

    receive_post(world, &quiet, 7);
    world->on_request = drop_event;
    for (unsigned id = 0; id < 60000; id++) {
        receive_post(world, &noisy, (uint16_t)id);
    }
    world->sent_count = 0;
    receive_post(world, &quiet, 7);
    assert_int_equal(world->event_count, 0);
    assert_int_equal(world->sent_count, 1);
}

/* A fleet that comes back after an outage: the ACK of a Register that got lost is repeated. */
static void the_answer_to_a_register_survives_a_storm_of_strangers(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->on_request = hold_peer;
    receive_post(world, &route, 7);
    struct sent answer = *last_sent(world);
    world->on_request = drop_event;
    for (unsigned number = 100; number < 20100; number++) {
        struct transport_route other = peer_route(number);
        receive_post(world, &other, 7);
    }
    world->on_request = NULL;
    world->event_count = world->sent_count = 0;
    expect_repeated(world, &route, 7, &answer);
    lwcoap_peer_release(world->endpoint, held);
}

static void many_pending_messages_of_a_peer_are_known(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer = lwcoap_peer_hold(world->endpoint, &route);

    world->respond = false;
    for (int round = 0; round < 2; round++) {
        for (uint16_t id = 1; id <= 7; id++) {
            receive_post(world, &route, id);
            pass(world, 1);
        }
    }
    assert_int_equal(world->event_count, 7);
    for (uint16_t id = 1; id <= 7; id++) {
        lwcoap_respond(world->endpoint, &world->events[id - 1].receipt, &world->reply,
                       world->now_ms);
        expect_repeated(world, &route, id, last_sent(world));
    }
    lwcoap_peer_release(world->endpoint, peer);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_duplicate_of_a_stranger_gets_the_same_answer),
        CASE(a_duplicate_of_a_held_peer_gets_the_same_answer),
        CASE(the_same_message_id_of_another_peer_is_another_message),
        CASE(a_duplicate_is_dropped_while_the_request_is_being_handled),
        CASE(a_disregarded_request_is_new_when_it_comes_again),
        CASE(an_answered_request_cannot_be_disregarded),
        CASE(a_message_id_is_new_again_after_its_lifetime),
        CASE(a_duplicate_nonconfirmable_is_dropped_for_145_seconds),
        CASE(the_answer_to_a_register_survives_that_its_peer_is_held_by_it),
        CASE(the_answer_survives_that_the_peer_is_held_later),
        CASE(the_answer_to_a_deregister_survives_that_its_peer_is_released_by_it),
        CASE(the_answer_survives_that_the_peer_is_released_and_held_again),
        CASE(a_pending_request_survives_that_its_peer_is_released),
        CASE(another_peer_that_is_released_takes_nothing_along),
        CASE(a_peer_held_twice_stays_until_it_is_released_twice),
        CASE(thousands_of_peers_come_and_go_and_the_others_stay),
        CASE(a_long_answer_is_repeated_too),
        CASE(an_answer_given_again_replaces_a_longer_one),
        CASE(the_last_four_messages_of_a_peer_are_known),
        CASE(a_pending_request_outlives_a_burst_of_nonconfirmables),
        CASE(a_noisy_stranger_forgets_its_own_messages_only),
        CASE(the_answer_to_a_register_survives_a_storm_of_strangers),
        CASE(many_pending_messages_of_a_peer_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
