/*
 * Definitions and the text of records, for tests.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum lwm2m_type thousand[] = {
    LWM2M_TYPE_STRING,  LWM2M_TYPE_INTEGER, LWM2M_TYPE_UNSIGNED, LWM2M_TYPE_FLOAT,
    LWM2M_TYPE_BOOLEAN, LWM2M_TYPE_OPAQUE,  LWM2M_TYPE_TIME,     LWM2M_TYPE_OBJLNK,
    LWM2M_TYPE_CORELNK, LWM2M_TYPE_NONE,
};

static const struct {
    uint16_t object, resource;
    struct lwm2m_definition definition;
} rows[] = {
    { 1, 0, { LWM2M_TYPE_INTEGER, false } },     { 1, 1, { LWM2M_TYPE_INTEGER, false } },
    { 1, 2, { LWM2M_TYPE_INTEGER, false } },     { 1, 6, { LWM2M_TYPE_BOOLEAN, false } },
    { 1, 7, { LWM2M_TYPE_STRING, false } },      { 3, 0, { LWM2M_TYPE_STRING, false } },
    { 3, 1, { LWM2M_TYPE_STRING, false } },      { 3, 2, { LWM2M_TYPE_STRING, false } },
    { 3, 3, { LWM2M_TYPE_STRING, false } },      { 3, 4, { LWM2M_TYPE_NONE, false } },
    { 3, 6, { LWM2M_TYPE_INTEGER, true } },      { 3, 7, { LWM2M_TYPE_INTEGER, true } },
    { 3, 8, { LWM2M_TYPE_INTEGER, true } },      { 3, 9, { LWM2M_TYPE_INTEGER, false } },
    { 3, 10, { LWM2M_TYPE_INTEGER, false } },    { 3, 11, { LWM2M_TYPE_INTEGER, true } },
    { 3, 13, { LWM2M_TYPE_TIME, false } },       { 3, 14, { LWM2M_TYPE_STRING, false } },
    { 3, 16, { LWM2M_TYPE_STRING, false } },     { 5, 0, { LWM2M_TYPE_OPAQUE, false } },
    { 65, 0, { LWM2M_TYPE_OBJLNK, true } },      { 65, 1, { LWM2M_TYPE_STRING, false } },
    { 65, 2, { LWM2M_TYPE_INTEGER, false } },    { 66, 0, { LWM2M_TYPE_STRING, false } },
    { 66, 1, { LWM2M_TYPE_STRING, false } },     { 66, 2, { LWM2M_TYPE_OBJLNK, false } },
    { 3303, 5700, { LWM2M_TYPE_FLOAT, false } }, { 3303, 5701, { LWM2M_TYPE_STRING, false } },
};

static const struct {
    const char *name;
    enum lwm2m_type type;
} names[] = {
    { "none", LWM2M_TYPE_NONE },       { "string", LWM2M_TYPE_STRING },
    { "int", LWM2M_TYPE_INTEGER },     { "uint", LWM2M_TYPE_UNSIGNED },
    { "float", LWM2M_TYPE_FLOAT },     { "bool", LWM2M_TYPE_BOOLEAN },
    { "opaque", LWM2M_TYPE_OPAQUE },   { "time", LWM2M_TYPE_TIME },
    { "objlnk", LWM2M_TYPE_OBJLNK },   { "corelnk", LWM2M_TYPE_CORELNK },
    { "untyped", LWM2M_TYPE_UNTYPED },
};

enum lwm2m_type fixture_type(uint16_t resource)
{
    return thousand[resource % 10];
}

bool fixture_definition(void *ctx, uint16_t object, uint16_t resource,
                        struct lwm2m_definition *definition)
{
    (void)ctx;
    if (object == 1000 && resource < 20) {
        *definition = (struct lwm2m_definition){ fixture_type(resource), resource >= 10 };
        return true;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].object == object && rows[i].resource == resource) {
            *definition = rows[i].definition;
            return true;
        }
    }
    return false;
}

static const char *type_name(enum lwm2m_type type)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type) {
            return names[i].name;
        }
    }
    return "?";
}

/* Bytes as they are where that can be read, with \xx for the rest and for what separates. */
static void put_bytes(FILE *out, enum lwm2m_type type, struct lwm2m_bytes bytes)
{
    bool is_text = type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        bool is_plain = c >= 0x20 && c != 0x7f && c != ';' && c != '@' && c != '|' && c != '\\';
        if (is_text && is_plain) {
            fputc(c, out);
        } else {
            fprintf(out, is_text ? "\\%02x" : "%02x", c);
        }
    }
}

static void put_record(FILE *out, const struct lwm2m_record *record)
{
    char text[LWM2M_NUMBER_TEXT_MAX > LWM2M_PATH_TEXT_MAX ? LWM2M_NUMBER_TEXT_MAX
                                                          : LWM2M_PATH_TEXT_MAX];
    lwm2m_path_format(&record->path, text);
    fprintf(out, "%s %s", text, type_name(record->value.type));
    switch (record->value.type) {
    case LWM2M_TYPE_NONE:
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_UNTYPED:
        if (record->value.bytes.len > 0) {
            fputc(' ', out);
            put_bytes(out, record->value.type, record->value.bytes);
        }
        break;
    default:
        lwm2m_value_format(&record->value, text);
        fprintf(out, " %s", text);
        break;
    }
    if (record->has_time) {
        lwm2m_value_format_double(record->time_s, text);
        fprintf(out, " @%s", text);
    }
}

void fixture_format(const struct lwm2m_records *records, char *text, size_t size)
{
    text[0] = '\0';
    FILE *out = fmemopen(text, size, "w");
    for (size_t i = 0; i < records->count; i++) {
        fprintf(out, "%s", i > 0 ? "; " : "");
        put_record(out, &records->items[i]);
    }
    fclose(out);
}

static bool parse_bytes(enum lwm2m_type type, const char *text, size_t len,
                        struct lwm2m_records *records, struct lwm2m_value *value)
{
    bool is_text = type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK;
    uint8_t *data = lwm2m_records_alloc(records, len);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = (unsigned char)text[i];
        if (!is_text || text[i] == '\\') {
            i += is_text ? 1 : 0;
            if (i + 2 > len || sscanf(text + i, "%2x", &byte) != 1) {
                return false;
            }
            i++;
        }
        data[used++] = (uint8_t)byte;
    }
    *value = (struct lwm2m_value){ .type = type, .bytes = { data, used } };
    return true;
}

static bool parse_value(const char *text, size_t len, struct lwm2m_records *records,
                        struct lwm2m_value *value)
{
    size_t name_len = strcspn(text, " ;");
    name_len = name_len < len ? name_len : len;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) != name_len || memcmp(names[i].name, text, name_len) != 0) {
            continue;
        }
        enum lwm2m_type type = names[i].type;
        text += name_len + (name_len < len ? 1 : 0);
        len -= name_len + (name_len < len ? 1 : 0);
        if (type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK || type == LWM2M_TYPE_OPAQUE ||
            type == LWM2M_TYPE_UNTYPED) {
            return parse_bytes(type, text, len, records, value);
        }
        return lwm2m_value_from_text(type, text, len, records, value) == 0;
    }
    return false;
}

/* "/65535" is no path to lwm2m_path_parse(), but a Create may name it. */
static bool parse_path(const char *text, size_t len, struct lwm2m_path *path)
{
    const char *any = memmem(text, len, "/65535", 6);
    if (any == NULL) {
        return lwm2m_path_parse(text, len, path) == 0;
    }
    char copy[64] = "";
    size_t before = (size_t)(any - text);
    snprintf(copy, sizeof(copy), "%.*s/0%.*s", (int)before, text, (int)(len - before - 6), any + 6);
    if (lwm2m_path_parse(copy, strlen(copy), path) != 0) {
        return false;
    }
    path->ids[1] = LWM2M_ID_ANY;
    return true;
}

static bool parse_record(const char *text, size_t len, struct lwm2m_records *records)
{
    struct lwm2m_record *record = lwm2m_records_add(records);
    const char *blank = memchr(text, ' ', len);
    if (record == NULL || blank == NULL ||
        !parse_path(text, (size_t)(blank - text), &record->path)) {
        return false;
    }
    const char *at = memchr(text, '@', len);
    if (at != NULL) {
        record->has_time = true;
        record->time_s = strtod(at + 1, NULL);
        len = (size_t)(at - text) - 1;
    }
    size_t skip = (size_t)(blank - text) + 1;
    return parse_value(text + skip, len - skip, records, &record->value);
}

bool fixture_parse(const char *text, struct lwm2m_records *records)
{
    while (*text != '\0') {
        const char *end = strstr(text, "; ");
        size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
        if (!parse_record(text, len, records)) {
            fprintf(stderr, "not a record: %.*s\n", (int)len, text);
            return false;
        }
        text += len + (end != NULL ? 2 : 0);
    }
    return true;
}
