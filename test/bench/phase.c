#include "test/bench/phase.h"

#include "test/bench/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct phase *const phases[] = {
    &phase_handshake,  &phase_register,        &phase_update,
    &phase_deregister, &phase_storm,           &phase_settle,
    &phase_notify_con, &phase_notify_non,      &phase_command,
    &phase_ping,       &phase_churn,           &phase_mutate,
    &phase_observe,    &phase_overload_update, &phase_overload_notify,
    &phase_day,        &phase_restart,
};

const struct phase *phase_at(size_t index)
{
    return index < sizeof(phases) / sizeof(phases[0]) ? phases[index] : NULL;
}

/* --- "name:key=value,…" --- */

static void set_seconds(struct phase_settings *settings, const char *value)
{
    settings->seconds = atof(value);
}

static void set_count(struct phase_settings *settings, const char *value)
{
    settings->count = strtoull(value, NULL, 10);
}

static void set_rate(struct phase_settings *settings, const char *value)
{
    settings->rate = atof(value);
}

static void set_window(struct phase_settings *settings, const char *value)
{
    uint64_t window = strtoull(value, NULL, 10);
    settings->window = window > 0 && window < UINT32_MAX ? (uint32_t)window : 1;
}

static void set_per(struct phase_settings *settings, const char *value)
{
    settings->per = (uint32_t)strtoul(value, NULL, 10);
}

static void set_pause(struct phase_settings *settings, const char *value)
{
    settings->pause_ms = atof(value);
}

static void set_factor(struct phase_settings *settings, const char *value)
{
    settings->factor = atof(value);
}

static void set_register(struct phase_settings *settings, const char *value)
{
    settings->rates[KIND_REGISTER] = atof(value);
}

static void set_update(struct phase_settings *settings, const char *value)
{
    settings->rates[KIND_UPDATE] = atof(value);
}

static void set_deregister(struct phase_settings *settings, const char *value)
{
    settings->rates[KIND_DEREGISTER] = atof(value);
}

static void set_con(struct phase_settings *settings, const char *value)
{
    settings->rates[KIND_NOTIFY_CON] = atof(value);
}

static void set_non(struct phase_settings *settings, const char *value)
{
    settings->rates[KIND_NOTIFY_NON] = atof(value);
}

static void set_command(struct phase_settings *settings, const char *value)
{
    settings->command_rate = atof(value);
}

static void set_label(struct phase_settings *settings, const char *value)
{
    snprintf(settings->label, sizeof(settings->label), "%s", value);
}

static void set_samples(struct phase_settings *settings, const char *value)
{
    settings->samples = strcmp(value, "1") == 0;
}

static const struct {
    const char *name;
    void (*set)(struct phase_settings *settings, const char *value);
} keys[] = {
    { "seconds", set_seconds },   { "count", set_count },     { "rate", set_rate },
    { "window", set_window },     { "per", set_per },         { "pause", set_pause },
    { "label", set_label },       { "samples", set_samples }, { "factor", set_factor },
    { "register", set_register }, { "update", set_update },   { "deregister", set_deregister },
    { "con", set_con },           { "non", set_non },         { "command", set_command },
};

static bool set_key(struct phase_settings *settings, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            keys[i].set(settings, value);
            return true;
        }
    }
    return false;
}

static const struct phase *find_phase(const char *name)
{
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        if (strcmp(phases[i]->name, name) == 0) {
            return phases[i];
        }
    }
    return NULL;
}

int phase_parse(const char *text, const struct phase_settings *defaults, const struct phase **phase,
                struct phase_settings *settings, char fault[64])
{
    char copy[256];
    char *rest = copy;
    snprintf(copy, sizeof(copy), "%s", text);
    *settings = *defaults;
    const char *name = strsep(&rest, ":");
    snprintf(fault, 64, "%s", name);
    *phase = find_phase(name);
    if (!*phase) {
        return -EINVAL;
    }
    set_label(settings, name);
    while (rest) {
        char *value = strsep(&rest, ",");
        const char *key = strsep(&value, "=");
        snprintf(fault, 64, "%s", key);
        if (!value || !set_key(settings, key, value)) {
            return -EINVAL;
        }
    }
    return 0;
}

/* --- running --- */

void phase_report_kinds(const struct load *load, struct report *report)
{
    static const char *const names[KIND_COUNT] = {
        [KIND_REGISTER] = "registers",           [KIND_UPDATE] = "updates",
        [KIND_DEREGISTER] = "deregisters",       [KIND_NOTIFY_CON] = "notifications_con",
        [KIND_NOTIFY_NON] = "notifications_non", [KIND_HANDSHAKE] = "handshakes",
    };
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        report_number(report, names[i], (double)load->counters.by_kind[i]);
    }
}

/* What is read before a phase and after it. */
struct reading {
    uint64_t at_ns;
    struct process_usage server;
    struct process_usage broker;
    struct process_usage own;
    uint64_t busy_us;
    uint64_t drops;
    uint64_t publishes;
};

static struct reading read_all(const struct load *load)
{
    return (struct reading){
        .at_ns = clock_ns(),
        .server = process_usage_of(load->server_pid),
        .broker = process_usage_of(load->broker_pid),
        .own = process_usage_of((int)getpid()),
        .busy_us = process_machine_busy_us(),
        .drops = process_udp_drops(load->server_port),
        .publishes = load->publishes,
    };
}

static void report_counters(struct report *report, const struct load *load)
{
    const struct counters *counters = &load->counters;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "messages", counters->sent },       { "answered", counters->answered },
        { "refused", counters->refused },     { "lost", counters->lost },
        { "repeated", counters->repeated },   { "asked", counters->asked },
        { "unmatched", counters->unmatched }, { "deferred", counters->deferred },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        report_number(report, rows[i].name, (double)rows[i].value);
    }
}

static void report_latency(struct report *report, const struct histogram *latency)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = { { "p50_us", 50 }, { "p90_us", 90 }, { "p99_us", 99 }, { "p999_us", 99.9 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        report_number(report, rows[i].name,
                      (double)histogram_percentile(latency, rows[i].percent) / 1000);
    }
    report_number(report, "max_us", (double)latency->max / 1000);
}

/* CPU time per message of a device (and per command), in µs; what others on the machine took
 * meanwhile, in cores. */
static void report_cost(struct report *report, const struct reading *before,
                        const struct reading *after, double messages)
{
    double server = (double)(after->server.cpu_us - before->server.cpu_us);
    double broker = (double)(after->broker.cpu_us - before->broker.cpu_us);
    double own = (double)(after->own.cpu_us - before->own.cpu_us);
    double busy = (double)(after->busy_us - before->busy_us);
    double wall_us = (double)(after->at_ns - before->at_ns) / 1000;
    report_number(report, "server_cpu_us", server / messages);
    report_number(report, "broker_cpu_us", broker / messages);
    report_number(report, "own_cpu_us", own / messages);
    report_number(report, "others_cores", (busy - server - broker - own) / wall_us);
}

static void report_memory(struct report *report, const struct load *load,
                          const struct reading *before, const struct reading *after)
{
    report_number(report, "rss_before_kib", (double)before->server.rss_kib);
    report_number(report, "rss_after_kib", (double)after->server.rss_kib);
    report_number(report, "anonymous_before_kib", (double)before->server.anonymous_kib);
    report_number(report, "anonymous_after_kib", (double)after->server.anonymous_kib);
    if (load->sample_count > 0) {
        report_numbers(report, "rss_samples_kib", load->samples, load->sample_count);
    }
}

static void print_line(const struct load *load, const char *subject, double seconds,
                       const struct reading *before, const struct reading *after)
{
    const struct counters *counters = &load->counters;
    double done = (double)(counters->answered + counters->by_kind[KIND_NOTIFY_NON]);
    printf("%-14s %-22s %9" PRIu64 " messages %7.2f s %9.0f/s  p50 %7.0f us  p99 %8.0f us  "
           "server %6.2f us/message  rss %7" PRIu64 " KiB  refused %" PRIu64 " lost %" PRIu64
           " repeated %" PRIu64 "\n",
           subject, load->settings.label, counters->sent, seconds, done / seconds,
           (double)histogram_percentile(&load->latency, 50) / 1000,
           (double)histogram_percentile(&load->latency, 99) / 1000,
           counters->sent == 0
               ? 0.0
               : (double)(after->server.cpu_us - before->server.cpu_us) / (double)counters->sent,
           after->server.rss_kib, counters->refused, counters->lost, counters->repeated);
    fflush(stdout);
}

/* What a closed loop reached is what an overload is a multiple of. */
static void note_capacity(struct load *load, double seconds)
{
    static const struct {
        const struct phase *phase;
        enum kind kind;
    } rows[] = { { &phase_update, KIND_UPDATE }, { &phase_notify_con, KIND_NOTIFY_CON } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (load->phase == rows[i].phase && load->settings.rate <= 0) {
            load->capacity[rows[i].kind] = (double)load->counters.answered / seconds;
        }
    }
}

int phase_run(struct load *load, const char *subject, FILE *out)
{
    struct report report;
    int server_pid = load->server_pid;
    struct reading before = read_all(load);
    load->published.used = 0;
    int err = load_run(load);
    if (load->server_pid != server_pid) { /* it was restarted: its figures begin anew */
        before.server = (struct process_usage){ 0 };
    }
    if (err) {
        return err;
    }
    double seconds = (double)(clock_ns() - load->began_ns) / 1e9;
    note_capacity(load, seconds);
    load_drain(load);
    struct reading after = read_all(load);
    double done = (double)(load->counters.answered + load->counters.by_kind[KIND_NOTIFY_NON]);

    report_begin(&report, out);
    report_text(&report, "subject", subject);
    report_text(&report, "phase", load->phase->name);
    report_text(&report, "label", load->settings.label);
    report_text(&report, "content", load->fleet.content->name);
    report_number(&report, "devices", load->fleet.count);
    report_number(&report, "registered", load->fleet.registered);
    report_number(&report, "observed", load->fleet.observed);
    report_number(&report, "window", load->settings.window);
    report_number(&report, "rate_wanted", load->settings.rate);
    report_number(&report, "seconds", seconds);
    report_number(&report, "per_second", done / seconds);
    report_counters(&report, load);
    report_latency(&report, &load->latency);
    report_cost(&report, &before, &after, (double)(load->counters.sent + load->counters.commands));
    report_memory(&report, load, &before, &after);
    report_number(&report, "server_dropped", (double)(after.drops - before.drops));
    report_number(&report, "published", (double)(after.publishes - before.publishes));
    report_number(&report, "published_per_second",
                  published_rate(&load->published, before.publishes, after.publishes));
    err = load->phase->end ? load->phase->end(load, &report) : 0;
    report_number(&report, "failed", err ? 1 : 0);
    report_end(&report);
    print_line(load, subject, seconds, &before, &after);
    return err;
}
