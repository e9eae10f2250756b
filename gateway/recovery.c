#include "gateway/recovery.h"

#include "gateway/downlink.h"
#include "gateway/journal.h"
#include "gateway/rows.h"
#include "gateway/store/commands.h"

#include <errno.h>
#include <string.h>

enum {
    MAX_PATHS = 10000, /* of one composite observation */
    MAX_WARNINGS = 10, /* rows that are named in the log; the others are counted */
};

struct recovery {
    const struct recovery_settings *settings;
    uint64_t now_ms;
    uint64_t wall_ms;
    struct lwm2m_records paths;
    struct lwm2m_device *device; /* of the last observation: they come device by device */
    size_t devices;
    size_t observations;
    size_t commands;
    size_t damaged;  /* rows that were deleted */
    size_t unserved; /* registrations that this configuration cannot serve */
    int err;         /* -ENOMEM: the rest is not looked at */
};

static void warn(struct recovery *recovery, const char *what, const char *endpoint, int err)
{
    static const struct {
        int err;
        const char *reason;
    } reasons[] = {
        { -EBADMSG, "its row is damaged" },
        { -EEXIST, "its location or token belongs to another" },
        { -ENOSPC, "lwm2m.max_devices is reached" },
        { -ENOENT, "no listener has its transport" },
    };
    const char *reason = "";
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        reason = reasons[i].err == err ? reasons[i].reason : reason;
    }
    if (recovery->damaged + recovery->unserved <= MAX_WARNINGS) {
        log_warn(recovery->settings->log, "not-restored", LOG_TEXT("what", what),
                 LOG_TEXT("endpoint", endpoint), LOG_TEXT("reason", reason));
    }
}

/* --- registrations --- */

static void forget_device(struct recovery *recovery, const struct store_device *row)
{
    store_device_delete(recovery->settings->store, row->id);
    store_observations_forget(recovery->settings->store, row->id);
}

static void device_failed(struct recovery *recovery, const struct store_device *row,
                          uint64_t remaining_ms, int err)
{
    if (err == -ENOMEM) {
        recovery->err = err;
    } else if (err == -ENOSPC || err == -ENOENT) {
        bool is_over = row->lifetime_s > 0 && remaining_ms == 0;
        if (is_over) {
            forget_device(recovery, row);
            return;
        }
        recovery->unserved++;
        recovery->err = journal_not_served(recovery->settings->journal, row);
        warn(recovery, "registration", row->endpoint, err);
    } else {
        recovery->damaged++;
        forget_device(recovery, row);
        warn(recovery, "registration", row->endpoint, err);
    }
}

static void on_device(void *ctx, const struct store_device *row)
{
    struct recovery *recovery = ctx;
    const struct recovery_settings *settings = recovery->settings;
    struct lwm2m_durable_device state = { 0 };
    struct lwm2m_device *device = NULL;
    if (recovery->err != 0) {
        return;
    }
    int err = row->id != 0 ? rows_to_device(row, settings->listeners, recovery->wall_ms, &state)
                           : -EBADMSG; /* a device without a row has 0 */
    if (err == 0) {
        err = lwm2m_server_restore_device(settings->server, &state, recovery->now_ms, &device);
    }
    if (err != 0) {
        device_failed(recovery, row, state.remaining_ms, err);
        return;
    }
    journal_restored(settings->journal, device, row);
    recovery->devices++;
}

/* --- observations --- */

static struct lwm2m_device *device_of(struct recovery *recovery, const char *endpoint)
{
    if (recovery->device == NULL ||
        strcmp(lwm2m_device_endpoint(recovery->device), endpoint) != 0) {
        recovery->device = lwm2m_server_find(recovery->settings->server, endpoint);
    }
    return recovery->device;
}

static int restore_observation(struct recovery *recovery, struct lwm2m_device *device,
                               const struct store_observation *row)
{
    struct lwm2m_durable_observation state;
    lwm2m_records_clear(&recovery->paths);
    int err = rows_to_observation(row, &recovery->paths, &state);
    if (err != 0) {
        return err;
    }
    err = downlink_echo_new(row->echo, state.automatic, &state.context);
    if (err != 0) {
        return err;
    }
    err = lwm2m_server_restore_observation(recovery->settings->server, device, &state);
    if (err != 0) {
        downlink_echo_free(state.context);
    }
    return err;
}

static void observation_failed(struct recovery *recovery, const struct store_observation *row,
                               int err)
{
    if (err == -ENOMEM) {
        recovery->err = err;
        return;
    }
    recovery->damaged++;
    store_observation_delete(recovery->settings->store, row->device, row->token, row->token_len);
    warn(recovery, "observation", row->endpoint, err);
}

static void on_observation(void *ctx, const struct store_observation *row)
{
    struct recovery *recovery = ctx;
    if (recovery->err != 0) {
        return;
    }
    struct lwm2m_device *device = device_of(recovery, row->endpoint);
    if (device == NULL && recovery->unserved > 0 && *row->endpoint != '\0') {
        return; /* perhaps of one of those */
    }
    bool is_there = device != NULL && lwm2m_device_key(device) == row->device;
    int err = is_there ? restore_observation(recovery, device, row) : -EBADMSG;
    if (err == 0) {
        recovery->observations++;
    } else {
        observation_failed(recovery, row, err);
    }
}

/* --- commands --- */

static void on_command(void *ctx, const struct store_command *row)
{
    struct recovery *recovery = ctx;
    if (recovery->err == 0) {
        recovery->commands += downlink_restore(recovery->settings->downlink, row);
    }
}

/* --- all of it --- */

static int visit_all(struct recovery *recovery)
{
    struct store *store = recovery->settings->store;
    int err = store_devices_visit(store, on_device, recovery);
    err = err != 0 ? err : recovery->err;
    err = err != 0 ? err : store_observations_visit(store, on_observation, recovery);
    err = err != 0 ? err : recovery->err;
    err = err != 0 ? err : store_commands_visit(store, on_command, recovery);
    return err != 0 ? err : recovery->err;
}

int recovery_run(const struct recovery_settings *settings)
{
    struct recovery recovery = {
        .settings = settings,
        .now_ms = settings->now_ms(settings->ctx),
        .wall_ms = settings->wall_ms(settings->ctx),
    };
    lwm2m_records_init(&recovery.paths, MAX_PATHS);
    int err = visit_all(&recovery);
    lwm2m_records_deinit(&recovery.paths);
    if (err == 0) {
        log_info(settings->log, "restored", LOG_NUMBER("devices", recovery.devices),
                 LOG_NUMBER("observations", recovery.observations),
                 LOG_NUMBER("commands", recovery.commands), LOG_NUMBER("damaged", recovery.damaged),
                 LOG_NUMBER("unserved", recovery.unserved),
                 LOG_NUMBER("milliseconds", settings->now_ms(settings->ctx) - recovery.now_ms));
    }
    return err;
}
