#include "lwm2m/busy.h"

#define RANDOM_MIN_S 30
#define RANDOM_MAX_S 120
#define LINE_MIN_S   5   /* a line that is shorter is not worth another attempt */
#define LINE_MAX_S   120 /* who would come later comes at random, and takes a place anew */
#define SECOND_US    1000000

uint32_t lwm2m_busy_max_age_s(struct lwm2m_busy *busy, uint32_t random, uint64_t now_ms)
{
    if (busy->per_second == 0) {
        return RANDOM_MIN_S + random % (RANDOM_MAX_S - RANDOM_MIN_S + 1);
    }
    uint64_t now_us = now_ms * 1000;
    uint64_t place_us =
        (busy->line_us > now_us ? busy->line_us : now_us) + SECOND_US / busy->per_second;
    if (place_us > now_us + (uint64_t)LINE_MAX_S * SECOND_US) {
        return LINE_MIN_S + LINE_MAX_S / 2 + random % (LINE_MAX_S / 2 + 1);
    }
    busy->line_us = place_us;
    uint32_t place_s = (uint32_t)((place_us - now_us) / SECOND_US);
    return LINE_MIN_S + place_s / 2 + random % (place_s + 1);
}
