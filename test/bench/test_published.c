#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/bench/published.h"

#define SECOND UINT64_C(1000000000)

static void the_beginning_and_the_end_are_left_out(void **state)
{
    static const struct {
        uint64_t s, count;
    } said[] = { { 1, 100 }, { 2, 105 }, { 3, 400 }, { 4, 600 }, { 5, 800 }, { 6, 1100 } };
    struct published published = { .used = 0 };
    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        published_note(&published, said[i].s * SECOND, said[i].count);
    }
    assert_int_equal(published_rate(&published, 100, 1100), 200);
}

static void what_is_over_at_once_has_no_rate(void **state)
{
    struct published published = { .used = 0 };
    (void)state;
    assert_int_equal(published_rate(&published, 0, 0), 0);
    published_note(&published, 1 * SECOND, 0);
    published_note(&published, 2 * SECOND, 500);
    published_note(&published, 3 * SECOND, 1000);
    assert_int_equal(published_rate(&published, 0, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_beginning_and_the_end_are_left_out),
        cmocka_unit_test(what_is_over_at_once_has_no_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
