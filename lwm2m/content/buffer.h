/*
 * A growing buffer of bytes that encoders append to. Its first error sticks, so that a writer
 * appends without looking and asks once, at the end. A JSON message is a hundred small pieces, most
 * of them literals: while there is room they are copied in place, without a call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lwm2m_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity; /* at most max_len */
    size_t max_len;  /* larger content is refused with -ENOSPC */
    int err;         /* 0, -ENOMEM or -ENOSPC; once set, appends do nothing */
};

void lwm2m_buffer_init(struct lwm2m_buffer *buffer, size_t max_len);
void lwm2m_buffer_deinit(struct lwm2m_buffer *buffer);

/** Empties the buffer and forgets its error; keeps its memory. */
void lwm2m_buffer_clear(struct lwm2m_buffer *buffer);

/** `len` writable bytes at the end, already counted in; NULL after an error. */
uint8_t *lwm2m_buffer_extend(struct lwm2m_buffer *buffer, size_t len);

static inline void lwm2m_buffer_append(struct lwm2m_buffer *buffer, const void *data, size_t len)
{
    if (len == 0) {
        return; /* the buffer may have no memory yet */
    }
    bool has_room = buffer->err == 0 && len <= buffer->capacity - buffer->len;
    uint8_t *end = has_room ? buffer->data + buffer->len : lwm2m_buffer_extend(buffer, len);
    if (has_room) {
        buffer->len += len;
    }
    if (end != NULL) {
        memcpy(end, data, len);
    }
}

static inline void lwm2m_buffer_append_byte(struct lwm2m_buffer *buffer, uint8_t byte)
{
    lwm2m_buffer_append(buffer, &byte, 1);
}

static inline void lwm2m_buffer_append_text(struct lwm2m_buffer *buffer, const char *text)
{
    lwm2m_buffer_append(buffer, text, strlen(text));
}
