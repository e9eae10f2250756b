/**
 * A typed LwM2M value (Core, appendix C) and its conversions.
 *
 * A decoder of a self-describing format (JSON, CBOR) yields a scalar: what stands in the
 * payload. value_from_scalar() makes it a value of the type that the object definition
 * asks for, or refuses. value_parse() and value_format() are the text form of text/plain.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/bytes.h"

enum value_type {
    VALUE_NONE,
    VALUE_STRING,
    VALUE_INTEGER,
    VALUE_UNSIGNED,
    VALUE_FLOAT,
    VALUE_BOOLEAN,
    VALUE_OPAQUE,
    VALUE_TIME, /**< seconds since 1970, kept in .integer */
    VALUE_OBJLNK,
    VALUE_CORELNK,
};

struct value {
    enum value_type type;
    int64_t integer;
    uint64_t natural;
    double real;
    bool boolean;
    uint16_t object, instance; /**< of an object link */
    struct bytes bytes;        /**< of string, core link, opaque; owned */
};

enum scalar_kind {
    SCALAR_NONE,
    SCALAR_INTEGER,
    SCALAR_REAL,
    SCALAR_BOOLEAN,
    SCALAR_TEXT,
    SCALAR_BYTES,
};

struct scalar {
    enum scalar_kind kind;
    bool negative;      /**< integer: the value is -magnitude */
    uint64_t magnitude; /**< integer */
    double real;
    bool boolean;
    struct bytes bytes; /**< text or bytes; owned */
};

void value_deinit(struct value *value);
void value_copy(struct value *target, const struct value *source);
bool value_is_number(enum value_type type);
/** The number of a numeric value; 0 for others. */
double value_number(const struct value *value);

/**
 * Reads the text/plain form (opaque: base64).
 * @param[out] value  the caller's; on failure empty
 * @return 0 or -EBADMSG
 */
[[nodiscard]] int value_parse(enum value_type type, const char *text, size_t len,
                              struct value *value);
/** Adds the text/plain form to @p out. Floats: the shortest text that reads back the same. */
void value_format(const struct value *value, struct bytes *out);

/** Adds a JSON number, or for NaN and infinities the nearest thing JSON has. */
void value_format_real(double real, struct bytes *out);

/** @return 0 or -EBADMSG (kind or range does not fit the type); value as in value_parse */
[[nodiscard]] int value_from_scalar(enum value_type type, const struct scalar *scalar,
                                    struct value *value);
void scalar_deinit(struct scalar *scalar);
