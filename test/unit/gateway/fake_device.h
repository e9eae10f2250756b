/*
 * A registered device without a server: what lwm2m/device.h tells is read from a plain struct.
 */
#pragma once

#include "lwm2m/server.h"

#define FAKE_PARAMETERS_MAX 16

struct lwm2m_device {
    const char *endpoint;
    struct lwm2m_version version;
    bool queue_mode;
    bool gave_object_list;
    struct lwm2m_object_list list;
    struct lwm2m_parameter parameters[FAKE_PARAMETERS_MAX];
    struct transport_route route;
    const char *observed[4]; /* paths, NULL behind the last */
};

/** An event about a device with nothing in it; code 2.05. */
struct lwm2m_event fake_event(enum lwm2m_event_type type, struct lwm2m_device *device);
