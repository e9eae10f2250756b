/* The list of records, its memory, their grouping, and the buffer that payloads are written to. */
#include "lwm2m/content/buffer.h"
#include "lwm2m/content/record_group.h"
#include "lwm2m/content/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_list_is_bounded(void **state)
{
    (void)state;
    struct lwm2m_records records;
    lwm2m_records_init(&records, 40);
    for (int i = 0; i < 40; i++) {
        struct lwm2m_record *record = lwm2m_records_add(&records);
        assert_non_null(record);
        assert_int_equal(record->path.depth, 0);
        record->path.depth = 4;
    }
    assert_null(lwm2m_records_add(&records));
    assert_int_equal(records.count, 40);
    lwm2m_records_clear(&records);
    assert_int_equal(lwm2m_records_add(&records)->path.depth, 0);
    lwm2m_records_deinit(&records);
    lwm2m_records_deinit(&records);
}

static void memory_does_not_overlap_and_is_used_again(void **state)
{
    (void)state;
    struct lwm2m_records records;
    lwm2m_records_init(&records, 1);
    uint8_t *first = NULL;
    for (int round = 0; round < 3; round++) {
        uint8_t *blocks[300];
        for (size_t i = 0; i < 300; i++) {
            blocks[i] = lwm2m_records_alloc(&records, i);
            memset(blocks[i], (int)i, i);
        }
        for (size_t i = 0; i < 300; i++) {
            for (size_t k = 0; k < i; k++) {
                assert_int_equal(blocks[i][k], (uint8_t)i);
            }
        }
        if (round == 0) {
            first = blocks[0];
        }
        assert_ptr_equal(first, blocks[0]);
        lwm2m_records_clear(&records);
    }
    lwm2m_records_deinit(&records);
}

static void a_large_block_is_served_and_given_back(void **state)
{
    (void)state;
    struct lwm2m_records records;
    lwm2m_records_init(&records, 1);
    for (int round = 0; round < 3; round++) {
        assert_non_null(lwm2m_records_alloc(&records, 10));
        uint8_t *large = lwm2m_records_alloc(&records, 1 << 20);
        memset(large, 0xff, 1 << 20);
        assert_non_null(lwm2m_records_alloc(&records, 10));
        lwm2m_records_clear(&records);
    }
    assert_null(lwm2m_records_alloc(&records, SIZE_MAX - 8));
    assert_non_null(lwm2m_records_alloc(&records, 10));
    lwm2m_records_deinit(&records);
}

static void records_are_grouped_in_the_order_of_their_first_appearance(void **state)
{
    (void)state;
    static const struct lwm2m_record records[] = {
        { .path = { { 3, 1, 7, 1 }, 4 } }, { .path = { { 1, 0, 1 }, 3 } },
        { .path = { { 3, 0, 9 }, 3 } },    { .path = { { 3, 1, 0 }, 3 } },
        { .path = { { 3, 1, 7, 0 }, 4 } }, { .path = { { 1, 0, 0 }, 3 } },
        { .path = { { 3, 0, 9 }, 3 } },    { .path = { { 3 }, 1 } },
    };
    static const size_t expected[] = { 0, 4, 3, 2, 6, 7, 1, 5 };
    const struct lwm2m_record **grouped;
    assert_int_equal(lwm2m_records_group(records, 8, &grouped), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(grouped[i] - records, expected[i]);
    }
    assert_int_equal(lwm2m_records_run(grouped, 8, 1), 6);
    assert_int_equal(lwm2m_records_run(grouped, 8, 2), 3);
    assert_int_equal(lwm2m_records_run(grouped, 8, 3), 2);
    free(grouped);
    assert_int_equal(lwm2m_records_group(NULL, 0, &grouped), 0);
    free(grouped);
}

static void a_buffer_keeps_its_first_error(void **state)
{
    (void)state;
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 1000);
    for (int i = 0; i < 100; i++) {
        lwm2m_buffer_append_text(&buffer, "0123456789");
    }
    assert_int_equal(buffer.err, 0);
    assert_int_equal(buffer.len, 1000);
    assert_memory_equal(buffer.data + 990, "0123456789", 10);
    lwm2m_buffer_append_byte(&buffer, 'x');
    assert_int_equal(buffer.err, -ENOSPC);
    assert_null(lwm2m_buffer_extend(&buffer, 0));
    lwm2m_buffer_append(&buffer, "", 0);
    assert_int_equal(buffer.len, 1000);
    lwm2m_buffer_clear(&buffer);
    assert_int_equal(buffer.err, 0);
    assert_non_null(lwm2m_buffer_extend(&buffer, 1000));
    assert_null(lwm2m_buffer_extend(&buffer, SIZE_MAX));
    assert_int_equal(buffer.err, -ENOSPC);
    lwm2m_buffer_deinit(&buffer);
    lwm2m_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_bounded),
        cmocka_unit_test(memory_does_not_overlap_and_is_used_again),
        cmocka_unit_test(a_large_block_is_served_and_given_back),
        cmocka_unit_test(records_are_grouped_in_the_order_of_their_first_appearance),
        cmocka_unit_test(a_buffer_keeps_its_first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
