#include "lwm2m/durable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/observation.h"
#include "lwm2m/registration.h"
#include "lwm2m/registration_terms.h"

/* --- describing --- */

void lwm2m_device_describe(const struct lwm2m_device *device, uint64_t now_ms,
                           struct lwm2m_durable_device *state)
{
    struct lwm2m_bytes links = lwm2m_object_list_payload(device->object_list);
    *state = (struct lwm2m_durable_device){
        .endpoint = device->endpoint,
        .number = device->number,
        .version = device->version,
        .lifetime_s = device->lifetime_s,
        .remaining_ms = device->expires_ms > now_ms ? device->expires_ms - now_ms : 0,
        .queue_mode = device->queue_mode,
        .gave_object_list = device->gave_object_list,
        .refuses_accept = device->refuses_accept,
        .write_format = device->write_format,
        .route = *lwcoap_peer_route(device->peer),
        .parameters = device->parameters.packed,
        .parameters_len = device->parameters.len,
        .links = links.data,
        .links_len = links.len,
    };
}

uint64_t lwm2m_device_expires_ms(const struct lwm2m_device *device)
{
    return device->lifetime_s > 0 ? device->expires_ms : LWM2M_TIMERS_NEVER;
}

void lwm2m_device_set_key(struct lwm2m_device *device, uint64_t key)
{
    device->key = key;
}

uint64_t lwm2m_device_key(const struct lwm2m_device *device)
{
    return device->key;
}

void lwm2m_device_set_note(struct lwm2m_device *device, uint32_t note)
{
    device->note = note;
}

uint32_t lwm2m_device_note(const struct lwm2m_device *device)
{
    return device->note;
}

void lwm2m_observation_describe(const struct lwm2m_observation *observation,
                                struct lwm2m_durable_observation *state)
{
    *state = (struct lwm2m_durable_observation){
        .state = observation->state,
        .path = observation->path,
        .paths = observation->paths,
        .path_count = observation->path_count,
        .query = observation->query,
        .accept = observation->accept,
        .pmax_s = observation->pmax_depth > 0 ? observation->pmax_s : 0,
        .pmax_depth = observation->pmax_depth,
        .automatic = observation->automatic,
        .context = observation->context,
    };
    memcpy(state->token, observation->coap.token, sizeof(state->token));
}

/* --- a registration comes back --- */

static bool is_known_version(struct lwm2m_version version)
{
    return version.major == 1 && version.minor <= 2;
}

static bool is_sound(const struct lwm2m_durable_device *state)
{
    const char *endpoint = state->endpoint;
    size_t len = endpoint ? strnlen(endpoint, LWM2M_ENDPOINT_MAX + 1) : 0;
    bool known_format =
        state->write_format == LWM2M_FORMAT_NONE || lwm2m_content_find(state->write_format) != NULL;

    return len > 0 && len <= LWM2M_ENDPOINT_MAX &&
           lwm2m_utf8_valid((const uint8_t *)endpoint, len) && state->number != 0 &&
           is_known_version(state->version) && known_format;
}

/* The parts of a device that have memory of their own. */
static int hold_parts(struct lwm2m_server *server, struct lwm2m_device *device,
                      const struct lwm2m_durable_device *state)
{
    int rc = lwm2m_parameters_unpack(&device->parameters, state->parameters, state->parameters_len);
    rc = rc ? rc
            : lwm2m_object_list_hold(server->object_lists, state->links, state->links_len,
                                     &device->object_list);
    if (rc) {
        return rc;
    }
    device->peer = lwcoap_peer_hold(server->coap, &state->route);
    rc = device->peer ? lwm2m_registry_place(&server->registry, device, state->number) : -ENOMEM;
    if (rc) {
        lwcoap_peer_release(server->coap, device->peer);
    }
    return rc;
}

static void take_terms(struct lwm2m_server *server, struct lwm2m_device *device,
                       const struct lwm2m_durable_device *state, uint64_t now_ms)
{
    server->parameters_size += device->parameters.len;
    device->version = state->version;
    device->lifetime_s = state->lifetime_s;
    device->queue_mode = state->queue_mode;
    device->gave_object_list = state->gave_object_list;
    device->refuses_accept = state->refuses_accept;
    device->write_format = state->write_format;
    device->awake_window_ms =
        (uint32_t)server->callbacks.awake_window_ms(server->callbacks.ctx, device->endpoint);
    if (!lwcoap_peer_owner(device->peer)) {
        lwcoap_peer_set_owner(device->peer, device);
    }
    uint64_t longest_ms = (uint64_t)UINT32_MAX * 2000; /* a lifetime, and whatever is added to it */
    uint64_t remaining_ms = state->remaining_ms < longest_ms ? state->remaining_ms : longest_ms;
    lwm2m_registration_ends_at(server, device, now_ms + remaining_ms);
}

int lwm2m_server_restore_device(struct lwm2m_server *server,
                                const struct lwm2m_durable_device *state, uint64_t now_ms,
                                struct lwm2m_device **out)
{
    server->now_ms = now_ms > server->now_ms ? now_ms : server->now_ms;
    if (!is_sound(state)) {
        return -EBADMSG;
    }
    if (lwm2m_registry_find(&server->registry, state->endpoint) ||
        lwm2m_registry_find_number(&server->registry, state->number)) {
        return -EEXIST;
    }
    if (lwm2m_registry_count(&server->registry) >= server->settings.max_devices) {
        return -ENOSPC;
    }
    struct lwm2m_device *device = lwm2m_device_new(state->endpoint);
    int rc = device ? hold_parts(server, device, state) : -ENOMEM;
    if (rc) {
        if (device) {
            lwm2m_object_list_release(server->object_lists, device->object_list);
        }
        lwm2m_device_free(device);
        return rc;
    }
    take_terms(server, device, state, now_ms);
    if (out) {
        *out = device;
    }
    return 0;
}

/* --- an observation comes back --- */

static bool paths_are_sound(const struct lwm2m_durable_observation *state)
{
    if (state->path.depth > 4 || (state->path_count > 0 && state->path.depth > 0) ||
        state->pmax_depth > state->path.depth) {
        return false;
    }
    for (size_t i = 0; i < state->path_count; i++) {
        if (state->paths[i].path.depth > 4) {
            return false;
        }
    }
    return true;
}

int lwm2m_server_restore_observation(struct lwm2m_server *server, struct lwm2m_device *device,
                                     const struct lwm2m_durable_observation *state)
{
    bool established = state->state == LWM2M_OBSERVATION_ESTABLISHED;
    struct lwm2m_request request = {
        .operation = state->path_count > 0 ? LWM2M_OBSERVE_COMPOSITE : LWM2M_OBSERVE,
        .device = device,
        .path = state->path,
        .query = state->query,
        .records = state->paths,
        .record_count = state->path_count,
        .automatic = state->automatic,
    };
    if (!established && state->state != LWM2M_OBSERVATION_LOST) {
        return -EBADMSG;
    }
    if (!paths_are_sound(state)) {
        return -EBADMSG;
    }
    return lwm2m_observation_restore(server, &request, state);
}
