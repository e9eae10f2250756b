/*
 * JSON (RFC 8259) as SenML reads it: item by item, in place, without a tree. Numbers are read
 * exactly; a string without escapes stays in the payload. Control characters inside a string are
 * tolerated, devices do send them; a NUL in one, even as \u0000, is not.
 */
#pragma once

#include "lwm2m/content/value.h"

enum lwm2m_json_kind {
    LWM2M_JSON_NUMBER,  /* number: INTEGER, UNSIGNED (beyond int64) or FLOAT */
    LWM2M_JSON_STRING,  /* text */
    LWM2M_JSON_BOOLEAN, /* boolean */
    LWM2M_JSON_NULL,
    LWM2M_JSON_ARRAY,  /* container */
    LWM2M_JSON_OBJECT, /* container */
};

/** A container whose items are being read. */
struct lwm2m_json_container {
    char closing;
    bool begun; /* an item was read: a comma stands before the next one */
};

struct lwm2m_json_item {
    enum lwm2m_json_kind kind;
    struct lwm2m_value number;
    struct lwm2m_bytes text; /* in the payload, or in the records' memory if it had escapes */
    bool boolean;
    struct lwm2m_json_container container;
};

struct lwm2m_json_reader {
    const char *next;
    const char *end;
    struct lwm2m_records *records; /* memory for strings with escapes */
    int err;                       /* 0, -EBADMSG, -ENOMEM; sticks */
};

void lwm2m_json_reader_init(struct lwm2m_json_reader *reader, const uint8_t *payload, size_t len,
                            struct lwm2m_records *records);

/** Reads a value, of a container only its opening bracket; false after an error, the end of the
 *  payload is one. */
bool lwm2m_json_read(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item);

/** Whether a container has another item; takes the comma before it, or the closing bracket. */
bool lwm2m_json_more(struct lwm2m_json_reader *reader, struct lwm2m_json_container *container);

/** Reads the name of a member and its colon; the value follows. */
bool lwm2m_json_read_name(struct lwm2m_json_reader *reader, struct lwm2m_bytes *name);

/** Passes over the rest of an item that was read: what is in a container, up to 16 levels deep. */
void lwm2m_json_skip(struct lwm2m_json_reader *reader, struct lwm2m_json_item *item);

/** Nothing but blanks may be left. @return 0, or the error that stuck */
[[nodiscard]] int lwm2m_json_reader_end(struct lwm2m_json_reader *reader);
