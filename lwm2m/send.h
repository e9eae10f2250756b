/*
 * Send (Core TS 6.4.6, since 1.1): values that a device reports without having been asked. The
 * device is known by where the message came from; it is answered when what it sent is safe.
 */
#pragma once

#include "lwm2m/internal.h"

/** POST /dp */
void lwm2m_send_receive(struct lwm2m_server *server, const struct lwcoap_inbound *inbound);

/** Whether a receipt is that of a Send. */
bool lwm2m_send_is(const struct lwcoap_receipt *receipt);

/** There is no room for what was sent: 5.03. */
void lwm2m_send_postpone(struct lwm2m_server *server, const struct lwcoap_receipt *receipt);

/** What was sent is safe: 2.04. */
void lwm2m_send_accept(struct lwm2m_server *server, const struct lwcoap_receipt *receipt);
