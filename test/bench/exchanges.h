/*
 * Confirmable messages that wait for their answers. For each number of transmissions there is one
 * list, oldest first: within a list every deadline is the same time away, so that what is overdue
 * is at the head, and starting, ending and retransmitting cost the same with one or a million
 * under way. Timeouts double as RFC 7252, 4.2 wants it.
 */
#pragma once

#include "test/bench/fleet.h"

enum { EXCHANGES_ATTEMPTS = 5 }; /* MAX_RETRANSMIT 4 */

struct exchanges {
    struct fleet *fleet;
    uint32_t under_way;
    struct {
        uint32_t oldest;
        uint32_t newest;
    } lists[EXCHANGES_ATTEMPTS];
};

void exchanges_init(struct exchanges *exchanges, struct fleet *fleet);

/** A device's message leaves for the first time. */
void exchanges_begin(struct exchanges *exchanges, uint32_t index, uint64_t now_ns);

/** It leaves again; false when it has been sent often enough. */
bool exchanges_repeat(struct exchanges *exchanges, uint32_t index, uint64_t now_ns);

/** It was answered, or given up. */
void exchanges_end(struct exchanges *exchanges, uint32_t index);

/** A device whose message is to be repeated now; FLEET_NONE. */
uint32_t exchanges_overdue(const struct exchanges *exchanges, uint64_t now_ns);
