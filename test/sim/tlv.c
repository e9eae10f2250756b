/**
 * OMA TLV (11542; LwM2M 1.0 Core, 6.4.3).
 *
 * Integers are two's complement of 1, 2, 4 or 8 bytes, unsigned ones plain of the same
 * sizes, floats 4 bytes where that loses nothing, else 8.
 */
#include <errno.h>
#include <string.h>

#include "test/sim/content.h"
#include "test/sim/model.h"

enum kind { OBJECT_INSTANCE = 0, RESOURCE_INSTANCE = 1, MULTIPLE_RESOURCE = 2, RESOURCE = 3 };

static void add_item(struct bytes *out, enum kind kind, uint16_t id, const struct bytes *content)
{
    size_t len = content->len;
    unsigned int length_bytes = len < 8 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
    unsigned int type = (unsigned int)kind << 6 | (id > 255 ? 0x20U : 0) | length_bytes << 3;
    type |= length_bytes == 0 ? (unsigned int)len : 0;
    bytes_add_byte(out, (uint8_t)type);
    bytes_add_big_endian(out, id, id > 255 ? 2 : 1);
    bytes_add_big_endian(out, len, length_bytes);
    bytes_add(out, content->data, len);
}

static size_t signed_size(int64_t number)
{
    if (number >= INT8_MIN && number <= INT8_MAX) {
        return 1;
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        return 2;
    }
    return number >= INT32_MIN && number <= INT32_MAX ? 4 : 8;
}

static size_t unsigned_size(uint64_t number)
{
    if (number <= UINT16_MAX) {
        return number <= UINT8_MAX ? 1 : 2;
    }
    return number <= UINT32_MAX ? 4 : 8;
}

static void add_real(struct bytes *out, double real)
{
    float narrow = (float)real;
    double back = (double)narrow;
    if (memcmp(&back, &real, sizeof back) == 0) {
        uint32_t bits = 0;
        memcpy(&bits, &narrow, sizeof bits);
        bytes_add_big_endian(out, bits, sizeof bits);
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, &real, sizeof bits);
    bytes_add_big_endian(out, bits, sizeof bits);
}

static void add_value(struct bytes *out, const struct value *value)
{
    switch (value->type) {
    case VALUE_INTEGER:
    case VALUE_TIME:
        bytes_add_big_endian(out, (uint64_t)value->integer, signed_size(value->integer));
        break;
    case VALUE_UNSIGNED:
        bytes_add_big_endian(out, value->natural, unsigned_size(value->natural));
        break;
    case VALUE_FLOAT:
        add_real(out, value->real);
        break;
    case VALUE_BOOLEAN:
        bytes_add_byte(out, value->boolean ? 1 : 0);
        break;
    case VALUE_OBJLNK:
        bytes_add_big_endian(out, value->object, 2);
        bytes_add_big_endian(out, value->instance, 2);
        break;
    default:
        bytes_add(out, value->bytes.data, value->bytes.len);
        break;
    }
}

/** Adds the items that lie one level below @p level; records share their ids above it. */
static void add_level(struct bytes *out, const struct record *records, size_t count, uint8_t level)
{
    size_t start = 0;
    while (start < count) {
        const struct path *first = &records[start].path;
        size_t end = start + 1;
        while (end < count && records[end].path.id[level] == first->id[level]) {
            end++;
        }
        struct bytes inner = { 0 };
        enum kind kind = OBJECT_INSTANCE;
        if (first->depth == level + 1) {
            kind = level == PATH_RESOURCE ? RESOURCE_INSTANCE : RESOURCE;
            add_value(&inner, &records[start].value);
        } else {
            kind = level == PATH_OBJECT ? OBJECT_INSTANCE : MULTIPLE_RESOURCE;
            add_level(&inner, records + start, end - start, (uint8_t)(level + 1));
        }
        add_item(out, kind, first->id[level], &inner);
        bytes_deinit(&inner);
        start = end;
    }
}

void tlv_encode(const struct content *content, struct bytes *out)
{
    /* A resource, and a resource instance within its resource, carry their own item. */
    uint8_t level = content->base.depth > PATH_INSTANCE ? PATH_INSTANCE : content->base.depth;
    if (content->base.depth == PATH_RESOURCE_INSTANCE) {
        level = PATH_RESOURCE;
    }
    add_level(out, content->records, content->count, level);
}

struct reader {
    const uint8_t *at, *end;
    int err;
};

struct item {
    enum kind kind;
    uint16_t id;
    struct reader content;
};

static uint64_t read_big_endian(struct reader *in, size_t size)
{
    if ((size_t)(in->end - in->at) < size) {
        in->err = -EBADMSG;
        in->at = in->end;
        return 0;
    }
    uint64_t number = 0;
    while (size-- > 0) {
        number = number << 8 | *in->at++;
    }
    return number;
}

static struct item read_item(struct reader *in)
{
    unsigned int type = (unsigned int)read_big_endian(in, 1);
    struct item item = { .kind = (enum kind)(type >> 6) };
    item.id = (uint16_t)read_big_endian(in, type & 0x20U ? 2 : 1);
    size_t length_bytes = type >> 3 & 3U;
    size_t len = length_bytes == 0 ? type & 7U : (size_t)read_big_endian(in, length_bytes);
    if (in->err != 0 || (size_t)(in->end - in->at) < len) {
        in->err = -EBADMSG;
        return item;
    }
    item.content = (struct reader){ .at = in->at, .end = in->at + len };
    in->at += len;
    return item;
}

static int read_real(struct reader *in, size_t len, double *real)
{
    uint64_t bits = read_big_endian(in, len);
    if (len == sizeof(float)) {
        uint32_t narrow_bits = (uint32_t)bits;
        float narrow = 0;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        *real = (double)narrow;
        return 0;
    }
    memcpy(real, &bits, sizeof *real);
    return len == sizeof *real ? 0 : -EBADMSG;
}

static int read_integer(struct reader *in, size_t len, struct value *value)
{
    if (len != 1 && len != 2 && len != 4 && len != 8) {
        return -EBADMSG;
    }
    value->natural = read_big_endian(in, len);
    uint64_t sign = (uint64_t)1 << (8 * len - 1);
    value->integer = (int64_t)((value->natural ^ sign) - sign);
    return 0;
}

static int read_value(struct reader in, struct value *value)
{
    size_t len = (size_t)(in.end - in.at);
    switch (value->type) {
    case VALUE_INTEGER:
    case VALUE_TIME:
    case VALUE_UNSIGNED:
        return read_integer(&in, len, value);
    case VALUE_FLOAT:
        return len > sizeof(double) ? -EBADMSG : read_real(&in, len, &value->real);
    case VALUE_BOOLEAN:
        value->boolean = len == 1 && in.at[0] == 1;
        return len == 1 && in.at[0] <= 1 ? 0 : -EBADMSG;
    case VALUE_OBJLNK:
        value->object = (uint16_t)read_big_endian(&in, 2);
        value->instance = (uint16_t)read_big_endian(&in, 2);
        return len == 4 ? 0 : -EBADMSG;
    case VALUE_NONE:
        return -EBADMSG;
    default:
        bytes_add(&value->bytes, in.at, len);
        return 0;
    }
}

static int add_record(struct records *records, const struct path *path, struct reader content)
{
    struct value value = { .type = model_type(path) };
    int err = read_value(content, &value);
    if (err != 0) {
        value_deinit(&value);
        return err;
    }
    records_add_take(records, path, &value);
    return 0;
}

/** The path that an item names where @p base is the path of what holds it. */
static int item_path(const struct path *base, const struct item *item, struct path *path)
{
    static const uint8_t holder_depth[] = { [OBJECT_INSTANCE] = PATH_OBJECT,
                                            [RESOURCE_INSTANCE] = PATH_RESOURCE,
                                            [MULTIPLE_RESOURCE] = PATH_INSTANCE,
                                            [RESOURCE] = PATH_INSTANCE };
    uint8_t depth = holder_depth[item->kind];
    struct path holder = *base;
    if (holder.depth == PATH_OBJECT && depth == PATH_INSTANCE) {
        holder = path_child(&holder, PATH_ID_NONE); /* Create: the device chooses the instance */
    }
    if (holder.depth < depth) {
        return -EBADMSG;
    }
    holder = path_parent(&holder, depth);
    *path = path_child(&holder, item->id);
    return 0;
}

static int decode_level(const struct path *base, struct reader in, int nesting,
                        struct records *records)
{
    if (nesting > 3) { /* object instance, multiple resource, resource instance */
        return -EBADMSG;
    }
    while (in.at < in.end) {
        struct item item = read_item(&in);
        struct path path;
        if (in.err != 0 || item_path(base, &item, &path) != 0) {
            return -EBADMSG;
        }
        bool holds_items = item.kind == OBJECT_INSTANCE || item.kind == MULTIPLE_RESOURCE;
        int err = holds_items ? decode_level(&path, item.content, nesting + 1, records)
                              : add_record(records, &path, item.content);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int tlv_decode(const struct path *base, const uint8_t *data, size_t len, struct records *records)
{
    struct reader in = { .at = data, .end = data + len };
    return decode_level(base, in, 1, records);
}
