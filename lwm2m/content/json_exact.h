/*
 * JSON through cJSON without loss: cJSON keeps every number as a double, which holds integers
 * only up to 2^53. Numbers that a double might change (more than 15 digits, the exponent counted
 * in) are kept as their own text (cJSON_IsRaw), so that they can be read exactly and are printed as
 * they came.
 */
#pragma once

#include "lwm2m/content/value.h"

struct cJSON;

/**
 * Parses one JSON text (RFC 8259) of `len` bytes; trailing blanks are allowed, anything else is
 * not. Nesting is bounded (cJSON's limit) and so is the length (SIZE_MAX / 2). Control characters
 * inside a string are tolerated, devices do send them; a NUL in one, even as \u0000, is not:
 * cJSON's strings would end there.
 *
 * @param[out] error_offset  byte at which parsing failed; may be NULL
 * @return the tree (cJSON_Delete it), or NULL
 */
struct cJSON *lwm2m_json_parse(const char *text, size_t len, size_t *error_offset);

/** Whether an item is a number, kept as text or not. */
bool lwm2m_json_is_number(const struct cJSON *item);

/**
 * A JSON number as an INTEGER where it is one and fits int64, as an UNSIGNED where it only fits
 * uint64, else as a FLOAT (-0 as well).
 *
 * @return 0, or -EINVAL if the item is not a number, or one that no double holds (1e400)
 */
[[nodiscard]] int lwm2m_json_number(const struct cJSON *item, struct lwm2m_value *value);

/**
 * A JSON number as the nearest double.
 *
 * @return 0, or -EINVAL as above
 */
[[nodiscard]] int lwm2m_json_double(const struct cJSON *item, double *number);
