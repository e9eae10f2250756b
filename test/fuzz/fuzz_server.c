/*
 * The whole way from a datagram without DTLS to an event: a server with two registered devices, one
 * of them observed and one asleep with a request waiting, gets datagrams, waits, and calls of the
 * gateway as the input says. Input: a byte of settings, then records of one byte that says what
 * happens, and for a datagram a byte with its length. Tokens and locations come from a poor
 * generator, so that inputs can hit them. Every request that was taken must end once.
 */
#include "lwm2m/observation.h"
#include "lwm2m/server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { REQUESTS = 8 };

struct harness {
    struct lwm2m_server *server;
    uint64_t now_ms;
    uint8_t mode; /* what callbacks do: bits of the last record */
    uint8_t random;
    size_t read; /* so that everything that is handed out is looked at */
    struct lwm2m_request requests[REQUESTS];
    bool taken[REQUESTS];
    struct lwm2m_receipt receipt;
    bool has_receipt;
    uint8_t echo[40]; /* of the last challenge */
    size_t echo_len;
};

static const struct transport_route routes[] = { { .remote = { .port = 1 } },
                                                 { .remote = { .port = 2 } } };

static void look(struct harness *harness, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        harness->read += ((const uint8_t *)bytes)[i];
    }
}

/* --- the server's surroundings --- */

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct harness *harness = ctx;
    struct lwcoap_message message;
    struct lwcoap_option echo;
    bool header_ok;

    (void)route;
    look(harness, data, len);
    if (lwcoap_message_parse(data, len, &message, &header_ok) != 0) {
        abort(); /* we sent something that is no message */
    }
    if (lwcoap_option_find(&message, LWCOAP_OPTION_ECHO, &echo)) {
        memcpy(harness->echo, echo.value, echo.len);
        harness->echo_len = echo.len;
    }
}

static void end_request(struct harness *harness, struct lwm2m_request *request)
{
    size_t index = (size_t)(request - harness->requests);

    if (!harness->taken[index]) {
        abort(); /* it ended twice */
    }
    harness->taken[index] = false;
}

static void look_at_records(struct harness *harness, const struct lwm2m_records *records)
{
    for (size_t i = 0; records && i < records->count; i++) {
        const struct lwm2m_value *value = &records->items[i].value;
        harness->read += records->items[i].path.depth;
        if (value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_OPAQUE) {
            look(harness, value->bytes.data, value->bytes.len);
        }
    }
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct harness *harness = ctx;

    harness->read += strlen(event->reason) + strlen(event->location) +
                     strlen(lwm2m_device_endpoint(event->device));
    look(harness, event->body, event->body_len);
    look_at_records(harness, event->records);
    if (event->request && event->type != LWM2M_EVENT_ACKNOWLEDGED) {
        end_request(harness, event->request);
    }
    if (!event->receipt) {
        return;
    }
    harness->receipt = *event->receipt;
    harness->has_receipt = true;
    if (harness->mode & 4) {
        lwm2m_server_acknowledge(harness->server, event->receipt, harness->now_ms);
    } else if (harness->mode & 8) {
        lwm2m_server_disregard(harness->server, event->receipt);
    }
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct harness *harness = ctx;

    memset(bytes, ++harness->random, len);
}

static double on_wall_clock(void *ctx)
{
    return 1700000000.0 + (double)((struct harness *)ctx)->now_ms / 1000;
}

static void on_refused(void *ctx, const struct transport_route *route, const char *endpoint,
                       uint8_t code, const char *reason)
{
    struct harness *harness = ctx;

    (void)route;
    (void)code;
    harness->read += strlen(endpoint) + strlen(reason);
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 20000;
}

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    (void)ctx;
    (void)version;
    *definition = (struct lwm2m_definition){ .type = (enum lwm2m_type)(resource % 8) };
    return object == 3;
}

static void on_context_free(void *ctx, void *context)
{
    (void)ctx;
    (void)context;
}

static int start_server(struct harness *harness, uint8_t how)
{
    const struct lwm2m_server_settings settings = {
        .coap = { .ack_timeout_ms = 2000,
                  .ack_random_factor = 1.5,
                  .max_retransmit = 2,
                  .exchange_lifetime_ms = 247000,
                  .response_timeout_ms = 93000,
                  .max_block_size = how & 1 ? 16 : 1024,
                  .max_body_size = 2048,
                  .max_transfers = 3,
                  .max_bodies_size = 5000,
                  .max_exchanges = 3 },
        .lifetime_min_s = 15,
        .lifetime_max_s = 86400,
        .max_devices = 4,
        .registrations_per_second = how & 2 ? 1 : 0,
        .registrations_burst_ms = 5000,
        .require_echo = how & 4,
        .queue_length = 3,
        .max_automatic = 2,
        .max_records = 50,
    };
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = harness,
        .send = on_send,
        .event = on_event,
        .refused = on_refused,
        .random = on_random,
        .wall_clock_s = on_wall_clock,
        .awake_window_ms = on_awake_window,
        .definition = on_definition,
        .observation_context_free = on_context_free,
    };
    return lwm2m_server_new(&settings, &callbacks, harness->now_ms, &harness->server);
}

/* --- what is there at the beginning --- */

static void send_register(struct harness *harness, const struct transport_route *route,
                          const char *endpoint, const char *more)
{
    static const char links[] = "</1/0>,</3/0>,</3303/0>";
    struct lwcoap_writer writer;
    uint8_t bytes[200];

    lwcoap_writer_init(&writer, bytes, sizeof(bytes), LWCOAP_NON, LWCOAP_POST,
                       (uint16_t)(1000 + harness->echo_len), NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, endpoint, strlen(endpoint));
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, "lwm2m=1.0", 9);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, more, strlen(more));
    if (harness->echo_len > 0) {
        lwcoap_writer_option(&writer, LWCOAP_OPTION_ECHO, harness->echo, harness->echo_len);
    }
    lwcoap_writer_payload(&writer, (const uint8_t *)links, sizeof(links) - 1);
    lwm2m_server_receive(harness->server, route, bytes, writer.len, harness->now_ms);
}

static void add_device(struct harness *harness, const struct transport_route *route,
                       const char *endpoint, const char *more)
{
    harness->echo_len = 0;
    send_register(harness, route, endpoint, more);
    if (harness->echo_len > 0) {
        send_register(harness, route, endpoint, more);
    }
}

static void request_something(struct harness *harness, const char *endpoint, uint8_t how)
{
    static const struct lwm2m_record record = {
        .path = { .depth = 3, .ids = { 3, 0, 15 } },
        .value = { .type = LWM2M_TYPE_STRING, .bytes = { (const uint8_t *)"UTC", 3 } },
    };
    struct lwm2m_device *device = lwm2m_server_find(harness->server, endpoint);
    size_t index = 0;

    while (index < REQUESTS && harness->taken[index]) {
        index++;
    }
    if (!device || index == REQUESTS) {
        return;
    }
    enum lwm2m_operation operation = how % (LWM2M_CANCEL_OBSERVE_COMPOSITE + 1);
    bool composite = operation >= LWM2M_READ_COMPOSITE;
    bool writes = operation == LWM2M_WRITE_REPLACE || operation == LWM2M_WRITE_UPDATE ||
                  operation == LWM2M_CREATE || composite;
    struct lwm2m_path path = { .depth = 2, .ids = { 3, 0 } };
    path.depth = composite ? 0 : operation == LWM2M_CREATE ? 1 : path.depth;
    harness->requests[index] = (struct lwm2m_request){
        .operation = operation,
        .path = path,
        .query = operation == LWM2M_WRITE_ATTRIBUTES ? "pmin=1" : NULL,
        .records = writes ? &record : NULL,
        .record_count = writes,
        .format = LWM2M_FORMAT_NONE,
        .accept = LWM2M_FORMAT_NONE,
        .expires_ms = how & 64 ? harness->now_ms + 5000 : LWM2M_TIMERS_NEVER,
        .send_now = how & 32,
        .automatic = how & 128,
    };
    harness->taken[index] = true; /* its events may come before the call returns */
    if (lwm2m_server_request(harness->server, device, &harness->requests[index], harness->now_ms) !=
        0) {
        end_request(harness, &harness->requests[index]);
    }
}

/* --- the input --- */

static void act(struct harness *harness, uint8_t what)
{
    harness->mode = what;
    switch (what & 3) {
    case 1:
        harness->now_ms += UINT64_C(16) << (what >> 2 & 15);
        lwm2m_server_run(harness->server, harness->now_ms);
        return;
    case 2:
        request_something(harness, what & 4 ? "b" : "a", what >> 3);
        return;
    default:
        break;
    }
    struct lwm2m_device *device = lwm2m_server_find(harness->server, what & 128 ? "b" : "a");
    if (what & 4 && harness->has_receipt) {
        lwm2m_server_acknowledge(harness->server, &harness->receipt, harness->now_ms);
    } else if (what & 8 && harness->has_receipt) {
        lwm2m_server_disregard(harness->server, &harness->receipt);
    } else if (what & 16) {
        lwm2m_server_drop_requests(harness->server, "dropped");
    } else if (what & 32 && device) {
        lwm2m_server_kick(harness->server, device, harness->now_ms);
    }
}

static void feed(struct harness *harness, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint8_t what = *data++;
        len--;
        if (what & 3 || len == 0) {
            act(harness, what);
            continue;
        }
        size_t take = data[0] < len - 1 ? data[0] : len - 1;
        uint8_t *exact = malloc(take > 0 ? take : 1);
        if (!exact) {
            return;
        }
        memcpy(exact, data + 1, take);
        harness->mode = what;
        lwm2m_server_receive(harness->server, &routes[what >> 7], exact, take, harness->now_ms);
        free(exact);
        data += take + 1;
        len -= take + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct harness harness = { .now_ms = 1000 };

    if (len == 0 || start_server(&harness, data[0]) != 0) {
        return 0;
    }
    add_device(&harness, &routes[0], "ep=a", "b=U");
    add_device(&harness, &routes[1], "ep=b", "b=UQ");
    request_something(&harness, "a", LWM2M_OBSERVE);
    harness.now_ms += 60000; /* b is asleep now */
    lwm2m_server_run(harness.server, harness.now_ms);
    request_something(&harness, "b", LWM2M_READ);
    feed(&harness, data + 1, len - 1);
    lwm2m_server_drop_requests(harness.server, "the end");
    for (size_t i = 0; i < REQUESTS; i++) {
        if (harness.taken[i]) {
            abort(); /* it never ended */
        }
    }
    lwm2m_server_free(harness.server);
    return 0;
}
