/*
 * JSON as the JSON formats write it: without blanks, in one go, straight into a payload.
 */
#pragma once

#include "lwm2m/content/base64.h"
#include "lwm2m/content/buffer.h"
#include "lwm2m/content/value.h"

/** Appends a string in quotes, escaped where RFC 8259, 7 demands it. `text` must be UTF-8. */
void lwm2m_json_write_string(struct lwm2m_buffer *buffer, const void *text, size_t len);

/** Appends the inside of a string, escaped, without quotes. */
void lwm2m_json_write_text(struct lwm2m_buffer *buffer, const void *text, size_t len);

/** Appends `,"name":`, the comma left out after a '{'. The name needs no escapes. */
void lwm2m_json_write_name(struct lwm2m_buffer *buffer, const char *name);

/** What a format calls its kinds of values. */
struct lwm2m_json_value_names {
    const char *number;
    const char *boolean;
    const char *string;
    const char *bytes;
    enum lwm2m_base64_form bytes_form;
    const char *link;
};

/**
 * Appends a value with its name; nothing for NONE.
 *
 * @return 0, or -EINVAL (NaN, an infinity, text that is not UTF-8)
 */
[[nodiscard]] int lwm2m_json_write_value(struct lwm2m_buffer *buffer,
                                         const struct lwm2m_json_value_names *names,
                                         const struct lwm2m_value *value);

/** Appends a number with its name. It must be finite. */
void lwm2m_json_write_number(struct lwm2m_buffer *buffer, const char *name, double number);
