/*
 * The store in the gateway: opened at the start, committed once per turn of the loop and whenever
 * something must be durable earlier.
 */
#include "gateway/gateway_internal.h"

enum { MAX_PENDING = 16 * 1024 * 1024 }; /* bytes of changes that wait for a disk */

int gateway_start_store(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    if (*config->store.path == '\0') {
        return 0;
    }
    const struct store_settings settings = {
        .path = config->store.path,
        .power = config->store.sync == CONFIG_STORE_SYNC_POWER,
        .max_bytes = config->store.max_bytes,
        .max_pending = MAX_PENDING,
        .log = gateway->log,
        .ctx = gateway,
        .now_ms = gateway_now_ms,
        .wall_ms = gateway_wall_ms,
    };
    return store_open(&settings, &gateway->store);
}

int gateway_commit(struct gateway *gateway)
{
    return gateway->store != NULL ? store_commit(gateway->store) : 0;
}
