#include "gateway/log.h"

#include "gateway/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LINE_MAX_LEN = 4096, /* a longer line is cut */
    EVENTS = 64,         /* event names whose repetitions are counted */
};

/* Repetitions of one event name. */
struct repetition {
    const char *event;
    uint64_t since_ms; /* start of its period */
    unsigned passed;   /* lines written in this period */
    uint64_t held;     /* lines held back since the last one that was written */
};

struct log {
    struct log_settings settings;
    struct repetition repetitions[EVENTS];
    struct lwm2m_buffer line; /* reused */
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn",   [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_TRACE] = "trace",
};

struct log *log_new(const struct log_settings *settings)
{
    struct log *log = calloc(1, sizeof(*log));
    if (log != NULL) {
        log->settings = *settings;
        lwm2m_buffer_init(&log->line, LINE_MAX_LEN);
    }
    return log;
}

void log_free(struct log *log)
{
    if (log != NULL) {
        lwm2m_buffer_deinit(&log->line);
        free(log);
    }
}

void log_set_level(struct log *log, enum log_level level)
{
    log->settings.level = level;
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return level <= log->settings.level;
}

/* The counter of an event name; a full table counts no new ones, then they all pass. */
static struct repetition *find_repetition(struct log *log, const char *event)
{
    for (size_t i = 0; i < EVENTS; i++) {
        struct repetition *repetition = &log->repetitions[i];
        if (repetition->event == NULL) {
            repetition->event = event;
        }
        if (repetition->event == event) {
            return repetition;
        }
    }
    return NULL;
}

/* Whether a line passes; `held` gets how many were held back before it. */
static bool passes(struct log *log, enum log_level level, const char *event, uint64_t now_ms,
                   uint64_t *held)
{
    *held = 0;
    if (level > LOG_LEVEL_WARN) {
        return true;
    }
    struct repetition *repetition = find_repetition(log, event);
    if (repetition == NULL) {
        return true;
    }
    /* A wall clock may be set back: then a new period starts as well. */
    if (now_ms - repetition->since_ms >= LOG_PERIOD_MS) {
        repetition->since_ms = now_ms;
        repetition->passed = 0;
    }
    if (repetition->passed >= LOG_BURST) {
        repetition->held++;
        return false;
    }
    repetition->passed++;
    *held = repetition->held;
    repetition->held = 0;
    return true;
}

static void write_time(struct lwm2m_buffer *line, uint64_t now_ms)
{
    char text[40];
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc = { 0 };
    (void)gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    lwm2m_buffer_append(line, text, len);
    (void)snprintf(text, sizeof(text), ".%03uZ", (unsigned)(now_ms % 1000));
    lwm2m_buffer_append_text(line, text);
}

/* Whether a value can stand in a text line without quotes. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\') {
            return false;
        }
    }
    return *text != '\0';
}

static void write_field(struct log *log, const struct log_field *field)
{
    struct lwm2m_buffer *line = &log->line;
    if (log->settings.format == LOG_FORMAT_JSON) {
        json_name(line, field->key);
    } else {
        lwm2m_buffer_append_byte(line, ' ');
        lwm2m_buffer_append_text(line, field->key);
        lwm2m_buffer_append_byte(line, '=');
    }
    if (field->text == NULL) {
        json_integer(line, field->number);
    } else if (log->settings.format == LOG_FORMAT_TEXT && is_plain(field->text)) {
        lwm2m_buffer_append_text(line, field->text);
    } else {
        json_text(line, field->text, strlen(field->text));
    }
}

static void write_head(struct log *log, enum log_level level, const char *event, uint64_t now_ms)
{
    struct lwm2m_buffer *line = &log->line;
    lwm2m_buffer_clear(line);
    if (log->settings.format == LOG_FORMAT_JSON) {
        lwm2m_buffer_append_text(line, "{\"time\":\"");
        write_time(line, now_ms);
        lwm2m_buffer_append_text(line, "\",\"level\":\"");
        lwm2m_buffer_append_text(line, level_names[level]);
        lwm2m_buffer_append_text(line, "\",\"event\":\"");
        lwm2m_buffer_append_text(line, event);
        lwm2m_buffer_append_byte(line, '"');
        return;
    }
    write_time(line, now_ms);
    lwm2m_buffer_append_byte(line, ' ');
    lwm2m_buffer_append_text(line, level_names[level]);
    lwm2m_buffer_append_byte(line, ' ');
    lwm2m_buffer_append_text(line, event);
}

void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t count)
{
    uint64_t held;
    if (!log_enabled(log, level)) {
        return;
    }
    uint64_t now_ms = log->settings.wall_ms(log->settings.ctx);
    if (!passes(log, level, event, now_ms, &held)) {
        return;
    }
    struct lwm2m_buffer *line = &log->line;
    write_head(log, level, event, now_ms);
    size_t whole = line->len; /* where to go back to when a field does not fit any more */
    for (size_t i = 0; i < count && line->err == 0; i++) {
        write_field(log, &fields[i]);
        whole = line->err == 0 ? line->len : whole;
    }
    if (held > 0 && line->err == 0) {
        write_field(log, &LOG_NUMBER("held_back", held));
        whole = line->err == 0 ? line->len : whole;
    }
    if (line->data == NULL) {
        return; /* no memory for a line */
    }
    line->err = 0;
    line->len = whole;
    line->max_len = LINE_MAX_LEN + 2;
    lwm2m_buffer_append_text(line, log->settings.format == LOG_FORMAT_JSON ? "}\n" : "\n");
    line->max_len = LINE_MAX_LEN;
    if (line->err == 0) {
        log->settings.write(log->settings.ctx, (const char *)line->data, line->len);
    }
}
