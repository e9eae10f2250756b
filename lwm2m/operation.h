/*
 * The operations of the device management and information reporting interfaces as CoAP requests
 * (Core TS 6.3, 6.4; Transport TS 6.4.4, 6.4.5): one row each. Encodes and sends a request, reads
 * its answer, and tries another content format once when the device refuses the first.
 */
#pragma once

#include "lwm2m/internal.h"

/** Whether an operation may change something on the device, so that doing it twice matters. */
bool lwm2m_operation_changes(enum lwm2m_operation operation);

/** Whether an operation starts an observation. */
bool lwm2m_operation_observes(enum lwm2m_operation operation);

/** Whether an operation ends an observation. */
bool lwm2m_operation_cancels(enum lwm2m_operation operation);

/** Whether the records of a request can be encoded for this device. @return 0, -EINVAL, -ENOMEM */
[[nodiscard]] int lwm2m_operation_check(struct lwm2m_server *server,
                                        const struct lwm2m_device *device,
                                        const struct lwm2m_request *request);

/**
 * Sends a request of the device's queue; its exchange becomes the device's.
 *
 * @return 0, -EINVAL (does not fit), -ENOSPC (too many exchanges under way), -ENOMEM
 */
[[nodiscard]] int lwm2m_operation_send(struct lwm2m_server *server, struct lwm2m_device *device,
                                       struct lwm2m_request *request);

/**
 * The CoAP message of a request; its path and body lie in the server's memory until the next call.
 *
 * @return 0, -EINVAL (does not fit), -ENOMEM
 */
[[nodiscard]] int lwm2m_operation_message(struct lwm2m_server *server,
                                          const struct lwm2m_device *device,
                                          const struct lwm2m_request *request,
                                          struct lwcoap_request *message);
