/** See value.h. */
#include "test/sim/value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/base64.h"

void value_deinit(struct value *value)
{
    bytes_deinit(&value->bytes);
    *value = (struct value){ 0 };
}

void value_copy(struct value *target, const struct value *source)
{
    *target = *source;
    target->bytes = (struct bytes){ 0 };
    bytes_add(&target->bytes, source->bytes.data, source->bytes.len);
}

void scalar_deinit(struct scalar *scalar)
{
    bytes_deinit(&scalar->bytes);
    *scalar = (struct scalar){ 0 };
}

bool value_is_number(enum value_type type)
{
    return type == VALUE_INTEGER || type == VALUE_UNSIGNED || type == VALUE_FLOAT ||
           type == VALUE_TIME;
}

double value_number(const struct value *value)
{
    switch (value->type) {
    case VALUE_INTEGER:
    case VALUE_TIME:
        return (double)value->integer;
    case VALUE_UNSIGNED:
        return (double)value->natural;
    case VALUE_FLOAT:
        return value->real;
    default:
        return 0;
    }
}

static int parse_link(const char *text, struct value *value)
{
    unsigned int object = 0;
    unsigned int instance = 0;
    int used = 0;
    if (sscanf(text, "%5u:%5u%n", &object, &instance, &used) != 2 || text[used] != 0 ||
        object > UINT16_MAX || instance > UINT16_MAX) {
        return -EBADMSG;
    }
    value->object = (uint16_t)object;
    value->instance = (uint16_t)instance;
    return 0;
}

static int parse_boolean(const char *text, struct value *value)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) {
        return -EBADMSG;
    }
    value->boolean = text[0] == '1';
    return 0;
}

static int parse_number(const char *text, struct value *value)
{
    char *end = NULL;
    errno = 0;
    if (value->type == VALUE_FLOAT) {
        value->real = strtod(text, &end);
        return end == text || *end != 0 ? -EBADMSG : 0;
    }
    if (value->type == VALUE_UNSIGNED) {
        value->natural = strtoull(text, &end, 10);
    } else {
        value->integer = strtoll(text, &end, 10);
    }
    bool wrong = end == text || *end != 0 || errno != 0 || text[0] == ' ' ||
                 (value->type == VALUE_UNSIGNED && text[0] == '-');
    return wrong ? -EBADMSG : 0;
}

static int parse_short(const char *text, size_t len, struct value *value)
{
    char copy[64];
    if (len >= sizeof copy || memchr(text, 0, len) != NULL) {
        return -EBADMSG;
    }
    memcpy(copy, text, len);
    copy[len] = 0;
    if (value->type == VALUE_BOOLEAN) {
        return parse_boolean(copy, value);
    }
    return value->type == VALUE_OBJLNK ? parse_link(copy, value) : parse_number(copy, value);
}

int value_parse(enum value_type type, const char *text, size_t len, struct value *value)
{
    *value = (struct value){ .type = type };
    int err = 0;
    if (type == VALUE_STRING || type == VALUE_CORELNK) {
        bytes_add(&value->bytes, text, len);
    } else if (type == VALUE_OPAQUE) {
        err = base64_decode(text, len, &value->bytes);
    } else if (type == VALUE_NONE || len == 0) {
        err = -EBADMSG;
    } else {
        err = parse_short(text, len, value);
    }
    if (err != 0) {
        value_deinit(value);
    }
    return err;
}

void value_format_real(double real, struct bytes *out)
{
    char text[40];
    if (isnan(real) || isinf(real)) {
        bytes_add_text(out, isnan(real) ? "NaN" : real < 0 ? "-1e999" : "1e999");
        return;
    }
    if (fabs(real) < 1e15 && !(floor(real) < real)) {
        bytes_printf(out, "%.0f", real);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        double back = strtod(text, NULL);
        if (memcmp(&back, &real, sizeof back) == 0) {
            break;
        }
    }
    bytes_add_text(out, text);
}

void value_format(const struct value *value, struct bytes *out)
{
    switch (value->type) {
    case VALUE_NONE:
        break;
    case VALUE_STRING:
    case VALUE_CORELNK:
        bytes_add(out, value->bytes.data, value->bytes.len);
        break;
    case VALUE_OPAQUE:
        base64_encode(value->bytes.data, value->bytes.len, out);
        break;
    case VALUE_INTEGER:
    case VALUE_TIME:
        bytes_printf(out, "%" PRId64, value->integer);
        break;
    case VALUE_UNSIGNED:
        bytes_printf(out, "%" PRIu64, value->natural);
        break;
    case VALUE_FLOAT:
        value_format_real(value->real, out);
        break;
    case VALUE_BOOLEAN:
        bytes_add_text(out, value->boolean ? "1" : "0");
        break;
    case VALUE_OBJLNK:
        bytes_printf(out, "%u:%u", value->object, value->instance);
        break;
    }
}

static int integer_from_scalar(const struct scalar *scalar, struct value *value)
{
    bool negative = scalar->negative;
    uint64_t magnitude = scalar->magnitude;
    if (scalar->kind == SCALAR_REAL) { /* 20.0 and 1e3 are integers as well */
        double size = fabs(scalar->real);
        if (!(size < 9007199254740992.0) || floor(size) < size) {
            return -EBADMSG;
        }
        negative = scalar->real < 0;
        magnitude = (uint64_t)size;
    } else if (scalar->kind != SCALAR_INTEGER) {
        return -EBADMSG;
    }
    if (value->type == VALUE_UNSIGNED) {
        value->natural = magnitude;
        return negative && magnitude != 0 ? -EBADMSG : 0;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return -EBADMSG;
    }
    value->integer = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

static int real_from_scalar(const struct scalar *scalar, struct value *value)
{
    if (scalar->kind == SCALAR_REAL) {
        value->real = scalar->real;
        return 0;
    }
    double size = (double)scalar->magnitude;
    value->real = scalar->negative ? -size : size;
    return scalar->kind == SCALAR_INTEGER ? 0 : -EBADMSG;
}

static int bytes_from_scalar(const struct scalar *scalar, enum scalar_kind kind,
                             struct value *value)
{
    if (scalar->kind != kind) {
        return -EBADMSG;
    }
    bytes_add(&value->bytes, scalar->bytes.data, scalar->bytes.len);
    return 0;
}

int value_from_scalar(enum value_type type, const struct scalar *scalar, struct value *value)
{
    *value = (struct value){ .type = type, .boolean = scalar->boolean };
    const char *text = (const char *)scalar->bytes.data;
    switch (type) {
    case VALUE_INTEGER:
    case VALUE_UNSIGNED:
    case VALUE_TIME:
        return integer_from_scalar(scalar, value);
    case VALUE_FLOAT:
        return real_from_scalar(scalar, value);
    case VALUE_BOOLEAN:
        return scalar->kind == SCALAR_BOOLEAN ? 0 : -EBADMSG;
    case VALUE_STRING:
    case VALUE_CORELNK:
        return bytes_from_scalar(scalar, SCALAR_TEXT, value);
    case VALUE_OPAQUE:
        return bytes_from_scalar(scalar, SCALAR_BYTES, value);
    case VALUE_OBJLNK:
        return scalar->kind != SCALAR_TEXT ? -EBADMSG
                                           : value_parse(type, text, scalar->bytes.len, value);
    default:
        return -EBADMSG;
    }
}
