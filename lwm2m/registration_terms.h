/*
 * What a Register or an Update says (Core TS 6.2.1, 6.2.2): read and checked as a whole before
 * anything about the device is changed.
 */
#pragma once

#include "lwm2m/internal.h"

#define LWM2M_ENDPOINT_MAX 255 /* a Uri-Query option is not longer */

struct lwm2m_terms {
    char endpoint[LWM2M_ENDPOINT_MAX + 1]; /* "" without `ep` */
    struct lwm2m_parameters parameters;
    struct lwm2m_version version;
    uint32_t lifetime_s; /* after clamping; 0 never ends */
    bool queue_mode;
    const struct lwm2m_object_list *object_list; /* NULL when the request had no payload */
};

/** Why a request is refused; code 0 when there is no reason to. The reason lives for ever. */
struct lwm2m_refusal {
    uint8_t code;
    const char *reason;
};

/** 5.03 for -ENOMEM, else 4.00 with this reason. */
struct lwm2m_refusal lwm2m_refusal_of_error(int err, const char *reason);

/** Reads a Register into zeroed terms; they are deinited by the caller in any case. */
[[nodiscard]] struct lwm2m_refusal lwm2m_terms_read_register(struct lwm2m_server *server,
                                                             const struct lwcoap_inbound *inbound,
                                                             struct lwm2m_terms *terms);

/** Reads what an Update changes on top of what the device registered. */
[[nodiscard]] struct lwm2m_refusal lwm2m_terms_read_update(struct lwm2m_server *server,
                                                           const struct lwm2m_device *device,
                                                           const struct lwcoap_inbound *inbound,
                                                           struct lwm2m_terms *terms);
void lwm2m_terms_deinit(struct lwm2m_server *server, struct lwm2m_terms *terms);
