#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE 60000

struct fixture {
    struct config config;
    struct log *log;
    struct lwm2m_server *server;
    struct door *door;
    uint64_t now_ms;
    char lines[8][256];
    size_t count;
};

/* --- surroundings --- */

static uint64_t on_wall_ms(void *ctx)
{
    (void)ctx;
    return 0;
}

static void on_line(void *ctx, const char *line, size_t len)
{
    struct fixture *f = ctx;
    assert_true(f->count < 8);
    snprintf(f->lines[f->count++], sizeof(f->lines[0]), "%.*s", (int)len - 1, line);
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    (void)ctx;
    (void)route;
    (void)data;
    (void)len;
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    (void)ctx;
    (void)event;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    memset(bytes, 7, len);
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 0;
}

static void start_server(struct fixture *f)
{
    const struct lwm2m_server_settings settings = {
        .coap = { .ack_timeout_ms = 2000,
                  .ack_random_factor = 1.5,
                  .exchange_lifetime_ms = 247000,
                  .response_timeout_ms = 93000,
                  .max_block_size = 1024,
                  .max_body_size = 4096,
                  .max_transfers = 8,
                  .max_exchanges = 8 },
        .lifetime_min_s = 15,
        .lifetime_max_s = 86400,
        .max_devices = 1,
        .queue_length = 1,
        .max_records = 1,
    };
    const struct lwm2m_server_callbacks callbacks = { .ctx = f,
                                                      .send = on_send,
                                                      .event = on_event,
                                                      .random = on_random,
                                                      .awake_window_ms = on_awake_window };
    assert_int_equal(lwm2m_server_new(&settings, &callbacks, f->now_ms, &f->server), 0);
}

static int set_up(void **state)
{
    static const uint64_t key[2] = { 1, 2 };
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    const struct log_settings log = { .level = LOG_LEVEL_INFO,
                                      .format = LOG_FORMAT_TEXT,
                                      .ctx = f,
                                      .wall_ms = on_wall_ms,
                                      .write = on_line };
    f->now_ms = 5000;
    f->config.lwm2m.limits.requests_per_source = 10;
    f->config.lwm2m.limits.burst_ms = 1000;
    f->config.lwm2m.limits.tracked_sources = 64;
    f->log = log_new(&log);
    assert_non_null(f->log);
    start_server(f);
    assert_int_equal(door_new(&f->config, f->log, f->server, key, f->now_ms, &f->door), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    door_free(f->door);
    lwm2m_server_free(f->server);
    log_free(f->log);
    free(f);
    return 0;
}

static bool is_known(void *ctx, const struct transport_route *route)
{
    const struct fixture *f = ctx;
    return lwm2m_server_knows(f->server, route);
}

static unsigned knock(struct fixture *f, const struct transport_route *route, unsigned times)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < times; i++) {
        admitted += door_admits(f->door, route, is_known, f, f->now_ms);
    }
    return admitted;
}

static void send_register(struct fixture *f, const struct transport_route *route, const char *name)
{
    uint8_t bytes[64];
    struct lwcoap_writer writer;
    lwcoap_writer_init(&writer, bytes, sizeof(bytes), LWCOAP_CON, LWCOAP_POST, 1, NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, name, strlen(name));
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, "lwm2m=1.0", 9);
    lwm2m_server_receive(f->server, route, bytes, writer.len, f->now_ms);
}

/* --- tests --- */

static void strangers_are_limited_and_registered_devices_are_not_strangers(void **state)
{
    struct fixture *f = *state;
    const struct transport_route stranger = { .remote = { .port = 1 } };
    const struct transport_route device = { .remote = { .port = 2 } };
    send_register(f, &device, "ep=a");
    assert_int_equal(knock(f, &stranger, 100), 10);
    assert_int_equal(knock(f, &device, 100), 100);
}

static void what_was_kept_out_is_told_once_a_minute(void **state)
{
    struct fixture *f = *state;
    const struct transport_route stranger = { .remote = { .port = 1 } };
    const struct transport_route device = { .remote = { .port = 2 } };
    assert_true(door_next_ms(f->door) == UINT64_MAX);
    knock(f, &stranger, 50);
    send_register(f, &device, "ep=a");
    send_register(f, &stranger, "ep=b"); /* there is no room for it */
    assert_int_equal(door_next_ms(f->door), 5000 + MINUTE);
    door_run(f->door, f->now_ms + MINUTE - 1);
    assert_int_equal(f->count, 0);
    f->now_ms += MINUTE;
    door_run(f->door, f->now_ms);
    assert_int_equal(f->count, 1);
    assert_non_null(strstr(f->lines[0], " warn datagrams-limited source=40 prefix=0 device=0 "
                                        "registrations=1 seconds=60"));
    f->now_ms += 2 * MINUTE; /* nothing happens, nothing is told */
    door_run(f->door, f->now_ms);
    assert_int_equal(f->count, 1);
    assert_true(door_next_ms(f->door) == UINT64_MAX);
}

static void the_rest_is_told_at_the_end(void **state)
{
    struct fixture *f = *state;
    const struct transport_route stranger = { .remote = { .port = 1 } };
    knock(f, &stranger, 11);
    f->now_ms += 2000;
    door_close(f->door, f->now_ms);
    door_close(f->door, f->now_ms);
    assert_int_equal(f->count, 1);
    assert_non_null(strstr(f->lines[0], "source=1 prefix=0 device=0 registrations=0 seconds=2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strangers_are_limited_and_registered_devices_are_not_strangers),
        TEST(what_was_kept_out_is_told_once_a_minute),
        TEST(the_rest_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
