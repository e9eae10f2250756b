/*
 * The reconnect storm: as after an outage, the whole fleet has forgotten its registrations and
 * registers anew, at `rate`, whatever the answers do. A device that is told 5.03 waits as long as
 * Max-Age says, one that got no answer at all some seconds; the phase lasts until everybody is
 * registered, or `seconds`.
 */
#include "test/bench/clock.h"
#include "test/bench/later.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <stdlib.h>

enum { REFUSED_S = 10, LOST_S = 10 };

struct storm {
    struct later later;
    uint64_t registered_ns; /* when the last one was */
    uint64_t came_back;     /* retries after 5.03, a refusal, or no answer */
};

static int begin(struct load *load)
{
    struct storm *storm = calloc(1, sizeof(*storm));
    if (!storm) {
        return -ENOMEM;
    }
    later_init(&storm->later, &load->fleet, load->began_ns);
    storm->registered_ns = load->began_ns;
    load->state = storm;
    for (uint32_t i = 0; i < load->fleet.count; i++) {
        fleet_set_registered(&load->fleet, &load->fleet.devices[i], false);
        fleet_set_observed(&load->fleet, &load->fleet.devices[i], false);
    }
    return 0;
}

static bool is_unregistered(const struct device *device)
{
    return !device->registered;
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    struct storm *storm = load->state;
    *kind = KIND_REGISTER;
    *index = later_take(&storm->later, clock_ns());
    if (*index != FLEET_NONE) {
        storm->came_back++;
        load->due_now = true;
        return CHOICE_MADE;
    }
    if (load_next_device(load, false, is_unregistered, index) == CHOICE_MADE) {
        return CHOICE_MADE;
    }
    return load->fleet.registered == load->fleet.count ? CHOICE_DONE : CHOICE_LATER;
}

static void answered(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct storm *storm = load->state;
    uint64_t now_ns = clock_ns();
    if (verdict == KIND_DONE) {
        storm->registered_ns = now_ns;
    } else {
        later_add(&storm->later, index, now_ns,
                  verdict == KIND_LATER ? load->max_age_s : REFUSED_S);
    }
}

static void lost(struct load *load, uint32_t index)
{
    struct storm *storm = load->state;
    later_add(&storm->later, index, clock_ns(), random_below(&load->random, LOST_S));
}

static int end(struct load *load, struct report *report)
{
    struct storm *storm = load->state;
    uint32_t left = load->fleet.count - load->fleet.registered;
    report_number(report, "storm_seconds", (double)(storm->registered_ns - load->began_ns) / 1e9);
    report_number(report, "storm_came_back", (double)storm->came_back);
    report_number(report, "storm_left", left);
    free(storm);
    load->state = NULL;
    return left > 0 ? -EPROTO : 0;
}

const struct phase phase_storm = {
    .name = "storm",
    .help = "every device has lost its registration and registers anew at `rate`, until all are",
    .begin = begin,
    .choose = choose,
    .answered = answered,
    .lost = lost,
    .end = end,
};
