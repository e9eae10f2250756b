/** See bytes.h. */
#include "test/sim/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct bytes *bytes, size_t more)
{
    if (bytes->capacity - bytes->len >= more) {
        return;
    }
    size_t capacity = bytes->capacity == 0 ? 64 : bytes->capacity;
    while (capacity - bytes->len < more) {
        capacity *= 2;
    }
    uint8_t *data = realloc(bytes->data, capacity);
    if (data == NULL) {
        abort();
    }
    bytes->data = data;
    bytes->capacity = capacity;
}

void bytes_add(struct bytes *bytes, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    reserve(bytes, len);
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

void bytes_add_byte(struct bytes *bytes, uint8_t byte)
{
    bytes_add(bytes, &byte, 1);
}

void bytes_add_big_endian(struct bytes *bytes, uint64_t number, size_t size)
{
    while (size-- > 0) {
        bytes_add_byte(bytes, (uint8_t)(number >> (8 * size)));
    }
}

void bytes_add_text(struct bytes *bytes, const char *text)
{
    bytes_add(bytes, text, strlen(text));
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int len = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (len <= 0) {
        return;
    }
    reserve(bytes, (size_t)len + 1);
    va_start(list, format);
    vsnprintf((char *)bytes->data + bytes->len, (size_t)len + 1, format, list);
    va_end(list);
    bytes->len += (size_t)len;
}

const char *bytes_text(struct bytes *bytes)
{
    reserve(bytes, 1);
    bytes->data[bytes->len] = 0;
    return (const char *)bytes->data;
}

void bytes_deinit(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}
