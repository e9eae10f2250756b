/*
 * An LwM2M server as a library: datagrams and the time go in, datagrams and events come out.
 *
 *   transport -> lwm2m_server_receive -> coap/ (duplicates, tokens, blocks)
 *             -> registration.c | observation.c | operation.c -> content/ -> one event
 *   lwm2m_server_request -> queue.c (one at a time, asleep devices wait) -> operation.c -> coap/
 *
 * It knows devices (registry.c) and nothing of MQTT, JSON commands or files. It never logs,
 * reads no clock, owns no socket, and keeps no global state.
 */
#pragma once

#include "lwm2m/coap/endpoint.h"
#include "lwm2m/content/content.h"
#include "lwm2m/device.h"
#include "lwm2m/timers/timers.h"

struct lwm2m_server;
struct lwm2m_observation;

/* --- requests to devices --- */

/** Operations of the device management and information reporting interfaces (Core TS 6.3, 6.4). */
enum lwm2m_operation {
    LWM2M_READ,             /* GET path */
    LWM2M_DISCOVER,         /* GET path, Accept: link-format */
    LWM2M_WRITE_REPLACE,    /* PUT path, records */
    LWM2M_WRITE_UPDATE,     /* POST path, records */
    LWM2M_WRITE_ATTRIBUTES, /* PUT path?query, no payload */
    LWM2M_EXECUTE,          /* POST path, arguments as text */
    LWM2M_CREATE,           /* POST object path, records */
    LWM2M_DELETE,           /* DELETE path */
    LWM2M_OBSERVE,          /* GET path, Observe 0 */
    LWM2M_CANCEL_OBSERVE,   /* GET path, Observe 1, with the token of the observation */

    /* Of several paths at once (1.1): the request's path is the root, its records name the paths.
     */
    LWM2M_READ_COMPOSITE,           /* FETCH, records without values */
    LWM2M_WRITE_COMPOSITE,          /* iPATCH, records */
    LWM2M_OBSERVE_COMPOSITE,        /* FETCH, Observe 0, records without values */
    LWM2M_CANCEL_OBSERVE_COMPOSITE, /* FETCH, Observe 1, the same records in the same order */
};

/**
 * One request to one device, in the caller's memory: it and all that it points to stay untouched
 * from lwm2m_server_request() until its final event. Zero it, then set the public members.
 */
struct lwm2m_request {
    enum lwm2m_operation operation;
    struct lwm2m_path path;
    const char *query;                  /* "pmin=1&pmax=5", NULL without */
    const struct lwm2m_record *records; /* of writes, creates and composite operations */
    size_t record_count;
    const char *arguments; /* of Execute, NULL without */
    uint16_t format;       /* of the body; LWM2M_FORMAT_NONE: chosen for the device */
    uint16_t accept;       /* of the answer; LWM2M_FORMAT_NONE: chosen for the device */
    uint64_t expires_ms;   /* when it ends as EXPIRED if it was not sent; LWM2M_TIMERS_NEVER */
    bool send_now;         /* even if the device sleeps; then it is not put back after a timeout */
    bool automatic; /* the queue has more room for it (max_automatic); an observation that it makes
                       is not renewed by a re-registration (the caller asks again) */
    bool maybe_executed; /* out: an attempt to change something went unanswered, so that the device
                            may have carried it out; in: so it was before a restart */
    void *context;       /* the caller's */

    /* The server's; do not touch. */
    struct lwm2m_server *server;
    struct lwm2m_device *device;
    struct lwm2m_request *next;
    struct lwm2m_timer expiry;
    uint16_t unanswered; /* attempts that timed out; may be read */
    uint64_t sent_ms;    /* when the last attempt began */
    uint16_t sent_format;
    uint16_t sent_accept;
    uint32_t refused_formats; /* a bit for each row of the table of formats */
    bool renewal;             /* the server's own: sets an observation up again */
    bool last_attempt;        /* not put back after a timeout */
};

/* --- events --- */

enum lwm2m_event_type {
    LWM2M_EVENT_REGISTERED,   /* also a re-registration; before the 2.01 leaves */
    LWM2M_EVENT_UPDATED,      /* before the 2.04 leaves */
    LWM2M_EVENT_DEREGISTERED, /* the device is gone after this event; `reason` */
    LWM2M_EVENT_NOTIFICATION, /* of an observation; also its end, then code is 4.xx or 5.xx */
    LWM2M_EVENT_SEND,         /* Send (1.1): answered when lwm2m_server_acknowledge() is called */

    /* What became of a request; all but ACKNOWLEDGED are final. */
    LWM2M_EVENT_ACKNOWLEDGED, /* the device has it, the answer comes later */
    LWM2M_EVENT_RESPONSE,     /* an answer of the device: code, content */
    LWM2M_EVENT_TIMEOUT,      /* no answer */
    LWM2M_EVENT_RESET,        /* the device answered with Reset */
    LWM2M_EVENT_EXPIRED,      /* its time to live passed before it could be sent */
    LWM2M_EVENT_DROPPED,      /* it will not be sent or answered any more; `reason` */
};

/** Why a device left; also the word that is published. */
#define LWM2M_LEFT_BY_ITSELF   "deregister"
#define LWM2M_LEFT_BY_LIFETIME "lifetime_expired"
#define LWM2M_LEFT_REPLACED    "replaced"
#define LWM2M_LEFT_KICKED      "kicked"

/** What must be acknowledged later; a plain value. */
struct lwm2m_receipt {
    struct lwcoap_receipt coap;
    uint64_t device; /* number of the registration, 0 for none */
};

/** One thing that happened; everything is borrowed for the call. */
struct lwm2m_event {
    enum lwm2m_event_type type;
    struct lwm2m_device *device; /* never NULL */
    const char *reason;          /* plain English, or a LWM2M_LEFT_…; "" without */
    bool object_list_changed;    /* UPDATED */
    bool registered_again;       /* REGISTERED: it was registered until now */
    bool terms_changed;          /* UPDATED: anything but the time of its end is not as before */

    struct lwm2m_request
        *request; /* of request events, else NULL; the caller's again after a final event */
    struct lwm2m_observation
        *observation; /* NOTIFICATION, and RESPONSE of an OBSERVE that established it */

    /* RESPONSE, NOTIFICATION, SEND */
    uint8_t code;            /* wire code, such as LWCOAP_CODE(2, 5) */
    struct lwm2m_path path;  /* NOTIFICATION: what is observed */
    uint32_t max_age_s;      /* how long the value is good; 60 when the device said nothing */
    uint16_t content_format; /* as received; LWM2M_FORMAT_NONE */
    const uint8_t *body;     /* as received */
    size_t body_len;
    const struct lwm2m_records
        *records;         /* decoded content; NULL when there is none or decode_err */
    int decode_err;       /* 0, or why the body could not be decoded: -EBADMSG, -ENOTSUP
                             (unknown format), -ENOSPC */
    const char *location; /* of a 2.01 to a Create: "/3303/2"; "" without */
    int32_t sequence;     /* value of the Observe option; -1 without */
    bool outdated;        /* NOTIFICATION: older than one that came before (RFC 7641, 3.4) */
    bool asked;           /* NOTIFICATION: it answers a request of ours, to observe again */
    bool acknowledged;    /* RESPONSE, NOTIFICATION: it was confirmable and answers a request of
                             ours, so the device will not send it again */

    const struct lwm2m_receipt *receipt; /* NOTIFICATION, SEND: see lwm2m_server_acknowledge(); NULL
                                            when the device waits for nothing */
};

/* --- the server --- */

struct lwm2m_server_settings {
    struct lwcoap_settings coap;
    uint32_t lifetime_min_s; /* a registration's lifetime is clamped to these */
    uint32_t lifetime_max_s;
    size_t max_devices;                /* more are answered 5.03 */
    uint32_t registrations_per_second; /* of devices that are not registered at their address;
                                          more are answered 5.03; 0: no limit */
    uint32_t registrations_burst_ms;   /* what comes to this much time may register at once */
    bool require_echo; /* without a session a device must show that it receives at its address
                          before it is registered or moved there (RFC 9175, 2.4) */
    size_t max_registration_data; /* bytes of all object lists (equal ones once) and parameters;
                                     beyond that registrations are answered 5.03; 0: no limit */
    size_t queue_length;          /* requests waiting per device; more are refused with -ENOSPC */
    size_t max_automatic;         /* automatic requests that may wait beside those */
    uint16_t queue_attempts;   /* after so many unanswered ones a request to a device in queue mode
                                  ends as TIMEOUT; 0: it waits for ever */
    size_t max_records;        /* of one payload */
    uint64_t observe_grace_ms; /* an observation is set up again that is silent for so much longer
                                  than its pmax or Max-Age; 0: never */
    uint32_t observe_pmax_s;   /* the pmax of those for which none is known; 0: silence is fine */
};

struct lwm2m_server_callbacks {
    void *ctx;
    /** A datagram to send; borrowed for the call. */
    void (*send)(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len);
    void (*event)(void *ctx, const struct lwm2m_event *event);
    /** Random bytes of cryptographic quality. */
    void (*random)(void *ctx, void *bytes, size_t len);
    /** Seconds since the epoch; for records whose time is relative to now. */
    double (*wall_clock_s)(void *ctx);
    /** A registration or an update was refused; may be NULL. */
    void (*refused)(void *ctx, const struct transport_route *route, const char *endpoint,
                    uint8_t code, const char *reason);
    /**
     * Whether who speaks by this route may speak for this endpoint: asked at Register, and when a
     * registered device is heard by another session than before. May be NULL: everybody may.
     * Besides, what registered over a secured transport is never spoken for without one.
     */
    bool (*may_speak_for)(void *ctx, const struct transport_route *route, const char *endpoint);
    /** The one endpoint name that the identity behind a route stands for (LwM2M 1.1: `ep` may be
     *  missing then); false when it is not just one, or too long for `name`. May be NULL. */
    bool (*endpoint_of)(void *ctx, const struct transport_route *route, char *name, size_t size);
    /** Bytes of the longest message that goes by a route; 0: as without the callback. May be NULL.
     */
    size_t (*message_max)(void *ctx, const struct transport_route *route);
    /** How long this endpoint stays awake after it spoke, in ms; asked once per registration. */
    uint64_t (*awake_window_ms)(void *ctx, const char *endpoint);
    /** Definition of a resource in this version of its object; false when it is not known. */
    bool (*definition)(void *ctx, uint16_t object, struct lwm2m_version version, uint16_t resource,
                       struct lwm2m_definition *definition);
    /**
     * What is worth keeping of an observation changed: see lwm2m_observation_info_of(). Comes
     * after the events of the change. An observation that leaves with its device is not reported.
     * May be NULL.
     */
    void (*observation_changed)(void *ctx, const struct lwm2m_device *device,
                                const struct lwm2m_observation *observation);
    /** A device spoke from another address than before. May be NULL. */
    void (*device_moved)(void *ctx, struct lwm2m_device *device);
    /**
     * A request is about to be sent; again after a timeout, and when a device refused the format.
     * May be NULL.
     */
    void (*request_sent)(void *ctx, const struct lwm2m_request *request);
    /** The context that was attached to an observation is not used any more. */
    void (*observation_context_free)(void *ctx, void *observation_context);
};

/** @return 0, -EINVAL (settings), -ENOMEM */
[[nodiscard]] int lwm2m_server_new(const struct lwm2m_server_settings *settings,
                                   const struct lwm2m_server_callbacks *callbacks, uint64_t now_ms,
                                   struct lwm2m_server **server);

/** Ends without events; requests still held go back to their owners untouched. Accepts NULL. */
void lwm2m_server_free(struct lwm2m_server *server);

/**
 * Says from where the next datagrams come, so that the processor fetches what it will need of all
 * of them at the same time: with a million devices nothing of it is in the caches. Changes nothing.
 */
void lwm2m_server_expect(struct lwm2m_server *server, const struct transport_route routes[],
                         size_t count);

/** Handles one datagram. */
void lwm2m_server_receive(struct lwm2m_server *server, const struct transport_route *route,
                          const uint8_t *data, size_t len, uint64_t now_ms);

/** Does what is due: retransmissions, lifetimes, expiries. */
void lwm2m_server_run(struct lwm2m_server *server, uint64_t now_ms);

/** When lwm2m_server_run() is due; LWM2M_TIMERS_NEVER when nothing waits. */
uint64_t lwm2m_server_next_ms(const struct lwm2m_server *server);

/** Whether a device is registered at this address, or a session belongs to one. */
bool lwm2m_server_knows(const struct lwm2m_server *server, const struct transport_route *route);

/** What happened since the start and raised no event; for metrics. */
struct lwm2m_server_counters {
    uint64_t registrations_limited; /* answered 5.03: too many, now or at all */
    uint64_t challenges;            /* answered 4.01 with an Echo option */
};

/** Valid as long as the server. */
const struct lwm2m_server_counters *lwm2m_server_counters(const struct lwm2m_server *server);

/** The device of an endpoint name, NULL when it is not registered. */
struct lwm2m_device *lwm2m_server_find(struct lwm2m_server *server, const char *endpoint);

/**
 * The device behind a secured transport made a new session: it is reached by that from now on.
 * Nothing happens unless it registered over a session, and may be spoken for by this one.
 */
void lwm2m_server_reroute(struct lwm2m_server *server, const char *endpoint,
                          const struct transport_route *route, uint64_t now_ms);

size_t lwm2m_server_device_count(const struct lwm2m_server *server);

/** The devices one after the other, in no order: start with `*cursor` 0. NULL after the last. None
 *  may come or leave meanwhile. */
struct lwm2m_device *lwm2m_server_next(struct lwm2m_server *server, size_t *cursor);

/** Whether a request to the device would go out now; it is only in queue mode that one sleeps. */
bool lwm2m_server_is_awake(const struct lwm2m_server *server, const struct lwm2m_device *device,
                           uint64_t now_ms);

/**
 * Sends a request, or lets it wait: for the one before it (NSTART 1), or until a device in queue
 * mode speaks. Its events may come before this returns.
 *
 * @return 0; or, with no event ever: -EINVAL (the records do not fit the format that was asked
 *         for), -ENOENT (the device is leaving), -ENOSPC (its queue is full), -ENOMEM
 */
[[nodiscard]] int lwm2m_server_request(struct lwm2m_server *server, struct lwm2m_device *device,
                                       struct lwm2m_request *request, uint64_t now_ms);

/**
 * The request of a device that waits behind another, or its first; NULL behind the last. The
 * server's own are left out. Borrowed until the server is called again.
 */
struct lwm2m_request *lwm2m_device_request_after(const struct lwm2m_device *device,
                                                 const struct lwm2m_request *request);

/** Whether it changes something on the device, so that a repetition matters. */
bool lwm2m_request_changes(const struct lwm2m_request *request);

/** Whether a request was sent and its answer is awaited; only the first of a device is. */
bool lwm2m_request_is_under_way(const struct lwm2m_request *request);

/**
 * Ends the requests of a device that wait with a DROPPED event each. One that is under way ends by
 * itself, but does not wait again; automatic ones stay. Not from within an event.
 *
 * @return how many were dropped
 */
size_t lwm2m_server_clear_queue(struct lwm2m_server *server, struct lwm2m_device *device,
                                const char *reason, uint64_t now_ms);

/** Ends every request of every device with a DROPPED event. Not from within an event. */
void lwm2m_server_drop_requests(struct lwm2m_server *server, const char *reason);

/** Removes a device as if it had left; its events end with DEREGISTERED. Not from within an event.
 */
void lwm2m_server_kick(struct lwm2m_server *server, struct lwm2m_device *device, uint64_t now_ms);

typedef bool lwm2m_device_predicate(void *ctx, const struct lwm2m_device *device);

/** The same for all that `predicate` wants removed; returns how many, 0 also when memory is short.
 *  Walks through all devices. The predicate only looks. Not from within an event. */
size_t lwm2m_server_kick_if(struct lwm2m_server *server, lwm2m_device_predicate *predicate,
                            void *ctx, uint64_t now_ms);

/** A notification or Send is safe: acknowledges it (2.04 to a Send), then lets waiting requests go.
 */
void lwm2m_server_acknowledge(struct lwm2m_server *server, const struct lwm2m_receipt *receipt,
                              uint64_t now_ms);

/** There is no room for a notification or Send: a Send is answered 5.03 and may be sent again
 * later, the rest is lwm2m_server_disregard(). */
void lwm2m_server_postpone(struct lwm2m_server *server, const struct lwm2m_receipt *receipt);

/**
 * Registers are answered 5.03 from now on, as long as what they change could not be kept or told.
 *
 * @param reason      static, for the answer; NULL: they are welcome again
 * @param per_second  how many of the refused can be served later on at least, see busy.h; 0: not
 * known
 */
void lwm2m_server_admit_none(struct lwm2m_server *server, const char *reason, uint32_t per_second);

/** A notification or Send could not be kept: its retransmission will be taken as new. */
void lwm2m_server_disregard(struct lwm2m_server *server, const struct lwm2m_receipt *receipt);

/* --- observations --- */

/** Where an observation stands; the two in the middle are worth keeping. */
enum lwm2m_observation_state {
    LWM2M_OBSERVATION_ASKED,       /* the caller's request waits or is under way */
    LWM2M_OBSERVATION_ESTABLISHED, /* the device confirmed it */
    LWM2M_OBSERVATION_LOST,        /* was established; the device registered anew since */
    LWM2M_OBSERVATION_ENDED,       /* the memory goes with the next sweep */
};

/** What is known of an observation; borrowed until the server is called again. */
struct lwm2m_observation_info {
    struct lwm2m_path path;
    const struct lwm2m_record *paths; /* of a composite observation, whose path is the root */
    size_t path_count;
    const char *query; /* NULL without */
    enum lwm2m_observation_state state;
    bool heard;        /* heard_ms is set */
    uint64_t heard_ms; /* when the last notification or answer came */
    uint32_t pmax_s;   /* as far as it is known; 0 */
};

/** The observation of a device behind another, or its first; NULL behind the last. Those that ended
 *  are left out. Borrowed until the server is called again. */
struct lwm2m_observation *lwm2m_device_observation_after(const struct lwm2m_device *device,
                                                         const struct lwm2m_observation *before);

struct lwm2m_observation_info
lwm2m_observation_info_of(const struct lwm2m_observation *observation);

/** Attaches the caller's context to an observation (frees an older one by the callback). */
void lwm2m_observation_set_context(struct lwm2m_server *server,
                                   struct lwm2m_observation *observation, void *context);
void *lwm2m_observation_context(const struct lwm2m_observation *observation);
