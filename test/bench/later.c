#include "test/bench/later.h"

#define SECOND_NS 1000000000U

void later_init(struct later *later, struct fleet *fleet, uint64_t now_ns)
{
    *later = (struct later){ .fleet = fleet, .second = now_ns / SECOND_NS };
    for (unsigned i = 0; i < LATER_SECONDS_MAX; i++) {
        later->lists[i].first = FLEET_NONE;
        later->lists[i].last = FLEET_NONE;
    }
}

void later_add(struct later *later, uint32_t index, uint64_t now_ns, uint32_t seconds)
{
    uint32_t most = LATER_SECONDS_MAX - 2;
    uint64_t second = now_ns / SECOND_NS + 1 + (seconds < most ? seconds : most);
    unsigned slot = (unsigned)(second % LATER_SECONDS_MAX);
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
    uint64_t now = now_ns / SECOND_NS;
    while (later->count > 0 && later->second <= now) {
        unsigned slot = (unsigned)(later->second % LATER_SECONDS_MAX);
        uint32_t index = later->lists[slot].first;
        if (index == FLEET_NONE) {
            later->second++;
            continue;
        }
        later->lists[slot].first = later->fleet->devices[index].newer;
        if (later->lists[slot].first == FLEET_NONE) {
            later->lists[slot].last = FLEET_NONE;
        }
        later->count--;
        return index;
    }
    later->second = now > later->second ? now : later->second;
    return FLEET_NONE;
}
