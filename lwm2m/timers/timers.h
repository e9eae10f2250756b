/*
 * Deadlines of everything: retransmissions, lifetimes, awake windows.
 *
 * A hierarchical timing wheel: setting, moving and stopping a timer costs O(1) however many run,
 * and a timer lives inside the struct it belongs to. Time comes from outside, in milliseconds of
 * a clock that never goes back. A timer never fires early; it fires in the first
 * lwm2m_timers_run() at or after its deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lwm2m_timer;
struct lwm2m_timers;

/** Called once per expiry; the timer is stopped by then and may be set again or freed here. */
typedef void lwm2m_timer_callback(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms);

/** In the caller's memory; zeroed memory is a stopped timer. */
struct lwm2m_timer {
    struct lwm2m_timer *next;
    struct lwm2m_timer **link; /* what points at this timer; NULL while it is stopped */
    uint64_t deadline_ms;
    lwm2m_timer_callback *callback;
};

#define LWM2M_TIMERS_NEVER UINT64_MAX

/** @param ctx  handed to every callback; @return NULL when memory is short */
struct lwm2m_timers *lwm2m_timers_new(uint64_t now_ms, void *ctx);

/** Timers still running are forgotten, not called. Accepts NULL. */
void lwm2m_timers_free(struct lwm2m_timers *timers);

/** Starts or moves a timer. A deadline in the past fires in the next run. */
void lwm2m_timer_set(struct lwm2m_timers *timers, struct lwm2m_timer *timer, uint64_t deadline_ms,
                     lwm2m_timer_callback *callback);

/** Stops a timer; does nothing when it is not running. */
void lwm2m_timer_stop(struct lwm2m_timers *timers, struct lwm2m_timer *timer);

static inline bool lwm2m_timer_is_set(const struct lwm2m_timer *timer)
{
    return timer->link != 0;
}

/** Fires what is due. Callbacks may set and stop any timer. */
void lwm2m_timers_run(struct lwm2m_timers *timers, uint64_t now_ms);

/**
 * When to call lwm2m_timers_run() next: never later than the earliest deadline, perhaps earlier
 * (a run then only moves timers down the wheel). LWM2M_TIMERS_NEVER when nothing runs.
 */
uint64_t lwm2m_timers_next_ms(const struct lwm2m_timers *timers);
