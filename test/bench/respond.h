/*
 * What a device answers when the gateway asks something of it: reads, observations and their end,
 * writes, executes. All devices are alike: they have the one thing that they report.
 */
#pragma once

#include "test/bench/fleet.h"
#include "test/bench/message.h"

/** Writes the answer of a device to a request (piggybacked); returns its length. */
size_t respond(struct fleet *fleet, uint32_t index, const struct message *request, uint8_t *buffer);

/** Writes an empty ACK or RST to a message; returns its length. */
size_t respond_empty(enum message_type type, const struct message *to, uint8_t *buffer);
