/*
 * How a fleet becomes registered: in good order, or all of it at once, as after an outage that made
 * everybody forget. A device that is told 5.03, or gets no answer at all, comes again later; both
 * phases last until everybody is registered, or `seconds`.
 *
 * In `register` the fleet is as one: when one is told to come later, all of them pause. A closed
 * loop thus finds the rate at which registrations get through. In a `storm` each device is alone:
 * it comes at `rate`, whatever the answers of others say, and comes again when Max-Age is over.
 */
#include "test/bench/clock.h"
#include "test/bench/later.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <stdlib.h>

#define PAUSE_NS 200000000U

enum { REFUSED_S = 10, LOST_S = 10, SECONDS_MOST = 300 };

struct arrivals {
    struct later later;
    uint64_t registered_ns; /* when the last one was */
    uint64_t came_back;     /* attempts after 5.03, a refusal, or no answer */
};

static int begin(struct load *load)
{
    struct arrivals *arrivals = calloc(1, sizeof(*arrivals));
    if (!arrivals) {
        return -ENOMEM;
    }
    if (load->settings.seconds <= 0) {
        load->settings.seconds = SECONDS_MOST;
    }
    later_init(&arrivals->later, &load->fleet, load->began_ns);
    arrivals->registered_ns = load->began_ns;
    load->state = arrivals;
    return 0;
}

static int begin_storm(struct load *load)
{
    int err = begin(load);
    for (uint32_t i = 0; err == 0 && i < load->fleet.count; i++) {
        fleet_set_registered(&load->fleet, &load->fleet.devices[i], false);
        fleet_set_observed(&load->fleet, &load->fleet.devices[i], false);
    }
    return err;
}

static bool is_unregistered(const struct device *device)
{
    return !device->registered;
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    struct arrivals *arrivals = load->state;
    *kind = KIND_REGISTER;
    *index = later_take(&arrivals->later, clock_ns());
    if (*index != FLEET_NONE) {
        arrivals->came_back++;
        load->due_now = true;
        return CHOICE_MADE;
    }
    if (load_next_device(load, false, is_unregistered, index) == CHOICE_MADE) {
        return CHOICE_MADE;
    }
    return load->fleet.registered == load->fleet.count ? CHOICE_DONE : CHOICE_LATER;
}

static void answered_one(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct arrivals *arrivals = load->state;
    uint64_t now_ns = clock_ns();
    if (verdict == KIND_DONE) {
        arrivals->registered_ns = now_ns;
        return;
    }
    later_add(&arrivals->later, index, now_ns, verdict == KIND_LATER ? 0 : REFUSED_S);
    if (verdict == KIND_LATER) {
        load->pause_until_ns = now_ns + PAUSE_NS;
    }
}

static void answered_alone(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct arrivals *arrivals = load->state;
    uint64_t now_ns = clock_ns();
    if (verdict == KIND_DONE) {
        arrivals->registered_ns = now_ns;
    } else {
        later_add(&arrivals->later, index, now_ns,
                  verdict == KIND_LATER ? load->max_age_s : REFUSED_S);
    }
}

static void lost(struct load *load, uint32_t index)
{
    struct arrivals *arrivals = load->state;
    later_add(&arrivals->later, index, clock_ns(), random_below(&load->random, LOST_S));
}

static int end(struct load *load, struct report *report)
{
    struct arrivals *arrivals = load->state;
    uint32_t left = load->fleet.count - load->fleet.registered;
    report_number(report, "arrival_seconds",
                  (double)(arrivals->registered_ns - load->began_ns) / 1e9);
    report_number(report, "arrival_came_back", (double)arrivals->came_back);
    report_number(report, "arrival_left", left);
    free(arrivals);
    load->state = NULL;
    return left > 0 ? -EPROTO : 0;
}

const struct phase phase_register = {
    .name = "register",
    .help = "every device that is not registered registers; all pause when one is told to",
    .begin = begin,
    .choose = choose,
    .answered = answered_one,
    .lost = lost,
    .end = end,
};

const struct phase phase_storm = {
    .name = "storm",
    .help = "every device has lost its registration and registers anew at `rate`, until all are",
    .begin = begin_storm,
    .choose = choose,
    .answered = answered_alone,
    .lost = lost,
    .end = end,
};
