/*
 * SenML JSON (RFC 8428, 5; Core TS 7.4.5): an array of flat objects, read by a table of their
 * members. What they mean together is senml.c's.
 */
#include "lwm2m/content/format.h"
#include "lwm2m/content/json_reader.h"
#include "lwm2m/content/json_write.h"
#include "lwm2m/content/senml.h"

#include <errno.h>
#include <string.h>

struct reader {
    struct lwm2m_json_reader json;
    struct lwm2m_senml_record record;
};

typedef int read_member(struct reader *reader, const struct lwm2m_json_item *item);

static int read_name(const struct lwm2m_json_item *item, struct lwm2m_bytes *name)
{
    if (item->kind != LWM2M_JSON_STRING) {
        return -EBADMSG;
    }
    *name = item->text;
    return 0;
}

static int read_base_name(struct reader *reader, const struct lwm2m_json_item *item)
{
    return read_name(item, &reader->record.base_name);
}

static int read_own_name(struct reader *reader, const struct lwm2m_json_item *item)
{
    return read_name(item, &reader->record.name);
}

static int read_time(const struct lwm2m_json_item *item, double *time)
{
    if (item->kind != LWM2M_JSON_NUMBER) {
        return -EBADMSG;
    }
    const struct lwm2m_value *number = &item->number;
    *time = number->type == LWM2M_TYPE_INTEGER    ? (double)number->integer
            : number->type == LWM2M_TYPE_UNSIGNED ? (double)number->unsigned_integer
                                                  : number->number;
    return 0;
}

static int read_base_time(struct reader *reader, const struct lwm2m_json_item *item)
{
    reader->record.has_base_time = true;
    return read_time(item, &reader->record.base_time);
}

static int read_own_time(struct reader *reader, const struct lwm2m_json_item *item)
{
    reader->record.has_time = true;
    return read_time(item, &reader->record.time);
}

static int read_base_value(struct reader *reader, const struct lwm2m_json_item *item)
{
    reader->record.has_base_value = true;
    reader->record.base_value = item->number;
    return item->kind == LWM2M_JSON_NUMBER ? 0 : -EBADMSG;
}

/* The place for the record's value: there may be one only. */
static struct lwm2m_value *take_value(struct reader *reader)
{
    if (reader->record.has_value) {
        return NULL;
    }
    reader->record.has_value = true;
    return &reader->record.value;
}

static int read_number(struct reader *reader, const struct lwm2m_json_item *item)
{
    struct lwm2m_value *value = take_value(reader);
    if (value == NULL || (item->kind != LWM2M_JSON_NULL && item->kind != LWM2M_JSON_NUMBER)) {
        return -EBADMSG;
    }
    /* SenML-ETCH: null removes the resource instance (RFC 8790). */
    *value = item->kind == LWM2M_JSON_NUMBER ? item->number
                                             : (struct lwm2m_value){ .type = LWM2M_TYPE_NONE };
    return 0;
}

static int read_boolean(struct reader *reader, const struct lwm2m_json_item *item)
{
    struct lwm2m_value *value = take_value(reader);
    if (value == NULL || item->kind != LWM2M_JSON_BOOLEAN) {
        return -EBADMSG;
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_BOOLEAN, .boolean = item->boolean };
    return 0;
}

/* A string stays where it is: in the payload. */
static int read_string(struct reader *reader, const struct lwm2m_json_item *item)
{
    struct lwm2m_value *value = take_value(reader);
    if (value == NULL || item->kind != LWM2M_JSON_STRING) {
        return -EBADMSG;
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_STRING, .bytes = item->text };
    return 0;
}

static int read_as(struct reader *reader, const struct lwm2m_json_item *item, enum lwm2m_type type)
{
    struct lwm2m_value *value = take_value(reader);
    if (value == NULL || item->kind != LWM2M_JSON_STRING) {
        return -EBADMSG;
    }
    int err = lwm2m_value_from_text(type, (const char *)item->text.data, item->text.len,
                                    reader->json.records, value);
    return err == 0 || err == -ENOMEM ? err : -EBADMSG;
}

static int read_data(struct reader *reader, const struct lwm2m_json_item *item)
{
    return read_as(reader, item, LWM2M_TYPE_OPAQUE);
}

static int read_link(struct reader *reader, const struct lwm2m_json_item *item)
{
    return read_as(reader, item, LWM2M_TYPE_OBJLNK);
}

/* The rest (units, sums, versions) says nothing about LwM2M. */
static const struct {
    const char *name;
    read_member *read;
} members[] = {
    { "n", read_own_name },    { "v", read_number },   { "bn", read_base_name },
    { "vs", read_string },     { "vb", read_boolean }, { "t", read_own_time },
    { "bt", read_base_time },  { "vd", read_data },    { "vlo", read_link },
    { "bv", read_base_value },
};

static int read_any(struct reader *reader, const struct lwm2m_bytes *name,
                    struct lwm2m_json_item *item)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (strlen(members[i].name) == name->len &&
            memcmp(members[i].name, name->data, name->len) == 0) {
            return members[i].read(reader, item);
        }
    }
    /* A name that ends in '_' must be understood (RFC 8428, 4.4). */
    if (name->len > 0 && name->data[name->len - 1] == '_') {
        return -EBADMSG;
    }
    lwm2m_json_skip(&reader->json, item);
    return reader->json.err;
}

static int read_record(const struct lwm2m_content_context *context, struct lwm2m_senml_state *state,
                       struct reader *reader)
{
    struct lwm2m_json_item object;
    struct lwm2m_json_item item;
    struct lwm2m_bytes name;

    reader->record = (struct lwm2m_senml_record){ 0 };
    if (!lwm2m_json_read(&reader->json, &object) || object.kind != LWM2M_JSON_OBJECT) {
        return -EBADMSG;
    }
    while (lwm2m_json_more(&reader->json, &object.container)) {
        bool is_read =
            lwm2m_json_read_name(&reader->json, &name) && lwm2m_json_read(&reader->json, &item);
        int err = is_read ? read_any(reader, &name, &item) : reader->json.err;
        if (err != 0) {
            return err;
        }
    }
    return reader->json.err != 0
               ? reader->json.err
               : lwm2m_senml_resolve(context, state, &reader->record, reader->json.records);
}

int lwm2m_senml_json_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                            size_t len, struct lwm2m_records *records)
{
    struct lwm2m_senml_state state = { 0 };
    struct lwm2m_json_item pack;
    struct reader reader;

    if (len == 0) {
        return 0;
    }
    lwm2m_json_reader_init(&reader.json, payload, len, records);
    if (!lwm2m_json_read(&reader.json, &pack) || pack.kind != LWM2M_JSON_ARRAY) {
        return -EBADMSG;
    }
    while (lwm2m_json_more(&reader.json, &pack.container)) {
        int err = read_record(context, &state, &reader);
        if (err != 0) {
            return err;
        }
    }
    return lwm2m_json_reader_end(&reader.json);
}

static void write_name(struct lwm2m_buffer *payload, const char *member,
                       const struct lwm2m_senml_name *name)
{
    lwm2m_json_write_name(payload, member);
    lwm2m_buffer_append_byte(payload, '"');
    lwm2m_json_write_text(payload, name->root, strlen(name->root));
    lwm2m_buffer_append(payload, name->path, name->path_len);
    lwm2m_buffer_append_byte(payload, '"');
}

static const struct lwm2m_json_value_names value_names = {
    .number = "v",
    .boolean = "vb",
    .string = "vs",
    .bytes = "vd",
    .bytes_form = LWM2M_BASE64_URL,
    .link = "vlo",
};

static int encode(const struct lwm2m_content_context *context, const struct lwm2m_record *records,
                  size_t count, bool with_nulls, struct lwm2m_buffer *payload)
{
    struct lwm2m_senml_name name;
    uint8_t base_depth = lwm2m_senml_base_depth(context, records, count);

    lwm2m_buffer_append_byte(payload, '[');
    for (size_t i = 0; i < count; i++) {
        const struct lwm2m_record *record = &records[i];
        if (!lwm2m_senml_can_write(context, record)) {
            return -EINVAL;
        }
        lwm2m_buffer_append_text(payload, i > 0 ? ",{" : "{");
        if (i == 0 && base_depth > 0) {
            lwm2m_senml_write_base(context->root, &context->base, base_depth, &name);
            write_name(payload, "bn", &name);
        }
        lwm2m_senml_write_name(context->root, &record->path, base_depth, &name);
        write_name(payload, "n", &name);
        if (record->has_time) {
            lwm2m_json_write_number(payload, "t", lwm2m_senml_time_field(context, record->time_s));
        }
        if (lwm2m_json_write_value(payload, &value_names, &record->value) != 0) {
            return -EINVAL;
        }
        if (record->value.type == LWM2M_TYPE_NONE && with_nulls) {
            lwm2m_buffer_append_text(payload, ",\"v\":null");
        }
        lwm2m_buffer_append_byte(payload, '}');
    }
    lwm2m_buffer_append_byte(payload, ']');
    return payload->err;
}

int lwm2m_senml_json_encode(const struct lwm2m_content_context *context,
                            const struct lwm2m_record *records, size_t count,
                            struct lwm2m_buffer *payload)
{
    return encode(context, records, count, false, payload);
}

int lwm2m_senml_etch_json_encode(const struct lwm2m_content_context *context,
                                 const struct lwm2m_record *records, size_t count,
                                 struct lwm2m_buffer *payload)
{
    return encode(context, records, count, !lwm2m_senml_only_names(records, count), payload);
}
