/*
 * Overload: an open loop at `factor` times what the last closed loop of the same kind reached, for
 * `seconds`. A device whose turn it is sends its next message even if the last one has no answer
 * yet, and repeats nothing: so the load stays what it is meant to be. What is answered too late for
 * that counts as answered, too, and so do the answers that came faster than the fleet, on the same
 * processors, could read them.
 *
 * Before the load and after it a thousand messages a second probe how long an answer takes. The
 * load stops at once, everything under way is forgotten. It is over when, of the hundred probes of
 * a tenth of a second, no more than one takes longer than ninety-nine of a hundred did before.
 */
#include "test/bench/clock.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <stdlib.h>

#define BEFORE_SECONDS 1
#define AFTER_SECONDS  3
#define PROBE_RATE     1000
#define AS_EVER_NS     20000000U /* an answer within this is one as ever, whatever came before */
#define SAMPLE_NS      100000000U
#define TENTH_NS       100000000U

enum { LOOKS = 64, AFTER_TENTHS = AFTER_SECONDS * 10, SLOW_PERCENT = 1 };

enum stage { STAGE_BEFORE, STAGE_LOAD, STAGE_AFTER };

struct overload {
    enum kind kind;
    double seconds;
    double rate;
    enum stage stage;
    uint64_t began_ns; /* the load */
    uint64_t ended_ns;
    uint64_t as_ever_ns; /* an answer within this is one as before */
    uint64_t sent;       /* before the load, then in it */
    uint64_t answered;
    uint64_t abandoned; /* not answered when the device's next turn came, or at the end */
    uint64_t unmatched; /* answered after that */
    uint64_t own_drops; /* answers that were not read in time */
    uint64_t slow_ns;   /* when the last probe that took too long had left */
    struct {
        uint32_t sent;
        uint32_t slow;
    } tenths[AFTER_TENTHS]; /* probes after the load, by when they were due */
    uint64_t probes_lost;   /* not answered at all */
    uint64_t rss_kib;       /* highest */
    uint64_t sampled_ns;
    struct histogram before;
    struct histogram latency;
};

static int begin_kind(struct load *load, enum kind kind)
{
    double rate =
        load->settings.rate > 0
            ? load->settings.rate
            : load->capacity[kind] * (load->settings.factor > 0 ? load->settings.factor : 2);
    if (rate <= 0) {
        return -EINVAL; /* nothing was measured before */
    }
    struct overload *overload = calloc(1, sizeof(*overload));
    if (!overload) {
        return -ENOMEM;
    }
    overload->kind = kind;
    overload->seconds = load->settings.seconds > 0 ? load->settings.seconds : 3;
    load->settings.seconds = BEFORE_SECONDS + overload->seconds + AFTER_SECONDS;
    overload->rate = rate;
    load->state = overload;
    load_set_rate(load, PROBE_RATE, load->began_ns);
    return 0;
}

static int begin_update(struct load *load)
{
    return begin_kind(load, KIND_UPDATE);
}

static int begin_notify(struct load *load)
{
    return begin_kind(load, KIND_NOTIFY_CON);
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    struct overload *overload = load->state;
    *kind = overload->kind;
    for (unsigned i = 0; i < LOOKS; i++) {
        *index = fleet_shuffled(&load->fleet, load->cursor++);
        const struct device *device = &load->fleet.devices[*index];
        if (*kind == KIND_UPDATE ? !device->registered : !device->observed) {
            continue;
        }
        if (device->under_way) {
            exchanges_end(&load->exchanges, *index);
            overload->abandoned++;
        }
        return CHOICE_MADE;
    }
    return CHOICE_LATER;
}

static void begin_load(struct load *load, struct overload *overload, uint64_t now_ns)
{
    uint64_t usual_ns = 2 * histogram_percentile(&overload->before, 99);
    overload->as_ever_ns = usual_ns > AS_EVER_NS ? usual_ns : AS_EVER_NS;
    overload->stage = STAGE_LOAD;
    overload->began_ns = now_ns;
    overload->sent = load->counters.sent;
    overload->abandoned = 0;
    overload->unmatched = load->counters.unmatched;
    overload->own_drops = process_udp_drops(wire_port(load->wire));
    load_set_rate(load, overload->rate, now_ns);
}

static void end_load(struct load *load, struct overload *overload, uint64_t now_ns)
{
    overload->stage = STAGE_AFTER;
    overload->ended_ns = now_ns;
    overload->sent = load->counters.sent - overload->sent;
    overload->abandoned += load->exchanges.under_way;
    load_abandon(load);
    load_set_rate(load, PROBE_RATE, now_ns);
}

static void between(struct load *load, uint64_t now_ns)
{
    struct overload *overload = load->state;
    double seconds = (double)(now_ns - load->began_ns) / 1e9;
    if (overload->stage == STAGE_BEFORE && seconds >= BEFORE_SECONDS) {
        begin_load(load, overload, now_ns);
    } else if (overload->stage == STAGE_LOAD && seconds >= BEFORE_SECONDS + overload->seconds) {
        end_load(load, overload, now_ns);
    }
    if (now_ns - overload->sampled_ns >= SAMPLE_NS) {
        uint64_t rss_kib = process_usage_of(load->server_pid).rss_kib;
        overload->rss_kib = rss_kib > overload->rss_kib ? rss_kib : overload->rss_kib;
        overload->sampled_ns = now_ns;
    }
}

static void note_probe(struct overload *overload, uint64_t due_ns, bool slow)
{
    uint64_t tenth = due_ns > overload->ended_ns ? (due_ns - overload->ended_ns) / TENTH_NS : 0;
    if (tenth < AFTER_TENTHS) {
        overload->tenths[tenth].sent++;
        overload->tenths[tenth].slow += slow;
    }
    if (slow && due_ns > overload->slow_ns) {
        overload->slow_ns = due_ns;
    }
}

/* From the end of the load to that of the last tenth of a second that was not as before. */
static double recovery_ms(const struct overload *overload)
{
    for (unsigned i = AFTER_TENTHS; i > 0; i--) {
        if (overload->tenths[i - 1].slow * 100 > overload->tenths[i - 1].sent * SLOW_PERCENT) {
            return i * (TENTH_NS / 1e6);
        }
    }
    return 0;
}

static void answered(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct overload *overload = load->state;
    if (overload->stage == STAGE_BEFORE) {
        histogram_add(&overload->before, load->latency_ns);
    } else if (overload->stage == STAGE_LOAD) {
        overload->answered += verdict == KIND_DONE;
        histogram_add(&overload->latency, load->latency_ns);
    } else {
        note_probe(overload, load->fleet.devices[index].due_ns,
                   load->latency_ns > overload->as_ever_ns || verdict != KIND_DONE);
    }
}

static void lost(struct load *load, uint32_t index)
{
    struct overload *overload = load->state;
    overload->probes_lost++;
    note_probe(overload, load->fleet.devices[index].due_ns, true);
}

static int end(struct load *load, struct report *report)
{
    struct overload *overload = load->state;
    double seconds = (double)(overload->ended_ns - overload->began_ns) / 1e9;
    uint64_t late = load->counters.unmatched - overload->unmatched;
    uint64_t unread = process_udp_drops(wire_port(load->wire)) - overload->own_drops;
    double answered = (double)(overload->answered + late + unread);
    double last_slow_ms =
        overload->slow_ns > 0 ? (double)(overload->slow_ns - overload->ended_ns) / 1e6 : 0;
    const struct {
        const char *name;
        double value;
    } rows[] = {
        { "overload_capacity", load->capacity[overload->kind] },
        { "overload_offered", (double)overload->sent / seconds },
        { "overload_answered", answered / seconds }, /* late ones included */
        { "overload_abandoned", (double)overload->abandoned },
        { "overload_late", (double)late },
        { "overload_unread", (double)unread },
        { "overload_before_p99_us", (double)histogram_percentile(&overload->before, 99) / 1000 },
        { "overload_p50_us", (double)histogram_percentile(&overload->latency, 50) / 1000 },
        { "overload_p99_us", (double)histogram_percentile(&overload->latency, 99) / 1000 },
        { "overload_max_us", (double)overload->latency.max / 1000 },
        { "overload_rss_kib", (double)overload->rss_kib },
        { "overload_recovery_ms", recovery_ms(overload) },
        { "overload_last_slow_ms", last_slow_ms },
        { "overload_probes_lost", (double)overload->probes_lost },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        report_number(report, rows[i].name, rows[i].value);
    }
    free(overload);
    load->state = NULL;
    return 0;
}

const struct phase phase_overload_update = {
    .name = "overload-update",
    .help = "Updates at `factor` (2) times what `update` reached, for `seconds`; then recovery",
    .begin = begin_update,
    .choose = choose,
    .between = between,
    .answered = answered,
    .lost = lost,
    .end = end,
};

const struct phase phase_overload_notify = {
    .name = "overload-notify",
    .help = "the same with confirmable notifications, after `notify-con`",
    .begin = begin_notify,
    .choose = choose,
    .between = between,
    .answered = answered,
    .lost = lost,
    .end = end,
};
