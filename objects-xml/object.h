/*
 * One object definition: what an object and its resources are called, which type they have and
 * what may be done with them (LwM2M Core 1.2, appendix D; 1.0 and 1.1 alike).
 *
 * An object is a plain, immutable value that lives in one block of memory, so that a catalogue of
 * hundreds of them is cheap to build and to throw away. Types and operations are this library's
 * own: whoever needs those of another library maps them.
 */
#ifndef OBJECTS_XML_OBJECT_H
#define OBJECTS_XML_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Type of a resource's value; OMA's spelling in ddf_field.c. */
enum catalogue_type {
    CATALOGUE_TYPE_NONE, /**< none given: executable, or left blank by the author */
    CATALOGUE_TYPE_STRING,
    CATALOGUE_TYPE_INTEGER,
    CATALOGUE_TYPE_UNSIGNED_INTEGER,
    CATALOGUE_TYPE_FLOAT,
    CATALOGUE_TYPE_BOOLEAN,
    CATALOGUE_TYPE_OPAQUE,
    CATALOGUE_TYPE_TIME,
    CATALOGUE_TYPE_OBJLNK,
    CATALOGUE_TYPE_CORELNK,
};

/** Bits of catalogue_resource.operations; none set: only a bootstrap server may touch it. */
enum catalogue_operation {
    CATALOGUE_READ = 1,
    CATALOGUE_WRITE = 2,
    CATALOGUE_EXECUTE = 4,
};

/** Version of an object or of LwM2M; 0.0 stands for "none". */
struct catalogue_version {
    uint8_t major;
    uint8_t minor;
};

struct catalogue_resource {
    uint16_t id;
    uint8_t operations; /**< bits of enum catalogue_operation */
    bool multiple;
    bool mandatory;
    bool has_bounds; /**< the range is a plain `min..max`: min and max hold it */
    enum catalogue_type type;
    double
        min; /**< of the value; of String and Opaque the length. Nearest double: 2^64-1 is 2^64 */
    double max;
    const char *name;  /**< UTF-8, never NULL nor empty */
    const char *range; /**< RangeEnumeration as written, "" if none */
    const char *units; /**< "" if none */
};

struct catalogue_object {
    uint16_t id;
    struct catalogue_version version;       /**< of the object, never none */
    struct catalogue_version lwm2m_version; /**< lowest LwM2M version that knows it, never none */
    bool multiple;
    bool mandatory;
    const char *name; /**< UTF-8, never NULL nor empty */
    const char *urn;  /**< "" if none */
    size_t resources_count;
    const struct catalogue_resource *resources; /**< ascending by id, each id once */
};

/** @return less than, equal to or greater than 0, as `left` is lower, equal or higher */
int catalogue_version_compare(struct catalogue_version left, struct catalogue_version right);

/**
 * Reads `1.2`, or `1` for 1.0; each part 0..255.
 *
 * @return 0, -EBADMSG (anything else, and 0.0); on failure `version` is unchanged
 */
[[nodiscard]] int catalogue_version_parse(const char *text, struct catalogue_version *version);

/**
 * Copies a definition with all its resources and strings into one block.
 *
 * @param draft  everything it points to is borrowed for the call; resources must be ascending
 * @return the caller's, for catalogue_object_free; NULL: out of memory
 */
[[nodiscard]] struct catalogue_object *catalogue_object_new(const struct catalogue_object *draft);

/** NULL is fine. */
void catalogue_object_free(struct catalogue_object *object);

/** @return whether both say the same, word for word */
bool catalogue_object_equal(const struct catalogue_object *left,
                            const struct catalogue_object *right);

/**
 * Finds a resource by binary search, without allocation.
 *
 * @return borrowed, lives as long as the object; NULL: the object has no such resource
 */
const struct catalogue_resource *catalogue_object_resource(const struct catalogue_object *object,
                                                           uint16_t resource_id);

#endif
