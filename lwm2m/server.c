#include "lwm2m/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/inbound.h"
#include "lwm2m/internal.h"
#include "lwm2m/observation.h"
#include "lwm2m/operation.h"
#include "lwm2m/presence.h"
#include "lwm2m/queue.h"
#include "lwm2m/registration.h"
#include "lwm2m/send.h"

#define AMPLIFICATION_MAX 3 /* bytes of an answer for each of its request (RFC 9175, 2.4) */

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

/* --- what coap/ tells and asks --- */

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
        .request = lwm2m_inbound_request,
        .body_limit = lwm2m_inbound_body_limit,
        .notification = on_notification,
        .observation_request = on_observation_request,
        .fetch_failed = on_fetch_failed,
        .message_max = callbacks->message_max ? on_message_max : NULL,
        .admits = lwm2m_presence_admits,
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
        lwm2m_presence_release(server, device);
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
        lwm2m_presence_move(server, device, route);
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
