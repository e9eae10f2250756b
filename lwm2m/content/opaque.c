/*
 * application/octet-stream (Core TS 7.4.3): the bytes of one value. They are OPAQUE, or text
 * where the definition says so and they are UTF-8; nothing else is read into them.
 */
#include "lwm2m/content/format.h"

#include <errno.h>

int lwm2m_opaque_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                        size_t len, struct lwm2m_records *records)
{
    if (context->base.depth < 3) {
        return len == 0 ? 0 : -EBADMSG;
    }
    struct lwm2m_value bytes = { .type = LWM2M_TYPE_OPAQUE, .bytes = { payload, len } };
    return lwm2m_content_add(context, &context->base, &bytes, records, NULL);
}

int lwm2m_opaque_encode(const struct lwm2m_content_context *context,
                        const struct lwm2m_record *records, size_t count,
                        struct lwm2m_buffer *payload)
{
    const struct lwm2m_record *record = lwm2m_content_single(context, records, count);
    if (record == NULL) {
        return -EINVAL;
    }
    switch (record->value.type) {
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
    case LWM2M_TYPE_UNTYPED:
        lwm2m_buffer_append(payload, record->value.bytes.data, record->value.bytes.len);
        return payload->err;
    default:
        return -EINVAL;
    }
}
