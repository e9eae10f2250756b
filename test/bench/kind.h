/*
 * The kinds of message that devices send by themselves, a row each: how it is written, and what
 * its answer changes. A message under way is not kept but written again when it is repeated, so a
 * row writes the same bytes as long as the device's state stays the same.
 */
#pragma once

#include "test/bench/fleet.h"
#include "test/bench/message.h"

enum kind {
    KIND_REGISTER,
    KIND_UPDATE,
    KIND_DEREGISTER,
    KIND_NOTIFY_CON,
    KIND_NOTIFY_NON,
    KIND_MESSAGES, /* those above are one message each, which kind_compose() writes */
    KIND_HANDSHAKE = KIND_MESSAGES, /* DTLS: a whole exchange; secure.c writes it */
    KIND_COUNT,
};

enum kind_verdict {
    KIND_DONE,
    KIND_LATER,   /* 5.03: to be tried again after Max-Age (RFC 7252, 5.9.3.4) */
    KIND_REFUSED, /* answered otherwise, but not with success */
};

bool kind_is_confirmable(enum kind kind);

/** Writes a message (a kind below KIND_MESSAGES) of a device with its current message id; returns
 * its length. */
size_t kind_compose(enum kind kind, const struct fleet *fleet, uint32_t index, uint8_t *buffer);

/** The device's message was answered (or reset). */
enum kind_verdict kind_answered(enum kind kind, struct fleet *fleet, uint32_t index,
                                const struct message *answer);

/** The token of a device's own requests: its index. */
enum { KIND_TOKEN_LEN = 4 };
void kind_token(uint32_t index, uint8_t token[KIND_TOKEN_LEN]);
