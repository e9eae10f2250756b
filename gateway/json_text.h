/*
 * JSON as uplink messages and log lines write it, appended to a buffer in one go: no tree, no
 * allocation of its own. Whatever bytes a device sends, the result is valid JSON in UTF-8.
 */
#pragma once

#include "lwm2m/content/buffer.h"
#include "lwm2m/content/value.h"

/** Appends text that is JSON already, such as `,"data":{`. */
#define JSON_LITERAL(buffer_, literal_)                                                            \
    lwm2m_buffer_append((buffer_), "" literal_, sizeof(literal_) - 1)

/** Appends `,"name":`, the comma left out after a '{'. The name needs no escapes. */
void json_name(struct lwm2m_buffer *buffer, const char *name);

/** Appends a quoted string; each byte that is no UTF-8 becomes U+FFFD. */
void json_text(struct lwm2m_buffer *buffer, const void *text, size_t len);

/** Appends a quoted string. */
void json_string(struct lwm2m_buffer *buffer, const char *text);

void json_integer(struct lwm2m_buffer *buffer, int64_t number);
void json_unsigned(struct lwm2m_buffer *buffer, uint64_t number);

/** Appends a number; NaN and the infinities as strings. */
void json_double(struct lwm2m_buffer *buffer, double number);

/** Appends base64 in quotes (RFC 4648, 4). */
void json_base64(struct lwm2m_buffer *buffer, const uint8_t *data, size_t len);

/** Appends a path in quotes: "/3/0/1". */
void json_path(struct lwm2m_buffer *buffer, const struct lwm2m_path *path);

/** Appends a value as the table of uplink values has it; opaque and untyped ones as base64. */
void json_value(struct lwm2m_buffer *buffer, const struct lwm2m_value *value);
