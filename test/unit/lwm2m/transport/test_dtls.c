/* Handshakes of every suite and credential, and what is told about the peers. */
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
    *state = world_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static void every_suite_carries_data_both_ways(void **state)
{
    struct world *world = *state;
    const char *names[32];
    size_t len = transport_dtls_suites(names, 32);

    assert_int_equal(len, 9);
    world->echo = true;
    for (size_t i = 0; i < len; i++) {
        bool psk = strstr(names[i], "PSK");
        const struct client_setup setup = { .suite = names[i],
                                            .identity = psk ? "urn:dev:psk" : NULL,
                                            .certificate = psk ? NULL : "device" };
        struct client *client = world_client(world, &setup);
        assert_true(client_connect(client));
        const struct world_event *event = world_last(world, EVENT_ESTABLISHED);
        assert_string_equal(event->suite, names[i]);
        assert_int_equal(event->kind, psk ? TRANSPORT_DTLS_PSK : TRANSPORT_DTLS_CERTIFICATE);
        assert_string_equal(event->name, psk ? "urn:dev:psk" : "urn:dev:1");
        client_send(client, "hello");
        world_settle(world);
        event = world_last(world, EVENT_RECEIVED);
        assert_int_equal(event->len, 5);
        assert_memory_equal(event->data, "hello", 5);
        assert_string_equal((const char *)client->received, "hello");
    }
    assert_int_equal(transport_dtls_counters(world->dtls)->handshakes_completed, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_suite_carries_data_both_ways, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
