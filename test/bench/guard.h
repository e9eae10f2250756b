/*
 * bench-guard: the whole gateway on one thread, with everything around it replaced by something
 * that repeats to the instruction, so that callgrind can count what a message costs.
 *
 *   guard.c          what is measured: the rows, one after the other
 *   guard_devices.c  the fleet's messages, and its answers to the gateway's
 *   guard_broker.c   for mqtt/worker.c and paho: confirms publishes, sends commands
 *   guard_kernel.c   for libc: recvmmsg, sendmmsg, clock, random numbers
 *   guard_store.c    for gateway/store/store_checkpoint.c: moves the log without a thread
 *
 * The linker takes their functions in place of the named ones. All else is the gateway as it is:
 * gateway_run() with its loop, JSON, backlog, mqtt/'s slots and queues, the store, DTLS. Not
 * counted is what happens inside guard_world_…(): see the script `guard`.
 */
#pragma once

#include "test/bench/fleet.h"
#include "test/bench/kind.h"
#include "test/bench/random.h"
#include "test/bench/secure.h"

struct mmsghdr;
struct mqtt_link;

enum {
    GUARD_BATCH = 32, /* datagrams, or commands, of one turn of the loop */
};

/* A row of what is done. */
struct guard_step {
    const char *name;    /* of the figure; NULL: only done */
    const char *content; /* what the devices have to say from here on; NULL: as before */
    const char *command; /* msgType, its path is the content's; NULL: messages of devices */
    enum kind kind;      /* of these */
    uint32_t first;      /* device */
    uint32_t count;      /* of messages; after the last device comes `first` once more */
    uint32_t publishes;  /* that come of each message */
    uint32_t wait_s;     /* passes before it */
    bool broker_is_away; /* from its beginning on; what the broker missed is never sent */
};

/* The one world there is: libc's functions, which it stands in for, have no context either. */
extern struct guard_world {
    struct fleet fleet;
    struct secure *secure; /* the fleet's DTLS; NULL: plain UDP */
    struct mqtt_link *link;
    uint16_t port;
    const struct guard_step *step;
    uint32_t begun; /* messages of the step */
    uint32_t ended; /* answered, or commands carried out */
    uint32_t published;
    uint64_t now_ms;
    struct random random;
} guard_world;

/** Ends the program, naming the row that is measured or prepared. */
_Noreturn void guard_give_up(const char *why);

/** Nothing is under way: goes on to the next step when this one is done, then sends a batch. */
void guard_go_on(void);

/** Whether all that was begun has ended, and its publishes have come. */
bool guard_batch_is_done(void);

/* --- guard_devices.c --- */

void guard_devices_send(uint32_t index);
void guard_devices_receive(uint32_t index, const uint8_t *data, size_t len);

/* --- guard_broker.c --- */

/** Serves what the gateway asked for. */
void guard_broker_turn(void);

/** Whether it is as the step wants it, connected or away. */
bool guard_broker_is_ready(void);

/** Publishes the step's command to a device. */
void guard_broker_command(uint32_t index);

/* --- guard_kernel.c --- */

/** What the fleet sends goes here, and from here into recvmmsg(). */
struct wire *guard_wire(void);

/** A port that nobody has. */
uint16_t guard_free_port(void);
