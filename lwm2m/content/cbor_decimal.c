/*
 * Decimal fractions (RFC 8949, 3.4.4): [exponent, mantissa] in tag 4, one of the three ways that
 * SenML has for a number (RFC 8428, 6). Written as text and read as such, so that the result is
 * the number that the same digits have in JSON.
 */
#include "lwm2m/content/cbor_reader.h"
#include "lwm2m/content/decimal.h"

#include <errno.h>

/* "-18446744073709551615e-18446744073709551615" */
#define DECIMAL_TEXT_MAX 48

static bool fail(struct lwm2m_cbor_reader *reader)
{
    if (reader->err == 0) {
        reader->err = -EBADMSG;
    }
    return false;
}

/* Reads a whole number and writes its text; returns the length, 0 after an error. */
static size_t read_integer(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_container *pair,
                           char *text)
{
    struct lwm2m_cbor_item item;
    if (!lwm2m_cbor_more(reader, pair) || !lwm2m_cbor_read(reader, &item)) {
        fail(reader);
        return 0;
    }
    if (item.kind == LWM2M_CBOR_UNSIGNED) {
        return lwm2m_decimal_write(item.number, text);
    }
    if (item.kind != LWM2M_CBOR_NEGATIVE || item.number == UINT64_MAX) {
        fail(reader);
        return 0;
    }
    text[0] = '-';
    return 1 + lwm2m_decimal_write(item.number + 1, text + 1);
}

static void item_of_number(const struct lwm2m_value *value, struct lwm2m_cbor_item *item)
{
    *item = (struct lwm2m_cbor_item){ .kind = LWM2M_CBOR_UNSIGNED };
    if (value->type == LWM2M_TYPE_FLOAT) {
        item->kind = LWM2M_CBOR_FLOAT;
        item->real = value->number;
    } else if (value->type == LWM2M_TYPE_UNSIGNED) {
        item->number = value->unsigned_integer;
    } else if (value->integer >= 0) {
        item->number = (uint64_t)value->integer;
    } else {
        item->kind = LWM2M_CBOR_NEGATIVE;
        item->number = (uint64_t)(-1 - value->integer);
    }
}

/* An exponent of 0 is left out: an integer has none. */
static bool read_decimal(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item)
{
    struct lwm2m_cbor_container pair = item->container;
    struct lwm2m_value value;
    char exponent[DECIMAL_TEXT_MAX];
    char text[DECIMAL_TEXT_MAX];
    size_t exponent_len = read_integer(reader, &pair, exponent);
    size_t len = read_integer(reader, &pair, text);

    if (reader->err != 0 || lwm2m_cbor_more(reader, &pair)) {
        return fail(reader);
    }
    if (exponent[0] != '0') {
        text[len++] = 'e';
        for (size_t i = 0; i < exponent_len; i++) {
            text[len++] = exponent[i];
        }
    }
    if (lwm2m_decimal_parse(text, len, &value) != 0) {
        return fail(reader);
    }
    item_of_number(&value, item);
    return true;
}

bool lwm2m_cbor_read_value(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item)
{
    if (!lwm2m_cbor_read(reader, item)) {
        return false;
    }
    bool is_decimal = item->has_decimal_tag && item->kind == LWM2M_CBOR_ARRAY;
    return !is_decimal || read_decimal(reader, item);
}
