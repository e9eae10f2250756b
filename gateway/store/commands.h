/*
 * Commands in the store: accepted from the broker, without a final message yet. The final message
 * is put and the command deleted with no commit in between, so that there is exactly one.
 */
#pragma once

#include "gateway/store/store.h"

struct store_command {
    uint64_t id; /* the key, ascending; see store_command_next_id() */
    const char *endpoint;
    const char *topic; /* as it came */
    const void *payload;
    size_t payload_len;
    const char *response_topic; /* NULL without */
    const void *correlation;    /* NULL without */
    size_t correlation_len;
    uint64_t arrived_wall_ms;
    uint64_t deadline_wall_ms; /* UINT64_MAX: none */
    uint32_t packet_id;        /* MQTT packet identifier; with the digest it tells a repetition */
    uint64_t digest;
    bool maybe_executed; /* an attempt to carry it out went unanswered */
};

/** The number for the next command: larger than all that are stored. */
uint64_t store_command_next_id(struct store *store);

/** Adds or replaces. */
void store_command_put(struct store *store, const struct store_command *command);

/** Marks that the device may have carried it out. */
void store_command_attempted(struct store *store, uint64_t id);

void store_command_delete(struct store *store, uint64_t id);

typedef void store_command_visitor(void *ctx, const struct store_command *command);

/** Visits all, oldest first; see store_devices_visit(). */
[[nodiscard]] int store_commands_visit(struct store *store, store_command_visitor *visit,
                                       void *ctx);
