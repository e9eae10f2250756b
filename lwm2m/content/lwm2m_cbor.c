/*
 * LwM2M CBOR (Core TS 1.2, 7.4.7): nested maps whose keys, put together from the top, are paths.
 * A key is an id or an array of ids, so the same records can be written in many ways; all of
 * them are read. Written is one map of the base path with one map of what is below it.
 */
#include "lwm2m/content/cbor_reader.h"
#include "lwm2m/content/cbor_writer.h"
#include "lwm2m/content/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
    const struct lwm2m_content_context *context;
    struct lwm2m_cbor_reader cbor;
};

/* Appends an id to a path. 65535 is the object instance that a Create leaves to the device. */
static int append_id(struct lwm2m_path *path, const struct lwm2m_cbor_item *item)
{
    if (item->kind != LWM2M_CBOR_UNSIGNED || path->depth == 4 || item->number > LWM2M_ID_ANY ||
        (item->number == LWM2M_ID_ANY && path->depth != 1)) {
        return -EBADMSG;
    }
    path->ids[path->depth++] = (uint16_t)item->number;
    return 0;
}

/* Appends the ids of a key: at least one, so that nesting ends. */
static int read_key(struct decoder *decoder, struct lwm2m_path *path)
{
    struct lwm2m_cbor_item key;
    struct lwm2m_cbor_item id;
    if (!lwm2m_cbor_read(&decoder->cbor, &key)) {
        return decoder->cbor.err;
    }
    if (key.kind != LWM2M_CBOR_ARRAY) {
        return append_id(path, &key);
    }
    uint8_t depth = path->depth;
    while (lwm2m_cbor_more(&decoder->cbor, &key.container)) {
        int err = lwm2m_cbor_read(&decoder->cbor, &id) ? append_id(path, &id) : decoder->cbor.err;
        if (err != 0) {
            return err;
        }
    }
    return path->depth > depth ? 0 : -EBADMSG;
}

static int add_value(struct decoder *decoder, const struct lwm2m_path *path,
                     const struct lwm2m_cbor_item *item)
{
    struct lwm2m_value value;
    int err = lwm2m_cbor_value(item, &value);
    if (err != 0) {
        return err;
    }
    if (path->depth < 3 && value.type != LWM2M_TYPE_NONE) {
        return -EBADMSG;
    }
    return lwm2m_content_add(decoder->context, path, &value, decoder->cbor.records, NULL);
}

/* Each level of recursion takes an id at least, so there are four below the first. */
static int read_map(struct decoder *decoder, const struct lwm2m_path *parent,
                    struct lwm2m_cbor_container *map)
{
    while (lwm2m_cbor_more(&decoder->cbor, map)) {
        struct lwm2m_path path = *parent;
        struct lwm2m_cbor_item item;
        int err = read_key(decoder, &path);
        if (err == 0 && !lwm2m_cbor_read_value(&decoder->cbor, &item)) {
            err = decoder->cbor.err;
        }
        if (err == 0) {
            err = item.kind == LWM2M_CBOR_MAP ? read_map(decoder, &path, &item.container)
                                              : add_value(decoder, &path, &item);
        }
        if (err != 0) {
            return err;
        }
    }
    return decoder->cbor.err;
}

static int compare_paths(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++) {
        if (a->ids[i] != b->ids[i]) {
            return a->ids[i] - b->ids[i];
        }
    }
    return a->depth - b->depth;
}

static int compare_entries(const void *a, const void *b)
{
    const struct lwm2m_path *const *left = a;
    const struct lwm2m_path *const *right = b;
    return compare_paths(*left, *right);
}

static bool is_ascending(const struct lwm2m_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_paths(&records[i - 1].path, &records[i].path) >= 0) {
            return false;
        }
    }
    return true;
}

/* A path may stand only once; -EEXIST otherwise. */
static int check_unique(const struct lwm2m_record *records, size_t count)
{
    if (count < 2 || is_ascending(records, count)) {
        return 0;
    }
    const struct lwm2m_path **paths = calloc(count, sizeof(*paths));
    if (paths == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        paths[i] = &records[i].path;
    }
    qsort(paths, count, sizeof(*paths), compare_entries);
    int err = 0;
    for (size_t i = 1; i < count && err == 0; i++) {
        err = compare_paths(paths[i - 1], paths[i]) == 0 ? -EEXIST : 0;
    }
    free(paths);
    return err;
}

int lwm2m_lwm2m_cbor_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                            size_t len, struct lwm2m_records *records)
{
    struct decoder decoder = { .context = context };
    struct lwm2m_path root = { .depth = 0 };
    struct lwm2m_cbor_item map;
    size_t before = records->count;

    if (len == 0) {
        return 0;
    }
    lwm2m_cbor_reader_init(&decoder.cbor, payload, len, records);
    if (!lwm2m_cbor_read(&decoder.cbor, &map)) {
        return decoder.cbor.err;
    }
    if (map.kind != LWM2M_CBOR_MAP) {
        return -EBADMSG;
    }
    int err = read_map(&decoder, &root, &map.container);
    if (err == 0) {
        err = decoder.cbor.next == decoder.cbor.end ? 0 : -EBADMSG;
    }
    if (err == 0 && records->count > before) {
        err = check_unique(records->items + before, records->count - before);
    }
    return err == -EEXIST ? -EBADMSG : err;
}

static void write_key(struct lwm2m_buffer *payload, const uint16_t *ids, size_t count)
{
    if (count != 1) {
        lwm2m_cbor_write_array(payload, count);
    }
    for (size_t i = 0; i < count; i++) {
        lwm2m_cbor_write_unsigned(payload, ids[i]);
    }
}

/* How many ids stand before all records: those of the base, unless it is a record itself. */
static uint8_t common_depth(const struct lwm2m_content_context *context,
                            const struct lwm2m_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].path.depth == context->base.depth) {
            return 0;
        }
    }
    return count > 0 ? context->base.depth : 0;
}

static bool can_write(const struct lwm2m_content_context *context,
                      const struct lwm2m_record *record)
{
    return lwm2m_path_is_within(&record->path, &context->base) && record->path.depth > 0 &&
           !record->has_time && (record->path.depth >= 3 || record->value.type == LWM2M_TYPE_NONE);
}

int lwm2m_lwm2m_cbor_encode(const struct lwm2m_content_context *context,
                            const struct lwm2m_record *records, size_t count,
                            struct lwm2m_buffer *payload)
{
    int err = check_unique(records, count);
    if (err != 0) {
        return err == -EEXIST ? -EINVAL : err;
    }
    uint8_t depth = common_depth(context, records, count);
    if (depth > 0) {
        lwm2m_cbor_write_map(payload, 1);
        write_key(payload, context->base.ids, depth);
    }
    lwm2m_cbor_write_map(payload, count);
    for (size_t i = 0; i < count; i++) {
        const struct lwm2m_record *record = &records[i];
        if (!can_write(context, record)) {
            return -EINVAL;
        }
        write_key(payload, record->path.ids + depth, (size_t)record->path.depth - depth);
        if (lwm2m_cbor_write_value(payload, &record->value) != 0) {
            return -EINVAL;
        }
    }
    return payload->err;
}
