/*
 * Devices that wait some seconds before they try again: a list for each tick, linked through the
 * devices, which have no message under way meanwhile. Adding and taking cost the same with one or a
 * million of them.
 */
#pragma once

#include "test/bench/fleet.h"

enum { LATER_SECONDS_MAX = 256, LATER_TICKS = 16, LATER_LISTS = LATER_SECONDS_MAX * LATER_TICKS };

struct later {
    struct fleet *fleet;
    uint64_t tick; /* the earliest that may still hold somebody */
    uint32_t count;
    struct {
        uint32_t first;
        uint32_t last;
    } lists[LATER_LISTS];
};

void later_init(struct later *later, struct fleet *fleet, uint64_t now_ns);

/** The device waits at least so long; at most LATER_SECONDS_MAX - 1. */
void later_add(struct later *later, uint32_t index, uint64_t now_ns, uint32_t seconds);

/** A device that has waited long enough; FLEET_NONE. */
uint32_t later_take(struct later *later, uint64_t now_ns);
