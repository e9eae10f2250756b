/*
 * Peers that somebody holds, found by address: the only part of the message layer that grows with
 * the fleet. An open table with linear probing, because with a million peers a look-up costs what
 * it misses in the caches: here the slot and the peer itself, where a chained table follows a
 * pointer more for every neighbour in the chain.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64

static uint32_t hash_of(struct lwcoap_endpoint *endpoint, const struct transport_route *route)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(route);

    return (uint32_t)lwcoap_route_hash(endpoint, &key);
}

/* The slot of a peer, or the empty one where it would be; there always is one. */
static struct lwcoap_peer_slot *find_slot(const struct lwcoap_peers *peers,
                                          const struct transport_route *route, uint32_t hash)
{
    size_t mask = peers->capacity - 1;
    struct lwcoap_peer_slot *slot = &peers->slots[hash & mask];

    while (slot->peer &&
           (slot->hash != hash || !transport_route_same_peer(&slot->peer->route, route))) {
        slot = &peers->slots[(size_t)(slot + 1 - peers->slots) & mask];
    }
    return slot;
}

static int grow(struct lwcoap_peers *peers)
{
    size_t capacity = peers->capacity > 0 ? peers->capacity * 2 : FIRST_CAPACITY;
    struct lwcoap_peer_slot *slots = calloc(capacity, sizeof *slots);

    if (!slots) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < peers->capacity; i++) {
        size_t to = peers->slots[i].hash & (capacity - 1);
        while (peers->slots[i].peer && slots[to].peer) {
            to = (to + 1) & (capacity - 1);
        }
        if (peers->slots[i].peer) {
            slots[to] = peers->slots[i];
        }
    }
    free(peers->slots);
    peers->slots = slots;
    peers->capacity = capacity;
    return 0;
}

/* Empties a slot and moves those up that would not be found behind the gap. */
static void clear_slot(struct lwcoap_peers *peers, struct lwcoap_peer_slot *slot)
{
    size_t mask = peers->capacity - 1;
    size_t gap = (size_t)(slot - peers->slots);

    for (size_t i = (gap + 1) & mask; peers->slots[i].peer; i = (i + 1) & mask) {
        size_t home = peers->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            peers->slots[gap] = peers->slots[i];
            gap = i;
        }
    }
    peers->slots[gap] = (struct lwcoap_peer_slot){ 0 };
    peers->count--;
}

struct lwcoap_peer *lwcoap_peer_find(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peers *peers = &endpoint->peers;

    if (peers->recent && transport_route_same_peer(&peers->recent->route, route)) {
        return peers->recent;
    }
    if (peers->count == 0) {
        return NULL;
    }
    struct lwcoap_peer *peer = find_slot(peers, route, hash_of(endpoint, route))->peer;
    if (peer) {
        peers->recent = peer;
    }
    return peer;
}

struct lwcoap_peer *lwcoap_peer_hold(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route)
{
    struct lwcoap_peers *peers = &endpoint->peers;
    struct lwcoap_peer *peer = lwcoap_peer_find(endpoint, route);

    if (!peer) {
        bool full = peers->count >= peers->capacity / 4 * 3;
        if (full && grow(peers) != 0) {
            return NULL;
        }
        peer = calloc(1, sizeof *peer);
        if (!peer) {
            return NULL;
        }
        peer->route = *route;
        uint32_t hash = hash_of(endpoint, route);
        *find_slot(peers, route, hash) = (struct lwcoap_peer_slot){ peer, hash };
        peers->count++;
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
    clear_slot(peers, find_slot(peers, &peer->route, hash_of(endpoint, &peer->route)));
    peers->recent = NULL;
    lwcoap_duplicates_inherit(endpoint, peer);
    free(peer);
}

const struct transport_route *lwcoap_peer_route(const struct lwcoap_peer *peer)
{
    return &peer->route;
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
    for (size_t i = 0; i < endpoint->peers.capacity; i++) {
        free(endpoint->peers.slots[i].peer);
    }
    free(endpoint->peers.slots);
}
