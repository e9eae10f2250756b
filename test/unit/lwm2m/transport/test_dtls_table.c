/* The table that grows by one chain at a time, against a plain array. */
#include "lwm2m/transport/dtls_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

struct entry {
    struct dtls_link link; /* first */
    uint64_t hash;
    bool in;
};

static uint64_t hash_of(const void *ctx, const struct dtls_link *link)
{
    (void)ctx;
    return ((const struct entry *)link)->hash;
}

static bool is_in(const struct dtls_table *table, const struct entry *entry)
{
    const struct dtls_link *link = dtls_table_chain(table, entry->hash);

    while (link && link != &entry->link) {
        link = link->next;
    }
    return link != NULL;
}

static void what_was_added_is_found_until_it_is_removed(void **state)
{
    enum { ENTRIES = 3000 };
    struct entry *entries = calloc(ENTRIES, sizeof *entries);
    struct dtls_table table;
    uint32_t dice = 1;
    size_t in = 0, most = 0;

    (void)state;
    assert_non_null(entries);
    assert_int_equal(dtls_table_init(&table, hash_of, NULL), 0);
    for (size_t i = 0; i < ENTRIES; i++) {
        entries[i].hash = i % 3 == 0 ? i : i * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (size_t i = 0; i < 60000; i++) {
        dice = dice * 1664525 + 1013904223;
        struct entry *entry = &entries[(dice >> 8) % ENTRIES];
        bool grows = i / 10000 % 2 == 0;
        if (!entry->in && (grows || dice % 5 == 0)) {
            dtls_table_add(&table, &entry->link);
            entry->in = true;
            in++;
        } else if (entry->in && (!grows || dice % 5 == 0)) {
            dtls_table_remove(&table, &entry->link);
            entry->in = false;
            in--;
        }
        assert_int_equal(is_in(&table, entry), entry->in);
        assert_int_equal(table.count, in);
        most = table.buckets > most ? table.buckets : most;
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(is_in(&table, &entries[i]), entries[i].in);
    }
    assert_true(most > DTLS_TABLE_SEGMENT);
    assert_true(table.buckets < most);
    size_t seen = 0;
    for (size_t n = 0; n < table.buckets; n++) {
        for (const struct dtls_link *link = dtls_table_chain_at(&table, n); link;
             link = link->next) {
            seen++;
        }
    }
    assert_int_equal(seen, in);
    dtls_table_deinit(&table);
    free(entries);
}

static void what_is_expected_has_room(void **state)
{
    struct entry entries[10] = { { .hash = 0 } };
    struct dtls_table table;

    (void)state;
    assert_int_equal(dtls_table_init(&table, hash_of, NULL), 0);
    dtls_table_add(&table, &entries[0].link);
    dtls_table_expect(&table, 3000);
    assert_int_equal(table.buckets, 3000);
    for (size_t i = 1; i < 10; i++) {
        entries[i].hash = i * UINT64_C(0x9e3779b97f4a7c15);
        dtls_table_add(&table, &entries[i].link);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_true(is_in(&table, &entries[i]));
        dtls_table_remove(&table, &entries[i].link);
        assert_false(is_in(&table, &entries[i]));
    }
    dtls_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_until_it_is_removed),
        cmocka_unit_test(what_is_expected_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
