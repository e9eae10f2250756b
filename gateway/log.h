/*
 * The log: one line per event, with a stable event name and typed fields, as text or as JSON.
 *
 *     2026-01-31T12:00:00.000Z warn registration-refused endpoint=urn:a reason="no object list"
 *
 * Values are escaped, so what a device sends cannot forge a line. No payload and no key is ever
 * logged. A warning or error that repeats is held back: of one event name a few lines pass in a
 * period, and the next one that passes says how many did not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_settings {
    enum log_level level; /* lines of less importance are left out */
    enum log_format format;
    void *ctx;
    uint64_t (*wall_ms)(void *ctx);                         /* ms since the epoch */
    void (*write)(void *ctx, const char *line, size_t len); /* one line with its newline */
};

/* Lines of one event name that pass in a period, and the period. */
#define LOG_BURST     10
#define LOG_PERIOD_MS 10000

struct log;

/** @return the caller's, NULL when memory is short */
struct log *log_new(const struct log_settings *settings);
void log_free(struct log *log);

struct log_field {
    const char *key;
    const char *text; /* NULL: `number` counts */
    int64_t number;
};

#define LOG_TEXT(key_, text_) ((struct log_field){ .key = (key_), .text = (text_) })
#define LOG_NUMBER(key_, number_)                                                                  \
    ((struct log_field){ .key = (key_), .number = (int64_t)(number_) })

/** Writes a line. `event` is a string literal: repetitions are counted by its address. */
void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields, size_t count);

void log_set_level(struct log *log, enum log_level level);

/** Whether lines of this level are written at all: to save the making of their fields. */
bool log_enabled(const struct log *log, enum log_level level);

#define LOG_AT(log_, level_, event_, ...)                                                          \
    log_write((log_), (level_), (event_), (const struct log_field[]){ __VA_ARGS__ },               \
              sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

#define log_error(log_, ...) LOG_AT((log_), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log_, ...)  LOG_AT((log_), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log_, ...)  LOG_AT((log_), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log_, ...) LOG_AT((log_), LOG_LEVEL_DEBUG, __VA_ARGS__)
