/*
 * The store in the gateway: opened at the start, committed once per turn of the loop and whenever
 * something must be durable earlier.
 */
#include "gateway/gateway_internal.h"
#include "gateway/recovery.h"

#include <errno.h>

enum {
    MAX_PENDING = 64 * 1024 * 1024, /* bytes of changes that wait for a disk */
    ROUNDS = 4, /* of a commit and what it lets go, which may change the store again */
    REPORT_MS = 60000,
    COME_BACK_PER_SECOND = 10000, /* about what a processor serves with a store */
};

static int commit(void *ctx)
{
    return gateway_commit(ctx);
}

/* A command that cannot be made durable is taken back, and with it what this commit added. */
static int commit_command(void *ctx)
{
    struct gateway *gateway = ctx;
    int err = gateway_commit(gateway);
    if (err != 0) {
        session_journal_taken_back(gateway->session_journal);
    }
    return err;
}

/* The file was lost: what the process holds goes into the new one. */
static void rebuild(void *ctx)
{
    struct gateway *gateway = ctx;
    backlog_rebuild(gateway->backlog);
    journal_write_all(gateway->journal, gateway->server);
    downlink_write_all(gateway->downlink);
    session_journal_write_all(gateway->session_journal);
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

/* --- what is written --- */

int gateway_start_sessions(struct gateway *gateway)
{
    if (gateway->store == NULL || !secure_listeners_wanted(gateway->config)) {
        return 0;
    }
    const struct session_journal_settings settings = {
        .store = gateway->store,
        .sessions = gateway->config->store.dtls_sessions,
        .log = gateway->log,
        .ctx = gateway,
        .commit = commit,
    };
    return session_journal_new(&settings, &gateway->session_journal);
}

int gateway_start_journals(struct gateway *gateway)
{
    const struct command_journal_settings commands = {
        .store = gateway->store,
        .ctx = gateway,
        .now_ms = gateway_now_ms,
        .wall_ms = gateway_wall_ms,
        .commit = commit_command,
    };
    struct journal_settings devices = {
        .store = gateway->store,
        .listeners = &gateway->config->lwm2m.listeners,
        .ctx = gateway,
        .now_ms = gateway_now_ms,
        .wall_ms = gateway_wall_ms,
    };
    gateway->command_journal = command_journal_new(&commands);
    if (gateway->command_journal == NULL || gateway->store == NULL) {
        return gateway->command_journal != NULL ? 0 : -ENOMEM;
    }
    random_fill(&gateway->random, devices.hash_key, sizeof(devices.hash_key));
    gateway->journal = journal_new(&devices);
    return gateway->journal != NULL ? 0 : -ENOMEM;
}

/* --- the start --- */

static void observe_missing(struct gateway *gateway)
{
    size_t cursor = 0;
    struct lwm2m_device *device;
    if (gateway->config->lwm2m.auto_observe.mode == CONFIG_AUTO_OBSERVE_OFF) {
        return;
    }
    while ((device = lwm2m_server_next(gateway->server, &cursor)) != NULL) {
        gateway_observe_by_itself(gateway, device);
    }
}

int gateway_recover(struct gateway *gateway)
{
    if (gateway->store == NULL) {
        return 0;
    }
    const struct recovery_settings settings = {
        .store = gateway->store,
        .server = gateway->server,
        .downlink = gateway->downlink,
        .journal = gateway->journal,
        .listeners = &gateway->config->lwm2m.listeners,
        .log = gateway->log,
        .ctx = gateway,
        .now_ms = gateway_now_ms,
        .wall_ms = gateway_wall_ms,
    };
    int err = secure_listeners_restore(gateway->secure);
    err = err != 0 ? err : recovery_run(&settings);
    if (err == 0) {
        secure_listeners_check_restored(gateway->secure, gateway->server, gateway_now_ms(NULL));
        observe_missing(gateway);
        store_recovered(gateway->store);
    }
    return err;
}

/* --- commits --- */

int gateway_commit(struct gateway *gateway)
{
    if (gateway->store == NULL) {
        return 0;
    }
    session_journal_export(gateway->session_journal);
    int err = store_commit(gateway->store);
    if (err == 0) {
        session_journal_committed(gateway->session_journal);
    }
    return err;
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

static bool is_flooded(const struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->listener_count; i++) {
        if (gateway->floods[i].lasts) {
            return true;
        }
    }
    return false;
}

/* Who registers must be remembered, and the broker told of it; and one who can come later does not
 * keep those from being heard who cannot. */
static void admit(struct gateway *gateway)
{
    if (gateway->store != NULL && store_health(gateway->store) != STORE_WELL) {
        lwm2m_server_admit_none(gateway->server, "the store is full or failing", 0);
    } else if (backlog_is_crowded(gateway->backlog)) {
        lwm2m_server_admit_none(gateway->server, "too many messages wait for the broker",
                                COME_BACK_PER_SECOND);
    } else if (is_flooded(gateway)) {
        lwm2m_server_admit_none(gateway->server, "more comes in than can be served",
                                COME_BACK_PER_SECOND);
    } else {
        lwm2m_server_admit_none(gateway->server, NULL, 0);
    }
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
    admit(gateway);
    report_drops(gateway, now_ms);
}
