/*
 * Notifications of observed paths. Confirmable ones have a window like any other message.
 * Non-confirmable ones are not answered: every `per`th message is a confirmable Update, and it is
 * those that the window counts. The gateway's socket keeps order, so an answered Update means that
 * the notifications before it were taken in; those that found no room count as dropped.
 */
#include "test/bench/phase.h"

enum { NON_PER_UPDATE = 32 };

static bool is_observed(const struct device *device)
{
    return device->observed;
}

static enum choice choose_con(struct load *load, uint32_t *index, enum kind *kind)
{
    *kind = KIND_NOTIFY_CON;
    return load->fleet.observed == 0 ? CHOICE_DONE
                                     : load_next_device(load, true, is_observed, index);
}

static int begin_non(struct load *load)
{
    if (load->settings.per == 0) {
        load->settings.per = NON_PER_UPDATE;
    }
    uint32_t window = load->settings.window / load->settings.per;
    load->settings.window = window > 0 ? window : 1;
    return 0;
}

static enum choice choose_non(struct load *load, uint32_t *index, enum kind *kind)
{
    bool update = load->counters.sent % load->settings.per == load->settings.per - 1;
    *kind = update ? KIND_UPDATE : KIND_NOTIFY_NON;
    return load->fleet.observed == 0 ? CHOICE_DONE
                                     : load_next_device(load, true, is_observed, index);
}

/* --- settle: the gateway sets up its observations --- */

/* Until every registered device is observed, or `seconds` have passed. */
static enum choice choose_settle(struct load *load, uint32_t *index, enum kind *kind)
{
    (void)index;
    (void)kind;
    return load->fleet.observed == load->fleet.registered ? CHOICE_DONE : CHOICE_LATER;
}

static int end_settle(struct load *load, struct report *report)
{
    report_number(report, "unobserved", load->fleet.registered - load->fleet.observed);
    return 0;
}

const struct phase phase_settle = {
    .name = "settle",
    .help = "wait until the gateway observes every registered device, at most `seconds`",
    .choose = choose_settle,
    .end = end_settle,
};

const struct phase phase_notify_con = {
    .name = "notify-con",
    .help = "observed devices send confirmable notifications",
    .choose = choose_con,
};

const struct phase phase_notify_non = {
    .name = "notify-non",
    .help = "observed devices send non-confirmable notifications, every `per`th message an Update",
    .begin = begin_non,
    .choose = choose_non,
};
