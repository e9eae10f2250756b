/* The way to a session: cookies, floods, bad networks, and sessions that are replaced. */
#include "test_dtls_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct client_setup psk = { .suite = "TLS_PSK_WITH_AES_128_CCM_8",
                                         .identity = "urn:dev:1" };

static int set_up(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;

    settings.half_open_max = 4;
    *state = world_new(&settings);
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static const struct transport_dtls_counters *counters(const struct world *world)
{
    return transport_dtls_counters(world->dtls);
}

static bool is_client_hello(const struct world_datagram *datagram)
{
    return datagram->to_server && datagram->data[0] == 22 && datagram->data[13] == 1;
}

/* ---- cookies ---- */

/* The first ClientHello that a client sends, or the second, with its cookie. */
static struct world_datagram captured;

static bool capture_hellos(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    if (is_client_hello(datagram)) {
        captured = *datagram;
    }
    return true;
}

static bool capture_and_stop(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    if (is_client_hello(datagram)) {
        captured = *datagram;
    }
    return false;
}

static void a_hello_without_a_cookie_costs_no_memory_and_gets_no_more_than_it_brings(void **state)
{
    struct world *world = *state;
    struct client *client = world_client(world, &psk);

    world->filter = capture_and_stop;
    client_step(client);
    world_settle(world);
    world->filter = NULL;
    client->deaf = true; /* from now on this test speaks for it */
    for (unsigned i = 0; i < 1000; i++) {
        captured.route.remote.port = (uint16_t)(1000 + i);
        captured.data[10] = (uint8_t)i; /* record number */
        size_t sent = world->sent_bytes;
        world_put(world, &captured);
        world_settle(world);
        assert_true(world->sent_bytes > sent);
        assert_true(world->sent_bytes - sent <= captured.len);
    }
    assert_int_equal(counters(world)->hello_verify, 1000);
    assert_int_equal(transport_dtls_half_open(world->dtls), 0);
}

static void a_cookie_is_good_for_its_address_random_and_time(void **state)
{
    struct world *world = *state;
    struct client *client = world_client(world, &psk);
    static const struct {
        const char *what;
        int port, listener, flip; /* flip: position of a byte that is changed */
        uint64_t later_ms;
        bool good;
    } cases[] = {
        { "as it was", 0, 0, 0, 0, true },          { "another port", 1, 0, 0, 0, false },
        { "another listener", 0, 1, 0, 0, false },  { "another random", 0, 0, 30, 0, false },
        { "another slice", 0, 0, 63, 0, false },    { "another hash", 0, 0, 70, 0, false },
        { "a minute later", 0, 0, 0, 60000, true }, { "two minutes later", 0, 0, 0, 120000, false },
    };

    world->filter = capture_hellos;
    assert_true(client_connect(client));
    world->filter = NULL;
    client->deaf = true;
    struct world_datagram with_cookie = captured;
    assert_int_equal(with_cookie.data[13 + 12 + 34], 0);      /* session id */
    assert_int_equal(with_cookie.data[13 + 12 + 34 + 1], 12); /* cookie */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world_datagram datagram = with_cookie;
        datagram.route.remote.port = (uint16_t)(datagram.route.remote.port + cases[i].port);
        datagram.route.listener = (uint16_t)(datagram.route.listener + cases[i].listener);
        datagram.data[cases[i].flip] ^= cases[i].flip > 0 ? 1 : 0;
        world->now_ms += cases[i].later_ms;
        transport_dtls_run(world->dtls, world->now_ms); /* ends what was begun before */
        size_t before = transport_dtls_half_open(world->dtls);
        size_t asked = counters(world)->hello_verify;
        world_put(world, &datagram);
        world_settle(world);
        bool begun = transport_dtls_half_open(world->dtls) == 1;
        if (begun != cases[i].good && !(before == 1 && !cases[i].good)) {
            fail_msg("%s: %zu half open", cases[i].what, transport_dtls_half_open(world->dtls));
        }
        assert_int_equal(counters(world)->hello_verify - asked, cases[i].good ? 0 : 1);
    }
}

static void a_hello_that_is_no_hello_is_dropped(void **state)
{
    struct world *world = *state;
    struct client *client = world_client(world, &psk);

    world->filter = capture_and_stop;
    client_step(client);
    world_settle(world);
    world->filter = NULL;
    client->deaf = true;
    struct world_datagram whole = captured;
    for (size_t len = 0; len < whole.len; len++) {
        struct world_datagram cut = whole;
        cut.len = len;
        world_put(world, &cut); /* the record is longer than its datagram */
        if (len > 13) {
            cut.data[11] = (uint8_t)((len - 13) >> 8);
            cut.data[12] = (uint8_t)(len - 13);
            world_put(world, &cut); /* the message is longer than its record */
        }
        world_settle(world);
    }
    assert_int_equal(world->sent_datagrams, 0);
    assert_int_equal(transport_dtls_half_open(world->dtls), 0);
}

/* ---- the bound on handshakes ---- */

static bool stop_key_exchange(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    return !datagram->to_server || is_client_hello(datagram);
}

static struct client *stuck_client(struct world *world, uint8_t ip)
{
    struct client *client = world_client(world, &psk);

    client->route.remote.ip[15] = ip;
    client_step(client);
    world_settle(world);
    return client;
}

static void a_flood_of_one_source_displaces_itself(void **state)
{
    struct world *world = *state;

    world->filter = stop_key_exchange;
    struct client *slow = stuck_client(world, 77);
    for (int i = 0; i < 20; i++) {
        stuck_client(world, 66);
    }
    assert_int_equal(transport_dtls_half_open(world->dtls), 4);
    assert_int_equal(counters(world)->handshakes_refused, 17);
    stuck_client(world, 88); /* somebody else is admitted at once */
    assert_int_equal(transport_dtls_half_open(world->dtls), 4);
    assert_int_equal(counters(world)->handshakes_refused, 18);
    world->now_ms += 8000;
    stuck_client(world, 66); /* its own oldest is old enough now */
    assert_int_equal(counters(world)->handshakes_refused, 19);
    world->filter = NULL;
    assert_true(client_connect(slow)); /* it was the oldest of all, and is served */
    assert_int_equal(counters(world)->handshakes_failed, 0);
}

static void among_equals_the_oldest_gives_way_when_it_had_its_time(void **state)
{
    struct world *world = *state;
    struct client *clients[7];

    world->filter = stop_key_exchange;
    for (uint8_t i = 0; i < 6; i++) {
        clients[i] = stuck_client(world, (uint8_t)(10 + i));
    }
    assert_int_equal(transport_dtls_half_open(world->dtls), 4);
    assert_int_equal(counters(world)->handshakes_refused, 2);
    world->now_ms += 8000;
    clients[6] = stuck_client(world, 20);
    assert_int_equal(transport_dtls_half_open(world->dtls), 4);
    assert_int_equal(counters(world)->handshakes_refused, 3);
    world->filter = NULL;
    assert_true(client_connect(clients[6]));
    assert_true(client_connect(clients[1]));
    assert_true(client_connect(clients[5])); /* was refused, and comes again */
}

/* All at once, in step, four times as many as there is room for: those who must wait come again. */
static void a_fleet_that_comes_back_at_once_is_served(void **state)
{
    struct world *world = *state;
    enum { DEVICES = 16 };
    struct client *clients[DEVICES];
    unsigned connected = 0;

    for (unsigned i = 0; i < DEVICES; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:dev:%u", i);
        const struct client_setup setup = { .suite = psk.suite, .identity = name };
        clients[i] = world_client(world, &setup);
        client_step(clients[i]);
    }
    world_settle(world); /* their datagrams come interleaved */
    for (int i = 0; i < 100; i++) {
        world_advance(world, 500);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        connected += clients[i]->established;
    }
    assert_int_equal(connected, DEVICES);
}

static void a_handshake_that_is_not_complete_in_time_is_forgotten(void **state)
{
    struct world *world = *state;

    world->filter = stop_key_exchange;
    struct client *client = stuck_client(world, 1);
    assert_int_equal(transport_dtls_half_open(world->dtls), 1);
    assert_true(transport_dtls_next_ms(world->dtls) <= world->now_ms + 1000);
    client->timing = false; /* it has died */
    for (int i = 0; i < 61; i++) {
        world_advance(world, 1000);
    }
    assert_int_equal(transport_dtls_half_open(world->dtls), 0);
    assert_int_equal(counters(world)->handshakes_failed, 1);
    assert_true(transport_dtls_next_ms(world->dtls) == UINT64_MAX);
}

/* ---- bad networks ---- */

struct weather {
    unsigned lose, twice, late, cut; /* one in so many; 0: never */
};
static struct weather weather;
static uint32_t dice;
static struct world_datagram held;
static bool holding;

static bool falls(unsigned one_in)
{
    dice = dice * 1664525 + 1013904223;
    return one_in > 0 && (dice >> 16) % one_in == 0;
}

static bool bad_network(struct world *world, struct world_datagram *datagram)
{
    if (holding) {
        holding = false;
        world_put(world, &held);
    }
    if (falls(weather.lose)) {
        return false;
    }
    if (falls(weather.twice) && world->len < WORLD_DATAGRAMS / 2) {
        world_put(world, datagram);
    }
    if (falls(weather.cut)) {
        datagram->len -= datagram->len / 3;
    }
    if (falls(weather.late)) {
        held = *datagram;
        holding = true;
        return false;
    }
    return true;
}

static void handshakes_survive_bad_networks(void **state)
{
    struct world *world = *state;
    static const struct {
        struct weather weather;
        struct client_setup setup;
    } cases[] = {
        { { .twice = 2 }, { .identity = "urn:dev:1" } },
        { { .late = 2 }, { .identity = "urn:dev:1" } },
        { { .twice = 3, .late = 3 }, { .certificate = "device" } },
        { { .lose = 5 }, { .identity = "urn:dev:1" } },
        { { .lose = 6, .twice = 4, .late = 4 }, { .certificate = "device" } },
        { { .cut = 5 }, { .identity = "urn:dev:1" } },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weather = cases[i].weather;
        dice = (uint32_t)i;
        unsigned connected = 0;
        for (int n = 0; n < 10; n++) {
            world->filter = bad_network;
            struct client *client = world_client(world, &cases[i].setup);
            bool done = client_connect(client);
            world->filter = NULL;
            holding = false;
            world_settle(world);
            connected += done;
            world_remove(client);
        }
        /* Where datagrams are lost, so may be too many for the deadline. */
        assert_true(connected >= (weather.lose || weather.cut ? 7 : 10));
    }
}

static bool lose_first_finished(struct world *world, struct world_datagram *datagram)
{
    /* The last flight begins with a ChangeCipherSpec. */
    return datagram->to_server || datagram->data[0] != 20 || world->spent++ > 0;
}

static void a_client_that_lost_our_last_flight_gets_it_again(void **state)
{
    struct world *world = *state;
    struct client *client = world_client(world, &psk);

    world->filter = lose_first_finished;
    client_step(client);
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_ESTABLISHED), 1);
    assert_false(client->established);
    world_advance(world, 1000);
    assert_true(client->established);
    assert_int_equal(world->spent, 2);
    assert_int_equal(world_count(world, EVENT_ESTABLISHED), 1);
    world->echo = true;
    client_send(client, "after all");
    world_settle(world);
    assert_string_equal((const char *)client->received, "after all");
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
}

static void it_gets_the_flight_again_also_when_its_session_was_parked(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    struct world *world = *state;
    static const struct client_setup setups[] = {
        { .suite = "TLS_PSK_WITH_AES_128_CBC_SHA256", .identity = "urn:dev:1" },
        { .suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", .certificate = "device", .cid = true },
    };

    settings.live_max = 1;
    world_restart(world, &settings);
    for (size_t i = 0; i < 2; i++) {
        struct client *client = world_client(world, &setups[i]);
        world->spent = 0;
        world->filter = lose_first_finished;
        client_step(client);
        world_settle(world);
        assert_false(client->established);
        world_park_all(world, 2);
        assert_false(client->established);
        world_advance(world, 1000);
        assert_true(client->established);
        world->echo = true;
        client_send(client, "after all");
        world_settle(world);
        assert_string_equal((const char *)client->received, "after all");
    }
    assert_int_equal(counters(world)->handshakes_failed, 0);
}

static bool lose_first_server_hello(struct world *world, struct world_datagram *datagram)
{
    bool hello = !datagram->to_server && datagram->data[0] == 22 && datagram->data[13] == 2;

    return !hello || world->spent++ > 0;
}

static void we_send_a_lost_flight_again(void **state)
{
    struct world *world = *state;
    struct client *client = world_client(world, &psk);

    world->filter = lose_first_server_hello;
    client_step(client);
    world_settle(world);
    client->timing = false; /* let only us be the one who tries again */
    assert_false(client->established);
    world->now_ms = transport_dtls_next_ms(world->dtls);
    for (int i = 0; i < 10 && !client->established; i++) {
        world_advance(world, 500);
    }
    assert_true(client->established);
}

static void no_datagram_is_longer_than_the_path(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    const struct client_setup setup = { .suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
                                        .certificate = "device" };
    struct world *world = *state;

    settings.mtu = 300;
    world_restart(world, &settings);
    struct client *client = world_client(world, &setup);
    assert_true(client_connect(client));
    assert_true(world->longest_sent <= 300);
    assert_true(world->longest_sent > 200);
}

/* ---- replacement (RFC 6347, 4.2.8) ---- */

static void a_new_handshake_of_an_identity_replaces_its_session(void **state)
{
    struct world *world = *state;
    uint32_t first, second;

    world_device(world, "urn:dev:1", &first);
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
    world_device(world, "urn:dev:1", &second);
    assert_int_not_equal(first, second);
    const struct world_event *event = world_last(world, EVENT_CLOSED);
    assert_int_equal(event->session, first);
    assert_int_equal(event->reason, TRANSPORT_DTLS_REPLACED);
    assert_int_equal(transport_dtls_sessions(world->dtls), 1);
    assert_int_equal(world_send(world, first, "x"), -2);
    assert_int_equal(world_send(world, second, "x"), 0);
}

static void a_shared_identity_replaces_nothing_elsewhere(void **state)
{
    struct world *world = *state;

    world_device(world, "shared-fleet", NULL);
    world_device(world, "shared-fleet", NULL);
    assert_int_equal(transport_dtls_sessions(world->dtls), 2);
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
}

static void a_handshake_at_the_address_of_a_session_replaces_it_only_when_it_succeeds(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *old = world_device(world, "urn:dev:1", &session);
    const struct client_setup wrong = { .identity = "urn:dev:2", .key = "0123456789abcdef" };
    const struct client_setup right = { .identity = "urn:dev:2" };
    struct client *client = world_client(world, &wrong);

    world->echo = true;
    old->deaf = true;
    client->route = old->route;
    world->filter = stop_key_exchange;
    client_step(client);
    world_settle(world);
    assert_int_equal(transport_dtls_half_open(world->dtls), 1);
    client_send(old, "between"); /* the session goes on beside the handshake */
    world->filter = NULL;
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_RECEIVED), 1);
    assert_false(client_connect(client));
    assert_int_equal(counters(world)->handshakes_failed, 1);
    client->deaf = true;

    old->deaf = false;
    client_send(old, "unharmed");
    world_settle(world);
    assert_string_equal((const char *)old->received, "unharmed");
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);

    old->deaf = true;
    client = world_client(world, &right);
    client->route = old->route;
    assert_true(client_connect(client));
    assert_int_equal(world_last(world, EVENT_CLOSED)->session, session);
    assert_int_equal(transport_dtls_sessions(world->dtls), 1);
}

static void a_client_that_starts_anew_gives_its_first_try_up(void **state)
{
    struct world *world = *state;

    world->filter = stop_key_exchange;
    struct client *first = stuck_client(world, 5);
    first->deaf = true;
    world->filter = NULL;
    struct client *second = world_client(world, &psk);
    second->route = first->route;
    assert_true(client_connect(second));
    assert_int_equal(transport_dtls_half_open(world->dtls), 0);
    assert_int_equal(transport_dtls_sessions(world->dtls), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_hello_without_a_cookie_costs_no_memory_and_gets_no_more_than_it_brings),
        TEST(a_cookie_is_good_for_its_address_random_and_time),
        TEST(a_hello_that_is_no_hello_is_dropped),
        TEST(a_flood_of_one_source_displaces_itself),
        TEST(among_equals_the_oldest_gives_way_when_it_had_its_time),
        TEST(a_fleet_that_comes_back_at_once_is_served),
        TEST(a_handshake_that_is_not_complete_in_time_is_forgotten),
        TEST(handshakes_survive_bad_networks),
        TEST(a_client_that_lost_our_last_flight_gets_it_again),
        TEST(it_gets_the_flight_again_also_when_its_session_was_parked),
        TEST(we_send_a_lost_flight_again),
        TEST(no_datagram_is_longer_than_the_path),
        TEST(a_new_handshake_of_an_identity_replaces_its_session),
        TEST(a_shared_identity_replaces_nothing_elsewhere),
        TEST(a_handshake_at_the_address_of_a_session_replaces_it_only_when_it_succeeds),
        TEST(a_client_that_starts_anew_gives_its_first_try_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
