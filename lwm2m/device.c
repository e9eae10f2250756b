#include "lwm2m/device.h"

#include "lwm2m/observation.h"
#include "lwm2m/registry.h"

const char *lwm2m_device_endpoint(const struct lwm2m_device *device)
{
    return device->endpoint;
}

const char *lwm2m_device_location(const struct lwm2m_device *device)
{
    return device->location;
}

struct lwm2m_version lwm2m_device_version(const struct lwm2m_device *device)
{
    return device->version;
}

uint32_t lwm2m_device_lifetime_s(const struct lwm2m_device *device)
{
    return device->lifetime_s;
}

bool lwm2m_device_uses_queue_mode(const struct lwm2m_device *device)
{
    return device->queue_mode;
}

bool lwm2m_device_gave_object_list(const struct lwm2m_device *device)
{
    return device->gave_object_list;
}

const struct lwm2m_object_list *lwm2m_device_object_list(const struct lwm2m_device *device)
{
    return device->object_list;
}

const struct transport_route *lwm2m_device_route(const struct lwm2m_device *device)
{
    return lwcoap_peer_route(device->peer);
}

struct lwm2m_version lwm2m_device_object_version(const struct lwm2m_device *device, uint16_t object)
{
    return lwm2m_object_list_version(device->object_list, object, device->version);
}

bool lwm2m_device_parameter(const struct lwm2m_device *device, size_t index,
                            struct lwm2m_parameter *parameter)
{
    if (index == 0) {
        *parameter = (struct lwm2m_parameter){ .name = "ep", .value = device->endpoint };
        return true;
    }
    return lwm2m_parameters_at(&device->parameters, index - 1, parameter);
}

size_t lwm2m_device_queue_length(const struct lwm2m_device *device)
{
    return device->queue_length;
}

bool lwm2m_device_observes(const struct lwm2m_device *device, const struct lwm2m_path *path)
{
    return lwm2m_observation_find(device, path) != 0;
}
