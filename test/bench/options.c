#include "test/bench/options.h"

#include "test/bench/clock.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

static void print_help(void)
{
    const struct phase *phase;
    const struct content *content;
    puts(
        "usage: lwm2m-bench --server PORT [options] PHASE[:key=value,...]...\n"
        "Plays very many LwM2M devices over one UDP socket against 127.0.0.1:PORT.\n"
        "  --server PORT      UDP port of the gateway, of bench-server or of bench-echo\n"
        "  --pid PID          its process, for CPU time and memory\n"
        "  --broker PORT      MQTT broker that the gateway publishes to (needed by command, ping)\n"
        "  --broker-pid PID   its process\n"
        "  --devices N        devices in the fleet (default 1000)\n"
        "  --control N        how many of them are the control group of mutate (default 0)\n"
        "  --dtls             the fleet speaks DTLS, each device with a key of its own\n"
        "  --print-keys       prints a psk_file for all devices, then exits\n"
        "  --window N         confirmable messages under way (default 512)\n"
        "  --content NAME     what the devices report (default float-tlv)\n"
        "  --seed N           of everything that is random (default: from the clock; printed)\n"
        "  --restart COMMAND  kills and starts the server, prints the new process id (restart)\n"
        "  --subject NAME     name of what is measured (default gateway)\n"
        "  --out FILE         append a line of JSON for each phase\n"
        "Keys of phases: seconds, count, rate (open loop), window, per, pause (ms), label,\n"
        "samples=1 (memory of the server each second), factor (overload), and of day: register,\n"
        "update, deregister, con, non, command.\nPhases:");
    for (size_t i = 0; (phase = phase_at(i)); i++) {
        printf("  %-15s %s\n", phase->name, phase->help);
    }
    puts("Contents:");
    for (size_t i = 0; (content = content_at(i)); i++) {
        printf("  %-12s %s\n", content->name, content->path);
    }
}

enum name {
    NAME_SERVER,
    NAME_PID,
    NAME_BROKER,
    NAME_BROKER_PID,
    NAME_DEVICES,
    NAME_CONTROL,
    NAME_WINDOW,
    NAME_SEED,
    NAME_CONTENT,
    NAME_SUBJECT,
    NAME_RESTART,
    NAME_OUT,
    NAME_DTLS,
    NAME_PRINT_KEYS,
    NAME_HELP,
};

static const struct option names[] = {
    { "server", required_argument, NULL, NAME_SERVER },
    { "pid", required_argument, NULL, NAME_PID },
    { "broker", required_argument, NULL, NAME_BROKER },
    { "broker-pid", required_argument, NULL, NAME_BROKER_PID },
    { "devices", required_argument, NULL, NAME_DEVICES },
    { "control", required_argument, NULL, NAME_CONTROL },
    { "window", required_argument, NULL, NAME_WINDOW },
    { "seed", required_argument, NULL, NAME_SEED },
    { "content", required_argument, NULL, NAME_CONTENT },
    { "subject", required_argument, NULL, NAME_SUBJECT },
    { "restart", required_argument, NULL, NAME_RESTART },
    { "out", required_argument, NULL, NAME_OUT },
    { "dtls", no_argument, NULL, NAME_DTLS },
    { "print-keys", no_argument, NULL, NAME_PRINT_KEYS },
    { "help", no_argument, NULL, NAME_HELP },
    { 0 },
};

/* The smallest and largest number each option takes; a maximum of 0: it takes text. */
static const struct {
    uint64_t min, max;
} ranges[] = {
    [NAME_SERVER] = { 1, 65535 },
    [NAME_PID] = { 0, INT32_MAX },
    [NAME_BROKER] = { 1, 65535 },
    [NAME_BROKER_PID] = { 0, INT32_MAX },
    [NAME_DEVICES] = { 1, WIRE_DEVICES_MAX },
    [NAME_CONTROL] = { 0, WIRE_DEVICES_MAX },
    [NAME_WINDOW] = { 1, WIRE_DEVICES_MAX },
    [NAME_SEED] = { 0, UINT64_MAX },
    [NAME_CONTENT] = { 0, 0 },
    [NAME_SUBJECT] = { 0, 0 },
    [NAME_RESTART] = { 0, 0 },
    [NAME_OUT] = { 0, 0 },
    [NAME_DTLS] = { 0, 0 },
    [NAME_PRINT_KEYS] = { 0, 0 },
    [NAME_HELP] = { 0, 0 },
};

static bool read_number(enum name name, const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *text != '-' &&
           *number >= ranges[name].min && *number <= ranges[name].max;
}

static void set_number(struct options *options, enum name name, uint64_t number)
{
    switch (name) {
    case NAME_SERVER:
        options->server_port = (uint16_t)number;
        break;
    case NAME_PID:
        options->server_pid = (int)number;
        break;
    case NAME_BROKER:
        options->broker_port = (uint16_t)number;
        break;
    case NAME_BROKER_PID:
        options->broker_pid = (int)number;
        break;
    case NAME_DEVICES:
        options->devices = (uint32_t)number;
        break;
    case NAME_CONTROL:
        options->control = (uint32_t)number;
        break;
    case NAME_WINDOW:
        options->defaults.window = (uint32_t)number;
        break;
    default:
        options->seed = number;
        break;
    }
}

static bool set_text(struct options *options, enum name name, const char *text)
{
    switch (name) {
    case NAME_CONTENT:
        options->content = content_find(text);
        return options->content != NULL;
    case NAME_SUBJECT:
        options->subject = text;
        return true;
    case NAME_DTLS:
        options->dtls = true;
        return true;
    case NAME_PRINT_KEYS:
        options->print_keys = true;
        return true;
    case NAME_RESTART:
        options->restart = text;
        return true;
    default:
        options->out = text;
        return true;
    }
}

static bool set(struct options *options, enum name name, const char *text)
{
    uint64_t number;
    if (ranges[name].max == 0) {
        return set_text(options, name, text);
    }
    if (!read_number(name, text, &number)) {
        return false;
    }
    set_number(options, name, number);
    return true;
}

int options_read(struct options *options, int argc, char **argv, bool *done)
{
    int name;
    int row = 0;
    *options = (struct options){ .devices = 1000,
                                 .subject = "gateway",
                                 .seed = clock_ns(),
                                 .content = content_at(0),
                                 .defaults = { .window = 512 } };
    *done = false;
    while ((name = getopt_long(argc, argv, "", names, &row)) >= 0) {
        if (name == NAME_HELP) {
            print_help();
            *done = true;
            return 0;
        }
        if (name == '?') {
            return -EINVAL;
        }
        if (!set(options, (enum name)name, optarg)) {
            fprintf(stderr, "lwm2m-bench: --%s: cannot use \"%s\"\n", names[row].name, optarg);
            return -EINVAL;
        }
    }
    options->first_phase = optind;
    if (options->print_keys) {
        return 0;
    }
    if (options->server_port == 0 || optind == argc) {
        fputs("lwm2m-bench: needs --server PORT and a phase; see --help\n", stderr);
        return -EINVAL;
    }
    return 0;
}
