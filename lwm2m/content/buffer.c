/*
 * The growing buffer: doubles its memory, never beyond max_len.
 */
#include "lwm2m/content/buffer.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 256

void lwm2m_buffer_init(struct lwm2m_buffer *buffer, size_t max_len)
{
    *buffer = (struct lwm2m_buffer){ .max_len = max_len };
}

void lwm2m_buffer_deinit(struct lwm2m_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct lwm2m_buffer){ .max_len = buffer->max_len };
}

void lwm2m_buffer_clear(struct lwm2m_buffer *buffer)
{
    buffer->len = 0;
    buffer->err = 0;
}

static int grow(struct lwm2m_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    if (capacity > buffer->max_len) {
        capacity = buffer->max_len;
    }
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return -ENOMEM;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

uint8_t *lwm2m_buffer_extend(struct lwm2m_buffer *buffer, size_t len)
{
    if (buffer->err != 0) {
        return NULL;
    }
    if (buffer->len > buffer->max_len || len > buffer->max_len - buffer->len) {
        buffer->err = -ENOSPC;
        return NULL;
    }
    if (buffer->data == NULL || len > buffer->capacity - buffer->len) {
        buffer->err = grow(buffer, buffer->len + len);
        if (buffer->err != 0) {
            return NULL;
        }
    }
    uint8_t *end = buffer->data + buffer->len;
    buffer->len += len;
    return end;
}
