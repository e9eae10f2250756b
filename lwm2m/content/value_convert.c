/*
 * Values from the type that a format tells to the type that a definition asks for, wherever
 * nothing is lost: one small function per type that is asked for.
 */
#include "lwm2m/content/content.h"

#include <errno.h>
#include <math.h>

/* Bounds of the doubles that convert to 64 bits without overflow; both exact. */
#define INT64_END  0x1p63
#define UINT64_END 0x1p64

/* Any number as a whole one: a magnitude and a sign. False for a fraction, or too large. */
struct whole {
    uint64_t magnitude;
    bool negative;
};

static bool whole_of_double(double number, struct whole *whole)
{
    whole->negative = number < 0;
    double magnitude = fabs(number);
    if (!(magnitude < UINT64_END) || floor(magnitude) < magnitude) {
        return false;
    }
    whole->magnitude = (uint64_t)magnitude;
    return true;
}

static bool whole_of(const struct lwm2m_value *value, struct whole *whole)
{
    switch (value->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        whole->negative = value->integer < 0;
        whole->magnitude =
            whole->negative ? 0 - (uint64_t)value->integer : (uint64_t)value->integer;
        return true;
    case LWM2M_TYPE_UNSIGNED:
        *whole = (struct whole){ .magnitude = value->unsigned_integer };
        return true;
    case LWM2M_TYPE_BOOLEAN:
        *whole = (struct whole){ .magnitude = value->boolean ? 1 : 0 };
        return true;
    case LWM2M_TYPE_FLOAT:
        return whole_of_double(value->number, whole);
    default:
        return false;
    }
}

static int to_integer(struct lwm2m_value *value, enum lwm2m_type type)
{
    struct whole whole;
    uint64_t limit = INT64_MAX;
    if (!whole_of(value, &whole) || whole.magnitude > limit + (whole.negative ? 1 : 0)) {
        return -EINVAL;
    }
    value->type = type;
    value->integer = whole.negative ? (int64_t)(0 - whole.magnitude) : (int64_t)whole.magnitude;
    return 0;
}

static int to_unsigned(struct lwm2m_value *value, enum lwm2m_type type)
{
    struct whole whole;
    if (!whole_of(value, &whole) || whole.negative) {
        return -EINVAL;
    }
    value->type = type;
    value->unsigned_integer = whole.magnitude;
    return 0;
}

/* A Float is a double: a whole number is rounded to one, as its decimal text would be. */
static int to_float(struct lwm2m_value *value, enum lwm2m_type type)
{
    struct whole whole;
    if (!whole_of(value, &whole)) {
        return -EINVAL;
    }
    value->type = type;
    value->number = whole.negative ? -(double)whole.magnitude : (double)whole.magnitude;
    return 0;
}

static int to_boolean(struct lwm2m_value *value, enum lwm2m_type type)
{
    struct whole whole;
    if (!whole_of(value, &whole) || whole.negative || whole.magnitude > 1) {
        return -EINVAL;
    }
    value->type = type;
    value->boolean = whole.magnitude == 1;
    return 0;
}

static bool has_bytes(const struct lwm2m_value *value)
{
    return value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_CORELNK ||
           value->type == LWM2M_TYPE_OPAQUE || value->type == LWM2M_TYPE_UNTYPED;
}

static int to_text(struct lwm2m_value *value, enum lwm2m_type type)
{
    if (!has_bytes(value) || !lwm2m_utf8_valid(value->bytes.data, value->bytes.len)) {
        return -EINVAL;
    }
    value->type = type;
    return 0;
}

/* Text has been read as base64 before this. */
static int to_opaque(struct lwm2m_value *value, enum lwm2m_type type)
{
    if (value->type != LWM2M_TYPE_UNTYPED && value->type != LWM2M_TYPE_OPAQUE) {
        return -EINVAL;
    }
    value->type = type;
    return 0;
}

typedef int converter(struct lwm2m_value *value, enum lwm2m_type type);

static converter *const converters[] = {
    [LWM2M_TYPE_STRING] = to_text,       [LWM2M_TYPE_CORELNK] = to_text,
    [LWM2M_TYPE_INTEGER] = to_integer,   [LWM2M_TYPE_TIME] = to_integer,
    [LWM2M_TYPE_UNSIGNED] = to_unsigned, [LWM2M_TYPE_FLOAT] = to_float,
    [LWM2M_TYPE_BOOLEAN] = to_boolean,   [LWM2M_TYPE_OPAQUE] = to_opaque,
    [LWM2M_TYPE_UNTYPED] = NULL,
};

int lwm2m_value_convert(struct lwm2m_value *value, enum lwm2m_type type,
                        struct lwm2m_records *records)
{
    if (value->type == type || value->type == LWM2M_TYPE_NONE || type == LWM2M_TYPE_UNTYPED) {
        return 0;
    }
    bool to_text_type = type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK;
    if (value->type == LWM2M_TYPE_STRING && !to_text_type) {
        struct lwm2m_value parsed;
        int err = lwm2m_value_from_text(type, (const char *)value->bytes.data, value->bytes.len,
                                        records, &parsed);
        if (err != 0) {
            return err == -ENOMEM ? err : -EINVAL;
        }
        *value = parsed;
        return 0;
    }
    return converters[type] != NULL ? converters[type](value, type) : -EINVAL;
}
