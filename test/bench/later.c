#include "test/bench/later.h"

#define TICK_NS (1000000000U / LATER_TICKS)

void later_init(struct later *later, struct fleet *fleet, uint64_t now_ns)
{
    *later = (struct later){ .fleet = fleet, .tick = now_ns / TICK_NS };
    for (unsigned i = 0; i < LATER_LISTS; i++) {
        later->lists[i].first = FLEET_NONE;
        later->lists[i].last = FLEET_NONE;
    }
}

void later_add(struct later *later, uint32_t index, uint64_t now_ns, uint32_t seconds)
{
    uint32_t most = LATER_SECONDS_MAX - 1;
    uint64_t tick =
        now_ns / TICK_NS + 1 + (uint64_t)(seconds < most ? seconds : most) * LATER_TICKS;
    unsigned slot = (unsigned)(tick % LATER_LISTS);
    struct device *devices = later->fleet->devices;
    uint32_t last = later->lists[slot].last;
    devices[index].newer = FLEET_NONE;
    if (last == FLEET_NONE) {
        later->lists[slot].first = index;
    } else {
        devices[last].newer = index;
    }
    later->lists[slot].last = index;
    later->count++;
}

uint32_t later_take(struct later *later, uint64_t now_ns)
{
    uint64_t now = now_ns / TICK_NS;
    while (later->count > 0 && later->tick <= now) {
        unsigned slot = (unsigned)(later->tick % LATER_LISTS);
        uint32_t index = later->lists[slot].first;
        if (index == FLEET_NONE) {
            later->tick++;
            continue;
        }
        later->lists[slot].first = later->fleet->devices[index].newer;
        if (later->lists[slot].first == FLEET_NONE) {
            later->lists[slot].last = FLEET_NONE;
        }
        later->count--;
        return index;
    }
    later->tick = now > later->tick ? now : later->tick;
    return FLEET_NONE;
}
