/*
 * Requests of devices: who answers which path, and how they are refused. Registers, Updates and
 * Deregisters go to registration.c, Sends to send.c.
 */
#pragma once

#include "lwm2m/coap/endpoint.h"

/** A request came. @param ctx  the server */
void lwm2m_inbound_request(void *ctx, const struct lwcoap_inbound *inbound);

/**
 * A body in blocks begins: it is kept for who is registered, and for who may become so; others are
 * answered at once.
 *
 * @param ctx  the server
 * @return how many bytes it may have; 0: it was answered
 */
size_t lwm2m_inbound_body_limit(void *ctx, const struct lwcoap_inbound *inbound);
