/*
 * The registered devices: their memory, found by endpoint name and by location id.
 *
 * This header is the library's own; others see devices through device.h. A device is one block
 * of memory with its endpoint name at the end; what it shares with others (object list, CoAP
 * peer) is counted elsewhere.
 */
#pragma once

#include "lwm2m/coap/endpoint.h"
#include "lwm2m/device.h"
#include "lwm2m/hash/table.h"
#include "lwm2m/parameters.h"
#include "lwm2m/timers/timers.h"

struct lwm2m_request;
struct lwm2m_silence_pmax;
struct lwm2m_observation;

/* 64 random bits as base64url. */
#define LWM2M_LOCATION_LEN 11

struct lwm2m_device {
    /* The registration. */
    uint64_t number; /* the location id as a number; never 0 */
    char location[LWM2M_LOCATION_LEN + 1];
    struct lwm2m_version version;
    bool queue_mode;
    bool gave_object_list;
    bool gone; /* left; its memory goes when the outermost call returns */
    uint32_t lifetime_s;
    struct lwm2m_timer lifetime; /* may fire early: an Update moves only expires_ms */
    uint64_t expires_ms;
    struct lwm2m_parameters parameters; /* without `ep` */
    const struct lwm2m_object_list *object_list;
    struct lwcoap_peer *peer; /* where it was last heard */

    /* Requests: queue.c. */
    struct lwm2m_request *queue_head; /* the one under way is the head */
    struct lwm2m_request *queue_tail;
    struct lwm2m_device *next_ready;
    struct lwcoap_exchange *exchange;      /* of the head, NULL while nothing is under way */
    struct lwm2m_observation *in_exchange; /* that the exchange starts or ends, or NULL */
    uint32_t queue_length;
    uint32_t touched_ms; /* the lower bits of when the queue was to be looked at last */
    uint32_t awake_window_ms;
    uint64_t awake_until_ms;
    bool ready;            /* in the server's list of devices whose queue is to be looked at */
    bool spoke;            /* since the queue was looked at last */
    bool fetching;         /* perhaps: the rest of a long notification of some observation */
    bool refuses_accept;   /* answered 4.06 to a format that it had announced */
    uint16_t write_format; /* learned after a 4.15; LWM2M_FORMAT_NONE before */
    uint32_t note;         /* the caller's, as is the key */
    uint64_t key;

    struct lwm2m_observation *observations;
    uint64_t silence_ms; /* none of them is missed before: silence.c */
    struct lwm2m_silence_pmax *pmaxes;
    char endpoint[]; /* terminated */
};

struct lwm2m_registry {
    uint64_t hash_key[2]; /* random: devices choose their names */
    struct lwm2m_table by_endpoint;
    struct lwm2m_table by_location;
};

/** Frees the tables, not the devices in them. */
void lwm2m_registry_deinit(struct lwm2m_registry *registry);

/** A device with only its name, in no table yet. @return NULL when memory is short */
struct lwm2m_device *lwm2m_device_new(const char *endpoint);

/** Frees a device that is in no table and holds neither peer, object list nor observations. */
void lwm2m_device_free(struct lwm2m_device *device);

/**
 * Gives a device its location and adds it, under its name too if it is not there yet.
 *
 * @return 0 or -ENOMEM: then nothing changed
 */
[[nodiscard]] int lwm2m_registry_place(struct lwm2m_registry *registry, struct lwm2m_device *device,
                                       uint64_t number);

/** Takes a device that was placed out again. */
void lwm2m_registry_remove(struct lwm2m_registry *registry, struct lwm2m_device *device);

struct lwm2m_device *lwm2m_registry_find(const struct lwm2m_registry *registry,
                                         const char *endpoint);
struct lwm2m_device *lwm2m_registry_find_number(const struct lwm2m_registry *registry,
                                                uint64_t number);

/** Has what finds a device by its location id fetched into the caches. */
void lwm2m_registry_prefetch(const struct lwm2m_registry *registry,
                             const struct lwm2m_device *device);

/** The device of a location id as a request spells it; NULL for anything else. */
struct lwm2m_device *lwm2m_registry_find_location(const struct lwm2m_registry *registry,
                                                  const uint8_t *location, size_t len);

/** All devices in no order, as lwm2m_table_next(). */
struct lwm2m_device *lwm2m_registry_next(const struct lwm2m_registry *registry, size_t *cursor);
size_t lwm2m_registry_count(const struct lwm2m_registry *registry);
