/*
 * The store in the gateway: opened at the start, committed once per turn of the loop and whenever
 * something must be durable earlier.
 */
#include "gateway/gateway_internal.h"

enum {
    MAX_PENDING = 16 * 1024 * 1024, /* bytes of changes that wait for a disk */
    ROUNDS = 4, /* of a commit and what it lets go, which may change the store again */
    REPORT_MS = 60000,
};

static void rebuild(void *ctx)
{
    struct gateway *gateway = ctx;
    backlog_rebuild(gateway->backlog);
}

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
        .rebuild = rebuild,
    };
    return store_open(&settings, &gateway->store);
}

int gateway_commit(struct gateway *gateway)
{
    return gateway->store != NULL ? store_commit(gateway->store) : 0;
}

static void report_drops(struct gateway *gateway, uint64_t now_ms)
{
    uint64_t dropped = backlog_dropped(gateway->backlog);
    if (dropped == gateway->dropped || now_ms < gateway->drops_report_ms) {
        return;
    }
    log_warn(gateway->log, "messages-dropped", LOG_NUMBER("count", dropped - gateway->dropped),
             LOG_TEXT("reason", "the store is full, the oldest made room"));
    gateway->dropped = dropped;
    gateway->drops_report_ms = now_ms + REPORT_MS;
}

void gateway_settle(struct gateway *gateway, uint64_t now_ms)
{
    bool again = true;
    for (int i = 0; i < ROUNDS && again; i++) {
        bool committed = gateway_commit(gateway) == 0;
        backlog_turn(gateway->backlog, now_ms, committed);
        again = committed && gateway->store != NULL && store_is_pending(gateway->store);
    }
    if (again) {
        (void)gateway_commit(gateway); /* the rest of it goes in the next turn */
    }
    bool is_well = gateway->store == NULL || store_health(gateway->store) == STORE_WELL;
    lwm2m_server_admit_none(gateway->server, is_well ? NULL : "the store is full or failing");
    report_drops(gateway, now_ms);
}
