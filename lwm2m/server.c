#include "lwm2m/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/observation.h"
#include "lwm2m/operation.h"
#include "lwm2m/queue.h"
#include "lwm2m/registration.h"
#include "lwm2m/send.h"

#define ANSWER_OPTIONS_MAX 3 /* Max-Age and the payload marker */
#define AMPLIFICATION_MAX  3 /* bytes of an answer for each of its request (RFC 9175, 2.4) */

/* --- entering and leaving --- */

void lwm2m_server_enter(struct lwm2m_server *server, uint64_t now_ms)
{
    server->depth++;
    server->now_ms = now_ms > server->now_ms ? now_ms : server->now_ms;
}

static void free_left(struct lwm2m_server *server)
{
    while (server->left) {
        struct lwm2m_device *device = server->left;
        server->left = device->next_ready;
        lwm2m_object_list_release(server->object_lists, device->object_list);
        server->parameters_size -= device->parameters.len;
        lwm2m_device_free(device);
    }
}

void lwm2m_server_leave(struct lwm2m_server *server)
{
    if (server->depth == 1) {
        lwm2m_queues_flush(server);
        free_left(server);
    }
    server->depth--;
}

void lwm2m_server_raise(struct lwm2m_server *server, const struct lwm2m_event *event)
{
    server->callbacks.event(server->callbacks.ctx, event);
}

struct lwm2m_event lwm2m_event_of(enum lwm2m_event_type type, struct lwm2m_device *device)
{
    return (struct lwm2m_event){
        .type = type,
        .device = device,
        .reason = "",
        .content_format = LWM2M_FORMAT_NONE,
        .location = "",
        .sequence = -1,
    };
}

/* --- devices --- */

/* Behind one address may be several devices: the last one that spoke owns it. */
static void release_peer(struct lwm2m_server *server, struct lwm2m_device *device)
{
    if (lwcoap_peer_owner(device->peer) == device) {
        lwcoap_peer_set_owner(device->peer, NULL);
    }
    lwcoap_peer_release(server->coap, device->peer);
    device->peer = NULL;
}

static void tell_moved(struct lwm2m_server *server, struct lwm2m_device *device)
{
    if (server->callbacks.device_moved) {
        server->callbacks.device_moved(server->callbacks.ctx, device);
    }
}

static void device_moved(struct lwm2m_server *server, struct lwm2m_device *device,
                         const struct transport_route *route)
{
    struct lwcoap_peer *peer = lwcoap_peer_hold(server->coap, route);
    if (!peer) {
        return; /* memory is short: it is reached at its old address, or after its next message */
    }
    release_peer(server, device);
    device->peer = peer;
    if (device->exchange) {
        lwcoap_exchange_reroute(server->coap, device->exchange, route);
    }
    tell_moved(server, device);
}

void lwm2m_device_is_at(struct lwm2m_server *server, struct lwm2m_device *device,
                        const struct transport_route *route)
{
    device->awake_until_ms = server->now_ms + device->awake_window_ms;
    device->spoke = true;
    if (!transport_route_same_peer(lwcoap_peer_route(device->peer), route)) {
        device_moved(server, device, route);
    } else if (route->session != 0 &&
               !transport_address_equal(&lwcoap_peer_route(device->peer)->remote, &route->remote)) {
        lwcoap_peer_moved(device->peer, route); /* a session that changed its address */
        tell_moved(server, device);
    }
    lwcoap_peer_set_owner(device->peer, device);
}

void lwm2m_device_heard(struct lwm2m_server *server, struct lwm2m_device *device,
                        const struct transport_route *route)
{
    bool believed = !server->settings.require_echo || lwm2m_server_knows(server, route);
    lwm2m_device_is_at(server, device, believed ? route : lwcoap_peer_route(device->peer));
}

/* --- who may speak for a device --- */

bool lwm2m_route_may_speak_for(const struct lwm2m_server *server,
                               const struct transport_route *route, const char *endpoint)
{
    return !server->callbacks.may_speak_for ||
           server->callbacks.may_speak_for(server->callbacks.ctx, route, endpoint);
}

bool lwm2m_device_admits(const struct lwm2m_server *server, const struct lwm2m_device *device,
                         const struct transport_route *route)
{
    if (route->session == lwcoap_peer_route(device->peer)->session) {
        return true; /* the usual case costs no look-up */
    }
    return route->session != 0 && lwm2m_route_may_speak_for(server, route, device->endpoint);
}

static bool on_admits(void *ctx, struct lwcoap_observation *coap,
                      const struct transport_route *asked, const struct transport_route *from)
{
    struct lwm2m_server *server = ctx;
    struct lwcoap_peer *peer = asked ? lwcoap_peer_find(server->coap, asked) : NULL;
    const struct lwm2m_device *device = coap ? ((struct lwm2m_observation *)(void *)coap)->device
                                             : (peer ? lwcoap_peer_owner(peer) : NULL);
    return device && lwm2m_device_admits(server, device, from);
}

void lwm2m_device_bury(struct lwm2m_server *server, struct lwm2m_device *device)
{
    if (!device->ready) { /* otherwise queue.c buries it when its turn comes */
        device->next_ready = server->left;
        server->left = device;
    }
}

void lwm2m_device_remove(struct lwm2m_server *server, struct lwm2m_device *device,
                         const char *reason)
{
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_DEREGISTERED, device);

    device->gone = true;
    lwm2m_timer_stop(server->timers, &device->lifetime);
    lwm2m_queue_drop(server, device, "the device left");
    lwm2m_observations_end(server, device);
    lwm2m_registry_remove(&server->registry, device);
    event.reason = reason;
    lwm2m_server_raise(server, &event);
    release_peer(server, device);
    lwm2m_device_bury(server, device);
}

/* --- content --- */

static bool definition_of(void *ctx, uint16_t object, uint16_t resource,
                          struct lwm2m_definition *definition)
{
    const struct lwm2m_device_lookup *lookup = ctx;
    const struct lwm2m_server *server = lookup->server;
    return server->callbacks.definition(server->callbacks.ctx, object,
                                        lwm2m_device_object_version(lookup->device, object),
                                        resource, definition);
}

struct lwm2m_content_context lwm2m_content_context_of(struct lwm2m_device_lookup *lookup,
                                                      const struct lwm2m_path *base)
{
    const struct lwm2m_server *server = lookup->server;
    return (struct lwm2m_content_context){
        .base = *base,
        .root = lookup->device->object_list->root,
        .definition = definition_of,
        .definition_ctx = lookup,
        .now_s = server->callbacks.wall_clock_s(server->callbacks.ctx),
    };
}

void lwm2m_content_decode(struct lwm2m_server *server, const struct lwm2m_device *device,
                          const struct lwm2m_path *base, struct lwm2m_event *event)
{
    struct lwm2m_device_lookup lookup = { server, device };
    struct lwm2m_content_context context = lwm2m_content_context_of(&lookup, base);
    /* Without a Content-Format the body is text (RFC 7252, 5.5.1 leaves it to us). */
    bool named = event->content_format != LWM2M_FORMAT_NONE;
    const struct lwm2m_content_format *format =
        lwm2m_content_find(named ? event->content_format : LWM2M_FORMAT_TEXT);

    if (!format || !format->decode) {
        event->decode_err = event->body_len ? -ENOTSUP : 0;
        return;
    }
    lwm2m_records_clear(&server->records);
    if (event->body_len || named) {
        event->decode_err =
            format->decode(&context, event->body, event->body_len, &server->records);
    }
    event->records = event->decode_err ? NULL : &server->records;
}

void lwm2m_content_into_event(struct lwm2m_server *server, const struct lwm2m_device *device,
                              const struct lwm2m_path *base, const struct lwcoap_response *response,
                              struct lwm2m_event *event)
{
    event->code = response->code;
    event->content_format = response->content_format;
    event->body = response->body;
    event->body_len = response->body_len;
    event->sequence = response->observe;
    event->max_age_s = response->max_age_s;
    if (response->code >> 5 == 2 && response->content_format != LWM2M_FORMAT_LINK) {
        lwm2m_content_decode(server, device, base, event);
    }
}

/* --- requests of devices --- */

/* Whoever sends us a few bytes with a borrowed address shall not get more bytes sent there. */
static bool would_amplify(const struct lwcoap_message *message, const char *reason)
{
    size_t request = message->options_len + message->payload_len;
    return strlen(reason) + ANSWER_OPTIONS_MAX > request;
}

uint32_t lwm2m_server_busy_s(struct lwm2m_server *server)
{
    uint32_t random;

    server->callbacks.random(server->callbacks.ctx, &random, sizeof(random));
    return lwm2m_busy_max_age_s(&server->busy, random, server->now_ms);
}

void lwm2m_server_answer(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                         uint8_t code, const char *reason)
{
    struct lwcoap_reply reply = {
        .code = code,
        .content_format = LWCOAP_FORMAT_NONE,
        .max_age_s = code == LWCOAP_CODE(5, 3) ? lwm2m_server_busy_s(server) : 0,
    };
    if (!would_amplify(inbound->message, reason)) {
        reply.payload = (const uint8_t *)reason;
        reply.payload_len = strlen(reason);
    }
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

void lwm2m_server_refused(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                          const char *endpoint, uint8_t code, const char *reason)
{
    if (server->callbacks.refused) {
        server->callbacks.refused(server->callbacks.ctx, &inbound->receipt.route, endpoint, code,
                                  reason);
    }
}

/* GET /.well-known/core (RFC 6690): where to register. */
static void answer_well_known(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    static const char links[] = "</rd>;rt=\"core.rd\";ct=40";
    struct lwcoap_reply reply = {
        .code = LWCOAP_CODE(2, 5),
        .content_format = LWM2M_FORMAT_LINK,
        .payload = (const uint8_t *)links,
        .payload_len = sizeof(links) - 1,
    };
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

/* The first segments of the Uri-Path; returns how many there are in all. */
static size_t read_uri_path(const struct lwcoap_message *message, struct lwm2m_bytes segments[2])
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    size_t count = 0;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_PATH) {
            if (count < 2) {
                segments[count] = (struct lwm2m_bytes){ option.value, option.len };
            }
            count++;
        }
    }
    return count;
}

static bool segment_is(struct lwm2m_bytes segment, const char *text)
{
    return segment.len == strlen(text) && memcmp(segment.data, text, segment.len) == 0;
}

static void on_registration_path(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                                 struct lwm2m_bytes location)
{
    struct lwm2m_device *device =
        lwm2m_registry_find_location(&server->registry, location.data, location.len);
    if (device && !lwm2m_device_admits(server, device, &inbound->receipt.route)) {
        lwm2m_server_refused(server, inbound, device->endpoint, LWCOAP_CODE(4, 4),
                             "the registration is of another identity");
        device = NULL; /* nobody is told that the location exists */
    }
    switch (inbound->message->code) {
    case LWCOAP_POST:
        lwm2m_registration_update(server, device, inbound);
        return;
    case LWCOAP_DELETE:
        lwm2m_registration_deregister(server, device, inbound);
        return;
    default:
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 5), "");
    }
}

static void on_request(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct lwm2m_server *server = ctx;
    struct lwm2m_bytes segments[2] = { 0 };
    size_t count = read_uri_path(inbound->message, segments);
    uint8_t code = inbound->message->code;

    if (count == 1 && segment_is(segments[0], "rd")) {
        if (code == LWCOAP_POST) {
            lwm2m_registration_register(server, inbound);
        } else {
            lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 5), "");
        }
    } else if (count == 2 && segment_is(segments[0], "rd")) {
        on_registration_path(server, inbound, segments[1]);
    } else if (count == 1 && code == LWCOAP_POST && segment_is(segments[0], "dp")) {
        lwm2m_send_receive(server, inbound);
    } else if (count == 2 && code == LWCOAP_GET && segment_is(segments[0], ".well-known") &&
               segment_is(segments[1], "core")) {
        answer_well_known(server, inbound);
    } else {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "");
    }
}

/* Blocks are kept for who is registered, and for who may become so. */
static size_t on_body_limit(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct lwm2m_server *server = ctx;
    size_t most = server->settings.coap.max_body_size;
    struct lwm2m_bytes segments[2] = { 0 };

    if (lwm2m_server_knows(server, &inbound->receipt.route)) {
        return most;
    }
    size_t count = read_uri_path(inbound->message, segments);
    bool registers = inbound->message->code == LWCOAP_POST && (count == 1 || count == 2) &&
                     segment_is(segments[0], "rd");
    if (!registers) {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "");
        return 0;
    }
    if (!lwm2m_server_is_verified(server, inbound)) {
        lwm2m_server_challenge(server, inbound);
        return 0;
    }
    return most < LWM2M_OBJECT_LIST_MAX ? most : LWM2M_OBJECT_LIST_MAX;
}

static void on_notification(void *ctx, struct lwcoap_observation *coap,
                            const struct lwcoap_response *response)
{
    struct lwm2m_server *server = ctx;
    struct lwm2m_observation *observation = (struct lwm2m_observation *)(void *)coap;

    lwm2m_device_heard(server, observation->device, &response->receipt.route);
    if (!response->receipt.confirmable) {
        lwm2m_queue_touch(server, observation->device);
    } /* else its acknowledgement goes first: lwm2m_server_acknowledge() */
    lwm2m_observation_notified(server, observation, response);
}

/* What coap/ fetches the rest of a long notification with. */
static bool on_observation_request(void *ctx, struct lwcoap_observation *coap,
                                   struct lwcoap_request *request)
{
    struct lwm2m_server *server = ctx;
    struct lwm2m_observation *observation = (struct lwm2m_observation *)(void *)coap;

    struct lwm2m_request renewal = lwm2m_observation_request(observation);
    renewal.accept = observation->accept;
    int rc = lwm2m_operation_message(server, observation->device, &renewal, request);
    request->observe = -1;
    observation->device->fetching |= rc == 0;
    return rc == 0;
}

static void on_fetch_failed(void *ctx, struct lwcoap_observation *coap)
{
    struct lwm2m_observation *observation = (struct lwm2m_observation *)(void *)coap;
    lwm2m_queue_touch(ctx, observation->device);
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct lwm2m_server *server = ctx;
    server->callbacks.send(server->callbacks.ctx, route, data, len);
}

static size_t on_message_max(void *ctx, const struct transport_route *route)
{
    const struct lwm2m_server *server = ctx;
    return server->callbacks.message_max(server->callbacks.ctx, route);
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct lwm2m_server *server = ctx;
    server->callbacks.random(server->callbacks.ctx, bytes, len);
}

/* --- the public interface --- */

int lwm2m_server_new(const struct lwm2m_server_settings *settings,
                     const struct lwm2m_server_callbacks *callbacks, uint64_t now_ms,
                     struct lwm2m_server **out)
{
    struct lwm2m_server *server = calloc(1, sizeof(*server));
    if (!server) {
        return -ENOMEM;
    }
    const struct lwcoap_callbacks coap = {
        .ctx = server,
        .send = on_send,
        .request = on_request,
        .body_limit = on_body_limit,
        .notification = on_notification,
        .observation_request = on_observation_request,
        .fetch_failed = on_fetch_failed,
        .message_max = callbacks->message_max ? on_message_max : NULL,
        .admits = on_admits,
        .random = on_random,
    };
    server->settings = *settings;
    server->callbacks = *callbacks;
    server->now_ms = now_ms;
    server->timers = lwm2m_timers_new(now_ms, server);
    uint64_t list_key[2];
    callbacks->random(callbacks->ctx, list_key, sizeof(list_key));
    callbacks->random(callbacks->ctx, server->registry.hash_key, sizeof(server->registry.hash_key));
    callbacks->random(callbacks->ctx, server->echo_key, sizeof(server->echo_key));
    server->object_lists = lwm2m_object_lists_new(list_key);
    lwm2m_records_init(&server->records, settings->max_records);
    lwm2m_buffer_init(&server->payload, settings->coap.max_body_size);
    int rc = server->timers && server->object_lists ? 0 : -ENOMEM;
    server->settings.coap.max_amplification = AMPLIFICATION_MAX;
    rc = rc ? rc : lwcoap_endpoint_new(&server->settings.coap, &coap, now_ms, &server->coap);
    if (rc) {
        lwm2m_server_free(server);
        return rc;
    }
    *out = server;
    return 0;
}

static void free_devices(struct lwm2m_server *server)
{
    struct lwm2m_device *device;
    size_t cursor = 0;
    while ((device = lwm2m_registry_next(&server->registry, &cursor))) {
        lwm2m_observations_end(server, device);
        release_peer(server, device);
        device->gone = true;
        lwm2m_device_bury(server, device);
    }
}

void lwm2m_server_free(struct lwm2m_server *server)
{
    if (!server) {
        return;
    }
    free_devices(server);
    lwm2m_registry_deinit(&server->registry);
    lwm2m_queues_flush(server); /* only devices that left are still in it */
    free_left(server);
    lwcoap_endpoint_free(server->coap);
    lwm2m_timers_free(server->timers);
    lwm2m_object_lists_free(server->object_lists);
    lwm2m_records_deinit(&server->records);
    lwm2m_buffer_deinit(&server->payload);
    free(server);
}

void lwm2m_server_receive(struct lwm2m_server *server, const struct transport_route *route,
                          const uint8_t *data, size_t len, uint64_t now_ms)
{
    lwm2m_server_enter(server, now_ms);
    lwcoap_endpoint_receive(server->coap, route, data, len, server->now_ms);
    lwm2m_server_leave(server);
}

void lwm2m_server_run(struct lwm2m_server *server, uint64_t now_ms)
{
    lwm2m_server_enter(server, now_ms);
    lwcoap_endpoint_run(server->coap, server->now_ms);
    lwm2m_timers_run(server->timers, server->now_ms);
    lwm2m_server_leave(server);
}

uint64_t lwm2m_server_next_ms(const struct lwm2m_server *server)
{
    uint64_t coap_ms = lwcoap_endpoint_next_ms(server->coap);
    uint64_t timers_ms = lwm2m_timers_next_ms(server->timers);
    return coap_ms < timers_ms ? coap_ms : timers_ms;
}

bool lwm2m_server_knows(const struct lwm2m_server *server, const struct transport_route *route)
{
    return route->session != 0 || lwcoap_peer_find(server->coap, route);
}

const struct lwm2m_server_counters *lwm2m_server_counters(const struct lwm2m_server *server)
{
    return &server->counters;
}

struct lwm2m_device *lwm2m_server_find(struct lwm2m_server *server, const char *endpoint)
{
    return lwm2m_registry_find(&server->registry, endpoint);
}

void lwm2m_server_reroute(struct lwm2m_server *server, const char *endpoint,
                          const struct transport_route *route, uint64_t now_ms)
{
    lwm2m_server_enter(server, now_ms);
    struct lwm2m_device *device = lwm2m_registry_find(&server->registry, endpoint);
    if (device && lwcoap_peer_route(device->peer)->session != 0 &&
        lwm2m_device_admits(server, device, route)) {
        device_moved(server, device, route);
        lwcoap_peer_set_owner(device->peer, device);
    }
    lwm2m_server_leave(server);
}

struct lwm2m_device *lwm2m_server_next(struct lwm2m_server *server, size_t *cursor)
{
    return lwm2m_registry_next(&server->registry, cursor);
}

size_t lwm2m_server_device_count(const struct lwm2m_server *server)
{
    return lwm2m_registry_count(&server->registry);
}

static int queue_request(struct lwm2m_server *server, struct lwm2m_device *device,
                         struct lwm2m_request *request)
{
    if (device->gone) {
        return -ENOENT;
    }
    request->renewal = false;
    request->refused_formats = 0;
    int rc = lwm2m_operation_check(server, device, request);
    if (rc) {
        return rc;
    }
    rc = lwm2m_queue_add(server, device, request);
    if (!rc && lwm2m_operation_observes(request->operation)) {
        /* Should memory be short, it is tried again when the request is sent. */
        (void)lwm2m_observation_want(server, request);
    }
    return rc;
}

int lwm2m_server_request(struct lwm2m_server *server, struct lwm2m_device *device,
                         struct lwm2m_request *request, uint64_t now_ms)
{
    lwm2m_server_enter(server, now_ms);
    int rc = queue_request(server, device, request);
    lwm2m_server_leave(server);
    return rc;
}

size_t lwm2m_server_clear_queue(struct lwm2m_server *server, struct lwm2m_device *device,
                                const char *reason, uint64_t now_ms)
{
    assert(server->depth == 0);
    lwm2m_server_enter(server, now_ms);
    size_t dropped = lwm2m_queue_clear(server, device, reason);
    lwm2m_server_leave(server);
    return dropped;
}

void lwm2m_server_drop_requests(struct lwm2m_server *server, const char *reason)
{
    struct lwm2m_device *device;
    size_t cursor = 0;
    assert(server->depth == 0);
    lwm2m_server_enter(server, server->now_ms);
    while ((device = lwm2m_registry_next(&server->registry, &cursor))) {
        lwm2m_queue_drop(server, device, reason);
    }
    lwm2m_server_leave(server);
}

void lwm2m_server_kick(struct lwm2m_server *server, struct lwm2m_device *device, uint64_t now_ms)
{
    assert(server->depth == 0);
    lwm2m_server_enter(server, now_ms);
    lwm2m_device_remove(server, device, LWM2M_LEFT_KICKED);
    lwm2m_server_leave(server);
}

/* The table must not change while it is walked through: first the names, then the removals. */
size_t lwm2m_server_kick_if(struct lwm2m_server *server, lwm2m_device_predicate *predicate,
                            void *ctx, uint64_t now_ms)
{
    size_t cursor = 0, count = 0;
    struct lwm2m_device *device;
    assert(server->depth == 0);
    struct lwm2m_device **wanted =
        calloc(lwm2m_registry_count(&server->registry) + 1, sizeof(struct lwm2m_device *));
    if (!wanted) {
        return 0;
    }
    lwm2m_server_enter(server, now_ms);
    while ((device = lwm2m_registry_next(&server->registry, &cursor))) {
        if (predicate(ctx, device)) {
            wanted[count++] = device;
        }
    }
    for (size_t i = 0; i < count; i++) {
        lwm2m_device_remove(server, wanted[i], LWM2M_LEFT_KICKED);
    }
    lwm2m_server_leave(server);
    free(wanted);
    return count;
}

void lwm2m_server_acknowledge(struct lwm2m_server *server, const struct lwm2m_receipt *receipt,
                              uint64_t now_ms)
{
    lwm2m_server_enter(server, now_ms);
    if (lwm2m_send_is(&receipt->coap)) {
        lwm2m_send_accept(server, &receipt->coap);
    } else {
        lwcoap_acknowledge(server->coap, &receipt->coap, server->now_ms);
    }
    struct lwm2m_device *device = lwm2m_registry_find_number(&server->registry, receipt->device);
    if (device) {
        lwm2m_observations_acknowledged(server, device, &receipt->coap);
        lwm2m_queue_touch(server, device);
    }
    lwm2m_server_leave(server);
}

void lwm2m_server_postpone(struct lwm2m_server *server, const struct lwm2m_receipt *receipt)
{
    if (lwm2m_send_is(&receipt->coap)) {
        lwm2m_send_postpone(server, &receipt->coap);
    } else {
        lwcoap_disregard(server->coap, &receipt->coap);
    }
}

void lwm2m_server_admit_none(struct lwm2m_server *server, const char *reason, uint32_t per_second)
{
    server->closed = reason;
    server->busy.per_second = per_second;
}

void lwm2m_server_disregard(struct lwm2m_server *server, const struct lwm2m_receipt *receipt)
{
    lwcoap_disregard(server->coap, &receipt->coap);
}
