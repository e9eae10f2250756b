/* Percentiles stay within 1 % of the sorted values, over the whole range of 64 bits. */
#include "test/bench/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_empty_histogram_has_no_percentiles(void **state)
{
    (void)state;
    static struct histogram histogram;
    assert_int_equal(histogram_percentile(&histogram, 99), 0);
}

static void a_single_value_is_every_percentile(void **state)
{
    (void)state;
    static const uint64_t values[] = { 0, 1, 127, 128, 129, 1000, 999999937, UINT64_MAX };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct histogram *histogram = calloc(1, sizeof(*histogram));
        assert_non_null(histogram);
        histogram_add(histogram, values[i]);
        assert_true(histogram_percentile(histogram, 0) == values[i]);
        assert_true(histogram_percentile(histogram, 50) == values[i]);
        assert_true(histogram_percentile(histogram, 100) == values[i]);
        free(histogram);
    }
}

static void percentiles_are_within_one_percent(void **state)
{
    (void)state;
    static const double percents[] = { 1, 10, 50, 90, 99, 99.9 };
    static struct histogram histogram;
    for (uint64_t value = 1; value <= 1000000; value++) {
        histogram_add(&histogram, value);
    }
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        double exact = 1000000 * percents[i] / 100;
        double found = (double)histogram_percentile(&histogram, percents[i]);
        assert_true(found >= exact * 0.999 && found <= exact * 1.01);
    }
    assert_int_equal(histogram.count, 1000000);
    assert_int_equal(histogram.max, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_no_percentiles),
        cmocka_unit_test(a_single_value_is_every_percentile),
        cmocka_unit_test(percentiles_are_within_one_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
