/*
 * The devices: 64 bytes each in one array, found by index, which is also their address (wire.h)
 * and their endpoint name. The first of them may be a control group, named so differently that no
 * flipped bit turns another device's name into one of theirs.
 */
#pragma once

#include "test/bench/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_NONE UINT32_MAX

enum { FLEET_LOCATION_MAX = 16, FLEET_ENDPOINT_MAX = 32 };

struct device {
    uint64_t due_ns;  /* when the message under way was meant to leave: latency counts from it */
    uint64_t sent_ns; /* when it left last */
    uint32_t older;   /* the list of messages under way (exchanges.h) */
    uint32_t newer;
    uint32_t sequence;    /* of the next notification */
    uint16_t message_id;  /* of the message under way, or the last one */
    uint8_t kind;         /* of the message under way: enum kind */
    uint8_t attempt;      /* transmissions so far, minus one */
    uint8_t location_len; /* 0: never registered */
    uint8_t token_len;    /* of the observation */
    bool registered : 1;
    bool connected : 1; /* has a DTLS session */
    bool observed : 1;
    bool under_way : 1; /* a confirmable message of the device waits for its answer */
    uint8_t token[8];
    char location[FLEET_LOCATION_MAX];
};

struct fleet {
    struct device *devices;
    uint32_t count;
    uint32_t control; /* the first of them are the control group */
    uint32_t stride;  /* coprime to count: fleet_shuffled() */
    uint32_t registered;
    uint32_t observed;
    const struct content *content; /* what they report */
};

/** @return 0 or -ENOMEM */
[[nodiscard]] int fleet_init(struct fleet *fleet, uint32_t count, const struct content *content,
                             uint64_t seed);
void fleet_deinit(struct fleet *fleet);

/** Each index once as `position` goes from 0 to count - 1, and far from the one before. */
uint32_t fleet_shuffled(const struct fleet *fleet, uint64_t position);

/** "bench-0000007"; returns its length. */
size_t fleet_endpoint(const struct fleet *fleet, uint32_t index, char text[FLEET_ENDPOINT_MAX]);

/** The index in "bench-0000007"; FLEET_NONE. */
uint32_t fleet_index_of(const struct fleet *fleet, const char *endpoint);

void fleet_set_registered(struct fleet *fleet, struct device *device, bool registered);
void fleet_set_observed(struct fleet *fleet, struct device *device, bool observed);
