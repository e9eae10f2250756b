#include "lwm2m/queue.h"

#include <errno.h>

#include "lwm2m/observation.h"
#include "lwm2m/operation.h"
#include "lwm2m/silence.h"

bool lwm2m_server_is_awake(const struct lwm2m_server *server, const struct lwm2m_device *device,
                           uint64_t now_ms)
{
    uint64_t latest_ms = now_ms > server->now_ms ? now_ms : server->now_ms;
    return !device->queue_mode || latest_ms < device->awake_until_ms;
}

static struct lwm2m_request *request_of_expiry(struct lwm2m_timer *timer)
{
    return (struct lwm2m_request *)(void *)((char *)timer - offsetof(struct lwm2m_request, expiry));
}

bool lwm2m_request_is_under_way(const struct lwm2m_request *request)
{
    return request->device->queue_head == request && request->device->exchange;
}

static void expire(struct lwm2m_server *server, struct lwm2m_request *request)
{
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_EXPIRED, request->device);
    lwm2m_queue_finish(server, request, &event);
}

/* What is under way is not called back: its fate is decided by the device. */
static void on_expiry(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct lwm2m_request *request = request_of_expiry(timer);
    (void)now_ms;
    if (!lwm2m_request_is_under_way(request)) {
        expire(ctx, request);
    }
}

/* Renewals need no bound: an observation has one. */
static size_t room_for(const struct lwm2m_server *server, const struct lwm2m_request *request)
{
    return server->settings.queue_length +
           (request->automatic ? server->settings.max_automatic : 0);
}

int lwm2m_queue_add(struct lwm2m_server *server, struct lwm2m_device *device,
                    struct lwm2m_request *request)
{
    if (!request->renewal && device->queue_length >= room_for(server, request)) {
        return -ENOSPC;
    }
    request->server = server;
    request->device = device;
    request->next = NULL;
    request->unanswered = 0;
    request->last_attempt = false;
    request->refused_formats = 0;
    request->expiry = (struct lwm2m_timer){ 0 };
    if (device->queue_tail) {
        device->queue_tail->next = request;
    } else {
        device->queue_head = request;
    }
    device->queue_tail = request;
    device->queue_length++;
    if (request->expires_ms != LWM2M_TIMERS_NEVER) {
        lwm2m_timer_set(server->timers, &request->expiry, request->expires_ms, on_expiry);
    }
    lwm2m_queue_touch(server, device);
    return 0;
}

static void queue_remove(struct lwm2m_device *device, struct lwm2m_request *request)
{
    struct lwm2m_request *before = NULL;
    struct lwm2m_request *at = device->queue_head;
    while (at != request) {
        before = at;
        at = at->next;
    }
    if (before) {
        before->next = request->next;
    } else {
        device->queue_head = request->next;
    }
    if (device->queue_tail == request) {
        device->queue_tail = before;
    }
    device->queue_length--;
    request->next = NULL;
}

void lwm2m_queue_idle(struct lwm2m_device *device)
{
    device->exchange = NULL;
    device->in_exchange = NULL;
}

void lwm2m_queue_touch(struct lwm2m_server *server, struct lwm2m_device *device)
{
    device->touched_ms = (uint32_t)server->now_ms;
    if (!device->ready && !device->gone) {
        struct lwm2m_device **end =
            server->ready ? &server->last_ready->next_ready : &server->ready;
        device->ready = true;
        device->next_ready = NULL;
        *end = device;
        server->last_ready = device;
    }
}

/* The next request that may go now: the head, or if the device sleeps the first that will not
 * wait; that one moves to the head. NULL when there is none. */
static struct lwm2m_request *next_request(struct lwm2m_server *server, struct lwm2m_device *device)
{
    struct lwm2m_request *request = device->queue_head;
    if (lwm2m_server_is_awake(server, device, server->now_ms)) {
        return request;
    }
    while (request && !request->send_now) {
        request = request->next;
    }
    if (request && request != device->queue_head) {
        queue_remove(device, request);
        request->next = device->queue_head;
        device->queue_head = request;
        device->queue_length++;
    }
    return request;
}

static const char *reason_of(int err)
{
    return err == -ENOMEM ? "out of memory" : "the request does not fit a CoAP message";
}

/* @return false when no exchange can be had at the moment */
static bool pump(struct lwm2m_server *server, struct lwm2m_device *device)
{
    struct lwm2m_request *request;
    /* Not when it had to wait for others: its timer does as well then. */
    if (device->spoke && device->exchange && device->touched_ms == (uint32_t)server->now_ms) {
        lwcoap_exchange_hurry(server->coap, device->exchange, server->now_ms);
    }
    device->spoke = false;
    if (server->now_ms >= device->silence_ms &&
        lwm2m_server_is_awake(server, device, server->now_ms)) {
        lwm2m_silence_check(server, device);
    }
    while (device->queue_head && !device->exchange && !lwm2m_observations_fetch(device) &&
           (request = next_request(server, device))) {
        if (server->now_ms >= request->expires_ms) {
            expire(server, request);
            continue;
        }
        if (lwcoap_endpoint_is_busy(server->coap)) {
            return false;
        }
        request->sent_ms = server->now_ms;
        int rc = lwm2m_operation_send(server, device, request);
        if (rc) {
            struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_DROPPED, device);
            event.reason = reason_of(rc);
            lwm2m_queue_finish(server, request, &event);
        }
    }
    return true;
}

void lwm2m_queues_flush(struct lwm2m_server *server)
{
    while (server->ready) {
        struct lwm2m_device *device = server->ready;
        if (!device->gone && !pump(server, device)) {
            /* All exchanges are taken: this device keeps its place and is looked at again when the
             * next call comes, which the end of any exchange is. */
            return;
        }
        server->ready = device->next_ready;
        device->ready = false;
        if (device->gone) {
            lwm2m_device_bury(server, device);
        }
    }
}

void lwm2m_queue_finish(struct lwm2m_server *server, struct lwm2m_request *request,
                        struct lwm2m_event *event)
{
    struct lwm2m_device *device = request->device;
    struct lwm2m_observation *in_exchange = NULL;

    if (lwm2m_request_is_under_way(request)) {
        in_exchange = device->in_exchange;
        lwm2m_queue_idle(device);
    }
    queue_remove(device, request);
    lwm2m_timer_stop(server->timers, &request->expiry);
    lwm2m_queue_touch(server, device);
    event->device = device;
    event->request = request;
    if (lwm2m_operation_observes(request->operation) ||
        lwm2m_operation_cancels(request->operation)) {
        lwm2m_observation_finish(server, request, in_exchange, event);
    }
    if (request->renewal) {
        lwm2m_observation_renewed(server, request, event);
    } else {
        lwm2m_server_raise(server, event);
    }
    lwm2m_observations_sweep(server, device);
}

/* The window opens with every message of the device. */
static bool was_heard_since(const struct lwm2m_device *device, uint64_t then_ms)
{
    return device->awake_until_ms > then_ms + device->awake_window_ms;
}

/* A device that wakes up and never answers must not hold up what waits behind the head for ever. */
static bool is_given_up(const struct lwm2m_server *server, const struct lwm2m_request *request)
{
    uint16_t attempts = server->settings.queue_attempts;
    return !request->device->queue_mode || request->send_now || request->last_attempt ||
           (attempts > 0 && request->unanswered >= attempts);
}

void lwm2m_queue_withdraw(struct lwm2m_server *server, struct lwm2m_request *request)
{
    queue_remove(request->device, request);
    lwm2m_timer_stop(server->timers, &request->expiry);
}

void lwm2m_queue_unanswered(struct lwm2m_server *server, struct lwm2m_request *request)
{
    struct lwm2m_device *device = request->device;
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_TIMEOUT, device);

    request->maybe_executed |= lwm2m_operation_changes(request->operation);
    request->unanswered++;
    if (!was_heard_since(device, request->sent_ms)) {
        device->awake_until_ms = server->now_ms; /* it sleeps */
    }
    if (is_given_up(server, request)) {
        lwm2m_queue_finish(server, request, &event);
        return;
    }
    lwm2m_observation_put_back(server, request, device->in_exchange);
    lwm2m_queue_idle(device);
    lwm2m_queue_touch(server, device);
    if (server->now_ms >= request->expires_ms) {
        expire(server, request);
    }
}

void lwm2m_queue_drop(struct lwm2m_server *server, struct lwm2m_device *device, const char *reason)
{
    if (device->exchange) {
        lwcoap_exchange_cancel(server->coap, device->exchange);
        device->queue_head->maybe_executed |=
            lwm2m_operation_changes(device->queue_head->operation);
    }
    while (device->queue_head) {
        struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_DROPPED, device);
        event.reason = reason;
        lwm2m_queue_finish(server, device->queue_head, &event);
    }
}

struct lwm2m_request *lwm2m_device_request_after(const struct lwm2m_device *device,
                                                 const struct lwm2m_request *request)
{
    struct lwm2m_request *next = request ? request->next : device->queue_head;
    while (next && next->renewal) {
        next = next->next;
    }
    return next;
}

size_t lwm2m_queue_clear(struct lwm2m_server *server, struct lwm2m_device *device,
                         const char *reason)
{
    size_t dropped = 0;
    struct lwm2m_request *next;
    for (struct lwm2m_request *at = lwm2m_device_request_after(device, NULL); at; at = next) {
        next = lwm2m_device_request_after(device, at);
        if (lwm2m_request_is_under_way(at)) {
            at->last_attempt = true;
        } else if (!at->automatic) {
            struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_DROPPED, device);
            event.reason = reason;
            lwm2m_queue_finish(server, at, &event);
            dropped++;
        }
    }
    return dropped;
}
