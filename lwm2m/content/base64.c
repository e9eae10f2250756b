/*
 * Base64 of both alphabets, by table.
 */
#include "lwm2m/content/base64.h"

#include <errno.h>

static const char alphabets[][65] = {
    [LWM2M_BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [LWM2M_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t lwm2m_base64_encoded_len(size_t len, enum lwm2m_base64_form form)
{
    size_t rest = len % 3;
    if (rest == 0) {
        return len / 3 * 4;
    }
    return len / 3 * 4 + (form == LWM2M_BASE64_STANDARD ? 4 : rest + 1);
}

void lwm2m_base64_encode(const uint8_t *data, size_t len, enum lwm2m_base64_form form, char *text)
{
    const char *alphabet = alphabets[form];
    for (; len >= 3; len -= 3, data += 3) {
        uint32_t group = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = alphabet[group >> 6 & 63];
        *text++ = alphabet[group & 63];
    }
    if (len == 0) {
        return;
    }
    uint32_t group = (uint32_t)data[0] << 16 | (len == 2 ? (uint32_t)data[1] << 8 : 0);
    *text++ = alphabet[group >> 18];
    *text++ = alphabet[group >> 12 & 63];
    if (len == 2) {
        *text++ = alphabet[group >> 6 & 63];
    }
    if (form == LWM2M_BASE64_STANDARD) {
        for (size_t pad = len; pad < 3; pad++) {
            *text++ = '=';
        }
    }
}

void lwm2m_base64_append(struct lwm2m_buffer *buffer, const uint8_t *data, size_t len,
                         enum lwm2m_base64_form form)
{
    uint8_t *text = lwm2m_buffer_extend(buffer, lwm2m_base64_encoded_len(len, form));
    if (text != NULL) {
        lwm2m_base64_encode(data, len, form, (char *)text);
    }
}

/* The six bits of a character, or -1. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

static size_t without_padding(const char *text, size_t len)
{
    if (len % 4 != 0 || len == 0 || text[len - 1] != '=') {
        return len;
    }
    return text[len - 2] == '=' ? len - 2 : len - 1;
}

int lwm2m_base64_decode(const char *text, size_t len, uint8_t *data, size_t *data_len)
{
    size_t written = 0;
    uint32_t group = 0;

    len = without_padding(text, len);
    if (len % 4 == 1) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        int bits = digit(text[i]);
        if (bits < 0) {
            return -EINVAL;
        }
        group = group << 6 | (uint32_t)bits;
        /* The character i completes byte i*6/8 unless it starts a group of four. */
        if (i % 4 != 0) {
            data[written++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
        }
    }
    *data_len = written;
    return 0;
}
