/*
 * What has been read so far of one object of a definition file. Its buffers are reused from one
 * object to the next; only a complete object is copied into a block of its own. Private to the
 * reader in ddf.c, which knows XML and positions and leaves the meaning to the draft.
 *
 * All functions that can fail: 0, -EBADMSG with error->reason filled, -ENOMEM.
 */
#ifndef OBJECTS_XML_DDF_DRAFT_H
#define OBJECTS_XML_DDF_DRAFT_H

#include "objects-xml/ddf.h"
#include "objects-xml/ddf_field.h"

struct ddf_draft {
    struct catalogue_object object;
    struct catalogue_resource resource; /* of the item that is open */
    uint32_t fields_seen;               /* bits by index into ddf_fields */
    struct catalogue_resource *resources;
    size_t resources_count;
    size_t resources_capacity;
    uint8_t resources_seen[(UINT16_MAX + 1) / 8]; /* one bit per resource id */
    char *strings;                                /* what the names, ranges, … point into */
    size_t strings_len;
    size_t strings_size;
};

/** @param file_len  bytes of the whole file, bounds what its texts can need */
[[nodiscard]] int ddf_draft_init(struct ddf_draft *draft, size_t file_len);
void ddf_draft_deinit(struct ddf_draft *draft);

void ddf_draft_begin_object(struct ddf_draft *draft);

/** @param id_text  the ID attribute, NULL if missing */
[[nodiscard]] int ddf_draft_begin_item(struct ddf_draft *draft, const char *id_text,
                                       struct ddf_error *error);

/** @return the field of that name in a scope, NULL if there is none */
const struct ddf_field *ddf_draft_field(enum ddf_scope scope, const char *element);

/**
 * Reads the text of a field, which may come once per object or item.
 *
 * @param text  as it stands in the file; white space is normalised in place
 */
[[nodiscard]] int ddf_draft_set(struct ddf_draft *draft, const struct ddf_field *field, char *text,
                                struct ddf_error *error);

[[nodiscard]] int ddf_draft_end_item(struct ddf_draft *draft, struct ddf_error *error);

/** @param[out] object  the caller's, for catalogue_object_free; unchanged on failure */
[[nodiscard]] int ddf_draft_end_object(struct ddf_draft *draft, struct catalogue_object **object,
                                       struct ddf_error *error);

/** Writes error->reason as one line of printable ASCII, whatever the arguments hold.
 *  @return -EBADMSG */
[[gnu::format(printf, 2, 3)]] int ddf_error_set(struct ddf_error *error, const char *format, ...);

#endif
