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

static void serve(struct lwm2m_busy *busy, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        lwm2m_busy_served(busy);
    }
}

/* Place 800 is after 80 seconds at 10 a second, after 5.7 at seven eighths of 160. */
static void the_line_moves_as_fast_as_others_are_served_meanwhile(void **state)
{
    struct lwm2m_busy busy = { .per_second = 10 };
    (void)state;
    serve(&busy, 100000); /* long ago: perhaps not as many as could be */
    (void)last_of(&busy, 1, 0, 10000);
    serve(&busy, 200);
    (void)last_of(&busy, 1, 0, 10500);
    serve(&busy, 40);
    (void)last_of(&busy, 1, 0, 11500);
    busy.line_us = 0;
    assert_int_equal(last_of(&busy, 800, 0, 11500), 5 + 5 / 2);
}

static void refuse_and_serve(struct lwm2m_busy *busy, unsigned refused, unsigned served)
{
    (void)last_of(busy, refused, 0, 10000);
    serve(busy, served);
    (void)last_of(busy, 1, 0, 11000);
    busy->line_us = 0;
}

static void fewer_are_believed_when_most_are_served(void **state)
{
    static const struct {
        unsigned refused, served, place_s; /* of the 100th */
    } cases[] = {
        { 7, 8, 14 },  /* seven a second */
        { 9, 8, 10 },  /* refusing takes its time, too: ten, as before */
        { 0, 1, 10 },  /* hardly anybody came in between */
        { 99, 16, 7 }, /* fourteen at least */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_busy busy = { .per_second = 10 };
        busy.since_ms = 10000;
        refuse_and_serve(&busy, cases[i].refused, cases[i].served);
        assert_int_equal(last_of(&busy, 100, 0, 11000), 5 + cases[i].place_s / 2);
    }
}

/* 300 a second at first, 75 at the least. */
static void many_that_are_refused_again_and_again_slow_the_line_down(void **state)
{
    struct lwm2m_busy busy = { .per_second = 300, .since_ms = 9000 };
    uint64_t now_ms = 10000;
    (void)state;
    for (unsigned i = 0; i < 16; i++, now_ms += 1000) {
        assert_int_equal(busy.pace, 0);
        serve(&busy, 10);
        (void)last_of(&busy, 20, 0, now_ms);
    }
    assert_int_equal(busy.pace, 225);
    for (unsigned i = 0; i < 10; i++, now_ms += 1000) {
        (void)last_of(&busy, 20, 0, now_ms);
    }
    assert_int_equal(busy.pace, 75);
    serve(&busy, 800);
    (void)last_of(&busy, 1, 0, now_ms);
    assert_int_equal(busy.pace, 700);
}

static void a_time_in_which_nobody_is_refused_says_nothing(void **state)
{
    struct lwm2m_busy busy = { .per_second = 10 };
    (void)state;
    (void)last_of(&busy, 1, 0, 10000);
    serve(&busy, 100000);
    (void)last_of(&busy, 1, 0, 12000);
    busy.line_us = 0;
    assert_int_equal(last_of(&busy, 100, 0, 12000), 5 + 10 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_it_is_anything_between_half_a_minute_and_two),
        cmocka_unit_test(each_gets_its_place_in_a_line),
        cmocka_unit_test(the_line_moves_on),
        cmocka_unit_test(a_line_that_is_too_long_is_left_alone),
        cmocka_unit_test(the_line_moves_as_fast_as_others_are_served_meanwhile),
        cmocka_unit_test(fewer_are_believed_when_most_are_served),
        cmocka_unit_test(many_that_are_refused_again_and_again_slow_the_line_down),
        cmocka_unit_test(a_time_in_which_nobody_is_refused_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
