/** See senml.h. */
#include "test/sim/senml.h"

#include <errno.h>
#include <string.h>

#include "test/sim/base64.h"
#include "test/sim/model.h"
#include "test/sim/name.h"

static int set_name(struct bytes *name, struct scalar *scalar)
{
    if (scalar->kind != SCALAR_TEXT) {
        return -EBADMSG;
    }
    bytes_deinit(name);
    *name = scalar->bytes;
    scalar->bytes = (struct bytes){ 0 };
    return 0;
}

/** "vd" is base64url in JSON, plain bytes in CBOR. */
static int set_data(struct senml_record *record, struct scalar *scalar)
{
    record->value.kind = SCALAR_BYTES;
    if (scalar->kind == SCALAR_BYTES) {
        bytes_add(&record->value.bytes, scalar->bytes.data, scalar->bytes.len);
        return 0;
    }
    const char *text = (const char *)scalar->bytes.data;
    return scalar->kind != SCALAR_TEXT
               ? -EBADMSG
               : base64_decode(text, scalar->bytes.len, &record->value.bytes);
}

static bool kind_fits(const char *key, enum scalar_kind kind)
{
    if (strcmp(key, "v") == 0) {
        return kind == SCALAR_INTEGER || kind == SCALAR_REAL;
    }
    return kind == (strcmp(key, "vb") == 0 ? SCALAR_BOOLEAN : SCALAR_TEXT);
}

int senml_record_set_take(struct senml_record *record, const char *key, struct scalar *scalar)
{
    static const char *const skipped[] = { "bt", "bu", "bver", "u", "t", "ut" };
    if (strcmp(key, "bn") == 0) {
        record->has_base_name = true;
        return set_name(&record->base_name, scalar);
    }
    if (strcmp(key, "n") == 0) {
        return set_name(&record->name, scalar);
    }
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
        if (strcmp(key, skipped[i]) == 0) {
            return 0;
        }
    }
    if (record->value.kind != SCALAR_NONE) {
        return -EBADMSG; /* two values */
    }
    if (strcmp(key, "vd") == 0) {
        return set_data(record, scalar);
    }
    bool known = strcmp(key, "v") == 0 || strcmp(key, "vs") == 0 || strcmp(key, "vb") == 0 ||
                 strcmp(key, "vlo") == 0;
    if (!known || !kind_fits(key, scalar->kind)) {
        return -EBADMSG; /* bv, bs, s and unknown ones ending in "_" change the meaning */
    }
    record->value = *scalar;
    *scalar = (struct scalar){ 0 };
    return 0;
}

void senml_record_deinit(struct senml_record *record)
{
    bytes_deinit(&record->base_name);
    bytes_deinit(&record->name);
    scalar_deinit(&record->value);
}

int senml_pack_add(struct senml_pack *pack, const struct senml_record *record,
                   struct records *records)
{
    if (record->has_base_name) {
        bytes_deinit(&pack->base_name);
        bytes_add(&pack->base_name, record->base_name.data, record->base_name.len);
    }
    struct path path;
    struct value value = { 0 };
    if (name_resolve(&pack->base_name, &record->name, &path) != 0) {
        return -EBADMSG;
    }
    if (pack->with_values) {
        if (path.depth < PATH_RESOURCE ||
            value_from_scalar(model_type(&path), &record->value, &value) != 0) {
            value_deinit(&value);
            return -EBADMSG;
        }
    } else if (record->value.kind != SCALAR_NONE) {
        return -EBADMSG;
    }
    records_add_take(records, &path, &value);
    return 0;
}

void senml_pack_deinit(struct senml_pack *pack)
{
    bytes_deinit(&pack->base_name);
}
