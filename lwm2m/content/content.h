/*
 * Content formats (Core TS 7.4): one row per format in one table, one file per row.
 *
 * A decoder turns a payload into records, an encoder the reverse. Both are pure: what they need
 * beyond the bytes (the path that was asked for, the definition of a resource, the time) comes
 * in with the context. Formats differ in how much they say: TLV carries no types, text/plain
 * only one value, SenML times. The context's `definition` callback fills the gaps; without a
 * definition a value stays as the format tells it, or LWM2M_TYPE_UNTYPED.
 */
#pragma once

#include "lwm2m/content/buffer.h"
#include "lwm2m/content/value.h"

/* Numbers of the CoAP Content-Formats registry. */
enum {
    LWM2M_FORMAT_TEXT = 0,
    LWM2M_FORMAT_LINK = 40, /* not of records: see link_format.h */
    LWM2M_FORMAT_OPAQUE = 42,
    LWM2M_FORMAT_CBOR = 60,
    LWM2M_FORMAT_SENML_JSON = 110,
    LWM2M_FORMAT_SENML_CBOR = 112,
    LWM2M_FORMAT_SENML_ETCH_JSON = 320,
    LWM2M_FORMAT_SENML_ETCH_CBOR = 322,
    LWM2M_FORMAT_TLV = 11542,
    LWM2M_FORMAT_JSON = 11543,
    LWM2M_FORMAT_LWM2M_CBOR = 11544,
    LWM2M_FORMAT_NONE = 0xffff, /* no Content-Format or Accept option */
};

/** What the definition of a resource says, as far as a format needs it. */
struct lwm2m_definition {
    enum lwm2m_type type; /* NONE for an executable resource */
    bool multiple;        /* has resource instances */
};

/** Looks a resource up; false when it is not known. */
typedef bool lwm2m_definition_lookup(void *ctx, uint16_t object, uint16_t resource,
                                     struct lwm2m_definition *definition);

struct lwm2m_content_context {
    struct lwm2m_path base; /* path of the request: what was read, observed or is written */
    const char *root;       /* alternate path, "" or "/lwm2m"; never NULL, never a trailing slash */
    lwm2m_definition_lookup *definition; /* may be NULL: nothing is known */
    void *definition_ctx;
    double now_s; /* seconds since the epoch; relative times of records are added to it */
};

struct lwm2m_content_format {
    uint16_t number;
    const char *name;     /* in commands: "tlv", "senml-json", … */
    bool single_resource; /* carries exactly one value: base must be a resource or resource instance
                           */

    /**
     * Appends the records of a payload, in their order. Paths are absolute; where TLV does not
     * tell the object instance (bare resources in the answer for an object) its id is LWM2M_ID_ANY.
     *
     * @return 0 (also for a legal empty payload), -EBADMSG (malformed), -ENOSPC (too many
     *         records), -ENOMEM; after a failure `records` holds what came before the mistake
     */
    int (*decode)(const struct lwm2m_content_context *context, const uint8_t *payload, size_t len,
                  struct lwm2m_records *records);

    /**
     * Appends the payload for `count` records, all within context->base. An instance id of
     * LWM2M_ID_ANY (Create without an id; TLV and LwM2M CBOR only) leaves the choice to the device.
     * Values are written as they are: convert them to their definitions' types before. A record
     * of NONE is a path alone (SenML), null (LwM2M CBOR; SenML-ETCH, if other records have
     * values), an instance without resources (TLV, at depth 2), or a multiple resource without
     * instances (TLV, by its definition).
     *
     * @return 0, -EINVAL (what this format cannot carry), -ENOSPC, -ENOMEM; after a failure the
     *         payload is not to be used
     */
    int (*encode)(const struct lwm2m_content_context *context, const struct lwm2m_record *records,
                  size_t count, struct lwm2m_buffer *payload);
};

/** The format of a number, including the numbers used before IANA's (1541 … 1544); NULL if unknown.
 */
const struct lwm2m_content_format *lwm2m_content_find(uint16_t number);

/**
 * The format of a name ("text", "opaque", "cbor", "senml-json", "senml-cbor", "senml-etch-json",
 * "senml-etch-cbor", "tlv", "json", "lwm2m-cbor"), any case; or NULL.
 */
const struct lwm2m_content_format *lwm2m_content_find_name(const char *name);

/** Row `index` of the table, NULL past its end: to walk over all formats. */
const struct lwm2m_content_format *lwm2m_content_row(size_t index);

/**
 * Reads a value of a type from its text, as text/plain writes it (Core TS 7.4.1) and as people
 * write it in commands: "1"/"true", "-12", "1.5e3", "65:0", base64 for opaque.
 *
 * @param records  provides the memory for decoded base64 and copied text
 * @return 0, -EINVAL (not a value of this type), -ERANGE (does not fit 64 bits), -ENOMEM
 */
[[nodiscard]] int lwm2m_value_from_text(enum lwm2m_type type, const char *text, size_t len,
                                        struct lwm2m_records *records, struct lwm2m_value *value);

/**
 * Converts a value to the type that the definition asks for where nothing is lost (text for an
 * Objlnk, 0/1 for a Boolean, base64 text for an Opaque, bytes that are UTF-8 for a String);
 * otherwise leaves it. Only a whole number for a Float is rounded, as any decimal for it is. A
 * NONE fits every type, and UNTYPED asks for none.
 *
 * @return 0, -EINVAL when the value does not fit the type (it is unchanged), -ENOMEM
 */
[[nodiscard]] int lwm2m_value_convert(struct lwm2m_value *value, enum lwm2m_type type,
                                      struct lwm2m_records *records);
