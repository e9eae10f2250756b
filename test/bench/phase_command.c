/*
 * Commands answered by the fleet (`window` of them under way, `pause` ms between two of a slot),
 * and the same with the broker alone: what a message costs on its way through the broker and the
 * kernel, twice, is no delay of the gateway's. With `rate` they leave when they are due.
 */
#include "test/bench/commander.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { DEFAULT_COUNT = 1000 };

/* `seconds` and `count` mean commands here, not messages of devices. */
struct command_state {
    struct commander *commander;
    uint64_t wanted;
};

static int begin_commands(struct load *load, enum commander_mix mix)
{
    if (!load->broker) {
        return -ENOTCONN;
    }
    struct command_state *state = calloc(1, sizeof(*state));
    uint32_t slots =
        load->settings.window < load->fleet.count ? load->settings.window : load->fleet.count;
    const struct commander_settings settings = { mix, slots, load->settings.pause_ms,
                                                 load->settings.rate };
    struct commander *commander = commander_new(load, &settings);
    if (!state || !commander) {
        free(state);
        commander_free(commander);
        return -ENOMEM;
    }
    state->commander = commander;
    state->wanted = load->settings.count;
    if (state->wanted == 0) {
        state->wanted = load->settings.seconds > 0 ? UINT64_MAX : DEFAULT_COUNT;
    }
    load->settings.count = 0;
    load->state = state;
    return 0;
}

static int begin_command(struct load *load)
{
    return begin_commands(load, COMMANDER_READS);
}

static int begin_ping(struct load *load)
{
    return begin_commands(load, COMMANDER_PING);
}

/* Each registered device once, or the first `count`. */
static int begin_observe(struct load *load)
{
    if (load->settings.count == 0 || load->settings.count > load->fleet.count) {
        load->settings.count = load->fleet.count;
    }
    return begin_commands(load, COMMANDER_OBSERVE);
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    const struct command_state *state = load->state;
    (void)index;
    (void)kind;
    bool all = commander_sent(state->commander) >= state->wanted;
    return all && commander_under_way(state->commander) == 0 ? CHOICE_DONE : CHOICE_LATER;
}

static void between(struct load *load, uint64_t now_ns)
{
    const struct command_state *state = load->state;
    bool stop = load->done || commander_sent(state->commander) >= state->wanted;
    commander_pump(state->commander, load, now_ns, stop);
}

static void asked(struct load *load, uint32_t index, uint64_t now_ns)
{
    const struct command_state *state = load->state;
    commander_asked(state->commander, index, now_ns);
}

static void published(struct load *load, const char *topic, const char *payload, uint64_t now_ns)
{
    const struct command_state *state = load->state;
    (void)topic;
    commander_published(state->commander, payload, now_ns);
}

static int end(struct load *load, struct report *report)
{
    struct command_state *state = load->state;
    commander_report(state->commander, report);
    commander_free(state->commander);
    free(state);
    load->state = NULL;
    return 0;
}

const struct phase phase_command = {
    .name = "command",
    .help = "reads through the broker, `count` of them, `window` under way, `pause` ms between",
    .begin = begin_command,
    .choose = choose,
    .between = between,
    .asked = asked,
    .published = published,
    .end = end,
};

const struct phase phase_observe = {
    .name = "observe",
    .help = "observes what the devices report, of each device in turn or of `count`",
    .begin = begin_observe,
    .choose = choose,
    .between = between,
    .asked = asked,
    .published = published,
    .end = end,
};

const struct phase phase_ping = {
    .name = "ping",
    .help = "reference of `command`: messages through the broker alone",
    .begin = begin_ping,
    .choose = choose,
    .between = between,
    .published = published,
    .end = end,
};
