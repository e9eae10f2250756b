/* The timing wheel against its contract, and against a plain sorted look at every deadline. */
#include "lwm2m/timers/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_MS 1000003

struct alarm {
    struct lwm2m_timer timer;
    unsigned fired;
    uint64_t fired_ms;
};

struct clock {
    struct lwm2m_timers *timers;
    struct lwm2m_timer *other; /* what a callback stops or sets */
    uint64_t other_ms;
};

static void ring(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct alarm *alarm = (struct alarm *)timer;

    (void)ctx;
    assert_false(lwm2m_timer_is_set(timer));
    assert_true(now_ms >= timer->deadline_ms);
    alarm->fired++;
    alarm->fired_ms = now_ms;
}

static void ring_and_stop_other(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct clock *clock = ctx;

    ring(timer, ctx, now_ms);
    lwm2m_timer_stop(clock->timers, clock->other);
}

static void ring_and_set_other(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct clock *clock = ctx;

    ring(timer, ctx, now_ms);
    lwm2m_timer_set(clock->timers, clock->other, clock->other_ms, ring);
}

static void ring_and_free(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    (void)ctx;
    (void)now_ms;
    free(timer);
}

static int setup(void **state)
{
    static struct clock clock;

    clock = (struct clock){ 0 };
    clock.timers = lwm2m_timers_new(START_MS, &clock);
    assert_non_null(clock.timers);
    *state = &clock;
    return 0;
}

static int teardown(void **state)
{
    struct clock *clock = *state;

    lwm2m_timers_free(clock->timers);
    return 0;
}

static void fires_once_at_its_deadline_never_before(void **state)
{
    static const uint64_t delays_ms[] = {
        1,          2,          62,         63,         64,         65,       4095,
        4096,       4097,       262143,     262144,     16777215,   16777216, 86400000,
        2592000000, UINT32_MAX, 1ull << 36, 1ull << 42, 1ull << 62,
    };
    struct clock *clock = *state;
    uint64_t now_ms = START_MS;

    for (size_t i = 0; i < sizeof delays_ms / sizeof delays_ms[0]; i++) {
        struct alarm alarm = { 0 };
        uint64_t deadline_ms = now_ms + delays_ms[i];

        lwm2m_timer_set(clock->timers, &alarm.timer, deadline_ms, ring);
        assert_true(lwm2m_timers_next_ms(clock->timers) <= deadline_ms);
        lwm2m_timers_run(clock->timers, deadline_ms - 1);
        assert_int_equal(alarm.fired, 0);
        lwm2m_timers_run(clock->timers, deadline_ms);
        assert_int_equal(alarm.fired, 1);
        lwm2m_timers_run(clock->timers, deadline_ms + 1);
        assert_int_equal(alarm.fired, 1);
        assert_true(lwm2m_timers_next_ms(clock->timers) == LWM2M_TIMERS_NEVER);
        now_ms = deadline_ms + 1;
    }
}

static void following_next_ms_reaches_the_deadline_in_few_runs(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 };
    unsigned runs = 0;

    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 86400000, ring);
    while (!alarm.fired) {
        lwm2m_timers_run(clock->timers, lwm2m_timers_next_ms(clock->timers));
        runs++;
    }
    assert_true(alarm.fired_ms == START_MS + 86400000);
    assert_true(runs <= 6);
}

static void a_deadline_in_the_past_fires_in_the_next_run(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 };

    lwm2m_timer_set(clock->timers, &alarm.timer, 5, ring);
    assert_true(lwm2m_timers_next_ms(clock->timers) <= START_MS);
    lwm2m_timers_run(clock->timers, START_MS);
    assert_int_equal(alarm.fired, 1);
}

static void a_moved_timer_fires_at_the_new_deadline_only(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 };

    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 10, ring);
    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 5000, ring);
    lwm2m_timers_run(clock->timers, START_MS + 4999);
    assert_int_equal(alarm.fired, 0);
    lwm2m_timers_run(clock->timers, START_MS + 9000);
    assert_int_equal(alarm.fired, 1);
}

static void a_stopped_timer_is_silent_and_stopping_twice_is_harmless(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 }, late = { 0 };

    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 10, ring);
    lwm2m_timer_set(clock->timers, &late.timer, 1, ring);
    lwm2m_timer_stop(clock->timers, &alarm.timer);
    lwm2m_timer_stop(clock->timers, &alarm.timer);
    lwm2m_timer_stop(clock->timers, &late.timer);
    assert_true(lwm2m_timers_next_ms(clock->timers) == LWM2M_TIMERS_NEVER);
    lwm2m_timers_run(clock->timers, START_MS + 100);
    assert_int_equal(alarm.fired + late.fired, 0);
}

static void a_callback_may_stop_a_timer_that_is_due_in_the_same_run(void **state)
{
    struct clock *clock = *state;
    struct alarm first = { 0 }, second = { 0 };

    /* whichever comes first stops the other */
    lwm2m_timer_set(clock->timers, &second.timer, START_MS + 20, ring);
    lwm2m_timer_set(clock->timers, &first.timer, START_MS + 20, ring_and_stop_other);
    clock->other = &second.timer;
    lwm2m_timers_run(clock->timers, START_MS + 20);
    assert_int_equal(first.fired, 1);
    assert_false(lwm2m_timer_is_set(&second.timer));
    assert_true(second.fired <= 1);

    second.fired = 0;
    lwm2m_timer_set(clock->timers, &second.timer, START_MS + 50, ring);
    lwm2m_timer_set(clock->timers, &first.timer, START_MS + 40, ring_and_stop_other);
    lwm2m_timers_run(clock->timers, START_MS + 60);
    assert_int_equal(second.fired, 0);
}

static void a_callback_that_sets_its_timer_to_now_does_not_hang_the_run(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 };

    clock->other = &alarm.timer;
    clock->other_ms = START_MS + 10;
    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 10, ring_and_set_other);
    lwm2m_timers_run(clock->timers, START_MS + 10);
    assert_int_equal(alarm.fired, 1);
    lwm2m_timers_run(clock->timers, START_MS + 10);
    assert_int_equal(alarm.fired, 2);
}

static void a_callback_may_free_its_timer(void **state)
{
    struct clock *clock = *state;
    struct alarm *alarm = calloc(1, sizeof *alarm);

    assert_non_null(alarm);
    lwm2m_timer_set(clock->timers, &alarm->timer, START_MS + 1, ring_and_free);
    lwm2m_timers_run(clock->timers, START_MS + 1);
    assert_true(lwm2m_timers_next_ms(clock->timers) == LWM2M_TIMERS_NEVER);
}

static void a_clock_that_goes_back_fires_nothing_early(void **state)
{
    struct clock *clock = *state;
    struct alarm alarm = { 0 };

    lwm2m_timer_set(clock->timers, &alarm.timer, START_MS + 10, ring);
    lwm2m_timers_run(clock->timers, 0);
    assert_int_equal(alarm.fired, 0);
    lwm2m_timers_run(clock->timers, START_MS + 10);
    assert_int_equal(alarm.fired, 1);
}

/* Random deadlines, moves, stops and steps of the clock; a plain array knows what should happen. */
static void compare_with_a_linear_search(struct clock *clock, uint32_t longest_step_ms)
{
    enum { COUNT = 200, STEPS = 20000 };
    struct alarm alarms[COUNT] = { 0 };
    uint64_t now_ms = START_MS;
    uint32_t seed = 7;

    for (unsigned step = 0; step < STEPS; step++) {
        seed = seed * 1664525u + 1013904223u;
        struct alarm *alarm = &alarms[(seed >> 8) % COUNT];
        unsigned bits = (seed >> 16) % 24;

        if (seed >> 29 == 0) {
            lwm2m_timer_stop(clock->timers, &alarm->timer);
        } else {
            lwm2m_timer_set(clock->timers, &alarm->timer,
                            now_ms + ((seed >> 3) & ((1u << bits) - 1)), ring);
        }
        uint64_t earliest_ms = LWM2M_TIMERS_NEVER;
        for (unsigned i = 0; i < COUNT; i++) {
            bool earlier =
                lwm2m_timer_is_set(&alarms[i].timer) && alarms[i].timer.deadline_ms < earliest_ms;
            earliest_ms = earlier ? alarms[i].timer.deadline_ms : earliest_ms;
        }
        uint64_t next_ms = lwm2m_timers_next_ms(clock->timers);
        assert_true(earliest_ms == LWM2M_TIMERS_NEVER
                        ? next_ms == LWM2M_TIMERS_NEVER
                        : next_ms <= earliest_ms || next_ms <= now_ms);
        now_ms += (seed >> 20) % longest_step_ms;
        lwm2m_timers_run(clock->timers, now_ms);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_true(!lwm2m_timer_is_set(&alarms[i].timer) ||
                        alarms[i].timer.deadline_ms > now_ms);
        }
    }
    for (unsigned i = 0; i < COUNT; i++) {
        lwm2m_timer_stop(clock->timers, &alarms[i].timer);
    }
}

static void agrees_with_a_linear_search_in_long_steps(void **state)
{
    compare_with_a_linear_search(*state, 5000);
}

static void agrees_with_a_linear_search_in_short_steps(void **state)
{
    compare_with_a_linear_search(*state, 40);
}

/* A fleet that registered in one second: its lifetimes end together, an hour later. */
static void a_crowd_fires_in_time_and_needs_few_runs(void **state)
{
    enum { COUNT = 50000, LIFETIME_MS = 3600000 };
    struct clock *clock = *state;
    struct alarm *alarms = calloc(COUNT, sizeof *alarms);
    unsigned runs = 0;
    unsigned fired = 0;

    assert_non_null(alarms);
    for (uint64_t i = 0; i < COUNT; i++) {
        lwm2m_timer_set(clock->timers, &alarms[i].timer, START_MS + LIFETIME_MS + i / 50, ring);
    }
    for (uint64_t next_ms; (next_ms = lwm2m_timers_next_ms(clock->timers)) != LWM2M_TIMERS_NEVER;) {
        lwm2m_timers_run(clock->timers, next_ms);
        runs++;
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_true(alarms[i].fired_ms == START_MS + LIFETIME_MS + i / 50);
        fired += alarms[i].fired;
    }
    assert_int_equal(fired, COUNT);
    assert_true(runs < 2000);
    free(alarms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(fires_once_at_its_deadline_never_before),
        CASE(following_next_ms_reaches_the_deadline_in_few_runs),
        CASE(a_deadline_in_the_past_fires_in_the_next_run),
        CASE(a_moved_timer_fires_at_the_new_deadline_only),
        CASE(a_stopped_timer_is_silent_and_stopping_twice_is_harmless),
        CASE(a_callback_may_stop_a_timer_that_is_due_in_the_same_run),
        CASE(a_callback_that_sets_its_timer_to_now_does_not_hang_the_run),
        CASE(a_callback_may_free_its_timer),
        CASE(a_clock_that_goes_back_fires_nothing_early),
        CASE(agrees_with_a_linear_search_in_long_steps),
        CASE(agrees_with_a_linear_search_in_short_steps),
        CASE(a_crowd_fires_in_time_and_needs_few_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
