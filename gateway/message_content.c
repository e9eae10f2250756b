#include "gateway/message_content.h"

#include "gateway/json_text.h"

#include "lwm2m/content/link_format.h"

#include <errno.h>
#include <string.h>

/* --- values --- */

static void write_names(struct lwm2m_buffer *buffer, const struct message_context *context,
                        const struct lwm2m_event *event, const struct lwm2m_path *path)
{
    const char *name;
    const char *units;
    if (context->names == NULL || path->depth < 3 ||
        !context->names(context->names_ctx, event->device, path->ids[0], path->ids[2], &name,
                        &units)) {
        return;
    }
    JSON_LITERAL(buffer, ",\"name\":");
    json_string(buffer, name);
    if (*units != '\0') {
        JSON_LITERAL(buffer, ",\"units\":");
        json_string(buffer, units);
    }
}

static void write_record(struct lwm2m_buffer *buffer, const struct message_context *context,
                         const struct lwm2m_event *event, const struct lwm2m_record *record)
{
    JSON_LITERAL(buffer, "{\"path\":");
    json_path(buffer, &record->path);
    JSON_LITERAL(buffer, ",\"value\":");
    json_value(buffer, &record->value);
    if (record->value.type == LWM2M_TYPE_UNTYPED) {
        JSON_LITERAL(buffer, ",\"encoding\":\"base64\"");
    }
    if (record->has_time) {
        JSON_LITERAL(buffer, ",\"time\":");
        json_double(buffer, record->time_s);
    }
    write_names(buffer, context, event, &record->path);
    JSON_LITERAL(buffer, "}");
}

static void write_records(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const struct lwm2m_event *event)
{
    JSON_LITERAL(buffer, ",\"content\":[");
    for (size_t i = 0; event->records != NULL && i < event->records->count; i++) {
        if (i > 0) {
            JSON_LITERAL(buffer, ",");
        }
        write_record(buffer, context, event, &event->records->items[i]);
    }
    JSON_LITERAL(buffer, "]");
}

/* --- other bodies --- */

/* An array of links as strings; false when the body is no link-format. */
static bool write_links(struct lwm2m_buffer *buffer, const struct lwm2m_event *event)
{
    size_t before = buffer->len;
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    const char *comma = "";
    JSON_LITERAL(buffer, ",\"content\":[");
    lwm2m_link_reader_init(&reader, event->body, event->body_len);
    while (lwm2m_link_reader_next(&reader, &link)) {
        lwm2m_buffer_append_text(buffer, comma);
        json_text(buffer, link.text.data, link.text.len);
        comma = ",";
    }
    if (reader.err != 0) {
        buffer->len = buffer->err == 0 ? before : buffer->len;
        return false;
    }
    JSON_LITERAL(buffer, "]");
    return true;
}

static void write_reason(struct lwm2m_buffer *buffer, const void *text, size_t len)
{
    if (len > 0) {
        JSON_LITERAL(buffer, ",\"reason\":");
        json_text(buffer, text, len);
    }
}

static const char *decode_reason(int err)
{
    switch (err) {
    case -ENOTSUP:
        return "the content format is not known";
    case -ENOSPC:
        return "the payload has too many values";
    case -ENOMEM:
        return "out of memory";
    default:
        return "the payload is not what its content format says";
    }
}

/* The whole body as one base64 value: nothing is thrown away. */
static void write_raw(struct lwm2m_buffer *buffer, const struct lwm2m_event *event,
                      const char *path, int err)
{
    uint16_t format = event->content_format;
    JSON_LITERAL(buffer, ",\"content\":[{");
    if (path != NULL) {
        JSON_LITERAL(buffer, "\"path\":");
        json_string(buffer, path);
        JSON_LITERAL(buffer, ",");
    }
    JSON_LITERAL(buffer, "\"value\":");
    json_base64(buffer, event->body, event->body_len);
    JSON_LITERAL(buffer, ",\"encoding\":\"base64\",\"contentFormat\":");
    json_unsigned(buffer, format == LWM2M_FORMAT_NONE ? LWM2M_FORMAT_TEXT : format);
    JSON_LITERAL(buffer, "}]");
    const char *reason = decode_reason(err);
    write_reason(buffer, reason, strlen(reason));
}

/* The diagnostic payload of an error (RFC 7252, 5.5.2), else what the server knows. */
static void write_diagnosis(struct lwm2m_buffer *buffer, const struct lwm2m_event *event)
{
    bool is_text =
        event->content_format == LWM2M_FORMAT_NONE || event->content_format == LWM2M_FORMAT_TEXT;
    if (is_text && event->body_len > 0) {
        write_reason(buffer, event->body, event->body_len);
    } else {
        write_reason(buffer, event->reason, strlen(event->reason));
    }
}

bool message_is_success(uint8_t code)
{
    return code >> 5 == 2;
}

void message_write_content(struct lwm2m_buffer *buffer, const struct message_context *context,
                           const struct lwm2m_event *event, const char *path)
{
    bool is_report = event->type == LWM2M_EVENT_SEND;
    bool has_content = is_report || event->code == LWCOAP_CODE(2, 5);
    if (!is_report && !message_is_success(event->code)) {
        write_diagnosis(buffer, event);
        return;
    }
    if (*event->location != '\0') {
        JSON_LITERAL(buffer, ",\"location\":");
        json_string(buffer, event->location);
    }
    if (event->decode_err != 0) {
        write_raw(buffer, event, path, event->decode_err);
    } else if (event->content_format == LWM2M_FORMAT_LINK && has_content) {
        if (!write_links(buffer, event)) {
            write_raw(buffer, event, path, -EBADMSG);
        }
    } else if (has_content || (event->records != NULL && event->records->count > 0)) {
        write_records(buffer, context, event);
    }
}
