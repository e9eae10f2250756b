/* Sessions: parked and live, forged and repeated records, addresses, farewells. */
#include "test_dtls_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;

    settings.live_max = 4;
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

static void speak(struct world *world, struct client *client, const char *text)
{
    client_send(client, text);
    world_settle(world);
}

/* ---- parking ---- */

static void hundreds_of_sessions_share_a_few_contexts(void **state)
{
    struct world *world = *state;
    enum { DEVICES = 400 };
    struct client *clients[DEVICES];
    uint32_t sessions[DEVICES];

    for (unsigned i = 0; i < DEVICES; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:dev:%u", i);
        clients[i] = world_device(world, name, &sessions[i]);
    }
    assert_int_equal(counters(world)->parked, DEVICES - 4);
    world->echo = true;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < DEVICES; i++) {
            char text[32];
            snprintf(text, sizeof text, "%u from %u", round, i);
            speak(world, clients[i], text);
            assert_string_equal((const char *)clients[i]->received, text);
            assert_int_equal(world_last(world, EVENT_RECEIVED)->session, sessions[i]);
        }
    }
    assert_int_equal(counters(world)->loaded, 3 * DEVICES);
    assert_int_equal(counters(world)->bad_mac + counters(world)->replays, 0);
}

static void every_suite_can_be_parked(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    struct world *world = *state;
    const char *names[32];
    size_t len = transport_dtls_suites(names, 32);

    settings.live_max = 1;
    world_restart(world, &settings);
    world->echo = true;
    uint32_t other;
    struct client *disturber = world_device(world, "urn:dev:other", &other);
    for (size_t i = 0; i < len; i++) {
        bool by_key = strstr(names[i], "PSK");
        const struct client_setup setup = { .suite = names[i],
                                            .identity = by_key ? "urn:dev:psk" : NULL,
                                            .certificate = by_key ? NULL : "device" };
        struct client *client = world_client(world, &setup);
        assert_true(client_connect(client));
        uint32_t session = world_last(world, EVENT_ESTABLISHED)->session;
        for (int round = 0; round < 3; round++) {
            speak(world, disturber, "parks the other");
            speak(world, client, "up");
            assert_string_equal((const char *)client->received, "up");
            speak(world, disturber, "parks the other");
            assert_int_equal(world_send(world, session, "down"), 0);
            world_settle(world);
            assert_string_equal((const char *)client->received, "down");
        }
    }
}

static void who_spoke_last_is_parked_last(void **state)
{
    struct world *world = *state;
    struct client *clients[5];

    for (unsigned i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:dev:%u", i);
        clients[i] = world_device(world, name, NULL);
    }
    speak(world, clients[0], "still here");
    clients[4] = world_device(world, "urn:dev:4", NULL); /* parks 1 */
    assert_int_equal(counters(world)->parked, 1);
    speak(world, clients[0], "x");
    speak(world, clients[2], "x");
    speak(world, clients[3], "x");
    assert_int_equal(counters(world)->loaded, 0);
    speak(world, clients[1], "x");
    assert_int_equal(counters(world)->loaded, 1);
}

static void the_longest_unused_session_gives_way_when_the_table_is_full(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    struct world *world = *state;
    uint32_t first;

    settings.sessions_max = 3;
    world_restart(world, &settings);
    world_device(world, "urn:dev:1", &first);
    for (unsigned i = 2; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:dev:%u", i);
        world_advance(world, 5000);
        world_device(world, name, NULL);
    }
    assert_int_equal(transport_dtls_sessions(world->dtls), 3);
    assert_int_equal(world_count(world, EVENT_CLOSED), 1);
    assert_int_equal(world_last(world, EVENT_CLOSED)->reason, TRANSPORT_DTLS_EVICTED);
    assert_int_equal(world_last(world, EVENT_CLOSED)->session, first);
}

/* ---- records that come twice, or from somebody else ---- */

static struct world_datagram captured;

static bool capture(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    if (datagram->to_server) {
        captured = *datagram;
    }
    return true;
}

static bool capture_and_stop(struct world *world, struct world_datagram *datagram)
{
    capture(world, datagram);
    return false;
}

static void park_all(struct world *world)
{
    world_park_all(world, 4);
}

static void a_record_counts_once_also_when_its_session_was_parked_between(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);

    world->filter = capture;
    speak(world, client, "once");
    world->filter = NULL;
    struct world_datagram record = captured;
    for (int i = 0; i < 2; i++) {
        world_put(world, &record);
        world_settle(world);
        park_all(world);
    }
    size_t loaded = counters(world)->loaded;
    world_put(world, &record);
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_RECEIVED), 1);
    assert_int_equal(counters(world)->replays, 3);
    assert_int_equal(counters(world)->loaded, loaded); /* known without a context */
}

static void records_may_come_out_of_order(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);
    struct world_datagram records[5];

    world->filter = capture_and_stop;
    for (unsigned i = 0; i < 5; i++) {
        speak(world, client, "text");
        records[i] = captured;
    }
    world->filter = NULL;
    for (unsigned i = 5; i-- > 0;) {
        world_put(world, &records[i]);
        world_settle(world);
        park_all(world);
    }
    assert_int_equal(world_count(world, EVENT_RECEIVED), 5);
    assert_int_equal(counters(world)->replays, 0);
}

/* Whatever comes from its address, a session goes on, and nothing is sent that its device might
 * take for ours. */
static void forged_records_disturb_nobody(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);
    static const uint8_t forged[][40] = {
        { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27 },             /* data */
        { 23, 254, 253, 0, 1, 255, 255, 255, 255, 255, 255, 0, 27 }, /* the last number there is */
        { 21, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27 },             /* alert */
        { 22, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27, 1 },          /* handshake */
        { 20, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27 },             /* ChangeCipherSpec */
        { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 1 },              /* too short to be one */
        { 23, 254, 253, 0, 2, 0, 0, 0, 0, 9, 9, 0, 27 },             /* epochs that never were */
        { 22, 254, 253, 255, 255, 0, 0, 0, 0, 9, 9, 0, 27 },
        { 21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 }, /* fatal alert, unprotected */
        { 22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 27, 20 },   /* Finished, unprotected */
        { 23, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 27 },       /* data, unprotected */
        { 25, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 19 }, /* with a CID */
    };

    world->echo = true;
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
            size_t sent = world->sent_datagrams;
            size_t len = forged[i][0] == 25 ? 40 : (size_t)13 + forged[i][12];
            client_send_raw(client, forged[i], len);
            world_settle(world);
            assert_int_equal(world->sent_datagrams, sent);
            speak(world, client, "unharmed");
            assert_string_equal((const char *)client->received, "unharmed");
            client->received[0] = 0;
        }
        park_all(world); /* and the same against a parked session */
    }
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
    assert_true(counters(world)->bad_mac > 10);
    assert_int_equal(counters(world)->alerts_sent, 0);
}

static void a_forged_record_displaces_no_live_session(void **state)
{
    struct world *world = *state;
    struct client *parked = world_device(world, "urn:dev:1", NULL);
    static const uint8_t forged[40] = { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27 };

    park_all(world);
    for (int i = 0; i < 10; i++) {
        client_send_raw(parked, forged, sizeof forged);
        world_settle(world);
    }
    assert_int_equal(counters(world)->loaded, 1);
    world_device(world, "urn:dev:2", NULL);
    client_send_raw(parked, forged, sizeof forged);
    world_settle(world);
    assert_int_equal(counters(world)->loaded, 2); /* it was the first to be parked again */
}

static void records_share_datagrams(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);
    struct world_datagram both;

    world->filter = capture_and_stop;
    speak(world, client, "first");
    both = captured;
    speak(world, client, "second");
    world->filter = NULL;
    memcpy(both.data + both.len, captured.data, captured.len);
    both.len += captured.len;
    world_put(world, &both);
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_RECEIVED), 2);
}

/* ---- what nobody knows ---- */

static const uint8_t unknown_record[40] = { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 27 };

static void a_record_nobody_knows_gets_a_small_alert_now_and_then(void **state)
{
    struct world *world = *state;
    struct transport_route route = { .remote.port = 1, .listener = 1 };

    for (unsigned i = 0; i < 1000; i++) {
        route.remote.port = (uint16_t)(i + 1);
        transport_dtls_receive(world->dtls, &route, unknown_record, sizeof unknown_record,
                               world->now_ms);
    }
    assert_int_equal(counters(world)->unknown, 1000);
    assert_int_equal(counters(world)->alerts_sent, 10);
    assert_int_equal(counters(world)->alerts_suppressed, 990);
    assert_int_equal(world->sent_datagrams, 10);
    assert_int_equal(world->longest_sent, 15);
    for (unsigned i = 0; i < 1000; i++) { /* a second, in thousandths */
        world->now_ms++;
        transport_dtls_receive(world->dtls, &route, unknown_record, sizeof unknown_record,
                               world->now_ms);
    }
    assert_int_equal(counters(world)->alerts_sent, 20);
    uint8_t tiny[14] = { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 1 };
    world->now_ms += 10000;
    transport_dtls_receive(world->dtls, &route, tiny, sizeof tiny, world->now_ms);
    assert_int_equal(counters(world)->alerts_sent, 20); /* the alert would be longer */
}

static void a_device_whose_session_is_lost_learns_it(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);

    world_restart(world, &transport_dtls_defaults);
    speak(world, client, "anybody?");
    assert_int_equal(counters(world)->alerts_sent, 1);
    assert_int_equal(world->sent_datagrams > 0, true);
}

static void garbage_is_dropped_without_an_answer(void **state)
{
    struct world *world = *state;
    struct transport_route route = { .remote.port = 1 };
    uint8_t bytes[TRANSPORT_DTLS_DATAGRAM_MAX + 1] = { 0 };
    uint32_t dice = 7;

    for (size_t len = 0; len < sizeof bytes; len = len * 2 + 1) {
        for (int i = 0; i < 50; i++) {
            for (size_t n = 0; n < len; n++) {
                dice = dice * 1664525 + 1013904223;
                bytes[n] = (uint8_t)(dice >> 24);
            }
            bytes[0] = (uint8_t)(i % 2 ? 0x40 : 22); /* CoAP; half a record */
            transport_dtls_receive(world->dtls, &route, bytes, len, world->now_ms);
        }
    }
    transport_dtls_receive(world->dtls, &route, bytes, sizeof bytes, world->now_ms);
    assert_int_equal(world->sent_datagrams, 0);
    assert_true(counters(world)->garbage > 500);
}

/* ---- addresses ---- */

static void without_a_connection_id_another_address_is_somebody_else(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *client = world_device(world, "urn:dev:1", &session);

    client->route.remote.port++;
    speak(world, client, "moved");
    assert_int_equal(world_count(world, EVENT_RECEIVED), 0);
    assert_int_equal(counters(world)->unknown, 1);
    client->route.remote.port--;
    client->result = 0;
    speak(world, client, "back");
    assert_int_equal(world_count(world, EVENT_RECEIVED), 1);
}

static void answers_leave_from_the_address_that_was_written_to_last(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);
    struct transport_dtls_info info;

    client->route.local_ip[15] = 9;
    client->route.local_ifindex = 3;
    speak(world, client, "here");
    assert_true(
        transport_dtls_find(world->dtls, world_last(world, EVENT_RECEIVED)->session, &info));
    assert_int_equal(info.route.local_ip[15], 9);
    assert_int_equal(info.route.local_ifindex, 3);
}

static struct client *cid_device(struct world *world, const char *identity, uint32_t *session)
{
    const struct client_setup setup = { .suite = "TLS_PSK_WITH_AES_128_CCM_8",
                                        .identity = identity,
                                        .cid = true };
    struct client *client = world_client(world, &setup);

    assert_true(client_connect(client));
    *session = world_last(world, EVENT_ESTABLISHED)->session;
    return client;
}

static uint16_t port_of(struct world *world, uint32_t session)
{
    struct transport_dtls_info info;

    assert_true(transport_dtls_find(world->dtls, session, &info));
    return info.route.remote.port;
}

static void with_a_connection_id_the_newest_record_says_where_its_peer_is(void **state)
{
    struct world *world = *state;
    uint32_t session;

    if (!transport_dtls_has_connection_id()) {
        skip();
    }
    struct client *client = cid_device(world, "urn:dev:1", &session);
    uint16_t first = client->route.remote.port;
    world->filter = capture_and_stop;
    speak(world, client, "an older one, late");
    world->filter = NULL;
    struct world_datagram older = captured;
    assert_int_equal(older.data[0], 25);

    client->route.remote.port = 50000;
    world->echo = true;
    park_all(world);
    speak(world, client, "moved");
    assert_string_equal((const char *)client->received, "moved");
    assert_int_equal(port_of(world, session), 50000);
    assert_int_equal(counters(world)->addresses_changed, 1);
    assert_int_equal(world_last(world, EVENT_RECEIVED)->route.remote.port, 50000);

    world_put(world, &older); /* authentic, but not the newest */
    world_settle(world);
    assert_int_equal(world_last(world, EVENT_RECEIVED)->len, strlen("an older one, late"));
    assert_int_equal(port_of(world, session), 50000);
    world_put(world, &older); /* a repetition from yet another place */
    world_settle(world);
    assert_int_equal(port_of(world, session), 50000);

    struct world_datagram forged = older; /* a number to come, a MAC that is not right */
    forged.data[9] = 1;
    forged.route.remote.port = first;
    world_put(world, &forged);
    world_settle(world);
    assert_int_equal(port_of(world, session), 50000);
    assert_int_equal(counters(world)->alerts_sent, 0);
    speak(world, client, "unharmed");
    assert_string_equal((const char *)client->received, "unharmed");
}

static void a_forged_connection_id_gets_no_answer_where_a_session_lives(void **state)
{
    struct world *world = *state;
    uint32_t session;

    if (!transport_dtls_has_connection_id()) {
        skip();
    }
    struct client *client = cid_device(world, "urn:dev:1", &session);
    world->filter = capture_and_stop;
    speak(world, client, "text");
    world->filter = NULL;
    size_t sent = world->sent_datagrams;
    for (unsigned i = 11; i < 19; i++) {
        struct world_datagram forged = captured;
        forged.data[i] ^= 1;
        world_put(world, &forged);
        world_settle(world);
    }
    client_send_raw(client, unknown_record, sizeof unknown_record); /* nor one without any */
    world_settle(world);
    assert_int_equal(world->sent_datagrams, sent);
    assert_int_equal(counters(world)->unknown, 9);
    assert_int_equal(counters(world)->alerts_sent, 0);
}

static void two_devices_with_connection_ids_may_share_an_address(void **state)
{
    struct world *world = *state;
    uint32_t first, second;

    if (!transport_dtls_has_connection_id()) {
        skip();
    }
    struct client *one = cid_device(world, "urn:dev:1", &first);
    one->route.remote.port = 50000;
    struct client *two = cid_device(world, "urn:dev:2", &second);
    speak(world, one, "one");
    one->deaf = true;
    two->route = one->route;
    speak(world, two, "two");
    assert_int_equal(world_last(world, EVENT_RECEIVED)->session, second);
    speak(world, one, "one");
    assert_int_equal(world_last(world, EVENT_RECEIVED)->session, first);
    assert_int_equal(transport_dtls_sessions(world->dtls), 2);
}

/* ---- lengths ---- */

static void records_fit_the_path_and_what_the_device_asked_for(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    struct world *world = *state;
    const char *names[32];
    size_t len = transport_dtls_suites(names, 32);
    static uint8_t data[2048];

    settings.mtu = 1000;
    settings.live_max = 1;
    world_restart(world, &settings);
    for (size_t i = 0; i < 2 * len; i++) {
        bool by_key = strstr(names[i / 2], "PSK");
        const struct client_setup setup = { .suite = names[i / 2],
                                            .identity = by_key ? "urn:dev:psk" : NULL,
                                            .certificate = by_key ? NULL : "device",
                                            .cid = i % 2 == 1,
                                            .mfl_code = i % 4 == 3 ? 1 : 0 };
        struct client *client = world_client(world, &setup);
        assert_true(client_connect(client));
        struct transport_route route = world_last(world, EVENT_ESTABLISHED)->route;
        size_t max = transport_dtls_payload_max(world->dtls, route.session);
        assert_in_range(max, setup.mfl_code ? 512 : 850, setup.mfl_code ? 512 : 987);
        world_device(world, "urn:dev:parks", NULL);
        world->longest_sent = 0;
        assert_int_equal(transport_dtls_send(world->dtls, &route, data, max + 1), -EMSGSIZE);
        assert_int_equal(transport_dtls_send(world->dtls, &route, data, max), 0);
        world_settle(world);
        assert_int_equal(client->received_len, max);
        assert_true(world->longest_sent <= 1000);
        assert_int_equal(transport_dtls_send(world->dtls, &route, data, 1), 0);
    }
    assert_int_equal(transport_dtls_payload_max(world->dtls, 99999), 0);
}

/* ---- farewells ---- */

static void a_device_that_says_goodbye_is_forgotten(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *client = world_device(world, "urn:dev:1", &session);

    park_all(world);
    assert_int_equal(mbedtls_ssl_close_notify(&client->ssl), 0);
    world_settle(world);
    assert_int_equal(world_last(world, EVENT_CLOSED)->session, session);
    assert_int_equal(world_last(world, EVENT_CLOSED)->reason, TRANSPORT_DTLS_BY_PEER);
    assert_string_equal(world_last(world, EVENT_CLOSED)->name, "urn:dev:1");
    assert_int_equal(client->result, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY); /* it was answered */
}

static void a_fatal_alert_ends_a_session_a_warning_does_not(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);

    assert_int_equal(mbedtls_ssl_send_alert_message(&client->ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                                    MBEDTLS_SSL_ALERT_MSG_USER_CANCELED),
                     0);
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
    assert_int_equal(mbedtls_ssl_send_alert_message(&client->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                    MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR),
                     0);
    world_settle(world);
    assert_int_equal(world_last(world, EVENT_CLOSED)->reason, TRANSPORT_DTLS_BY_PEER);
}

static void renegotiation_is_declined(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);

    mbedtls_ssl_conf_renegotiation(&client->config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    size_t sent = world->sent_datagrams;
    (void)!mbedtls_ssl_renegotiate(&client->ssl);
    world_settle(world);
    assert_int_equal(world->sent_datagrams, sent + 1); /* no_renegotiation, a warning */
    assert_int_equal(transport_dtls_sessions(world->dtls), 1);
    assert_int_equal(world_count(world, EVENT_CLOSED), 0);
}

static void a_session_may_be_closed_in_any_callback(void **state)
{
    struct world *world = *state;
    static const int events[] = { EVENT_ESTABLISHED, EVENT_CHANGED, EVENT_RECEIVED };

    for (size_t i = 0; i < 3; i++) {
        world->events_len = 0;
        world->close_in = events[i];
        struct client *client = world_device(world, "urn:dev:1", NULL);
        if (events[i] == EVENT_RECEIVED) {
            speak(world, client, "last words");
        }
        assert_int_equal(world_count(world, EVENT_CLOSED), 1);
        assert_int_equal(transport_dtls_sessions(world->dtls), 0);
    }
}

static bool is_odd(void *ctx, const struct transport_dtls_info *info)
{
    unsigned *asked = ctx;

    (*asked)++;
    return info->identity[info->identity_len - 1] % 2 == 1;
}

static void sessions_of_removed_identities_are_closed_with_a_word(void **state)
{
    struct world *world = *state;
    struct client *clients[8];
    unsigned asked = 0;

    for (unsigned i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:dev:%u", i);
        clients[i] = world_device(world, name, NULL);
    }
    assert_int_equal(transport_dtls_close_if(world->dtls, is_odd, &asked), 4);
    assert_true(asked >= 8);
    assert_int_equal(transport_dtls_sessions(world->dtls), 4);
    world_settle(world);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(clients[i]->result, i % 2 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : 0);
    }
    assert_int_equal(world_last(world, EVENT_CLOSED)->reason, TRANSPORT_DTLS_CLOSED);
    transport_dtls_close(world->dtls, 4711);
}

static void count(void *ctx, const struct transport_dtls_info *info)
{
    assert_non_null(info->suite);
    (*(unsigned *)ctx)++;
}

static void every_session_is_visited_once(void **state)
{
    struct world *world = *state;
    unsigned visited = 0;

    park_all(world);
    transport_dtls_each(world->dtls, count, &visited);
    assert_int_equal(visited, 4);
}

static void numbers_of_sessions_count_up_from_the_first(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    struct world *world = *state;
    uint32_t session;

    settings.first_session = UINT32_MAX;
    world_restart(world, &settings);
    world_device(world, "urn:dev:1", &session);
    assert_int_equal(session, UINT32_MAX);
    world_device(world, "urn:dev:2", &session);
    assert_int_equal(session, 1); /* 0 is no session */
    assert_int_equal(transport_dtls_next_session(world->dtls), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hundreds_of_sessions_share_a_few_contexts),
        TEST(every_suite_can_be_parked),
        TEST(who_spoke_last_is_parked_last),
        TEST(the_longest_unused_session_gives_way_when_the_table_is_full),
        TEST(a_record_counts_once_also_when_its_session_was_parked_between),
        TEST(records_may_come_out_of_order),
        TEST(forged_records_disturb_nobody),
        TEST(a_forged_record_displaces_no_live_session),
        TEST(records_share_datagrams),
        TEST(a_record_nobody_knows_gets_a_small_alert_now_and_then),
        TEST(a_device_whose_session_is_lost_learns_it),
        TEST(garbage_is_dropped_without_an_answer),
        TEST(without_a_connection_id_another_address_is_somebody_else),
        TEST(answers_leave_from_the_address_that_was_written_to_last),
        TEST(with_a_connection_id_the_newest_record_says_where_its_peer_is),
        TEST(a_forged_connection_id_gets_no_answer_where_a_session_lives),
        TEST(two_devices_with_connection_ids_may_share_an_address),
        TEST(records_fit_the_path_and_what_the_device_asked_for),
        TEST(a_device_that_says_goodbye_is_forgotten),
        TEST(a_fatal_alert_ends_a_session_a_warning_does_not),
        TEST(renegotiation_is_declined),
        TEST(a_session_may_be_closed_in_any_callback),
        TEST(sessions_of_removed_identities_are_closed_with_a_word),
        TEST(every_session_is_visited_once),
        TEST(numbers_of_sessions_count_up_from_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
