/* The command line of lwm2m-bench. */
#pragma once

#include "test/bench/load.h"

struct options {
    uint16_t server_port;
    uint16_t broker_port; /* 0: none */
    int server_pid;       /* 0: not known */
    int broker_pid;
    uint32_t devices;
    uint32_t control;
    uint64_t seed;
    const char *subject; /* name of what is measured, for the rows */
    bool dtls;
    bool print_keys;
    const char *restart; /* NULL: none */
    const char *out;     /* file that rows are appended to, NULL: none */
    const struct content *content;
    struct phase_settings defaults;
    int first_phase; /* index into argv */
};

/** @return 0, or -EINVAL after a message on stderr; `--help` prints and exits with 0 through `done`
 */
[[nodiscard]] int options_read(struct options *options, int argc, char **argv, bool *done);
