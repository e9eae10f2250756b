/*
 * What waits for the broker: messages in their order, bounded, kept until the broker confirmed
 * them. A message that was handed over and then lost with the connection is handed over again,
 * in its old place.
 *
 * Two bounds: how many wait, and how many are handed over but not confirmed. Answers to commands
 * may use some room that is kept from all other messages, so that a flood of notifications does not
 * cost anybody an answer.
 *
 * Without a store everything lives in memory. With one, a message has a row in it
 * - from the beginning, when it must not be lost with the process (`keep`): it is handed over once
 *   a commit made it durable, and its row goes when the broker confirmed it;
 * - or as soon as the broker is away: then the commit is what its receipt waits for, and the
 *   message leaves the memory. When the broker is back such messages are read again, a few at a
 *   time and at a bounded rate, older ones first; what comes meanwhile from a device with stored
 *   messages goes behind them, what comes from others goes its usual way.
 * A message that the store does not take waits in memory as if there was no store, and does not
 * pass older ones of its device that are in there: while commits fail those are not read. Until
 * then the device's next ones are refused, but for answers and what is to be kept.
 */
#pragma once

#include "gateway/store/store.h"

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
    bool keep;                           /* must survive the process from the next commit on */
    bool patient;                        /* no device waits for it: it slows none down */
    const struct lwm2m_receipt *receipt; /* what is acknowledged once it is safe; NULL: nothing */
};

/** What became of a message that was handed over. */
enum backlog_outcome {
    BACKLOG_CONFIRMED, /* the broker has it (QoS 0: the network has it) */
    BACKLOG_LOST,      /* the connection went before the broker confirmed it */
    BACKLOG_REFUSED,   /* the broker does not want it */
};

struct backlog_settings {
    size_t max_waiting;  /* mqtt.max_backlog: in memory */
    size_t max_inflight; /* mqtt.max_inflight */
    struct store *store; /* borrowed while the backlog lives; NULL: everything is in memory */
    uint64_t max_stored; /* bytes of messages in the store; answers may use an eighth more */
    bool drop_oldest;    /* mqtt.backlog_full: stored messages make room for newer ones */
    uint32_t drain_rate; /* mqtt.drain_rate: stored messages handed over in a second; 0: no bound */
    void *ctx;
    /**
     * Hands a message over, copied by whoever takes it; backlog_published() with `id` follows,
     * later or from within. Not called while that is not possible: see backlog_open().
     *
     * @return 0; -EAGAIN: not now, it stays and is tried again after the next confirmation,
     *         backlog_put() or backlog_open(); other: it cannot be sent at all and is given up
     */
    int (*publish)(void *ctx, const struct backlog_message *message, uint64_t id);
    /** A message with a receipt is safe with the broker or in the store (`kept`), or left. */
    void (*settled)(void *ctx, const struct lwm2m_receipt *receipt, bool kept);
    /** A message was given up: no broker has it. `err` is what `publish` said, 0 if it was refused.
     */
    void (*given_up)(void *ctx, const struct backlog_message *message, int err);
};

/**
 * What the store holds from before is handed over once the broker is there.
 *
 * @return 0, -EINVAL (a bound is 0), -ENOMEM, -EIO (the store cannot be read)
 */
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

/** Messages cannot be handed over until backlog_open(). What waits moves into the store with the
 *  next commit. */
void backlog_close(struct backlog *backlog);

/** What became of a message; an unknown id is ignored. Hands over the next ones. */
void backlog_published(struct backlog *backlog, uint64_t id, enum backlog_outcome outcome);

/**
 * Once per turn, after the commit of the store: settles what it made durable, reads from the store
 * what may go next, hands over. May change the store again: then another commit is due.
 *
 * @param committed  whether everything that was pending is durable
 */
void backlog_turn(struct backlog *backlog, uint64_t now_ms, bool committed);

/** When backlog_turn() has something to do without any event; UINT64_MAX: not before one. */
uint64_t backlog_next_ms(const struct backlog *backlog);

/** Puts the messages that are held in memory and have a row into a store that lost its file. */
void backlog_rebuild(struct backlog *backlog);

/** The end is near: nothing more is read from the store. */
void backlog_finish(struct backlog *backlog);

/** Messages that wait in memory, without those that are handed over. */
size_t backlog_waiting(const struct backlog *backlog);

/** Messages that are handed over and not confirmed. */
size_t backlog_inflight(const struct backlog *backlog);

/** Messages that wait in the store, in memory or not. */
uint64_t backlog_stored(const struct backlog *backlog);

/** Messages that would be lost if the process ended now. */
size_t backlog_unsafe(const struct backlog *backlog);

/** Messages that made room for newer ones, since the start. */
uint64_t backlog_dropped(const struct backlog *backlog);

/**
 * Whether more is coming in than the broker takes: from four times max_inflight until two thirds of
 * that, patient messages left out; while an outage is worked off, and with the patient ones, from
 * three quarters of max_waiting until half of it. Only while messages are being handed over:
 * without a broker waiting helps nobody.
 */
bool backlog_is_congested(const struct backlog *backlog);

/**
 * Whether so much waits in memory that what can come later should: from half of max_waiting until a
 * third of it, with a broker or without.
 */
bool backlog_is_crowded(const struct backlog *backlog);
