/*
 * Whoever borrows an address to have us send there gets no lever: what strangers are answered is
 * at most three times what they sent, whatever they send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTOR  3
#define ROUNDS  80000
#define SOURCES 4
#define BIG     1200

struct fixture {
    struct lwm2m_server *server;
    uint64_t now_ms;
    uint64_t random;
    size_t sent; /* bytes since the last datagram */
};

struct datagram {
    uint8_t bytes[BIG];
    size_t len;
};

/* --- the server's surroundings --- */

static uint64_t next_random(struct fixture *f)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return f->random >> 33;
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct fixture *f = ctx;
    (void)route;
    (void)data;
    f->sent += len;
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    (void)ctx;
    (void)event;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)next_random(ctx);
    }
}

static double on_wall_clock(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 93000;
}

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    (void)ctx;
    (void)object;
    (void)version;
    (void)resource;
    (void)definition;
    return false;
}

static void on_context_free(void *ctx, void *context)
{
    (void)ctx;
    (void)context;
}

static int set_up_server(void **state, bool require_echo)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lwm2m_server_settings settings = {
        .coap = { .ack_timeout_ms = 2000,
                  .ack_random_factor = 1.5,
                  .max_retransmit = 4,
                  .exchange_lifetime_ms = 247000,
                  .response_timeout_ms = 93000,
                  .max_block_size = 1024,
                  .max_body_size = 4096,
                  .max_transfers = 8,
                  .max_exchanges = 8 },
        .lifetime_min_s = 15,
        .lifetime_max_s = 86400,
        .max_devices = 4, /* the others are told to come again */
        .queue_length = 4,
        .max_records = 100,
        .require_echo = require_echo,
    };
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = f,
        .send = on_send,
        .event = on_event,
        .random = on_random,
        .wall_clock_s = on_wall_clock,
        .awake_window_ms = on_awake_window,
        .definition = on_definition,
        .observation_context_free = on_context_free,
    };
    assert_non_null(f);
    f->random = 1;
    assert_int_equal(lwm2m_server_new(&settings, &callbacks, f->now_ms, &f->server), 0);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_server(state, false);
}

static int set_up_with_echo(void **state)
{
    return set_up_server(state, true);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lwm2m_server_free(f->server);
    free(f);
    return 0;
}

/* --- what strangers send --- */

struct sample_option {
    uint16_t number;
    const char *value; /* NULL ends the list */
};

/* A request to start from; short ones, because those have the most to gain. */
static const struct sample {
    uint8_t code;
    struct sample_option options[7];
    const char *payload;
} samples[] = {
    { LWCOAP_GET, { { 11, ".well-known" }, { 11, "core" } }, "" },
    { LWCOAP_GET, { { 11, ".well-known" }, { 11, "core" }, { 23, "\x01" } }, "" },
    { LWCOAP_GET, { { 11, ".well-known" }, { 11, "core" }, { 23, "\x10" }, { 27, "\x06" } }, "" },
    { LWCOAP_GET, { { 11, "rd" } }, "" },
    { LWCOAP_POST, { { 11, "rd" } }, "" },
    { LWCOAP_POST, { { 11, "rd" }, { 15, "ep=a" } }, "" },
    { LWCOAP_POST, { { 11, "rd" }, { 15, "ep=a" }, { 15, "lwm2m=1" } }, "" },
    { LWCOAP_POST, { { 11, "rd" }, { 15, "ep=" }, { 15, "lwm2m=9" }, { 15, "lt=x" } }, "" },
    { LWCOAP_POST, { { 11, "rd" }, { 12, "*" }, { 15, "ep=b" }, { 15, "lwm2m=1" } }, "hello" },
    { LWCOAP_POST, { { 11, "rd" }, { 15, "ep=b" }, { 15, "lwm2m=1" }, { 27, "\x08" } }, "<" },
    { LWCOAP_POST, { { 11, "rd" }, { 27, "\x08" }, { 60, "\x7f\xff\xff" } }, "0123456789abcdef" },
    { LWCOAP_POST, { { 11, "rd" }, { 11, "AAAAAAAAAAA" } }, "" },
    { LWCOAP_DELETE, { { 11, "rd" }, { 11, "AAAAAAAAAAA" } }, "" },
    { LWCOAP_POST, { { 11, "dp" }, { 12, "n" } }, "[]" },
    { LWCOAP_GET, { { 35, "coap://x" } }, "" },
    { LWCOAP_GET, { { 9, "x" } }, "" },
    { 31, { { 11, "rd" } }, "" },
    { LWCOAP_EMPTY, { { 0, NULL } }, "" },
    { LWCOAP_CODE(2, 5), { { 6, "\x01" } }, "1" },
};

static void build(struct fixture *f, struct datagram *datagram)
{
    const struct sample *sample = &samples[next_random(f) % (sizeof(samples) / sizeof(samples[0]))];
    const uint8_t token[8] = "token678";
    struct lwcoap_writer writer;

    lwcoap_writer_init(&writer, datagram->bytes, sizeof(datagram->bytes),
                       next_random(f) % 4 == 0 ? LWCOAP_NON : LWCOAP_CON, sample->code,
                       (uint16_t)(next_random(f) % 64), token, (uint8_t)(next_random(f) % 9));
    for (const struct sample_option *option = sample->options; option->value; option++) {
        lwcoap_writer_option(&writer, option->number, option->value, strlen(option->value));
    }
    lwcoap_writer_payload(&writer, (const uint8_t *)sample->payload, strlen(sample->payload));
    assert_int_equal(writer.err, 0);
    datagram->len = writer.len;
}

static void mutate(struct fixture *f, struct datagram *datagram)
{
    switch (next_random(f) % 8) {
    case 0:
        datagram->bytes[next_random(f) % datagram->len] = (uint8_t)next_random(f);
        break;
    case 1:
        datagram->bytes[next_random(f) % datagram->len] ^= (uint8_t)(1 << next_random(f) % 8);
        break;
    case 2:
        datagram->len = 1 + next_random(f) % datagram->len;
        break;
    case 3:
        datagram->bytes[1] = (uint8_t)next_random(f);
        break;
    case 4:
        datagram->bytes[0] = (uint8_t)(datagram->bytes[0] ^ (next_random(f) % 4) << 4);
        break;
    default: /* as it is */
        break;
    }
}

static size_t receive(struct fixture *f, unsigned source, const struct datagram *datagram)
{
    struct transport_route route = { .remote = { .port = (uint16_t)(5683 + source) } };
    uint8_t *exact = malloc(datagram->len); /* so that sanitizers see its end */
    assert_non_null(exact);
    memcpy(exact, datagram->bytes, datagram->len);
    f->sent = 0;
    lwm2m_server_receive(f->server, &route, exact, datagram->len, f->now_ms);
    free(exact);
    return f->sent;
}

static void answers_to_strangers_are_at_most_three_times_their_request(void **state)
{
    struct fixture *f = *state;
    struct datagram datagram;
    size_t answered = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        build(f, &datagram);
        mutate(f, &datagram);
        size_t sent = receive(f, (unsigned)(next_random(f) % SOURCES), &datagram);
        if (sent > FACTOR * datagram.len) {
            print_error("round %u: %zu bytes for %zu, code %02x\n", round, sent, datagram.len,
                        datagram.bytes[1]);
            fail();
        }
        answered += sent > 0;
        f->now_ms += next_random(f) % 64;
        lwm2m_server_run(f->server, f->now_ms);
    }
    assert_true(answered > ROUNDS / 4); /* it is not silence that keeps the bound */
}

static void a_duplicate_in_name_only_gets_no_answer(void **state)
{
    struct fixture *f = *state;
    struct datagram request, empty;
    struct lwcoap_writer writer;

    lwcoap_writer_init(&writer, request.bytes, BIG, LWCOAP_CON, LWCOAP_GET, 7, NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, ".well-known", 11);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "core", 4);
    request.len = writer.len;
    lwcoap_writer_init(&writer, empty.bytes, BIG, LWCOAP_CON, LWCOAP_GET, 7, NULL, 0);
    empty.len = writer.len;

    size_t answer = receive(f, 0, &request);
    assert_true(answer > FACTOR * empty.len);
    assert_int_equal(receive(f, 0, &empty), 0);
    assert_int_equal(receive(f, 0, &request), answer); /* the device that missed it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_to_strangers_are_at_most_three_times_their_request,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_to_strangers_are_at_most_three_times_their_request,
                                        set_up_with_echo, tear_down),
        cmocka_unit_test_setup_teardown(a_duplicate_in_name_only_gets_no_answer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
