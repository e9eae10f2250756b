/**
 * A small JSON reader (RFC 8259) for the two JSON formats of LwM2M: arrays of flat objects.
 *
 * It keeps 64-bit integers exact, and remembers its first error: check err once at the end.
 */
#pragma once

#include "test/sim/value.h"

struct json_reader {
    const char *at, *end;
    int err; /**< 0 or -EBADMSG */
};

/** Takes the next character if it is @p token (after blanks). */
bool json_take(struct json_reader *in, char token);
/** Like json_take, but anything else is an error. */
void json_expect(struct json_reader *in, char token);
/** Reads a string into @p text, which must be empty; UTF-8, escapes resolved. */
void json_read_string(struct json_reader *in, struct bytes *text);
/** Reads a string, a number, true, false or null into @p scalar, which must be empty. */
void json_read_scalar(struct json_reader *in, struct scalar *scalar);
/** Whether nothing but blanks is left. */
bool json_at_end(struct json_reader *in);

/** Adds @p text as a JSON string, quotes included. */
void json_add_string(struct bytes *out, const uint8_t *text, size_t len);

/** The member names by which one of the JSON formats tells the types of values apart. */
struct json_members {
    const char *number, *text, *boolean, *opaque, *link;
    bool url_base64; /**< opaque in the URL-safe alphabet, without padding */
};

/** Adds @p value as one member, "v":1. */
void json_add_value(struct bytes *out, const struct json_members *members,
                    const struct value *value);
