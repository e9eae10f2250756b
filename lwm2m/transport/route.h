/*
 * Where a datagram came from and how an answer goes back: the peer's address, our own address
 * that it was sent to, the listener, and the session of a secured transport. A plain value;
 * IPv4 addresses are kept IPv4-mapped (RFC 4291, 2.5.5.2), so that one form serves all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

struct transport_address {
    uint8_t ip[16];
    uint32_t scope_id; /* of a link-local address, else 0 */
    uint16_t port;     /* host byte order */
};

struct transport_route {
    struct transport_address remote;
    uint8_t local_ip[16];   /* all zero: the kernel chooses */
    uint32_t local_ifindex; /* 0: the kernel chooses */
    uint16_t listener;      /* index of the listener it came in on */
    uint32_t session;       /* secured transports: number of the session; 0 over plain UDP */
};

/* "[ffff:…%4294967295]:65535" with its terminator. */
#define TRANSPORT_ADDRESS_TEXT_MAX 64

/** @return 0, or -EINVAL when the family is neither AF_INET nor AF_INET6 */
[[nodiscard]] int transport_address_from_sockaddr(const struct sockaddr *from,
                                                  struct transport_address *address);

bool transport_address_equal(const struct transport_address *a, const struct transport_address *b);

/** "192.0.2.1" or "2001:db8::1", without the port; returns its length. */
size_t transport_address_format_ip(const struct transport_address *address,
                                   char text[TRANSPORT_ADDRESS_TEXT_MAX]);

/** "192.0.2.1:5683" or "[2001:db8::1]:5683"; returns its length. */
size_t transport_address_format(const struct transport_address *address,
                                char text[TRANSPORT_ADDRESS_TEXT_MAX]);

/** Whether two routes lead to the same peer: the same session, or without one the same address and
 *  listener. */
bool transport_route_same_peer(const struct transport_route *a, const struct transport_route *b);
