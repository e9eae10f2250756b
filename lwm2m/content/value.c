/*
 * The data types of LwM2M: their names, and what holds for a value whatever format it came in.
 */
#include "lwm2m/content/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const type_names[] = {
    [LWM2M_TYPE_NONE] = "None",       [LWM2M_TYPE_STRING] = "String",
    [LWM2M_TYPE_INTEGER] = "Integer", [LWM2M_TYPE_UNSIGNED] = "Unsigned Integer",
    [LWM2M_TYPE_FLOAT] = "Float",     [LWM2M_TYPE_BOOLEAN] = "Boolean",
    [LWM2M_TYPE_OPAQUE] = "Opaque",   [LWM2M_TYPE_TIME] = "Time",
    [LWM2M_TYPE_OBJLNK] = "Objlnk",   [LWM2M_TYPE_CORELNK] = "Corelnk",
    [LWM2M_TYPE_UNTYPED] = "Untyped",
};

#define TYPE_COUNT (sizeof(type_names) / sizeof(type_names[0]))

const char *lwm2m_type_name(enum lwm2m_type type)
{
    return (size_t)type < TYPE_COUNT ? type_names[type] : "Untyped";
}

static const char *skip_separators(const char *name)
{
    while (*name == ' ' || *name == '_') {
        name++;
    }
    return name;
}

static bool names_match(const char *a, const char *b)
{
    for (;;) {
        a = skip_separators(a);
        b = skip_separators(b);
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

int lwm2m_type_by_name(const char *name, enum lwm2m_type *type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (names_match(name, type_names[i])) {
            *type = (enum lwm2m_type)i;
            return 0;
        }
    }
    /* "Unsigned" alone is common in commands. */
    if (names_match(name, "Unsigned")) {
        *type = LWM2M_TYPE_UNSIGNED;
        return 0;
    }
    return -ENOENT;
}

/* Length of the well-formed sequence at `data`, 0 if there is none (RFC 3629, 4). */
static size_t utf8_sequence(const uint8_t *data, size_t len)
{
    static const struct {
        uint8_t lead_min, lead_max, second_min, second_max;
        uint8_t len;
    } rows[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (data[0] < rows[i].lead_min || data[0] > rows[i].lead_max) {
            continue;
        }
        if (len < rows[i].len || data[1] < rows[i].second_min || data[1] > rows[i].second_max) {
            return 0;
        }
        for (size_t k = 2; k < rows[i].len; k++) {
            if ((data[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return rows[i].len;
    }
    return 0;
}

bool lwm2m_utf8_valid(const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        if (data[at] < 0x80) {
            at++;
            continue;
        }
        size_t sequence = utf8_sequence(data + at, len - at);
        if (sequence == 0) {
            return false;
        }
        at += sequence;
    }
    return true;
}

static bool doubles_equal(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    return memcmp(&a, &b, sizeof(a)) == 0;
}

bool lwm2m_value_equal(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case LWM2M_TYPE_NONE:
        return true;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        return a->integer == b->integer;
    case LWM2M_TYPE_UNSIGNED:
        return a->unsigned_integer == b->unsigned_integer;
    case LWM2M_TYPE_FLOAT:
        return doubles_equal(a->number, b->number);
    case LWM2M_TYPE_BOOLEAN:
        return a->boolean == b->boolean;
    case LWM2M_TYPE_OBJLNK:
        return a->link.object == b->link.object && a->link.instance == b->link.instance;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        return a->bytes.len == b->bytes.len &&
               (a->bytes.len == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0);
    }
    return false;
}
