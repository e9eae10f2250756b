/** OMA JSON (11543; LwM2M 1.0 Core, 6.4.4): {"bn":"/3/0/","e":[{"n":"0","sv":"…"}]}. */
#include <errno.h>
#include <string.h>

#include "test/sim/content.h"
#include "test/sim/json.h"
#include "test/sim/model.h"
#include "test/sim/name.h"

static const struct json_members members = { "v", "sv", "bv", "sv", "ov", false };

void old_json_encode(const struct content *content, struct bytes *out)
{
    bytes_add_text(out, "{\"bn\":\"");
    name_add_base(&content->base, out);
    bytes_add_text(out, "\",");
    if (content->time_s > 0) {
        bytes_printf(out, "\"bt\":%.0f,", content->time_s);
    }
    bytes_add_text(out, "\"e\":[");
    for (size_t i = 0; i < content->count; i++) {
        bytes_add_text(out, i == 0 ? "{\"n\":\"" : ",{\"n\":\"");
        name_add_relative(&content->base, &content->records[i].path, out);
        bytes_add_text(out, "\",");
        json_add_value(out, &members, &content->records[i].value);
        bytes_add_byte(out, '}');
    }
    bytes_add_text(out, "]}");
}

struct entry {
    struct bytes name;
    struct scalar value;
};

static void entry_deinit(struct entry *entry)
{
    bytes_deinit(&entry->name);
    scalar_deinit(&entry->value);
}

static void read_entry_member(struct json_reader *in, struct entry *entry)
{
    struct bytes key = { 0 };
    struct scalar scalar = { 0 };
    json_read_string(in, &key);
    json_expect(in, ':');
    json_read_scalar(in, &scalar);
    const char *name = bytes_text(&key);
    if (strcmp(name, "n") == 0) {
        bytes_deinit(&entry->name);
        entry->name = scalar.bytes;
        scalar.bytes = (struct bytes){ 0 };
    } else if (strcmp(name, "v") == 0 || strcmp(name, "sv") == 0 || strcmp(name, "bv") == 0 ||
               strcmp(name, "ov") == 0) {
        scalar_deinit(&entry->value);
        entry->value = scalar;
        scalar = (struct scalar){ 0 };
    } else if (strcmp(name, "t") != 0) {
        in->err = -EBADMSG;
    }
    scalar_deinit(&scalar);
    bytes_deinit(&key);
}

static int add_entry(const struct bytes *base_name, const struct entry *entry,
                     struct records *records)
{
    struct path path;
    struct value value = { 0 };
    if (name_resolve(base_name, &entry->name, &path) != 0 || path.depth < PATH_RESOURCE) {
        return -EBADMSG;
    }
    enum value_type type = model_type(&path);
    const char *text = (const char *)entry->value.bytes.data;
    bool base64 = type == VALUE_OPAQUE && entry->value.kind == SCALAR_TEXT;
    int err = base64 ? value_parse(type, text, entry->value.bytes.len, &value)
                     : value_from_scalar(type, &entry->value, &value);
    if (err != 0) {
        value_deinit(&value);
        return err;
    }
    records_add_take(records, &path, &value);
    return 0;
}

static void read_entry(struct json_reader *in, const struct bytes *base_name,
                       struct records *records)
{
    struct entry entry = { 0 };
    json_expect(in, '{');
    do {
        read_entry_member(in, &entry);
    } while (in->err == 0 && json_take(in, ','));
    json_expect(in, '}');
    if (in->err == 0 && records != NULL) {
        in->err = add_entry(base_name, &entry, records);
    }
    entry_deinit(&entry);
}

static void read_entries(struct json_reader *in, const struct bytes *base_name,
                         struct records *records)
{
    json_expect(in, '[');
    if (json_take(in, ']')) {
        return;
    }
    do {
        read_entry(in, base_name, records);
    } while (in->err == 0 && json_take(in, ','));
    json_expect(in, ']');
}

static void read_pack_member(struct json_reader *in, struct bytes *base_name,
                             struct records *records)
{
    struct bytes key = { 0 };
    struct scalar scalar = { 0 };
    json_read_string(in, &key);
    json_expect(in, ':');
    const char *name = bytes_text(&key);
    if (strcmp(name, "e") == 0) {
        read_entries(in, base_name, records);
    } else if (strcmp(name, "bn") == 0 || strcmp(name, "bt") == 0) {
        json_read_scalar(in, &scalar);
        if (name[1] == 'n') {
            bytes_deinit(base_name);
            bytes_add(base_name, scalar.bytes.data, scalar.bytes.len);
        }
    } else {
        in->err = -EBADMSG;
    }
    scalar_deinit(&scalar);
    bytes_deinit(&key);
}

/** One pass over the pack: with records NULL it only finds the base name. */
static int read_pack(const uint8_t *data, size_t len, struct bytes *base_name,
                     struct records *records)
{
    struct json_reader in = { .at = (const char *)data, .end = (const char *)data + len };
    json_expect(&in, '{');
    do {
        read_pack_member(&in, base_name, records);
    } while (in.err == 0 && json_take(&in, ','));
    json_expect(&in, '}');
    return in.err != 0 || json_at_end(&in) ? in.err : -EBADMSG;
}

int old_json_decode(const struct path *base, const uint8_t *data, size_t len,
                    struct records *records)
{
    struct bytes base_name = { 0 };
    int err = read_pack(data, len, &base_name, NULL); /* "bn" may come after "e" */
    if (err == 0) {
        if (base_name.len == 0) { /* old peers: names relative to the request */
            name_add_base(base, &base_name);
        }
        err = read_pack(data, len, &base_name, records);
    }
    bytes_deinit(&base_name);
    return err;
}
