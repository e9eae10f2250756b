/*
 * What the fuzz targets of content formats share: the first byte of an input chooses the path of
 * the request, the rest is a payload. What was decoded is encoded again, and must then read as
 * the same records: a decoder may be lenient, but not take one thing for two.
 */
#pragma once

#include "lwm2m/content/content.h"

#include <stdlib.h>
#include <string.h>

/* Resource ids run through all types, those above 9 have instances; some are unknown. */
static bool fuzz_definition(void *ctx, uint16_t object, uint16_t resource,
                            struct lwm2m_definition *definition)
{
    (void)ctx;
    definition->type = (enum lwm2m_type)(resource % 10);
    definition->multiple = resource >= 10 && definition->type != LWM2M_TYPE_NONE;
    return object != 9 && resource < 20;
}

/* Every byte must be readable, and every path be one. */
static void fuzz_check(const struct lwm2m_records *records)
{
    static volatile uint8_t sink;
    for (size_t i = 0; i < records->count; i++) {
        const struct lwm2m_record *record = &records->items[i];
        if (record->path.depth > 4 || record->value.type > LWM2M_TYPE_UNTYPED) {
            abort();
        }
        bool has_bytes =
            record->value.type == LWM2M_TYPE_STRING || record->value.type == LWM2M_TYPE_CORELNK ||
            record->value.type == LWM2M_TYPE_OPAQUE || record->value.type == LWM2M_TYPE_UNTYPED;
        for (size_t k = 0; has_bytes && k < record->value.bytes.len; k++) {
            sink = record->value.bytes.data[k];
        }
    }
    (void)sink;
}

/*
 * Where no definition says otherwise, a FLOAT without a fraction reads as an INTEGER, and so does
 * a TIME that only a tag told.
 */
static bool fuzz_same_value(struct lwm2m_value a, struct lwm2m_value b)
{
    struct lwm2m_records none;
    lwm2m_records_init(&none, 1);
    bool widens = a.type == LWM2M_TYPE_FLOAT || a.type == LWM2M_TYPE_TIME;
    bool is_whole = b.type == LWM2M_TYPE_INTEGER || b.type == LWM2M_TYPE_UNSIGNED;
    if (widens && is_whole && lwm2m_value_convert(&b, a.type, &none) != 0) {
        return false;
    }
    return lwm2m_value_equal(&a, &b);
}

static bool fuzz_same(const struct lwm2m_records *a, const struct lwm2m_records *b)
{
    for (size_t i = 0; i < a->count && a->count == b->count; i++) {
        if (!lwm2m_path_equal(&a->items[i].path, &b->items[i].path) ||
            !fuzz_same_value(a->items[i].value, b->items[i].value)) {
            return false;
        }
    }
    return a->count == b->count;
}

/* TLV may put instances together: there, only the next payload must be the same again. */
static bool fuzz_stable(const struct lwm2m_content_format *format,
                        const struct lwm2m_content_context *context,
                        const struct lwm2m_records *records, const struct lwm2m_buffer *payload)
{
    struct lwm2m_buffer again;
    if (format->number != LWM2M_FORMAT_TLV) {
        return true;
    }
    lwm2m_buffer_init(&again, 1 << 20);
    bool same = format->encode(context, records->items, records->count, &again) == 0 &&
                again.len == payload->len &&
                (again.len == 0 || memcmp(again.data, payload->data, again.len) == 0);
    lwm2m_buffer_deinit(&again);
    return same;
}

/*
 * JSON with a NUL in a string is written, but cJSON cannot read it. Text that was no UTF-8
 * (UNTYPED) goes out as bytes; only TLV gives it back the same.
 */
static bool fuzz_readable(const struct lwm2m_content_format *format,
                          const struct lwm2m_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct lwm2m_value *value = &records->items[i].value;
        bool is_text = value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_CORELNK;
        if (is_text && value->bytes.len > 0 &&
            memchr(value->bytes.data, 0, value->bytes.len) != NULL) {
            return false;
        }
        if (value->type == LWM2M_TYPE_UNTYPED && format->number != LWM2M_FORMAT_TLV) {
            return false;
        }
    }
    return true;
}

static void fuzz_again(const struct lwm2m_content_format *format,
                       const struct lwm2m_content_context *context,
                       const struct lwm2m_records *records)
{
    struct lwm2m_buffer payload;
    struct lwm2m_records back;
    lwm2m_buffer_init(&payload, 1 << 20);
    lwm2m_records_init(&back, 1000);
    if (format->encode(context, records->items, records->count, &payload) == 0 &&
        (format->decode(context, payload.data, payload.len, &back) != 0 ||
         !fuzz_stable(format, context, &back, &payload) ||
         (format->number != LWM2M_FORMAT_TLV && !fuzz_same(records, &back)))) {
        abort();
    }
    lwm2m_records_deinit(&back);
    lwm2m_buffer_deinit(&payload);
}

static int fuzz_content(uint16_t number, const uint8_t *data, size_t size)
{
    struct lwm2m_content_context context = { .root = "", .now_s = 1700000000 };
    struct lwm2m_records records;
    if (size == 0) {
        return 0;
    }
    context.base = (struct lwm2m_path){ { 3, 0, 7, 1 }, (uint8_t)(data[0] % 5) };
    context.definition = data[0] & 0x80 ? NULL : fuzz_definition;
    context.root = data[0] & 0x40 ? "/lwm2m" : "";
    const struct lwm2m_content_format *format = lwm2m_content_find(number);
    lwm2m_records_init(&records, 1000);
    int err = format->decode(&context, data + 1, size - 1, &records);
    fuzz_check(&records);
    if (err == 0 && fuzz_readable(format, &records)) {
        fuzz_again(format, &context, &records);
    }
    lwm2m_records_deinit(&records);
    return 0;
}
