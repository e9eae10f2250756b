/*
 * The fleet's DTLS: a session of mbedtls' client for each device, all over the fleet's one socket.
 * Each device has an identity of its own, its endpoint name, and a key that is made from its
 * number (secure_key). What it sends and receives goes through here; who it belongs to is the
 * index, as everywhere in the fleet.
 */
#pragma once

#include "test/bench/fleet.h"
#include "test/bench/wire.h"

#include <stdio.h>

struct secure;

enum secure_state {
    SECURE_CLOSED,
    SECURE_SHAKING, /* a handshake is under way */
    SECURE_OPEN,
    SECURE_FAILED, /* the handshake, just now */
};

/** Borrows fleet and wire. @return NULL when memory is short */
struct secure *secure_new(const struct fleet *fleet, struct wire *wire);
void secure_free(struct secure *secure);

/** Begins a handshake, or repeats the last flight of one that is under way. */
void secure_shake(struct secure *secure, uint32_t index);

/** Where a message is written before secure_commit(): WIRE_DATAGRAM_MAX bytes. */
uint8_t *secure_slot(struct secure *secure);

/** Sends the message in the slot; dropped when the device has no session. */
void secure_commit(struct secure *secure, uint32_t index, size_t len);

/**
 * A datagram came for a device.
 *
 * @param[out] message  decrypted, valid until the next call; its length is 0 when there is none
 * @return the state of the device's session after it
 */
enum secure_state secure_receive(struct secure *secure, uint32_t index, const uint8_t *data,
                                 size_t len, const uint8_t **message, size_t *message_len);

/** A psk_file for all devices: a line each of identity, which is the endpoint name, and key. */
void secure_write_keys(const struct fleet *fleet, FILE *out);
