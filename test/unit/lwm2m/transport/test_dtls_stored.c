/* Sessions as bytes: over a restart, after a crash, damaged. */
#include "test_dtls_world.h"

#include "lwm2m/hash/siphash.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RESERVE 16

static struct transport_dtls_settings settings_of_run(uint32_t run)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;

    settings.reserve = RESERVE;
    settings.run = run;
    settings.live_max = 2;
    return settings;
}

static int set_up(void **state)
{
    struct transport_dtls_settings settings = settings_of_run(1);

    *state = world_new(&settings);
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

struct form {
    uint8_t bytes[TRANSPORT_DTLS_EXPORT_MAX];
    size_t len;
};

static struct form export_of(struct world *world, uint32_t session)
{
    struct form form;
    int len = transport_dtls_export(world->dtls, session, form.bytes, sizeof form.bytes);

    assert_true(len > 0);
    form.len = (size_t)len;
    return form;
}

static void restart(struct world *world, uint32_t run)
{
    struct transport_dtls_settings settings = settings_of_run(run);

    world_restart(world, &settings);
}

static void speak(struct world *world, struct client *client, const char *text)
{
    client_send(client, text);
    world_settle(world);
}

static void every_kind_of_session_outlives_a_restart(void **state)
{
    struct world *world = *state;
    const char *names[32];
    size_t len = transport_dtls_suites(names, 32);
    struct client *clients[64];
    struct form forms[64];
    struct transport_dtls_info before[64], after;
    uint32_t number;

    for (size_t i = 0; i < 2 * len; i++) {
        char identity[32];
        snprintf(identity, sizeof identity, "urn:dev:%zu", i);
        bool by_key = strstr(names[i / 2], "PSK");
        const struct client_setup setup = { .suite = names[i / 2],
                                            .identity = by_key ? identity : NULL,
                                            .certificate = by_key ? NULL : "device",
                                            .cid = i % 2 == 1,
                                            .mfl_code = i % 4 == 3 ? 1 : 0 };
        clients[i] = world_client(world, &setup);
        assert_true(client_connect(clients[i]));
        speak(world, clients[i], "before");
        uint32_t session = world_last(world, EVENT_RECEIVED)->session;
        forms[i] = export_of(world, session);
        assert_true(transport_dtls_find(world->dtls, session, &before[i]));
        assert_false(before[i].changed);
        if (!by_key && i / 2 < len - 1) {
            transport_dtls_close(world->dtls, session); /* one certificate, one session */
            clients[i] = NULL;
        }
    }
    uint32_t next = transport_dtls_next_session(world->dtls);
    restart(world, 2);
    transport_dtls_expect(world->dtls, len);
    world->echo = true;
    for (size_t i = 0; i < 2 * len; i++) {
        if (!clients[i] || i == 2 * len - 2) {
            continue;
        }
        assert_int_equal(transport_dtls_import(world->dtls, forms[i].bytes, forms[i].len, &number),
                         0);
        assert_int_equal(number, before[i].route.session);
        speak(world, clients[i], "after");
        assert_string_equal((const char *)clients[i]->received, "after");
        assert_true(transport_dtls_find(world->dtls, number, &after));
        assert_string_equal(after.suite, before[i].suite);
        assert_int_equal(after.kind, before[i].kind);
        assert_int_equal(after.identity_len, before[i].identity_len);
        assert_int_equal(after.connection_id, before[i].connection_id);
        assert_int_equal(transport_dtls_payload_max(world->dtls, number) <= 512, i % 4 == 3);
    }
    assert_int_equal(transport_dtls_next_session(world->dtls), next);
    assert_int_equal(transport_dtls_counters(world->dtls)->handshakes_completed, 0);
}

static void names_of_a_certificate_are_stored_too(void **state)
{
    struct world *world = *state;
    const struct client_setup setup = { .certificate = "device" };
    struct transport_dtls_info info;

    assert_true(client_connect(world_client(world, &setup)));
    uint32_t session = world_last(world, EVENT_ESTABLISHED)->session;
    struct form form = export_of(world, session);
    restart(world, 2);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), 0);
    assert_true(transport_dtls_find(world->dtls, session, &info));
    assert_string_equal(info.common_name, "urn:dev:1");
    assert_string_equal(info.dns_names, "urn-dev-1.example");
    assert_int_equal(info.dns_names_len, sizeof "urn-dev-1.example" + sizeof "meter-1.example");
}

static struct world_datagram captured;

static bool capture(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    if (datagram->to_server) {
        captured = *datagram;
    }
    return true;
}

static void a_record_from_before_the_export_is_a_repetition_after_it(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *client = world_device(world, "urn:dev:1", &session);

    world->filter = capture;
    speak(world, client, "once");
    world->filter = NULL;
    struct form form = export_of(world, session);
    restart(world, 2);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), 0);
    world_put(world, &captured);
    world_settle(world);
    assert_int_equal(world_count(world, EVENT_RECEIVED), 1);
    assert_int_equal(transport_dtls_counters(world->dtls)->replays, 1);
}

/* ---- numbers are never used twice ---- */

static void nothing_is_held_back_before_the_first_export(void **state)
{
    struct world *world = *state;
    uint32_t session;

    world_device(world, "urn:dev:1", &session);
    assert_int_equal(world_count(world, EVENT_CHANGED), 1);
    for (int i = 0; i < 4 * RESERVE; i++) {
        assert_int_equal(world_send(world, session, "x"), 0);
    }
    assert_int_equal(world_count(world, EVENT_CHANGED), 1);
}

static void a_session_sends_what_its_stored_form_reserves_and_no_more(void **state)
{
    struct world *world = *state;
    uint32_t session;

    struct client *client = world_device(world, "urn:dev:1", &session);
    export_of(world, session);
    transport_dtls_stored(world->dtls, session);
    for (int i = 0; i < RESERVE; i++) {
        assert_int_equal(world_count(world, EVENT_CHANGED), 1 + (i >= RESERVE / 2));
        assert_int_equal(world_send(world, session, "x"), 0);
    }
    assert_int_equal(world_send(world, session, "x"), -EAGAIN);
    assert_int_equal(world_count(world, EVENT_CHANGED), 2); /* once is enough */
    assert_int_equal(transport_dtls_counters(world->dtls)->held_back, 1);

    export_of(world, session); /* not on the disk yet */
    assert_int_equal(world_send(world, session, "x"), -EAGAIN);
    transport_dtls_stored(world->dtls, session);
    assert_int_equal(world_send(world, session, "x"), 0);
    world_settle(world);
    assert_int_equal(client->received_count, RESERVE + 1);
}

static void what_comes_in_asks_for_an_export_too(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *client = world_device(world, "urn:dev:1", &session);
    struct transport_dtls_info info;

    export_of(world, session);
    transport_dtls_stored(world->dtls, session);
    for (int i = 0; i < RESERVE / 2 - 1; i++) {
        speak(world, client, "x");
    }
    assert_true(transport_dtls_find(world->dtls, session, &info));
    assert_true(info.changed);
    assert_int_equal(world_count(world, EVENT_CHANGED), 1);
    speak(world, client, "x");
    assert_int_equal(world_count(world, EVENT_CHANGED), 2);
}

static void without_a_run_an_imported_session_sends_only_after_an_export(void **state)
{
    struct world *world = *state;
    uint32_t session;
    struct client *client = world_device(world, "urn:dev:1", &session);
    struct form form = export_of(world, session);
    static const uint32_t runs[] = { 0, 1 }; /* not known; not above that of the export */

    for (size_t i = 0; i < 2; i++) {
        restart(world, runs[i]);
        assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), 0);
        world->events_len = 0;
        speak(world, client, "reads at once");
        assert_int_equal(world_count(world, EVENT_RECEIVED), 1);
        assert_int_equal(world_send(world, session, "x"), -EAGAIN);
        assert_int_equal(world_count(world, EVENT_CHANGED), 1);
    }
    world->export_on_change = true;
    restart(world, 0);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), 0);
    assert_int_equal(world_send(world, session, "x"), -EAGAIN);
    assert_int_equal(world_send(world, session, "x"), 0);
}

/* Record numbers of what was sent to the one client, in a set. */
static uint8_t used[65536];
static bool used_twice;

static bool note_numbers(struct world *world, struct world_datagram *datagram)
{
    (void)world;
    if (!datagram->to_server && datagram->data[4] == 1) {
        unsigned number = (unsigned)datagram->data[9] << 8 | datagram->data[10];
        used_twice = used_twice || used[number]++ > 0;
    }
    return true;
}

/* A store as a database is one: a form is on the disk at some time between export and confirmation,
 * and a crash may come at any time. */
static void no_number_is_used_twice_whatever_happens_when(void **state)
{
    struct world *world = *state;
    uint32_t session, run = 1, dice = 1;
    struct client *client = world_device(world, "urn:dev:1", &session);
    struct form disk = { .len = 0 }, written = { .len = 0 };
    unsigned sent = 0;

    memset(used, 0, sizeof used);
    used_twice = false;
    world->filter = note_numbers;
    for (int i = 0; i < 4000; i++) {
        dice = dice * 1664525 + 1013904223;
        unsigned what = (dice >> 20) % 64;
        if (what < 50) {
            sent += world_send(world, session, "x") == 0;
        } else if (what < 55) {
            written = export_of(world, session);
        } else if (what < 58 && written.len > 0) {
            disk = written; /* but nobody has heard of it */
        } else if (what < 62 && written.len > 0) {
            disk = written;
            transport_dtls_stored(world->dtls, session);
        } else if (what == 63 && disk.len > 0) {
            written.len = 0;
            restart(world, ++run);
            assert_int_equal(transport_dtls_import(world->dtls, disk.bytes, disk.len, NULL), 0);
        }
        world_settle(world);
        assert_false(used_twice);
    }
    assert_true(sent > 1000);
    assert_true(run > 10);
    assert_int_equal(client->received_count, sent);
}

/* ---- damage ---- */

static void mend_check(struct form *form)
{
    static const uint64_t key[2] = { UINT64_C(0x6c776d326d717474), UINT64_C(0x64746c73) };
    uint64_t check = lwm2m_siphash_proof(key, form->bytes, form->len - 8);

    for (size_t i = 0; i < 8; i++) {
        form->bytes[form->len - 1 - i] = (uint8_t)(check >> (8 * i));
    }
}

static void damage_is_noticed(void **state)
{
    struct world *world = *state;
    const struct client_setup setup = { .certificate = "device", .cid = true };

    assert_true(client_connect(world_client(world, &setup)));
    struct form form = export_of(world, world_last(world, EVENT_ESTABLISHED)->session);
    restart(world, 2);
    for (size_t i = 0; i < form.len; i++) {
        struct form damaged = form;
        damaged.bytes[i] ^= 0x10;
        assert_int_equal(transport_dtls_import(world->dtls, damaged.bytes, damaged.len, NULL),
                         -EBADMSG);
    }
    for (size_t len = 0; len < form.len; len++) {
        assert_int_equal(transport_dtls_import(world->dtls, form.bytes, len, NULL), -EBADMSG);
    }
    assert_int_equal(transport_dtls_sessions(world->dtls), 0);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), 0);
}

/* The check value is against accidents; what is behind it must hold against anything. */
static void what_passes_for_a_session_does_no_harm(void **state)
{
    struct world *world = *state;
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    uint8_t record[64] = { 23, 254, 253, 0, 1, 0, 0, 0, 0, 9, 9, 0, 51 };
    uint32_t session;
    unsigned taken = 0;

    world_device(world, "urn:dev:1", &session);
    struct form form = export_of(world, session);
    for (size_t i = 0; i < 3 * form.len; i++) {
        struct form damaged = form;
        restart(world, 2);
        damaged.bytes[i / 3] ^= flips[i % 3];
        mend_check(&damaged);
        int err = transport_dtls_import(world->dtls, damaged.bytes, damaged.len, &session);
        assert_true(err == 0 || err == -EBADMSG || err == -ENOTSUP);
        if (err == 0) {
            struct transport_dtls_info info;
            taken++;
            assert_true(transport_dtls_find(world->dtls, session, &info));
            transport_dtls_receive(world->dtls, &info.route, record, sizeof record, world->now_ms);
            (void)!world_send(world, session, "x");
            transport_dtls_close(world->dtls, session);
            world_settle(world);
        }
    }
    assert_true(taken > form.len);
}

static void a_place_that_is_taken_stays_with_its_owner(void **state)
{
    struct world *world = *state;
    uint32_t session;

    world_device(world, "urn:dev:1", &session);
    struct form form = export_of(world, session);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), -EEXIST);

    struct transport_dtls_settings settings = settings_of_run(2);
    settings.sessions_max = 1;
    settings.first_session = 1000;
    world_restart(world, &settings);
    world_device(world, "urn:dev:1", NULL);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), -EEXIST);
    world_device(world, "urn:dev:2", NULL);
    assert_int_equal(transport_dtls_import(world->dtls, form.bytes, form.len, NULL), -ENOSPC);
}

static void exports_say_what_is_wrong(void **state)
{
    struct world *world = *state;
    struct transport_dtls_settings settings = transport_dtls_defaults;
    uint8_t bytes[TRANSPORT_DTLS_EXPORT_MAX];
    uint32_t session;

    world_device(world, "urn:dev:1", &session);
    assert_int_equal(transport_dtls_export(world->dtls, session + 1, bytes, sizeof bytes), -ENOENT);
    assert_int_equal(transport_dtls_export(world->dtls, session, bytes, 100), -ENOSPC);
    transport_dtls_stored(world->dtls, session); /* nothing was: no limit comes of it */
    assert_int_equal(world_send(world, session, "x"), 0);
    settings.reserve = 0;
    world_restart(world, &settings);
    world->events_len = 0;
    world_device(world, "urn:dev:1", &session);
    assert_int_equal(transport_dtls_export(world->dtls, session, bytes, sizeof bytes), -ENOTSUP);
    assert_int_equal(world_count(world, EVENT_CHANGED), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_session_outlives_a_restart),
        TEST(names_of_a_certificate_are_stored_too),
        TEST(a_record_from_before_the_export_is_a_repetition_after_it),
        TEST(nothing_is_held_back_before_the_first_export),
        TEST(a_session_sends_what_its_stored_form_reserves_and_no_more),
        TEST(what_comes_in_asks_for_an_export_too),
        TEST(without_a_run_an_imported_session_sends_only_after_an_export),
        TEST(no_number_is_used_twice_whatever_happens_when),
        TEST(damage_is_noticed),
        TEST(what_passes_for_a_session_does_no_harm),
        TEST(a_place_that_is_taken_stays_with_its_owner),
        TEST(exports_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
