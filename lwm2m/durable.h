/*
 * What of a device must survive a restart of the server, and how it comes back.
 *
 * The server keeps nothing on a disk. It describes the state of a device or of an observation as a
 * plain value, tells when that of an observation changed (lwm2m_server_callbacks), and takes such
 * values back before its first datagram: the location, the tokens, what was learned. Of an
 * observation's notifications the newest sequence number is not kept: the first one after a
 * restart counts as fresh. Message ids start at random, so that what a device remembers of former
 * exchanges does not meet the new ones.
 *
 * What comes back may be damaged: it is checked as a device's own message is.
 */
#pragma once

#include "lwm2m/server.h"

/** State of a registration; everything is borrowed. */
struct lwm2m_durable_device {
    const char *endpoint; /* terminated */
    uint64_t number;      /* the location id as a number; never 0 */
    struct lwm2m_version version;
    uint32_t lifetime_s;   /* as it is counted; 0 never ends */
    uint64_t remaining_ms; /* until it ends; of no meaning with a lifetime of 0 */
    bool queue_mode;
    bool gave_object_list; /* false: it registered no links */
    bool refuses_accept;   /* what 4.06 and 4.15 taught */
    uint16_t write_format; /* LWM2M_FORMAT_NONE: nothing */
    struct transport_route route;
    const char *parameters; /* packed: "name" NUL "=value" NUL …; NULL without */
    size_t parameters_len;
    const uint8_t *links; /* link-format, as the device wrote it */
    size_t links_len;
};

/** Describes a device; pointers are good until the server is called again. */
void lwm2m_device_describe(const struct lwm2m_device *device, uint64_t now_ms,
                           struct lwm2m_durable_device *state);

/** When the registration ends, on the server's clock; LWM2M_TIMERS_NEVER with a lifetime of 0. */
uint64_t lwm2m_device_expires_ms(const struct lwm2m_device *device);

/** Numbers of the caller's on a device, 0 at first: where it keeps it, and anything else. */
void lwm2m_device_set_key(struct lwm2m_device *device, uint64_t key);
uint64_t lwm2m_device_key(const struct lwm2m_device *device);
void lwm2m_device_set_note(struct lwm2m_device *device, uint32_t note);
uint32_t lwm2m_device_note(const struct lwm2m_device *device);

/**
 * Takes a registration back, without an event. A device in queue mode sleeps until it speaks. One
 * whose time is up leaves with the next lwm2m_server_run().
 *
 * @param[out] device  the server's, for lwm2m_server_restore_observation(); may be NULL
 * @return 0, -EBADMSG (damaged), -EEXIST (endpoint or location is taken), -ENOSPC (max_devices),
 *         -ENOMEM; on failure nothing changed
 */
[[nodiscard]] int lwm2m_server_restore_device(struct lwm2m_server *server,
                                              const struct lwm2m_durable_device *state,
                                              uint64_t now_ms, struct lwm2m_device **device);

/** State of an observation; everything is borrowed. */
struct lwm2m_durable_observation {
    uint8_t token[LWCOAP_TOKEN_LEN];
    enum lwm2m_observation_state state;
    struct lwm2m_path path;           /* the root of a composite one */
    const struct lwm2m_record *paths; /* of a composite one, records without values; else NULL */
    size_t path_count;
    const char *query;  /* "pmin=1"; NULL without */
    uint16_t accept;    /* LWM2M_FORMAT_NONE */
    uint32_t pmax_s;    /* an attribute of the device for the path cut to `pmax_depth` segments, */
    uint8_t pmax_depth; /* 0: none is known, or the query has one */
    bool automatic;
    void *context; /* see lwm2m_observation_set_context() */
};

/** Describes an observation; pointers are good until the server is called again. */
void lwm2m_observation_describe(const struct lwm2m_observation *observation,
                                struct lwm2m_durable_observation *state);

/**
 * Takes an observation of a restored device back, ESTABLISHED or LOST; a lost one is set up again
 * after the next Update. The context becomes the server's, as with
 * lwm2m_observation_set_context().
 *
 * @return 0, -EBADMSG (damaged), -EEXIST (token or path is taken), -ENOMEM; on failure nothing
 *         changed, and the context is still the caller's
 */
[[nodiscard]] int lwm2m_server_restore_observation(struct lwm2m_server *server,
                                                   struct lwm2m_device *device,
                                                   const struct lwm2m_durable_observation *state);
