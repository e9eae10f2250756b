#include "lwm2m/busy.h"

enum {
    RANDOM_MIN_S = 30,
    RANDOM_MAX_S = 120,
    LINE_MIN_S = 5,   /* a line that is shorter is not worth another attempt */
    LINE_MAX_S = 120, /* who would come later comes at random, and takes a place anew */
    SECOND_US = 1000000,
    COUNT_MIN_MS = 1000, /* those served and refused are counted for so long */
    COUNT_MAX_MS = 2000, /* nobody was refused for so long: more could have been served */
    SLOWEST = 4,         /* no less than a fourth of what was said at first */
    PATIENCE = 15,       /* such countings: the flood of those who came unasked is over by then */
};

/* When more are refused than served, refusing took its share of the time. That goes for the flood
 * at the beginning; when it lasts, too many were told to come back. */
static void set_pace(struct lwm2m_busy *busy, uint64_t counted_ms)
{
    uint32_t served = (uint32_t)(busy->served * 1000ull / counted_ms);
    uint32_t slowest = busy->per_second / SLOWEST;
    uint32_t before = busy->pace > 0 ? busy->pace : busy->per_second;
    uint32_t pace = served - served / 8; /* a little is left for others */
    if (pace >= before || (busy->refused <= busy->served && pace >= slowest)) {
        busy->pace = pace;
        busy->futile = 0;
    } else if (busy->futile < PATIENCE) {
        busy->futile++;
    } else {
        before -= before / 4;
        busy->pace = before > slowest ? before : slowest;
    }
}

/* Somebody is refused: from one such time to another, as many are served as can be. */
static void count(struct lwm2m_busy *busy, uint64_t now_ms)
{
    uint64_t counted_ms = now_ms - busy->since_ms;
    busy->refused++;
    if (counted_ms < COUNT_MIN_MS) {
        return;
    }
    if (counted_ms < COUNT_MAX_MS) {
        set_pace(busy, counted_ms);
    } else {
        busy->futile = 0;
    }
    busy->since_ms = now_ms;
    busy->served = 0;
    busy->refused = 0;
}

uint32_t lwm2m_busy_max_age_s(struct lwm2m_busy *busy, uint32_t random, uint64_t now_ms)
{
    if (busy->per_second == 0) {
        return RANDOM_MIN_S + random % (RANDOM_MAX_S - RANDOM_MIN_S + 1);
    }
    count(busy, now_ms);
    uint32_t rate = busy->pace > 0 ? busy->pace : busy->per_second;
    uint64_t now_us = now_ms * 1000;
    uint64_t place_us = (busy->line_us > now_us ? busy->line_us : now_us) + SECOND_US / rate;
    if (place_us > now_us + (uint64_t)LINE_MAX_S * SECOND_US) {
        return LINE_MIN_S + LINE_MAX_S / 2 + random % (LINE_MAX_S / 2 + 1);
    }
    busy->line_us = place_us;
    uint32_t place_s = (uint32_t)((place_us - now_us) / SECOND_US);
    return LINE_MIN_S + place_s / 2 + random % (place_s + 1);
}
