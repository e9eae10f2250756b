#include "test/bench/fleet.h"

#include "test/bench/random.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct device) <= 64);

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

int fleet_init(struct fleet *fleet, uint32_t count, const struct content *content, uint64_t seed)
{
    *fleet = (struct fleet){ .count = count, .content = content };
    fleet->devices = calloc(count, sizeof(*fleet->devices));
    if (!fleet->devices) {
        return -ENOMEM;
    }
    /* The golden section spreads neighbours as far apart as can be. */
    fleet->stride = (uint32_t)(count * 0.618) | 1;
    while (greatest_common_divisor(fleet->stride, count) != 1) {
        fleet->stride += 2;
    }
    /* Runs against a gateway that still remembers an earlier one must not look like duplicates. */
    struct random random = random_of(seed);
    for (uint32_t i = 0; i < count; i++) {
        fleet->devices[i].message_id = (uint16_t)random_next(&random);
    }
    return 0;
}

void fleet_deinit(struct fleet *fleet)
{
    free(fleet->devices);
    *fleet = (struct fleet){ 0 };
}

uint32_t fleet_shuffled(const struct fleet *fleet, uint64_t position)
{
    return (uint32_t)(position % fleet->count * fleet->stride % fleet->count);
}

size_t fleet_endpoint(const struct fleet *fleet, uint32_t index, char text[FLEET_ENDPOINT_MAX])
{
    const char *group = index < fleet->control ? "control" : "bench";
    return (size_t)snprintf(text, FLEET_ENDPOINT_MAX, "%s-%07" PRIu32, group, index);
}

uint32_t fleet_index_of(const struct fleet *fleet, const char *endpoint)
{
    uint32_t index = 0;
    if (sscanf(endpoint, "bench-%7" SCNu32, &index) != 1 || index >= fleet->count) {
        return FLEET_NONE;
    }
    return index;
}

void fleet_set_registered(struct fleet *fleet, struct device *device, bool registered)
{
    if (device->registered != registered) {
        fleet->registered += registered ? 1U : UINT32_MAX;
        device->registered = registered;
    }
}

void fleet_set_observed(struct fleet *fleet, struct device *device, bool observed)
{
    if (device->observed != observed) {
        fleet->observed += observed ? 1U : UINT32_MAX;
        device->observed = observed;
    }
}
