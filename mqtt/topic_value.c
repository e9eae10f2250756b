/*
 * Values inside topics: which bytes may stand as they are, which are percent-encoded, and back.
 */
#include "mqtt/topic_value.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void topic_put(struct topic_writer *out, const char *bytes, size_t len)
{
    if (len > out->size - out->len) {
        out->err = -ENOSPC;
    }
    if (out->err || len == 0) {
        return;
    }
    memcpy(out->at + out->len, bytes, len);
    out->len += len;
}

static void put_encoded(struct topic_writer *out, const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        char code[TOPIC_ENCODED_MAX] = { '%', hex[bytes[i] >> 4], hex[bytes[i] & 15] };
        topic_put(out, code, sizeof(code));
    }
}

static bool is_plain_ascii(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '+' && byte != '#' && byte != '/' && byte != '%';
}

/* A code point that MQTT 5, 1.5.4 forbids or lets the receiver close the connection for. */
static bool is_refused(uint32_t point)
{
    return point < 0xa0 || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff ||
           (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xffff) >= 0xfffe;
}

size_t topic_utf8_plain(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t mask, lead, length;
        uint32_t least;
    } forms[] = {
        { 0xe0, 0xc0, 2, 0x80 },
        { 0xf0, 0xe0, 3, 0x800 },
        { 0xf8, 0xf0, 4, 0x10000 },
    };
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
        if ((at[0] & forms[form].mask) != forms[form].lead || left < forms[form].length) {
            continue;
        }
        uint32_t point = (uint32_t)(at[0] & ~forms[form].mask);
        for (size_t i = 1; i < forms[form].length; i++) {
            if ((at[i] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (at[i] & 0x3f);
        }
        return point < forms[form].least || is_refused(point) ? 0 : forms[form].length;
    }
    return 0;
}

/* Runs of plain characters go out at a time: most names are one run. */
void topic_put_value(struct topic_writer *out, const char *value, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)value;
    size_t run = 0;
    size_t i = 0;
    if (out->len == 0 && len > 0 && value[0] == '$') {
        put_encoded(out, bytes, 1);
        i = run = 1;
    }
    while (i < len) {
        size_t plain = is_plain_ascii(bytes[i]) ? 1 : topic_utf8_plain(bytes + i, len - i);
        if (plain == 0) {
            topic_put(out, value + run, i - run);
            put_encoded(out, bytes + i, 1);
            run = i + 1;
        }
        i += plain ? plain : 1;
    }
    topic_put(out, len ? value + run : value, len - run);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int topic_take_decoded(const char **at, const char *end)
{
    if (**at != '%') {
        return **at ? (unsigned char)*(*at)++ : -EBADMSG;
    }
    if (end - *at < TOPIC_ENCODED_MAX) {
        return -EBADMSG;
    }
    int high = hex_digit((*at)[1]);
    int low = hex_digit((*at)[2]);
    if (high < 0 || low < 0 || high + low == 0) {
        return -EBADMSG;
    }
    *at += TOPIC_ENCODED_MAX;
    return high << 4 | low;
}
