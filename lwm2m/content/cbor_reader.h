/*
 * CBOR (RFC 8949) as the formats of LwM2M read it: item by item, in place, with everything that
 * devices do: definite and indefinite lengths, tags, floats of every size. Built on libcbor's
 * streaming decoder, which allocates nothing.
 */
#pragma once

#include "lwm2m/content/value.h"

enum lwm2m_cbor_kind {
    LWM2M_CBOR_UNSIGNED, /* number; a bignum (tags 2 and 3) as well */
    LWM2M_CBOR_NEGATIVE, /* -1 - number */
    LWM2M_CBOR_FLOAT,    /* real; a bignum beyond 64 bits as well */
    LWM2M_CBOR_BOOLEAN,  /* number: 0 or 1 */
    LWM2M_CBOR_NULL,     /* undefined as well */
    LWM2M_CBOR_BYTES,    /* bytes */
    LWM2M_CBOR_TEXT,     /* bytes */
    LWM2M_CBOR_ARRAY,    /* container */
    LWM2M_CBOR_MAP,      /* container */
};

/** How many items (of a map: pairs) of a container are still to be read. */
struct lwm2m_cbor_container {
    bool indefinite;
    uint64_t left; /* unless it is indefinite */
};

struct lwm2m_cbor_item {
    enum lwm2m_cbor_kind kind;
    uint64_t number;
    double real;
    struct lwm2m_bytes bytes; /* in the payload, or in the records' memory if it came in pieces */
    struct lwm2m_cbor_container container;
    bool has_time_tag;    /* tag 0 or 1: a date as text, seconds since the epoch */
    bool has_decimal_tag; /* tag 4: [exponent, mantissa] */
};

struct lwm2m_cbor_reader {
    const uint8_t *next;
    const uint8_t *end;
    struct lwm2m_records *records; /* memory for strings that come in pieces */
    int err;                       /* 0, -EBADMSG, -ENOMEM; sticks */
};

void lwm2m_cbor_reader_init(struct lwm2m_cbor_reader *reader, const uint8_t *payload, size_t len,
                            struct lwm2m_records *records);

/** Reads an item, of a container only its head; false after an error, the end of the payload is
 * one. */
bool lwm2m_cbor_read(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item);

/** As lwm2m_cbor_read(), but a decimal fraction is the number that it says, not an array. */
bool lwm2m_cbor_read_value(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_item *item);

/** Whether a container has another item; takes the end of one that has not. */
bool lwm2m_cbor_more(struct lwm2m_cbor_reader *reader, struct lwm2m_cbor_container *container);

/** Passes over an item with all that is in it, up to 16 levels deep. */
void lwm2m_cbor_skip(struct lwm2m_cbor_reader *reader);

/**
 * The value of an item: INTEGER, UNSIGNED (only beyond int64), FLOAT, BOOLEAN, STRING, OPAQUE,
 * NONE (null), TIME (only by a tag).
 *
 * @return 0, or -EBADMSG (a container)
 */
[[nodiscard]] int lwm2m_cbor_value(const struct lwm2m_cbor_item *item, struct lwm2m_value *value);
