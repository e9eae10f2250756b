/**
 * A growable byte buffer: what every encoder of the simulated device writes into.
 *
 * The device is a test tool: running out of memory ends the process, so that none of
 * its callers has to handle that case.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data; /**< owned; NULL while nothing was added */
    size_t len;
    size_t capacity;
};

void bytes_add(struct bytes *bytes, const void *data, size_t len);
void bytes_add_byte(struct bytes *bytes, uint8_t byte);
/** Adds the low @p size (1 … 8) bytes of @p number, most significant first. */
void bytes_add_big_endian(struct bytes *bytes, uint64_t number, size_t size);
void bytes_add_text(struct bytes *bytes, const char *text);
void bytes_printf(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The content as a C string, valid until the next change; "" when empty. */
const char *bytes_text(struct bytes *bytes);

/** Frees the memory and leaves an empty buffer that can be used again. */
void bytes_deinit(struct bytes *bytes);
