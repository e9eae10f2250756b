/*
 * The values of LwM2M: data types (Core TS, Appendix C), paths and records.
 *
 * A record is one value at one path, perhaps with a time of its own: what every content format
 * carries, whatever it looks like on the wire. Decoders fill a list of records, encoders read
 * one. Strings and opaque bytes are borrowed: they point into the payload that was decoded or
 * into the list's own arena, and live as long as the shorter-lived of the two.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lwm2m_type {
    LWM2M_TYPE_NONE =
        0, /* no value: an executable resource, null, or a record that only names a path */
    LWM2M_TYPE_STRING,
    LWM2M_TYPE_INTEGER,
    LWM2M_TYPE_UNSIGNED,
    LWM2M_TYPE_FLOAT,
    LWM2M_TYPE_BOOLEAN,
    LWM2M_TYPE_OPAQUE,
    LWM2M_TYPE_TIME, /* seconds since 1970-01-01 UTC, signed */
    LWM2M_TYPE_OBJLNK,
    LWM2M_TYPE_CORELNK,
    LWM2M_TYPE_UNTYPED, /* bytes whose type neither the format nor a definition tells */
};

/** Name of a type as commands and definitions write it ("Unsigned Integer"); never NULL. */
const char *lwm2m_type_name(enum lwm2m_type type);

/**
 * Type by its name, any case; blanks and '_' between words are optional.
 *
 * @return 0, or -ENOENT when there is no such type
 */
[[nodiscard]] int lwm2m_type_by_name(const char *name, enum lwm2m_type *type);

/** Whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool lwm2m_utf8_valid(const uint8_t *data, size_t len);

/** Borrowed bytes; not terminated. */
struct lwm2m_bytes {
    const uint8_t *data;
    size_t len;
};

struct lwm2m_value {
    enum lwm2m_type type;
    union {
        int64_t integer;           /* INTEGER, TIME */
        uint64_t unsigned_integer; /* UNSIGNED */
        double number;             /* FLOAT */
        bool boolean;              /* BOOLEAN */
        struct lwm2m_bytes bytes;  /* STRING, CORELNK (UTF-8), OPAQUE, UNTYPED */
        struct {
            uint16_t object;
            uint16_t instance;
        } link; /* OBJLNK; 65535:65535 is the null link */
    };
};

/** Whether type and content are the same; a NaN equals any NaN, -0 does not equal 0. */
bool lwm2m_value_equal(const struct lwm2m_value *a, const struct lwm2m_value *b);

/* Room for the text of any number or link, with its terminator. */
#define LWM2M_NUMBER_TEXT_MAX 32

/**
 * Writes the shortest decimal that reads back as the same double: "25", "0.1", "1e-7", "-0";
 * all of them JSON numbers, but for "NaN", "Infinity" and "-Infinity".
 *
 * @return the length of the text, without its terminator
 */
size_t lwm2m_value_format_double(double number, char text[LWM2M_NUMBER_TEXT_MAX]);

/**
 * Writes a value as text/plain has it (Core TS 7.4.1): INTEGER, TIME, UNSIGNED, FLOAT, BOOLEAN
 * ("0", "1") and OBJLNK ("65:0"). Nothing for the other types.
 *
 * @return the length of the text, without its terminator
 */
size_t lwm2m_value_format(const struct lwm2m_value *value, char text[LWM2M_NUMBER_TEXT_MAX]);

/* 65535 is reserved as an id (Core TS 7.2): here it stands for "the device chooses" in a Create. */
#define LWM2M_ID_ANY 0xffff

/** Path of the data model: object, instance, resource, resource instance; depth 0 is the root "/".
 */
struct lwm2m_path {
    uint16_t ids[4];
    uint8_t depth; /* how many ids are valid, 0..4 */
};

/* Longest text of a path with its terminator: "/65535/65535/65535/65535". */
#define LWM2M_PATH_TEXT_MAX 25

/**
 * Reads a path: "/3/0/1", "3/0", "/", ""; one trailing slash is allowed.
 *
 * @return 0, or -EINVAL (not a number, an id above 65534, more than four levels, "//")
 */
[[nodiscard]] int lwm2m_path_parse(const char *text, size_t len, struct lwm2m_path *path);

/** Writes a path with its leading slash ("/" for the root) and a terminator; returns its length. */
size_t lwm2m_path_format(const struct lwm2m_path *path, char text[LWM2M_PATH_TEXT_MAX]);

/** Whether `path` is `ancestor` itself or below it. */
bool lwm2m_path_is_within(const struct lwm2m_path *path, const struct lwm2m_path *ancestor);

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b);

struct lwm2m_record {
    struct lwm2m_path path; /* absolute, without the device's alternate path */
    struct lwm2m_value value;
    bool has_time;
    double time_s; /* when the value was measured, seconds since the epoch; only with has_time */
};

/**
 * A list of records with the memory of their values; in the caller's memory.
 * `items` and `count` are read directly, all else belongs to records.c.
 */
struct lwm2m_records {
    struct lwm2m_record *items;
    size_t count;
    size_t capacity;
    size_t max_count;          /* a payload with more records is refused */
    struct lwm2m_arena *arena; /* chunks of memory that values point into */
};

/** @param max_count  bound on the number of records, > 0 */
void lwm2m_records_init(struct lwm2m_records *records, size_t max_count);
void lwm2m_records_deinit(struct lwm2m_records *records);

/** Empties the list; keeps its memory for the next payload. */
void lwm2m_records_clear(struct lwm2m_records *records);

/** Appends a zeroed record; NULL when max_count is reached or memory is short. */
struct lwm2m_record *lwm2m_records_add(struct lwm2m_records *records);

/** `len` bytes (at least 1 is reserved) that live until clear or deinit; NULL when memory is short.
 */
uint8_t *lwm2m_records_alloc(struct lwm2m_records *records, size_t len);
