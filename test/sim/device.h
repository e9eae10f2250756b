/**
 * One simulated device: what it holds, what it is about to do, and its connection.
 *
 * The parts act on it through the wishes below, so that a handler never does something
 * that has to wait for its own reply: a reboot, an Update, going to sleep.
 */
#pragma once

#include "test/sim/attributes.h"
#include "test/sim/network.h"
#include "test/sim/observation.h"
#include "test/sim/options.h"
#include "test/sim/registration.h"
#include "test/sim/server.h"
#include "test/sim/store.h"

enum { DEVICE_NEVER = -1 };

struct device {
    const struct options *options; /**< borrowed */
    char endpoint[128];
    char identity[OPTIONS_IDENTITY_MAX + 8]; /**< of the pre-shared key */
    int64_t now_ms;                          /**< monotonic, set at each turn of the loop */

    struct store store;
    struct attributes attributes;
    struct network network;
    struct server server;
    struct registration registration;
    struct observations observations;

    /* Deadlines on the clock of now_ms; DEVICE_NEVER when there is none. */
    int64_t move_at_ms;
    int64_t send_at_ms;
    int64_t reboot_at_ms;
    int64_t firmware_at_ms;
    int64_t last_sent_ms;  /**< the last message of its own or reply: what keeps it awake */
    int64_t time_offset_s; /**< of /3/0/13, since it was written */
    unsigned int moves;    /**< how often the values moved */
    bool asleep;
};

/** Opens the connection. @return 0 or a negative errno; the reason is on stderr */
[[nodiscard]] int device_init(struct device *device, const struct options *options,
                              unsigned int index, int64_t now_ms);
void device_deinit(struct device *device);

/** Handles what arrived and what is due. */
void device_turn(struct device *device, int64_t now_ms);
/** When device_turn() must run again at the latest even if nothing arrives. */
int64_t device_deadline_ms(const struct device *device);
/** Notes that a message goes out; wakes the device up. */
void device_spoke(struct device *device);
/** What a test can ask for by a signal. */
void device_move(struct device *device);   /**< to another local port; DTLS only */
void device_forget(struct device *device); /**< its DTLS session */
void device_update(struct device *device); /**< sends an Update */
/** De-registers; done when registration_is_over(). */
void device_leave(struct device *device);

/** Prints one line; with several devices each line starts with "[endpoint] ". */
void device_say(const struct device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
