/*
 * Whether so much waits in the buffer of a socket that what comes next will soon be lost, unless
 * those who can come later are told to.
 */
#pragma once

#include <stdbool.h>

enum { FLOOD_FROM_PERCENT = 50, FLOOD_UNTIL_PERCENT = 25 };

struct flood {
    bool lasts;
};

/** After reading. @param percent  of the buffer, that is still full */
static inline void flood_note(struct flood *flood, unsigned percent)
{
    flood->lasts = percent >= (flood->lasts ? FLOOD_UNTIL_PERCENT : FLOOD_FROM_PERCENT);
}
