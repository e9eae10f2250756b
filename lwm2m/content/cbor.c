/*
 * application/cbor (Core TS 7.4.6): one item for one resource or resource instance.
 */
#include "lwm2m/content/cbor_reader.h"
#include "lwm2m/content/cbor_writer.h"
#include "lwm2m/content/format.h"

#include <errno.h>

int lwm2m_cbor_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                      size_t len, struct lwm2m_records *records)
{
    struct lwm2m_cbor_reader reader;
    struct lwm2m_cbor_item item;
    struct lwm2m_value value;

    if (len == 0) {
        return 0;
    }
    lwm2m_cbor_reader_init(&reader, payload, len, records);
    if (!lwm2m_cbor_read_value(&reader, &item)) {
        return reader.err;
    }
    if (context->base.depth < 3 || reader.next != reader.end ||
        lwm2m_cbor_value(&item, &value) != 0) {
        return -EBADMSG;
    }
    return lwm2m_content_add(context, &context->base, &value, records, NULL);
}

int lwm2m_cbor_encode(const struct lwm2m_content_context *context,
                      const struct lwm2m_record *records, size_t count,
                      struct lwm2m_buffer *payload)
{
    const struct lwm2m_record *record = lwm2m_content_single(context, records, count);
    if (record == NULL || lwm2m_cbor_write_value(payload, &record->value) != 0) {
        return -EINVAL;
    }
    return payload->err;
}
