#include "gateway/json_text.h"

#include "lwm2m/content/base64.h"
#include "lwm2m/content/json_write.h"

#include <math.h>
#include <string.h>

void json_name(struct lwm2m_buffer *buffer, const char *name)
{
    lwm2m_json_write_name(buffer, name);
}

/* Length of the UTF-8 character at `text`, 0 when there is none. */
static size_t character_len(const uint8_t *text, size_t left)
{
    size_t len = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    return len <= left && lwm2m_utf8_valid(text, len) ? len : 0;
}

/* The rare way, with memory of its own: a copy in which each byte that is no UTF-8 is replaced. */
static void write_repaired(struct lwm2m_buffer *buffer, const uint8_t *text, size_t len)
{
    struct lwm2m_buffer repaired;
    lwm2m_buffer_init(&repaired, SIZE_MAX / 2);
    for (size_t at = 0; at < len;) {
        size_t character = character_len(text + at, len - at);
        if (character > 0) {
            lwm2m_buffer_append(&repaired, text + at, character);
        } else {
            JSON_LITERAL(&repaired, "\xef\xbf\xbd");
        }
        at += character > 0 ? character : 1;
    }
    if (repaired.err != 0 && buffer->err == 0) {
        buffer->err = repaired.err;
    }
    lwm2m_json_write_string(buffer, repaired.data, repaired.len);
    lwm2m_buffer_deinit(&repaired);
}

void json_text(struct lwm2m_buffer *buffer, const void *text, size_t len)
{
    if (lwm2m_utf8_valid(text, len)) {
        lwm2m_json_write_string(buffer, text, len);
    } else {
        write_repaired(buffer, text, len);
    }
}

void json_string(struct lwm2m_buffer *buffer, const char *text)
{
    json_text(buffer, text, strlen(text));
}

void json_integer(struct lwm2m_buffer *buffer, int64_t number)
{
    struct lwm2m_value value = { .type = LWM2M_TYPE_INTEGER, .integer = number };
    json_value(buffer, &value);
}

void json_unsigned(struct lwm2m_buffer *buffer, uint64_t number)
{
    struct lwm2m_value value = { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = number };
    json_value(buffer, &value);
}

void json_double(struct lwm2m_buffer *buffer, double number)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    size_t len = lwm2m_value_format_double(number, text);
    if (isfinite(number)) {
        lwm2m_buffer_append(buffer, text, len);
    } else {
        json_text(buffer, text, len);
    }
}

void json_base64(struct lwm2m_buffer *buffer, const uint8_t *data, size_t len)
{
    JSON_LITERAL(buffer, "\"");
    lwm2m_base64_append(buffer, data, len, LWM2M_BASE64_STANDARD);
    JSON_LITERAL(buffer, "\"");
}

void json_path(struct lwm2m_buffer *buffer, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_MAX];
    size_t len = lwm2m_path_format(path, text);
    JSON_LITERAL(buffer, "\"");
    lwm2m_buffer_append(buffer, text, len);
    JSON_LITERAL(buffer, "\"");
}

static void write_plain(struct lwm2m_buffer *buffer, const struct lwm2m_value *value)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    lwm2m_buffer_append(buffer, text, lwm2m_value_format(value, text));
}

void json_value(struct lwm2m_buffer *buffer, const struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        json_text(buffer, value->bytes.data, value->bytes.len);
        break;
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        json_base64(buffer, value->bytes.data, value->bytes.len);
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
    case LWM2M_TYPE_UNSIGNED:
        write_plain(buffer, value);
        break;
    case LWM2M_TYPE_OBJLNK:
        JSON_LITERAL(buffer, "\"");
        write_plain(buffer, value);
        JSON_LITERAL(buffer, "\"");
        break;
    case LWM2M_TYPE_FLOAT:
        json_double(buffer, value->number);
        break;
    case LWM2M_TYPE_BOOLEAN:
        lwm2m_buffer_append_text(buffer, value->boolean ? "true" : "false");
        break;
    case LWM2M_TYPE_NONE:
        JSON_LITERAL(buffer, "null");
        break;
    }
}
