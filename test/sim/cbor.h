/**
 * A small CBOR reader and writer (RFC 8949) for the CBOR formats of LwM2M.
 *
 * The reader remembers its first error: check err once at the end. It accepts definite
 * and indefinite lengths and skips tags; the writer uses definite lengths.
 */
#pragma once

#include "test/sim/value.h"

enum cbor_major {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE,
};

struct cbor_reader {
    const uint8_t *at, *end;
    int err; /**< 0 or -EBADMSG */
};

/** An array or map being read. */
struct cbor_items {
    uint64_t left; /**< items; pairs of a map */
    bool indefinite;
};

/** The major type of the next item (tags before it are skipped). CBOR_SIMPLE at the end. */
enum cbor_major cbor_peek(struct cbor_reader *in);
/** Enters an array or a map; anything else is an error. */
struct cbor_items cbor_enter(struct cbor_reader *in, enum cbor_major array_or_map);
/** Whether there is another item (pair); takes the break of an indefinite one. */
bool cbor_next(struct cbor_reader *in, struct cbor_items *items);
/** Reads a number, text, bytes, true, false, null into @p scalar, which must be empty. */
void cbor_read_scalar(struct cbor_reader *in, struct scalar *scalar);

void cbor_add_head(struct bytes *out, enum cbor_major major, uint64_t argument);
void cbor_add_text(struct bytes *out, const char *text);
void cbor_add_real(struct bytes *out, double real);
/** Adds a value by its type: object links as text, time as an untagged number. */
void cbor_add_value(struct bytes *out, const struct value *value);
