/*
 * Reads one device description file: OMA's XML form of LwM2M object definitions (LWM2M.xsd).
 * A pure function over bytes; what it accepts beyond the schema is what OMA's own files need.
 *
 * Unknown elements are skipped, so descriptions cost nothing. DTDs are refused, hence no entity
 * can expand. Size, depth, text and number of objects are bounded.
 */
#ifndef OBJECTS_XML_DDF_H
#define OBJECTS_XML_DDF_H

#include "objects-xml/object.h"

enum {
    DDF_LEN_MAX = 4 * 1024 * 1024, /**< bytes of a file */
    DDF_DEPTH_MAX = 32,            /**< elements inside each other */
    DDF_TEXT_MAX = 1024,           /**< bytes of a name, range, … */
    DDF_OBJECTS_MAX = 1024,        /**< objects in one file */
};

struct ddf_object {
    struct catalogue_object *definition;
    unsigned line; /**< of its <Object>, from 1 */
};

/** The objects of one file in its order; each object and version occurs once. */
struct ddf {
    struct ddf_object *objects;
    size_t objects_count;
};

/** The first thing wrong with a file. */
struct ddf_error {
    unsigned line;    /**< from 1 */
    unsigned column;  /**< from 1, in characters */
    char reason[240]; /**< one line of printable ASCII */
};

/**
 * Reads a file: UTF-8, UTF-16, ISO-8859-1 or US-ASCII, as its declaration says.
 *
 * LWM2MVersion and ObjectVersion default to 1.0; RangeEnumeration, Units, ObjectURN and all
 * descriptions may be missing; letter case and blanks in enumerated texts do not matter; Type and
 * Operations must be there but may be blank. Runs of white space become one blank.
 *
 * @param[out] file   the caller's, for ddf_deinit; empty on failure
 * @param[out] error  filled for -EBADMSG only
 * @return 0, -EBADMSG (malformed XML, not an object definition, a bound exceeded), -ENOMEM
 */
[[nodiscard]] int ddf_read(const void *bytes, size_t len, struct ddf *file,
                           struct ddf_error *error);

/** Frees the definitions that are left; take one over by setting its `definition` to NULL. */
void ddf_deinit(struct ddf *file);

#endif
