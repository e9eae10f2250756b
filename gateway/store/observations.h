/*
 * Wanted observations in the store, with their tokens: a notification after a restart is
 * understood.
 */
#pragma once

#include "gateway/store/store.h"

struct store_observation {
    uint64_t device;   /* the key: the id of the device, */
    const void *token; /* and the token */
    size_t token_len;
    uint64_t order;     /* among the observations of the device */
    const void *target; /* the path, or the paths of a composite one; the caller's encoding */
    size_t target_len;
    const char *query; /* NULL without */
    uint32_t accept;   /* content format */
    uint32_t flags;    /* automatic, … */
    const char *echo;  /* members of the observe command; NULL without */
    uint32_t pmax_s;   /* learned for the first `pmax_depth` segments of the path; 0: nothing */
    uint32_t pmax_depth;
    const char *endpoint; /* of the device, when visited; empty when that has no row */
};

/** Adds or replaces. */
void store_observation_put(struct store *store, const struct store_observation *observation);

void store_observation_delete(struct store *store, uint64_t device, const void *token,
                              size_t token_len);

/** Deletes all of a device. */
void store_observations_forget(struct store *store, uint64_t device);

typedef void store_observation_visitor(void *ctx, const struct store_observation *observation);

/** Visits all, device by device in the order of their ids; see store_devices_visit(). */
[[nodiscard]] int store_observations_visit(struct store *store, store_observation_visitor *visit,
                                           void *ctx);
