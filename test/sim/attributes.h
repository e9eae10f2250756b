/**
 * The notification attributes that Write-Attributes set (Core, 5.1.2 in 1.0, 7.3 in 1.1):
 * kept per path, inherited downwards, the lower level wins.
 */
#pragma once

#include "test/sim/bytes.h"
#include "test/sim/path.h"

enum attribute {
    ATTRIBUTE_PMIN,
    ATTRIBUTE_PMAX,
    ATTRIBUTE_EPMIN,
    ATTRIBUTE_EPMAX,
    ATTRIBUTE_GT,
    ATTRIBUTE_LT,
    ATTRIBUTE_ST,
    ATTRIBUTE_EDGE,
    ATTRIBUTE_CON,
    ATTRIBUTE_HQMAX,
    ATTRIBUTE_COUNT,
};

struct attribute_set {
    struct path path;
    bool given[ATTRIBUTE_COUNT];
    double value[ATTRIBUTE_COUNT];
};

struct attributes {
    struct attribute_set *list; /**< owned */
    size_t count;
};

/**
 * Applies the query of a Write-Attributes request: "pmin=10&pmax" sets one, unsets one.
 *
 * @param version     10, 11, 12: later attributes are unknown to earlier clients
 * @param is_number   whether @p path is a numeric resource: only that takes gt, lt, st
 * @return 0, -EBADMSG; on failure nothing changed
 */
[[nodiscard]] int attributes_write(struct attributes *attributes, const struct path *path,
                                   unsigned int version, bool is_number, const char *query,
                                   size_t len);

/** The value that holds for @p path, its own or an inherited one. */
bool attributes_find(const struct attributes *attributes, const struct path *path,
                     enum attribute attribute, double *value);

/** Adds ";pmin=10;lt=1.5": those attached to @p path, or those that hold for it. */
void attributes_format(const struct attributes *attributes, const struct path *path, bool inherited,
                       struct bytes *out);

/** Forgets the attributes of @p path and all below it. */
void attributes_remove(struct attributes *attributes, const struct path *path);
void attributes_deinit(struct attributes *attributes);
