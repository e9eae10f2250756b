/*
 * The leaf elements of a definition file: one row per element with the function that turns its text
 * into a fact. Private to the reader in ddf.c.
 */
#ifndef OBJECTS_XML_DDF_FIELD_H
#define OBJECTS_XML_DDF_FIELD_H

#include "objects-xml/object.h"

/** Where an element stands. */
enum ddf_scope {
    DDF_DOCUMENT,
    DDF_LWM2M,
    DDF_OBJECT,
    DDF_RESOURCES,
    DDF_ITEM,
};

struct ddf_draft;

struct ddf_field {
    enum ddf_scope scope;
    const char *element;
    bool required;
    /* @param text  normalised, stays valid as long as the draft; @return whether it makes sense */
    bool (*set)(struct ddf_draft *draft, const char *text);
    const char *expected; /**< completes "…: expected " */
};

enum { DDF_FIELDS = 14 };
extern const struct ddf_field ddf_fields[DDF_FIELDS];

/** @return whether text is a decimal number 0..65535 without sign; `id` is unchanged if not */
bool ddf_id_parse(const char *text, uint16_t *id);

/** @return whether the object's URN is not one of OMA's, or names the object's id and version */
bool ddf_urn_fits(const struct catalogue_object *object);

#endif
