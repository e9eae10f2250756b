#include "test/bench/exchanges.h"

#define FIRST_TIMEOUT_NS                                                                           \
    2500000000U /* the middle of ACK_TIMEOUT … ACK_TIMEOUT * ACK_RANDOM_FACTOR */

void exchanges_init(struct exchanges *exchanges, struct fleet *fleet)
{
    *exchanges = (struct exchanges){ .fleet = fleet };
    for (unsigned i = 0; i < EXCHANGES_ATTEMPTS; i++) {
        exchanges->lists[i].oldest = FLEET_NONE;
        exchanges->lists[i].newest = FLEET_NONE;
    }
}

static void append(struct exchanges *exchanges, uint32_t index, uint64_t now_ns)
{
    struct device *devices = exchanges->fleet->devices;
    struct device *device = &devices[index];
    uint32_t newest = exchanges->lists[device->attempt].newest;
    device->sent_ns = now_ns;
    device->older = newest;
    device->newer = FLEET_NONE;
    if (newest == FLEET_NONE) {
        exchanges->lists[device->attempt].oldest = index;
    } else {
        devices[newest].newer = index;
    }
    exchanges->lists[device->attempt].newest = index;
}

static void take_out(struct exchanges *exchanges, uint32_t index)
{
    struct device *devices = exchanges->fleet->devices;
    const struct device *device = &devices[index];
    if (device->older == FLEET_NONE) {
        exchanges->lists[device->attempt].oldest = device->newer;
    } else {
        devices[device->older].newer = device->newer;
    }
    if (device->newer == FLEET_NONE) {
        exchanges->lists[device->attempt].newest = device->older;
    } else {
        devices[device->newer].older = device->older;
    }
}

void exchanges_begin(struct exchanges *exchanges, uint32_t index, uint64_t now_ns)
{
    exchanges->fleet->devices[index].attempt = 0;
    exchanges->fleet->devices[index].under_way = true;
    exchanges->under_way++;
    append(exchanges, index, now_ns);
}

bool exchanges_repeat(struct exchanges *exchanges, uint32_t index, uint64_t now_ns)
{
    struct device *device = &exchanges->fleet->devices[index];
    if (device->attempt + 1 == EXCHANGES_ATTEMPTS) {
        return false;
    }
    take_out(exchanges, index);
    device->attempt++;
    append(exchanges, index, now_ns);
    return true;
}

void exchanges_end(struct exchanges *exchanges, uint32_t index)
{
    take_out(exchanges, index);
    exchanges->fleet->devices[index].under_way = false;
    exchanges->under_way--;
}

uint32_t exchanges_overdue(const struct exchanges *exchanges, uint64_t now_ns)
{
    for (unsigned i = 0; i < EXCHANGES_ATTEMPTS; i++) {
        uint32_t oldest = exchanges->lists[i].oldest;
        if (oldest != FLEET_NONE &&
            now_ns - exchanges->fleet->devices[oldest].sent_ns > (uint64_t)FIRST_TIMEOUT_NS << i) {
            return oldest;
        }
    }
    return FLEET_NONE;
}
