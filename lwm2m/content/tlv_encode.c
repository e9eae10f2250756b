/*
 * TLV (Core TS 7.4.4), the writing side. A length stands before what it measures, so each writer
 * here also runs without a buffer, only to measure.
 */
#include "lwm2m/content/format.h"
#include "lwm2m/content/record_group.h"
#include "lwm2m/content/tlv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_LEN_MAX 0xffffff

struct encoder {
    const struct lwm2m_content_context *context;
    struct lwm2m_buffer *payload;
    bool too_long; /* some element is longer than 24 bits say */
};

/* A value as TLV has it: either its own bytes, or a number in `small`. */
struct encoded {
    struct lwm2m_bytes bytes;
    uint8_t small[8];
};

static void set_number(struct encoded *encoded, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        encoded->small[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
    }
    encoded->bytes = (struct lwm2m_bytes){ encoded->small, len };
}

static size_t integer_len(int64_t number)
{
    if (number >= INT8_MIN && number <= INT8_MAX) {
        return 1;
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        return 2;
    }
    return number >= INT32_MIN && number <= INT32_MAX ? 4 : 8;
}

static size_t unsigned_len(uint64_t number)
{
    if (number <= UINT8_MAX) {
        return 1;
    }
    if (number <= UINT16_MAX) {
        return 2;
    }
    return number <= UINT32_MAX ? 4 : 8;
}

static void encode_value(const struct lwm2m_value *value, struct encoded *encoded)
{
    uint64_t bits;
    encoded->bytes = (struct lwm2m_bytes){ encoded->small, 0 };
    switch (value->type) {
    case LWM2M_TYPE_NONE:
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        set_number(encoded, (uint64_t)value->integer, integer_len(value->integer));
        break;
    case LWM2M_TYPE_UNSIGNED:
        set_number(encoded, value->unsigned_integer, unsigned_len(value->unsigned_integer));
        break;
    case LWM2M_TYPE_FLOAT:
        memcpy(&bits, &value->number, sizeof(bits));
        set_number(encoded, bits, 8);
        break;
    case LWM2M_TYPE_BOOLEAN:
        set_number(encoded, value->boolean ? 1 : 0, 1);
        break;
    case LWM2M_TYPE_OBJLNK:
        set_number(encoded, (uint64_t)value->link.object << 16 | value->link.instance, 4);
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        encoded->bytes = value->bytes;
        break;
    }
}

/* Writes the head of an element; returns its length with that of its value. */
static size_t put_head(struct encoder *encoder, bool measure, enum lwm2m_tlv_kind kind, uint16_t id,
                       size_t value_len)
{
    uint8_t head[6];
    size_t len = 1;
    size_t length_len = value_len <= LWM2M_TLV_SHORT_LENGTH ? 0
                        : value_len <= 0xff                 ? 1
                        : value_len <= 0xffff               ? 2
                                                            : 3;
    encoder->too_long |= value_len > VALUE_LEN_MAX;
    head[0] = (uint8_t)(kind << LWM2M_TLV_KIND_SHIFT | length_len << LWM2M_TLV_LENGTH_SHIFT);
    if (id > 0xff) {
        head[0] |= LWM2M_TLV_WIDE_ID;
        head[len++] = (uint8_t)(id >> 8);
    }
    head[len++] = (uint8_t)id;
    if (length_len == 0) {
        head[0] |= (uint8_t)value_len;
    }
    for (size_t i = length_len; i > 0; i--) {
        head[len++] = (uint8_t)(value_len >> (8 * (i - 1)));
    }
    if (!measure) {
        lwm2m_buffer_append(encoder->payload, head, len);
    }
    return len + value_len;
}

static size_t put_value(struct encoder *encoder, bool measure, enum lwm2m_tlv_kind kind,
                        uint16_t id, const struct lwm2m_value *value)
{
    struct encoded encoded;
    encode_value(value, &encoded);
    size_t len = put_head(encoder, measure, kind, id, encoded.bytes.len);
    if (!measure) {
        lwm2m_buffer_append(encoder->payload, encoded.bytes.data, encoded.bytes.len);
    }
    return len;
}

static size_t put_resource_instances(struct encoder *encoder, bool measure,
                                     const struct lwm2m_record *const *records, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (records[i]->path.depth == 4) {
            len += put_value(encoder, measure, LWM2M_TLV_RESOURCE_INSTANCE, records[i]->path.ids[3],
                             &records[i]->value);
        }
    }
    return len;
}

/* A multiple resource without instances comes as one record without a value. */
static bool is_multiple(const struct encoder *encoder, const struct lwm2m_record *record)
{
    struct lwm2m_definition definition;
    return record->path.depth == 4 ||
           (record->value.type == LWM2M_TYPE_NONE &&
            lwm2m_content_define(encoder->context, &record->path, &definition) &&
            definition.multiple);
}

/* Records of one resource. */
static size_t put_resource(struct encoder *encoder, bool measure,
                           const struct lwm2m_record *const *records, size_t count)
{
    uint16_t id = records[0]->path.ids[2];
    size_t len = 0;
    if (is_multiple(encoder, records[0])) {
        size_t inner = put_resource_instances(encoder, true, records, count);
        len = put_head(encoder, measure, LWM2M_TLV_MULTIPLE_RESOURCE, id, inner);
        if (!measure) {
            (void)put_resource_instances(encoder, false, records, count);
        }
        return len;
    }
    for (size_t i = 0; i < count; i++) {
        len += put_value(encoder, measure, LWM2M_TLV_RESOURCE, id, &records[i]->value);
    }
    return len;
}

/* Records of one object instance. One that names only the instance adds nothing. */
static size_t put_resources(struct encoder *encoder, bool measure,
                            const struct lwm2m_record *const *records, size_t count)
{
    size_t len = 0;
    for (size_t at = 0; at < count;) {
        size_t run = lwm2m_records_run(records + at, count - at, 3);
        if (records[at]->path.depth >= 3) {
            len += put_resource(encoder, measure, records + at, run);
        }
        at += run;
    }
    return len;
}

static void put_object_instances(struct encoder *encoder, const struct lwm2m_record *const *records,
                                 size_t count)
{
    for (size_t at = 0; at < count;) {
        size_t run = lwm2m_records_run(records + at, count - at, 2);
        if (records[at]->path.ids[1] != LWM2M_ID_ANY) {
            size_t inner = put_resources(encoder, true, records + at, run);
            (void)put_head(encoder, false, LWM2M_TLV_OBJECT_INSTANCE, records[at]->path.ids[1],
                           inner);
        }
        (void)put_resources(encoder, false, records + at, run);
        at += run;
    }
}

/* What TLV cannot tell apart or has no place for. */
static bool fits(const struct lwm2m_content_context *context,
                 const struct lwm2m_record *const *records, size_t count)
{
    if (context->base.depth == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct lwm2m_record *record = records[i];
        const struct lwm2m_record *previous = i > 0 ? records[i - 1] : record;
        bool names_instance = record->path.depth == 2 && record->value.type == LWM2M_TYPE_NONE;
        if (!lwm2m_path_is_within(&record->path, &context->base) ||
            (record->path.depth < 3 && !names_instance)) {
            return false;
        }
        /* Bare resources belong to one instance, so nothing may stand beside them. */
        bool same_instance = record->path.ids[1] == previous->path.ids[1];
        if (!same_instance &&
            (record->path.ids[1] == LWM2M_ID_ANY || previous->path.ids[1] == LWM2M_ID_ANY)) {
            return false;
        }
        /* A resource has either one value or instances. */
        if (record->path.depth != previous->path.depth && record->path.depth >= 3 &&
            previous->path.depth >= 3 && same_instance &&
            record->path.ids[2] == previous->path.ids[2]) {
            return false;
        }
    }
    return true;
}

int lwm2m_tlv_encode(const struct lwm2m_content_context *context,
                     const struct lwm2m_record *records, size_t count, struct lwm2m_buffer *payload)
{
    struct encoder encoder = { context, payload, false };
    const struct lwm2m_record **grouped;

    int err = lwm2m_records_group(records, count, &grouped);
    if (err != 0) {
        return err;
    }
    if (!fits(context, grouped, count)) {
        err = -EINVAL;
    } else if (context->base.depth == 1) {
        put_object_instances(&encoder, grouped, count);
    } else if (context->base.depth == 4) {
        (void)put_resource_instances(&encoder, false, grouped, count);
    } else {
        (void)put_resources(&encoder, false, grouped, count);
    }
    free(grouped);
    if (err == 0 && encoder.too_long) {
        err = -EINVAL;
    }
    return err != 0 ? err : payload->err;
}
