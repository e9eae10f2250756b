/**
 * The content formats of LwM2M (Core, 7.4), one row of a table each.
 *
 * Written apart from the gateway's codecs on purpose: a misreading of the specification
 * there must not be mirrored here, or the two would agree on the mistake.
 */
#pragma once

#include "test/sim/record.h"

enum { CONTENT_LINK_FORMAT = 40, CONTENT_NONE = -1 };

/** What a payload holds: the records at and below base. */
struct content {
    struct path base;             /**< the path of the request */
    const struct record *records; /**< in path order, all below base */
    size_t count;
    double time_s; /**< when the values were taken, seconds since 1970; 0: not said */
};

struct content_format {
    const char *name;
    int number;
    unsigned int from_version; /**< 10, 11, 12: first LwM2M version whose clients speak it */
    unsigned int to_version;   /**< last one */
    bool single_only;          /**< carries one value: no instances, no multiple resources */
    void (*encode)(const struct content *content, struct bytes *out);
    /**
     * Reads a payload sent to @p base.
     *
     * @param[in,out] records  gets absolute paths; an instance id that the payload leaves to
     *                         the device is PATH_ID_NONE; after a failure: partial
     * @return 0 or -EBADMSG
     */
    int (*decode)(const struct path *base, const uint8_t *data, size_t len,
                  struct records *records);
};

/** @return the row, NULL when there is none */
const struct content_format *content_format_find(int number);
const struct content_format *content_format_find_name(const char *name);
/** All rows; @param[out] count how many */
const struct content_format *content_formats(size_t *count);

/* One pair per file: text.c, tlv.c, old_json.c, senml_json.c, senml_cbor.c, lwm2m_cbor.c */
void text_encode(const struct content *content, struct bytes *out);
int text_decode(const struct path *base, const uint8_t *data, size_t len, struct records *records);
void opaque_encode(const struct content *content, struct bytes *out);
int opaque_decode(const struct path *base, const uint8_t *data, size_t len,
                  struct records *records);
void plain_cbor_encode(const struct content *content, struct bytes *out);
int plain_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records);
void tlv_encode(const struct content *content, struct bytes *out);
int tlv_decode(const struct path *base, const uint8_t *data, size_t len, struct records *records);
void old_json_encode(const struct content *content, struct bytes *out);
int old_json_decode(const struct path *base, const uint8_t *data, size_t len,
                    struct records *records);
void senml_json_encode(const struct content *content, struct bytes *out);
int senml_json_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records);
void senml_cbor_encode(const struct content *content, struct bytes *out);
int senml_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records);
void lwm2m_cbor_encode(const struct content *content, struct bytes *out);
int lwm2m_cbor_decode(const struct path *base, const uint8_t *data, size_t len,
                      struct records *records);

/**
 * Reads the names of a SenML pack without values: the paths of a composite Read.
 * A path is a record with an empty value. @return 0 or -EBADMSG
 */
int senml_json_decode_paths(const uint8_t *data, size_t len, struct records *records);
int senml_cbor_decode_paths(const uint8_t *data, size_t len, struct records *records);
