/*
 * Peers that somebody holds, found by address. The only part of the message layer that grows with
 * the fleet: nothing here looks at more than the one peer it is asked for.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <stdlib.h>

/* The key of a peer is its route, and only what identifies the peer of a route is compared. */
#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, len) (!transport_route_same_peer((a), (b)))

static unsigned route_hash(const struct lwcoap_endpoint *endpoint,
                           const struct transport_route *route)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(route);

    return (unsigned)lwcoap_hash(endpoint, &key, sizeof key);
}

struct lwcoap_peer *lwcoap_peer_find(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peer *peer = endpoint->recent_peer;

    if (peer && transport_route_same_peer(&peer->route, route)) {
        return peer;
    }
    HASH_FIND_BYHASHVALUE(hh, endpoint->peers, route, sizeof *route, route_hash(endpoint, route),
                          peer);
    if (peer) {
        endpoint->recent_peer = peer;
    }
    return peer;
}

struct lwcoap_peer *lwcoap_peer_hold(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peer *peer = lwcoap_peer_find(endpoint, route);

    if (!peer) {
        peer = calloc(1, sizeof *peer);
        if (!peer) {
            return NULL;
        }
        peer->route = *route;
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, endpoint->peers, &peer->route, sizeof peer->route,
                                    route_hash(endpoint, route), peer);
        if (!peer->hh.tbl) {
            free(peer);
            return NULL;
        }
    }
    peer->references++;
    return peer;
}

void lwcoap_peer_release(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer)
{
    if (!peer || --peer->references > 0) {
        return;
    }
    HASH_DEL(endpoint->peers, peer);
    if (endpoint->recent_peer == peer) {
        endpoint->recent_peer = NULL;
    }
    lwcoap_duplicates_inherit(endpoint, peer);
    free(peer);
}

const struct transport_route *lwcoap_peer_route(const struct lwcoap_peer *peer)
{
    return &peer->route;
}

void lwcoap_peers_free(struct lwcoap_endpoint *endpoint)
{
    struct lwcoap_peer *peer, *next;

    HASH_ITER(hh, endpoint->peers, peer, next)
    {
        HASH_DEL(endpoint->peers, peer);
        free(peer);
    }
}
