/**
 * LwM2M CBOR (11544; Core 1.2, 7.4.6) and plain CBOR (60; Core 1.1, 7.4.5).
 *
 * Written as one map per level, {3: {0: {9: 100, 6: {0: 1, 1: 5}}}}; keys that are arrays
 * of ids are read too.
 */
#include <errno.h>

#include "test/sim/cbor.h"
#include "test/sim/content.h"
#include "test/sim/model.h"

static size_t run_length(const struct record *records, size_t count, uint8_t level)
{
    size_t len = 1;
    while (len < count && records[len].path.id[level] == records[0].path.id[level]) {
        len++;
    }
    return len;
}

static void add_map(struct bytes *out, const struct record *records, size_t count, uint8_t level)
{
    uint64_t keys = 0;
    for (size_t i = 0; i < count; i += run_length(records + i, count - i, level)) {
        keys++;
    }
    cbor_add_head(out, CBOR_MAP, keys);
    while (count > 0) {
        size_t len = run_length(records, count, level);
        cbor_add_head(out, CBOR_UNSIGNED, records[0].path.id[level]);
        if (records[0].path.depth == level + 1) {
            cbor_add_value(out, &records[0].value);
        } else {
            add_map(out, records, len, (uint8_t)(level + 1));
        }
        records += len;
        count -= len;
    }
}

void lwm2m_cbor_encode(const struct content *content, struct bytes *out)
{
    add_map(out, content->records, content->count, 0);
}

static void add_id(struct cbor_reader *in, struct path *path)
{
    struct scalar id = { 0 };
    cbor_read_scalar(in, &id);
    bool fits = id.kind == SCALAR_INTEGER && !id.negative && id.magnitude <= PATH_ID_NONE &&
                path->depth < PATH_DEPTH_MAX;
    if (fits) {
        *path = path_child(path, (uint16_t)id.magnitude);
    } else {
        in->err = -EBADMSG;
    }
    scalar_deinit(&id);
}

static struct path read_key(struct cbor_reader *in, const struct path *holder)
{
    struct path path = *holder;
    if (cbor_peek(in) != CBOR_ARRAY) {
        add_id(in, &path);
        return path;
    }
    struct cbor_items array = cbor_enter(in, CBOR_ARRAY);
    while (cbor_next(in, &array)) {
        add_id(in, &path);
    }
    return path;
}

static void read_value(struct cbor_reader *in, const struct path *path, struct records *records)
{
    struct scalar scalar = { 0 };
    struct value value = { 0 };
    cbor_read_scalar(in, &scalar);
    if (in->err == 0 && path->depth >= PATH_RESOURCE &&
        value_from_scalar(model_type(path), &scalar, &value) == 0) {
        records_add_take(records, path, &value);
    } else {
        in->err = -EBADMSG;
    }
    value_deinit(&value);
    scalar_deinit(&scalar);
}

static void read_map(struct cbor_reader *in, const struct path *holder, struct records *records)
{
    struct cbor_items map = cbor_enter(in, CBOR_MAP);
    while (cbor_next(in, &map)) {
        struct path path = read_key(in, holder);
        if (in->err != 0 || path.depth == holder->depth) {
            in->err = -EBADMSG;
        } else if (cbor_peek(in) == CBOR_MAP) {
            read_map(in, &path, records); /* each level adds an id: at most four deep */
        } else {
            read_value(in, &path, records);
        }
    }
}

int lwm2m_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records)
{
    struct cbor_reader in = { .at = data, .end = data + len };
    struct path root = { 0 };
    (void)base; /* keys are absolute */
    read_map(&in, &root, records);
    return in.err != 0 || in.at == in.end ? in.err : -EBADMSG;
}

void plain_cbor_encode(const struct content *content, struct bytes *out)
{
    if (content->count == 1) {
        cbor_add_value(out, &content->records[0].value);
    }
}

int plain_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records)
{
    struct cbor_reader in = { .at = data, .end = data + len };
    if (base->depth < PATH_RESOURCE) {
        return -EBADMSG;
    }
    read_value(&in, base, records);
    return in.err != 0 || in.at == in.end ? in.err : -EBADMSG;
}
