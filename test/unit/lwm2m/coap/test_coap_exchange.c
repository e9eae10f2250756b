/* Our requests: what is sent, when it is sent again, and what becomes of them. */
#include "fake_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CONTENT LWCOAP_CODE(2, 5)

static struct sent send_get(struct world *world, const struct transport_route *route)
{
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3/0");

    send_request(world, route, &request, NULL);
    return *last_sent(world);
}

static void expect_outcome(struct world *world, enum lwcoap_outcome outcome)
{
    assert_int_equal(last_event(world)->kind, EVENT_OUTCOME);
    assert_int_equal(last_event(world)->outcome, outcome);
}

static void a_request_carries_all_its_options(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = { .code = LWCOAP_PUT,
                                      .path = "/lwm2m/3/0",
                                      .query = "pmin=1&pmax=5&gt",
                                      .content_format = 112,
                                      .accept = 110,
                                      .observe = -1,
                                      .body = (const uint8_t *)"abc",
                                      .body_len = 3 };
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    unsigned queries = 0;

    send_request(world, &route, &request, NULL);
    const struct sent *sent = last_sent(world);
    assert_true(transport_route_same_peer(&sent->route, &route));
    assert_int_equal(sent->message.type, LWCOAP_CON);
    assert_int_equal(sent->message.code, LWCOAP_PUT);
    assert_int_equal(sent->message.token_len, 8);
    assert_string_equal(sent_path(sent), "/lwm2m/3/0");
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_CONTENT_FORMAT), 112);
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_ACCEPT), 110);
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_OBSERVE), -1);
    assert_int_equal(sent_uint(sent, LWCOAP_OPTION_BLOCK2), -1);
    assert_memory_equal(sent->message.payload, "abc", 3);
    lwcoap_option_reader_init(&reader, &sent->message);
    while (lwcoap_option_next(&reader, &option)) {
        queries += option.number == LWCOAP_OPTION_URI_QUERY;
    }
    assert_int_equal(queries, 3);
}

static void paths_become_segments(void **state)
{
    static const struct {
        const char *path, *sent;
    } cases[] = { { "/3/0", "/3/0" }, { "3/0", "/3/0" }, { "/", "" },
                  { "", "" },         { NULL, "" },      { "/a//b", "/a//b" } };
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lwcoap_request request = request_of(LWCOAP_GET, cases[i].path);
        send_request(world, &route, &request, NULL);
        assert_string_equal(sent_path(last_sent(world)), cases[i].sent);
    }
}

static void requests_that_cannot_be_sent_are_refused(void **state)
{
    static char text[1400];
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_observation observation;
    struct lwcoap_request long_segment = request_of(LWCOAP_GET, text + sizeof text - 257);
    struct lwcoap_request long_path = request_of(LWCOAP_GET, text);
    struct lwcoap_request long_query = request_of(LWCOAP_GET, "/");
    struct lwcoap_request long_body = request_of(LWCOAP_PUT, "/");
    struct lwcoap_request observe = request_of(LWCOAP_GET, "/3");
    struct lwcoap_request plain = request_of(LWCOAP_GET, "/3");

    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i < sizeof text - 300 && i % 100 == 0 ? '/' : 'x';
    }
    long_query.query = text + sizeof text - 257;
    long_body.body = pattern();
    long_body.body_len = world->settings.max_body_size + 1;
    observe.observe = 0;
    lwcoap_observation_init(world->endpoint, &observation, NULL);
    const struct {
        const struct lwcoap_request *request;
        struct lwcoap_observation *observation;
    } cases[] = { { &long_segment, NULL }, { &long_path, NULL }, { &long_query, NULL },
                  { &long_body, NULL },    { &observe, NULL },   { &plain, &observation } };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(lwcoap_request_send(world->endpoint, &route, cases[i].request,
                                             cases[i].observation, NULL, NULL, world->now_ms, NULL),
                         -EINVAL);
    }
    assert_int_equal(world->sent_count, 0);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void exchanges_are_bounded(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");

    for (unsigned i = 0; i < world->settings.max_exchanges; i++) {
        send_get(world, &route);
    }
    assert_int_equal(lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                         world->now_ms, NULL),
                     -ENOSPC);
    pass(world, 200000);
    send_get(world, &route);
}

static void a_request_is_sent_five_times_with_doubled_waits_then_times_out(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent first = send_get(world, &route);
    uint64_t wait_ms = 0, sent_ms = world->now_ms;

    for (unsigned i = 1; i <= 5; i++) {
        uint64_t next_ms = lwcoap_endpoint_next_ms(world->endpoint);
        while (world->sent_count == i && world->event_count == 0) {
            next_ms = lwcoap_endpoint_next_ms(world->endpoint);
            pass(world, next_ms - world->now_ms);
        }
        if (i == 1) {
            wait_ms = world->now_ms - sent_ms;
            assert_in_range(wait_ms, 2000, 3000);
        }
        assert_int_equal(world->now_ms - sent_ms, wait_ms << (i - 1));
        sent_ms = world->now_ms;
        assert_int_equal(last_sent(world)->len, first.len);
        assert_memory_equal(last_sent(world)->bytes, first.bytes, first.len);
    }
    assert_int_equal(world->sent_count, 5);
    assert_int_equal(world->event_count, 1);
    expect_outcome(world, LWCOAP_OUTCOME_TIMEOUT);
    assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->retransmissions, 4);
}

static void first_waits_differ_from_request_to_request(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    struct lwcoap_exchange *exchange;
    uint64_t least = UINT64_MAX, most = 0;

    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                             world->now_ms, &exchange),
                         0);
        uint64_t before_ms = world->now_ms;
        unsigned sent = world->sent_count;
        while (world->sent_count == sent) {
            pass(world, 1);
        }
        uint64_t wait_ms = world->now_ms - before_ms;
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
        lwcoap_exchange_cancel(world->endpoint, exchange);
    }
    assert_in_range(least, 2000, 2200);
    assert_in_range(most, 2800, 3000);
}

static void a_piggybacked_response_ends_the_exchange(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);
    struct draft *message = draft_reply(LWCOAP_ACK, CONTENT, sent.message.message_id, &sent);

    with_option(message, LWCOAP_OPTION_LOCATION_PATH, "rd");
    with_option(message, LWCOAP_OPTION_LOCATION_PATH, "5");
    with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 112);
    with_payload(message, "xyz", 3);
    receive(world, &route, message);
    expect_outcome(world, LWCOAP_OUTCOME_RESPONSE);
    const struct event *event = last_event(world);
    assert_int_equal(event->code, CONTENT);
    assert_int_equal(event->content_format, 112);
    assert_int_equal(event->observe, -1);
    assert_string_equal(event->location, "/rd/5");
    assert_memory_equal(event->body, "xyz", 3);
    pass(world, 300000);
    assert_int_equal(world->event_count, 1);
    assert_int_equal(world->sent_count, 1);
}

static void answers_that_do_not_match_are_ignored(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1), other = peer_route(2);
    struct sent sent = send_get(world, &route);
    uint16_t id = sent.message.message_id;

    receive(world, &route, draft(LWCOAP_ACK, CONTENT, id, "otherone"));
    receive(world, &route, draft(LWCOAP_ACK, CONTENT, id, ""));
    receive(world, &route, draft_reply(LWCOAP_ACK, CONTENT, (uint16_t)(id + 1), &sent));
    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, (uint16_t)(id + 1), ""));
    receive(world, &route, draft(LWCOAP_RST, LWCOAP_EMPTY, (uint16_t)(id + 1), ""));
    receive(world, &other, draft(LWCOAP_ACK, LWCOAP_EMPTY, id, ""));
    receive(world, &other, draft(LWCOAP_RST, LWCOAP_EMPTY, id, ""));
    struct draft *critical = draft_reply(LWCOAP_ACK, CONTENT, id, &sent);
    with_option(critical, 9, "x");
    receive(world, &route, critical);
    assert_int_equal(world->event_count, 0);
    assert_int_equal(world->sent_count, 1);
    assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->ignored, 8);
    receive(world, &route, draft_reply(LWCOAP_ACK, CONTENT, id, &sent));
    expect_outcome(world, LWCOAP_OUTCOME_RESPONSE);
}

static void a_reset_ends_the_exchange(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);

    receive(world, &route, draft(LWCOAP_RST, LWCOAP_EMPTY, sent.message.message_id, ""));
    expect_outcome(world, LWCOAP_OUTCOME_RESET);
    receive(world, &route, draft(LWCOAP_RST, LWCOAP_EMPTY, sent.message.message_id, ""));
    assert_int_equal(world->event_count, 1);
}

static void
an_empty_acknowledgement_stops_retransmission_and_a_separate_response_follows(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);

    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
    expect_outcome(world, LWCOAP_OUTCOME_ACKNOWLEDGED);
    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
    pass(world, 90000);
    assert_int_equal(world->sent_count, 1);
    assert_int_equal(world->event_count, 1);

    receive(world, &route, draft_reply(LWCOAP_CON, CONTENT, 500, &sent));
    expect_outcome(world, LWCOAP_OUTCOME_RESPONSE);
    assert_int_equal(world->sent_count, 2);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
    assert_int_equal(last_sent(world)->message.code, LWCOAP_EMPTY);
    assert_int_equal(last_sent(world)->message.message_id, 500);

    /* our ACK was lost */
    receive(world, &route, draft_reply(LWCOAP_CON, CONTENT, 500, &sent));
    assert_int_equal(world->event_count, 2);
    assert_int_equal(world->sent_count, 3);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
}

static void without_a_response_after_the_acknowledgement_it_times_out(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);

    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
    pass(world, 92999);
    assert_int_equal(world->event_count, 1);
    pass(world, 1);
    expect_outcome(world, LWCOAP_OUTCOME_TIMEOUT);
}

static void a_separate_response_counts_although_its_acknowledgement_was_lost(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1), after_nat = peer_route(2);
    struct sent sent = send_get(world, &route);

    receive(world, &after_nat, draft_reply(LWCOAP_NON, CONTENT, 500, &sent));
    expect_outcome(world, LWCOAP_OUTCOME_RESPONSE);
    assert_int_equal(world->sent_count, 1);
    receive(world, &after_nat, draft_reply(LWCOAP_NON, CONTENT, 500, &sent));
    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
    assert_int_equal(world->event_count, 1);
    assert_int_equal(world->sent_count, 1);
}

static void a_separate_response_with_an_unknown_critical_option_is_rejected(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);
    struct draft *message = draft_reply(LWCOAP_CON, CONTENT, 500, &sent);

    with_option(message, 9, "x");
    receive(world, &route, message);
    assert_int_equal(world->event_count, 0);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
    assert_int_equal(last_sent(world)->message.message_id, 500);
}

static void a_cancelled_exchange_is_silent_and_its_late_response_unknown(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    struct lwcoap_exchange *exchange;

    assert_int_equal(lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                         world->now_ms, &exchange),
                     0);
    struct sent sent = *last_sent(world);
    lwcoap_exchange_cancel(world->endpoint, exchange);
    receive(world, &route, draft_reply(LWCOAP_CON, CONTENT, 500, &sent));
    assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
    pass(world, 300000);
    assert_int_equal(world->sent_count, 2);
}

static void a_rerouted_exchange_is_sent_to_the_new_address(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1), moved = peer_route(2);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    struct lwcoap_exchange *exchange;

    assert_int_equal(lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                         world->now_ms, &exchange),
                     0);
    uint16_t id = last_sent(world)->message.message_id;
    lwcoap_exchange_reroute(world->endpoint, exchange, &moved);
    pass(world, 3000);
    assert_int_equal(world->sent_count, 2);
    assert_true(transport_route_same_peer(&last_sent(world)->route, &moved));
    assert_int_equal(last_sent(world)->message.message_id, id);
    lwcoap_exchange_cancel(world->endpoint, exchange);
}

/* --- message ids --- */

static void message_ids_towards_a_peer_do_not_repeat(void **state)
{
    static bool seen[65536];
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    struct lwcoap_exchange *exchange;

    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < 65536; i++) {
        world->sent_count = 0;
        if (i % 1000 == 0) { /* the device leaves and comes back: no id comes back with it */
            lwcoap_peer_release(world->endpoint, lwcoap_peer_hold(world->endpoint, &route));
        }
        assert_int_equal(lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                             world->now_ms, &exchange),
                         0);
        uint16_t id = last_sent(world)->message.message_id;
        assert_false(seen[id]);
        seen[id] = true;
        lwcoap_exchange_cancel(world->endpoint, exchange);
    }
}

static void message_ids_towards_a_peer_are_not_used_up_by_others(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    struct lwcoap_exchange *exchange;
    uint16_t first = send_get(world, &route).message.message_id;

    for (unsigned i = 2; i < 20; i++) {
        struct transport_route other = peer_route(i);
        assert_int_equal(lwcoap_request_send(world->endpoint, &other, &request, NULL, NULL, NULL,
                                             world->now_ms, &exchange),
                         0);
        lwcoap_exchange_cancel(world->endpoint, exchange);
    }
    assert_int_equal(send_get(world, &route).message.message_id, (uint16_t)(first + 1));
}

/* --- callbacks that call back --- */

static void send_another(struct world *world, struct lwcoap_exchange *exchange,
                         enum lwcoap_outcome outcome)
{
    struct transport_route route = peer_route(1);

    (void)outcome;
    lwcoap_exchange_cancel(world->endpoint, exchange); /* gone already: must do no harm */
    world->on_outcome = NULL;
    send_get(world, &route);
}

static void an_outcome_may_send_the_next_request(void **state)
{
    static const enum lwcoap_outcome outcomes[] = { LWCOAP_OUTCOME_RESPONSE, LWCOAP_OUTCOME_RESET,
                                                    LWCOAP_OUTCOME_TIMEOUT };
    struct world *world = *state;
    struct transport_route route = peer_route(1);

    world->settings.max_exchanges = 1;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        world_restart(world);
        world->event_count = 0;
        world->sent_count = 0;
        world->on_outcome = send_another;
        struct sent sent = send_get(world, &route);
        uint16_t id = sent.message.message_id;
        if (outcomes[i] == LWCOAP_OUTCOME_RESPONSE) {
            receive(world, &route, draft_reply(LWCOAP_ACK, CONTENT, id, &sent));
        } else if (outcomes[i] == LWCOAP_OUTCOME_RESET) {
            receive(world, &route, draft(LWCOAP_RST, LWCOAP_EMPTY, id, ""));
        } else {
            pass(world, 95000);
        }
        assert_int_equal(world->events[0].outcome, outcomes[i]);
        const struct sent *next = last_sent(world);
        assert_memory_not_equal(next->message.token, sent.message.token, 8);
    }
}

static void cancel_it(struct world *world, struct lwcoap_exchange *exchange,
                      enum lwcoap_outcome outcome)
{
    assert_int_equal(outcome, LWCOAP_OUTCOME_ACKNOWLEDGED);
    lwcoap_exchange_cancel(world->endpoint, exchange);
}

static void an_acknowledged_exchange_may_be_cancelled_from_its_callback(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct sent sent = send_get(world, &route);

    world->on_outcome = cancel_it;
    receive(world, &route, draft(LWCOAP_ACK, LWCOAP_EMPTY, sent.message.message_id, ""));
    pass(world, 200000);
    assert_int_equal(world->event_count, 1);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void without_memory_nothing_is_sent_and_nothing_stays(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3");
    int err;
    unsigned at = 0;

    do {
        fail_allocation = ++at;
        err = lwcoap_request_send(world->endpoint, &route, &request, NULL, NULL, NULL,
                                  world->now_ms, NULL);
        assert_true(err == 0 || err == -ENOMEM);
        assert_int_equal(world->sent_count, err ? 0 : 1);
        assert_true(!err || lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
    } while (err);
    fail_allocation = 0;
    assert_true(at > 3);
}

static void without_memory_a_peer_is_not_held(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_peer *peer;
    unsigned at = 0;

    do {
        fail_allocation = ++at;
        peer = lwcoap_peer_hold(world->endpoint, &route);
    } while (!peer);
    fail_allocation = 0;
    assert_true(at > 2);
    lwcoap_peer_release(world->endpoint, peer);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_request_carries_all_its_options),
        CASE(paths_become_segments),
        CASE(requests_that_cannot_be_sent_are_refused),
        CASE(exchanges_are_bounded),
        CASE(a_request_is_sent_five_times_with_doubled_waits_then_times_out),
        CASE(first_waits_differ_from_request_to_request),
        CASE(a_piggybacked_response_ends_the_exchange),
        CASE(answers_that_do_not_match_are_ignored),
        CASE(a_reset_ends_the_exchange),
        CASE(an_empty_acknowledgement_stops_retransmission_and_a_separate_response_follows),
        CASE(without_a_response_after_the_acknowledgement_it_times_out),
        CASE(a_separate_response_counts_although_its_acknowledgement_was_lost),
        CASE(a_separate_response_with_an_unknown_critical_option_is_rejected),
        CASE(a_cancelled_exchange_is_silent_and_its_late_response_unknown),
        CASE(a_rerouted_exchange_is_sent_to_the_new_address),
        CASE(message_ids_towards_a_peer_do_not_repeat),
        CASE(message_ids_towards_a_peer_are_not_used_up_by_others),
        CASE(an_outcome_may_send_the_next_request),
        CASE(an_acknowledged_exchange_may_be_cancelled_from_its_callback),
        CASE(without_memory_nothing_is_sent_and_nothing_stays),
        CASE(without_memory_a_peer_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
