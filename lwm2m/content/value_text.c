/*
 * Values as text: text/plain (Core TS 7.4.1) and what people write in commands.
 */
#include "lwm2m/content/base64.h"
#include "lwm2m/content/content.h"
#include "lwm2m/content/decimal.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static size_t write_signed(int64_t number, char *text)
{
    size_t len = 0;
    uint64_t magnitude = (uint64_t)number;
    if (number < 0) {
        text[len++] = '-';
        magnitude = 0 - magnitude;
    }
    return len + lwm2m_decimal_write(magnitude, text + len);
}

static size_t write_link(const struct lwm2m_value *value, char *text)
{
    size_t len = lwm2m_decimal_write(value->link.object, text);
    text[len++] = ':';
    return len + lwm2m_decimal_write(value->link.instance, text + len);
}

size_t lwm2m_value_format(const struct lwm2m_value *value, char text[LWM2M_NUMBER_TEXT_MAX])
{
    size_t len = 0;
    switch (value->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        len = write_signed(value->integer, text);
        break;
    case LWM2M_TYPE_UNSIGNED:
        len = lwm2m_decimal_write(value->unsigned_integer, text);
        break;
    case LWM2M_TYPE_FLOAT:
        return lwm2m_value_format_double(value->number, text);
    case LWM2M_TYPE_BOOLEAN:
        text[len++] = value->boolean ? '1' : '0';
        break;
    case LWM2M_TYPE_OBJLNK:
        len = write_link(value, text);
        break;
    default:
        break;
    }
    text[len] = '\0';
    return len;
}

static int copy_text(enum lwm2m_type type, const char *text, size_t len,
                     struct lwm2m_records *records, struct lwm2m_value *value)
{
    uint8_t *copy = lwm2m_records_alloc(records, len);
    if (copy == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    *value = (struct lwm2m_value){ .type = type, .bytes = { copy, len } };
    return 0;
}

static int decode_base64(enum lwm2m_type type, const char *text, size_t len,
                         struct lwm2m_records *records, struct lwm2m_value *value)
{
    uint8_t *data = lwm2m_records_alloc(records, LWM2M_BASE64_DECODED_MAX(len));
    if (data == NULL) {
        return -ENOMEM;
    }
    size_t data_len;
    int err = lwm2m_base64_decode(text, len, data, &data_len);
    if (err == 0) {
        *value = (struct lwm2m_value){ .type = type, .bytes = { data, data_len } };
    }
    return err;
}

/* What our JSON publishes for numbers that JSON has no text for. */
static bool parse_not_finite(const char *text, size_t len, double *number)
{
    static const struct {
        const char *text;
        double number;
    } rows[] = { { "NaN", NAN }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strlen(rows[i].text) == len && memcmp(rows[i].text, text, len) == 0) {
            *number = rows[i].number;
            return true;
        }
    }
    return false;
}

static int parse_number(enum lwm2m_type type, const char *text, size_t len,
                        struct lwm2m_records *records, struct lwm2m_value *value)
{
    double not_finite;
    if (type == LWM2M_TYPE_FLOAT && parse_not_finite(text, len, &not_finite)) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = not_finite };
        return 0;
    }
    if (len > 1 && text[0] == '+' && text[1] != '-') {
        text++;
        len--;
    }
    struct lwm2m_value number;
    int err = lwm2m_decimal_parse(text, len, &number);
    if (err != 0) {
        return err;
    }
    if (lwm2m_value_convert(&number, type, records) != 0) {
        /* A fraction is not of this type; a whole number that is left over is too large. */
        return number.type == LWM2M_TYPE_FLOAT && floor(number.number) < number.number ? -EINVAL
                                                                                       : -ERANGE;
    }
    *value = number;
    return 0;
}

static int parse_boolean(const char *text, size_t len, struct lwm2m_value *value)
{
    bool is_true = (len == 1 && text[0] == '1') || (len == 4 && strncasecmp(text, "true", 4) == 0);
    bool is_false =
        (len == 1 && text[0] == '0') || (len == 5 && strncasecmp(text, "false", 5) == 0);
    if (!is_true && !is_false) {
        return -EINVAL;
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_BOOLEAN, .boolean = is_true };
    return 0;
}

/* One half of "65:0": digits, 0..65535. */
static int parse_link_id(const char *text, size_t len, uint16_t *id)
{
    uint32_t number = 0;
    if (len == 0 || len > 5) {
        return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -EINVAL;
        }
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    if (number > UINT16_MAX) {
        return -EINVAL;
    }
    *id = (uint16_t)number;
    return 0;
}

static int parse_link(const char *text, size_t len, struct lwm2m_value *value)
{
    struct lwm2m_value link = { .type = LWM2M_TYPE_OBJLNK };
    const char *colon = len > 0 ? memchr(text, ':', len) : NULL;
    if (colon == NULL) {
        return -EINVAL;
    }
    size_t object_len = (size_t)(colon - text);
    if (parse_link_id(text, object_len, &link.link.object) != 0 ||
        parse_link_id(colon + 1, len - object_len - 1, &link.link.instance) != 0) {
        return -EINVAL;
    }
    *value = link;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int lwm2m_value_from_text(enum lwm2m_type type, const char *text, size_t len,
                          struct lwm2m_records *records, struct lwm2m_value *value)
{
    if (type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK) {
        return copy_text(type, text, len, records, value);
    }
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    while (len > 0 && is_blank(text[0])) {
        text++;
        len--;
    }
    switch (type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_UNSIGNED:
    case LWM2M_TYPE_TIME:
    case LWM2M_TYPE_FLOAT:
        return parse_number(type, text, len, records, value);
    case LWM2M_TYPE_BOOLEAN:
        return parse_boolean(text, len, value);
    case LWM2M_TYPE_OBJLNK:
        return parse_link(text, len, value);
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        return decode_base64(type, text, len, records, value);
    default:
        if (len > 0) {
            return -EINVAL;
        }
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_NONE };
        return 0;
    }
}
