/*
 * text/plain (Core TS 7.4.1): one value. The text itself is borrowed from the payload; only what
 * the definition turns into bytes of another kind takes memory.
 */
#include "lwm2m/content/base64.h"
#include "lwm2m/content/format.h"

#include <errno.h>

int lwm2m_text_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                      size_t len, struct lwm2m_records *records)
{
    if (context->base.depth < 3) {
        return len == 0 ? 0 : -EBADMSG;
    }
    struct lwm2m_value text = { .type = LWM2M_TYPE_STRING, .bytes = { payload, len } };
    return lwm2m_content_add(context, &context->base, &text, records, NULL);
}

int lwm2m_text_encode(const struct lwm2m_content_context *context,
                      const struct lwm2m_record *records, size_t count,
                      struct lwm2m_buffer *payload)
{
    const struct lwm2m_record *record = lwm2m_content_single(context, records, count);
    if (record == NULL) {
        return -EINVAL;
    }
    char text[LWM2M_NUMBER_TEXT_MAX];
    const struct lwm2m_value *value = &record->value;
    switch (value->type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        lwm2m_buffer_append(payload, value->bytes.data, value->bytes.len);
        break;
    case LWM2M_TYPE_OPAQUE:
        lwm2m_base64_append(payload, value->bytes.data, value->bytes.len, LWM2M_BASE64_STANDARD);
        break;
    case LWM2M_TYPE_NONE:
    case LWM2M_TYPE_UNTYPED:
        return -EINVAL;
    default:
        lwm2m_buffer_append(payload, text, lwm2m_value_format(value, text));
        break;
    }
    return payload->err;
}
