/*
 * JSON through cJSON without loss: cJSON keeps every number as a double, which holds integers
 * only up to 2^53. Numbers that a double might change are kept as their own text
 * (cJSON_IsRaw), so that they can be read exactly and are printed as they came.
 */
#pragma once

#include "lwm2m/content/value.h"

struct cJSON;

/**
 * Parses one JSON text (RFC 8259) of `len` bytes; trailing blanks are allowed, anything else is not.
 * Nesting is bounded (cJSON's limit) and so is the length (SIZE_MAX / 2).
 *
 * @param[out] error_offset  byte at which parsing failed; may be NULL
 * @return the tree (cJSON_Delete it), or NULL
 */
struct cJSON *lwm2m_json_parse(const char *text, size_t len, size_t *error_offset);

/** Whether an item is a number, exact or not. */
bool lwm2m_json_is_number(const struct cJSON *item);

/**
 * A JSON number as an INTEGER where it is one and fits int64, as an UNSIGNED where it only fits
 * uint64, else as a FLOAT.
 *
 * @return 0, or -EINVAL if the item is not a number
 */
[[nodiscard]] int lwm2m_json_number(const struct cJSON *item, struct lwm2m_value *value);
