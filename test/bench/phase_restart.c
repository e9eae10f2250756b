/*
 * A restart: the command of --restart kills the server, starts it anew and prints the new process
 * id at once. From then on one Update every few milliseconds asks whether it serves again; the
 * time counts from the start of the new process. That all devices are still known is for an
 * `update` phase to show.
 */
#include "test/bench/clock.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBE_RATE 200

struct restart {
    uint64_t started_ns;
    uint64_t served_ns; /* 0: not yet */
};

static int run_command(struct load *load)
{
    char line[64] = "";
    FILE *output = popen(load->restart, "r"); /* the user's own command line */
    if (!output) {
        return -errno;
    }
    const char *got = fgets(line, sizeof(line), output);
    int status = pclose(output);
    load->server_pid = got ? atoi(line) : 0;
    return status == 0 && load->server_pid > 0 ? 0 : -EPROTO;
}

static int begin(struct load *load)
{
    struct restart *restart = calloc(1, sizeof(*restart));
    int err = !restart ? -ENOMEM : !load->restart || load->fleet.registered == 0 ? -EINVAL : 0;
    err = err ? err : run_command(load);
    if (err) {
        free(restart);
        return err;
    }
    restart->started_ns = clock_ns();
    load->began_ns = restart->started_ns;
    load->state = restart;
    load_set_rate(load, PROBE_RATE, restart->started_ns);
    return 0;
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    const struct restart *restart = load->state;
    *kind = KIND_UPDATE;
    if (restart->served_ns > 0) {
        load_abandon(load);
        return CHOICE_DONE;
    }
    *index = fleet_shuffled(&load->fleet, load->cursor++);
    const struct device *device = &load->fleet.devices[*index];
    return device->registered && !device->under_way ? CHOICE_MADE : CHOICE_LATER;
}

static void answered(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct restart *restart = load->state;
    (void)index;
    if (verdict == KIND_DONE && restart->served_ns == 0) {
        restart->served_ns = clock_ns();
    }
}

static int end(struct load *load, struct report *report)
{
    struct restart *restart = load->state;
    bool served = restart->served_ns > 0;
    if (served) {
        report_number(report, "restart_ms",
                      (double)(restart->served_ns - restart->started_ns) / 1e6);
    }
    free(restart);
    load->state = NULL;
    return served ? 0 : -ETIMEDOUT;
}

const struct phase phase_restart = {
    .name = "restart",
    .help = "kills the server, starts it anew (--restart), waits until it serves, or `seconds`",
    .begin = begin,
    .choose = choose,
    .answered = answered,
    .end = end,
};
