/**
 * A list of (path, value): what a Read collects, what a Write carries and what the device
 * holds. Every content format is a pair of functions between such a list and bytes.
 */
#pragma once

#include "test/sim/path.h"
#include "test/sim/value.h"

struct record {
    struct path path;   /**< absolute; depth 3, or 4 for a multiple-instance resource */
    struct value value; /**< owned */
};

struct records {
    struct record *list;
    size_t count;
    size_t capacity;
};

/** Adds at the end; takes @p value (which is left empty). */
void records_add_take(struct records *records, const struct path *path, struct value *value);

/** Sorts into path order; keeps the order of equal paths. */
void records_sort(struct records *records);

/** Frees the values and leaves an empty list. */
void records_deinit(struct records *records);
