/**
 * The objects of one simulated device: which of them and which instances exist, and the value of
 * every resource (instance), kept in path order.
 */
#pragma once

#include "test/sim/record.h"

struct store {
    struct records leaves; /**< depth 3, or 4 for multiple-instance resources */
    struct path *places;   /**< the objects and their instances, in path order; owned */
    size_t place_count;
    unsigned int shape;   /**< changes whenever a path appears or goes away */
    unsigned int version; /**< changes whenever a value does */
};

void store_deinit(struct store *store);

/** Gives object @p object the start values of model.h (as instance @p instance). */
void store_add_initial(struct store *store, uint16_t object, uint16_t instance);
/** Adds an object without instances, or an instance without resources, if it is not there. */
void store_add_place(struct store *store, const struct path *place);
/** Sets a value, adding the resource and its instance if need be; takes @p value. */
void store_set_take(struct store *store, const struct path *path, struct value *value);
void store_set_integer(struct store *store, const struct path *path, int64_t integer);
/** Removes @p path and all below it. */
void store_remove(struct store *store, const struct path *path);

/** The value at exactly @p path; owned by the store, valid until its next change. May be NULL. */
struct value *store_find(struct store *store, const struct path *path);
/** Whether anything exists at or below @p path (objects and instances may be empty). */
bool store_has(const struct store *store, const struct path *path);
/** The lowest instance id of @p object that is not in use. */
uint16_t store_free_instance(const struct store *store, uint16_t object);
/** Copies the readable values at and below @p path. */
void store_read(const struct store *store, const struct path *path, struct records *records);
