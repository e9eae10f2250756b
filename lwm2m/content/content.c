/*
 * The table of content formats, and what all of them do with a decoded value.
 */
#include "lwm2m/content/content.h"
#include "lwm2m/content/format.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct lwm2m_content_format formats[] = {
    { LWM2M_FORMAT_TEXT, "text", true, lwm2m_text_decode, lwm2m_text_encode },
    { LWM2M_FORMAT_OPAQUE, "opaque", true, lwm2m_opaque_decode, lwm2m_opaque_encode },
    { LWM2M_FORMAT_CBOR, "cbor", true, lwm2m_cbor_decode, lwm2m_cbor_encode },
    { LWM2M_FORMAT_SENML_JSON, "senml-json", false, lwm2m_senml_json_decode,
      lwm2m_senml_json_encode },
    { LWM2M_FORMAT_SENML_CBOR, "senml-cbor", false, lwm2m_senml_cbor_decode,
      lwm2m_senml_cbor_encode },
    { LWM2M_FORMAT_SENML_ETCH_JSON, "senml-etch-json", false, lwm2m_senml_json_decode,
      lwm2m_senml_etch_json_encode },
    { LWM2M_FORMAT_SENML_ETCH_CBOR, "senml-etch-cbor", false, lwm2m_senml_cbor_decode,
      lwm2m_senml_etch_cbor_encode },
    { LWM2M_FORMAT_TLV, "tlv", false, lwm2m_tlv_decode, lwm2m_tlv_encode },
    { LWM2M_FORMAT_JSON, "json", false, lwm2m_json_decode, lwm2m_json_encode },
    { LWM2M_FORMAT_LWM2M_CBOR, "lwm2m-cbor", false, lwm2m_lwm2m_cbor_decode,
      lwm2m_lwm2m_cbor_encode },
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

/* Numbers that devices used before IANA assigned some (LwM2M 1.0 drafts). */
static const struct {
    uint16_t legacy, number;
} legacy_numbers[] = {
    { 1541, LWM2M_FORMAT_TEXT },
    { 1542, LWM2M_FORMAT_TLV },
    { 1543, LWM2M_FORMAT_JSON },
    { 1544, LWM2M_FORMAT_OPAQUE },
};

const struct lwm2m_content_format *lwm2m_content_find(uint16_t number)
{
    for (size_t i = 0; i < sizeof(legacy_numbers) / sizeof(legacy_numbers[0]); i++) {
        if (legacy_numbers[i].legacy == number) {
            number = legacy_numbers[i].number;
        }
    }
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (formats[i].number == number) {
            return &formats[i];
        }
    }
    return NULL;
}

const struct lwm2m_content_format *lwm2m_content_find_name(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcasecmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

const struct lwm2m_content_format *lwm2m_content_row(size_t index)
{
    return index < FORMAT_COUNT ? &formats[index] : NULL;
}

bool lwm2m_content_define(const struct lwm2m_content_context *context,
                          const struct lwm2m_path *path, struct lwm2m_definition *definition)
{
    return path->depth >= 3 && context->definition != NULL &&
           context->definition(context->definition_ctx, path->ids[0], path->ids[2], definition);
}

/* Text in Latin-1, bytes that a definition calls a string: JSON could only lose them. */
static bool is_broken_text(const struct lwm2m_value *value)
{
    return (value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_CORELNK) &&
           !lwm2m_utf8_valid(value->bytes.data, value->bytes.len);
}

int lwm2m_content_add_typed(const struct lwm2m_path *path, const struct lwm2m_value *value,
                            struct lwm2m_records *records, struct lwm2m_record **added)
{
    if (records->count >= records->max_count) {
        return -ENOSPC;
    }
    struct lwm2m_record *record = lwm2m_records_add(records);
    if (record == NULL) {
        return -ENOMEM;
    }
    record->path = *path;
    record->value = *value;
    if (is_broken_text(value)) {
        record->value.type = LWM2M_TYPE_UNTYPED;
    }
    if (added != NULL) {
        *added = record;
    }
    return 0;
}

int lwm2m_content_add(const struct lwm2m_content_context *context, const struct lwm2m_path *path,
                      const struct lwm2m_value *value, struct lwm2m_records *records,
                      struct lwm2m_record **added)
{
    struct lwm2m_value converted = *value;
    struct lwm2m_definition definition;

    if (records->count >= records->max_count) {
        return -ENOSPC; /* before a conversion takes memory */
    }
    /* -EINVAL: the value stays as the format tells it. */
    if (lwm2m_content_define(context, path, &definition) &&
        lwm2m_value_convert(&converted, definition.type, records) == -ENOMEM) {
        return -ENOMEM;
    }
    return lwm2m_content_add_typed(path, &converted, records, added);
}

int lwm2m_content_copy(const void *data, size_t len, struct lwm2m_records *records,
                       struct lwm2m_bytes *copy)
{
    uint8_t *memory = lwm2m_records_alloc(records, len);
    if (memory == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(memory, data, len);
    }
    *copy = (struct lwm2m_bytes){ memory, len };
    return 0;
}

const struct lwm2m_record *lwm2m_content_single(const struct lwm2m_content_context *context,
                                                const struct lwm2m_record *records, size_t count)
{
    if (count != 1 || context->base.depth < 3 ||
        !lwm2m_path_equal(&records[0].path, &context->base)) {
        return NULL;
    }
    return &records[0];
}
