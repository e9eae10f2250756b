#include "gateway/door.h"

#include <errno.h>
#include <stdlib.h>

#include "lwm2m/gate/gate.h"

#define REPORT_PERIOD_MS 60000

/* What was kept out. */
struct tally {
    uint64_t source;
    uint64_t prefix;
    uint64_t device;
    uint64_t registrations;
};

struct door {
    struct log *log;
    const struct lwm2m_server *server;
    struct lwm2m_gate *gate; /* NULL: no limits on datagrams */
    struct tally written;
    uint64_t written_all; /* its sum */
    uint64_t written_ms;
};

static bool has_limits(const struct lwm2m_gate_limits *limits)
{
    return limits->per_source > 0 || limits->per_prefix > 0 || limits->per_device > 0;
}

int door_new(const struct config *config, struct log *log, const struct lwm2m_server *server,
             const uint64_t key[2], uint64_t now_ms, struct door **door)
{
    const struct lwm2m_gate_limits limits = {
        .per_source = config->lwm2m.limits.requests_per_source,
        .per_prefix = config->lwm2m.limits.requests_per_prefix,
        .per_device = config->lwm2m.limits.requests_per_device,
        .burst_ms = (uint32_t)config->lwm2m.limits.burst_ms,
        .tracked = config->lwm2m.limits.tracked_sources,
    };
    struct door *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->log = log;
    made->server = server;
    made->written_ms = now_ms;
    int err = has_limits(&limits) ? lwm2m_gate_new(&limits, key, now_ms, &made->gate) : 0;
    if (err != 0) {
        door_free(made);
        return err;
    }
    *door = made;
    return 0;
}

void door_free(struct door *door)
{
    if (door != NULL) {
        lwm2m_gate_free(door->gate);
        free(door);
    }
}

bool door_admits(struct door *door, const struct transport_route *route,
                 bool (*known)(void *ctx, const struct transport_route *route), void *ctx,
                 uint64_t now_ms)
{
    return door->gate == NULL ||
           lwm2m_gate_admit(door->gate, &route->remote, known(ctx, route), now_ms);
}

/* --- the log --- */

static struct tally count(const struct door *door)
{
    struct tally tally = {
        .registrations = lwm2m_server_counters(door->server)->registrations_limited,
    };
    if (door->gate != NULL) {
        const struct lwm2m_gate_counters *counters = lwm2m_gate_counters(door->gate);
        tally.source = counters->source;
        tally.prefix = counters->prefix;
        tally.device = counters->device;
    }
    return tally;
}

/* Asked at every turn of the loop. */
static uint64_t count_all(const struct door *door)
{
    uint64_t all = lwm2m_server_counters(door->server)->registrations_limited;
    if (door->gate != NULL) {
        const struct lwm2m_gate_counters *counters = lwm2m_gate_counters(door->gate);
        all += counters->source + counters->prefix + counters->device;
    }
    return all;
}

void door_close(struct door *door, uint64_t now_ms)
{
    struct tally now = count(door);
    const struct tally *before = &door->written;
    if (count_all(door) == door->written_all) {
        return;
    }
    log_warn(door->log, "datagrams-limited", LOG_NUMBER("source", now.source - before->source),
             LOG_NUMBER("prefix", now.prefix - before->prefix),
             LOG_NUMBER("device", now.device - before->device),
             LOG_NUMBER("registrations", now.registrations - before->registrations),
             LOG_NUMBER("seconds", (now_ms - door->written_ms) / 1000));
    door->written = now;
    door->written_all = count_all(door);
    door->written_ms = now_ms;
}

uint64_t door_next_ms(const struct door *door)
{
    bool is_new = count_all(door) != door->written_all;
    return is_new ? door->written_ms + REPORT_PERIOD_MS : UINT64_MAX;
}

void door_run(struct door *door, uint64_t now_ms)
{
    if (now_ms >= door->written_ms + REPORT_PERIOD_MS) {
        door_close(door, now_ms);
    }
}
