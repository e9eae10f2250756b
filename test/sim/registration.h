/**
 * The Registration interface, device's side: Register, Update, De-register, Send
 * (Core, 6.2, 6.4.6; Transport, 6.4.3). One request is under way at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <coap3/coap.h>

#include "test/sim/bytes.h"

struct device;

enum registration_state {
    REGISTRATION_OUT,     /**< not registered; registers at next_ms */
    REGISTRATION_IN,      /**< registered; updates at next_ms */
    REGISTRATION_LEAVING, /**< de-registers */
    REGISTRATION_OVER,
};

enum registration_exchange {
    EXCHANGE_NONE,
    EXCHANGE_REGISTER,
    EXCHANGE_UPDATE,
    EXCHANGE_DEREGISTER,
    EXCHANGE_SEND,
};

enum { REGISTRATION_SEGMENTS_MAX = 8 };

struct registration {
    enum registration_state state;
    enum registration_exchange exchange; /**< the request under way */
    uint8_t token[8];                    /**< of that request */
    size_t token_len;
    struct bytes location[REGISTRATION_SEGMENTS_MAX]; /**< path segments; owned */
    size_t location_count;
    int64_t next_ms;
    int64_t disable_ms; /**< how long to stay away after the De-register under way; 0: for ever */
    unsigned int failures;
    bool was_in; /**< has been registered at least once */
    bool refused;
    bool update_wanted, lifetime_changed, objects_changed; /**< set by others */
};

/** Hooks the answers of the server up with the device's network. */
void registration_open(struct device *device);
/** Sends what is due. */
void registration_turn(struct device *device);
int64_t registration_deadline_ms(const struct device *device);
/** After a reboot: all is forgotten but the wish to register. */
void registration_restart(struct device *device);
/** De-registers and comes back after @p seconds (Execute /1/x/4). */
void registration_disable(struct device *device, int64_t seconds);
/** De-registers for good. */
void registration_leave(struct device *device);
/** Sends the values at and below /3303 to the server; does nothing while a request is under way. */
void registration_send(struct device *device);
void registration_deinit(struct registration *registration);
