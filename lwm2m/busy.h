/*
 * When who is answered 5.03 may come back (Max-Age, RFC 7252, 5.9.3.4): not all of them at once.
 *
 * Usually at random within half a minute and two. When there is a rate at which they can be served,
 * each gets its place in a line that moves on at that rate, so that few devices are back within
 * seconds. While some are refused, those that are not show how many can be served; when more are
 * refused than served, how many at least, as refusing takes its time, too, unless it goes on like
 * that.
 *
 * Max-Age counts whole seconds: each comes at random from half to one and a half times the time to
 * its place, or all those of a second would come at once.
 */
#pragma once

#include <stdint.h>

struct lwm2m_busy {
    uint32_t per_second; /* that may come back, while nothing else is known; 0: at random */
    uint64_t line_us;    /* when the last one in the line may come */
    uint64_t since_ms;   /* since when they are counted: */
    uint32_t served, refused;
    uint32_t pace;   /* per second, that could be served when it was counted last; 0: not yet */
    uint32_t futile; /* countings, one after the other, that told nothing */
};

/** One was served, that would have been refused had there been too many. */
static inline void lwm2m_busy_served(struct lwm2m_busy *busy)
{
    busy->served++;
}

/**
 * @param random  any number
 * @return seconds, 5 to 185
 */
uint32_t lwm2m_busy_max_age_s(struct lwm2m_busy *busy, uint32_t random, uint64_t now_ms);
