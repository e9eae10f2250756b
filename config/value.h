/*
 * The texts of single values: durations, sizes, numbers, nearest words, object paths. Pure
 * functions, no allocation; a text must match as a whole, blanks are not skipped.
 */
#ifndef LWM2MQTT_CONFIG_VALUE_H
#define LWM2MQTT_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_VALUE_SIZE = 32 }; /* bytes that hold any value written by this file */

/** A way to write amounts: durations in ms, or sizes in bytes. */
struct config_scale;
extern const struct config_scale config_scale_duration; /* 500ms 22s 5m 24h */
extern const struct config_scale config_scale_size;     /* 4096 4KiB 4MiB 1GiB */

/** @return 0, -EBADMSG (no whole number with a unit of the scale), -ERANGE (beyond 64 bits) */
[[nodiscard]] int config_value_amount(const struct config_scale *scale, const char *text,
                                      uint64_t *amount);

/** Writes an amount with the largest unit that keeps it whole; returns text. */
const char *config_value_amount_text(const struct config_scale *scale, uint64_t amount,
                                     char text[CONFIG_VALUE_SIZE]);

/**
 * Guesses what somebody meant who wrote "60", "5 min" or "4MB".
 * @return true when guess holds a valid amount
 */
bool config_value_amount_guess(const struct config_scale *scale, const char *text,
                               char guess[CONFIG_VALUE_SIZE]);

/** Decimal digits only. @return 0, -EBADMSG, -ERANGE (beyond 64 bits) */
[[nodiscard]] int config_value_integer(const char *text, uint64_t *value);

/** Digits, perhaps a point and up to three more digits. @return 0, -EBADMSG, -ERANGE */
[[nodiscard]] int config_value_thousandths(const char *text, uint64_t *value);

/**
 * How many letters must be inserted, deleted, replaced or swapped with their neighbour to turn
 * a into b, in any case; SIZE_MAX when they are too different (or too long) to be taken for each
 * other.
 */
size_t config_value_distance(const char *a, size_t a_len, const char *b, size_t b_len);

/** True for "/3", "/3/0", "/3/0/9", "/3/0/9/1": numbers 0..65534 without leading zeros. */
bool config_value_is_path(const char *text);

/** True when all bytes form UTF-8 (RFC 3629) without control characters. */
bool config_value_is_clean_utf8(const char *text);

#endif
