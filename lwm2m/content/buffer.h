/*
 * A growing buffer of bytes that encoders append to. Its first error sticks, so that a writer
 * appends without looking and asks once, at the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lwm2m_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t max_len; /* larger content is refused with -ENOSPC */
    int err;        /* 0, -ENOMEM or -ENOSPC; once set, appends do nothing */
};

void lwm2m_buffer_init(struct lwm2m_buffer *buffer, size_t max_len);
void lwm2m_buffer_deinit(struct lwm2m_buffer *buffer);

/** Empties the buffer and forgets its error; keeps its memory. */
void lwm2m_buffer_clear(struct lwm2m_buffer *buffer);

void lwm2m_buffer_append(struct lwm2m_buffer *buffer, const void *data, size_t len);
void lwm2m_buffer_append_byte(struct lwm2m_buffer *buffer, uint8_t byte);
void lwm2m_buffer_append_text(struct lwm2m_buffer *buffer, const char *text);

/** `len` writable bytes at the end, already counted in; NULL after an error. */
uint8_t *lwm2m_buffer_extend(struct lwm2m_buffer *buffer, size_t len);
