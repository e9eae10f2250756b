/*
 * Peers that somebody holds, found by address: the only part of the message layer that grows with
 * the fleet.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t hash_of(struct lwcoap_endpoint *endpoint, const struct transport_route *route)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(route);

    return (uint32_t)lwcoap_route_hash(endpoint, &key);
}

static bool has_route(const void *item, const void *key)
{
    const struct lwcoap_peer *peer = item;

    return transport_route_same_peer(&peer->route, key);
}

struct lwcoap_peer *lwcoap_peer_find(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peers *peers = &endpoint->peers;

    if (peers->recent && transport_route_same_peer(&peers->recent->route, route)) {
        return peers->recent;
    }
    if (lwm2m_table_count(&peers->by_route) == 0) {
        return NULL;
    }
    struct lwcoap_peer *peer =
        lwm2m_table_find(&peers->by_route, hash_of(endpoint, route), has_route, route);
    if (peer) {
        peers->recent = peer;
    }
    return peer;
}

void lwcoap_peers_fetch(struct lwcoap_endpoint *endpoint, const struct transport_route routes[],
                        size_t count, struct lwcoap_peer *peers[])
{
    const struct lwm2m_table *by_route = &endpoint->peers.by_route;
    uint32_t hashes[LWCOAP_PEERS_AHEAD];

    assert(count <= LWCOAP_PEERS_AHEAD);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(endpoint, &routes[i]);
        lwm2m_table_prefetch(by_route, hashes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        peers[i] = lwm2m_table_guess(by_route, hashes[i]);
        lwm2m_prefetch(peers[i], sizeof *peers[i]);
    }
}

struct lwcoap_peer *lwcoap_peer_hold(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peers *peers = &endpoint->peers;
    struct lwcoap_peer *peer = lwcoap_peer_find(endpoint, route);

    if (!peer) {
        peer = calloc(1, sizeof *peer);
        if (!peer || lwm2m_table_add(&peers->by_route, hash_of(endpoint, route), peer)) {
            free(peer);
            return NULL;
        }
        peer->route = *route;
        lwcoap_duplicates_adopt(endpoint, peer);
    }
    peer->references++;
    return peer;
}

void lwcoap_peer_release(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer)
{
    struct lwcoap_peers *peers = &endpoint->peers;

    if (!peer || --peer->references > 0) {
        return;
    }
    lwm2m_table_remove(&peers->by_route, hash_of(endpoint, &peer->route), peer);
    peers->recent = NULL;
    lwcoap_duplicates_inherit(endpoint, peer);
    free(peer);
}

const struct transport_route *lwcoap_peer_route(const struct lwcoap_peer *peer)
{
    return &peer->route;
}

void lwcoap_peer_moved(struct lwcoap_peer *peer, const struct transport_route *route)
{
    assert(transport_route_same_peer(&peer->route, route)); /* its place in the table is the same */
    peer->route = *route;
}

void lwcoap_peer_set_owner(struct lwcoap_peer *peer, void *owner)
{
    peer->owner = owner;
}

void *lwcoap_peer_owner(const struct lwcoap_peer *peer)
{
    return peer->owner;
}

void lwcoap_peers_free(struct lwcoap_endpoint *endpoint)
{
    struct lwcoap_peer *peer;
    size_t cursor = 0;

    while ((peer = lwm2m_table_next(&endpoint->peers.by_route, &cursor))) {
        free(peer);
    }
    lwm2m_table_deinit(&endpoint->peers.by_route);
}
