#include "lwm2m/registration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lwm2m/observation.h"
#include "lwm2m/queue.h"

#define DEFAULT_LIFETIME_S 86400 /* of LwM2M 1.0, where `lt` may be missing */
#define BUSY_MAX_AGE_S     60    /* when to try again after 5.03 */
#define ENDPOINT_MAX       255   /* a Uri-Query option is not longer */

/* What is read from a Register or Update before anything is changed. */
struct terms {
    char endpoint[ENDPOINT_MAX + 1]; /* "" without `ep` */
    struct lwm2m_parameters parameters;
    struct lwm2m_version version;
    uint32_t lifetime_s; /* after clamping; 0 never ends */
    bool queue_mode;
    const struct lwm2m_object_list *object_list; /* NULL when the request had no payload */
};

/* Why a request is refused; code 0 while there is no reason to. */
struct refusal {
    uint8_t code;
    const char *reason;
};

static const struct refusal accepted = { 0, "" };

static struct refusal bad_request(const char *reason)
{
    return (struct refusal){ LWCOAP_CODE(4, 0), reason };
}

static struct refusal refusal_of_error(int err, const char *reason)
{
    if (err == -ENOMEM) {
        return (struct refusal){ LWCOAP_CODE(5, 3), "out of memory" };
    }
    return bad_request(reason);
}

static void terms_deinit(struct lwm2m_server *server, struct terms *terms)
{
    lwm2m_parameters_deinit(&terms->parameters);
    lwm2m_object_list_release(server->object_lists, terms->object_list);
}

static struct refusal read_endpoint(const uint8_t *value, size_t len, struct terms *terms)
{
    if (len == 0 || memchr(value, 0, len) || !lwm2m_utf8_valid(value, len)) {
        return bad_request("ep is not a name in UTF-8");
    }
    memcpy(terms->endpoint, value, len);
    terms->endpoint[len] = '\0';
    return accepted;
}

/* Takes every Uri-Query option over; unknown parameters are kept (Core TS 6.2.1 is silent, users
 * are not: `imei`, `at`, `apn`). */
static struct refusal read_query(const struct lwcoap_message *message, struct terms *terms)
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number != LWCOAP_OPTION_URI_QUERY || option.len == 0) {
            continue;
        }
        const uint8_t *equals = memchr(option.value, '=', option.len);
        size_t name_len = equals ? (size_t)(equals - option.value) : option.len;
        const uint8_t *value = equals ? equals + 1 : NULL;
        size_t value_len = equals ? option.len - name_len - 1 : 0;
        if (name_len == 2 && memcmp(option.value, "ep", 2) == 0) {
            struct refusal refusal = read_endpoint(value, value_len, terms);
            if (refusal.code) {
                return refusal;
            }
            continue;
        }
        int rc = lwm2m_parameters_set(&terms->parameters, option.value, name_len, value, value_len);
        if (rc) {
            return refusal_of_error(rc, rc == -ENOSPC ? "too many query parameters"
                                                      : "a query parameter has no name");
        }
    }
    return accepted;
}

static const struct {
    const char *text;
    struct lwm2m_version version;
} versions[] = {
    { "1.0", { 1, 0 } },
    { "1", { 1, 0 } }, /* old 1.0 clients */
    { "1.1", { 1, 1 } },
    { "1.2", { 1, 2 } },
};

static struct refusal read_version(struct terms *terms)
{
    const char *text = NULL;
    if (!lwm2m_parameters_find(&terms->parameters, "lwm2m", &text) || !text) {
        return bad_request("lwm2m is missing");
    }
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(text, versions[i].text) == 0) {
            terms->version = versions[i].version;
            return accepted;
        }
    }
    return (struct refusal){ LWCOAP_CODE(4, 12), "this version of LwM2M is not supported" };
}

/* Unsigned seconds; what is larger than 32 bits hold is as good as the largest. */
static bool read_seconds(const char *text, uint32_t *seconds)
{
    uint64_t value = 0;
    if (!text || !*text) {
        return false;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        value = value < UINT32_MAX ? value : UINT32_MAX;
    }
    *seconds = (uint32_t)value;
    return true;
}

static struct refusal read_lifetime(const struct lwm2m_server *server, struct terms *terms)
{
    const char *text = NULL;
    uint32_t seconds = DEFAULT_LIFETIME_S;
    bool newer = terms->version.minor > 0;

    if (!lwm2m_parameters_find(&terms->parameters, "lt", &text)) {
        if (newer) {
            return bad_request("lt is missing");
        }
    } else if (!read_seconds(text, &seconds)) {
        return bad_request("lt is not a number of seconds");
    }
    if (seconds == 0 && newer) {
        terms->lifetime_s = 0; /* Core TS E.2, since 1.1: the registration never ends */
        return accepted;
    }
    seconds = seconds < server->settings.lifetime_max_s ? seconds : server->settings.lifetime_max_s;
    terms->lifetime_s =
        seconds > server->settings.lifetime_min_s ? seconds : server->settings.lifetime_min_s;
    return accepted;
}

/* Access points whose devices sleep although their registration does not say so. */
static const char *const sleepy_access_points[] = {
    "Ctnb",
    "psmA.eDRX0.ctnb",
    "psmC.eDRX0.ctnb",
    "psmF.eDRXC.ctnb",
};

/* `Q` (1.1, 1.2), a binding with Q in it (1.0: UQ, SQ, UQS), or a sleepy access point. */
static void read_queue_mode(struct terms *terms)
{
    const char *value = NULL;
    terms->queue_mode = lwm2m_parameters_find(&terms->parameters, "Q", &value);
    if (lwm2m_parameters_find(&terms->parameters, "b", &value) && value && strchr(value, 'Q')) {
        terms->queue_mode = true;
    }
    if (!lwm2m_parameters_find(&terms->parameters, "apn", &value) || !value) {
        return;
    }
    for (size_t i = 0; i < sizeof(sleepy_access_points) / sizeof(sleepy_access_points[0]); i++) {
        if (strcasecmp(value, sleepy_access_points[i]) == 0) {
            terms->queue_mode = true;
        }
    }
}

/* A profile id stands for an object list (Core TS 6.2.1, since 1.2). None is known here: a device
 * that gives only that is told to register with the list itself; beside a list it is kept. */
static bool names_profile(const struct lwcoap_message *message)
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_QUERY && option.len >= 4 &&
            memcmp(option.value, "pid=", 4) == 0) {
            return true;
        }
    }
    return false;
}

static struct refusal read_object_list(struct lwm2m_server *server,
                                       const struct lwcoap_inbound *inbound, struct terms *terms)
{
    if (inbound->body_len == 0) {
        return names_profile(inbound->message)
                   ? (struct refusal){ LWCOAP_CODE(4, 9), "the profile id is not known" }
                   : accepted;
    }
    if (inbound->content_format != LWM2M_FORMAT_LINK &&
        inbound->content_format != LWM2M_FORMAT_NONE) {
        return (struct refusal){ LWCOAP_CODE(4, 15), "the object list is not in link-format" };
    }
    int rc = lwm2m_object_list_hold(server->object_lists, inbound->body, inbound->body_len,
                                    &terms->object_list);
    return rc ? refusal_of_error(rc, "the object list is not link-format") : accepted;
}

static void refuse(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                   const char *endpoint, struct refusal refusal)
{
    struct lwcoap_reply reply = {
        .code = refusal.code,
        .content_format = LWCOAP_FORMAT_NONE,
        .max_age_s = refusal.code == LWCOAP_CODE(5, 3) ? BUSY_MAX_AGE_S : 0,
        .payload = (const uint8_t *)refusal.reason,
        .payload_len = strlen(refusal.reason),
    };
    if (server->callbacks.refused) {
        server->callbacks.refused(server->callbacks.ctx, &inbound->receipt.route, endpoint,
                                  refusal.code, refusal.reason);
    }
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

static struct refusal read_register(struct lwm2m_server *server,
                                    const struct lwcoap_inbound *inbound, struct terms *terms)
{
    struct refusal refusal = read_query(inbound->message, terms);
    if (!refusal.code && !terms->endpoint[0]) {
        refusal = bad_request("ep is missing"); /* and there is no identity to take it from */
    }
    if (!refusal.code) {
        refusal = read_version(terms);
    }
    if (!refusal.code) {
        refusal = read_lifetime(server, terms);
    }
    if (!refusal.code) {
        refusal = read_object_list(server, inbound, terms);
    }
    read_queue_mode(terms);
    return refusal;
}

/* --- lifetime ------------------------------------------------------------------------------- */

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

/* The lifetime starts anew. Updates come far more often than lifetimes end, so the timer is left
 * alone unless the end came closer. */
static void restart_lifetime(struct lwm2m_server *server, struct lwm2m_device *device)
{
    device->expires_ms = server->now_ms + (uint64_t)device->lifetime_s * 1000;
    if (device->lifetime_s > 0 && (!lwm2m_timer_is_set(&device->lifetime) ||
                                   device->lifetime.deadline_ms > device->expires_ms)) {
        lwm2m_timer_set(server->timers, &device->lifetime, device->expires_ms, on_lifetime);
    }
}

/* --- Register --------------------------------------------------------------------------------- */

/* A new device or the one of this name, which a new registration replaces (Core TS 6.2.1). Its
 * waiting requests stay. */
static struct refusal find_or_create(struct lwm2m_server *server, const char *endpoint,
                                     const struct transport_route *route, struct lwm2m_device **out)
{
    struct lwm2m_device *device = lwm2m_registry_find(&server->registry, endpoint);
    if (device) {
        *out = device;
        return accepted;
    }
    if (lwm2m_registry_count(&server->registry) >= server->settings.max_devices) {
        return (struct refusal){ LWCOAP_CODE(5, 3), "no room for more devices" };
    }
    device = lwm2m_device_new(endpoint);
    struct lwcoap_peer *peer = device ? lwcoap_peer_hold(server->coap, route) : NULL;
    if (!peer) {
        lwm2m_device_free(device);
        return refusal_of_error(-ENOMEM, "");
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
                       struct terms *terms)
{
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
static struct refusal ensure_object_list(struct lwm2m_server *server, struct lwm2m_device *device,
                                         const struct terms *terms)
{
    const struct lwm2m_object_list *empty;
    if (terms->object_list) {
        return accepted;
    }
    int rc = lwm2m_object_list_hold(server->object_lists, NULL, 0, &empty);
    if (rc) {
        return refusal_of_error(rc, "");
    }
    lwm2m_object_list_release(server->object_lists, device->object_list);
    device->object_list = empty;
    device->gave_object_list = false;
    return accepted;
}

static void admit(struct lwm2m_server *server, struct lwm2m_device *device, struct terms *terms,
                  const struct lwcoap_inbound *inbound)
{
    bool known = device->number != 0;
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
    lwm2m_registry_place(&server->registry, device, new_number(server));
    lwm2m_device_heard(server, device, &inbound->receipt.route);
    lwm2m_queue_touch(server, device);
    restart_lifetime(server, device);
    lwm2m_observations_renew(server, device);

    struct lwm2m_event registered = lwm2m_event_of(LWM2M_EVENT_REGISTERED, device);
    lwm2m_server_raise(server, &registered);
    answer_created(server, device, inbound);
}

void lwm2m_registration_register(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    struct terms terms = { 0 };
    struct lwm2m_device *device = NULL;

    struct refusal refusal = read_register(server, inbound, &terms);
    if (!refusal.code) {
        refusal = find_or_create(server, terms.endpoint, &inbound->receipt.route, &device);
    }
    if (!refusal.code) {
        refusal = ensure_object_list(server, device, &terms);
        if (refusal.code && !device->number) {
            lwcoap_peer_release(server->coap, device->peer);
            lwm2m_device_free(device);
        }
    }
    if (refusal.code) {
        refuse(server, inbound, terms.endpoint, refusal);
    } else {
        admit(server, device, &terms, inbound);
    }
    terms_deinit(server, &terms);
}

/* --- Update and De-register ----------------------------------------------------------------------
 */

static void answer(struct lwm2m_server *server, const struct lwcoap_inbound *inbound, uint8_t code)
{
    struct lwcoap_reply reply = { .code = code, .content_format = LWCOAP_FORMAT_NONE };
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

/* Reads what an Update changes (Core TS 6.2.2) on top of what the device registered. */
static struct refusal read_update(struct lwm2m_server *server, const struct lwm2m_device *device,
                                  const struct lwcoap_inbound *inbound, struct terms *terms)
{
    if (lwm2m_parameters_copy(&terms->parameters, &device->parameters)) {
        return refusal_of_error(-ENOMEM, "");
    }
    terms->version = device->version;
    struct refusal refusal = read_query(inbound->message, terms);
    if (!refusal.code) {
        refusal = read_lifetime(server, terms);
    }
    if (!refusal.code) {
        refusal = read_object_list(server, inbound, terms);
    }
    read_queue_mode(terms);
    return refusal;
}

static bool update_is_empty(const struct lwcoap_inbound *inbound)
{
    struct lwcoap_option query;
    return inbound->body_len == 0 &&
           !lwcoap_option_find(inbound->message, LWCOAP_OPTION_URI_QUERY, &query);
}

void lwm2m_registration_update(struct lwm2m_server *server, struct lwm2m_device *device,
                               const struct lwcoap_inbound *inbound)
{
    struct lwm2m_event updated = lwm2m_event_of(LWM2M_EVENT_UPDATED, device);

    if (!device) {
        refuse(server, inbound, "",
               (struct refusal){ LWCOAP_CODE(4, 4), "no registration at this location" });
        return;
    }
    if (!update_is_empty(inbound)) {
        struct terms terms = { 0 };
        struct refusal refusal = read_update(server, device, inbound, &terms);
        if (!refusal.code) {
            updated.object_list_changed =
                terms.object_list && terms.object_list != device->object_list;
            if (updated.object_list_changed) {
                lwm2m_observations_compare(server, device, terms.object_list);
            }
            take_terms(server, device, &terms);
        } else {
            refuse(server, inbound, device->endpoint, refusal);
        }
        terms_deinit(server, &terms);
        if (refusal.code) {
            return;
        }
    }
    lwm2m_device_heard(server, device, &inbound->receipt.route);
    lwm2m_queue_touch(server, device);
    restart_lifetime(server, device);
    lwm2m_observations_repair(server, device);
    lwm2m_server_raise(server, &updated);
    answer(server, inbound, LWCOAP_CODE(2, 4));
}

void lwm2m_registration_deregister(struct lwm2m_server *server, struct lwm2m_device *device,
                                   const struct lwcoap_inbound *inbound)
{
    if (!device) {
        answer(server, inbound, LWCOAP_CODE(4, 4));
        return;
    }
    /* First the answer: with the device goes the memory of its peer. */
    answer(server, inbound, LWCOAP_CODE(2, 2));
    lwm2m_device_remove(server, device, LWM2M_LEFT_BY_ITSELF);
}
