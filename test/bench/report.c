#include "test/bench/report.h"

#include <inttypes.h>
#include <math.h>

static void begin_member(struct report *report, const char *name)
{
    fprintf(report->out, "%s\"%s\":", report->first ? "" : ",", name);
    report->first = false;
}

void report_begin(struct report *report, FILE *out)
{
    *report = (struct report){ .out = out, .first = true };
    if (out) {
        fputc('{', out);
    }
}

void report_text(struct report *report, const char *name, const char *text)
{
    if (report->out) {
        begin_member(report, name);
        fprintf(report->out, "\"%s\"", text);
    }
}

void report_number(struct report *report, const char *name, double value)
{
    if (report->out) {
        begin_member(report, name);
        fprintf(report->out, "%.10g", isfinite(value) ? value : 0.0);
    }
}

void report_numbers(struct report *report, const char *name, const uint64_t *values, size_t count)
{
    if (!report->out) {
        return;
    }
    begin_member(report, name);
    for (size_t i = 0; i < count; i++) {
        fprintf(report->out, "%s%" PRIu64, i == 0 ? "[" : ",", values[i]);
    }
    fputs(count == 0 ? "[]" : "]", report->out);
}

void report_end(struct report *report)
{
    if (report->out) {
        fputs("}\n", report->out);
        fflush(report->out);
    }
}
