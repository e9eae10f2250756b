/*
 * The registration interface (Core TS 6.2): Register, Update, De-register, and the end of a
 * lifetime.
 */
#pragma once

#include "lwm2m/internal.h"

/** POST /rd */
void lwm2m_registration_register(struct lwm2m_server *server, const struct lwcoap_inbound *inbound);

/** POST /rd/{location}; `device` is NULL when the location is unknown. */
void lwm2m_registration_update(struct lwm2m_server *server, struct lwm2m_device *device,
                               const struct lwcoap_inbound *inbound);

/** The lifetime ends at this time; an earlier end than before counts too. */
void lwm2m_registration_ends_at(struct lwm2m_server *server, struct lwm2m_device *device,
                                uint64_t expires_ms);

/** DELETE /rd/{location} */
void lwm2m_registration_deregister(struct lwm2m_server *server, struct lwm2m_device *device,
                                   const struct lwcoap_inbound *inbound);
