/*
 * The keyed hash behind every table that peers can fill, and message ids, which are spread with it.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include "lwm2m/hash/siphash.h"

#include <string.h>

uint64_t lwcoap_hash(const struct lwcoap_endpoint *endpoint, const void *bytes, size_t len)
{
    return lwm2m_siphash(endpoint->hash_key, bytes, len);
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
