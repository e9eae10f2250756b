/*
 * One UDP socket that plays very many devices. 127.0.0.0/8 is all local: device `index` speaks
 * from 127.64.0.0 + index, which IP_PKTINFO sets for each datagram, and what is sent to that
 * address comes back on the same socket with the address in IP_PKTINFO. So a million devices cost
 * no descriptors, and sendmmsg and recvmmsg carry 64 of them per call.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_DATAGRAM_MAX = 1500,
    WIRE_DEVICES_MAX = 1 << 22, /* 127.64.0.0 … 127.127.255.255 */
};

struct wire;

typedef void wire_receiver(void *ctx, uint32_t index, const uint8_t *data, size_t len);

/** Opens a socket whose datagrams go to 127.0.0.1:server_port. @return 0 or a negative errno */
[[nodiscard]] int wire_new(uint16_t server_port, struct wire **wire);
void wire_free(struct wire *wire);
int wire_fd(const struct wire *wire);

/** The port that it was given; 0 when that cannot be read. */
uint16_t wire_port(const struct wire *wire);

/** Where the next datagram is to be written: WIRE_DATAGRAM_MAX bytes, until wire_commit(). */
uint8_t *wire_slot(struct wire *wire);

/** Queues the datagram in the slot as one of device `index`; a full batch is sent. */
void wire_commit(struct wire *wire, uint32_t index, size_t len);

/** Sends what is queued, waiting when the kernel has no room. */
void wire_flush(struct wire *wire);

/** Hands one batch at the most to `receiver`. @return how many datagrams came */
unsigned wire_receive(struct wire *wire, wire_receiver *receiver, void *ctx);
