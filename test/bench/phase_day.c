/*
 * A day of a fleet, in a hurry: registrations, Updates, de-registrations, notifications and
 * commands at the rates of the command line, in an open loop. Who has left registers again in the
 * same order. What is asked for beyond what can be sent (a Register, but everybody is registered)
 * becomes an Update, so that the rate holds.
 */
#include "test/bench/commander.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_SLOTS = 256, TRIES = 16 };

/* When nothing else is asked for: a message a minute per device, an Update each five minutes. */
static const double usual[KIND_COUNT] = {
    [KIND_REGISTER] = 20,     [KIND_UPDATE] = 400,      [KIND_DEREGISTER] = 20,
    [KIND_NOTIFY_CON] = 1000, [KIND_NOTIFY_NON] = 1000,
};

struct day {
    struct commander *commander; /* NULL: no commands */
    uint32_t *gone;              /* ring of those that left, oldest first */
    uint32_t gone_first;
    uint32_t gone_count;
    double total;
};

static double sum(const double rates[KIND_COUNT])
{
    double total = 0;
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        total += rates[i];
    }
    return total;
}

static void free_day(struct day *day)
{
    if (day) {
        commander_free(day->commander);
        free(day->gone);
        free(day);
    }
}

static int begin(struct load *load)
{
    struct phase_settings *settings = &load->settings;
    if (sum(settings->rates) <= 0) {
        memcpy(settings->rates, usual, sizeof(usual));
    }
    struct day *day = calloc(1, sizeof(*day));
    uint32_t *gone = calloc(load->fleet.count, sizeof(*gone));
    if (!day || !gone) {
        free(day);
        free(gone);
        return -ENOMEM;
    }
    day->gone = gone;
    day->total = sum(settings->rates);
    if (load->broker && settings->command_rate > 0) {
        const struct commander_settings commands = { COMMANDER_READS, COMMAND_SLOTS, 0,
                                                     settings->command_rate };
        day->commander = commander_new(load, &commands);
        if (!day->commander) {
            free_day(day);
            return -ENOMEM;
        }
    }
    load->state = day;
    load_set_rate(load, day->total, load->began_ns);
    return 0;
}

static enum kind draw(struct load *load, const struct day *day)
{
    double dice = random_below(&load->random, UINT32_MAX) / (double)UINT32_MAX * day->total;
    for (unsigned i = 0; i + 1 < KIND_MESSAGES; i++) {
        dice -= load->settings.rates[i];
        if (dice < 0) {
            return (enum kind)i;
        }
    }
    return KIND_MESSAGES - 1;
}

static bool take_gone(struct load *load, struct day *day, uint32_t *index)
{
    if (day->gone_count == 0) {
        return false;
    }
    *index = day->gone[day->gone_first];
    day->gone_first = (day->gone_first + 1) % load->fleet.count;
    day->gone_count--;
    return !load->fleet.devices[*index].under_way;
}

static bool can_send(const struct device *device, enum kind kind)
{
    bool notifies = kind == KIND_NOTIFY_CON || kind == KIND_NOTIFY_NON;
    return !device->under_way && (notifies ? device->observed : device->registered);
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    struct day *day = load->state;
    *kind = draw(load, day);
    if (*kind == KIND_REGISTER && take_gone(load, day, index)) {
        return CHOICE_MADE;
    }
    for (unsigned i = 0; i < TRIES; i++) {
        *kind = *kind == KIND_REGISTER || i >= TRIES / 2 ? KIND_UPDATE : *kind;
        *index = fleet_shuffled(&load->fleet, load->cursor++);
        if (can_send(&load->fleet.devices[*index], *kind)) {
            return CHOICE_MADE;
        }
    }
    return CHOICE_LATER;
}

static void answered(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct day *day = load->state;
    (void)verdict;
    if (!load->fleet.devices[index].registered && day->gone_count < load->fleet.count) {
        day->gone[(day->gone_first + day->gone_count) % load->fleet.count] = index;
        day->gone_count++;
    }
}

static void between(struct load *load, uint64_t now_ns)
{
    const struct day *day = load->state;
    if (day->commander) {
        commander_pump(day->commander, load, now_ns, load->done);
    }
}

static void asked(struct load *load, uint32_t index, uint64_t now_ns)
{
    const struct day *day = load->state;
    if (day->commander) {
        commander_asked(day->commander, index, now_ns);
    }
}

static void published(struct load *load, const char *topic, const char *payload, uint64_t now_ns)
{
    const struct day *day = load->state;
    (void)topic;
    if (day->commander) {
        commander_published(day->commander, payload, now_ns);
    }
}

static int end(struct load *load, struct report *report)
{
    struct day *day = load->state;
    phase_report_kinds(load, report);
    if (day->commander) {
        commander_report(day->commander, report);
    }
    free_day(day);
    load->state = NULL;
    return 0;
}

const struct phase phase_day = {
    .name = "day",
    .help = "open loop: register, update, deregister, con, non, command = so many a second",
    .begin = begin,
    .choose = choose,
    .between = between,
    .asked = asked,
    .answered = answered,
    .published = published,
    .end = end,
};
