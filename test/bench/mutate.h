/*
 * Hostile datagrams: a valid message that a device might send, spoilt in up to four ways, or
 * plain garbage. The same seed makes the same sequence of choices.
 */
#pragma once

#include "test/bench/fleet.h"
#include "test/bench/random.h"

/** Writes a mutant of some message of device `index`; returns its length, 0 … WIRE_DATAGRAM_MAX. */
size_t mutate_message(struct random *random, struct fleet *fleet, uint32_t index, uint8_t *buffer);

/** Spoils a message where it lies; returns its new length. */
size_t mutate_bytes(struct random *random, uint8_t *buffer, size_t len);
