/*
 * JSON as the JSON formats write it: without blanks, in one go, straight into a payload.
 */
#pragma once

#include "lwm2m/content/buffer.h"
#include "lwm2m/content/value.h"

/** Appends a string in quotes, escaped where RFC 8259, 7 demands it. `text` must be UTF-8. */
void lwm2m_json_write_string(struct lwm2m_buffer *buffer, const void *text, size_t len);

/** Appends the inside of a string, escaped, without quotes. */
void lwm2m_json_write_text(struct lwm2m_buffer *buffer, const void *text, size_t len);

/** Appends `,"name":`, the comma left out after a '{'. The name needs no escapes. */
void lwm2m_json_write_name(struct lwm2m_buffer *buffer, const char *name);

/**
 * Appends a number or boolean.
 *
 * @return 0, or -EINVAL (another type, NaN, an infinity)
 */
[[nodiscard]] int lwm2m_json_write_scalar(struct lwm2m_buffer *buffer,
                                          const struct lwm2m_value *value);
