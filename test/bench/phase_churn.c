/*
 * Everything at once, for the soak: devices come and go, update, notify; commands read, write,
 * observe and cancel. A device that is drawn does what its state allows: about one message in
 * twenty ends a registration, so a device lives through twenty messages.
 */
#include "test/bench/commander.h"
#include "test/bench/phase.h"

#include <errno.h>

enum { COMMAND_SLOTS = 16, TRIES = 16 };

static int begin(struct load *load)
{
    load->state = NULL;
    if (load->broker) {
        const struct commander_settings settings = { .mix = COMMANDER_ALL, .slots = COMMAND_SLOTS };
        load->state = commander_new(load, &settings);
    }
    return load->broker && !load->state ? -ENOMEM : 0;
}

static enum kind kind_for(const struct device *device, uint32_t dice)
{
    if (!device->registered) {
        return KIND_REGISTER;
    }
    if (dice < 5) {
        return KIND_DEREGISTER;
    }
    if (!device->observed || dice < 30) {
        return KIND_UPDATE;
    }
    return dice < 65 ? KIND_NOTIFY_CON : KIND_NOTIFY_NON;
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    for (unsigned i = 0; i < TRIES; i++) {
        *index = random_below(&load->random, load->fleet.count);
        const struct device *device = &load->fleet.devices[*index];
        if (!device->under_way) {
            *kind = kind_for(device, random_below(&load->random, 100));
            return CHOICE_MADE;
        }
    }
    return CHOICE_LATER;
}

static void between(struct load *load, uint64_t now_ns)
{
    if (load->state) {
        commander_pump(load->state, load, now_ns, load->done);
    }
}

static void asked(struct load *load, uint32_t index, uint64_t now_ns)
{
    if (load->state) {
        commander_asked(load->state, index, now_ns);
    }
}

static void published(struct load *load, const char *topic, const char *payload, uint64_t now_ns)
{
    (void)topic;
    if (load->state) {
        commander_published(load->state, payload, now_ns);
    }
}

static int end(struct load *load, struct report *report)
{
    phase_report_kinds(load, report);
    if (load->state) {
        commander_report(load->state, report);
        commander_free(load->state);
        load->state = NULL;
    }
    return 0;
}

const struct phase phase_churn = {
    .name = "churn",
    .help = "registrations, updates, notifications, commands and de-registrations, for `seconds`",
    .begin = begin,
    .choose = choose,
    .between = between,
    .asked = asked,
    .published = published,
    .end = end,
};
