/**
 * The object definitions that the simulated device knows, as one table, and the values
 * its resources start with, as another.
 */
#pragma once

#include "test/sim/path.h"
#include "test/sim/value.h"

enum model_flags {
    MODEL_READ = 1,
    MODEL_WRITE = 2,
    MODEL_EXECUTE = 4,
    MODEL_MULTIPLE = 8,   /**< a multiple-instance resource */
    MODEL_MANDATORY = 16, /**< stays when its instance is replaced */
};

struct model_resource {
    uint16_t object, resource;
    enum value_type type;
    unsigned int flags;
};

struct model_initial {
    const char *path;
    const char *text; /**< the text/plain form */
};

/** @return the definition, NULL when there is none */
const struct model_resource *model_find(uint16_t object, uint16_t resource);

/** All definitions, ascending; @param[out] count how many */
const struct model_resource *model_resources(size_t *count);

/** The type of the resource that @p path (depth >= 3) names; opaque when it is unknown. */
enum value_type model_type(const struct path *path);

/** The start values; @param[out] count how many */
const struct model_initial *model_initial_values(size_t *count);

/** Whether instances of the object may be created and deleted. */
bool model_object_is_multiple(uint16_t object);
