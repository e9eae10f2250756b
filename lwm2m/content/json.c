/*
 * The JSON of LwM2M 1.0 (Core TS 1.0, 6.4.4; content format 11543): a base name, a base time and
 * a list of entries. Its strings hold opaque bytes as well, in base64: only a definition can tell.
 */
#include "lwm2m/content/format.h"
#include "lwm2m/content/json_exact.h"
#include "lwm2m/content/json_write.h"
#include "lwm2m/content/senml.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <string.h>

/* Longest base name that can be one: an alternate root and a path. */
#define BASE_NAME_MAX 512

struct decoder {
    const struct lwm2m_content_context *context;
    struct lwm2m_records *records;
    char base_name[BASE_NAME_MAX];
    size_t base_name_len;
    bool has_base_name;
    bool has_base_time;
    double base_time;
};

struct entry {
    struct lwm2m_bytes name;
    bool has_time;
    double time;
    bool has_value;
    struct lwm2m_value value;
};

static struct lwm2m_bytes bytes_of(const cJSON *item)
{
    return (struct lwm2m_bytes){ (const uint8_t *)item->valuestring, strlen(item->valuestring) };
}

/* Without a base name, names are relative to the path of the request. */
static int read_base(struct decoder *decoder, const cJSON *pack)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(pack, "bn");
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(pack, "bt");

    if (name == NULL) {
        decoder->base_name_len = lwm2m_path_format(&decoder->context->base, decoder->base_name);
    } else if (!cJSON_IsString(name) || strlen(name->valuestring) >= BASE_NAME_MAX) {
        return -EBADMSG;
    } else {
        decoder->has_base_name = true;
        decoder->base_name_len = strlen(name->valuestring);
        memcpy(decoder->base_name, name->valuestring, decoder->base_name_len);
    }
    if (time != NULL) {
        decoder->has_base_time = true;
        return lwm2m_json_double(time, &decoder->base_time) == 0 ? 0 : -EBADMSG;
    }
    return 0;
}

typedef int read_member(struct decoder *decoder, const cJSON *item, struct entry *entry);

static int read_name(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    (void)decoder;
    if (!cJSON_IsString(item)) {
        return -EBADMSG;
    }
    entry->name = bytes_of(item);
    return 0;
}

static int read_time(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    (void)decoder;
    entry->has_time = true;
    return lwm2m_json_double(item, &entry->time) == 0 ? 0 : -EBADMSG;
}

static int read_number(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    (void)decoder;
    return lwm2m_json_number(item, &entry->value) == 0 ? 0 : -EBADMSG;
}

static int read_boolean(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    (void)decoder;
    entry->value =
        (struct lwm2m_value){ .type = LWM2M_TYPE_BOOLEAN, .boolean = cJSON_IsTrue(item) };
    return cJSON_IsBool(item) ? 0 : -EBADMSG;
}

static int read_string(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    if (!cJSON_IsString(item)) {
        return -EBADMSG;
    }
    struct lwm2m_bytes text = bytes_of(item);
    entry->value.type = LWM2M_TYPE_STRING;
    return lwm2m_content_copy(text.data, text.len, decoder->records, &entry->value.bytes);
}

static int read_link(struct decoder *decoder, const cJSON *item, struct entry *entry)
{
    if (!cJSON_IsString(item)) {
        return -EBADMSG;
    }
    struct lwm2m_bytes text = bytes_of(item);
    int err = lwm2m_value_from_text(LWM2M_TYPE_OBJLNK, item->valuestring, text.len,
                                    decoder->records, &entry->value);
    return err == 0 ? 0 : -EBADMSG;
}

static const struct {
    const char *name;
    bool is_value;
    read_member *read;
} members[] = {
    { "n", false, read_name },    { "v", true, read_number }, { "sv", true, read_string },
    { "bv", true, read_boolean }, { "ov", true, read_link },  { "t", false, read_time },
};

static int read_entry(struct decoder *decoder, const cJSON *object, struct entry *entry)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            if (strcmp(members[i].name, item->string) != 0) {
                continue;
            }
            if (members[i].is_value && entry->has_value) {
                return -EBADMSG;
            }
            entry->has_value |= members[i].is_value;
            int err = members[i].read(decoder, item, entry);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

/* Some old clients leave the base name out and write whole paths. */
static bool is_whole_path(const struct decoder *decoder, struct lwm2m_bytes name,
                          struct lwm2m_path *path)
{
    static const struct lwm2m_bytes no_base = { (const uint8_t *)"", 0 };

    return !decoder->has_base_name && name.len > 0 && name.data[0] == '/' &&
           lwm2m_senml_path(decoder->context, no_base, name, path) == 0 &&
           lwm2m_path_is_within(path, &decoder->context->base);
}

/* Base name and name are segments of one path: exactly one slash joins them, written or not. */
static int entry_path(const struct decoder *decoder, struct lwm2m_bytes name,
                      struct lwm2m_path *path)
{
    char prefix[BASE_NAME_MAX + 1];
    size_t len = decoder->base_name_len;

    if (is_whole_path(decoder, name, path)) {
        return 0;
    }
    memcpy(prefix, decoder->base_name, len);
    if (len > 0 && prefix[len - 1] == '/' && name.len > 0 && name.data[0] == '/') {
        len--;
    } else if (len > 0 && prefix[len - 1] != '/' && name.len > 0 && name.data[0] != '/') {
        prefix[len++] = '/';
    }
    return lwm2m_senml_path(decoder->context, (struct lwm2m_bytes){ (const uint8_t *)prefix, len },
                            name, path);
}

static int add_entry(struct decoder *decoder, const cJSON *object)
{
    struct entry entry = { 0 };
    struct lwm2m_path path;
    struct lwm2m_record *record;

    int err = cJSON_IsObject(object) ? read_entry(decoder, object, &entry) : -EBADMSG;
    if (err == 0) {
        err = entry_path(decoder, entry.name, &path);
    }
    if (err == 0 && (!entry.has_value || path.depth < 3)) {
        err = -EBADMSG;
    }
    if (err == 0) {
        err = lwm2m_content_add(decoder->context, &path, &entry.value, decoder->records, &record);
    }
    if (err == 0 && (decoder->has_base_time || entry.has_time)) {
        record->has_time = true;
        record->time_s = lwm2m_senml_time(decoder->context, decoder->base_time + entry.time);
    }
    return err;
}

static int decode_pack(struct decoder *decoder, const cJSON *pack)
{
    if (!cJSON_IsObject(pack)) {
        return -EBADMSG;
    }
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(pack, "e");
    const cJSON *object;
    int err = cJSON_IsArray(entries) ? read_base(decoder, pack) : -EBADMSG;
    if (err != 0) {
        return err;
    }
    cJSON_ArrayForEach(object, entries)
    {
        err = add_entry(decoder, object);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int lwm2m_json_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                      size_t len, struct lwm2m_records *records)
{
    struct decoder decoder = { .context = context, .records = records };
    if (len == 0) {
        return 0;
    }
    cJSON *pack = lwm2m_json_parse((const char *)payload, len, NULL);
    int err = decode_pack(&decoder, pack);
    cJSON_Delete(pack);
    return err;
}

static const struct lwm2m_json_value_names value_names = {
    .number = "v",
    .boolean = "bv",
    .string = "sv",
    .bytes = "sv",
    .bytes_form = LWM2M_BASE64_STANDARD,
    .link = "ov",
};

static int write_entry(const struct lwm2m_content_context *context,
                       const struct lwm2m_record *record, uint8_t base_depth,
                       struct lwm2m_buffer *payload)
{
    struct lwm2m_senml_name name;

    if (!lwm2m_senml_can_write(context, record) || record->value.type == LWM2M_TYPE_NONE) {
        return -EINVAL;
    }
    lwm2m_senml_write_name("", &record->path, base_depth, &name);
    const char *path = base_depth > 0 ? name.path : name.path + 1;
    size_t path_len = base_depth > 0 ? name.path_len : name.path_len - 1;
    lwm2m_buffer_append_byte(payload, '{');
    lwm2m_json_write_name(payload, "n");
    lwm2m_json_write_string(payload, path, path_len);
    if (record->has_time) {
        lwm2m_json_write_number(payload, "t", lwm2m_senml_time_field(context, record->time_s));
    }
    int err = lwm2m_json_write_value(payload, &value_names, &record->value);
    lwm2m_buffer_append_byte(payload, '}');
    return err;
}

/* Names are written below the object instance: alternate roots came after this format. */
int lwm2m_json_encode(const struct lwm2m_content_context *context,
                      const struct lwm2m_record *records, size_t count,
                      struct lwm2m_buffer *payload)
{
    struct lwm2m_senml_name base;
    uint8_t base_depth = context->base.depth < 2 ? context->base.depth : 2;

    lwm2m_senml_write_base("", &context->base, base_depth, &base);
    lwm2m_buffer_append_byte(payload, '{');
    lwm2m_json_write_name(payload, "bn");
    lwm2m_json_write_string(payload, base.path, base.path_len);
    lwm2m_json_write_name(payload, "e");
    lwm2m_buffer_append_byte(payload, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            lwm2m_buffer_append_byte(payload, ',');
        }
        int err = write_entry(context, &records[i], base_depth, payload);
        if (err != 0) {
            return err;
        }
    }
    lwm2m_buffer_append_text(payload, "]}");
    return payload->err;
}
