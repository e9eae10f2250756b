/*
 * What is observed on which device (Core TS 6.4; RFC 7641). An observation that somebody asked
 * for is wanted until it is cancelled or the device ends it: it survives Updates, and after a
 * re-registration it is set up again with the same token.
 */
#pragma once

#include "lwm2m/durable.h"
#include "lwm2m/internal.h"

struct lwm2m_observation {
    struct lwcoap_observation coap; /* first: notifications come with a pointer to it */
    struct lwm2m_device *device;
    struct lwm2m_observation *next; /* of the same device */
    struct lwm2m_path path;
    struct lwm2m_record *paths; /* of a composite observation, whose path is the root; else NULL */
    size_t path_count;
    uint16_t accept; /* as it was asked for */
    enum lwm2m_observation_state state;
    bool changed;       /* the caller is still to be told: with the next sweep */
    bool automatic;     /* not renewed by us after a Register */
    bool told;          /* told_ms is when the device told its value last */
    bool last_word;     /* its end is not acknowledged yet: it may be told again */
    uint8_t pmax_depth; /* of the path whose attribute pmax_s is; 0: it is not learned */
    uint32_t pmax_s;    /* a word is due so often: silence.c; 0 is not known */
    uint32_t max_age_s; /* what the device said last; 0 for nothing */
    uint64_t told_ms;
    uint64_t due_ms;               /* it is missed from then on */
    struct lwm2m_request *renewal; /* waits in the queue or is under way; NULL without */
    char *query;                   /* "pmin=1", NULL without */
    void *context;                 /* the caller's */
};

/** The observation of a single path, NULL when there is none. */
struct lwm2m_observation *lwm2m_observation_find(const struct lwm2m_device *device,
                                                 const struct lwm2m_path *path);

/** The request that would set an observation up again; it points into the observation. */
struct lwm2m_request lwm2m_observation_request(struct lwm2m_observation *observation);

/** An OBSERVE request was queued: its observation is wanted from now on. @return 0 or -ENOMEM */
[[nodiscard]] int lwm2m_observation_want(struct lwm2m_server *server,
                                         const struct lwm2m_request *request);

/**
 * An OBSERVE or CANCEL_OBSERVE request is about to be sent.
 *
 * @param[out] coap  the observation whose token it carries; NULL when nothing is there to cancel
 * @return 0 or -ENOMEM
 */
[[nodiscard]] int lwm2m_observation_start(struct lwm2m_server *server,
                                          const struct lwm2m_request *request, uint16_t accept,
                                          struct lwcoap_observation **coap);

/**
 * Such a request is over: establishes or ends the observation, and names it in the event.
 *
 * @param in_exchange  what the request was sent for; NULL if it was never sent
 */
void lwm2m_observation_finish(struct lwm2m_server *server, const struct lwm2m_request *request,
                              struct lwm2m_observation *in_exchange, struct lwm2m_event *event);

/** Such a request was not answered and will be sent again; `in_exchange` as above. */
void lwm2m_observation_put_back(struct lwm2m_server *server, const struct lwm2m_request *request,
                                struct lwm2m_observation *in_exchange);

/** Has an observation set up again, unless that waits already; when memory is short, later. */
void lwm2m_observation_renew(struct lwm2m_server *server, struct lwm2m_observation *observation);

/** A renewal is over: its answer is raised as a notification; frees the request. */
void lwm2m_observation_renewed(struct lwm2m_server *server, struct lwm2m_request *request,
                               const struct lwm2m_event *event);

/** After a Register: the device forgot everything. */
void lwm2m_observations_renew(struct lwm2m_server *server, struct lwm2m_device *device);

/** An Update brings this list: ends the observations of what the device has no more. */
void lwm2m_observations_compare(struct lwm2m_server *server, struct lwm2m_device *device,
                                const struct lwm2m_object_list *list);

/** After an Update: tries again to set up what is still lost. */
void lwm2m_observations_repair(struct lwm2m_server *server, struct lwm2m_device *device);

/** A notification came. */
void lwm2m_observation_notified(struct lwm2m_server *server, struct lwm2m_observation *observation,
                                const struct lwcoap_response *response);

/** What the device was told with this receipt is safe: if it was the end of an observation, the
 *  observation goes. */
void lwm2m_observations_acknowledged(struct lwm2m_server *server, struct lwm2m_device *device,
                                     const struct lwcoap_receipt *receipt);

/** Takes one back that is ESTABLISHED or LOST; as lwm2m_server_restore_observation(). */
[[nodiscard]] int lwm2m_observation_restore(struct lwm2m_server *server,
                                            const struct lwm2m_request *request,
                                            const struct lwm2m_durable_observation *kept);

/** Tells the caller what changed, and frees what ended where nothing under way refers to it any
 *  more. */
void lwm2m_observations_sweep(struct lwm2m_server *server, struct lwm2m_device *device);

/** Whether the rest of a long notification is being asked for, which is a request as well. */
bool lwm2m_observations_fetch(struct lwm2m_device *device);

/** The device leaves. */
void lwm2m_observations_end(struct lwm2m_server *server, struct lwm2m_device *device);
