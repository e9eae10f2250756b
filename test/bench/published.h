/*
 * How fast the broker received publishes while it received them without a pause: what it says once
 * a second ($SYS), without the beginning and the end. In a phase that is shorter than what it gives
 * to publish, messages wait in the gateway when the last is answered; this rate tells how fast they
 * really leave it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PUBLISHED_MOST = 600 };

struct published {
    struct {
        uint64_t ns, count;
    } said[PUBLISHED_MOST];
    size_t used;
};

/** The broker says how many it has received since it started; beyond PUBLISHED_MOST, nothing. */
void published_note(struct published *published, uint64_t ns, uint64_t count);

/** Per second, without the first and the last twentieth of what came from `before` to `after`; 0
 * when the broker did not say it twice in between. */
double published_rate(const struct published *published, uint64_t before, uint64_t after);
