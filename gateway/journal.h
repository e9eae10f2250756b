/*
 * What of devices and observations is written to the store, and when.
 *
 * With the turn in which it happens, before the device gets its answer: a Register, an Update that
 * changes anything, the end of a registration, every change of an observation; and a new address,
 * unless the device sleeps and so will be the first to speak. An Update that only goes on is
 * written when the end of the lifetime that is stored lags by half a lifetime, so that it costs the
 * store next to nothing: rows_to_device() adds that half at a start.
 *
 * Without a store there is no journal: every function accepts NULL.
 */
#pragma once

#include "config/config.h"

#include "lwm2m/durable.h"

struct journal;
struct store;
struct store_device;

struct journal_settings {
    struct store *store;
    const struct config_listeners *listeners;
    uint64_t hash_key[2]; /* random */
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* the clock of the server */
    uint64_t (*wall_ms)(void *ctx);
};

/** @return NULL when memory is short */
struct journal *journal_new(const struct journal_settings *settings);
void journal_free(struct journal *journal);

/** REGISTERED, UPDATED, DEREGISTERED. */
void journal_registration(struct journal *journal, const struct lwm2m_event *event);

/** A device has another address. */
void journal_moved(struct journal *journal, struct lwm2m_device *device);

/** What is worth keeping of an observation changed. */
void journal_observation(struct journal *journal, const struct lwm2m_device *device,
                         const struct lwm2m_observation *observation);

/** A device came back out of its row. */
void journal_restored(struct journal *journal, struct lwm2m_device *device,
                      const struct store_device *row);

/** A row stays in the store, though this configuration cannot serve its device; which has it again
 * should it register after all. @return 0 or -ENOMEM */
[[nodiscard]] int journal_not_served(struct journal *journal, const struct store_device *row);

/** Writes everything: the store lost what it had. Rows that nobody serves stay lost. */
void journal_write_all(struct journal *journal, struct lwm2m_server *server);
