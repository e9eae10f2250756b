/*
 * What the formats of the table share; not for users of the library (see content.h).
 */
#pragma once

#include "lwm2m/content/content.h"

typedef int lwm2m_format_decode(const struct lwm2m_content_context *context, const uint8_t *payload,
                                size_t len, struct lwm2m_records *records);
typedef int lwm2m_format_encode(const struct lwm2m_content_context *context,
                                const struct lwm2m_record *records, size_t count,
                                struct lwm2m_buffer *payload);

lwm2m_format_decode lwm2m_text_decode, lwm2m_opaque_decode, lwm2m_tlv_decode, lwm2m_json_decode,
    lwm2m_senml_json_decode, lwm2m_senml_cbor_decode, lwm2m_cbor_decode, lwm2m_lwm2m_cbor_decode;
lwm2m_format_encode lwm2m_text_encode, lwm2m_opaque_encode, lwm2m_tlv_encode, lwm2m_json_encode,
    lwm2m_senml_json_encode, lwm2m_senml_etch_json_encode, lwm2m_senml_cbor_encode,
    lwm2m_senml_etch_cbor_encode, lwm2m_cbor_encode, lwm2m_lwm2m_cbor_encode;

/** What is known about the resource of a path; false when nothing is, or the path names none. */
bool lwm2m_content_define(const struct lwm2m_content_context *context,
                          const struct lwm2m_path *path, struct lwm2m_definition *definition);

/**
 * Appends a record, its value converted to the type of its definition where that loses nothing.
 * Text that is not UTF-8 stays as LWM2M_TYPE_UNTYPED.
 *
 * @param[out] added  may be NULL
 * @return 0, -ENOSPC, -ENOMEM
 */
[[nodiscard]] int lwm2m_content_add(const struct lwm2m_content_context *context,
                                    const struct lwm2m_path *path, const struct lwm2m_value *value,
                                    struct lwm2m_records *records, struct lwm2m_record **added);

/** As lwm2m_content_add(), but the value is of its final type already. */
[[nodiscard]] int lwm2m_content_add_typed(const struct lwm2m_path *path,
                                          const struct lwm2m_value *value,
                                          struct lwm2m_records *records,
                                          struct lwm2m_record **added);

/** Copies bytes into the records' memory; -ENOMEM. */
[[nodiscard]] int lwm2m_content_copy(const void *data, size_t len, struct lwm2m_records *records,
                                     struct lwm2m_bytes *copy);

/**
 * The one record of a format that carries a single value: at the path of the request.
 *
 * @return the record, or NULL if there is another number of records, or another path
 */
const struct lwm2m_record *lwm2m_content_single(const struct lwm2m_content_context *context,
                                                const struct lwm2m_record *records, size_t count);
