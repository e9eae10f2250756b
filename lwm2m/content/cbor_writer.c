/*
 * CBOR output: heads by libcbor, bytes straight into the payload.
 */
#include "lwm2m/content/cbor_writer.h"

#include <cbor.h>

#include <errno.h>
#include <float.h>
#include <math.h>

/* The longest head: a byte and 64 bits. */
#define HEAD_MAX 9

void lwm2m_cbor_write_array(struct lwm2m_buffer *buffer, size_t count)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_array_start(count, head, sizeof(head)));
}

void lwm2m_cbor_write_map(struct lwm2m_buffer *buffer, size_t count)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_map_start(count, head, sizeof(head)));
}

void lwm2m_cbor_write_unsigned(struct lwm2m_buffer *buffer, uint64_t number)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_uint(number, head, sizeof(head)));
}

void lwm2m_cbor_write_integer(struct lwm2m_buffer *buffer, int64_t number)
{
    uint8_t head[HEAD_MAX];
    if (number >= 0) {
        lwm2m_cbor_write_unsigned(buffer, (uint64_t)number);
        return;
    }
    uint64_t argument = (uint64_t)(-1 - number);
    lwm2m_buffer_append(buffer, head, cbor_encode_negint(argument, head, sizeof(head)));
}

void lwm2m_cbor_write_null(struct lwm2m_buffer *buffer)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_null(head, sizeof(head)));
}

static void write_float(struct lwm2m_buffer *buffer, double number)
{
    uint8_t head[HEAD_MAX];
    bool in_range = !isfinite(number) || fabs(number) <= (double)FLT_MAX;
    float single = in_range ? (float)number : 0;
    bool is_single = isnan(number) || ((double)single >= number && (double)single <= number);
    size_t len = is_single ? cbor_encode_single(single, head, sizeof(head))
                           : cbor_encode_double(number, head, sizeof(head));
    lwm2m_buffer_append(buffer, head, len);
}

void lwm2m_cbor_write_double(struct lwm2m_buffer *buffer, double number)
{
    if (fabs(number) < 0x1p53 && !(floor(number) < number)) {
        lwm2m_cbor_write_integer(buffer, (int64_t)number);
    } else {
        write_float(buffer, number);
    }
}

void lwm2m_cbor_write_text_head(struct lwm2m_buffer *buffer, size_t len)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_string_start(len, head, sizeof(head)));
}

void lwm2m_cbor_write_text(struct lwm2m_buffer *buffer, const void *text, size_t len)
{
    lwm2m_cbor_write_text_head(buffer, len);
    lwm2m_buffer_append(buffer, text, len);
}

static void write_bytes(struct lwm2m_buffer *buffer, const struct lwm2m_bytes *bytes)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_bytestring_start(bytes->len, head, sizeof(head)));
    lwm2m_buffer_append(buffer, bytes->data, bytes->len);
}

static void write_boolean(struct lwm2m_buffer *buffer, bool boolean)
{
    uint8_t head[HEAD_MAX];
    lwm2m_buffer_append(buffer, head, cbor_encode_bool(boolean, head, sizeof(head)));
}

int lwm2m_cbor_write_value(struct lwm2m_buffer *buffer, const struct lwm2m_value *value)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    switch (value->type) {
    case LWM2M_TYPE_NONE:
        lwm2m_cbor_write_null(buffer);
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        if (!lwm2m_utf8_valid(value->bytes.data, value->bytes.len)) {
            return -EINVAL;
        }
        lwm2m_cbor_write_text(buffer, value->bytes.data, value->bytes.len);
        break;
    case LWM2M_TYPE_OBJLNK:
        lwm2m_cbor_write_text(buffer, text, lwm2m_value_format(value, text));
        break;
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        write_bytes(buffer, &value->bytes);
        break;
    case LWM2M_TYPE_BOOLEAN:
        write_boolean(buffer, value->boolean);
        break;
    case LWM2M_TYPE_FLOAT:
        write_float(buffer, value->number);
        break;
    case LWM2M_TYPE_UNSIGNED:
        lwm2m_cbor_write_unsigned(buffer, value->unsigned_integer);
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        lwm2m_cbor_write_integer(buffer, value->integer);
        break;
    }
    return 0;
}
