/**
 * What is observed and when a notification is due: pmin, pmax, gt, lt, st (Core, 7.3.2).
 *
 * libcoap keeps the observers of a resource; this decides when to have them notified.
 */
#pragma once

#include <coap3/coap.h>

#include "test/sim/record.h"

struct device;

struct watch {
    struct path path;          /**< the root for composite observations */
    struct records composite;  /**< their paths, as records without values */
    coap_resource_t *resource; /**< libcoap's */
    int64_t last_ms;           /**< the last notification */
    uint32_t signature;        /**< of the values in the last notification */
    double number;             /**< the same of a single numeric resource */
    int first_observe;         /**< the Observe value of the first answer */
    bool pending;              /**< a change waits for pmin */
};

struct observations {
    struct watch *list; /**< owned */
    size_t count;
    unsigned int checked_version; /**< of the store, at the last look */
};

/** Starts (or restarts) watching @p path; takes @p composite (empty but for the root). */
void observations_begin_take(struct device *device, const struct path *path,
                             coap_resource_t *resource, int first_observe,
                             struct records *composite);
/** Whether an answer of @p resource with the Observe value @p observe starts an observation. */
bool observations_is_new(const struct device *device, const coap_resource_t *resource, int observe);
/** Notifies what is due. @return whether anything was */
bool observations_check(struct device *device);
/** When the next look is due even if no value changes; DEVICE_NEVER when never. */
int64_t observations_deadline_ms(const struct device *device);
/** Forgets those of @p resource: it goes away. */
void observations_forget(struct device *device, const coap_resource_t *resource);
void observations_deinit(struct observations *observations);
