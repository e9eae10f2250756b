/*
 * Which content format a device is spoken to in (Core TS 7.4): what the request forces, what a
 * refusal taught, what the root link announced, what its version of LwM2M is bound to know.
 */
#pragma once

#include "lwm2m/registry.h"
#include "lwm2m/server.h"

/** Format of a request's body; NULL when none can carry it. */
const struct lwm2m_content_format *lwm2m_format_for_body(const struct lwm2m_device *device,
                                                         const struct lwm2m_request *request);

/** Accept option of a read; LWM2M_FORMAT_NONE: the device chooses. */
uint16_t lwm2m_format_for_answer(const struct lwm2m_device *device,
                                 const struct lwm2m_request *request);

/**
 * Looks whether an answer refuses the format (4.15, 4.06) in a way that another one may help.
 *
 * @return true: send the request once more
 */
bool lwm2m_format_refused(struct lwm2m_device *device, struct lwm2m_request *request, uint8_t code);

/** Remembers for the device what worked after a refusal. */
void lwm2m_format_accepted(struct lwm2m_device *device, const struct lwm2m_request *request,
                           uint8_t code);
