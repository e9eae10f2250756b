/*
 * A registered device as others may look at it (Core TS 6.2). Its memory is the registry's; a
 * pointer is valid during the event that carries it, or until the server is called again.
 */
#pragma once

#include "lwm2m/object_list.h"
#include "lwm2m/transport/route.h"

struct lwm2m_device;

/** Endpoint client name, as the device wrote it; terminated. */
const char *lwm2m_device_endpoint(const struct lwm2m_device *device);

/** Location id, the segment after /rd/; terminated. */
const char *lwm2m_device_location(const struct lwm2m_device *device);

struct lwm2m_version lwm2m_device_version(const struct lwm2m_device *device);

/** Lifetime in seconds as it is counted, after clamping; 0 never ends. */
uint32_t lwm2m_device_lifetime_s(const struct lwm2m_device *device);

bool lwm2m_device_uses_queue_mode(const struct lwm2m_device *device);

/** Whether the last Register or Update that had a payload brought links; the list is never NULL. */
bool lwm2m_device_gave_object_list(const struct lwm2m_device *device);
const struct lwm2m_object_list *lwm2m_device_object_list(const struct lwm2m_device *device);

const struct transport_route *lwm2m_device_route(const struct lwm2m_device *device);

/** Version of an object on this device, as lwm2m_object_list_version(). */
struct lwm2m_version lwm2m_device_object_version(const struct lwm2m_device *device,
                                                 uint16_t object);

/** A query parameter of the registration, merged over Register and Updates; borrowed. */
struct lwm2m_parameter {
    const char *name;  /* terminated */
    const char *value; /* terminated; NULL for a parameter without '=' */
};

/** Parameter `index` in the order of the Register (`ep` among them); false past the last. */
bool lwm2m_device_parameter(const struct lwm2m_device *device, size_t index,
                            struct lwm2m_parameter *parameter);

/** Requests waiting or under way. */
size_t lwm2m_device_queue_length(const struct lwm2m_device *device);

/** Whether a path is observed by a request that is established or on its way. */
bool lwm2m_device_observes(const struct lwm2m_device *device, const struct lwm2m_path *path);
