/*
 * Where a device is, who may speak for it, and how it leaves; the rest of it is in internal.h.
 */
#pragma once

#include "lwm2m/coap/endpoint.h"

struct lwm2m_device;
struct lwm2m_server;

/** A device is at another address from now on, and so is the request under way. When memory is
 *  short it stays where it was until its next message. */
void lwm2m_presence_move(struct lwm2m_server *server, struct lwm2m_device *device,
                         const struct transport_route *route);

/** Lets go of the address. Behind one may be several devices: the last that spoke owns it. */
void lwm2m_presence_release(struct lwm2m_server *server, struct lwm2m_device *device);

/**
 * Whether what came by a route may be taken as that of the device with an observation, or of who
 * was asked at a route.
 *
 * @param ctx    the server
 * @param coap   NULL: `asked` counts
 * @param asked  may be NULL with an observation
 */
bool lwm2m_presence_admits(void *ctx, struct lwcoap_observation *coap,
                           const struct transport_route *asked, const struct transport_route *from);
