/** SenML JSON (110; RFC 8428, 5, with LwM2M's "vlo": Core 1.1, 7.4.4). */
#include <errno.h>
#include <string.h>

#include "test/sim/content.h"
#include "test/sim/json.h"
#include "test/sim/model.h"
#include "test/sim/name.h"
#include "test/sim/senml.h"

static const struct json_members members = { "v", "vs", "vb", "vd", "vlo", true };

static void add_base(struct bytes *out, const struct content *content)
{
    bytes_add_text(out, "\"bn\":\"");
    name_add_base(&content->base, out);
    bytes_add_text(out, "\",");
    if (content->time_s > 0) {
        bytes_printf(out, "\"bt\":%.3f,", content->time_s);
    }
}

void senml_json_encode(const struct content *content, struct bytes *out)
{
    bytes_add_byte(out, '[');
    for (size_t i = 0; i < content->count; i++) {
        const struct record *record = &content->records[i];
        bytes_add_text(out, i == 0 ? "{" : ",{");
        if (i == 0) {
            add_base(out, content);
        }
        struct bytes name = { 0 };
        name_add_relative(&content->base, &record->path, &name);
        if (name.len != 0) {
            bytes_printf(out, "\"n\":\"%s\",", bytes_text(&name));
        }
        bytes_deinit(&name);
        json_add_value(out, &members, &record->value);
        bytes_add_byte(out, '}');
    }
    bytes_add_byte(out, ']');
}

static void read_member(struct json_reader *in, struct senml_record *record)
{
    struct bytes key = { 0 };
    struct scalar scalar = { 0 };
    json_read_string(in, &key);
    json_expect(in, ':');
    json_read_scalar(in, &scalar);
    if (in->err == 0 && senml_record_set_take(record, bytes_text(&key), &scalar) != 0) {
        in->err = -EBADMSG;
    }
    scalar_deinit(&scalar);
    bytes_deinit(&key);
}

static void read_record(struct json_reader *in, struct senml_record *record)
{
    json_expect(in, '{');
    if (json_take(in, '}')) {
        return;
    }
    do {
        read_member(in, record);
    } while (in->err == 0 && json_take(in, ','));
    json_expect(in, '}');
}

static int decode(const uint8_t *data, size_t len, bool with_values, struct records *records)
{
    struct json_reader in = { .at = (const char *)data, .end = (const char *)data + len };
    struct senml_pack pack = { .with_values = with_values };
    json_expect(&in, '[');
    bool more = in.err == 0 && !json_take(&in, ']');
    while (more && in.err == 0) {
        struct senml_record record = { 0 };
        read_record(&in, &record);
        if (in.err == 0) {
            in.err = senml_pack_add(&pack, &record, records);
        }
        senml_record_deinit(&record);
        more = json_take(&in, ',');
        if (!more) {
            json_expect(&in, ']');
        }
    }
    senml_pack_deinit(&pack);
    return in.err != 0 || json_at_end(&in) ? in.err : -EBADMSG;
}

int senml_json_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records)
{
    (void)base; /* names are absolute */
    return decode(data, len, true, records);
}

int senml_json_decode_paths(const uint8_t *data, size_t len, struct records *records)
{
    return decode(data, len, false, records);
}
