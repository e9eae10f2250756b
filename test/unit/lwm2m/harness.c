#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_line(struct harness *h, const char *text)
{
    assert_true(h->count < HARNESS_LINES);
    snprintf(h->lines[h->count++], sizeof(h->lines[0]), "%s", text);
}

/* --- what the server says ------------------------------------------------------------------------
 */

static size_t describe_option(const struct lwcoap_option *option, char *text, size_t size)
{
    int len = (int)option->len;
    const char *value = (const char *)option->value;
    switch (option->number) {
    case LWCOAP_OPTION_OBSERVE:
        return (size_t)snprintf(text, size, " observe=%u", lwcoap_option_uint(option));
    case LWCOAP_OPTION_LOCATION_PATH:
        return (size_t)snprintf(text, size, " location=%s", len == 2 ? "rd" : "*");
    case LWCOAP_OPTION_URI_PATH:
        return (size_t)snprintf(text, size, "/%.*s", len, value);
    case LWCOAP_OPTION_URI_QUERY:
        return (size_t)snprintf(text, size, " ?%.*s", len, value);
    case LWCOAP_OPTION_CONTENT_FORMAT:
        return (size_t)snprintf(text, size, " ct=%u", lwcoap_option_uint(option));
    case LWCOAP_OPTION_ACCEPT:
        return (size_t)snprintf(text, size, " accept=%u", lwcoap_option_uint(option));
    case LWCOAP_OPTION_MAX_AGE: /* of no certain value */
        return (size_t)snprintf(text, size, " max-age");
    case LWCOAP_OPTION_ECHO:
        return (size_t)snprintf(text, size, " echo");
    default:
        return (size_t)snprintf(text, size, " o%u=%u", option->number, lwcoap_option_uint(option));
    }
}

static void keep_request(struct harness *h, const struct lwcoap_message *message)
{
    if (message->type == LWCOAP_CON && message->code != LWCOAP_EMPTY) {
        h->request_mid = message->message_id;
        memcpy(h->request_token, message->token, message->token_len);
        h->request_token_len = message->token_len;
    }
}

static void keep_option(struct harness *h, const struct lwcoap_option *option)
{
    if (option->number == LWCOAP_OPTION_LOCATION_PATH && option->len != 2) {
        snprintf(h->location, sizeof(h->location), "/rd/%.*s", (int)option->len, option->value);
    } else if (option->number == LWCOAP_OPTION_MAX_AGE) {
        h->answer_max_age_s = lwcoap_option_uint(option);
    } else if (option->number == LWCOAP_OPTION_ECHO) {
        memcpy(h->echo, option->value, option->len);
        h->echo_len = option->len;
    }
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    static const char *const types[] = { "CON", "NON", "ACK", "RST" };
    struct harness *h = ctx;
    struct lwcoap_message message;
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    bool header_ok;
    char text[512];

    assert_int_equal(lwcoap_message_parse(data, len, &message, &header_ok), 0);
    keep_request(h, &message);
    size_t at = (size_t)snprintf(text, sizeof(text), "< %s %u.%02u ", types[message.type],
                                 message.code >> 5, message.code & 31);
    lwcoap_option_reader_init(&reader, &message);
    while (lwcoap_option_next(&reader, &option)) {
        at += describe_option(&option, text + at, sizeof(text) - at);
        keep_option(h, &option);
    }
    for (size_t i = 0; i < message.payload_len && at + 5 < sizeof(text); i++) {
        uint8_t byte = message.payload[i];
        at += (size_t)snprintf(text + at, sizeof(text) - at, i ? "" : " ");
        at += byte >= 32 && byte < 127
                  ? (size_t)snprintf(text + at, sizeof(text) - at, "%c", byte)
                  : (size_t)snprintf(text + at, sizeof(text) - at, "\\%02x", byte);
    }
    if (route->remote.port != h->route.remote.port) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, " to port %u", route->remote.port);
    }
    if (route->session != h->route.session) {
        snprintf(text + at, sizeof(text) - at, " to session %u", route->session);
    }
    add_line(h, text);
}

static const char *const event_names[] = {
    [LWM2M_EVENT_REGISTERED] = "registered",
    [LWM2M_EVENT_UPDATED] = "updated",
    [LWM2M_EVENT_DEREGISTERED] = "deregistered",
    [LWM2M_EVENT_NOTIFICATION] = "notification",
    [LWM2M_EVENT_SEND] = "send",
    [LWM2M_EVENT_ACKNOWLEDGED] = "acknowledged",
    [LWM2M_EVENT_RESPONSE] = "response",
    [LWM2M_EVENT_TIMEOUT] = "timeout",
    [LWM2M_EVENT_RESET] = "reset",
    [LWM2M_EVENT_EXPIRED] = "expired",
    [LWM2M_EVENT_DROPPED] = "dropped",
};

static size_t describe_content(const struct lwm2m_event *event, char *text, size_t size)
{
    size_t at = 0;
    if (event->code) {
        at += (size_t)snprintf(text, size, " %u.%02u", event->code >> 5, event->code & 31);
    }
    if (event->sequence >= 0) {
        at += (size_t)snprintf(text + at, size - at, " seq=%d", event->sequence);
    }
    if (event->outdated) {
        at += (size_t)snprintf(text + at, size - at, " outdated");
    }
    if (event->decode_err) {
        at += (size_t)snprintf(text + at, size - at, " undecodable");
    }
    for (size_t i = 0; event->records && i < event->records->count; i++) {
        char path[LWM2M_PATH_TEXT_MAX];
        const struct lwm2m_record *record = &event->records->items[i];
        lwm2m_path_format(&record->path, path);
        at += (size_t)snprintf(text + at, size - at, " %s", path);
        if (record->value.type == LWM2M_TYPE_STRING) {
            at += (size_t)snprintf(text + at, size - at, "=%.*s", (int)record->value.bytes.len,
                                   record->value.bytes.data);
        } else if (record->value.type == LWM2M_TYPE_INTEGER) {
            at += (size_t)snprintf(text + at, size - at, "=%lld", (long long)record->value.integer);
        }
    }
    return at;
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct harness *h = ctx;
    char text[512];
    char path[LWM2M_PATH_TEXT_MAX] = "";

    if (event->type == LWM2M_EVENT_NOTIFICATION) {
        lwm2m_path_format(&event->path, path);
    } else if (event->request) {
        lwm2m_path_format(&event->request->path, path);
    }
    size_t at = (size_t)snprintf(text, sizeof(text), "%s %s%s%s", event_names[event->type],
                                 lwm2m_device_endpoint(event->device), *path ? " " : "", path);
    at += describe_content(event, text + at, sizeof(text) - at);
    if (event->registered_again) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, " again");
    }
    if (event->object_list_changed) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, " list changed");
    }
    if (event->request && event->request->maybe_executed) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, " maybe executed");
    }
    if (*event->reason) {
        snprintf(text + at, sizeof(text) - at, ": %s", event->reason);
    }
    add_line(h, text);
    h->terms_changed = event->terms_changed;
    h->has_receipt = event->receipt != NULL;
    if (event->receipt) {
        h->receipt = *event->receipt;
    }
    if (h->on_event) {
        h->on_event(h, event);
    }
}

static void on_refused(void *ctx, const struct transport_route *route, const char *endpoint,
                       uint8_t code, const char *reason)
{
    char text[256];
    (void)route;
    snprintf(text, sizeof(text), "refused %s %u.%02u: %s", endpoint, code >> 5, code & 31, reason);
    add_line(ctx, text);
}

/* Different on every call, the same on every run. */
static void on_random(void *ctx, void *bytes, size_t len)
{
    struct harness *h = ctx;
    for (size_t i = 0; i < len; i++) {
        h->random = h->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)bytes)[i] = (uint8_t)(h->random >> 56);
    }
}

static double on_wall_clock(void *ctx)
{
    return 1700000000.0 + (double)((struct harness *)ctx)->now_ms / 1000.0;
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)endpoint;
    return ((struct harness *)ctx)->awake_window_ms;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; at && *at; at += strcspn(at, " "), at += *at == ' ') {
        if (strcspn(at, " ") == len && strncmp(at, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool on_may_speak_for(void *ctx, const struct transport_route *route, const char *endpoint)
{
    const struct harness *h = ctx;
    assert_true(route->session < HARNESS_SESSIONS);
    return has_word(h->names[route->session], endpoint) == (route->session != 0);
}

static bool on_endpoint_of(void *ctx, const struct transport_route *route, char *name, size_t size)
{
    const struct harness *h = ctx;
    const char *names = route->session ? h->names[route->session] : NULL;
    if (!names || strchr(names, ' ')) {
        return false;
    }
    snprintf(name, size, "%s", names);
    return true;
}

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    static const struct {
        uint16_t object, resource;
        struct lwm2m_definition definition;
    } known[] = {
        { 3, 0, { LWM2M_TYPE_STRING, false } },  { 3, 3, { LWM2M_TYPE_STRING, false } },
        { 3, 9, { LWM2M_TYPE_INTEGER, false } }, { 3, 13, { LWM2M_TYPE_TIME, false } },
        { 3, 15, { LWM2M_TYPE_STRING, false } }, { 5, 0, { LWM2M_TYPE_OPAQUE, false } },
    };
    (void)ctx;
    (void)version;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].object == object && known[i].resource == resource) {
            *definition = known[i].definition;
            return true;
        }
    }
    return false;
}

static void on_context_free(void *ctx, void *context)
{
    (void)context;
    ((struct harness *)ctx)->contexts_freed++;
}

/* What the observation points to is of no use later; the tests observe single paths. */
static void on_observation_changed(void *ctx, const struct lwm2m_device *device,
                                   const struct lwm2m_observation *observation)
{
    struct harness *h = ctx;
    assert_non_null(device);
    lwm2m_observation_describe(observation, &h->kept);
    snprintf(h->kept_query, sizeof(h->kept_query), "%s", h->kept.query ? h->kept.query : "");
    h->kept.query = h->kept.query ? h->kept_query : NULL;
    h->changes++;
}

static void on_moved(void *ctx, struct lwm2m_device *device)
{
    assert_non_null(device);
    ((struct harness *)ctx)->moves++;
}

static void on_request_sent(void *ctx, const struct lwm2m_request *request)
{
    assert_non_null(request);
    ((struct harness *)ctx)->sent++;
}

/* --- life of the harness
 * --------------------------------------------------------------------------- */

struct lwm2m_server_settings harness_settings(void)
{
    return (struct lwm2m_server_settings){
        .coap = { .ack_timeout_ms = 2000,
                  .ack_random_factor = 1.0,
                  .max_retransmit = 2,
                  .exchange_lifetime_ms = 247000,
                  .response_timeout_ms = 93000,
                  .max_block_size = 1024,
                  .max_body_size = 65536,
                  .max_transfers = 8,
                  .max_exchanges = 8 },
        .lifetime_min_s = 15,
        .lifetime_max_s = 86400,
        .max_devices = 4,
        .queue_length = 3,
        .max_automatic = 2,
        .queue_attempts = 3,
        .observe_grace_ms = 10000,
        .max_records = 1000,
    };
}

void harness_restart(struct harness *h, const struct lwm2m_server_settings *settings)
{
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = h,
        .send = on_send,
        .event = on_event,
        .refused = on_refused,
        .random = on_random,
        .wall_clock_s = on_wall_clock,
        .awake_window_ms = on_awake_window,
        .may_speak_for = on_may_speak_for,
        .endpoint_of = on_endpoint_of,
        .definition = on_definition,
        .observation_changed = on_observation_changed,
        .device_moved = on_moved,
        .request_sent = on_request_sent,
        .observation_context_free = on_context_free,
    };
    lwm2m_server_free(h->server);
    h->server = NULL;
    assert_int_equal(lwm2m_server_new(settings, &callbacks, h->now_ms, &h->server), 0);
}

int harness_setup(void **state)
{
    struct harness *h = calloc(1, sizeof(*h));
    struct lwm2m_server_settings settings = harness_settings();
    assert_non_null(h);
    h->now_ms = 1000;
    h->message_id = 100;
    h->awake_window_ms = 20000;
    h->route.remote =
        (struct transport_address){ .ip = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
                                    .port = 50000 };
    harness_restart(h, &settings);
    *state = h;
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *h = *state;
    lwm2m_server_free(h->server);
    free(h);
    return 0;
}

void pass(struct harness *h, uint64_t ms)
{
    uint64_t end = h->now_ms + ms;
    uint64_t next;
    while ((next = lwm2m_server_next_ms(h->server)) <= end) {
        h->now_ms = next > h->now_ms ? next : h->now_ms;
        lwm2m_server_run(h->server, h->now_ms);
    }
    h->now_ms = end;
    lwm2m_server_run(h->server, h->now_ms);
}

/* --- what the device says
 * ----------------------------------------------------------------------------- */

static void deliver(struct harness *h, const uint8_t *data, size_t len)
{
    memmove(h->last_datagram, data, len);
    h->last_len = len;
    lwm2m_server_receive(h->server, &h->route, h->last_datagram, len, h->now_ms);
}

void device_repeat(struct harness *h)
{
    deliver(h, h->last_datagram, h->last_len);
}

static void add_split(struct lwcoap_writer *writer, uint16_t number, const char *text,
                      const char *separators)
{
    while (text && *text) {
        size_t len = strcspn(text, separators);
        if (len > 0) {
            lwcoap_writer_option(writer, number, text, len);
        }
        text += len + (text[len] != '\0');
    }
}

void device_request(struct harness *h, enum lwcoap_type type, uint8_t code, const char *path,
                    const char *query, uint16_t content_format, const char *body)
{
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    uint16_t mid = h->message_id++;
    uint8_t token[2] = { 0xd0, (uint8_t)mid };

    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type, code, mid, token, 2);
    add_split(&writer, LWCOAP_OPTION_URI_PATH, path, "/");
    if (content_format != LWCOAP_FORMAT_NONE) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, content_format);
    }
    add_split(&writer, LWCOAP_OPTION_URI_QUERY, query, "&");
    if (h->echo_len > 0) {
        lwcoap_writer_option(&writer, LWCOAP_OPTION_ECHO, h->echo, h->echo_len);
    }
    lwcoap_writer_payload(&writer, (const uint8_t *)body, body ? strlen(body) : 0);
    assert_int_equal(writer.err, 0);
    deliver(h, buffer, writer.len);
}

void device_register(struct harness *h, const char *query, const char *links)
{
    device_request(h, LWCOAP_CON, LWCOAP_POST, "/rd", query,
                   links ? LWM2M_FORMAT_LINK : LWCOAP_FORMAT_NONE, links);
}

void device_update(struct harness *h, const char *query, const char *links)
{
    device_request(h, LWCOAP_CON, LWCOAP_POST, h->location, query,
                   links ? LWM2M_FORMAT_LINK : LWCOAP_FORMAT_NONE, links);
}

static void respond(struct harness *h, enum lwcoap_type type, uint16_t mid, uint8_t code,
                    int64_t observe, uint16_t content_format, const void *body, size_t len)
{
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type, code, mid, h->request_token,
                       h->request_token_len);
    if (observe >= 0) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, (uint32_t)observe);
    }
    if (content_format != LWCOAP_FORMAT_NONE) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, content_format);
    }
    if (h->max_age_s > 0) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_MAX_AGE, h->max_age_s);
    }
    if (h->block2 > 0) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_BLOCK2, h->block2 - 1);
    }
    lwcoap_writer_payload(&writer, body, len);
    assert_int_equal(writer.err, 0);
    deliver(h, buffer, writer.len);
}

void device_answer(struct harness *h, uint8_t code, int32_t observe, uint16_t content_format,
                   const void *body, size_t len)
{
    respond(h, LWCOAP_ACK, h->request_mid, code, observe, content_format, body, len);
}

void device_notify(struct harness *h, enum lwcoap_type type, uint8_t code, uint32_t sequence,
                   uint16_t content_format, const void *body, size_t len)
{
    respond(h, type, h->message_id++, code, sequence, content_format, body, len);
}

void device_empty(struct harness *h, enum lwcoap_type type)
{
    uint8_t buffer[4];
    struct lwcoap_writer writer;
    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type, LWCOAP_EMPTY, h->request_mid, NULL,
                       0);
    deliver(h, buffer, writer.len);
}

/* --- checks
 * --------------------------------------------------------------------------------------------- */

void expect(struct harness *h, ...)
{
    va_list lines;
    const char *line;
    va_start(lines, h);
    while ((line = va_arg(lines, const char *))) {
        assert_string_equal(h->checked < h->count ? h->lines[h->checked] : "(nothing)", line);
        h->checked++;
    }
    va_end(lines);
    assert_string_equal(h->checked < h->count ? h->lines[h->checked] : "(nothing)", "(nothing)");
    h->checked = 0;
    h->count = 0;
}

struct lwm2m_request request_of(enum lwm2m_operation operation, const char *path)
{
    struct lwm2m_request request = {
        .operation = operation,
        .format = LWM2M_FORMAT_NONE,
        .accept = LWM2M_FORMAT_NONE,
        .expires_ms = LWM2M_TIMERS_NEVER,
    };
    assert_int_equal(lwm2m_path_parse(path, strlen(path), &request.path), 0);
    return request;
}

void send_request(struct harness *h, const char *endpoint, struct lwm2m_request *request)
{
    struct lwm2m_device *device = lwm2m_server_find(h->server, endpoint);
    assert_non_null(device);
    assert_int_equal(lwm2m_server_request(h->server, device, request, h->now_ms), 0);
}
