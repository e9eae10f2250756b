#include "lwm2m/registration.h"

#include <errno.h>
#include <string.h>

#include "lwm2m/gate/bucket.h"
#include "lwm2m/observation.h"
#include "lwm2m/queue.h"
#include "lwm2m/registration_terms.h"

static const struct lwm2m_refusal accepted = { 0, "" };

static void refuse(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                   const char *endpoint, struct lwm2m_refusal refusal)
{
    server->counters.registrations_limited += refusal.code == LWCOAP_CODE(5, 3);
    lwm2m_server_refused(server, inbound, endpoint, refusal.code, refusal.reason);
    lwm2m_server_answer(server, inbound, refusal.code, refusal.reason);
}

/* --- lifetime --- */

static void on_lifetime(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct lwm2m_server *server = ctx;
    struct lwm2m_device *device =
        (struct lwm2m_device *)(void *)((char *)timer - offsetof(struct lwm2m_device, lifetime));

    if (device->lifetime_s == 0) {
        return;
    }
    if (now_ms < device->expires_ms) {
        lwm2m_timer_set(server->timers, timer, device->expires_ms, on_lifetime);
        return;
    }
    lwm2m_device_remove(server, device, LWM2M_LEFT_BY_LIFETIME);
}

/* Updates come far more often than lifetimes end, so the timer is left alone unless the end came
 * closer. */
void lwm2m_registration_ends_at(struct lwm2m_server *server, struct lwm2m_device *device,
                                uint64_t expires_ms)
{
    device->expires_ms = expires_ms;
    if (device->lifetime_s > 0 && (!lwm2m_timer_is_set(&device->lifetime) ||
                                   device->lifetime.deadline_ms > device->expires_ms)) {
        lwm2m_timer_set(server->timers, &device->lifetime, device->expires_ms, on_lifetime);
    }
}

static void restart_lifetime(struct lwm2m_server *server, struct lwm2m_device *device)
{
    lwm2m_registration_ends_at(server, device,
                               server->now_ms + (uint64_t)device->lifetime_s * 1000);
}

/* --- Register --- */

/* Transport TS 5.2: the name has to be that of the identity; and what has one is not to be had by
 * whoever sends its name without. */
static struct lwm2m_refusal check_identity(const struct lwm2m_server *server, const char *endpoint,
                                           const struct transport_route *route)
{
    const struct lwm2m_device *device = lwm2m_registry_find(&server->registry, endpoint);
    bool secured = device && lwcoap_peer_route(device->peer)->session != 0;

    if (route->session != 0) {
        return lwm2m_route_may_speak_for(server, route, endpoint)
                   ? accepted
                   : (struct lwm2m_refusal){ LWCOAP_CODE(4, 0), "ep is not of this identity" };
    }
    return !secured && lwm2m_route_may_speak_for(server, route, endpoint)
               ? accepted
               : (struct lwm2m_refusal){ LWCOAP_CODE(4, 0), "this ep has to use DTLS" };
}

static const struct lwm2m_refusal too_many = { LWCOAP_CODE(5, 3), "too many registrations" };

static struct lwm2m_bucket_rate registration_rate(const struct lwm2m_server *server)
{
    return lwm2m_bucket_rate_of(server->settings.registrations_per_second,
                                server->settings.registrations_burst_ms);
}

/* Of what comes too early from where nobody is registered nothing is read. */
static bool is_too_early(const struct lwm2m_server *server, const struct transport_route *route)
{
    struct lwm2m_bucket_rate rate = registration_rate(server);

    return rate.interval_us > 0 &&
           !lwm2m_bucket_has(server->registrations_full_us, rate, server->now_ms * 1000) &&
           !lwcoap_peer_find(server->coap, route);
}

/* So many a second, but those who come back to where they are registered are always welcome. */
static bool is_admitted(struct lwm2m_server *server, const struct lwm2m_device *device,
                        const struct transport_route *route)
{
    struct lwm2m_bucket_rate rate = registration_rate(server);
    bool returns = device && transport_route_same_peer(lwcoap_peer_route(device->peer), route);

    return returns || rate.interval_us == 0 ||
           lwm2m_bucket_take(&server->registrations_full_us, rate, server->now_ms * 1000);
}

/* A new device or the one of this name, which a new registration replaces (Core TS 6.2.1). Its
 * waiting requests stay. */
static struct lwm2m_refusal find_or_create(struct lwm2m_server *server, const char *endpoint,
                                           const struct transport_route *route,
                                           struct lwm2m_device **out)
{
    struct lwm2m_device *device = lwm2m_registry_find(&server->registry, endpoint);
    if (!is_admitted(server, device, route)) {
        return too_many;
    }
    if (device) {
        *out = device;
        return accepted;
    }
    if (lwm2m_registry_count(&server->registry) >= server->settings.max_devices) {
        return (struct lwm2m_refusal){ LWCOAP_CODE(5, 3), "no room for more devices" };
    }
    device = lwm2m_device_new(endpoint);
    struct lwcoap_peer *peer = device ? lwcoap_peer_hold(server->coap, route) : NULL;
    if (!peer) {
        lwm2m_device_free(device);
        return lwm2m_refusal_of_error(-ENOMEM, "");
    }
    device->peer = peer;
    *out = device;
    return accepted;
}

static uint64_t new_number(struct lwm2m_server *server)
{
    uint64_t number = 0;
    while (number == 0 || lwm2m_registry_find_number(&server->registry, number)) {
        server->callbacks.random(server->callbacks.ctx, &number, sizeof(number));
    }
    return number;
}

static bool address_changed(const struct lwm2m_device *device, const struct transport_route *route)
{
    return memcmp(lwcoap_peer_route(device->peer)->remote.ip, route->remote.ip,
                  sizeof(route->remote.ip)) != 0;
}

static void take_terms(struct lwm2m_server *server, struct lwm2m_device *device,
                       struct lwm2m_terms *terms)
{
    server->parameters_size += terms->parameters.len - device->parameters.len;
    lwm2m_parameters_deinit(&device->parameters);
    device->parameters = terms->parameters;
    terms->parameters = (struct lwm2m_parameters){ 0 };
    if (terms->object_list) {
        lwm2m_object_list_release(server->object_lists, device->object_list);
        device->object_list = terms->object_list;
        device->gave_object_list = true;
        terms->object_list = NULL;
    }
    device->version = terms->version;
    device->lifetime_s = terms->lifetime_s;
    device->queue_mode = terms->queue_mode;
}

static void answer_created(struct lwm2m_server *server, const struct lwm2m_device *device,
                           const struct lwcoap_inbound *inbound)
{
    struct lwcoap_reply reply = {
        .code = LWCOAP_CODE(2, 1),
        .location = { "rd", device->location },
        .content_format = LWCOAP_FORMAT_NONE,
    };
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

/* The list of a device that registered none: shared, empty, never NULL. */
static struct lwm2m_refusal ensure_object_list(struct lwm2m_server *server,
                                               struct lwm2m_device *device,
                                               const struct lwm2m_terms *terms)
{
    const struct lwm2m_object_list *empty;
    if (terms->object_list) {
        return accepted;
    }
    int rc = lwm2m_object_list_hold(server->object_lists, NULL, 0, &empty);
    if (rc) {
        return lwm2m_refusal_of_error(rc, "");
    }
    lwm2m_object_list_release(server->object_lists, device->object_list);
    device->object_list = empty;
    device->gave_object_list = false;
    return accepted;
}

/* A device that was made for a registration that failed. */
static void discard(struct lwm2m_server *server, struct lwm2m_device *device)
{
    if (device && !device->number) {
        lwcoap_peer_release(server->coap, device->peer);
        lwm2m_object_list_release(server->object_lists, device->object_list);
        lwm2m_device_free(device);
    }
}

static void admit(struct lwm2m_server *server, struct lwm2m_device *device,
                  struct lwm2m_terms *terms, const struct lwcoap_inbound *inbound, bool known)
{
    if (known && address_changed(device, &inbound->receipt.route)) {
        struct lwm2m_event replaced = lwm2m_event_of(LWM2M_EVENT_DEREGISTERED, device);
        replaced.reason = LWM2M_LEFT_REPLACED;
        lwm2m_server_raise(server, &replaced);
    }
    take_terms(server, device, terms);
    device->refuses_accept = false;
    device->write_format = LWM2M_FORMAT_NONE;
    device->awake_window_ms =
        (uint32_t)server->callbacks.awake_window_ms(server->callbacks.ctx, device->endpoint);
    lwm2m_device_is_at(server, device, &inbound->receipt.route);
    lwm2m_queue_touch(server, device);
    restart_lifetime(server, device);
    lwm2m_observations_renew(server, device);
    lwm2m_busy_served(&server->busy);

    struct lwm2m_event registered = lwm2m_event_of(LWM2M_EVENT_REGISTERED, device);
    registered.registered_again = known;
    lwm2m_server_raise(server, &registered);
    answer_created(server, device, inbound);
}

void lwm2m_registration_register(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    struct lwm2m_terms terms = { 0 };
    struct lwm2m_device *device = NULL;

    if (!lwm2m_server_is_verified(server, inbound)) {
        lwm2m_server_challenge(server, inbound);
        return;
    }
    if (is_too_early(server, &inbound->receipt.route)) {
        refuse(server, inbound, "", too_many);
        return;
    }
    struct lwm2m_refusal refusal = lwm2m_terms_read_register(server, inbound, &terms);
    if (!refusal.code && server->closed) {
        refusal = (struct lwm2m_refusal){ LWCOAP_CODE(5, 3), server->closed };
    }
    if (!refusal.code) {
        refusal = check_identity(server, terms.endpoint, &inbound->receipt.route);
    }
    if (!refusal.code) {
        refusal = find_or_create(server, terms.endpoint, &inbound->receipt.route, &device);
    }
    bool known = device && device->number;
    if (!refusal.code) {
        refusal = ensure_object_list(server, device, &terms);
    }
    if (!refusal.code) {
        int rc = lwm2m_registry_place(&server->registry, device, new_number(server));
        refusal = rc ? lwm2m_refusal_of_error(rc, "") : accepted;
    }
    if (!refusal.code) {
        admit(server, device, &terms, inbound, known);
    } else {
        refuse(server, inbound, terms.endpoint, refusal);
        discard(server, device);
    }
    lwm2m_terms_deinit(server, &terms);
}

/* --- Update and De-register --- */

static bool update_is_empty(const struct lwcoap_inbound *inbound)
{
    struct lwcoap_option query;
    return inbound->body_len == 0 &&
           !lwcoap_option_find(inbound->message, LWCOAP_OPTION_URI_QUERY, &query);
}

static bool terms_differ(const struct lwm2m_device *device, const struct lwm2m_terms *terms)
{
    const struct lwm2m_parameters *before = &device->parameters, *after = &terms->parameters;
    return (terms->object_list && terms->object_list != device->object_list) ||
           device->lifetime_s != terms->lifetime_s || before->len != after->len ||
           (before->len > 0 && memcmp(before->packed, after->packed, before->len) != 0);
}

void lwm2m_registration_update(struct lwm2m_server *server, struct lwm2m_device *device,
                               const struct lwcoap_inbound *inbound)
{
    struct lwm2m_event updated = lwm2m_event_of(LWM2M_EVENT_UPDATED, device);

    if (!device) {
        refuse(server, inbound, "",
               (struct lwm2m_refusal){ LWCOAP_CODE(4, 4), "no registration at this location" });
        return;
    }
    if (!lwm2m_server_is_verified(server, inbound)) {
        lwm2m_server_challenge(server, inbound);
        return;
    }
    if (!update_is_empty(inbound)) {
        struct lwm2m_terms terms = { 0 };
        struct lwm2m_refusal refusal = lwm2m_terms_read_update(server, device, inbound, &terms);
        if (!refusal.code) {
            updated.object_list_changed =
                terms.object_list && terms.object_list != device->object_list;
            updated.terms_changed = terms_differ(device, &terms);
            if (updated.object_list_changed) {
                lwm2m_observations_compare(server, device, terms.object_list);
            }
            take_terms(server, device, &terms);
        } else {
            refuse(server, inbound, device->endpoint, refusal);
        }
        lwm2m_terms_deinit(server, &terms);
        if (refusal.code) {
            return;
        }
    }
    lwm2m_device_is_at(server, device, &inbound->receipt.route);
    lwm2m_queue_touch(server, device);
    restart_lifetime(server, device);
    lwm2m_observations_repair(server, device);
    lwm2m_server_raise(server, &updated);
    lwm2m_server_answer(server, inbound, LWCOAP_CODE(2, 4), "");
}

void lwm2m_registration_deregister(struct lwm2m_server *server, struct lwm2m_device *device,
                                   const struct lwcoap_inbound *inbound)
{
    if (!device) {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "");
        return;
    }
    /* First the answer: with the device goes the memory of its peer. */
    lwm2m_server_answer(server, inbound, LWCOAP_CODE(2, 2), "");
    lwm2m_device_remove(server, device, LWM2M_LEFT_BY_ITSELF);
}
