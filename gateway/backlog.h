/*
 * What waits for the broker: messages in their order, bounded, kept until the broker confirmed
 * them. A message that was handed over and then lost with the connection is handed over again,
 * in its old place.
 *
 * Two bounds: how many wait, and how many are handed over but not confirmed. Answers to commands
 * may use some room that is kept from all other messages, so that a flood of notifications does not
 * cost anybody an answer.
 *
 * Here everything lives in memory; a store that survives a restart can stand behind the same
 * interface.
 */
#pragma once

#include "lwm2m/server.h"

struct backlog;

/** One message to publish; everything is borrowed for the call. */
struct backlog_message {
    const char *topic;    /* terminated */
    const char *endpoint; /* terminated; user property `ep` */
    const void *payload;
    size_t payload_len;
    const void *correlation; /* Correlation Data of the command, NULL without */
    size_t correlation_len;
    uint8_t qos;                         /* 0..2 */
    bool answer;                         /* may use the room that is reserved for answers */
    const struct lwm2m_receipt *receipt; /* what is acknowledged once it is safe; NULL: nothing */
};

/** What became of a message that was handed over. */
enum backlog_outcome {
    BACKLOG_CONFIRMED, /* the broker has it (QoS 0: the network has it) */
    BACKLOG_LOST,      /* the connection went before the broker confirmed it */
    BACKLOG_REFUSED,   /* the broker does not want it */
};

struct backlog_settings {
    size_t max_waiting;  /* mqtt.max_backlog */
    size_t max_inflight; /* mqtt.max_inflight */
    void *ctx;
    /**
     * Hands a message over, copied by whoever takes it; backlog_published() with `id` follows,
     * later or from within. Not called while that is not possible: see backlog_open().
     *
     * @return 0; -EAGAIN: not now, it stays and is tried again after the next confirmation,
     *         backlog_put() or backlog_open(); other: it cannot be sent at all and is given up
     */
    int (*publish)(void *ctx, const struct backlog_message *message, uint64_t id);
    /** A message with a receipt left: `kept` tells whether it is safe with the broker. */
    void (*settled)(void *ctx, const struct lwm2m_receipt *receipt, bool kept);
    /** A message was given up: no broker has it. `err` is what `publish` said, 0 if it was refused.
     */
    void (*given_up)(void *ctx, const struct backlog_message *message, int err);
};

/** @return 0, -EINVAL (a bound is 0), -ENOMEM */
[[nodiscard]] int backlog_new(const struct backlog_settings *settings, struct backlog **backlog);

/** Forgets what is left without calling back. Accepts NULL. */
void backlog_free(struct backlog *backlog);

/**
 * Takes a copy of a message and hands it over at once if nothing is in its way.
 *
 * @return 0, -ENOSPC (no room for it), -ENOMEM; after a failure nothing has changed and nothing is
 * called
 */
[[nodiscard]] int backlog_put(struct backlog *backlog, const struct backlog_message *message);

/** Messages can be handed over (again): the connection is there. Starts with what waits. */
void backlog_open(struct backlog *backlog);

/** Messages cannot be handed over until backlog_open(). */
void backlog_close(struct backlog *backlog);

/** What became of a message; an unknown id is ignored. Hands over the next ones. */
void backlog_published(struct backlog *backlog, uint64_t id, enum backlog_outcome outcome);

/** Messages that wait, without those that are handed over. */
size_t backlog_waiting(const struct backlog *backlog);

/** Messages that are handed over and not confirmed. */
size_t backlog_inflight(const struct backlog *backlog);

/**
 * Whether more is coming in than the broker takes: from four times max_inflight until two thirds of
 * that; while an outage is worked off from three quarters of max_waiting until half of it. Only
 * while messages are being handed over: without a broker waiting helps nobody.
 */
bool backlog_is_congested(const struct backlog *backlog);
