/*
 * Registered devices in the store: what a registration needs to be served after a restart as if
 * nothing had happened.
 */
#pragma once

#include "gateway/store/store.h"

/** One registration. Blobs are the caller's own encoding; NULL with a length of 0 is allowed. */
struct store_device {
    uint64_t id; /* the key: store_device_next_id(); those that come together lie together */
    const char *endpoint;
    uint64_t number;  /* of the registration; its location */
    uint32_t version; /* LwM2M, major * 256 + minor */
    uint32_t lifetime_s;
    uint64_t expires_wall_ms;
    uint32_t flags;
    uint32_t formats;  /* what was learned of its content formats */
    uint64_t session;  /* number of its DTLS session, 0 for none */
    const void *route; /* address, listener */
    size_t route_len;
    const void *parameters; /* query parameters of the Register */
    size_t parameters_len;
    const void *links; /* object list as it was registered */
    size_t links_len;
};

/** A number for a device that has no row yet; after store_devices_visit(). */
uint64_t store_device_next_id(struct store *store);

/** Adds or replaces. */
void store_device_put(struct store *store, const struct store_device *device);

/** Writes the end of a lifetime and the route only: an Update without changes. */
void store_device_touch(struct store *store, uint64_t id, uint64_t expires_wall_ms,
                        const void *route, size_t route_len);

void store_device_delete(struct store *store, uint64_t id);

typedef void store_device_visitor(void *ctx, const struct store_device *device);

/**
 * Visits all, in the order of their ids; everything is borrowed for the visit. When the file
 * proves damaged on the way it is replaced by what can be read of it, and the visit goes on.
 *
 * @return 0, -EIO, -ENOMEM
 */
[[nodiscard]] int store_devices_visit(struct store *store, store_device_visitor *visit, void *ctx);
