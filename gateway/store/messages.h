/*
 * Messages in the store that the broker has not confirmed: the backlog's part that is on disk.
 */
#pragma once

#include "gateway/store/store.h"

struct store_message {
    uint64_t id; /* the key: the order in which they are published; from 1 on */
    const char *topic;
    const char *endpoint;
    const void *payload;
    size_t payload_len;
    const void *correlation; /* NULL without */
    size_t correlation_len;
    uint8_t qos;
    bool answer; /* to a command: never dropped for room */
};

/** Bytes that a message counts for: its texts and a row's overhead. */
size_t store_message_bytes(const struct store_message *message);

/** Adds or replaces. */
void store_message_put(struct store *store, const struct store_message *message);

void store_message_delete(struct store *store, uint64_t id);

typedef void store_message_visitor(void *ctx, const struct store_message *message);

/**
 * Visits at most `limit` messages with ids above `after`, in their order; only what is committed
 * is seen. A damaged file is replaced as store_devices_visit() says.
 *
 * @return how many were visited, -EIO, -ENOMEM
 */
[[nodiscard]] int store_messages_visit(struct store *store, uint64_t after, size_t limit,
                                       store_message_visitor *visit, void *ctx);

/** Visits everything but payload and correlation of all messages (they are NULL; their lengths are
 *  told). @return as above */
[[nodiscard]] int store_messages_survey(struct store *store, store_message_visitor *visit,
                                        void *ctx);

/**
 * Visits the oldest messages that are no answers, with ids above `after`: what drop_oldest takes.
 * As store_messages_survey().
 */
[[nodiscard]] int store_messages_oldest(struct store *store, uint64_t after, size_t limit,
                                        store_message_visitor *visit, void *ctx);

/** The largest id that is stored, 0 without any. */
uint64_t store_message_last_id(struct store *store);
