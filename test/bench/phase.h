/* The table of phases, and the running of one with everything that is measured around it. */
#pragma once

#include "test/bench/load.h"

extern const struct phase phase_handshake;
extern const struct phase phase_register;
extern const struct phase phase_update;
extern const struct phase phase_deregister;
extern const struct phase phase_storm;
extern const struct phase phase_settle;
extern const struct phase phase_notify_con;
extern const struct phase phase_notify_non;
extern const struct phase phase_command;
extern const struct phase phase_ping;
extern const struct phase phase_churn;
extern const struct phase phase_mutate;
extern const struct phase phase_observe;
extern const struct phase phase_overload_update;
extern const struct phase phase_overload_notify;
extern const struct phase phase_day;
extern const struct phase phase_restart;

/** NULL when there is no such row. */
const struct phase *phase_at(size_t index);

/**
 * Reads "name:key=value,…" over `defaults`.
 * @return 0, or -EINVAL with the word at fault in `fault`
 */
[[nodiscard]] int phase_parse(const char *text, const struct phase_settings *defaults,
                              const struct phase **phase, struct phase_settings *settings,
                              char fault[64]);

/** How many messages of each kind there were. */
void phase_report_kinds(const struct load *load, struct report *report);

/** Runs load->phase, prints a line, appends a row to `out`. @return 0 or a negative errno */
[[nodiscard]] int phase_run(struct load *load, const char *subject, FILE *out);
