#include "fake_device.h"

#include <string.h>

const char *lwm2m_device_endpoint(const struct lwm2m_device *device)
{
    return device->endpoint;
}

const char *lwm2m_device_location(const struct lwm2m_device *device)
{
    (void)device;
    return "5";
}

struct lwm2m_version lwm2m_device_version(const struct lwm2m_device *device)
{
    return device->version;
}

uint32_t lwm2m_device_lifetime_s(const struct lwm2m_device *device)
{
    (void)device;
    return 300;
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
    return &device->list;
}

const struct transport_route *lwm2m_device_route(const struct lwm2m_device *device)
{
    return &device->route;
}

struct lwm2m_version lwm2m_device_object_version(const struct lwm2m_device *device, uint16_t object)
{
    (void)device;
    (void)object;
    return (struct lwm2m_version){ 1, 0 };
}

bool lwm2m_device_parameter(const struct lwm2m_device *device, size_t index,
                            struct lwm2m_parameter *parameter)
{
    *parameter = device->parameters[index];
    return parameter->name != NULL;
}

size_t lwm2m_device_queue_length(const struct lwm2m_device *device)
{
    (void)device;
    return 0;
}

bool lwm2m_device_observes(const struct lwm2m_device *device, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_MAX];
    lwm2m_path_format(path, text);
    for (size_t i = 0; i < 4 && device->observed[i] != NULL; i++) {
        if (strcmp(device->observed[i], text) == 0) {
            return true;
        }
    }
    return false;
}

struct lwm2m_event fake_event(enum lwm2m_event_type type, struct lwm2m_device *device)
{
    return (struct lwm2m_event){
        .type = type,
        .device = device,
        .reason = "",
        .content_format = LWM2M_FORMAT_NONE,
        .location = "",
        .sequence = -1,
        .code = LWCOAP_CODE(2, 5),
    };
}
