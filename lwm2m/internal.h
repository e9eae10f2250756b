/*
 * The server as its own files see it: what they share, and the rules of calling.
 *
 * Events call back into the gateway, which may call any public function from there. So every
 * public entry is framed by lwm2m_server_enter() and lwm2m_server_leave(): queues are looked at,
 * and the memory of devices that left is freed, only when the outermost call ends. That also
 * keeps the order that the protocol wants: the answer to a device's own message goes first.
 */
#pragma once

#include "lwm2m/busy.h"
#include "lwm2m/registry.h"
#include "lwm2m/server.h"

struct lwm2m_server {
    struct lwm2m_server_settings settings;
    struct lwm2m_server_callbacks callbacks;
    struct lwcoap_endpoint *coap;
    struct lwm2m_timers *timers;
    struct lwm2m_object_lists *object_lists;
    struct lwm2m_registry registry;
    struct lwm2m_server_counters counters;
    size_t parameters_size;         /* bytes of the parameters of all devices */
    uint64_t registrations_full_us; /* of their bucket: gate/bucket.h */
    uint64_t echo_key[2];

    uint64_t now_ms;            /* of the entry under way */
    unsigned depth;             /* entries under way, one inside the other */
    struct lwm2m_device *ready; /* queues to look at, one after the other */
    struct lwm2m_device *last_ready;
    struct lwm2m_device *left; /* memory to free, linked by next_ready */

    const char *closed; /* why nobody may register now; NULL */
    struct lwm2m_busy busy;

    struct lwm2m_records records; /* of the payload being decoded */
    struct lwm2m_buffer payload;  /* being encoded */
    char uri_path[256];           /* of the message being built */
};

void lwm2m_server_enter(struct lwm2m_server *server, uint64_t now_ms);
void lwm2m_server_leave(struct lwm2m_server *server);

/** Answers a request of a device with a code, and a reason where the answer does not grow larger
 *  than the request by it; a 5.03 says when to try again. */
void lwm2m_server_answer(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                         uint8_t code, const char *reason);

/** Tells the caller that a request about a registration was refused. */
void lwm2m_server_refused(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                          const char *endpoint, uint8_t code, const char *reason);

/** Whether who sent this receives at the address it came from, as far as that is asked for. */
bool lwm2m_server_verifies(struct lwm2m_server *server, const struct lwcoap_inbound *inbound);
static inline bool lwm2m_server_is_verified(struct lwm2m_server *server,
                                            const struct lwcoap_inbound *inbound)
{
    return !server->settings.require_echo || lwm2m_server_verifies(server, inbound);
}

/** Answers 4.01 with an Echo option. */
void lwm2m_server_challenge(struct lwm2m_server *server, const struct lwcoap_inbound *inbound);

/** Max-Age of a 5.03. */
uint32_t lwm2m_server_busy_s(struct lwm2m_server *server);

/** Raises an event. */
void lwm2m_server_raise(struct lwm2m_server *server, const struct lwm2m_event *event);

/** An event of a type with nothing but the device: the others are set by who raises it. */
struct lwm2m_event lwm2m_event_of(enum lwm2m_event_type type, struct lwm2m_device *device);

/** A device spoke, and it is known to receive at this address. */
void lwm2m_device_is_at(struct lwm2m_server *server, struct lwm2m_device *device,
                        const struct transport_route *route);

/** Any message of a device shows that it is awake, and where it is now unless that has to be
 *  verified. The caller touches its queue as soon as the message is answered. */
void lwm2m_device_heard(struct lwm2m_server *server, struct lwm2m_device *device,
                        const struct transport_route *route);

/** Whether who speaks by a route may speak for an endpoint, as the caller of the library sees it.
 */
bool lwm2m_route_may_speak_for(const struct lwm2m_server *server,
                               const struct transport_route *route, const char *endpoint);

/** Whether what came by a route may be taken as the device's: without a secured transport if it
 *  registered without one, by its session, or by one that may speak for it. */
bool lwm2m_device_admits(const struct lwm2m_server *server, const struct lwm2m_device *device,
                         const struct transport_route *route);

/** Removes a device with all that is its own; ends with the DEREGISTERED event. */
void lwm2m_device_remove(struct lwm2m_server *server, struct lwm2m_device *device,
                         const char *reason);

/** Has the memory of a device that is in no table any more freed when the outermost call ends. */
void lwm2m_device_bury(struct lwm2m_server *server, struct lwm2m_device *device);

/** Decodes a response's or notification's body into an event; records are the server's. */
void lwm2m_content_into_event(struct lwm2m_server *server, const struct lwm2m_device *device,
                              const struct lwm2m_path *base, const struct lwcoap_response *response,
                              struct lwm2m_event *event);

/** Decodes the body that an event already has. */
void lwm2m_content_decode(struct lwm2m_server *server, const struct lwm2m_device *device,
                          const struct lwm2m_path *base, struct lwm2m_event *event);

/** What a content format needs to know of a device; `lookup` is the caller's memory behind it. */
struct lwm2m_device_lookup {
    struct lwm2m_server *server;
    const struct lwm2m_device *device;
};
struct lwm2m_content_context lwm2m_content_context_of(struct lwm2m_device_lookup *lookup,
                                                      const struct lwm2m_path *base);
