/*
 * While a table grows, its items are in two arrays: new ones go to the larger one, and each change
 * moves some slots over. A slot of the smaller array that was emptied meanwhile keeps a mark, so
 * that probing goes on past it; the larger one has no marks: a removal closes its gap.
 */
#include "lwm2m/hash/table.h"

#include <errno.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64,
    MOVED_AT_ONCE = 16, /* slots per change: done long before the larger array is full */
};

/* Stands for an item that left. */
#define MARK ((void *)(uintptr_t)1)

static bool is_item(const struct lwm2m_table_slot *slot)
{
    return slot->item && slot->item != MARK;
}

static bool is_full(size_t count, size_t capacity)
{
    return count >= capacity / 4 * 3;
}

static void put(struct lwm2m_table_slots *array, uint32_t hash, void *item)
{
    size_t mask = array->capacity - 1;
    size_t at = hash & mask;

    while (array->slots[at].item) {
        at = (at + 1) & mask;
    }
    array->slots[at] = (struct lwm2m_table_slot){ item, hash };
}

static void end_growth(struct lwm2m_table *table)
{
    free(table->before.slots);
    table->before = (struct lwm2m_table_slots){ 0 };
    table->moved = 0;
}

static void move_some(struct lwm2m_table *table, size_t slots)
{
    struct lwm2m_table_slots *before = &table->before;

    for (; slots > 0 && table->moved < before->capacity; slots--) {
        struct lwm2m_table_slot *slot = &before->slots[table->moved++];
        if (is_item(slot)) {
            put(&table->now, slot->hash, slot->item);
            slot->item = MARK;
        }
    }
    if (before->slots && table->moved == before->capacity) {
        end_growth(table);
    }
}

static int grow(struct lwm2m_table *table, size_t capacity)
{
    struct lwm2m_table_slot *slots = calloc(capacity, sizeof *slots);

    if (!slots) {
        return -ENOMEM;
    }
    move_some(table, table->before.capacity);
    table->before = table->now;
    table->now = (struct lwm2m_table_slots){ slots, capacity };
    return 0;
}

void lwm2m_table_deinit(struct lwm2m_table *table)
{
    free(table->now.slots);
    free(table->before.slots);
    *table = (struct lwm2m_table){ 0 };
}

int lwm2m_table_add(struct lwm2m_table *table, uint32_t hash, void *item)
{
    if (is_full(table->count, table->now.capacity)) {
        size_t capacity = table->now.capacity ? table->now.capacity * 2 : FIRST_CAPACITY;
        int rc = grow(table, capacity);
        if (rc) {
            return rc;
        }
    }
    move_some(table, MOVED_AT_ONCE);
    put(&table->now, hash, item);
    table->count++;
    return 0;
}

/* Empties a slot and moves those up that would not be found behind the gap. */
static void close_gap(struct lwm2m_table_slots *array, size_t gap)
{
    size_t mask = array->capacity - 1;

    for (size_t i = (gap + 1) & mask; array->slots[i].item; i = (i + 1) & mask) {
        size_t home = array->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            array->slots[gap] = array->slots[i];
            gap = i;
        }
    }
    array->slots[gap] = (struct lwm2m_table_slot){ 0 };
}

/* The slot of an item, or SIZE_MAX. */
static size_t slot_of(const struct lwm2m_table_slots *array, uint32_t hash, const void *item)
{
    size_t mask = array->capacity - 1;

    if (array->capacity == 0) {
        return SIZE_MAX;
    }
    for (size_t at = hash & mask; array->slots[at].item; at = (at + 1) & mask) {
        if (array->slots[at].item == item && array->slots[at].hash == hash) {
            return at;
        }
    }
    return SIZE_MAX;
}

void lwm2m_table_remove(struct lwm2m_table *table, uint32_t hash, const void *item)
{
    size_t at = slot_of(&table->now, hash, item);

    if (at != SIZE_MAX) {
        close_gap(&table->now, at);
        table->count--;
        return;
    }
    at = slot_of(&table->before, hash, item);
    if (at != SIZE_MAX) {
        table->before.slots[at].item = MARK;
        table->count--;
    }
}

static void *find_in(const struct lwm2m_table_slots *array, uint32_t hash, lwm2m_table_equal *equal,
                     const void *key)
{
    size_t mask = array->capacity - 1;
    size_t at = hash & mask;

    while (array->slots[at].item) {
        const struct lwm2m_table_slot *slot = &array->slots[at];
        if (slot->hash == hash && slot->item != MARK && equal(slot->item, key)) {
            return slot->item;
        }
        at = (at + 1) & mask;
    }
    return NULL;
}

void *lwm2m_table_find(const struct lwm2m_table *table, uint32_t hash, lwm2m_table_equal *equal,
                       const void *key)
{
    void *item = table->now.capacity ? find_in(&table->now, hash, equal, key) : NULL;

    if (!item && table->before.capacity) {
        item = find_in(&table->before, hash, equal, key);
    }
    return item;
}

static void prefetch_slot(const struct lwm2m_table_slots *array, uint32_t hash)
{
    if (array->capacity > 0) {
        __builtin_prefetch(&array->slots[hash & (array->capacity - 1)]);
    }
}

void lwm2m_table_prefetch(const struct lwm2m_table *table, uint32_t hash)
{
    prefetch_slot(&table->now, hash);
    prefetch_slot(&table->before, hash);
}

static bool is_any(const void *item, const void *key)
{
    (void)item;
    (void)key;
    return true;
}

void *lwm2m_table_guess(const struct lwm2m_table *table, uint32_t hash)
{
    return lwm2m_table_find(table, hash, is_any, NULL);
}

void *lwm2m_table_next(const struct lwm2m_table *table, size_t *cursor)
{
    size_t before = table->before.capacity;

    while (*cursor < before + table->now.capacity) {
        size_t at = (*cursor)++;
        const struct lwm2m_table_slot *slot =
            at < before ? &table->before.slots[at] : &table->now.slots[at - before];
        if (is_item(slot)) {
            return slot->item;
        }
    }
    return NULL;
}
