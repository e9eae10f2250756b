/*
 * Parked DTLS sessions in the store. They hold keys: the file is readable by its owner alone.
 */
#pragma once

#include "gateway/store/store.h"

struct store_session {
    uint64_t number;      /* the key */
    const void *identity; /* PSK identity or the like */
    size_t identity_len;
    const void *route; /* address, listener */
    size_t route_len;
    const void *bytes; /* the session in the owner's encoding */
    size_t bytes_len;
};

/** Adds or replaces. */
void store_session_put(struct store *store, const struct store_session *session);

void store_session_delete(struct store *store, uint64_t number);

typedef void store_session_visitor(void *ctx, const struct store_session *session);

/** Visits all, in the order of their numbers; see store_devices_visit(). */
[[nodiscard]] int store_sessions_visit(struct store *store, store_session_visitor *visit,
                                       void *ctx);
