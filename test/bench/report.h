/*
 * Results: a line of JSON for each phase, appended to a file that report.py turns into tables and
 * ratios, and the most important of it as text for whoever watches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct report {
    FILE *out; /* NULL: nowhere */
    bool first;
};

void report_begin(struct report *report, FILE *out);
/** Names and texts are ours: nothing in them needs escaping. */
void report_text(struct report *report, const char *name, const char *text);
void report_number(struct report *report, const char *name, double value);
void report_numbers(struct report *report, const char *name, const uint64_t *values, size_t count);
void report_end(struct report *report);
