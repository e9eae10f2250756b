/*
 * Commands through the broker, a bounded number of them under way: published on a device's topic,
 * seen again when the device is asked, done when the answer is published. The three moments give
 * the delay on the way down and on the way up. A slot commands only devices of its own (their
 * index modulo the number of slots), so that a device has one command at a time.
 */
#pragma once

#include "test/bench/load.h"

struct commander;

enum commander_mix {
    COMMANDER_READS,
    COMMANDER_ALL,     /* reads, writes, observations and their end */
    COMMANDER_OBSERVE, /* every device in turn */
    COMMANDER_PING,    /* no device: a message to ourselves, the broker's own delay */
};

struct commander_settings {
    enum commander_mix mix;
    uint32_t slots;  /* commands under way at most */
    double pause_ms; /* between two commands of a slot */
    double rate; /* commands a second in an open loop: their delay counts from when they were due;
                    0: a slot's next command follows its last one's answer */
};

/** @return NULL when memory is short */
struct commander *commander_new(struct load *load, const struct commander_settings *settings);
void commander_free(struct commander *commander);

/** Sends what may leave; with `stop` only gives up what is overdue. */
void commander_pump(struct commander *commander, struct load *load, uint64_t now_ns, bool stop);
void commander_asked(struct commander *commander, uint32_t index, uint64_t now_ns);
void commander_published(struct commander *commander, const char *payload, uint64_t now_ns);

uint64_t commander_sent(const struct commander *commander);
uint32_t commander_under_way(const struct commander *commander);
void commander_report(const struct commander *commander, struct report *report);
