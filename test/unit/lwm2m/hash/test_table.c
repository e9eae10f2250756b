/* The table against a plain array of what is in it, also while it grows and when memory is short.
 */
#include "lwm2m/hash/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ITEMS 5000

static bool memory_is_short;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_short ? NULL : __real_calloc(count, size);
}

struct item {
    uint32_t key;
    bool present;
    bool listed;
};

static bool has_key(const void *item, const void *key)
{
    return ((const struct item *)item)->key == *(const uint32_t *)key;
}

/* Spreads well for some keys, collides for others. */
static uint32_t hash_of(uint32_t key)
{
    return key % 3 ? key * 2654435761u : key % 7;
}

/* A guess is an item with the same hash; there is one whenever the item is in the table. */
static void check_guess(const struct lwm2m_table *table, const struct item *item)
{
    lwm2m_table_prefetch(table, hash_of(item->key));
    const struct item *guess = lwm2m_table_guess(table, hash_of(item->key));
    assert_true(guess || !item->present);
    if (guess) {
        assert_true(guess->present);
        assert_int_equal(hash_of(guess->key), hash_of(item->key));
    }
}

static void check_all(const struct lwm2m_table *table, struct item *items)
{
    size_t count = 0;
    size_t cursor = 0;
    struct item *at;

    for (size_t i = 0; i < ITEMS; i++) {
        void *found = lwm2m_table_find(table, hash_of(items[i].key), has_key, &items[i].key);
        assert_ptr_equal(found, items[i].present ? &items[i] : NULL);
        check_guess(table, &items[i]);
        count += items[i].present;
        items[i].listed = false;
    }
    assert_int_equal(lwm2m_table_count(table), count);
    while ((at = lwm2m_table_next(table, &cursor))) {
        assert_true(at->present && !at->listed);
        at->listed = true;
        count--;
    }
    assert_int_equal(count, 0);
}

static void finds_what_was_added_and_not_what_was_removed(void **state)
{
    static struct item items[ITEMS];
    struct lwm2m_table table = { 0 };
    uint32_t random = 1;

    (void)state;
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = (struct item){ .key = i < ITEMS - 200 ? i * 3 + 1 : i * 3 };
    }
    for (unsigned step = 0; step < 60000; step++) {
        random = random * 1664525u + 1013904223u;
        struct item *item = &items[(random >> 8) % ITEMS];
        if (item->present && step % 3 == 0) {
            lwm2m_table_remove(&table, hash_of(item->key), item);
            item->present = false;
        } else if (!item->present) {
            assert_int_equal(lwm2m_table_add(&table, hash_of(item->key), item), 0);
            item->present = true;
        }
        if (step % 1000 == 0) {
            check_all(&table, items);
        }
    }
    check_all(&table, items);
    lwm2m_table_deinit(&table);
    assert_int_equal(lwm2m_table_count(&table), 0);
}

static void a_removal_of_what_is_not_there_changes_nothing(void **state)
{
    struct item item = { .key = 1 };
    struct item other = { .key = 1 };
    struct lwm2m_table table = { 0 };

    (void)state;
    lwm2m_table_remove(&table, 5, &item);
    assert_int_equal(lwm2m_table_add(&table, 5, &item), 0);
    lwm2m_table_remove(&table, 5, &other);
    lwm2m_table_remove(&table, 6, &item);
    assert_ptr_equal(lwm2m_table_find(&table, 5, has_key, &item.key), &item);
    lwm2m_table_deinit(&table);
}

static void an_item_may_be_in_it_twice_under_two_hashes(void **state)
{
    struct item item = { .key = 1 };
    struct lwm2m_table table = { 0 };

    (void)state;
    assert_int_equal(lwm2m_table_add(&table, 64, &item), 0);
    assert_int_equal(lwm2m_table_add(&table, 128, &item), 0); /* the same slot at first */
    lwm2m_table_remove(&table, 128, &item);
    assert_ptr_equal(lwm2m_table_find(&table, 64, has_key, &item.key), &item);
    assert_null(lwm2m_table_find(&table, 128, has_key, &item.key));
    lwm2m_table_deinit(&table);
}

static void no_change_moves_many_items(void **state)
{
    static struct item items[ITEMS];
    struct lwm2m_table table = { 0 };
    bool grew = false;

    (void)state;
    for (uint32_t i = 0; i < ITEMS; i++) {
        size_t moved = table.moved;
        size_t capacity = table.now.capacity;
        items[i].key = i;
        assert_int_equal(lwm2m_table_add(&table, i * 2654435761u, &items[i]), 0);
        if (table.now.capacity == capacity && table.before.capacity) {
            assert_true(table.moved - moved <= 16);
            grew = true;
        }
    }
    assert_true(grew);
    lwm2m_table_deinit(&table);
}

static void stays_as_it_was_when_memory_is_short(void **state)
{
    static struct item items[ITEMS];
    struct lwm2m_table table = { 0 };
    uint32_t count = 0;
    int rc = 0;

    (void)state;
    memory_is_short = true;
    assert_int_equal(lwm2m_table_add(&table, 1, &items[0]), -ENOMEM);
    memory_is_short = false;
    while (count < 48) {
        items[count].key = count;
        assert_int_equal(lwm2m_table_add(&table, count, &items[count]), 0);
        count++;
    }
    memory_is_short = true;
    rc = lwm2m_table_add(&table, count, &items[count]);
    memory_is_short = false;
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(lwm2m_table_count(&table), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_ptr_equal(lwm2m_table_find(&table, i, has_key, &i), &items[i]);
    }
    lwm2m_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_and_not_what_was_removed),
        cmocka_unit_test(a_removal_of_what_is_not_there_changes_nothing),
        cmocka_unit_test(an_item_may_be_in_it_twice_under_two_hashes),
        cmocka_unit_test(no_change_moves_many_items),
        cmocka_unit_test(stays_as_it_was_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
