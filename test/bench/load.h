/*
 * The loop that drives the fleet through one phase at a time:
 *
 *   phase chooses a device and a kind of message -> kind.c writes it -> wire.c sends the batch
 *   wire.c receives -> an answer ends the exchange | a request of the gateway is answered
 *
 * Closed loop: `window` confirmable messages are under way, each answer lets the next one go; it
 * finds the highest throughput. Open loop (`rate`): messages leave when they are due, whatever the
 * answers do, and latency counts from when a message was due, so that a stall shows in every
 * message that it delayed (no coordinated omission).
 */
#pragma once

#include "test/bench/broker.h"
#include "test/bench/exchanges.h"
#include "test/bench/histogram.h"
#include "test/bench/kind.h"
#include "test/bench/process.h"
#include "test/bench/published.h"
#include "test/bench/random.h"
#include "test/bench/report.h"
#include "test/bench/secure.h"
#include "test/bench/wire.h"

struct load;

/** What a phase asks for on the command line: "update:seconds=10,rate=20000,label=busy". */
struct phase_settings {
    char label[40];
    double seconds; /* 0: until the phase ends by itself, or after `count` */
    uint64_t count; /* messages of devices, 0: no limit */
    double rate;    /* messages a second, 0: closed loop */
    uint32_t window;
    uint32_t per;             /* phase's own: see the table in phase.c */
    double pause_ms;          /* closed loop: after an answer, before the next message or command */
    double factor;            /* overload: how many times what a closed loop reached */
    double rates[KIND_COUNT]; /* day: messages a second */
    double command_rate;      /* day: commands a second */
    bool samples;             /* memory of the server each second */
};

enum choice {
    CHOICE_MADE,
    CHOICE_LATER, /* nothing to send right now */
    CHOICE_DONE,  /* the phase has sent everything */
};

/** A phase; members but name, help and choose may be NULL. */
struct phase {
    const char *name;
    const char *help;
    /** @return 0 or a negative errno */
    int (*begin)(struct load *load);
    /** Which device is to send what now; called while messages may leave. */
    enum choice (*choose)(struct load *load, uint32_t *index, enum kind *kind);
    /** Called once per turn of the loop, for what is not a message of kind.h. */
    void (*between)(struct load *load, uint64_t now_ns);
    /** An exchange ended; `verdict` says how. */
    void (*answered)(struct load *load, uint32_t index, enum kind_verdict verdict);
    /** A message without an answer was given up; NULL: as `answered` with KIND_REFUSED. */
    void (*lost)(struct load *load, uint32_t index);
    /** The gateway asked something of a device, which has just queued its answer. */
    void (*asked)(struct load *load, uint32_t index, uint64_t now_ns);
    /** A message of `len` bytes came that the device does not wait for. */
    void (*unmatched)(struct load *load, uint32_t index, const struct message *message, size_t len);
    /** A publish arrived from the broker. */
    void (*published)(struct load *load, const char *topic, const char *payload, uint64_t now_ns);
    /** May write the answer to a request otherwise; returns its length. */
    size_t (*rewrite)(struct load *load, uint32_t index, uint8_t *answer, size_t len);
    /** Ends and adds the phase's own figures. @return 0, or -EPROTO: it failed */
    int (*end)(struct load *load, struct report *report);
};

struct counters {
    uint64_t sent;      /* messages of the devices' own, repetitions not counted */
    uint64_t answered;  /* with success */
    uint64_t refused;   /* with an error code, or reset */
    uint64_t deferred;  /* with 5.03: later */
    uint64_t lost;      /* no answer to the last repetition */
    uint64_t repeated;  /* retransmissions */
    uint64_t asked;     /* requests of the gateway */
    uint64_t unmatched; /* answers that nobody waits for */
    uint64_t commands;  /* sent through the broker */
    uint64_t by_kind[KIND_COUNT];
};

enum { LOAD_SAMPLES_MAX = 7200 };

struct load {
    struct wire *wire;
    struct secure *secure; /* the fleet speaks DTLS; NULL: it does not */
    struct fleet fleet;
    struct exchanges exchanges;
    struct broker *broker; /* NULL: none */
    struct random random;
    int server_pid; /* 0: not known */
    int broker_pid;
    uint16_t server_port;
    const volatile int *interrupted;

    const struct phase *phase;
    struct phase_settings settings;
    void *state;     /* the phase's own */
    uint64_t cursor; /* position of the phase's way through the fleet */
    uint64_t began_ns;
    uint64_t pause_until_ns;
    uint64_t schedule_ns;        /* open loop: since when the rate holds */
    uint64_t schedule_sent;      /* what had been sent by then */
    bool due_now;                /* set by `choose`: the message is none of the schedule's */
    double capacity[KIND_COUNT]; /* answered a second in the last closed loop of a kind */
    const char *restart;         /* command that restarts the server and prints its id; NULL */
    uint64_t sent_until_ns;      /* when the last message of the phase left */
    bool done;                   /* no more is sent */
    uint32_t max_age_s;          /* of the answer at hand */
    uint64_t latency_ns;         /* of the answer at hand, since its message was due */
    struct counters counters;
    struct histogram latency;
    struct published published;
    uint64_t publishes;      /* received by the broker since it started, as it last said */
    uint64_t uptime_said_ns; /* when it said anything at all */
    bool broker_gone;
    uint64_t samples[LOAD_SAMPLES_MAX];
    size_t sample_count;
    uint64_t sample_due_ns;
};

/** Runs a phase with load->phase and load->settings set. @return 0, negative errno of its begin */
[[nodiscard]] int load_run(struct load *load);

/** Open loop: from now on so many messages a second. */
void load_set_rate(struct load *load, double rate, uint64_t now_ns);

/** Forgets all messages under way, as if their devices had been switched off. */
void load_abandon(struct load *load);

/** Goes on answering, and sends nothing, for a while or until the broker has got everything. */
void load_serve(struct load *load, double seconds);
void load_drain(struct load *load);

/** A device for which `eligible` is true and that has nothing under way: the next one on a shuffled
 *  way through the fleet. Each is offered once unless `again`. */
enum choice load_next_device(struct load *load, bool again,
                             bool (*eligible)(const struct device *device), uint32_t *index);
