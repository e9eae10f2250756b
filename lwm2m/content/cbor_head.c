/*
 * libcbor's streaming decoder calls one function per kind of head; each of them fills in the item
 * that the caller holds.
 */
#include "lwm2m/content/cbor_head.h"

#include <cbor.h>

/* libcbor counts in 64 bits since 0.9. */
#if CBOR_MAJOR_VERSION == 0 && CBOR_MINOR_VERSION < 9
typedef size_t cbor_length;
#else
typedef uint64_t cbor_length;
#endif

static void set_number(void *ctx, enum lwm2m_cbor_kind kind, uint64_t number)
{
    struct lwm2m_cbor_head *head = ctx;
    head->item.kind = kind;
    head->item.number = number;
}

static void on_uint8(void *ctx, uint8_t number)
{
    set_number(ctx, LWM2M_CBOR_UNSIGNED, number);
}

static void on_uint16(void *ctx, uint16_t number)
{
    set_number(ctx, LWM2M_CBOR_UNSIGNED, number);
}

static void on_uint32(void *ctx, uint32_t number)
{
    set_number(ctx, LWM2M_CBOR_UNSIGNED, number);
}

static void on_uint64(void *ctx, uint64_t number)
{
    set_number(ctx, LWM2M_CBOR_UNSIGNED, number);
}

static void on_negint8(void *ctx, uint8_t number)
{
    set_number(ctx, LWM2M_CBOR_NEGATIVE, number);
}

static void on_negint16(void *ctx, uint16_t number)
{
    set_number(ctx, LWM2M_CBOR_NEGATIVE, number);
}

static void on_negint32(void *ctx, uint32_t number)
{
    set_number(ctx, LWM2M_CBOR_NEGATIVE, number);
}

static void on_negint64(void *ctx, uint64_t number)
{
    set_number(ctx, LWM2M_CBOR_NEGATIVE, number);
}

static void on_boolean(void *ctx, bool boolean)
{
    set_number(ctx, LWM2M_CBOR_BOOLEAN, boolean ? 1 : 0);
}

static void on_null(void *ctx)
{
    set_number(ctx, LWM2M_CBOR_NULL, 0);
}

static void on_double(void *ctx, double number)
{
    struct lwm2m_cbor_head *head = ctx;
    head->item.kind = LWM2M_CBOR_FLOAT;
    head->item.real = number;
}

static void on_float(void *ctx, float number)
{
    on_double(ctx, (double)number);
}

static void set_bytes(void *ctx, enum lwm2m_cbor_kind kind, const uint8_t *data, size_t len)
{
    struct lwm2m_cbor_head *head = ctx;
    head->item.kind = kind;
    head->item.bytes = (struct lwm2m_bytes){ data, len };
}

static void on_bytes(void *ctx, cbor_data data, cbor_length len)
{
    set_bytes(ctx, LWM2M_CBOR_BYTES, data, (size_t)len);
}

static void on_text(void *ctx, cbor_data data, cbor_length len)
{
    set_bytes(ctx, LWM2M_CBOR_TEXT, data, (size_t)len);
}

static void on_bytes_in_pieces(void *ctx)
{
    struct lwm2m_cbor_head *head = ctx;
    set_bytes(ctx, LWM2M_CBOR_BYTES, NULL, 0);
    head->in_pieces = true;
}

static void on_text_in_pieces(void *ctx)
{
    struct lwm2m_cbor_head *head = ctx;
    set_bytes(ctx, LWM2M_CBOR_TEXT, NULL, 0);
    head->in_pieces = true;
}

static void set_container(void *ctx, enum lwm2m_cbor_kind kind, bool indefinite, uint64_t count)
{
    struct lwm2m_cbor_head *head = ctx;
    head->item.kind = kind;
    head->item.container = (struct lwm2m_cbor_container){ indefinite, count };
}

static void on_array(void *ctx, cbor_length count)
{
    set_container(ctx, LWM2M_CBOR_ARRAY, false, count);
}

static void on_indefinite_array(void *ctx)
{
    set_container(ctx, LWM2M_CBOR_ARRAY, true, 0);
}

static void on_map(void *ctx, cbor_length count)
{
    set_container(ctx, LWM2M_CBOR_MAP, false, count);
}

static void on_indefinite_map(void *ctx)
{
    set_container(ctx, LWM2M_CBOR_MAP, true, 0);
}

static void on_tag(void *ctx, uint64_t tag)
{
    struct lwm2m_cbor_head *head = ctx;
    (void)tag;
    head->refused = true; /* never met: they were taken before */
}

static void on_break(void *ctx)
{
    struct lwm2m_cbor_head *head = ctx;
    head->refused = true;
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_bytes_in_pieces,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_in_pieces,
    .indef_array_start = on_indefinite_array,
    .array_start = on_array,
    .indef_map_start = on_indefinite_map,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

size_t lwm2m_cbor_head_read(const uint8_t *data, size_t len, struct lwm2m_cbor_head *head)
{
    *head = (struct lwm2m_cbor_head){ 0 };
    struct cbor_decoder_result result = cbor_stream_decode(data, len, &callbacks, head);
    if (result.status != CBOR_DECODER_FINISHED || head->refused || result.read > len) {
        return 0;
    }
    /* Its bytes are looked at here for the first time: trust no length. */
    const struct lwm2m_bytes *bytes = &head->item.bytes;
    bool within = bytes->data == NULL || (bytes->data >= data && bytes->data <= data + len &&
                                          bytes->len <= (size_t)(data + len - bytes->data));
    return within ? result.read : 0;
}
