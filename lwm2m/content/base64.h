/*
 * Base64 (RFC 4648): the standard alphabet with padding (text/plain, JSON), and the URL-safe one
 * without (SenML's vd). Reading accepts either, padded or not: devices mix them up.
 */
#pragma once

#include "lwm2m/content/buffer.h"

enum lwm2m_base64_form {
    LWM2M_BASE64_STANDARD, /* RFC 4648, 4: '+', '/', padded */
    LWM2M_BASE64_URL,      /* RFC 4648, 5: '-', '_', not padded */
};

/** Characters that `len` bytes take. */
size_t lwm2m_base64_encoded_len(size_t len, enum lwm2m_base64_form form);

/** Writes lwm2m_base64_encoded_len() characters, without a terminator. */
void lwm2m_base64_encode(const uint8_t *data, size_t len, enum lwm2m_base64_form form, char *text);

/** Appends the text of `len` bytes. */
void lwm2m_base64_append(struct lwm2m_buffer *buffer, const uint8_t *data, size_t len,
                         enum lwm2m_base64_form form);

/* Bytes that `text_len` characters hold at most. */
#define LWM2M_BASE64_DECODED_MAX(text_len) ((text_len) / 4 * 3 + 2)

/**
 * Reads base64 text; blanks are not allowed.
 *
 * @param data      room for LWM2M_BASE64_DECODED_MAX(len) bytes
 * @param data_len  how many were written
 * @return 0, or -EINVAL
 */
[[nodiscard]] int lwm2m_base64_decode(const char *text, size_t len, uint8_t *data,
                                      size_t *data_len);
