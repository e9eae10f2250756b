#include "lwm2m/presence.h"

#include "lwm2m/internal.h"
#include "lwm2m/observation.h"
#include "lwm2m/queue.h"

/* --- where it is --- */

void lwm2m_presence_release(struct lwm2m_server *server, struct lwm2m_device *device)
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

void lwm2m_presence_move(struct lwm2m_server *server, struct lwm2m_device *device,
                         const struct transport_route *route)
{
    struct lwcoap_peer *peer = lwcoap_peer_hold(server->coap, route);
    if (!peer) {
        return; /* memory is short: it is reached at its old address, or after its next message */
    }
    lwm2m_presence_release(server, device);
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
        lwm2m_presence_move(server, device, route);
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

bool lwm2m_presence_admits(void *ctx, struct lwcoap_observation *coap,
                           const struct transport_route *asked, const struct transport_route *from)
{
    struct lwm2m_server *server = ctx;
    struct lwcoap_peer *peer = asked ? lwcoap_peer_find(server->coap, asked) : NULL;
    const struct lwm2m_device *device = coap ? ((struct lwm2m_observation *)(void *)coap)->device
                                             : (peer ? lwcoap_peer_owner(peer) : NULL);
    return device && lwm2m_device_admits(server, device, from);
}

/* --- how it leaves --- */

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
    lwm2m_presence_release(server, device);
    lwm2m_device_bury(server, device);
}
