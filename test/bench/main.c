/*
 * lwm2m-bench: a fleet of LwM2M devices over one UDP socket, phase after phase.
 *
 *   options.c -> fleet.c (devices) + wire.c (socket) + broker.c (MQTT)
 *   phase.c: for each phase, load.c runs it; what it cost is read before and after (process.c)
 *            and reported (report.c); phase_*.c say who sends what
 */
#include "test/bench/options.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile int interrupted; /* a signal handler reaches nothing else */

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* All phases must be good before the first is run: a fleet takes its time to register. */
static int check_phases(const struct options *options, int argc, char **argv)
{
    const struct phase *phase;
    struct phase_settings settings;
    char fault[64];
    for (int i = options->first_phase; i < argc; i++) {
        if (phase_parse(argv[i], &options->defaults, &phase, &settings, fault)) {
            fprintf(stderr, "lwm2m-bench: %s: \"%s\" is not known; see --help\n", argv[i], fault);
            return -EINVAL;
        }
    }
    return 0;
}

static int open_load(struct load *load, const struct options *options)
{
    load->interrupted = &interrupted;
    load->phase = &phase_settle; /* while nothing is sent, any will do */
    load->server_pid = options->server_pid;
    load->broker_pid = options->broker_pid;
    load->server_port = options->server_port;
    load->restart = options->restart;
    load->random = random_of(options->seed);
    int err = fleet_init(&load->fleet, options->devices, options->content, options->seed);
    if (err) {
        return err;
    }
    load->fleet.control = options->control;
    exchanges_init(&load->exchanges, &load->fleet);
    err = wire_new(options->server_port, &load->wire);
    if (!err && options->dtls) {
        load->secure = secure_new(&load->fleet, load->wire);
        err = load->secure ? 0 : -ENOMEM;
    }
    if (err || options->broker_port == 0) {
        return err;
    }
    char client_id[32];
    snprintf(client_id, sizeof(client_id), "lwm2m-bench-%d", (int)getpid());
    err = broker_connect(options->broker_port, client_id, &load->broker);
    if (!err) {
        broker_subscribe(load->broker, "$SYS/broker/publish/messages/received");
        broker_subscribe(load->broker, "$SYS/broker/uptime");
        err = broker_flush(load->broker);
    }
    return err;
}

static void close_load(struct load *load)
{
    broker_free(load->broker);
    secure_free(load->secure);
    wire_free(load->wire);
    fleet_deinit(&load->fleet);
    free(load);
}

static int run_phases(struct load *load, const struct options *options, int argc, char **argv,
                      FILE *out)
{
    char fault[64];
    int result = 0;
    load_drain(load); /* now it is known what the broker has got so far */
    for (int i = options->first_phase; i < argc && !interrupted; i++) {
        int err = phase_parse(argv[i], &options->defaults, &load->phase, &load->settings, fault);
        err = err ? err : phase_run(load, options->subject, out);
        if (err) {
            fprintf(stderr, "lwm2m-bench: %s: %s\n", argv[i], strerror(-err));
            result = err;
        }
    }
    return interrupted ? -EINTR : result;
}

static int print_keys(const struct options *options)
{
    const struct fleet fleet = { .count = options->devices };
    secure_write_keys(&fleet, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    bool done;
    if (options_read(&options, argc, argv, &done) || check_phases(&options, argc, argv)) {
        return 2;
    }
    if (done || options.print_keys) {
        return done ? 0 : print_keys(&options);
    }
    struct load *load = calloc(1, sizeof(*load));
    FILE *out = options.out ? fopen(options.out, "a") : NULL;
    int err = !load ? -ENOMEM : options.out && !out ? -errno : open_load(load, &options);
    if (err) {
        fprintf(stderr, "lwm2m-bench: %s\n", strerror(-err));
    } else {
        struct sigaction action = { .sa_handler = on_signal };
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        (void)prctl(PR_SET_TIMERSLACK, 1UL); /* an open loop's messages leave when they are due */
        printf("lwm2m-bench: %" PRIu32 " devices, seed %" PRIu64 "\n", options.devices,
               options.seed);
        err = run_phases(load, &options, argc, argv, out);
    }
    if (load) {
        close_load(load);
    }
    if (out) {
        fclose(out);
    }
    return err ? 1 : 0;
}
