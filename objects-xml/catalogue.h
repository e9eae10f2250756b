/*
 * The catalogue of object definitions, keyed by object id and version, several versions side by
 * side. Asked for every notification (which type has this resource?), hence: direct index, no
 * allocation, no locking.
 *
 * Fill it once, then only read it. To reload, fill a new one, swap the pointers, free the old one:
 * what was looked up lives as long as its catalogue.
 */
#ifndef OBJECTS_XML_CATALOGUE_H
#define OBJECTS_XML_CATALOGUE_H

#include "objects-xml/object.h"

/** No version known: catalogue_find takes the highest. */
#define CATALOGUE_VERSION_NONE ((struct catalogue_version){ 0, 0 })

struct catalogue;

/** What is wrong with one file of a directory; borrowed for the call. */
struct catalogue_problem {
    const char *path;   /**< directory and file name */
    unsigned line;      /**< from 1; 0 if the file could not be read at all */
    unsigned column;    /**< from 1; 0 if unknown */
    const char *reason; /**< one line of printable ASCII */
};

typedef void catalogue_problem_cb(void *context, const struct catalogue_problem *problem);

/** @return the caller's, empty; NULL: out of memory */
[[nodiscard]] struct catalogue *catalogue_new(void);

/** Frees all definitions too; NULL is fine. */
void catalogue_free(struct catalogue *catalogue);

/**
 * Adds a definition. A second, identical one changes nothing and is freed.
 *
 * @param object  owned by the catalogue on success, left to the caller on failure
 * @return 0, -EEXIST (this object and version is there and says something else), -ENOMEM
 */
[[nodiscard]] int catalogue_take(struct catalogue *catalogue, struct catalogue_object *object);

/**
 * Adds the definitions of all `*.xml` files of a directory, in the order of their names' bytes; no
 * subdirectories, no hidden files. A file that cannot be read, is broken, or contradicts what is
 * there already (the first one wins) is reported and left out as a whole; the others load.
 *
 * @param report  called once per file left out; NULL: nobody wants to know
 * @return 0 (an empty directory and broken files included), -ENOENT, -ENOTDIR, -EACCES or another
 *         errno of opening the directory, -ENOMEM (then some files may be missing)
 */
[[nodiscard]] int catalogue_load_dir(struct catalogue *catalogue, const char *directory,
                                     catalogue_problem_cb *report, void *context);

/** @return number of definitions, each version of an object counted */
size_t catalogue_count(const struct catalogue *catalogue);

/**
 * Finds the definition to read a device's object with.
 *
 * 1. exactly this version, else
 * 2. the highest version with the same major (minor versions only add optional resources: Core,
 *    7.2), else, and for CATALOGUE_VERSION_NONE,
 * 3. the highest version of all.
 *
 * @param version  what the device said (`ver=`); when it said nothing, the version that its LwM2M
 *                 version implies (Core, 7.2), known to the caller
 * @return borrowed, lives as long as the catalogue; NULL: the object is unknown
 */
const struct catalogue_object *catalogue_find(const struct catalogue *catalogue, uint16_t object_id,
                                              struct catalogue_version version);

#endif
