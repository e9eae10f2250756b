/*
 * Plain UDP: sockets of the listeners, datagrams in and out by the batch (recvmmsg, sendmmsg).
 * Answers leave from the address that was written to (IP_PKTINFO, IPV6_RECVPKTINFO).
 * Does no waiting: the loop polls transport_udp_fd() and calls receive and flush.
 */
#pragma once

#include "lwm2m/transport/route.h"

struct transport_udp;

/* Bytes of the longest datagram that is received or sent; CoAP advises 1152 (RFC 7252, 4.6). */
#define TRANSPORT_UDP_DATAGRAM_MAX 8192

/* Datagrams of a batch. */
#define TRANSPORT_UDP_BATCH 64

struct transport_udp_settings {
    const char *host;     /* "127.0.0.1", "::", "*" (all addresses of both families) */
    uint16_t port;        /* 0: the kernel chooses */
    uint16_t listener;    /* goes into every route */
    size_t socket_buffer; /* bytes of SO_RCVBUF and SO_SNDBUF; 0 keeps the system's default */
};

/** The ways that the datagrams of a batch came, one at least, before the first of them is handed
 *  over: time to fetch into the caches what is known of their senders. */
typedef void transport_udp_coming(void *ctx, const struct transport_route routes[], size_t count);

/** A received datagram; `data` is borrowed for the call and may be changed by the receiver. */
typedef void transport_udp_receiver(void *ctx, const struct transport_route *route, uint8_t *data,
                                    size_t len);

/**
 * Binds a socket; "::" and "*" serve IPv4 as well.
 *
 * @return 0, -EINVAL (host is not an address), -ENOMEM, or what the system says (-EADDRINUSE, …)
 */
[[nodiscard]] int transport_udp_new(const struct transport_udp_settings *settings,
                                    struct transport_udp **udp);
void transport_udp_free(struct transport_udp *udp);

int transport_udp_fd(const struct transport_udp *udp);

/** The port that is bound, host byte order. */
uint16_t transport_udp_port(const struct transport_udp *udp);

/**
 * Receives one batch at the most and hands each to `receiver`; first `coming`, unless it is NULL,
 * is told of the batch.
 *
 * @return how many came; a full batch means: there may be more. Negative errno on a socket error.
 */
int transport_udp_receive(struct transport_udp *udp, transport_udp_coming *coming,
                          transport_udp_receiver *receiver, void *ctx);

/** How much of the receive buffer is taken by what was not received yet, in percent; 0 when the
 * system does not say. */
unsigned transport_udp_full_percent(const struct transport_udp *udp);

/** Datagrams longer than TRANSPORT_UDP_DATAGRAM_MAX, since the start: dropped, never cut short. */
uint64_t transport_udp_oversized(const struct transport_udp *udp);

/** Queues a copy of a datagram; a full batch is sent at once. Longer than the limit: dropped. */
void transport_udp_send(struct transport_udp *udp, const struct transport_route *route,
                        const uint8_t *data, size_t len);

/** Sends what is queued. What the kernel refuses is dropped and counted (CoAP retransmits). */
void transport_udp_flush(struct transport_udp *udp);

/** Datagrams that could not be sent, since the start. */
uint64_t transport_udp_dropped(const struct transport_udp *udp);
