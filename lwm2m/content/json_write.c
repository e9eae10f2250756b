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

int lwm2m_json_write_scalar(struct lwm2m_buffer *buffer, const struct lwm2m_value *value)
{
    char text[LWM2M_NUMBER_TEXT_MAX];
    switch (value->type) {
    case LWM2M_TYPE_BOOLEAN:
        lwm2m_buffer_append_text(buffer, value->boolean ? "true" : "false");
        return 0;
    case LWM2M_TYPE_FLOAT:
        if (!isfinite(value->number)) {
            return -EINVAL;
        }
        [[fallthrough]];
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
    case LWM2M_TYPE_UNSIGNED:
        lwm2m_buffer_append(buffer, text, lwm2m_value_format(value, text));
        return 0;
    default:
        return -EINVAL;
    }
}
