/* Random bytes: all of a request is filled, and no bytes are given out twice. */
#include "gateway/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_byte_is_filled(void **state)
{
    (void)state;
    static const size_t lens[] = { 1, 8, 127, 128, 129, 256, 1000 };
    struct random_pool pool = { 0 };
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint8_t ored[1001] = { 0 };
        uint8_t bytes[1001] = { 0 };
        for (int round = 0; round < 16; round++) { /* a zero stays with probability 2^-128 */
            random_fill(&pool, bytes, lens[i]);
            for (size_t at = 0; at <= lens[i]; at++) {
                ored[at] |= bytes[at];
            }
        }
        for (size_t at = 0; at < lens[i]; at++) {
            assert_int_not_equal(ored[at], 0);
        }
        assert_int_equal(ored[lens[i]], 0);
    }
}

static void tokens_differ_and_leave_no_trace(void **state)
{
    (void)state;
    struct random_pool pool = { 0 };
    uint8_t tokens[100][8];
    for (size_t i = 0; i < 100; i++) {
        random_fill(&pool, tokens[i], sizeof(tokens[i]));
        assert_null(memmem(pool.bytes, sizeof(pool.bytes), tokens[i], sizeof(tokens[i])));
        for (size_t before = 0; before < i; before++) {
            assert_memory_not_equal(tokens[i], tokens[before], sizeof(tokens[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_filled),
        cmocka_unit_test(tokens_differ_and_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
