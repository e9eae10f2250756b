#include "lwm2m/content/json_reader.h"
#include "lwm2m/content/decimal.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 16
/* So many digits always fit an int64. */
#define SHORT_DIGITS 18

static bool fail(struct lwm2m_json_reader *reader, int err)
{
    if (reader->err == 0) {
        reader->err = err;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next character that counts, NUL (which never does) at the end or after an error. */
static char peek(struct lwm2m_json_reader *reader)
{
    while (reader->next < reader->end && is_blank(*reader->next)) {
        reader->next++;
    }
    return reader->err == 0 && reader->next < reader->end ? *reader->next : '\0';
}

/* --- strings --- */

/* The value of four hexadecimal digits; 0, which is no character here, when they are not. */
static uint32_t read_hex(const char *at, const char *end)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++, at++) {
        unsigned digit;
        if (at >= end) {
            return 0;
        }
        if (*at >= '0' && *at <= '9') {
            digit = (unsigned)(*at - '0');
        } else if ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'f') {
            digit = (unsigned)((*at | 0x20) - 'a' + 10);
        } else {
            return 0;
        }
        value = value << 4 | digit;
    }
    return value;
}

static uint8_t *write_utf8(uint8_t *to, uint32_t character)
{
    unsigned more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = { 0, 0xc0, 0xe0, 0xf0 };
    *to++ = (uint8_t)(leads[more] | character >> (6 * more));
    while (more > 0) {
        more--;
        *to++ = (uint8_t)(0x80 | (character >> (6 * more) & 0x3f));
    }
    return to;
}

/* The character of `\u…` behind the u, a pair of surrogates included; 0: it is none. */
static uint32_t read_unicode(const char **at, const char *end)
{
    uint32_t character = read_hex(*at, end);
    *at += 4;
    if (character < 0xd800 || character > 0xdfff) {
        return character;
    }
    bool paired = character < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u';
    uint32_t low = paired ? read_hex(*at + 2, end) : 0;
    *at += 6;
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00)
                                          : 0;
}

/* What an escape of two characters stands for; 0: there is no such. */
static char short_escape(char c)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    for (size_t i = 0; i + 1 < sizeof(escapes); i += 2) {
        if (escapes[i] == c) {
            return escapes[i + 1];
        }
    }
    return '\0';
}

/* Replaces a text by a copy without escapes, which is never longer. */
static bool unescape(struct lwm2m_json_reader *reader, struct lwm2m_bytes *text)
{
    uint8_t *copy = lwm2m_records_alloc(reader->records, text->len);
    if (copy == NULL) {
        return fail(reader, -ENOMEM);
    }
    const char *at = (const char *)text->data;
    const char *end = at + text->len;
    uint8_t *to = copy;
    while (at < end) {
        if (*at != '\\') {
            *to++ = (uint8_t)*at++;
            continue;
        }
        at++; /* a backslash is never the last character */
        char kind = *at++;
        uint32_t character =
            kind == 'u' ? read_unicode(&at, end) : (uint32_t)(uint8_t)short_escape(kind);
        if (character == 0) {
            return fail(reader, -EBADMSG);
        }
        to = write_utf8(to, character);
    }
    *text = (struct lwm2m_bytes){ copy, (size_t)(to - copy) };
    return true;
}

/* From the opening quote on. */
static bool read_string(struct lwm2m_json_reader *reader, struct lwm2m_bytes *text)
{
    const char *start = reader->next + 1;
    const char *at = start;
    bool escaped = false;
    while (at < reader->end && *at != '"' && *at != '\0') {
        if (*at == '\\') {
            escaped = true;
            at++;
            if (at == reader->end) {
                break;
            }
        }
        at++;
    }
    if (at == reader->end || *at != '"') {
        return fail(reader, -EBADMSG);
    }
    *text = (struct lwm2m_bytes){ (const uint8_t *)start, (size_t)(at - start) };
    reader->next = at + 1;
    return !escaped || unescape(reader, text);
}

/* --- other values --- */

/* Whether a number ends here: "01", "1.", "1x" are none. */
static bool is_delimited(const char *at, const char *end)
{
    return at == end || is_blank(*at) || *at == ',' || *at == ']' || *at == '}';
}

/* What nearly all numbers are: a few digits. False: it is something else. */
static bool read_short_integer(struct lwm2m_json_reader *reader, struct lwm2m_value *number)
{
    const char *at = reader->next;
    bool negative = *at == '-';
    int64_t value = 0;
    at += negative;
    const char *first = at;
    while (at < reader->end && *at >= '0' && *at <= '9' && at - first < SHORT_DIGITS) {
        value = value * 10 + (*at++ - '0');
    }
    /* Neither nothing, nor "007", nor "-0", which is a FLOAT. */
    if (at == first || (*first == '0' && (at - first > 1 || negative)) ||
        !is_delimited(at, reader->end)) {
        return false;
    }
    *number =
        (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = negative ? -value : value };
    reader->next = at;
    return true;
}

static bool read_number(struct lwm2m_json_reader *reader, struct lwm2m_value *number)
{
    if (read_short_integer(reader, number)) {
        return true;
    }
    size_t left = (size_t)(reader->end - reader->next);
    size_t len = lwm2m_decimal_scan(reader->next, left).len;
    if (len == 0 || !is_delimited(reader->next + len, reader->end) ||
        lwm2m_decimal_parse(reader->next, len, number) != 0) {
        return fail(reader, -EBADMSG);
    }
    reader->next += len;
    return true;
}

static bool read_word(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item)
{
    static const struct {
        const char *text;
        enum lwm2m_json_kind kind;
        bool boolean;
    } words[] = { { "true", LWM2M_JSON_BOOLEAN, true },
                  { "false", LWM2M_JSON_BOOLEAN, false },
                  { "null", LWM2M_JSON_NULL, false } };
    size_t left = (size_t)(reader->end - reader->next);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i].text);
        if (len <= left && memcmp(reader->next, words[i].text, len) == 0) {
            item->kind = words[i].kind;
            item->boolean = words[i].boolean;
            reader->next += len;
            return true;
        }
    }
    return fail(reader, -EBADMSG);
}

static bool open_container(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item,
                           enum lwm2m_json_kind kind, char closing)
{
    item->kind = kind;
    item->container = (struct lwm2m_json_container){ .closing = closing };
    reader->next++;
    return true;
}

/* --- the interface --- */

void lwm2m_json_reader_init(struct lwm2m_json_reader *reader, const uint8_t *payload, size_t len,
                            struct lwm2m_records *records)
{
    const char *text = (const char *)payload;
    *reader = (struct lwm2m_json_reader){ .next = text, .end = text + len, .records = records };
}

bool lwm2m_json_read(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item)
{
    char c = peek(reader);
    switch (c) {
    case '\0':
        return fail(reader, -EBADMSG);
    case '"':
        item->kind = LWM2M_JSON_STRING;
        return read_string(reader, &item->text);
    case '{':
        return open_container(reader, item, LWM2M_JSON_OBJECT, '}');
    case '[':
        return open_container(reader, item, LWM2M_JSON_ARRAY, ']');
    case 't':
    case 'f':
    case 'n':
        return read_word(reader, item);
    default:
        item->kind = LWM2M_JSON_NUMBER;
        return read_number(reader, &item->number);
    }
}

bool lwm2m_json_more(struct lwm2m_json_reader *reader, struct lwm2m_json_container *container)
{
    char c = peek(reader);
    if (c == container->closing) {
        reader->next++;
        return false;
    }
    if (c == '\0' || (container->begun && c != ',')) {
        return fail(reader, -EBADMSG);
    }
    reader->next += container->begun;
    container->begun = true;
    return true;
}

bool lwm2m_json_read_name(struct lwm2m_json_reader *reader, struct lwm2m_bytes *name)
{
    if (peek(reader) != '"' || !read_string(reader, name) || peek(reader) != ':') {
        return fail(reader, -EBADMSG);
    }
    reader->next++;
    return true;
}

static void skip_levels(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item,
                        unsigned levels)
{
    struct lwm2m_bytes name;
    struct lwm2m_json_item inner;
    bool is_object = item->kind == LWM2M_JSON_OBJECT;
    if (!is_object && item->kind != LWM2M_JSON_ARRAY) {
        return;
    }
    if (levels == 0) {
        (void)fail(reader, -EBADMSG);
        return;
    }
    while (lwm2m_json_more(reader, &item->container)) {
        if ((is_object && !lwm2m_json_read_name(reader, &name)) ||
            !lwm2m_json_read(reader, &inner)) {
            return;
        }
        skip_levels(reader, &inner, levels - 1);
    }
}

void lwm2m_json_skip(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item)
{
    skip_levels(reader, item, DEPTH_MAX);
}

int lwm2m_json_reader_end(struct lwm2m_json_reader *reader)
{
    (void)peek(reader);
    if (reader->next < reader->end) {
        (void)fail(reader, -EBADMSG);
    }
    return reader->err;
}
