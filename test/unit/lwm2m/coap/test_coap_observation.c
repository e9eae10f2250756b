/* Observations: established, refreshed, ended; notifications in and out of order, short and long.
 */
#include "fake_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CONTENT LWCOAP_CODE(2, 5)

static uint16_t message_id;

static struct sent observe(struct world *world, struct lwcoap_observation *observation,
                           int32_t value)
{
    struct transport_route route = peer_route(1);
    struct lwcoap_request request = request_of(LWCOAP_GET, "/3/0");

    request.observe = value;
    send_request(world, &route, &request, observation);
    return *last_sent(world);
}

/* The peer answers `sent`, with an Observe option unless `sequence` is negative. */
static void answer(struct world *world, const struct sent *sent, uint8_t code, int32_t sequence)
{
    struct transport_route route = peer_route(1);
    struct draft *message = draft_reply(LWCOAP_ACK, code, sent->message.message_id, sent);

    if (sequence >= 0) {
        with_uint(message, LWCOAP_OPTION_OBSERVE, (uint32_t)sequence);
    }
    receive(world, &route, message);
}

static struct draft *draft_notification(const struct lwcoap_observation *observation,
                                        enum lwcoap_type type, uint8_t code, int32_t sequence)
{
    struct draft *message = draft_bytes(type, code, ++message_id, observation->token, 8);

    if (sequence >= 0) {
        with_uint(message, LWCOAP_OPTION_OBSERVE, (uint32_t)sequence);
    }
    return message;
}

static void notify(struct world *world, const struct lwcoap_observation *observation,
                   enum lwcoap_type type, uint8_t code, int32_t sequence)
{
    struct transport_route route = peer_route(1);
    struct draft *message = draft_notification(observation, type, code, sequence);

    with_payload(message, "x", 1);
    receive(world, &route, message);
}

static void establish(struct world *world, struct lwcoap_observation *observation, int32_t sequence)
{
    lwcoap_observation_init(world->endpoint, observation, NULL);
    struct sent sent = observe(world, observation, 0);
    answer(world, &sent, CONTENT, sequence);
    assert_true(observation->added);
    world->event_count = 0;
    world->sent_count = 0;
}

static void expect_event(struct world *world, enum event_kind kind, unsigned count)
{
    assert_int_equal(world->event_count, count);
    assert_int_equal(last_event(world)->kind, kind);
}

static void a_success_with_the_option_establishes_an_observation(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    lwcoap_observation_init(world->endpoint, &observation, NULL);
    struct sent sent = observe(world, &observation, 0);
    assert_int_equal(sent_uint(&sent, LWCOAP_OPTION_OBSERVE), 0);
    assert_memory_equal(sent.message.token, observation.token, 8);
    assert_false(observation.added);
    answer(world, &sent, CONTENT, 5);
    expect_event(world, EVENT_OUTCOME, 1);
    assert_int_equal(last_event(world)->observe, 5);
    assert_true(observation.added);
    notify(world, &observation, LWCOAP_NON, CONTENT, 6);
    expect_event(world, EVENT_NOTIFICATION, 2);
    assert_ptr_equal(last_event(world)->observation, &observation);
    assert_int_equal(last_event(world)->body_len, 1);
    assert_false(last_event(world)->outdated);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void no_success_means_no_observation(void **state)
{
    static const struct {
        const char *name;
        uint8_t code; /* 0: Reset, 255: no answer */
        int32_t sequence;
        bool before; /* it was added already: a refresh */
    } cases[] = {
        { "success without the option", CONTENT, -1, false },
        { "error", LWCOAP_CODE(4, 4), -1, false },
        { "error with the option", LWCOAP_CODE(4, 4), 3, false },
        { "reset", 0, -1, false },
        { "time-out", 255, -1, false },
        { "refresh refused", LWCOAP_CODE(4, 4), -1, true },
        { "refresh without the option", CONTENT, -1, true },
        { "refresh reset", 0, -1, true },
        { "refresh timed out", 255, -1, true },
    };
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_observation observation;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world->event_count = 0;
        world->sent_count = 0;
        lwcoap_observation_init(world->endpoint, &observation, NULL);
        if (cases[i].before) {
            assert_int_equal(lwcoap_observation_add(world->endpoint, &observation), 0);
        }
        struct sent sent = observe(world, &observation, 0);
        assert_int_equal(observation.added, cases[i].before);
        if (cases[i].code == 0) {
            receive(world, &route, draft(LWCOAP_RST, 0, sent.message.message_id, ""));
        } else if (cases[i].code == 255) {
            pass(world, 100000);
        } else {
            answer(world, &sent, cases[i].code, cases[i].sequence);
        }
        expect_event(world, EVENT_OUTCOME, 1);
        if (observation.added) {
            fail_msg("%s", cases[i].name);
        }
        notify(world, &observation, LWCOAP_CON, CONTENT, 9);
        assert_int_equal(world->event_count, 1);
        assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
    }
}

static void a_notification_before_the_response_is_the_response(void **state)
{
    static const enum lwcoap_type types[] = { LWCOAP_CON, LWCOAP_NON };
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        struct lwcoap_observation observation;
        world->event_count = 0;
        world->sent_count = 0;
        lwcoap_observation_init(world->endpoint, &observation, NULL);
        struct sent sent = observe(world, &observation, 0);
        notify(world, &observation, types[i], CONTENT, 2);
        expect_event(world, EVENT_OUTCOME, 1);
        assert_true(observation.added);
        assert_int_equal(world->sent_count, types[i] == LWCOAP_CON ? 2 : 1);
        answer(world, &sent, CONTENT, 1); /* late */
        assert_int_equal(world->event_count, 1);
        lwcoap_observation_remove(world->endpoint, &observation);
    }
}

static void an_observation_is_refreshed_with_its_token_and_a_new_sequence(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 100);
    struct sent sent = observe(world, &observation, 0);
    assert_memory_equal(sent.message.token, observation.token, 8);
    assert_int_equal(lwcoap_request_send(world->endpoint, &sent.route,
                                         &(struct lwcoap_request){ .path = "/3", .observe = 1 },
                                         &observation, NULL, NULL, world->now_ms, NULL),
                     -EBUSY);
    answer(world, &sent, CONTENT, 1);
    notify(world, &observation, LWCOAP_NON, CONTENT, 2);
    expect_event(world, EVENT_NOTIFICATION, 2);
    assert_false(last_event(world)->outdated);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void cancelling_removes_the_observation_and_notifications_pass_until_then(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    struct sent sent = observe(world, &observation, 1);
    assert_int_equal(sent_uint(&sent, LWCOAP_OPTION_OBSERVE), 1);
    notify(world, &observation, LWCOAP_NON, CONTENT, 2);
    expect_event(world, EVENT_NOTIFICATION, 1);
    answer(world, &sent, CONTENT, -1);
    expect_event(world, EVENT_OUTCOME, 2);
    assert_false(observation.added);
    notify(world, &observation, LWCOAP_NON, CONTENT, 3);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
    assert_int_equal(world->event_count, 2);
}

static void an_observation_from_a_store_matches_from_any_address(void **state)
{
    struct world *world = *state;
    struct transport_route moved = peer_route(77);
    const uint8_t token[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct lwcoap_observation observation;

    lwcoap_observation_init(world->endpoint, &observation, token);
    assert_int_equal(lwcoap_observation_add(world->endpoint, &observation), 0);
    assert_int_equal(lwcoap_observation_add(world->endpoint, &observation), 0);
    receive(world, &moved, draft_notification(&observation, LWCOAP_NON, CONTENT, 7));
    expect_event(world, EVENT_NOTIFICATION, 1);
    lwcoap_observation_remove(world->endpoint, &observation);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void sequences_tell_old_from_new(void **state)
{
    static const struct {
        uint32_t first, second;
        uint64_t after_ms;
        bool outdated;
    } cases[] = {
        { 5, 6, 0, false },        { 5, 5, 0, false }, /* disregarded, and sent again */
        { 5, 4, 0, true },         { 5, 4, 128000, true },
        { 5, 4, 128001, false },   { 0, (1 << 23) - 1, 0, false },
        { 0, 1 << 23, 0, true },   { 0xffffff, 0, 0, false },
        { 0xffffff, 3, 0, false }, { (1 << 23) + 1, 0, 0, false },
        { 1 << 23, 0, 0, true },
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lwcoap_observation observation;
        world->event_count = 0;
        establish(world, &observation, 0);
        lwcoap_observation_remove(world->endpoint, &observation);
        lwcoap_observation_init(world->endpoint, &observation, NULL);
        assert_int_equal(lwcoap_observation_add(world->endpoint, &observation), 0);
        notify(world, &observation, LWCOAP_NON, CONTENT, (int32_t)cases[i].first);
        pass(world, cases[i].after_ms);
        notify(world, &observation, LWCOAP_NON, CONTENT, (int32_t)cases[i].second);
        expect_event(world, EVENT_NOTIFICATION, 2);
        assert_false(world->events[0].outdated);
        if (last_event(world)->outdated != cases[i].outdated) {
            fail_msg("%u then %u", cases[i].first, cases[i].second);
        }
        lwcoap_observation_remove(world->endpoint, &observation);
    }
}

static void an_outdated_notification_does_not_become_the_newest(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 10);
    notify(world, &observation, LWCOAP_NON, CONTENT, 8);
    notify(world, &observation, LWCOAP_NON, CONTENT, 9);
    assert_true(last_event(world)->outdated);
    lwcoap_observation_remove(world->endpoint, &observation);
}

/* --- acknowledging --- */

static void a_confirmable_notification_waits_for_its_acknowledgement(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    message_id--;
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    expect_event(world, EVENT_NOTIFICATION, 1);
    assert_int_equal(world->sent_count, 0);
    lwcoap_acknowledge(world->endpoint, &last_event(world)->receipt, world->now_ms);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
    assert_int_equal(last_sent(world)->message.code, LWCOAP_EMPTY);
    assert_int_equal(last_sent(world)->message.message_id, message_id);
    message_id--;
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    assert_int_equal(world->sent_count, 2);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
    assert_int_equal(world->event_count, 1);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void
a_nonconfirmable_notification_is_not_acknowledged_and_its_duplicate_dropped(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    notify(world, &observation, LWCOAP_NON, CONTENT, 2);
    lwcoap_acknowledge(world->endpoint, &last_event(world)->receipt, world->now_ms);
    message_id--;
    notify(world, &observation, LWCOAP_NON, CONTENT, 2);
    assert_int_equal(world->event_count, 1);
    assert_int_equal(world->sent_count, 0);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_rejected_notification_gets_a_reset_each_time(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    lwcoap_reject(world->endpoint, &last_event(world)->receipt, world->now_ms);
    message_id--;
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    assert_int_equal(world->sent_count, 2);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
    assert_int_equal(world->event_count, 1);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_disregarded_notification_is_new_when_it_comes_again(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    lwcoap_disregard(world->endpoint, &last_event(world)->receipt);
    message_id--;
    notify(world, &observation, LWCOAP_CON, CONTENT, 2);
    assert_int_equal(world->event_count, 2);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void an_error_is_delivered_until_its_observation_is_removed(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    establish(world, &observation, 1);
    notify(world, &observation, LWCOAP_CON, LWCOAP_CODE(4, 4), -1);
    expect_event(world, EVENT_NOTIFICATION, 1);
    assert_int_equal(last_event(world)->code, LWCOAP_CODE(4, 4));
    lwcoap_acknowledge(world->endpoint, &last_event(world)->receipt, world->now_ms);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
    lwcoap_observation_remove(world->endpoint, &observation);
    notify(world, &observation, LWCOAP_CON, LWCOAP_CODE(4, 4), -1);
    expect_event(world, EVENT_NOTIFICATION, 1);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_RST);
}

static void remove_it(struct world *world, struct lwcoap_observation *observation)
{
    lwcoap_observation_remove(world->endpoint, observation);
    memset(observation, 0xaa, sizeof *observation);
}

static void an_observation_may_be_removed_from_its_notification(void **state)
{
    static const uint8_t codes[] = { CONTENT, LWCOAP_CODE(5, 0) };
    struct world *world = *state;

    world->on_notification = remove_it;
    for (size_t i = 0; i < sizeof codes; i++) {
        struct lwcoap_observation observation;
        establish(world, &observation, 1);
        notify(world, &observation, LWCOAP_NON, codes[i], 2);
        expect_event(world, EVENT_NOTIFICATION, 1);
    }
}

static void an_observation_may_go_while_its_request_is_under_way(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    lwcoap_observation_init(world->endpoint, &observation, NULL);
    struct sent sent = observe(world, &observation, 0);
    remove_it(world, &observation);
    struct lwcoap_observation gone;
    memcpy(&gone, &observation, sizeof gone);
    answer(world, &sent, CONTENT, 5);
    expect_event(world, EVENT_OUTCOME, 1);
    assert_int_equal(last_event(world)->outcome, LWCOAP_OUTCOME_RESPONSE);
    assert_memory_equal(&gone, &observation, sizeof gone);
}

/* --- longer than a block --- */

static void notify_long(struct world *world, const struct lwcoap_observation *observation,
                        enum lwcoap_type type, int32_t sequence)
{
    struct transport_route route = peer_route(1);
    struct draft *message = draft_notification(observation, type, CONTENT, sequence);

    with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 110);
    with_block(message, LWCOAP_OPTION_BLOCK2, 0, true, 64);
    with_payload(message, pattern(), 64);
    receive(world, &route, message);
}

static void answer_rest(struct world *world, const struct sent *sent)
{
    struct transport_route route = peer_route(1);
    struct draft *message = draft_reply(LWCOAP_ACK, CONTENT, sent->message.message_id, sent);

    with_block(message, LWCOAP_OPTION_BLOCK2, 1, false, 64);
    with_payload(message, pattern() + 64, 30);
    receive(world, &route, message);
}

static void expect_whole(struct world *world, unsigned count, int32_t sequence)
{
    expect_event(world, EVENT_NOTIFICATION, count);
    const struct event *event = last_event(world);
    assert_int_equal(event->code, CONTENT);
    assert_int_equal(event->content_format, 110);
    assert_int_equal(event->observe, sequence);
    assert_int_equal(event->body_len, 94);
    assert_memory_equal(event->body, pattern(), 94);
}

static void know_path(struct world *world)
{
    world->observed = request_of(LWCOAP_GET, "/3/0");
    world->observed.accept = 110;
}

static void the_rest_of_a_long_notification_is_fetched(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 2);
    uint16_t first = message_id;
    assert_int_equal(world->event_count, 0);
    struct sent sent = *last_sent(world);
    assert_int_equal(world->sent_count, 1);
    assert_string_equal(sent_path(&sent), "/3/0");
    assert_string_equal(sent_block(&sent, LWCOAP_OPTION_BLOCK2), "1/0/64");
    assert_int_equal(sent_uint(&sent, LWCOAP_OPTION_OBSERVE), -1);
    assert_int_equal(sent_uint(&sent, LWCOAP_OPTION_ACCEPT), 110);
    assert_memory_not_equal(sent.message.token, observation.token, 8);
    message_id--;
    notify_long(world, &observation, LWCOAP_CON, 2); /* a duplicate meanwhile */
    assert_int_equal(world->sent_count, 1);
    answer_rest(world, &sent);
    expect_whole(world, 1, 2);
    assert_int_equal(last_event(world)->receipt.message_id, first);
    lwcoap_acknowledge(world->endpoint, &last_event(world)->receipt, world->now_ms);
    assert_int_equal(last_sent(world)->message.message_id, first);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_long_notification_of_a_fetch_repeats_its_body(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    world->observed = request_of(LWCOAP_FETCH, "/");
    world->observed.body = (const uint8_t *)"[]";
    world->observed.body_len = 2;
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_NON, 2);
    assert_int_equal(last_sent(world)->message.code, LWCOAP_FETCH);
    assert_int_equal(last_sent(world)->message.payload_len, 2);
    answer_rest(world, last_sent(world));
    expect_whole(world, 1, 2);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_newer_notification_restarts_the_fetch(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 2);
    struct sent old = *last_sent(world);
    notify_long(world, &observation, LWCOAP_CON, 3);
    struct sent new = *last_sent(world);
    const struct sent *superseded = &world->sent[1]; /* it need not come again */
    assert_int_equal(world->sent_count, 3);
    assert_int_equal(superseded->message.type, LWCOAP_ACK);
    assert_int_equal(superseded->message.message_id, (uint16_t)(message_id - 1));
    assert_memory_not_equal(old.message.token, new.message.token, 8);
    answer_rest(world, &old);
    assert_int_equal(world->event_count, 0);
    answer_rest(world, &new);
    expect_whole(world, 1, 3);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_newer_short_notification_ends_the_fetch(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_NON, 2);
    struct sent old = *last_sent(world);
    notify(world, &observation, LWCOAP_NON, CONTENT, 3);
    expect_event(world, EVENT_NOTIFICATION, 1);
    assert_int_equal(last_event(world)->body_len, 1);
    answer_rest(world, &old);
    assert_int_equal(world->event_count, 1);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void an_older_long_notification_does_not_disturb_the_fetch(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 5);
    struct sent sent = *last_sent(world);
    notify_long(world, &observation, LWCOAP_CON, 4);
    assert_int_equal(last_sent(world)->message.type, LWCOAP_ACK);
    assert_int_equal(last_sent(world)->message.message_id, message_id);
    answer_rest(world, &sent);
    expect_whole(world, 1, 5);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_fetch_that_fails_delivers_nothing_and_the_device_sends_again(void **state)
{
    static const char *const cases[] = { "time-out", "reset", "4.04", "unknown path", "no room" };
    struct world *world = *state;

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct transport_route route = peer_route(1);
        struct lwcoap_observation observation;

        know_path(world);
        world->settings.max_transfers = i == 4 ? 0 : 4;
        world_restart(world);
        if (i == 3) {
            world->observed.path = NULL;
        }
        establish(world, &observation, 1);
        notify_long(world, &observation, LWCOAP_CON, 2);
        if (i == 0) {
            pass(world, 95000);
        } else if (i == 1) {
            uint16_t id = last_sent(world)->message.message_id;
            receive(world, &route, draft(LWCOAP_RST, 0, id, ""));
        } else if (i == 2) {
            struct sent sent = *last_sent(world);
            answer(world, &sent, LWCOAP_CODE(4, 4), -1);
        }
        assert_int_equal(world->event_count, 0);
        assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
        assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->notifications_broken, 1);
        assert_true(observation.added);

        know_path(world);
        unsigned sent_count = world->sent_count;
        message_id--;
        notify_long(world, &observation, LWCOAP_CON, 2); /* taken as new */
        if (i < 4) {
            assert_int_equal(world->sent_count, sent_count + 1);
            answer_rest(world, last_sent(world));
            expect_whole(world, 1, 2);
        } else {
            assert_int_equal(lwcoap_endpoint_counters(world->endpoint)->notifications_broken, 2);
        }
        lwcoap_observation_remove(world->endpoint, &observation);
    }
}

static void an_observation_may_be_removed_while_the_rest_is_fetched(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 2);
    struct sent sent = *last_sent(world);
    remove_it(world, &observation);
    answer_rest(world, &sent);
    assert_int_equal(world->event_count, 0);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void an_observation_may_be_removed_from_its_long_notification(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    world->on_notification = remove_it;
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 2);
    answer_rest(world, last_sent(world));
    expect_whole(world, 1, 2);
}

static void an_error_while_the_rest_is_fetched_ends_the_fetch(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;

    know_path(world);
    establish(world, &observation, 1);
    notify_long(world, &observation, LWCOAP_CON, 2);
    notify(world, &observation, LWCOAP_NON, LWCOAP_CODE(4, 4), -1);
    expect_event(world, EVENT_NOTIFICATION, 1);
    assert_null(observation.fetch);
    assert_true(lwcoap_endpoint_next_ms(world->endpoint) == UINT64_MAX);
}

static void a_long_first_response_establishes_the_observation_and_frees_its_token(void **state)
{
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_observation observation;

    lwcoap_observation_init(world->endpoint, &observation, NULL);
    struct sent sent = observe(world, &observation, 0);
    struct draft *message = draft_reply(LWCOAP_ACK, CONTENT, sent.message.message_id, &sent);
    with_uint(message, LWCOAP_OPTION_OBSERVE, 5);
    with_uint(message, LWCOAP_OPTION_CONTENT_FORMAT, 110);
    with_block(message, LWCOAP_OPTION_BLOCK2, 0, true, 64);
    with_payload(message, pattern(), 64);
    receive(world, &route, message);
    struct sent next = *last_sent(world);
    assert_memory_not_equal(next.message.token, observation.token, 8);
    assert_int_equal(sent_uint(&next, LWCOAP_OPTION_OBSERVE), -1);
    notify(world, &observation, LWCOAP_NON, CONTENT, 6);
    expect_event(world, EVENT_NOTIFICATION, 1);
    answer_rest(world, &next);
    expect_event(world, EVENT_OUTCOME, 2);
    assert_int_equal(last_event(world)->observe, 5);
    assert_int_equal(last_event(world)->body_len, 94);
    assert_true(observation.added);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void a_first_response_that_changed_on_the_way_keeps_its_sequence(void **state)
{
    static const struct {
        const char *etag;
        uint32_t num;
        bool more;
    } parts[] = { { "a", 0, true }, { "b", 1, true }, { "b", 0, true }, { "b", 1, false } };
    struct world *world = *state;
    struct transport_route route = peer_route(1);
    struct lwcoap_observation observation;

    lwcoap_observation_init(world->endpoint, &observation, NULL);
    observe(world, &observation, 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct sent *sent = last_sent(world);
        struct draft *message = draft_reply(LWCOAP_ACK, CONTENT, sent->message.message_id, sent);
        with_option(message, LWCOAP_OPTION_ETAG, parts[i].etag);
        if (i == 0) {
            with_uint(message, LWCOAP_OPTION_OBSERVE, 5);
        }
        with_block(message, LWCOAP_OPTION_BLOCK2, parts[i].num, parts[i].more, 64);
        with_payload(message, pattern() + 64 * parts[i].num, 64);
        receive(world, &route, message);
    }
    expect_event(world, EVENT_OUTCOME, 1);
    assert_int_equal(last_event(world)->observe, 5);
    assert_int_equal(last_event(world)->body_len, 128);
    assert_true(observation.added);
    lwcoap_observation_remove(world->endpoint, &observation);
}

static void without_memory_a_long_notification_is_dropped_whole(void **state)
{
    struct world *world = *state;
    struct lwcoap_observation observation;
    uint64_t broken;
    unsigned at = 0;

    know_path(world);
    establish(world, &observation, 1);
    do {
        broken = lwcoap_endpoint_counters(world->endpoint)->notifications_broken;
        fail_allocation = ++at;
        notify_long(world, &observation, LWCOAP_CON, 1 + (int32_t)at);
        fail_allocation = 0;
        assert_int_equal(world->event_count, 0);
    } while (lwcoap_endpoint_counters(world->endpoint)->notifications_broken > broken);
    assert_true(at > 3);
    answer_rest(world, last_sent(world));
    expect_whole(world, 1, 1 + (int32_t)at);
    lwcoap_observation_remove(world->endpoint, &observation);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_success_with_the_option_establishes_an_observation),
        CASE(no_success_means_no_observation),
        CASE(a_notification_before_the_response_is_the_response),
        CASE(an_observation_is_refreshed_with_its_token_and_a_new_sequence),
        CASE(cancelling_removes_the_observation_and_notifications_pass_until_then),
        CASE(an_observation_from_a_store_matches_from_any_address),
        CASE(sequences_tell_old_from_new),
        CASE(an_outdated_notification_does_not_become_the_newest),
        CASE(a_confirmable_notification_waits_for_its_acknowledgement),
        CASE(a_nonconfirmable_notification_is_not_acknowledged_and_its_duplicate_dropped),
        CASE(a_rejected_notification_gets_a_reset_each_time),
        CASE(a_disregarded_notification_is_new_when_it_comes_again),
        CASE(an_error_is_delivered_until_its_observation_is_removed),
        CASE(an_observation_may_be_removed_from_its_notification),
        CASE(an_observation_may_go_while_its_request_is_under_way),
        CASE(the_rest_of_a_long_notification_is_fetched),
        CASE(a_long_notification_of_a_fetch_repeats_its_body),
        CASE(a_newer_notification_restarts_the_fetch),
        CASE(a_newer_short_notification_ends_the_fetch),
        CASE(an_older_long_notification_does_not_disturb_the_fetch),
        CASE(a_fetch_that_fails_delivers_nothing_and_the_device_sends_again),
        CASE(an_observation_may_be_removed_while_the_rest_is_fetched),
        CASE(an_observation_may_be_removed_from_its_long_notification),
        CASE(an_error_while_the_rest_is_fetched_ends_the_fetch),
        CASE(a_long_first_response_establishes_the_observation_and_frees_its_token),
        CASE(a_first_response_that_changed_on_the_way_keeps_its_sequence),
        CASE(without_memory_a_long_notification_is_dropped_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
