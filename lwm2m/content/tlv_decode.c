/*
 * TLV (Core TS 7.4.4), the reading side. TLV carries neither types nor the upper part of its
 * paths: types come from the definitions, paths from the request. Devices differ in what they
 * wrap (an Object Instance around the answer to /3/0, a Resource around one value, Resource
 * Instances bare or in their Multiple Resource): all of it is understood at every level.
 */
#include "lwm2m/content/format.h"
#include "lwm2m/content/tlv.h"

#include <errno.h>
#include <string.h>

struct element {
    enum lwm2m_tlv_kind kind;
    uint16_t id;
    struct lwm2m_bytes value;
};

struct decoder {
    const struct lwm2m_content_context *context;
    struct lwm2m_records *records;
};

/* Where a list of elements stands; each kind of list allows other elements. */
enum list {
    LIST_TOP,
    LIST_OBJECT_INSTANCE,
    LIST_MULTIPLE_RESOURCE,
};

static int decode_list(const struct decoder *decoder, enum list list,
                       const struct lwm2m_path *parent, struct lwm2m_bytes bytes);

static uint64_t big_endian(const uint8_t *data, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        number = number << 8 | data[i];
    }
    return number;
}

/* Takes the first element off `bytes`. */
static int next_element(struct lwm2m_bytes *bytes, struct element *element)
{
    uint8_t head = bytes->data[0];
    size_t id_len = head & LWM2M_TLV_WIDE_ID ? 2 : 1;
    size_t length_len = head >> LWM2M_TLV_LENGTH_SHIFT & 3;
    size_t head_len = 1 + id_len + length_len;

    if (bytes->len < head_len) {
        return -EBADMSG;
    }
    element->kind = (enum lwm2m_tlv_kind)(head >> LWM2M_TLV_KIND_SHIFT);
    element->id = (uint16_t)big_endian(bytes->data + 1, id_len);
    size_t value_len = length_len == 0 ? head & LWM2M_TLV_SHORT_LENGTH
                                       : (size_t)big_endian(bytes->data + 1 + id_len, length_len);
    if (value_len > bytes->len - head_len) {
        return -EBADMSG;
    }
    element->value = (struct lwm2m_bytes){ bytes->data + head_len, value_len };
    bytes->data += head_len + value_len;
    bytes->len -= head_len + value_len;
    return 0;
}

/* Two's complement of 1..8 bytes; the odd sizes are not legal, but their meaning is plain. */
static bool read_integer(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    if (bytes.len < 1 || bytes.len > 8) {
        return false;
    }
    uint64_t number = big_endian(bytes.data, bytes.len);
    unsigned unused = 64 - 8 * (unsigned)bytes.len;
    value->integer = (int64_t)(number << unused) >> unused;
    return true;
}

static bool read_unsigned(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    if (bytes.len < 1 || bytes.len > 8) {
        return false;
    }
    value->unsigned_integer = big_endian(bytes.data, bytes.len);
    return true;
}

static bool read_float(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    uint64_t bits = big_endian(bytes.data, bytes.len > 8 ? 8 : bytes.len);
    if (bytes.len == 4) {
        uint32_t single_bits = (uint32_t)bits;
        float single;
        memcpy(&single, &single_bits, sizeof(single));
        value->number = (double)single;
        return true;
    }
    memcpy(&value->number, &bits, sizeof(value->number));
    return bytes.len == 8;
}

static bool read_boolean(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    if (bytes.len != 1 || bytes.data[0] > 1) {
        return false;
    }
    value->boolean = bytes.data[0] == 1;
    return true;
}

static bool read_link(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    if (bytes.len != 4) {
        return false;
    }
    value->link.object = (uint16_t)big_endian(bytes.data, 2);
    value->link.instance = (uint16_t)big_endian(bytes.data + 2, 2);
    return true;
}

static bool read_bytes(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    value->bytes = bytes;
    return true;
}

static bool read_none(struct lwm2m_bytes bytes, struct lwm2m_value *value)
{
    (void)value;
    return bytes.len == 0;
}

/* A value that is not of its type's length is kept as bytes: nothing is thrown away. */
static struct lwm2m_value read_value(enum lwm2m_type type, struct lwm2m_bytes bytes)
{
    static bool (*const readers[])(struct lwm2m_bytes bytes, struct lwm2m_value * value) = {
        [LWM2M_TYPE_NONE] = read_none,       [LWM2M_TYPE_STRING] = read_bytes,
        [LWM2M_TYPE_INTEGER] = read_integer, [LWM2M_TYPE_UNSIGNED] = read_unsigned,
        [LWM2M_TYPE_FLOAT] = read_float,     [LWM2M_TYPE_BOOLEAN] = read_boolean,
        [LWM2M_TYPE_OPAQUE] = read_bytes,    [LWM2M_TYPE_TIME] = read_integer,
        [LWM2M_TYPE_OBJLNK] = read_link,     [LWM2M_TYPE_CORELNK] = read_bytes,
        [LWM2M_TYPE_UNTYPED] = read_bytes,
    };
    struct lwm2m_value value = { .type = type };
    if (!readers[type](bytes, &value)) {
        value = (struct lwm2m_value){ .type = LWM2M_TYPE_UNTYPED, .bytes = bytes };
    }
    return value;
}

static int add_value(const struct decoder *decoder, const struct lwm2m_path *path,
                     struct lwm2m_bytes bytes)
{
    struct lwm2m_definition definition;
    enum lwm2m_type type = LWM2M_TYPE_UNTYPED;
    if (lwm2m_content_define(decoder->context, path, &definition)) {
        type = definition.type;
    }
    struct lwm2m_value value = read_value(type, bytes);
    return lwm2m_content_add_typed(path, &value, decoder->records, NULL);
}

static struct lwm2m_path child(const struct lwm2m_path *parent, uint16_t id)
{
    struct lwm2m_path path = *parent;
    path.ids[path.depth++] = id;
    return path;
}

/*
 * Path of a Resource element. In the answer for a resource instance some devices send the value
 * as a Resource, with the id of the resource or of the instance: it is the instance's all the same.
 */
static struct lwm2m_path resource_path(const struct lwm2m_path *base, enum list list,
                                       const struct lwm2m_path *parent, uint16_t id)
{
    bool answers_instance = base->depth == 4 && list == LIST_TOP;
    if (answers_instance && (id == base->ids[2] || id == base->ids[3])) {
        return *base;
    }
    return child(parent, id);
}

static int decode_resource_instance(const struct decoder *decoder, enum list list,
                                    const struct lwm2m_path *parent, const struct element *element)
{
    struct lwm2m_path resource = *parent;
    if (list != LIST_MULTIPLE_RESOURCE) {
        /* Bare: it belongs to the resource that was asked for. */
        if (decoder->context->base.depth < 3) {
            return -EBADMSG;
        }
        resource = child(parent, decoder->context->base.ids[2]);
    }
    struct lwm2m_path path = child(&resource, element->id);
    return add_value(decoder, &path, element->value);
}

/* `parent` is an object instance, or the multiple resource of a LIST_MULTIPLE_RESOURCE. */
static int decode_element(const struct decoder *decoder, enum list list,
                          const struct lwm2m_path *parent, const struct element *element)
{
    struct lwm2m_path path;
    switch (element->kind) {
    case LWM2M_TLV_OBJECT_INSTANCE:
        if (list != LIST_TOP) {
            return -EBADMSG;
        }
        path = *parent;
        path.ids[1] = element->id;
        return decode_list(decoder, LIST_OBJECT_INSTANCE, &path, element->value);
    case LWM2M_TLV_MULTIPLE_RESOURCE:
        if (list == LIST_MULTIPLE_RESOURCE) {
            return -EBADMSG;
        }
        path = child(parent, element->id);
        return decode_list(decoder, LIST_MULTIPLE_RESOURCE, &path, element->value);
    case LWM2M_TLV_RESOURCE:
        if (list == LIST_MULTIPLE_RESOURCE) {
            return -EBADMSG;
        }
        path = resource_path(&decoder->context->base, list, parent, element->id);
        return add_value(decoder, &path, element->value);
    case LWM2M_TLV_RESOURCE_INSTANCE:
        break;
    }
    return decode_resource_instance(decoder, list, parent, element);
}

/* Recursion ends after three levels: decode_element() allows no other nesting. */
static int decode_list(const struct decoder *decoder, enum list list,
                       const struct lwm2m_path *parent, struct lwm2m_bytes bytes)
{
    while (bytes.len > 0) {
        struct element element;
        int err = next_element(&bytes, &element);
        if (err == 0) {
            err = decode_element(decoder, list, parent, &element);
        }
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int lwm2m_tlv_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                     size_t len, struct lwm2m_records *records)
{
    struct decoder decoder = { context, records };
    struct lwm2m_path instance = context->base;

    if (len == 0) {
        return 0;
    }
    if (context->base.depth == 0) {
        return -EBADMSG; /* TLV cannot name objects */
    }
    if (context->base.depth == 1) {
        instance.ids[1] = LWM2M_ID_ANY; /* until an Object Instance element tells it */
    }
    instance.depth = 2;
    return decode_list(&decoder, LIST_TOP, &instance, (struct lwm2m_bytes){ payload, len });
}
