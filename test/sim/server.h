/**
 * The requests that arrive: CoAP on libcoap's side, operations on ours.
 *
 * libcoap finds observers by resource, so every path that can be observed is one; what
 * does not exist goes through its handler for unknown resources.
 */
#pragma once

#include <coap3/coap.h>

#include "test/sim/path.h"

struct device;

struct served {
    struct path path;
    coap_resource_t *resource; /**< libcoap's */
};

struct server {
    struct served *list; /**< owned */
    size_t count;
    unsigned int shape; /**< of the store when list was made */
};

/** Starts to answer on the device's network. */
void server_open(struct device *device);
/** Follows the store: paths that came are served, those that went are not any more. */
void server_sync(struct device *device);
/** Forgets all; libcoap's part goes away with the network. */
void server_close(struct server *server);
