/*
 * SenML CBOR (RFC 8428, 6; Core TS 7.4.5): an array of maps whose keys are small numbers; only
 * the link type of LwM2M has a name. Strings and bytes stay in the payload.
 */
#include "lwm2m/content/cbor_reader.h"
#include "lwm2m/content/cbor_writer.h"
#include "lwm2m/content/format.h"
#include "lwm2m/content/senml.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* RFC 8428, 6, table 4. */
enum label {
    LABEL_BASE_VALUE = -5,
    LABEL_BASE_TIME = -3,
    LABEL_BASE_NAME = -2,
    LABEL_NAME = 0,
    LABEL_VALUE = 2,
    LABEL_STRING = 3,
    LABEL_BOOLEAN = 4,
    LABEL_TIME = 6,
    LABEL_DATA = 8,
    LABEL_LINK = 1000, /* not of the RFC: the text "vlo" */
    LABEL_OTHER = 1001,
};

struct reader {
    struct lwm2m_cbor_reader cbor;
    struct lwm2m_senml_record record;
};

static int read_name(const struct lwm2m_cbor_item *item, struct lwm2m_bytes *name)
{
    if (item->kind != LWM2M_CBOR_TEXT) {
        return -EBADMSG;
    }
    *name = item->bytes;
    return 0;
}

static bool is_number(const struct lwm2m_cbor_item *item)
{
    return item->kind == LWM2M_CBOR_UNSIGNED || item->kind == LWM2M_CBOR_NEGATIVE ||
           item->kind == LWM2M_CBOR_FLOAT;
}

/* A number as such: that it is tagged as a time does not matter. */
static int read_number(const struct lwm2m_cbor_item *item, struct lwm2m_value *number)
{
    struct lwm2m_cbor_item untagged = *item;
    untagged.has_time_tag = false;
    return is_number(item) ? lwm2m_cbor_value(&untagged, number) : -EBADMSG;
}

static int read_time(const struct lwm2m_cbor_item *item, double *time)
{
    switch (item->kind) {
    case LWM2M_CBOR_UNSIGNED:
        *time = (double)item->number;
        return 0;
    case LWM2M_CBOR_NEGATIVE:
        *time = -1 - (double)item->number;
        return 0;
    case LWM2M_CBOR_FLOAT:
        *time = item->real;
        return isfinite(*time) ? 0 : -EBADMSG;
    default:
        return -EBADMSG;
    }
}

static int read_link(struct reader *reader, const struct lwm2m_cbor_item *item)
{
    if (item->kind != LWM2M_CBOR_TEXT) {
        return -EBADMSG;
    }
    int err = lwm2m_value_from_text(LWM2M_TYPE_OBJLNK, (const char *)item->bytes.data,
                                    item->bytes.len, reader->cbor.records, &reader->record.value);
    return err == 0 ? 0 : -EBADMSG;
}

/* There may be one value only, of the kind that its label says. */
static int read_value(struct reader *reader, enum label label, const struct lwm2m_cbor_item *item)
{
    if (reader->record.has_value) {
        return -EBADMSG;
    }
    reader->record.has_value = true;
    bool fits = false;
    switch (label) {
    case LABEL_LINK:
        return read_link(reader, item);
    case LABEL_STRING:
        fits = item->kind == LWM2M_CBOR_TEXT;
        break;
    case LABEL_BOOLEAN:
        fits = item->kind == LWM2M_CBOR_BOOLEAN;
        break;
    case LABEL_DATA:
        fits = item->kind == LWM2M_CBOR_BYTES;
        break;
    default: /* null: SenML-ETCH removes a resource instance by it (RFC 8790) */
        fits = is_number(item) || item->kind == LWM2M_CBOR_NULL;
        break;
    }
    return fits ? lwm2m_cbor_value(item, &reader->record.value) : -EBADMSG;
}

/* Reads the key of a member; one that must be understood is not (RFC 8428, 4.4). */
static int read_label(struct reader *reader, enum label *label)
{
    struct lwm2m_cbor_item key;
    *label = LABEL_OTHER;
    if (!lwm2m_cbor_read(&reader->cbor, &key)) {
        return reader->cbor.err;
    }
    switch (key.kind) {
    case LWM2M_CBOR_UNSIGNED:
        *label = key.number <= LABEL_DATA ? (enum label)key.number : LABEL_OTHER;
        return 0;
    case LWM2M_CBOR_NEGATIVE:
        *label = key.number < 5 ? (enum label)(-1 - (int)key.number) : LABEL_OTHER;
        return 0;
    case LWM2M_CBOR_TEXT:
        if (key.bytes.len == 3 && memcmp(key.bytes.data, "vlo", 3) == 0) {
            *label = LABEL_LINK;
        }
        return key.bytes.len > 0 && key.bytes.data[key.bytes.len - 1] == '_' ? -EBADMSG : 0;
    default:
        return -EBADMSG;
    }
}

static int read_known(struct reader *reader, enum label label)
{
    struct lwm2m_senml_record *record = &reader->record;
    struct lwm2m_cbor_item item;
    if (!lwm2m_cbor_read_value(&reader->cbor, &item)) {
        return reader->cbor.err;
    }
    switch (label) {
    case LABEL_BASE_NAME:
        return read_name(&item, &record->base_name);
    case LABEL_NAME:
        return read_name(&item, &record->name);
    case LABEL_BASE_TIME:
        record->has_base_time = true;
        return read_time(&item, &record->base_time);
    case LABEL_TIME:
        record->has_time = true;
        return read_time(&item, &record->time);
    case LABEL_BASE_VALUE:
        record->has_base_value = true;
        return read_number(&item, &record->base_value);
    default:
        return read_value(reader, label, &item);
    }
}

static bool is_known(enum label label)
{
    switch (label) {
    case LABEL_BASE_VALUE:
    case LABEL_BASE_TIME:
    case LABEL_BASE_NAME:
    case LABEL_NAME:
    case LABEL_VALUE:
    case LABEL_STRING:
    case LABEL_BOOLEAN:
    case LABEL_TIME:
    case LABEL_DATA:
    case LABEL_LINK:
        return true;
    default:
        return false;
    }
}

static int read_member(struct reader *reader)
{
    enum label label;
    int err = read_label(reader, &label);
    if (err != 0) {
        return err;
    }
    if (is_known(label)) {
        return read_known(reader, label);
    }
    lwm2m_cbor_skip(&reader->cbor);
    return reader->cbor.err;
}

static int read_record(const struct lwm2m_content_context *context, struct lwm2m_senml_state *state,
                       struct reader *reader)
{
    struct lwm2m_cbor_item map;
    if (!lwm2m_cbor_read(&reader->cbor, &map)) {
        return reader->cbor.err;
    }
    if (map.kind != LWM2M_CBOR_MAP) {
        return -EBADMSG;
    }
    reader->record = (struct lwm2m_senml_record){ 0 };
    while (lwm2m_cbor_more(&reader->cbor, &map.container)) {
        int err = read_member(reader);
        if (err != 0) {
            return err;
        }
    }
    return lwm2m_senml_resolve(context, state, &reader->record, reader->cbor.records);
}

int lwm2m_senml_cbor_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                            size_t len, struct lwm2m_records *records)
{
    struct lwm2m_senml_state state = { 0 };
    struct reader reader;
    struct lwm2m_cbor_item pack;

    if (len == 0) {
        return 0;
    }
    lwm2m_cbor_reader_init(&reader.cbor, payload, len, records);
    if (!lwm2m_cbor_read(&reader.cbor, &pack)) {
        return reader.cbor.err;
    }
    if (pack.kind != LWM2M_CBOR_ARRAY) {
        return -EBADMSG;
    }
    while (lwm2m_cbor_more(&reader.cbor, &pack.container)) {
        int err = read_record(context, &state, &reader);
        if (err != 0) {
            return err;
        }
    }
    return reader.cbor.next == reader.cbor.end ? 0 : -EBADMSG;
}

static void write_name(struct lwm2m_buffer *payload, enum label label,
                       const struct lwm2m_senml_name *name)
{
    size_t root_len = strlen(name->root);
    lwm2m_cbor_write_integer(payload, label);
    lwm2m_cbor_write_text_head(payload, root_len + name->path_len);
    lwm2m_buffer_append(payload, name->root, root_len);
    lwm2m_buffer_append(payload, name->path, name->path_len);
}

static int write_value(struct lwm2m_buffer *payload, const struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        lwm2m_cbor_write_integer(payload, LABEL_STRING);
        break;
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        lwm2m_cbor_write_integer(payload, LABEL_DATA);
        break;
    case LWM2M_TYPE_OBJLNK:
        lwm2m_cbor_write_text(payload, "vlo", 3);
        break;
    case LWM2M_TYPE_BOOLEAN:
        lwm2m_cbor_write_integer(payload, LABEL_BOOLEAN);
        break;
    default:
        lwm2m_cbor_write_integer(payload, LABEL_VALUE);
        break;
    }
    return lwm2m_cbor_write_value(payload, value);
}

struct writer {
    const struct lwm2m_content_context *context;
    struct lwm2m_buffer *payload;
    uint8_t base_depth;
    bool with_nulls;
};

static int write_record(const struct writer *writer, const struct lwm2m_record *record,
                        bool is_first)
{
    const struct lwm2m_content_context *context = writer->context;
    struct lwm2m_buffer *payload = writer->payload;
    struct lwm2m_senml_name name;
    bool has_base = is_first && writer->base_depth > 0;
    bool has_value = record->value.type != LWM2M_TYPE_NONE || writer->with_nulls;

    if (!lwm2m_senml_can_write(context, record)) {
        return -EINVAL;
    }
    lwm2m_cbor_write_map(payload, (size_t)1 + has_base + record->has_time + has_value);
    if (has_base) {
        lwm2m_senml_write_base(context->root, &context->base, writer->base_depth, &name);
        write_name(payload, LABEL_BASE_NAME, &name);
    }
    lwm2m_senml_write_name(context->root, &record->path, writer->base_depth, &name);
    write_name(payload, LABEL_NAME, &name);
    if (record->has_time) {
        lwm2m_cbor_write_integer(payload, LABEL_TIME);
        lwm2m_cbor_write_double(payload, lwm2m_senml_time_field(context, record->time_s));
    }
    return has_value ? write_value(payload, &record->value) : 0;
}

static int encode(const struct lwm2m_content_context *context, const struct lwm2m_record *records,
                  size_t count, bool with_nulls, struct lwm2m_buffer *payload)
{
    struct writer writer = {
        .context = context,
        .payload = payload,
        .base_depth = lwm2m_senml_base_depth(context, records, count),
        .with_nulls = with_nulls,
    };
    lwm2m_cbor_write_array(payload, count);
    for (size_t i = 0; i < count; i++) {
        int err = write_record(&writer, &records[i], i == 0);
        if (err != 0) {
            return err;
        }
    }
    return payload->err;
}

int lwm2m_senml_cbor_encode(const struct lwm2m_content_context *context,
                            const struct lwm2m_record *records, size_t count,
                            struct lwm2m_buffer *payload)
{
    return encode(context, records, count, false, payload);
}

int lwm2m_senml_etch_cbor_encode(const struct lwm2m_content_context *context,
                                 const struct lwm2m_record *records, size_t count,
                                 struct lwm2m_buffer *payload)
{
    return encode(context, records, count, !lwm2m_senml_only_names(records, count), payload);
}
