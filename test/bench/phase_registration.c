/*
 * What is there before a registration, in its life and at its end: handshake, Update, De-register,
 * each by one device after the other. phase_register.c has how they come about.
 */
#include "test/bench/phase.h"

static bool is_registered(const struct device *device)
{
    return device->registered;
}

static bool is_disconnected(const struct device *device)
{
    return !device->connected;
}

static enum choice choose_handshake(struct load *load, uint32_t *index, enum kind *kind)
{
    *kind = KIND_HANDSHAKE;
    return load->secure ? load_next_device(load, false, is_disconnected, index) : CHOICE_DONE;
}

static enum choice choose_update(struct load *load, uint32_t *index, enum kind *kind)
{
    *kind = KIND_UPDATE;
    return load->fleet.registered == 0 ? CHOICE_DONE
                                       : load_next_device(load, true, is_registered, index);
}

static enum choice choose_deregister(struct load *load, uint32_t *index, enum kind *kind)
{
    *kind = KIND_DEREGISTER;
    return load_next_device(load, false, is_registered, index);
}

const struct phase phase_handshake = {
    .name = "handshake",
    .help = "every device without a DTLS session makes one (--dtls)",
    .choose = choose_handshake,
};

const struct phase phase_update = {
    .name = "update",
    .help = "registered devices send empty Updates, for `seconds` or `count`",
    .choose = choose_update,
};

const struct phase phase_deregister = {
    .name = "deregister",
    .help = "every registered device de-registers",
    .choose = choose_deregister,
};
