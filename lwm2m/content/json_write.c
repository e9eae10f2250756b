/*
 * JSON output. Strings go out in runs: only what must be escaped is looked at by itself.
 */
#include "lwm2m/content/json_write.h"

#include <errno.h>
#include <math.h>

static void write_escape(struct lwm2m_buffer *buffer, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    char short_escape = c < 0x20 ? letters[c] : (char)c;
    if (short_escape != '\0') {
        const char escape[] = { '\\', short_escape };
        lwm2m_buffer_append(buffer, escape, sizeof(escape));
        return;
    }
    const char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    lwm2m_buffer_append(buffer, escape, sizeof(escape));
}

void lwm2m_json_write_text(struct lwm2m_buffer *buffer, const void *text, size_t len)
{
    const uint8_t *bytes = text;
    size_t start = 0;

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\') {
            continue;
        }
        lwm2m_buffer_append(buffer, bytes + start, i - start);
        write_escape(buffer, bytes[i]);
        start = i + 1;
    }
    if (len > start) {
        lwm2m_buffer_append(buffer, bytes + start, len - start);
    }
}

void lwm2m_json_write_string(struct lwm2m_buffer *buffer, const void *text, size_t len)
{
    lwm2m_buffer_append_byte(buffer, '"');
    lwm2m_json_write_text(buffer, text, len);
    lwm2m_buffer_append_byte(buffer, '"');
}

void lwm2m_json_write_name(struct lwm2m_buffer *buffer, const char *name)
{
    if (buffer->len > 0 && buffer->data[buffer->len - 1] != '{') {
        lwm2m_buffer_append_byte(buffer, ',');
    }
    lwm2m_buffer_append_byte(buffer, '"');
    lwm2m_buffer_append_text(buffer, name);
    lwm2m_buffer_append(buffer, "\":", 2);
}

void lwm2m_json_write_number(struct lwm2m_buffer *buffer, const char *name, double number)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    lwm2m_json_write_name(buffer, name);
    lwm2m_buffer_append(buffer, text, lwm2m_value_format_double(number, text));
}

static int write_string(struct lwm2m_buffer *buffer, const char *name,
                        const struct lwm2m_bytes *text)
{
    if (!lwm2m_utf8_valid(text->data, text->len)) {
        return -EINVAL;
    }
    lwm2m_json_write_name(buffer, name);
    lwm2m_json_write_string(buffer, text->data, text->len);
    return 0;
}

static void write_bytes(struct lwm2m_buffer *buffer, const struct lwm2m_json_value_names *names,
                        const struct lwm2m_bytes *bytes)
{
    lwm2m_json_write_name(buffer, names->bytes);
    lwm2m_buffer_append_byte(buffer, '"');
    lwm2m_base64_append(buffer, bytes->data, bytes->len, names->bytes_form);
    lwm2m_buffer_append_byte(buffer, '"');
}

int lwm2m_json_write_value(struct lwm2m_buffer *buffer, const struct lwm2m_json_value_names *names,
                           const struct lwm2m_value *value)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    switch (value->type) {
    case LWM2M_TYPE_NONE:
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        return write_string(buffer, names->string, &value->bytes);
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        write_bytes(buffer, names, &value->bytes);
        break;
    case LWM2M_TYPE_OBJLNK:
        lwm2m_json_write_name(buffer, names->link);
        lwm2m_json_write_string(buffer, text, lwm2m_value_format(value, text));
        break;
    case LWM2M_TYPE_BOOLEAN:
        lwm2m_json_write_name(buffer, names->boolean);
        lwm2m_buffer_append_text(buffer, value->boolean ? "true" : "false");
        break;
    case LWM2M_TYPE_FLOAT:
        if (!isfinite(value->number)) {
            return -EINVAL;
        }
        lwm2m_json_write_number(buffer, names->number, value->number);
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
    case LWM2M_TYPE_UNSIGNED:
        lwm2m_json_write_name(buffer, names->number);
        lwm2m_buffer_append(buffer, text, lwm2m_value_format(value, text));
        break;
    }
    return 0;
}
