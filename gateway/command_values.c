/*
 * The values of writes and creates: JSON and the name of a type in, records out.
 */
#include "gateway/command_reader.h"

#include "lwm2m/content/json_exact.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a value stands, for reasons: "data" or "data.content[3]". */
struct place {
    char text[40];
};

/* --- types --- */

static enum lwm2m_type type_of_json(const struct cJSON *item)
{
    struct lwm2m_value number;
    if (lwm2m_json_number(item, &number) == 0) {
        return number.type;
    }
    return cJSON_IsBool(item) ? LWM2M_TYPE_BOOLEAN : LWM2M_TYPE_STRING;
}

/* The type that is read: the command's, else the definition's, else what the JSON looks like. */
static enum lwm2m_type choose_type(struct command_reader *reader, const struct cJSON *entry,
                                   const struct place *place, const struct lwm2m_path *path)
{
    const struct cJSON *name = command_member(entry, "type");
    enum lwm2m_type type = LWM2M_TYPE_NONE;
    struct command_resource resource;
    if (name != NULL) {
        if (!cJSON_IsString(name)) {
            command_reject(reader, "%s.type must be a string", place->text);
        } else if (lwm2m_type_by_name(name->valuestring, &type) != 0 || type == LWM2M_TYPE_NONE ||
                   type == LWM2M_TYPE_UNTYPED) {
            command_reject(
                reader,
                "%s.type %s is none of String, Integer, Unsigned Integer, Float, Boolean, "
                "Opaque, Time, Objlnk, Corelnk",
                place->text, command_quote(name->valuestring).text);
        }
        return type;
    }
    if (reader->context->resource != NULL &&
        reader->context->resource(reader->context->ctx, path->ids[0], path->ids[2], &resource) &&
        resource.type != LWM2M_TYPE_NONE) {
        return resource.type;
    }
    return type_of_json(command_member(entry, "value"));
}

/* --- values --- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int from_hex(struct command_reader *reader, const char *text, struct lwm2m_value *value)
{
    size_t len = strlen(text);
    if (len % 2 != 0) {
        return -EINVAL;
    }
    uint8_t *bytes = lwm2m_records_alloc(&reader->command->records, len / 2);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = digit_of(text[2 * i]);
        int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return -EINVAL;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    value->bytes = (struct lwm2m_bytes){ bytes, len / 2 };
    return 0;
}

static bool is_text_type(enum lwm2m_type type)
{
    return type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_CORELNK;
}

static int from_string(struct command_reader *reader, enum lwm2m_type type, const char *text,
                       struct lwm2m_value *value)
{
    value->type = type;
    if (reader->hex && (is_text_type(type) || type == LWM2M_TYPE_OPAQUE)) {
        int err = from_hex(reader, text, value);
        bool valid = type == LWM2M_TYPE_OPAQUE || err != 0 ||
                     lwm2m_utf8_valid(value->bytes.data, value->bytes.len);
        return valid ? err : -EINVAL;
    }
    if (is_text_type(type)) {
        const char *copy = command_keep(reader, text, strlen(text));
        value->bytes = (struct lwm2m_bytes){ (const uint8_t *)copy, strlen(text) };
        return copy != NULL ? 0 : -ENOMEM;
    }
    return lwm2m_value_from_text(type, text, strlen(text), &reader->command->records, value);
}

/* A number as any type that can hold it without loss; as a Float it becomes the nearest double. */
static int from_number(struct command_reader *reader, enum lwm2m_type type,
                       const struct lwm2m_value *number, struct lwm2m_value *value)
{
    if (is_text_type(type)) {
        char text[LWM2M_NUMBER_TEXT_MAX];
        text[lwm2m_value_format(number, text)] = '\0';
        return from_string(reader, type, text, value);
    }
    *value = *number;
    if (type == LWM2M_TYPE_FLOAT && number->type == LWM2M_TYPE_INTEGER) {
        *value = (struct lwm2m_value){ .type = type, .number = (double)number->integer };
    } else if (type == LWM2M_TYPE_FLOAT && number->type == LWM2M_TYPE_UNSIGNED) {
        *value = (struct lwm2m_value){ .type = type, .number = (double)number->unsigned_integer };
    }
    return lwm2m_value_convert(value, type, &reader->command->records);
}

static int from_json(struct command_reader *reader, enum lwm2m_type type, const struct cJSON *item,
                     struct lwm2m_value *value)
{
    struct lwm2m_value number;
    if (cJSON_IsString(item)) {
        return from_string(reader, type, item->valuestring, value);
    }
    if (cJSON_IsBool(item) && is_text_type(type)) {
        return from_string(reader, type, cJSON_IsTrue(item) ? "true" : "false", value);
    }
    if (cJSON_IsBool(item)) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_BOOLEAN, .boolean = cJSON_IsTrue(item) };
        return lwm2m_value_convert(value, type, &reader->command->records);
    }
    int err = lwm2m_json_number(item, &number);
    return err != 0 ? err : from_number(reader, type, &number, value);
}

static void reject_value(struct command_reader *reader, const struct place *place,
                         enum lwm2m_type type, const struct cJSON *item, int err)
{
    char *text = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
    const char *shown = cJSON_IsString(item) ? item->valuestring : text;
    if (err == -ENOMEM || shown == NULL) {
        reader->err = -ENOMEM;
    } else if (err == -ERANGE) {
        command_reject(reader, "%s.value %s is out of range for %s", place->text,
                       command_quote(shown).text, lwm2m_type_name(type));
    } else {
        command_reject(reader, "%s.value %s is not a value of type %s", place->text,
                       command_quote(shown).text, lwm2m_type_name(type));
    }
    cJSON_free(text);
}

/* The record of a path; an earlier one is used again, so that the last value counts. */
static struct lwm2m_record *record_for(struct command_reader *reader, const struct lwm2m_path *path)
{
    struct lwm2m_records *records = &reader->command->records;
    for (size_t i = 0; i < records->count; i++) {
        if (lwm2m_path_equal(&records->items[i].path, path)) {
            return &records->items[i];
        }
    }
    struct lwm2m_record *record = lwm2m_records_add(records);
    if (record == NULL) {
        command_reject(reader, "data.content has too many values");
    } else {
        record->path = *path;
    }
    return record;
}

/* What the range of a definition is about: the number, or how long the text or the bytes are. */
static double measure(const struct lwm2m_value *value)
{
    double characters = 0;
    switch (value->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        return (double)value->integer;
    case LWM2M_TYPE_UNSIGNED:
        return (double)value->unsigned_integer;
    case LWM2M_TYPE_FLOAT:
        return value->number;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        for (size_t i = 0; i < value->bytes.len; i++) {
            characters += (value->bytes.data[i] & 0xc0) != 0x80;
        }
        return characters;
    case LWM2M_TYPE_OPAQUE:
        return (double)value->bytes.len;
    default:
        return NAN; /* no range is about it */
    }
}

/*
 * The value in the type of its definition, which is how the device reads a format without types:
 * a TLV of one byte C8 is 200 or -56. A command that says String for an Opaque means its bytes.
 */
static int fit_type(struct command_reader *reader, enum lwm2m_type type, struct lwm2m_value *value)
{
    if (type == LWM2M_TYPE_OPAQUE && is_text_type(value->type)) {
        value->type = type;
        return 0;
    }
    return type == LWM2M_TYPE_NONE ? 0
                                   : lwm2m_value_convert(value, type, &reader->command->records);
}

/* What the definition forbids; a new instance may come with values that can only be read. */
static void check_definition(struct command_reader *reader, const struct place *place,
                             struct lwm2m_record *record)
{
    const struct lwm2m_path *path = &record->path;
    struct command_resource resource;
    if (reader->force || reader->context->resource == NULL ||
        !reader->context->resource(reader->context->ctx, path->ids[0], path->ids[2], &resource)) {
        return;
    }
    if (!resource.writable && reader->command->request.operation != LWM2M_CREATE) {
        command_reject_access(reader, path, "written");
        return;
    }
    int err = fit_type(reader, resource.type, &record->value);
    if (err != 0) {
        command_reject(reader,
                       "%s.value: by its definition, resource %u of object %u is of type %s",
                       place->text, path->ids[2], path->ids[0], lwm2m_type_name(resource.type));
        reader->err = err == -ENOMEM ? err : reader->err;
        return;
    }
    double size = measure(&record->value);
    if (resource.has_range && (size < resource.min || size > resource.max)) {
        bool is_length = is_text_type(resource.type) || resource.type == LWM2M_TYPE_OPAQUE;
        command_reject(reader,
                       "%s.value: the %s %.15g is not in the range %.15g..%.15g of resource "
                       "%u of object %u",
                       place->text, is_length ? "length" : "value", size, resource.min,
                       resource.max, path->ids[2], path->ids[0]);
    }
}

/* Reads `value` and `type` of data itself or of an entry of its content. */
static void read_entry(struct command_reader *reader, const struct cJSON *entry,
                       const struct place *place, const struct lwm2m_path *path)
{
    const struct cJSON *item = command_member(entry, "value");
    if (item == NULL) {
        command_reject(reader, "missing member \"%s.value\"", place->text);
        return;
    }
    if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        command_reject(reader, "%s.value must be a string, a number or a boolean", place->text);
        return;
    }
    enum lwm2m_type type = choose_type(reader, entry, place, path);
    struct lwm2m_record *record = reader->err == 0 ? record_for(reader, path) : NULL;
    if (record == NULL) {
        return;
    }
    int err = from_json(reader, type, item, &record->value);
    if (err != 0) {
        reject_value(reader, place, type, item, err);
        return;
    }
    check_definition(reader, place, record);
}

void command_read_value(struct command_reader *reader)
{
    static const struct place place = { "data" };
    read_entry(reader, reader->data, &place, &reader->command->request.path);
}

/* --- content --- */

/* `path` as it stands, when it is below (or is) a resource of the base. */
static bool is_absolute(const struct lwm2m_path *path, const struct lwm2m_path *base)
{
    return path->depth >= 3 && path->depth >= base->depth && lwm2m_path_is_within(path, base);
}

/*
 * The whole path of an entry: absolute, or relative to the base. Below an object alone one level is
 * a resource of an instance that the device will number.
 */
static bool resolve(const struct lwm2m_path *base, const struct lwm2m_path *path,
                    struct lwm2m_path *whole)
{
    if (is_absolute(path, base)) {
        *whole = *path;
        return true;
    }
    *whole = *base;
    if (base->depth == 1 && path->depth == 1) {
        whole->ids[whole->depth++] = LWM2M_ID_ANY;
    }
    if (whole->depth + path->depth > 4) {
        return false;
    }
    for (uint8_t i = 0; i < path->depth; i++) {
        whole->ids[whole->depth++] = path->ids[i];
    }
    return whole->depth >= 3;
}

static void read_content_entry(struct command_reader *reader, const struct cJSON *entry,
                               size_t index)
{
    struct place place;
    struct lwm2m_path path;
    struct lwm2m_path whole;
    (void)snprintf(place.text, sizeof(place.text), "data.content[%zu]", index);
    if (!cJSON_IsObject(entry)) {
        command_reject(reader, "%s must be an object", place.text);
        return;
    }
    const struct cJSON *item = command_member(entry, "path");
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    if (item != NULL && !cJSON_IsString(item)) {
        command_reject(reader, "%s.path must be a string", place.text);
    } else if (item == NULL && reader->command->request.path.depth < 3) {
        command_reject(reader, "missing member \"%s.path\"", place.text);
    } else if (lwm2m_path_parse(text, strlen(text), &path) != 0 ||
               !resolve(&reader->command->request.path, &path, &whole)) {
        bool has_base = reader->command->request.path.depth > 0;
        command_reject(reader, "%s.path %s names no resource%s", place.text,
                       command_quote(text).text, has_base ? " below data.basePath" : "");
    } else {
        read_entry(reader, entry, &place, &whole);
    }
}

/* A new instance without values is only named. */
static void name_instance(struct command_reader *reader)
{
    const struct lwm2m_path *path = &reader->command->request.path;
    if (path->depth == 2) {
        (void)record_for(reader, path);
    }
}

static void read_path_entry(struct command_reader *reader, const struct cJSON *entry, size_t index)
{
    struct lwm2m_path path;
    const char *text = cJSON_IsString(entry) ? entry->valuestring : "";
    if (lwm2m_path_parse(text, strlen(text), &path) != 0 || path.depth == 0) {
        command_reject(reader, "data.paths[%zu] is not a path such as \"/3/0/1\"", index);
    } else {
        (void)record_for(reader, &path);
    }
}

void command_read_paths(struct command_reader *reader)
{
    const struct cJSON *paths = command_member(reader->data, "paths");
    if (!cJSON_IsArray(paths) || paths->child == NULL) {
        command_reject(reader, paths == NULL
                                   ? "missing member \"data.paths\""
                                   : "data.paths must be an array with at least one path");
        return;
    }
    size_t index = 0;
    for (const struct cJSON *entry = paths->child; entry != NULL && reader->err == 0;
         entry = entry->next) {
        read_path_entry(reader, entry, index++);
    }
}

void command_read_content(struct command_reader *reader, bool may_be_empty)
{
    const struct cJSON *content = command_member(reader->data, "content");
    bool is_empty = content == NULL || (cJSON_IsArray(content) && content->child == NULL) ||
                    (cJSON_IsString(content) && content->valuestring[0] == '\0');
    if (is_empty && may_be_empty) {
        name_instance(reader);
        return;
    }
    if (content == NULL) {
        command_reject(reader, "missing member \"data.content\"");
        return;
    }
    if (!cJSON_IsArray(content) || is_empty) {
        command_reject(reader, "data.content must be an array with at least one value");
        return;
    }
    size_t index = 0;
    for (const struct cJSON *entry = content->child; entry != NULL && reader->err == 0;
         entry = entry->next) {
        read_content_entry(reader, entry, index++);
    }
}
