/*
 * The keyed hash behind every table that peers can fill, and message ids, which are spread with it.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include "lwm2m/coap/siphash.h"

#include <string.h>

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t lwcoap_siphash(const uint64_t key[2], const void *bytes, size_t len)
{
    const uint8_t *next = bytes;
    uint64_t word;
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };

    for (size_t left = len; left >= sizeof word; left -= sizeof word, next += sizeof word) {
        memcpy(&word, next, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (len % sizeof word > 0) {
        memcpy(&word, next, len % sizeof word);
    }
    word ^= (uint64_t)len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t lwcoap_hash(const struct lwcoap_endpoint *endpoint, const void *bytes, size_t len)
{
    return lwcoap_siphash(endpoint->hash_key, bytes, len);
}

struct lwcoap_route_key lwcoap_route_key_of(const struct transport_route *route)
{
    struct lwcoap_route_key key = { .session = route->session, .listener = route->listener };

    if (route->session == 0) {
        memcpy(key.ip, route->remote.ip, sizeof key.ip);
        key.scope_id = route->remote.scope_id;
        key.port = route->remote.port;
    }
    return key;
}

uint64_t lwcoap_route_hash(struct lwcoap_endpoint *endpoint, const struct lwcoap_route_key *key)
{
    if (!endpoint->recent.valid || memcmp(&endpoint->recent.key, key, sizeof *key) != 0) {
        endpoint->recent.key = *key;
        endpoint->recent.hash = lwcoap_hash(endpoint, key, sizeof *key);
        endpoint->recent.valid = true;
    }
    return endpoint->recent.hash;
}

/*
 * A message id must not come back towards the same peer within EXCHANGE_LIFETIME (RFC 7252, 4.4).
 * One counter for a fleet would wrap within seconds, and one in each struct lwcoap_peer would
 * start anew when a device leaves and returns. So 65536 counters with random starts are shared by
 * all peers, chosen by the hash of the address: one wraps only when the few peers behind it get
 * 265 messages per second together for all of the 247 s.
 */
uint16_t lwcoap_message_id_next(struct lwcoap_endpoint *endpoint,
                                const struct transport_route *route)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(route);

    return endpoint->message_ids[(uint16_t)lwcoap_route_hash(endpoint, &key)]++;
}
