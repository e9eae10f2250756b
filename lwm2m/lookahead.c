/*
 * What an Update needs of a device lies in some twelve lines of memory, which with a million
 * devices are in no cache: the processor would wait for one after the other. A batch of datagrams
 * is known before the first of them is handled, so each step of the look-up (slot, peer, device,
 * slot) is done for all of them before the next, and what they wait for comes at the same time.
 */
#include "lwm2m/internal.h"

enum {
    SMALL_FLEET = 4096, /* devices that stay in the caches anyway */
    AT_ONCE = LWCOAP_PEERS_AHEAD,
};

static void fetch(struct lwm2m_server *server, const struct transport_route routes[], size_t count)
{
    struct lwcoap_peer *peers[AT_ONCE];
    const struct lwm2m_device *devices[AT_ONCE];

    lwcoap_peers_fetch(server->coap, routes, count, peers);
    for (size_t i = 0; i < count; i++) {
        devices[i] = peers[i] ? lwcoap_peer_owner(peers[i]) : NULL;
        lwm2m_prefetch(devices[i], sizeof(*devices[i]));
    }
    for (size_t i = 0; i < count; i++) {
        if (devices[i]) {
            lwm2m_registry_prefetch(&server->registry, devices[i]);
        }
    }
}

void lwm2m_server_expect(struct lwm2m_server *server, const struct transport_route routes[],
                         size_t count)
{
    if (lwm2m_registry_count(&server->registry) < SMALL_FLEET) {
        return;
    }
    for (size_t done = 0; done < count; done += AT_ONCE) {
        fetch(server, routes + done, count - done < AT_ONCE ? count - done : AT_ONCE);
    }
}
