/*
 * The gateway itself: everything wired together, and its life from start to orderly end.
 */
#pragma once

#include "config/config.h"

struct gateway;

/* How a run ended; also the exit status of the program. */
enum gateway_status {
    GATEWAY_ENDED = 0,
    GATEWAY_FAILED = 1, /* a resource was not to be had: a port, memory, a directory */
    GATEWAY_BAD_CONFIGURATION = 2,
};

/**
 * Checks what a configuration names and config/ does not read: keys and certificates.
 *
 * @param[out] error  the mistakes; zeroed by the caller
 * @return 0, or a negative errno
 */
[[nodiscard]] int gateway_check(const struct config *config, struct config_error *error);

/**
 * Runs until SIGTERM or SIGINT: then commands under way get a few seconds to end, what waits for
 * the broker is sent, `offline` is published. A second signal ends at once. SIGHUP reads the
 * configuration again and loads object definitions, keys and certificates anew. Logs to standard
 * error.
 *
 * @param config  borrowed for the run
 * @param file    where the configuration came from, for SIGHUP
 */
enum gateway_status gateway_run(const struct config *config, const char *file);
