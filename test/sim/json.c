/** See json.h. */
#include "test/sim/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/base64.h"

static void skip_blanks(struct json_reader *in)
{
    while (in->at < in->end && strchr(" \t\r\n", *in->at) != NULL && *in->at != 0) {
        in->at++;
    }
}

static void fail(struct json_reader *in)
{
    in->err = -EBADMSG;
    in->at = in->end;
}

bool json_take(struct json_reader *in, char token)
{
    skip_blanks(in);
    if (in->at == in->end || *in->at != token) {
        return false;
    }
    in->at++;
    return true;
}

void json_expect(struct json_reader *in, char token)
{
    if (!json_take(in, token)) {
        fail(in);
    }
}

bool json_at_end(struct json_reader *in)
{
    skip_blanks(in);
    return in->at == in->end;
}

static uint32_t read_hex4(struct json_reader *in)
{
    char text[5] = { 0 };
    if (in->end - in->at < 4) {
        fail(in);
        return 0;
    }
    memcpy(text, in->at, 4);
    if (strspn(text, "0123456789abcdefABCDEF") != 4) {
        fail(in);
        return 0;
    }
    in->at += 4;
    return (uint32_t)strtoul(text, NULL, 16);
}

static void add_utf8(struct bytes *out, uint32_t code)
{
    if (code < 0x80) {
        bytes_add_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        bytes_add_byte(out, (uint8_t)(0xC0 | code >> 6));
        bytes_add_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        bytes_add_byte(out, (uint8_t)(0xE0 | code >> 12));
        bytes_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        bytes_add_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else {
        bytes_add_byte(out, (uint8_t)(0xF0 | code >> 18));
        bytes_add_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3F)));
        bytes_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        bytes_add_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    }
}

static void read_unicode(struct json_reader *in, struct bytes *text)
{
    uint32_t code = read_hex4(in);
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a surrogate pair */
        if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u') {
            fail(in);
            return;
        }
        in->at += 2;
        uint32_t low = read_hex4(in);
        if (low < 0xDC00 || low > 0xDFFF) {
            fail(in);
            return;
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
        fail(in);
        return;
    }
    add_utf8(text, code);
}

static void read_escape(struct json_reader *in, struct bytes *text)
{
    static const char names[] = "\"\\/bfnrt";
    static const char characters[] = "\"\\/\b\f\n\r\t";
    char name = in->at < in->end ? *in->at++ : 0;
    const char *found = name == 0 ? NULL : strchr(names, name);
    if (name == 'u') {
        read_unicode(in, text);
    } else if (found != NULL) {
        bytes_add_byte(text, (uint8_t)characters[found - names]);
    } else {
        fail(in);
    }
}

void json_read_string(struct json_reader *in, struct bytes *text)
{
    json_expect(in, '"');
    while (in->at < in->end && *in->at != '"') {
        char character = *in->at++;
        if (character == '\\') {
            read_escape(in, text);
        } else if ((unsigned char)character < 0x20) {
            fail(in);
        } else {
            bytes_add_byte(text, (uint8_t)character);
        }
    }
    if (in->err == 0) {
        json_expect(in, '"');
    }
}

static size_t span_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/** Whether @p text follows the grammar of a JSON number; @param[out] whole no fraction, no exponent
 */
static bool number_is_valid(const char *text, bool *whole)
{
    const char *at = text + (text[0] == '-' ? 1 : 0);
    size_t digits = span_digits(at);
    if (digits == 0 || (digits > 1 && at[0] == '0')) {
        return false;
    }
    at += digits;
    *whole = *at == 0;
    if (*at == '.') {
        digits = span_digits(++at);
        at += digits;
    }
    if (digits != 0 && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-' ? 1 : 0;
        digits = span_digits(at);
        at += digits;
    }
    return digits != 0 && *at == 0;
}

static void read_number(struct json_reader *in, struct scalar *scalar)
{
    char text[64] = { 0 };
    size_t len = 0;
    while (in->at < in->end && *in->at != 0 && strchr("0123456789+-.eE", *in->at) != NULL &&
           len + 1 < sizeof text) {
        text[len++] = *in->at++;
    }
    bool whole = false;
    if (!number_is_valid(text, &whole)) {
        fail(in);
        return;
    }
    scalar->negative = text[0] == '-';
    errno = 0;
    scalar->magnitude = strtoull(text + (scalar->negative ? 1 : 0), NULL, 10);
    scalar->kind = whole && errno == 0 ? SCALAR_INTEGER : SCALAR_REAL;
    scalar->real = strtod(text, NULL);
}

static bool take_word(struct json_reader *in, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0) {
        return false;
    }
    in->at += len;
    return true;
}

void json_read_scalar(struct json_reader *in, struct scalar *scalar)
{
    skip_blanks(in);
    if (in->at < in->end && *in->at == '"') {
        scalar->kind = SCALAR_TEXT;
        json_read_string(in, &scalar->bytes);
    } else if (take_word(in, "true")) {
        *scalar = (struct scalar){ .kind = SCALAR_BOOLEAN, .boolean = true };
    } else if (take_word(in, "false")) {
        *scalar = (struct scalar){ .kind = SCALAR_BOOLEAN };
    } else if (!take_word(in, "null")) {
        read_number(in, scalar);
    }
}

void json_add_string(struct bytes *out, const uint8_t *text, size_t len)
{
    bytes_add_byte(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20) {
            bytes_printf(out, "\\u%04x", text[i]);
            continue;
        }
        if (text[i] == '"' || text[i] == '\\') {
            bytes_add_byte(out, '\\');
        }
        bytes_add_byte(out, text[i]);
    }
    bytes_add_byte(out, '"');
}

void json_add_value(struct bytes *out, const struct json_members *members,
                    const struct value *value)
{
    switch (value->type) {
    case VALUE_BOOLEAN:
        bytes_printf(out, "\"%s\":%s", members->boolean, value->boolean ? "true" : "false");
        break;
    case VALUE_STRING:
    case VALUE_CORELNK:
        bytes_printf(out, "\"%s\":", members->text);
        json_add_string(out, value->bytes.data, value->bytes.len);
        break;
    case VALUE_OPAQUE:
        bytes_printf(out, "\"%s\":\"", members->opaque);
        (members->url_base64 ? base64_encode_url : base64_encode)(value->bytes.data,
                                                                  value->bytes.len, out);
        bytes_add_byte(out, '"');
        break;
    case VALUE_OBJLNK:
        bytes_printf(out, "\"%s\":\"%u:%u\"", members->link, value->object, value->instance);
        break;
    default:
        bytes_printf(out, "\"%s\":", members->number);
        value_format(value, out);
        break;
    }
}
