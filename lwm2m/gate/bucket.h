/*
 * A token bucket that is one number: the time at which it will be full again (the "theoretical
 * arrival time" of the generic cell rate algorithm, ITU-T I.371). A full bucket is one whose time
 * has passed, so a bucket that was never used, or not for long, needs no memory at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lwm2m_bucket_rate {
    uint64_t interval_us; /* what one token is worth; 0: no limit */
    uint64_t depth_us;    /* how much may be saved up; at least one token */
};

/** The rate of so many tokens a second, of which `burst_ms` worth may be saved up. */
static inline struct lwm2m_bucket_rate lwm2m_bucket_rate_of(uint32_t per_second, uint32_t burst_ms)
{
    uint64_t interval_us = per_second > 0 ? 1000000 / per_second : 0;
    uint64_t burst_us = (uint64_t)burst_ms * 1000;

    interval_us += per_second > 0 && interval_us == 0;
    return (struct lwm2m_bucket_rate){ interval_us,
                                       burst_us > interval_us ? burst_us : interval_us };
}

/** Whether there is a token. */
static inline bool lwm2m_bucket_has(uint64_t full_us, struct lwm2m_bucket_rate rate,
                                    uint64_t now_us)
{
    return (full_us > now_us ? full_us : now_us) + rate.interval_us <= now_us + rate.depth_us;
}

/** Takes one token, and moves the time when it will be full again; false: there is none. */
static inline bool lwm2m_bucket_take(uint64_t *full_us, struct lwm2m_bucket_rate rate,
                                     uint64_t now_us)
{
    bool has = lwm2m_bucket_has(*full_us, rate, now_us);

    if (has) {
        *full_us = (*full_us > now_us ? *full_us : now_us) + rate.interval_us;
    }
    return has;
}
