#include "gateway/psk_line.h"

#include <errno.h>
#include <string.h>

#include "lwm2m/content/base64.h"
#include "lwm2m/content/value.h"

/* A piece of the line between blanks. */
struct field {
    const char *text;
    size_t len; /* 0: the line has no such field */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_printable(char c)
{
    return c > ' ' && c < 0x7f;
}

static int refuse(struct psk_line *line, const char *text, const char *at, const char *mistake)
{
    line->column = (size_t)(at - text) + 1;
    line->mistake = mistake;
    return -EBADMSG;
}

/* A `#` within a field is a part of it: names may hold one. */
static struct field next_field(const char **at, const char *end)
{
    while (*at < end && is_blank(**at)) {
        (*at)++;
    }
    struct field field = { .text = *at };
    if (*at < end && **at != '#') {
        while (*at < end && !is_blank(**at)) {
            (*at)++;
        }
        field.len = (size_t)(*at - field.text);
    }
    return field;
}

static bool has_prefix(struct field *field, const char *prefix)
{
    size_t len = strlen(prefix);
    if (field->len < len || memcmp(field->text, prefix, len) != 0) {
        return false;
    }
    field->text += len;
    field->len -= len;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns how many bytes; 0 when it is not hex, is empty or does not fit. */
static size_t read_hex(struct field field, uint8_t *bytes, size_t size)
{
    if (field.len % 2 != 0 || field.len / 2 > size) {
        return 0;
    }
    for (size_t i = 0; i < field.len / 2; i++) {
        int high = hex_digit(field.text[2 * i]);
        int low = hex_digit(field.text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return field.len / 2;
}

static bool all_printable(struct field field)
{
    for (size_t i = 0; i < field.len; i++) {
        if (!is_printable(field.text[i])) {
            return false;
        }
    }
    return true;
}

/* A name as it is or as `hex:…`; returns how many bytes, 0 when it is neither or does not fit. */
static size_t read_name(struct field field, uint8_t *bytes, size_t size)
{
    if (has_prefix(&field, "hex:")) {
        return read_hex(field, bytes, size);
    }
    if (field.len > size || !all_printable(field)) {
        return 0;
    }
    memcpy(bytes, field.text, field.len);
    return field.len;
}

static size_t read_key(struct field field, uint8_t key[PSK_KEY_MAX])
{
    uint8_t bytes[LWM2M_BASE64_DECODED_MAX(PSK_KEY_MAX / 3 * 4 + 8)];
    size_t len = 0;
    if (!has_prefix(&field, "base64:")) {
        return read_hex(field, key, PSK_KEY_MAX);
    }
    if (LWM2M_BASE64_DECODED_MAX(field.len) > sizeof(bytes) ||
        lwm2m_base64_decode(field.text, field.len, bytes, &len) || len > PSK_KEY_MAX) {
        len = 0;
    }
    memcpy(key, bytes, len);
    explicit_bzero(bytes, sizeof(bytes));
    return len;
}

static bool is_endpoint_name(const uint8_t *name, size_t len)
{
    return memchr(name, 0, len) == NULL && lwm2m_utf8_valid(name, len);
}

static int read_endpoint(struct psk_line *line, const char *text, struct field identity,
                         struct field field)
{
    if (field.len == 0) {
        if (!is_endpoint_name(line->identity, line->identity_len)) {
            return refuse(line, text, identity.text,
                          "found an identity that is no name in UTF-8 and no endpoint after the "
                          "key; allowed: identity key endpoint");
        }
        memcpy(line->endpoint, line->identity, line->identity_len);
        return 0;
    }
    size_t len = read_name(field, (uint8_t *)line->endpoint, PSK_ENDPOINT_MAX);
    if (len == 0 || !is_endpoint_name((uint8_t *)line->endpoint, len)) {
        return refuse(line, text, field.text,
                      "found what is no endpoint; allowed: a name or pattern of 1 to 255 printable "
                      "ASCII characters, or hex: and the bytes of a name in UTF-8");
    }
    line->is_pattern = !has_prefix(&field, "hex:") && strpbrk(line->endpoint, "*?[\\") != NULL;
    return 0;
}

int psk_line_read(const char *text, size_t len, struct psk_line *line)
{
    const char *at = text, *end = text + len;
    *line = (struct psk_line){ 0 };
    struct field identity = next_field(&at, end);
    struct field key = next_field(&at, end);
    struct field endpoint = next_field(&at, end);
    struct field rest = next_field(&at, end);
    if (identity.len == 0) {
        return 0;
    }
    line->identity_len = (uint8_t)read_name(identity, line->identity, PSK_IDENTITY_MAX);
    if (line->identity_len == 0) {
        return refuse(line, text, identity.text,
                      "found what is no identity; allowed: 1 to 128 printable ASCII characters, or "
                      "hex: and the bytes in hex");
    }
    if (key.len == 0) {
        return refuse(line, text, key.text, "found no key; allowed: identity key [endpoint]");
    }
    line->key_len = (uint8_t)read_key(key, line->key);
    if (line->key_len == 0) {
        return refuse(line, text, key.text,
                      "found what is no key; allowed: 1 to 64 bytes in hex, or base64: and the "
                      "bytes in base64");
    }
    if (rest.len > 0) {
        return refuse(line, text, rest.text,
                      "found more than three fields; allowed: identity key [endpoint]");
    }
    return read_endpoint(line, text, identity, endpoint);
}
