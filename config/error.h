/*
 * Collects the messages of a struct config_error: bounded, one line each, safe to print.
 */
#ifndef LWM2MQTT_CONFIG_ERROR_H
#define LWM2MQTT_CONFIG_ERROR_H

#include "config/config.h"

#include <stddef.h>

enum { CONFIG_QUOTE_SIZE = 96 }; /* bytes of a quotation with its quotes and its NUL */

/** Adds "file:line:column: …"; line 0 leaves line and column out. Dropped when all are used. */
[[gnu::format(printf, 5, 6)]] void config_error_add(struct config_error *error, const char *file,
                                                    size_t line, size_t column, const char *format,
                                                    ...);

/** True when no further message will be kept, so that reading may stop. */
bool config_error_full(const struct config_error *error);

/**
 * Writes text in double quotes, cut with "…" when long, control characters as \xNN.
 *
 * @param[out] quote  CONFIG_QUOTE_SIZE bytes
 * @return quote
 */
const char *config_error_quote(const char *text, size_t len, char quote[CONFIG_QUOTE_SIZE]);

#endif
