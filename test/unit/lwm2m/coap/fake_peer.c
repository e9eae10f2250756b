#include "fake_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every allocation of the library under test passes here (the linker's --wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

unsigned allocations;
unsigned fail_allocation;
size_t largest_allocation;

static bool may_allocate(size_t size)
{
    allocations++;
    largest_allocation = size > largest_allocation ? size : largest_allocation;
    return fail_allocation == 0 || --fail_allocation > 0;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate(size) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate(count * size) ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return may_allocate(size) ? __real_realloc(memory, size) : NULL;
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct world *world = ctx;
    unsigned index = world->sent_count++;
    bool header_ok;

    assert_true(len <= LWCOAP_DATAGRAM_MAX);
    if (index >= SENT_MAX) {
        index = SENT_MAX - 1;
    }
    struct sent *sent = &world->sent[index];
    sent->route = *route;
    sent->len = len;
    memcpy(sent->bytes, data, len);
    assert_int_equal(lwcoap_message_parse(sent->bytes, len, &sent->message, &header_ok), 0);
}

static struct event *add_event(struct world *world, enum event_kind kind)
{
    assert_true(world->event_count < EVENT_MAX);
    struct event *event = &world->events[world->event_count++];
    memset(event, 0, sizeof *event);
    event->kind = kind;
    return event;
}

static void set_body(struct event *event, const uint8_t *body, size_t len)
{
    assert_true(len <= BODY_MAX);
    event->body_len = len;
    if (len > 0) {
        memcpy(event->body, body, len);
    }
}

static void on_request(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct world *world = ctx;
    struct event *event = add_event(world, EVENT_REQUEST);

    event->receipt = inbound->receipt;
    event->code = inbound->receipt.code;
    event->content_format = inbound->content_format;
    set_body(event, inbound->body, inbound->body_len);
    if (world->on_request) {
        world->on_request(world, inbound);
    }
    if (world->respond) {
        lwcoap_respond(world->endpoint, &inbound->receipt, &world->reply, world->now_ms);
    }
}

static void set_response(struct event *event, const struct lwcoap_response *response)
{
    event->code = response->code;
    event->content_format = response->content_format;
    event->observe = response->observe;
    event->outdated = response->outdated;
    event->receipt = response->receipt;
    snprintf(event->location, sizeof event->location, "%s", response->location);
    set_body(event, response->body, response->body_len);
}

static void on_notification(void *ctx, struct lwcoap_observation *observation,
                            const struct lwcoap_response *response)
{
    struct world *world = ctx;
    struct event *event = add_event(world, EVENT_NOTIFICATION);

    event->observation = observation;
    set_response(event, response);
    if (world->on_notification) {
        world->on_notification(world, observation);
    }
}

static void on_outcome(void *ctx, struct lwcoap_exchange *exchange, enum lwcoap_outcome outcome,
                       const struct lwcoap_response *response, const char *reason)
{
    struct world *world = ctx;
    struct event *event = add_event(world, EVENT_OUTCOME);

    assert_int_equal(response != NULL, outcome == LWCOAP_OUTCOME_RESPONSE);
    assert_int_equal(reason[0] != '\0', outcome == LWCOAP_OUTCOME_FAILED);
    event->exchange = exchange;
    event->outcome = outcome;
    snprintf(event->reason, sizeof event->reason, "%s", reason);
    if (response) {
        set_response(event, response);
    }
    if (world->on_outcome) {
        world->on_outcome(world, exchange, outcome);
    }
}

static bool on_observation_request(void *ctx, struct lwcoap_observation *observation,
                                   struct lwcoap_request *request)
{
    struct world *world = ctx;

    assert_non_null(observation);
    *request = world->observed;
    return world->observed.path != NULL;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct world *world = ctx;
    uint8_t *next = bytes;

    for (size_t i = 0; i < len; i++) {
        world->random = world->random * 6364136223846793005u + 1442695040888963407u;
        next[i] = (uint8_t)(world->random >> 56);
    }
}

void world_restart(struct world *world)
{
    struct lwcoap_callbacks callbacks = {
        .ctx = world,
        .send = on_send,
        .request = on_request,
        .body_limit = world->body_limit,
        .message_max = world->message_max,
        .notification = on_notification,
        .observation_request = on_observation_request,
        .random = on_random,
    };

    lwcoap_endpoint_free(world->endpoint);
    assert_int_equal(
        lwcoap_endpoint_new(&world->settings, &callbacks, world->now_ms, &world->endpoint), 0);
}

int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->settings = (struct lwcoap_settings){
        .ack_timeout_ms = 2000,
        .ack_random_factor = 1.5,
        .max_retransmit = 4,
        .exchange_lifetime_ms = 247000,
        .response_timeout_ms = 93000,
        .max_block_size = 1024,
        .max_body_size = 16384,
        .max_transfers = 4,
        .max_exchanges = 8,
    };
    world->now_ms = 1000000;
    world->random = 42;
    world->respond = true;
    world->reply =
        (struct lwcoap_reply){ .code = LWCOAP_CODE(2, 4), .content_format = LWCOAP_FORMAT_NONE };
    world_restart(world);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;

    lwcoap_endpoint_free(world->endpoint);
    free(world);
    return 0;
}

struct transport_route peer_route(unsigned number)
{
    struct transport_route route = { .remote = { .port = (uint16_t)(5000 + number % 60000) } };

    memcpy(route.remote.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a", 13);
    route.remote.ip[13] = (uint8_t)(number >> 16);
    route.remote.ip[14] = (uint8_t)(number >> 8);
    route.remote.ip[15] = (uint8_t)number;
    return route;
}

struct draft *draft_bytes(enum lwcoap_type type, uint8_t code, uint16_t message_id,
                          const uint8_t *token, uint8_t token_len)
{
    static struct draft message;

    lwcoap_writer_init(&message.writer, message.bytes, sizeof message.bytes, type, code, message_id,
                       token, token_len);
    return &message;
}

struct draft *draft(enum lwcoap_type type, uint8_t code, uint16_t message_id, const char *token)
{
    return draft_bytes(type, code, message_id, (const uint8_t *)token, (uint8_t)strlen(token));
}

struct draft *draft_reply(enum lwcoap_type type, uint8_t code, uint16_t message_id,
                          const struct sent *to)
{
    return draft_bytes(type, code, message_id, to->message.token, to->message.token_len);
}

void with_option(struct draft *message, uint16_t number, const char *value)
{
    lwcoap_writer_option(&message->writer, number, value, strlen(value));
}

void with_uint(struct draft *message, uint16_t number, uint32_t value)
{
    lwcoap_writer_option_uint(&message->writer, number, value);
}

void with_block(struct draft *message, uint16_t number, uint32_t num, bool more, uint32_t size)
{
    uint32_t szx = 0;

    while (16u << szx < size) {
        szx++;
    }
    with_uint(message, number, num << 4 | (more ? 8u : 0) | szx);
}

void with_payload(struct draft *message, const void *payload, size_t len)
{
    lwcoap_writer_payload(&message->writer, payload, len);
}

void receive_bytes(struct world *world, const struct transport_route *route, const void *bytes,
                   size_t len)
{
    uint8_t *exact = __real_malloc(len > 0 ? len : 1); /* a byte too far is seen by the sanitizer */

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    lwcoap_endpoint_receive(world->endpoint, route, exact, len, world->now_ms);
    free(exact);
}

void receive(struct world *world, const struct transport_route *route, const struct draft *message)
{
    assert_int_equal(message->writer.err, 0);
    receive_bytes(world, route, message->bytes, message->writer.len);
}

void pass(struct world *world, uint64_t ms)
{
    uint64_t end_ms = world->now_ms + ms;
    uint64_t next_ms;

    while ((next_ms = lwcoap_endpoint_next_ms(world->endpoint)) <= end_ms) {
        world->now_ms = next_ms > world->now_ms ? next_ms : world->now_ms;
        lwcoap_endpoint_run(world->endpoint, world->now_ms);
    }
    world->now_ms = end_ms;
}

const struct sent *last_sent(const struct world *world)
{
    assert_true(world->sent_count > 0 && world->sent_count <= SENT_MAX);
    return &world->sent[world->sent_count - 1];
}

struct event *last_event(struct world *world)
{
    assert_true(world->event_count > 0);
    return &world->events[world->event_count - 1];
}

int64_t sent_uint(const struct sent *sent, uint16_t number)
{
    struct lwcoap_option option;

    return lwcoap_option_find(&sent->message, number, &option)
               ? (int64_t)lwcoap_option_uint(&option)
               : -1;
}

const char *sent_block(const struct sent *sent, uint16_t number)
{
    static char text[32];
    int64_t value = sent_uint(sent, number);

    text[0] = '\0';
    if (value >= 0) {
        snprintf(text, sizeof text, "%d/%d/%d", (int)(value >> 4), value & 8 ? 1 : 0,
                 16 << (value & 7));
    }
    return text;
}

const char *sent_path(const struct sent *sent)
{
    static char text[256];
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    size_t len = 0;

    lwcoap_option_reader_init(&reader, &sent->message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_PATH) {
            len += (size_t)snprintf(text + len, sizeof text - len, "/%.*s", (int)option.len,
                                    (const char *)option.value);
        }
    }
    text[len] = '\0';
    return text;
}

const uint8_t *pattern(void)
{
    static uint8_t bytes[BODY_MAX];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i ^ i >> 8);
    }
    return bytes;
}

struct lwcoap_request request_of(uint8_t code, const char *path)
{
    return (struct lwcoap_request){ .code = code,
                                    .path = path,
                                    .content_format = LWCOAP_FORMAT_NONE,
                                    .accept = LWCOAP_FORMAT_NONE,
                                    .observe = -1 };
}

void send_request(struct world *world, const struct transport_route *route,
                  const struct lwcoap_request *request, struct lwcoap_observation *observation)
{
    unsigned events = world->event_count;

    assert_int_equal(lwcoap_request_send(world->endpoint, route, request, observation, on_outcome,
                                         world, world->now_ms, NULL),
                     0);
    assert_int_equal(world->event_count, events);
}
