/*
 * The program lwm2mqtt: its command line. Everything else is in gateway.c.
 */
#include "gateway/gateway.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lwm2mqtt [-t] [-c FILE]\n"
    "\n"
    "Gateway between LwM2M devices and an MQTT broker.\n"
    "\n"
    "  -c FILE        configuration (default: " LWM2MQTT_CONFIG_FILE ")\n"
    "  -t             only check the configuration, then exit\n"
    "  -r, --reference\n"
    "                 print all settings with their defaults, then exit\n"
    "  -h, --help     print this help, then exit\n"
    "  -V, --version  print the version, then exit\n"
    "\n"
    "Exit status: 0 after an orderly end, 1 when something it needs cannot be had,\n"
    "2 when the command line or the configuration is wrong. See lwm2mqtt(8).\n";

struct options {
    const char *file;
    bool check;
};

/* Reads the command line. Returns false when the program is to exit with `status`. */
static bool read_options(int argc, char **argv, struct options *options, int *status)
{
    static const struct option names[] = {
        { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 't' },
        { "reference", no_argument, NULL, 'r' },    { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },      { 0 },
    };
    int option;
    *status = GATEWAY_ENDED;
    while ((option = getopt_long(argc, argv, "c:thrV", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->file = optarg;
            break;
        case 't':
            options->check = true;
            break;
        case 'r':
            config_print_reference(stdout);
            return false;
        case 'h':
            fputs(usage, stdout);
            return false;
        case 'V':
            puts("lwm2mqtt " LWM2MQTT_VERSION);
            return false;
        default:
            fputs(usage, stderr);
            *status = GATEWAY_BAD_CONFIGURATION;
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lwm2mqtt: unexpected argument \"%s\"\n%s", argv[optind], usage);
        *status = GATEWAY_BAD_CONFIGURATION;
        return false;
    }
    return true;
}

/* Says what is wrong; returns whether anything is. */
static bool complain(const char *file, int err, const struct config_error *error)
{
    for (size_t i = 0; i < error->count; i++) {
        fprintf(stderr, "%s\n", error->messages[i]);
    }
    if (err != 0 && error->count == 0) {
        fprintf(stderr, "%s: %s\n", file, strerror(-err));
    }
    return err != 0;
}

static enum gateway_status check(const struct config *config, const char *file)
{
    struct config_error error = { 0 };
    int err = gateway_check(config, &error);
    return complain(file, err, &error) ? GATEWAY_BAD_CONFIGURATION : GATEWAY_ENDED;
}

int main(int argc, char **argv)
{
    struct options options = { .file = LWM2MQTT_CONFIG_FILE };
    struct config config;
    struct config_error error = { 0 };
    int status;
    if (!read_options(argc, argv, &options, &status)) {
        return status;
    }
    int err = config_load_file(options.file, &config, &error);
    if (complain(options.file, err, &error)) {
        return GATEWAY_BAD_CONFIGURATION;
    }
    status =
        (int)(options.check ? check(&config, options.file) : gateway_run(&config, options.file));
    config_deinit(&config);
    return status;
}
