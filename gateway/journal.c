#include "gateway/journal.h"

#include "gateway/downlink.h"
#include "gateway/rows.h"
#include "gateway/store/devices.h"
#include "gateway/store/observations.h"
#include "gateway/unserved.h"

#include <stdlib.h>
#include <string.h>

#define TARGET_MAX ((size_t)1024 * 1024) /* bytes of the paths of a composite observation */

struct journal {
    struct journal_settings settings;
    struct unserved unserved;
    struct lwm2m_buffer target; /* of the row at hand */
};

struct journal *journal_new(const struct journal_settings *settings)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (journal != NULL) {
        journal->settings = *settings;
        unserved_init(&journal->unserved, settings->hash_key);
        lwm2m_buffer_init(&journal->target, TARGET_MAX);
    }
    return journal;
}

void journal_free(struct journal *journal)
{
    if (journal != NULL) {
        unserved_clear(&journal->unserved);
        lwm2m_buffer_deinit(&journal->target);
        free(journal);
    }
}

/* --- how far the store lags --- */

/* The note on a device: when its lifetime ends as the store has it, in seconds of the server's
 * clock. */
static void note_end(struct lwm2m_device *device, uint64_t end_ms)
{
    uint64_t end_s = end_ms / 1000;
    lwm2m_device_set_note(device, end_s < UINT32_MAX ? (uint32_t)end_s : UINT32_MAX);
}

static bool lags(const struct lwm2m_device *device)
{
    uint64_t lifetime_s = lwm2m_device_lifetime_s(device);
    uint64_t end_s = lwm2m_device_expires_ms(device) / 1000;
    uint64_t stored_s = lwm2m_device_note(device);
    return lifetime_s > 0 && end_s > stored_s && (end_s - stored_s) * 2 >= lifetime_s;
}

/* --- rows --- */

static uint64_t now_ms(const struct journal *journal)
{
    return journal->settings.now_ms(journal->settings.ctx);
}

static uint64_t wall_ms(const struct journal *journal)
{
    return journal->settings.wall_ms(journal->settings.ctx);
}

/* The row of a device, which it gets when it comes for the first time. */
static uint64_t row_of(struct journal *journal, struct lwm2m_device *device)
{
    uint64_t id = lwm2m_device_key(device);
    if (id == 0) {
        id = unserved_take(&journal->unserved, lwm2m_device_endpoint(device));
        if (id != 0) {
            store_observations_forget(journal->settings.store, id); /* a Register ended them */
        } else {
            id = store_device_next_id(journal->settings.store);
        }
        lwm2m_device_set_key(device, id);
    }
    return id;
}

static void put_device(struct journal *journal, struct lwm2m_device *device)
{
    struct lwm2m_durable_device state;
    struct store_device row;
    uint8_t route[ROWS_ROUTE_LEN];
    lwm2m_device_describe(device, now_ms(journal), &state);
    rows_from_device(&state, journal->settings.listeners, wall_ms(journal), route, &row);
    row.id = row_of(journal, device);
    store_device_put(journal->settings.store, &row);
    note_end(device, lwm2m_device_expires_ms(device));
}

/* The end of the lifetime and the address alone: the long columns stay as they are. */
static void touch_device(struct journal *journal, struct lwm2m_device *device)
{
    uint8_t route[ROWS_ROUTE_LEN];
    uint64_t now = now_ms(journal);
    uint64_t end = lwm2m_device_expires_ms(device);
    bool ends = lwm2m_device_lifetime_s(device) > 0;
    uint64_t wall = ends ? wall_ms(journal) + (end > now ? end - now : 0) : 0;
    size_t len = rows_from_route(lwm2m_device_route(device), journal->settings.listeners, route);
    store_device_touch(journal->settings.store, lwm2m_device_key(device), wall, route, len);
    note_end(device, end);
}

static void delete_device(struct journal *journal, const struct lwm2m_device *device)
{
    uint64_t id = lwm2m_device_key(device);
    store_device_delete(journal->settings.store, id);
    store_observations_forget(journal->settings.store, id);
}

/* --- events --- */

void journal_registration(struct journal *journal, const struct lwm2m_event *event)
{
    if (journal == NULL) {
        return;
    }
    if (event->type == LWM2M_EVENT_DEREGISTERED) {
        if (strcmp(event->reason, LWM2M_LEFT_REPLACED) != 0) { /* else a REGISTERED follows */
            delete_device(journal, event->device);
        }
    } else if (event->type == LWM2M_EVENT_REGISTERED || event->terms_changed) {
        put_device(journal, event->device);
    } else if (lags(event->device)) {
        touch_device(journal, event->device);
    }
}

void journal_moved(struct journal *journal, struct lwm2m_device *device)
{
    if (journal != NULL && !lwm2m_device_uses_queue_mode(device)) {
        touch_device(journal, device);
    }
}

static void put_observation(struct journal *journal, const struct lwm2m_device *device,
                            const struct lwm2m_observation *observation)
{
    struct lwm2m_durable_observation state;
    struct store_observation row;
    lwm2m_observation_describe(observation, &state);
    lwm2m_buffer_clear(&journal->target);
    int err = rows_from_observation(&state, downlink_echo(observation), &journal->target, &row);
    row.device = lwm2m_device_key(device);
    if (err == 0) { /* else memory is short: after a restart it is asked for anew */
        store_observation_put(journal->settings.store, &row);
    }
}

void journal_observation(struct journal *journal, const struct lwm2m_device *device,
                         const struct lwm2m_observation *observation)
{
    struct lwm2m_durable_observation state;
    if (journal == NULL) {
        return;
    }
    lwm2m_observation_describe(observation, &state);
    if (state.state == LWM2M_OBSERVATION_ENDED) {
        store_observation_delete(journal->settings.store, lwm2m_device_key(device), state.token,
                                 sizeof(state.token));
    } else if (state.state != LWM2M_OBSERVATION_ASKED) { /* its command is stored instead */
        put_observation(journal, device, observation);
    }
}

/* --- the start, and a lost file --- */

void journal_restored(struct journal *journal, struct lwm2m_device *device,
                      const struct store_device *row)
{
    uint64_t expires_wall_ms = row->expires_wall_ms;
    uint64_t now = now_ms(journal);
    uint64_t wall = wall_ms(journal);
    uint64_t end = 0; /* over: the next Update is written */
    if (expires_wall_ms >= wall) {
        end = now + (expires_wall_ms - wall);
    } else if (now > wall - expires_wall_ms) {
        end = now - (wall - expires_wall_ms);
    }
    note_end(device, end);
    lwm2m_device_set_key(device, row->id);
}

int journal_not_served(struct journal *journal, const struct store_device *row)
{
    return unserved_add(&journal->unserved, row->endpoint, row->id);
}

void journal_write_all(struct journal *journal, struct lwm2m_server *server)
{
    size_t cursor = 0;
    struct lwm2m_device *device;
    unserved_clear(&journal->unserved);
    while ((device = lwm2m_server_next(server, &cursor)) != NULL) {
        const struct lwm2m_observation *observation = NULL;
        put_device(journal, device);
        while ((observation = lwm2m_device_observation_after(device, observation)) != NULL) {
            journal_observation(journal, device, observation);
        }
    }
}
