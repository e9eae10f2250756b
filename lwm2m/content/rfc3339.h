/*
 * Dates of the internet (RFC 3339), as CBOR's tag 0 has them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Reads "2013-03-21T20:04:00Z" with a fraction (dropped) and an offset; false when it is no date.
 */
bool lwm2m_rfc3339_parse(const char *text, size_t len, int64_t *seconds);
