/**
 * The sockets of one device: a libcoap context with an endpoint that answers anybody and
 * a session to the server, both on the same local port (the session's socket is
 * connected, so the kernel prefers it for what the server sends).
 *
 * With coaps:// the session's server is a tunnel (tunnel.h) on loopback.
 *
 * libcoap does not show its sockets. They are found by their local port, for two things
 * it cannot do: being deaf (a kernel filter drops all, as a sleeping radio does), and
 * ignoring ICMP errors, which on loopback would end observations as soon as the server
 * restarts, while on a real network datagrams just vanish.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <coap3/coap.h>

#include "test/sim/tunnel.h"

enum { NETWORK_SOCKETS_MAX = 4 };

struct network {
    coap_context_t *context;
    coap_session_t *session; /**< to the server */
    uint16_t port;           /**< local */
    struct tunnel *tunnel;   /**< NULL without DTLS */
    int epoll;               /**< over libcoap's descriptor and the tunnel's, if there is one */
    int sockets[NETWORK_SOCKETS_MAX];
    size_t socket_count;
    bool deaf;
};

/**
 * @param server    coap://host[:port] or coaps://host[:port]
 * @param port      local; 0: any
 * @param security  for coaps://; what it points at is borrowed until network_close()
 * @return 0 or a negative errno; on failure nothing is left open
 */
[[nodiscard]] int network_open(struct network *network, const char *server, uint16_t port,
                               const struct tunnel_settings *security);
/** Closes without a word to anybody. */
void network_close(struct network *network);
/** The local port that the server sees. */
uint16_t network_port(const struct network *network);
/** Handles what arrived and libcoap's own timers; returns at once. */
void network_process(struct network *network);
/** A descriptor that becomes readable when network_process() has something to do. */
int network_descriptor(const struct network *network);
/** From now on everything that arrives is lost, or not any more. */
void network_set_deaf(struct network *network, bool deaf);
