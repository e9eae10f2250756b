/*
 * The CBOR reader on top of single heads: strings put together, containers, tags. Tags are read
 * here, because libcbor before 0.11 refuses many of them.
 */
#include "lwm2m/content/cbor_reader.h"
#include "lwm2m/content/cbor_head.h"
#include "lwm2m/content/rfc3339.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define DEPTH_MAX   16
#define BREAK       0xff
#define TAG_BIGNUM  2
#define TAG_BIGNEG  3
#define TAG_DECIMAL 4
#define TAG_NONE    UINT64_MAX /* never assigned (RFC 8949, 9.2) */

void lwm2m_cbor_reader_init(struct lwm2m_cbor_reader *reader, const uint8_t *payload, size_t len,
                            struct lwm2m_records *records)
{
    *reader = (struct lwm2m_cbor_reader){ .next = payload, .end = payload, .records = records };
    if (len > 0) {
        reader->end = payload + len;
    }
}

static bool fail(struct lwm2m_cbor_reader *reader, int err)
{
    if (reader->err == 0) {
        reader->err = err;
    }
    return false;
}

/* Takes one tag, whatever its number; false if there is none. */
static bool take_tag(struct lwm2m_cbor_reader *reader, uint64_t *tag)
{
    size_t left = (size_t)(reader->end - reader->next);
    if (reader->err != 0 || left == 0 || reader->next[0] >> 5 != 6) {
        return false;
    }
    unsigned info = reader->next[0] & 31;
    size_t len = info < 24 ? 0 : (size_t)1 << (info - 24);
    if (info > 27 || left < 1 + len) {
        return fail(reader, -EBADMSG);
    }
    *tag = info < 24 ? info : 0;
    for (size_t i = 1; i <= len; i++) {
        *tag = *tag << 8 | reader->next[i];
    }
    reader->next += 1 + len;
    return true;
}

static bool read_head(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_head *head)
{
    size_t left = (size_t)(reader->end - reader->next);
    size_t taken =
        reader->err == 0 && left > 0 ? lwm2m_cbor_head_read(reader->next, left, head) : 0;
    if (taken == 0) {
        return fail(reader, -EBADMSG);
    }
    reader->next += taken;
    return true;
}

/* Reads the pieces of a string; with `data` they are put together there. */
static size_t read_pieces(struct lwm2m_cbor_reader *reader, enum lwm2m_cbor_kind kind,
                          uint8_t *data)
{
    struct lwm2m_cbor_container pieces = { .indefinite = true };
    size_t len = 0;
    while (lwm2m_cbor_more(reader, &pieces)) {
        struct lwm2m_cbor_head piece;
        if (!read_head(reader, &piece)) {
            return 0;
        }
        if (piece.item.kind != kind || piece.in_pieces) {
            fail(reader, -EBADMSG);
            return 0;
        }
        if (data != NULL && piece.item.bytes.len > 0) {
            memcpy(data + len, piece.item.bytes.data, piece.item.bytes.len);
        }
        len += piece.item.bytes.len;
    }
    return len;
}

static bool join_pieces(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item)
{
    struct lwm2m_cbor_reader measuring = *reader;
    size_t len = read_pieces(&measuring, item->kind, NULL);
    if (measuring.err != 0) {
        return fail(reader, measuring.err);
    }
    uint8_t *data = lwm2m_records_alloc(reader->records, len);
    if (data == NULL) {
        return fail(reader, -ENOMEM);
    }
    (void)read_pieces(reader, item->kind, data);
    item->bytes = (struct lwm2m_bytes){ data, len };
    return true;
}

/* The bytes of a bignum (RFC 8949, 3.4.3) are a number, which some encoders write even where the
 * 64 bits of an integer would do; beyond them it is rounded to a double. */
static bool read_bignum(struct lwm2m_cbor_reader *reader, uint64_t tag,
                        struct lwm2m_cbor_item *item)
{
    uint64_t number = 0;
    double real = 0;
    bool fits = true;
    for (size_t i = 0; i < item->bytes.len; i++) {
        fits = fits && number >> 56 == 0;
        number = number << 8 | item->bytes.data[i];
        real = real * 256 + item->bytes.data[i];
    }
    item->kind = tag == TAG_BIGNUM ? LWM2M_CBOR_UNSIGNED : LWM2M_CBOR_NEGATIVE;
    item->number = number;
    if (!fits) {
        item->kind = LWM2M_CBOR_FLOAT;
        item->real = tag == TAG_BIGNUM ? real : -1 - real;
    }
    return isfinite(real) || fail(reader, -EBADMSG);
}

bool lwm2m_cbor_read(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item)
{
    struct lwm2m_cbor_head head;
    uint64_t tag = TAG_NONE; /* in the end that which stands right before the item */

    while (take_tag(reader, &tag)) {
    }
    if (!read_head(reader, &head)) {
        return false;
    }
    *item = head.item;
    item->has_time_tag = tag <= 1;
    item->has_decimal_tag = tag == TAG_DECIMAL;
    if (head.in_pieces && !join_pieces(reader, item)) {
        return false;
    }
    bool is_bignum = item->kind == LWM2M_CBOR_BYTES && (tag == TAG_BIGNUM || tag == TAG_BIGNEG);
    return !is_bignum || read_bignum(reader, tag, item);
}

bool lwm2m_cbor_more(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_container *container)
{
    if (reader->err != 0) {
        return false;
    }
    if (!container->indefinite) {
        return container->left > 0 && container->left-- > 0;
    }
    if (reader->next < reader->end && *reader->next == BREAK) {
        reader->next++;
        return false;
    }
    return true; /* at the end of the payload the next read fails */
}

static bool is_container(const struct lwm2m_cbor_item *item)
{
    return item->kind == LWM2M_CBOR_ARRAY || item->kind == LWM2M_CBOR_MAP;
}

void lwm2m_cbor_skip(struct lwm2m_cbor_reader *reader)
{
    struct lwm2m_cbor_container open[DEPTH_MAX] = { { .left = 1 } };
    bool is_map[DEPTH_MAX] = { false };
    size_t depth = 1;

    while (depth > 0 && reader->err == 0) {
        struct lwm2m_cbor_item item;
        if (!lwm2m_cbor_more(reader, &open[depth - 1])) {
            depth--;
            continue;
        }
        /* The name of a pair is an item too; one that is a container is not ours to understand. */
        if (is_map[depth - 1] && (!lwm2m_cbor_read(reader, &item) || is_container(&item))) {
            fail(reader, -EBADMSG);
        }
        if (!lwm2m_cbor_read(reader, &item) || !is_container(&item)) {
            continue;
        }
        if (depth == DEPTH_MAX) {
            fail(reader, -EBADMSG);
            return;
        }
        is_map[depth] = item.kind == LWM2M_CBOR_MAP;
        open[depth++] = item.container;
    }
}

static void negative_value(uint64_t number, struct lwm2m_value *value)
{
    if (number <= INT64_MAX) {
        *value =
            (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = -1 - (int64_t)number };
    } else {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = -1 - (double)number };
    }
}

static void unsigned_value(uint64_t number, struct lwm2m_value *value)
{
    if (number <= INT64_MAX) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = (int64_t)number };
    } else {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = number };
    }
}

/* Tag 0 makes a TIME of text, tag 1 of a whole number (RFC 8949, 3.4). */
static void apply_time_tag(struct lwm2m_value *value)
{
    int64_t seconds;
    if (value->type == LWM2M_TYPE_INTEGER) {
        value->type = LWM2M_TYPE_TIME;
    } else if (value->type == LWM2M_TYPE_STRING &&
               lwm2m_rfc3339_parse((const char *)value->bytes.data, value->bytes.len, &seconds)) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_TIME, .integer = seconds };
    }
}

int lwm2m_cbor_value(const struct lwm2m_cbor_item *item, struct lwm2m_value *value)
{
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_NONE };
    switch (item->kind) {
    case LWM2M_CBOR_UNSIGNED:
        unsigned_value(item->number, value);
        break;
    case LWM2M_CBOR_NEGATIVE:
        negative_value(item->number, value);
        break;
    case LWM2M_CBOR_FLOAT:
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = item->real };
        break;
    case LWM2M_CBOR_BOOLEAN:
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_BOOLEAN, .boolean = item->number == 1 };
        break;
    case LWM2M_CBOR_NULL:
        break;
    case LWM2M_CBOR_BYTES:
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_OPAQUE, .bytes = item->bytes };
        break;
    case LWM2M_CBOR_TEXT:
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_STRING, .bytes = item->bytes };
        break;
    default:
        return -EBADMSG;
    }
    if (item->has_time_tag) {
        apply_time_tag(value);
    }
    return 0;
}
