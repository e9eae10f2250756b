/*
 * One table of buckets for each kind of limit. A source's hash chooses a set of eight buckets,
 * which are one cache line; within it a bucket is known by 16 more bits of the hash. A bucket
 * that is full again is as good as unused, so in quiet times nothing is ever lost. When all eight
 * are in use a newcomer takes over the one that is nearest to being full, with what it lacks
 * ("space-saving": Metwally, Agrawal, El Abbadi, 2005): then sources share, and a table of n
 * buckets lets in at most n times the limit, however many sources there are. Nobody gets a fresh
 * bucket by pushing out its own. Sketches (count-min) would touch a cache line for each row.
 */
#include "lwm2m/gate/gate.h"

#include "lwm2m/gate/bucket.h"
#include "lwm2m/hash/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS        8
#define TRACKED_MAX (1 << 24)
#define TAG_BITS    16
#define TIME_BITS   48 /* of microseconds: nine years */
#define TIME_MASK   ((UINT64_C(1) << TIME_BITS) - 1)

/* A tag in the upper bits, below it the time at which the bucket is full again. */
struct set {
    uint64_t buckets[WAYS];
};

struct table {
    struct lwm2m_bucket_rate rate;
    struct set *sets; /* NULL: no limit */
    size_t mask;
};

/* What is counted together; hashed as a whole. */
struct key {
    uint8_t ip[16];
    uint64_t port; /* 0 for strangers */
};

struct lwm2m_gate {
    uint64_t key[2];
    uint64_t start_ms;
    struct table source;
    struct table prefix;
    struct table device;
    struct lwm2m_gate_counters counters;
};

/* --- life --- */

static int table_init(struct table *table, uint32_t per_second,
                      const struct lwm2m_gate_limits *limits)
{
    size_t sets = 1;

    if (per_second == 0) {
        return 0;
    }
    while (sets * WAYS < limits->tracked) {
        sets *= 2;
    }
    table->rate = lwm2m_bucket_rate_of(per_second, limits->burst_ms);
    table->mask = sets - 1;
    table->sets = aligned_alloc(sizeof(struct set), sets * sizeof(struct set));
    if (!table->sets) {
        return -ENOMEM;
    }
    memset(table->sets, 0, sets * sizeof(struct set));
    return 0;
}

int lwm2m_gate_new(const struct lwm2m_gate_limits *limits, const uint64_t key[2], uint64_t now_ms,
                   struct lwm2m_gate **gate)
{
    if (limits->tracked == 0 || limits->tracked > TRACKED_MAX) {
        return -EINVAL;
    }
    struct lwm2m_gate *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    memcpy(made->key, key, sizeof(made->key));
    made->start_ms = now_ms;
    if (table_init(&made->source, limits->per_source, limits) ||
        table_init(&made->prefix, limits->per_prefix, limits) ||
        table_init(&made->device, limits->per_device, limits)) {
        lwm2m_gate_free(made);
        return -ENOMEM;
    }
    *gate = made;
    return 0;
}

void lwm2m_gate_free(struct lwm2m_gate *gate)
{
    if (gate) {
        free(gate->source.sets);
        free(gate->prefix.sets);
        free(gate->device.sets);
        free(gate);
    }
}

const struct lwm2m_gate_counters *lwm2m_gate_counters(const struct lwm2m_gate *gate)
{
    return &gate->counters;
}

/* --- verdicts --- */

static bool is_ipv4(const struct transport_address *address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(address->ip, mapped, sizeof(mapped)) == 0;
}

/* The bucket of a hash, or the one of its set that is nearest to being full. */
static uint64_t *find(struct table *table, uint64_t hash)
{
    struct set *set = &table->sets[hash & table->mask];
    uint64_t tag = hash >> TIME_BITS;
    uint64_t *least = &set->buckets[0];

    for (size_t way = 0; way < WAYS; way++) {
        uint64_t *bucket = &set->buckets[way];
        if (*bucket >> TIME_BITS == tag) {
            return bucket;
        }
        least = (*bucket & TIME_MASK) < (*least & TIME_MASK) ? bucket : least;
    }
    return least;
}

static bool admits(const struct lwm2m_gate *gate, struct table *table, const struct key *key,
                   uint64_t now_ms)
{
    if (!table->sets) {
        return true;
    }
    uint64_t hash = lwm2m_siphash(gate->key, key, sizeof(*key));
    uint64_t now_us = (now_ms > gate->start_ms ? now_ms - gate->start_ms : 0) * 1000;
    uint64_t *bucket = find(table, hash);
    uint64_t full_us = *bucket & TIME_MASK;

    if (!lwm2m_bucket_take(&full_us, table->rate, now_us & TIME_MASK)) {
        return false;
    }
    *bucket = (hash >> TIME_BITS << TIME_BITS) | (full_us & TIME_MASK);
    return true;
}

static bool admits_device(struct lwm2m_gate *gate, const struct transport_address *source,
                          uint64_t now_ms)
{
    struct key key = { .port = source->port };

    memcpy(key.ip, source->ip, sizeof(key.ip));
    bool admitted = admits(gate, &gate->device, &key, now_ms);
    gate->counters.device += !admitted;
    return admitted;
}

bool lwm2m_gate_admit(struct lwm2m_gate *gate, const struct transport_address *source, bool known,
                      uint64_t now_ms)
{
    if (known) {
        return admits_device(gate, source, now_ms);
    }
    bool ipv4 = is_ipv4(source);
    struct key key = { .port = 0 };

    memcpy(key.ip, source->ip, ipv4 ? 16 : 8); /* whoever has a /64 has all of its addresses */
    if (!admits(gate, &gate->source, &key, now_ms)) {
        gate->counters.source++;
        return false;
    }
    key.ip[ipv4 ? 15 : 7] = 0; /* the /24 and the /56 */
    if (!admits(gate, &gate->prefix, &key, now_ms)) {
        gate->counters.prefix++;
        return false;
    }
    return true;
}
