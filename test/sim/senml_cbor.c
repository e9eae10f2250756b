/** SenML CBOR (112; RFC 8428, 6): integer labels, and LwM2M's "vlo" as a text label. */
#include <errno.h>
#include <string.h>

#include "test/sim/cbor.h"
#include "test/sim/content.h"
#include "test/sim/name.h"
#include "test/sim/senml.h"

/* The integer labels, RFC 8428, table 4. */
static const struct label {
    int number;
    const char *name;
} labels[] = {
    { -6, "bs" },   { -5, "bv" }, { -4, "bu" }, { -3, "bt" }, { -2, "bn" },
    { -1, "bver" }, { 0, "n" },   { 1, "u" },   { 2, "v" },   { 3, "vs" },
    { 4, "vb" },    { 5, "s" },   { 6, "t" },   { 7, "ut" },  { 8, "vd" },
};

static void add_label(struct bytes *out, const char *name)
{
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (strcmp(labels[i].name, name) == 0) {
            int number = labels[i].number;
            cbor_add_head(out, number < 0 ? CBOR_NEGATIVE : CBOR_UNSIGNED,
                          (uint64_t)(number < 0 ? -1 - number : number));
            return;
        }
    }
    cbor_add_text(out, name);
}

static const char *value_label(enum value_type type)
{
    switch (type) {
    case VALUE_STRING:
    case VALUE_CORELNK:
        return "vs";
    case VALUE_BOOLEAN:
        return "vb";
    case VALUE_OPAQUE:
        return "vd";
    case VALUE_OBJLNK:
        return "vlo";
    default:
        return "v";
    }
}

static void add_record(struct bytes *out, const struct content *content, size_t index)
{
    const struct record *record = &content->records[index];
    struct bytes base = { 0 };
    struct bytes name = { 0 };
    bool timed = index == 0 && content->time_s > 0;
    name_add_base(&content->base, &base);
    name_add_relative(&content->base, &record->path, &name);
    cbor_add_head(out, CBOR_MAP, 1U + (index == 0) + timed + (name.len != 0));
    if (index == 0) {
        add_label(out, "bn");
        cbor_add_text(out, bytes_text(&base));
    }
    if (timed) {
        add_label(out, "bt");
        cbor_add_real(out, content->time_s);
    }
    if (name.len != 0) {
        add_label(out, "n");
        cbor_add_text(out, bytes_text(&name));
    }
    add_label(out, value_label(record->value.type));
    cbor_add_value(out, &record->value);
    bytes_deinit(&base);
    bytes_deinit(&name);
}

void senml_cbor_encode(const struct content *content, struct bytes *out)
{
    cbor_add_head(out, CBOR_ARRAY, content->count);
    for (size_t i = 0; i < content->count; i++) {
        add_record(out, content, i);
    }
}

/** The label of the next member as its JSON name; NULL when there is no such. */
static const char *label_name(const struct scalar *label)
{
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        int number = labels[i].number;
        if (label->kind == SCALAR_INTEGER && label->negative == (number < 0) &&
            label->magnitude == (uint64_t)(number < 0 ? -number : number)) {
            return labels[i].name;
        }
    }
    bool is_link = label->kind == SCALAR_TEXT && label->bytes.len == 3 &&
                   memcmp(label->bytes.data, "vlo", 3) == 0;
    return is_link ? "vlo" : NULL;
}

static void read_member(struct cbor_reader *in, struct senml_record *record)
{
    struct scalar label = { 0 };
    struct scalar scalar = { 0 };
    cbor_read_scalar(in, &label);
    cbor_read_scalar(in, &scalar);
    const char *name = label_name(&label);
    if (in->err == 0 && (name == NULL || senml_record_set_take(record, name, &scalar) != 0)) {
        in->err = -EBADMSG;
    }
    scalar_deinit(&label);
    scalar_deinit(&scalar);
}

static int decode(const uint8_t *data, size_t len, bool with_values, struct records *records)
{
    struct cbor_reader in = { .at = data, .end = data + len };
    struct senml_pack pack = { .with_values = with_values };
    struct cbor_items array = cbor_enter(&in, CBOR_ARRAY);
    while (cbor_next(&in, &array)) {
        struct senml_record record = { 0 };
        struct cbor_items map = cbor_enter(&in, CBOR_MAP);
        while (cbor_next(&in, &map)) {
            read_member(&in, &record);
        }
        if (in.err == 0) {
            in.err = senml_pack_add(&pack, &record, records);
        }
        senml_record_deinit(&record);
    }
    senml_pack_deinit(&pack);
    return in.err != 0 || in.at == in.end ? in.err : -EBADMSG;
}

int senml_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records)
{
    (void)base; /* names are absolute */
    return decode(data, len, true, records);
}

int senml_cbor_decode_paths(const uint8_t *data, size_t len, struct records *records)
{
    return decode(data, len, false, records);
}
