/*
 * Decimal text of numbers, in the grammar of JSON (RFC 8259, 6), read without loss: a number
 * that is whole and fits 64 bits comes out as an integer even when it is written "1e3" or "25.0".
 * Only above 2^53 an exponent makes it a FLOAT: so doubles are written, integers are not.
 */
#pragma once

#include "lwm2m/content/value.h"

/** What the text of a number looks like. */
struct lwm2m_decimal_shape {
    size_t len;         /* characters of the number; 0 when there is none */
    size_t significant; /* digits before the exponent, without leading zeros */
    uint32_t exponent;  /* without its sign; at most 100 000 */
};

/** Looks at the number that `text` starts with: as much of it as is a number, by the grammar. */
struct lwm2m_decimal_shape lwm2m_decimal_scan(const char *text, size_t len);

/**
 * Reads a number that takes all of `text`: an INTEGER if it fits int64, an UNSIGNED if it only fits
 * uint64, else a FLOAT ("-0" is one as well).
 *
 * @return 0, -EINVAL (not a number), -ERANGE (too large for a double, or more than 1000 characters)
 */
[[nodiscard]] int lwm2m_decimal_parse(const char *text, size_t len, struct lwm2m_value *value);

/** Writes digits, without a terminator; at most 20. Returns how many. */
size_t lwm2m_decimal_write(uint64_t number, char *text);
