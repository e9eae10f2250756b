/*
 * CBOR (RFC 8949) as the formats of LwM2M write it: definite lengths, the shortest form of every
 * number, no tags.
 */
#pragma once

#include "lwm2m/content/buffer.h"
#include "lwm2m/content/value.h"

void lwm2m_cbor_write_array(struct lwm2m_buffer *buffer, size_t count);
void lwm2m_cbor_write_map(struct lwm2m_buffer *buffer, size_t count);
void lwm2m_cbor_write_unsigned(struct lwm2m_buffer *buffer, uint64_t number);
void lwm2m_cbor_write_integer(struct lwm2m_buffer *buffer, int64_t number);
void lwm2m_cbor_write_null(struct lwm2m_buffer *buffer);

/** A number that is whole as an integer, else in single precision where that is exact. */
void lwm2m_cbor_write_double(struct lwm2m_buffer *buffer, double number);

/** The head of a text string; its `len` bytes are to follow. */
void lwm2m_cbor_write_text_head(struct lwm2m_buffer *buffer, size_t len);
void lwm2m_cbor_write_text(struct lwm2m_buffer *buffer, const void *text, size_t len);

/**
 * Any value: STRING, CORELNK and OBJLNK as text, OPAQUE and UNTYPED as bytes, NONE as null; a FLOAT
 * as a float even if it is whole.
 *
 * @return 0, or -EINVAL (text that is not UTF-8)
 */
[[nodiscard]] int lwm2m_cbor_write_value(struct lwm2m_buffer *buffer,
                                         const struct lwm2m_value *value);
