#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/busy.h"

static void without_a_rate_it_is_anything_between_half_a_minute_and_two(void **state)
{
    struct lwm2m_busy busy = { 0 };
    (void)state;
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 0, 1000), 30);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 90, 1000), 120);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 91, 1000), 30);
}

static uint32_t last_of(struct lwm2m_busy *busy, unsigned count, uint32_t random, uint64_t now_ms)
{
    uint32_t seconds = 0;
    for (unsigned i = 0; i < count; i++) {
        seconds = lwm2m_busy_max_age_s(busy, random, now_ms);
    }
    return seconds;
}

static void each_gets_its_place_in_a_line(void **state)
{
    struct lwm2m_busy busy = { .per_second = 10 };
    (void)state;
    assert_int_equal(last_of(&busy, 9, 0, 1000), 5); /* within a second */
    assert_int_equal(last_of(&busy, 91, 0, 1000), 5 + 10 / 2);
    busy.line_us = 0;
    assert_int_equal(last_of(&busy, 100, 10, 1000), 5 + 10 / 2 + 10);
    busy.line_us = 0;
    assert_int_equal(last_of(&busy, 100, 11, 1000), 5 + 10 / 2);
}

static void the_line_moves_on(void **state)
{
    struct lwm2m_busy busy = { .per_second = 10 };
    (void)state;
    (void)last_of(&busy, 100, 0, 1000);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 0, 5000), 5 + 6 / 2);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 0, 60000), 5);
}

static void a_line_that_is_too_long_is_left_alone(void **state)
{
    struct lwm2m_busy busy = { .per_second = 10 };
    (void)state;
    assert_int_equal(last_of(&busy, 1200, 120, 1000), 5 + 60 + 120);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 0, 1000), 65);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 60, 1000), 125);
    assert_int_equal(lwm2m_busy_max_age_s(&busy, 0, 61000), 5 + 60 / 2); /* in its middle */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_it_is_anything_between_half_a_minute_and_two),
        cmocka_unit_test(each_gets_its_place_in_a_line),
        cmocka_unit_test(the_line_moves_on),
        cmocka_unit_test(a_line_that_is_too_long_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
