/*
 * The walk over links and their attributes, in place.
 */
#include "lwm2m/content/link_format.h"

#include <errno.h>
#include <string.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const uint8_t *skip_blanks(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    return at;
}

/* The bytes from `start` to `end` without blanks at either side. */
static struct lwm2m_bytes trimmed(const uint8_t *start, const uint8_t *end)
{
    start = skip_blanks(start, end);
    while (end > start && is_blank(end[-1])) {
        end--;
    }
    return (struct lwm2m_bytes){ start, (size_t)(end - start) };
}

/*
 * The first `separator` outside of quotes, or the end; NULL if a quote is not closed. Inside of
 * quotes a backslash takes the next character's meaning (RFC 2616, 2.2).
 */
static const uint8_t *find_separator(const uint8_t *at, const uint8_t *end, uint8_t separator)
{
    bool quoted = false;
    for (; at < end; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (quoted && *at == '\\' && at + 1 < end) {
            at++;
        } else if (!quoted && *at == separator) {
            return at;
        }
    }
    return quoted ? NULL : end;
}

void lwm2m_link_reader_init(struct lwm2m_link_reader *reader, const uint8_t *payload, size_t len)
{
    *reader = (struct lwm2m_link_reader){ .next = payload, .end = payload };
    if (len > 0) {
        reader->end = payload + len;
        reader->next = skip_blanks(payload, reader->end);
    }
}

/* Reads `<target>[;attributes]` from `start` to `end`. */
static bool read_link(const uint8_t *start, const uint8_t *end, const uint8_t *close,
                      struct lwm2m_link *link)
{
    link->text = trimmed(start, end);
    end = link->text.data + link->text.len;
    const uint8_t *after = skip_blanks(close + 1, end);
    link->target = trimmed(start + 1, close);
    link->attributes = (struct lwm2m_bytes){ close + 1, 0 };
    if (after == end) {
        return true;
    }
    if (*after != ';') {
        return false;
    }
    link->attributes = trimmed(after + 1, end);
    return true;
}

bool lwm2m_link_reader_next(struct lwm2m_link_reader *reader, struct lwm2m_link *link)
{
    const uint8_t *start = reader->next;
    const uint8_t *end = reader->end;
    const uint8_t *close = NULL;
    const uint8_t *separator = NULL;

    if (reader->err != 0 || start == end) {
        return false;
    }
    if (*start == '<') {
        close = memchr(start, '>', (size_t)(end - start));
    }
    if (close != NULL) {
        separator = find_separator(close + 1, end, ',');
    }
    if (separator == NULL || !read_link(start, separator, close, link)) {
        reader->err = -EBADMSG;
        return false;
    }
    /* A comma after the last link is tolerated. */
    reader->next = separator < end ? skip_blanks(separator + 1, end) : end;
    return true;
}

static struct lwm2m_bytes without_quotes(struct lwm2m_bytes value)
{
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
        value.data++;
        value.len -= 2;
    }
    return value;
}

bool lwm2m_link_attribute_next(struct lwm2m_bytes *rest, struct lwm2m_link_attribute *attribute)
{
    while (rest->len > 0) {
        const uint8_t *start = rest->data;
        const uint8_t *end = start + rest->len;
        const uint8_t *separator = find_separator(start, end, ';');
        if (separator == NULL) {
            separator = end;
        }
        const uint8_t *next = separator < end ? separator + 1 : end;
        *rest = (struct lwm2m_bytes){ next, (size_t)(end - next) };

        const uint8_t *equals = memchr(start, '=', (size_t)(separator - start));
        attribute->name = trimmed(start, equals != NULL ? equals : separator);
        attribute->value = (struct lwm2m_bytes){ 0 };
        if (equals != NULL) {
            attribute->value = without_quotes(trimmed(equals + 1, separator));
        }
        if (attribute->name.len > 0) {
            return true;
        }
    }
    return false;
}

bool lwm2m_link_attribute_find(const struct lwm2m_link *link, const char *name,
                               struct lwm2m_link_attribute *attribute)
{
    struct lwm2m_bytes rest = link->attributes;
    size_t len = strlen(name);
    while (lwm2m_link_attribute_next(&rest, attribute)) {
        if (attribute->name.len == len && memcmp(attribute->name.data, name, len) == 0) {
            return true;
        }
    }
    return false;
}
