/*
 * A hash table for what grows with the fleet: devices by name and by location, peers by address,
 * observations by token.
 *
 * Open, with linear probing: with a million items a look-up costs what it misses in the caches,
 * here one slot and the item itself. It grows a little with every change instead of all at once,
 * so that no datagram waits while a million items move. It owns no items, and knows of them what
 * the caller says: a hash that nobody outside can choose (siphash.h, or random bits), and whether
 * an item has a key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LWM2M_CACHE_LINE 64

struct lwm2m_table_slot {
    void *item; /* NULL: empty */
    uint32_t hash;
};

struct lwm2m_table_slots {
    struct lwm2m_table_slot *slots;
    size_t capacity; /* 0 or a power of two */
};

/** Zeroed memory is an empty table. */
struct lwm2m_table {
    struct lwm2m_table_slots now;
    struct lwm2m_table_slots before; /* while the table grows: what did not move yet */
    size_t moved;                    /* slots of `before` that are done */
    size_t count;
};

/** Whether an item has a key. */
typedef bool lwm2m_table_equal(const void *item, const void *key);

/** Frees the table, not its items; it is empty then. */
void lwm2m_table_deinit(struct lwm2m_table *table);

/** Adds an item that is not in the table. @return 0 or -ENOMEM, then nothing changed */
[[nodiscard]] int lwm2m_table_add(struct lwm2m_table *table, uint32_t hash, void *item);

/** Takes an item out that was added with this hash; does nothing when it is not there. */
void lwm2m_table_remove(struct lwm2m_table *table, uint32_t hash, const void *item);

/** The item with a key, NULL when there is none. */
void *lwm2m_table_find(const struct lwm2m_table *table, uint32_t hash, lwm2m_table_equal *equal,
                       const void *key);

/*
 * Looking ahead: a table of a million items is not in the caches, and whoever knows of many
 * look-ups before the first can have the processor fetch what they will touch at the same time.
 * First lwm2m_table_prefetch() for all, then lwm2m_table_guess().
 */

/** Has some bytes fetched; NULL is nothing. */
static inline void lwm2m_prefetch(const void *bytes, size_t len)
{
    for (size_t at = 0; bytes && at < len; at += LWM2M_CACHE_LINE) {
        __builtin_prefetch((const char *)bytes + at);
    }
}

/** Has the slot of a hash fetched. */
void lwm2m_table_prefetch(const struct lwm2m_table *table, uint32_t hash);

/** An item with this hash, perhaps not the one that is looked for; NULL: none. Touches no
 *  item. */
void *lwm2m_table_guess(const struct lwm2m_table *table, uint32_t hash);

/**
 * The items one after the other, in no order: start with `*cursor` 0. NULL after the last. The
 * table must not be changed meanwhile.
 */
void *lwm2m_table_next(const struct lwm2m_table *table, size_t *cursor);

static inline size_t lwm2m_table_count(const struct lwm2m_table *table)
{
    return table->count;
}
