/*
 * The start out of the store: registrations, their observations, the commands that wait, in this
 * order and before the first datagram and the first message of the broker are looked at. No event
 * comes of it, but for commands that end here: those have one.
 */
#pragma once

#include "gateway/log.h"

#include "config/config.h"

#include <stdint.h>

struct downlink;
struct journal;
struct lwm2m_server;
struct store;

struct recovery_settings {
    struct store *store;
    struct lwm2m_server *server;
    struct downlink *downlink;
    struct journal *journal;
    const struct config_listeners *listeners;
    struct log *log;
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* the clock of the server */
    uint64_t (*wall_ms)(void *ctx);
};

/**
 * Takes back what the store has and logs what came of it. A row that is damaged is deleted; a
 * registration that this configuration has no room or no listener for is left alone until its
 * lifetime ends.
 *
 * @return 0, -EIO (the store cannot be read), -ENOMEM
 */
[[nodiscard]] int recovery_run(const struct recovery_settings *settings);
