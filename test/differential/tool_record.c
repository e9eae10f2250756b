/*
 * Records to words and back, with the C library alone.
 */
#include "test/differential/tool_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [LWM2M_TYPE_NONE] = "none",       [LWM2M_TYPE_STRING] = "string",
    [LWM2M_TYPE_INTEGER] = "int",     [LWM2M_TYPE_UNSIGNED] = "uint",
    [LWM2M_TYPE_FLOAT] = "float",     [LWM2M_TYPE_BOOLEAN] = "bool",
    [LWM2M_TYPE_OPAQUE] = "opaque",   [LWM2M_TYPE_TIME] = "time",
    [LWM2M_TYPE_OBJLNK] = "objlnk",   [LWM2M_TYPE_CORELNK] = "corelnk",
    [LWM2M_TYPE_UNTYPED] = "untyped",
};

static double double_of_bits(const char *text)
{
    double number;
    uint64_t bits = strtoull(text, NULL, 16);
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static void write_double(FILE *out, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    fprintf(out, "%016" PRIx64, bits);
}

bool tool_path_parse(const char *word, struct lwm2m_path *path)
{
    *path = (struct lwm2m_path){ .depth = 0 };
    while (word[0] == '/' && word[1] != '\0') {
        char *end;
        unsigned long id = strtoul(word + 1, &end, 10);
        if (end == word + 1 || id > UINT16_MAX || path->depth == 4) {
            return false;
        }
        path->ids[path->depth++] = (uint16_t)id;
        word = end;
    }
    return word[0] == '\0' || strcmp(word, "/") == 0;
}

bool tool_bytes_parse(const char *word, struct lwm2m_records *records, struct lwm2m_bytes *bytes)
{
    size_t len = strcmp(word, "-") == 0 ? 0 : strlen(word);
    uint8_t *data = lwm2m_records_alloc(records, len / 2);
    if (data == NULL || len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i += 2) {
        char digits[3] = { word[i], word[i + 1], '\0' };
        char *end;
        data[i / 2] = (uint8_t)strtoul(digits, &end, 16);
        if (*end != '\0') {
            return false;
        }
    }
    *bytes = (struct lwm2m_bytes){ data, len / 2 };
    return true;
}

static bool parse_value(const char *word, struct lwm2m_records *records, struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_NONE:
        return word[0] == '\0';
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        value->integer = strtoll(word, NULL, 10);
        return true;
    case LWM2M_TYPE_UNSIGNED:
        value->unsigned_integer = strtoull(word, NULL, 10);
        return true;
    case LWM2M_TYPE_FLOAT:
        value->number = double_of_bits(word);
        return true;
    case LWM2M_TYPE_BOOLEAN:
        value->boolean = word[0] == '1';
        return true;
    case LWM2M_TYPE_OBJLNK:
        return sscanf(word, "%" SCNu16 ":%" SCNu16, &value->link.object, &value->link.instance) ==
               2;
    default:
        return tool_bytes_parse(word, records, &value->bytes);
    }
}

static bool parse_type(const char *name, enum lwm2m_type *type)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (strcmp(type_names[i], name) == 0) {
            *type = (enum lwm2m_type)i;
            return true;
        }
    }
    return false;
}

bool tool_record_parse(char *word, struct lwm2m_records *records)
{
    struct lwm2m_record *record = lwm2m_records_add(records);
    char *time = strchr(word, '@');
    char *type = strchr(word, ':');
    char *value = type != NULL ? strchr(type + 1, ':') : NULL;
    if (record == NULL || value == NULL) {
        return false;
    }
    *type++ = '\0';
    *value++ = '\0';
    if (time != NULL) {
        *time++ = '\0';
        record->has_time = true;
        record->time_s = double_of_bits(time);
    }
    return tool_path_parse(word, &record->path) && parse_type(type, &record->value.type) &&
           parse_value(value, records, &record->value);
}

void tool_bytes_write(FILE *out, struct lwm2m_bytes bytes)
{
    if (bytes.len == 0) {
        fputc('-', out);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        fprintf(out, "%02x", bytes.data[i]);
    }
}

static void write_value(FILE *out, const struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_NONE:
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        fprintf(out, "%" PRId64, value->integer);
        break;
    case LWM2M_TYPE_UNSIGNED:
        fprintf(out, "%" PRIu64, value->unsigned_integer);
        break;
    case LWM2M_TYPE_FLOAT:
        write_double(out, value->number);
        break;
    case LWM2M_TYPE_BOOLEAN:
        fputc(value->boolean ? '1' : '0', out);
        break;
    case LWM2M_TYPE_OBJLNK:
        fprintf(out, "%u:%u", (unsigned)value->link.object, (unsigned)value->link.instance);
        break;
    default:
        tool_bytes_write(out, value->bytes);
        break;
    }
}

void tool_record_write(FILE *out, const struct lwm2m_record *record)
{
    for (uint8_t i = 0; i < record->path.depth; i++) {
        fprintf(out, "/%u", (unsigned)record->path.ids[i]);
    }
    fprintf(out, "%s:%s:", record->path.depth == 0 ? "/" : "", type_names[record->value.type]);
    write_value(out, &record->value);
    if (record->has_time) {
        fputc('@', out);
        write_double(out, record->time_s);
    }
}
