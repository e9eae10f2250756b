/*
 * The CoAP message layer of a server that serves very many peers (RFC 7252, 4 and 5; RFC 7959;
 * RFC 7641): datagrams and the time go in, datagrams, requests, responses and notifications come
 * out. It waits for nothing and owns no socket.
 *
 * What grows with the fleet is only struct lwcoap_peer: one per registered device, it remembers
 * the peer's last few message ids with the answers to them. An exchange exists only
 * while one of our requests is under way. Everything a peer sends is found by hash: requests by
 * the peer's address, responses and notifications by their random 8-byte token alone, so that they
 * still match after a NAT gave the device another port.
 *
 * NSTART is the caller's: it has one exchange per device under way (RFC 7252, 4.7).
 */
#pragma once

#include "lwm2m/coap/message.h"
#include "lwm2m/transport/route.h"

struct lwcoap_endpoint;
struct lwcoap_exchange;
struct lwcoap_observation;

struct lwcoap_settings {
    uint32_t ack_timeout_ms;       /* ACK_TIMEOUT, 2000 */
    double ack_random_factor;      /* ACK_RANDOM_FACTOR, 1.5 */
    unsigned max_retransmit;       /* MAX_RETRANSMIT, 4 */
    uint32_t exchange_lifetime_ms; /* EXCHANGE_LIFETIME, 247000: how long answers are remembered */
    uint32_t response_timeout_ms;  /* from an empty ACK to the separate response, 93000 */
    uint16_t max_block_size;       /* 16 … 1024, a power of two */
    size_t max_body_size;          /* bytes of a body put together from blocks, either direction */
    size_t max_transfers;          /* bodies being put together at once, all peers together; those
                                      that nobody holds begin half of them at most */
    size_t max_bodies_size;        /* bytes of all those bodies; 0: no bound */
    size_t max_exchanges;          /* our requests under way at once, all peers together */
    unsigned max_amplification;    /* bytes of an answer for each byte of its request, where the
                                      source may be borrowed: without a session; 0: no bound */
};

#define LWCOAP_DATAGRAM_MAX 1280 /* bytes of the longest datagram that is ever sent */

/** What a later acknowledgement or answer needs to know of a message; a plain value. */
struct lwcoap_receipt {
    struct transport_route route;
    uint16_t message_id;
    bool confirmable;
    uint8_t code; /* of the message: a request's method, or a notification's response code */
    uint16_t len; /* of the datagram */
    uint8_t token[8];
    uint8_t token_len;
    uint32_t block1; /* value of the request's Block1 option + 1, to be echoed; 0 without */
    uint32_t block2; /* value of the request's Block2 option + 1, asking for a part; 0 without */
};

/** A request of a peer with its whole body; everything is borrowed for the call. */
struct lwcoap_inbound {
    struct lwcoap_receipt receipt; /* keep a copy to answer later */
    const struct lwcoap_message
        *message;            /* for its options: of the last block if there were several */
    uint16_t content_format; /* of the first block; LWCOAP_FORMAT_NONE */
    uint16_t accept;         /* LWCOAP_FORMAT_NONE */
    const uint8_t *body;
    size_t body_len;
};

/** Our answer to a request; borrowed. */
struct lwcoap_reply {
    uint8_t code;
    const char *location[2]; /* Location-Path segments, NULL where unused */
    uint16_t content_format; /* LWCOAP_FORMAT_NONE */
    uint32_t max_age_s;      /* 0: no option */
    const uint8_t *echo;     /* value of an Echo option (RFC 9175, 2.2.1) */
    size_t echo_len;         /* 0: no option */
    const uint8_t *payload;
    size_t payload_len;
};

/** A request of ours; borrowed for the call. */
struct lwcoap_request {
    uint8_t code;      /* LWCOAP_GET … LWCOAP_IPATCH */
    const char *path;  /* "/3/0": segments between slashes, taken as they are; "" or "/": none */
    const char *query; /* "pmin=1&pmax=5": split at '&'; NULL or "": none */
    uint16_t content_format; /* of the body; LWCOAP_FORMAT_NONE */
    uint16_t accept;         /* LWCOAP_FORMAT_NONE */
    int32_t observe;         /* 0 register, 1 deregister, -1 no option */
    const uint8_t *body;     /* sent block-wise when it is longer than a block */
    size_t body_len;
};

/** A response or notification with its whole body; borrowed for the call. */
struct lwcoap_response {
    uint8_t code;
    uint16_t content_format; /* LWCOAP_FORMAT_NONE */
    int32_t observe;         /* value of the Observe option, 24 bits; -1 without */
    uint32_t max_age_s;      /* 60 without the option (RFC 7252, 5.10.5) */
    const char *location;    /* "/rd/5": Location-Path joined; "" without */
    const uint8_t *body;
    size_t body_len;
    bool outdated;                 /* a notification older than one seen before (RFC 7641, 3.4) */
    struct lwcoap_receipt receipt; /* of a notification: lwcoap_acknowledge() when it is safe */
};

enum lwcoap_outcome {
    LWCOAP_OUTCOME_ACKNOWLEDGED, /* empty ACK: the response will come later; the exchange goes on */
    LWCOAP_OUTCOME_RESPONSE,     /* final; `response` is set */
    LWCOAP_OUTCOME_RESET,        /* final */
    LWCOAP_OUTCOME_TIMEOUT,      /* final: no answer to any transmission, or none after an ACK */
    LWCOAP_OUTCOME_FAILED,       /* final: the block-wise transfer broke; `reason` is set */
};

/**
 * What became of a request. After a final outcome the exchange is gone; the callback may send the
 * next request. `response` is NULL and `reason` "" unless said above.
 */
typedef void lwcoap_outcome_callback(void *ctx, struct lwcoap_exchange *exchange,
                                     enum lwcoap_outcome outcome,
                                     const struct lwcoap_response *response, const char *reason);

struct lwcoap_callbacks {
    void *ctx;
    /** A datagram to send; borrowed for the call. */
    void (*send)(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len);
    /** A request of a peer: answer with lwcoap_respond(), here or later. */
    void (*request)(void *ctx, const struct lwcoap_inbound *inbound);
    /**
     * A request comes in blocks; `inbound` is this block alone. Returns how many bytes its body may
     * have, or 0 after answering it instead: then nothing is kept. May be NULL: max_body_size.
     */
    size_t (*body_limit)(void *ctx, const struct lwcoap_inbound *inbound);
    /**
     * A notification of an observation, also its end (a code of class 4 or 5): that one is removed
     * by the caller, who may wait with it until the last word is safe. A confirmable one
     * waits for lwcoap_acknowledge() or lwcoap_reject(); duplicates are held back meanwhile.
     */
    void (*notification)(void *ctx, struct lwcoap_observation *observation,
                         const struct lwcoap_response *response);
    /**
     * The request that established an observation, without its Observe option: the rest of a
     * notification that is longer than a block is fetched with it (RFC 7959, 3.4). What `request`
     * points at is read before the endpoint returns from the call under way. False: not known, the
     * notification is dropped. May be NULL: never known.
     */
    bool (*observation_request)(void *ctx, struct lwcoap_observation *observation,
                                struct lwcoap_request *request);
    /**
     * Bytes of the longest message that goes by this route; 0: LWCOAP_DATAGRAM_MAX, as without the
     * callback. Blocks are made as small as that needs. May be NULL.
     */
    size_t (*message_max)(void *ctx, const struct transport_route *route);
    /**
     * Whether a response that came by `from` is its peer's: asked for one whose request left by
     * another session (`asked`; `observation` is NULL), and for every notification (`asked` is
     * NULL). What is not is handled like a token that nobody knows. May be NULL: it always is.
     */
    bool (*admits)(void *ctx, struct lwcoap_observation *observation,
                   const struct transport_route *asked, const struct transport_route *from);
    /** The rest of a notification that was to be fetched did not come: nothing is delivered. May be
     *  NULL. */
    void (*fetch_failed)(void *ctx, struct lwcoap_observation *observation);
    /** Random bytes of cryptographic quality. */
    void (*random)(void *ctx, void *bytes, size_t len);
};

/** @return 0, -EINVAL (settings), -ENOMEM */
[[nodiscard]] int lwcoap_endpoint_new(const struct lwcoap_settings *settings,
                                      const struct lwcoap_callbacks *callbacks, uint64_t now_ms,
                                      struct lwcoap_endpoint **endpoint);

/** Ends without calling back; peers, exchanges and observations must not be used any more. */
void lwcoap_endpoint_free(struct lwcoap_endpoint *endpoint);

/** Handles one datagram. Malformed ones are dropped, or answered as RFC 7252, 4.2/4.3 asks. */
void lwcoap_endpoint_receive(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                             const uint8_t *data, size_t len, uint64_t now_ms);

/** Retransmits and times out what is due. */
void lwcoap_endpoint_run(struct lwcoap_endpoint *endpoint, uint64_t now_ms);

/** When lwcoap_endpoint_run() is due; LWM2M_TIMERS_NEVER when nothing waits. */
uint64_t lwcoap_endpoint_next_ms(const struct lwcoap_endpoint *endpoint);

/** What happened since the start and has no callback; for metrics. */
struct lwcoap_counters {
    uint64_t malformed;  /* datagrams that are no CoAP message of version 1 */
    uint64_t duplicates; /* dropped, or answered from memory */
    uint64_t resets_sent;
    uint64_t ignored; /* responses and acknowledgements that match nothing */
    uint64_t retransmissions;
    uint64_t transfers_refused;    /* bodies in blocks answered with 5.03: too many at once */
    uint64_t transfers_abandoned;  /* bodies in blocks whose peer stopped sending */
    uint64_t notifications_broken; /* longer than a block, and the rest could not be fetched */
};

/** Valid as long as the endpoint. */
const struct lwcoap_counters *lwcoap_endpoint_counters(const struct lwcoap_endpoint *endpoint);

/* --- answering --- */

/**
 * Answers a request: piggybacked on the ACK of a confirmable one, as NON otherwise. The answer is
 * remembered and sent again to duplicates of the request (RFC 7252, 4.5). A payload longer than a
 * block is cut as the request's Block2 asks. An answer that would be too long for its request
 * (max_amplification) is only a code.
 */
void lwcoap_respond(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                    const struct lwcoap_reply *reply, uint64_t now_ms);

/** Acknowledges a confirmable notification; nothing to do for a non-confirmable one. */
void lwcoap_acknowledge(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                        uint64_t now_ms);

/** Forgets a message that was neither answered nor acknowledged: its retransmission is taken as
 * new. */
void lwcoap_disregard(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt);

/** Answers a notification with Reset: the device ends the observation (RFC 7641, 3.6). */
void lwcoap_reject(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                   uint64_t now_ms);

/* --- peers --- */

/**
 * The memory of a peer's last messages; shared by all who hold the same route. Without one a
 * source shares a small ring with all other strangers.
 *
 * @return a reference (lwcoap_peer_release), NULL when memory is short
 */
struct lwcoap_peer *lwcoap_peer_hold(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route);
void lwcoap_peer_release(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer);
const struct transport_route *lwcoap_peer_route(const struct lwcoap_peer *peer);

/** The same peer at another address: a session that moved (RFC 9146, 6). */
void lwcoap_peer_moved(struct lwcoap_peer *peer, const struct transport_route *route);

/** The peer of a route; borrowed, NULL when nobody holds it. */
struct lwcoap_peer *lwcoap_peer_find(struct lwcoap_endpoint *endpoint,
                                     const struct transport_route *route);

#define LWCOAP_PEERS_AHEAD 64

/**
 * The peers of many routes, looked up at the same time instead of one after the other, and fetched
 * into the caches: `peers[i]` is that of `routes[i]`, or of another route, or NULL. For what is
 * going to be looked up anyway; at most LWCOAP_PEERS_AHEAD.
 */
void lwcoap_peers_fetch(struct lwcoap_endpoint *endpoint, const struct transport_route routes[],
                        size_t count, struct lwcoap_peer *peers[]);

/** A note of the caller's on a peer: whose messages come from there; NULL at first. */
void lwcoap_peer_set_owner(struct lwcoap_peer *peer, void *owner);
void *lwcoap_peer_owner(const struct lwcoap_peer *peer);

/* --- requests --- */

/**
 * Sends a confirmable request. With `observation` its token is the observation's: Observe 0 starts
 * it (a success with an Observe option adds the observation, no success removes it), Observe 1 ends
 * it (any final outcome removes it).
 *
 * @param[out] exchange  owned by the endpoint, valid until its final outcome; may be NULL
 * @return 0, -EINVAL (path, query or body too long for a message; observe does not fit
 *         `observation`), -EBUSY (a request for this observation is under way), -ENOSPC
 *         (max_exchanges), -ENOMEM; `callback` is never called from within
 */
[[nodiscard]] int lwcoap_request_send(struct lwcoap_endpoint *endpoint,
                                      const struct transport_route *route,
                                      const struct lwcoap_request *request,
                                      struct lwcoap_observation *observation,
                                      lwcoap_outcome_callback *callback, void *ctx, uint64_t now_ms,
                                      struct lwcoap_exchange **exchange);

/** Whether max_exchanges requests are under way: another one gets -ENOSPC. */
bool lwcoap_endpoint_is_busy(const struct lwcoap_endpoint *endpoint);

/** Gives an exchange up without calling back; a late response is then an unknown one. */
void lwcoap_exchange_cancel(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange);

/**
 * The peer was heard of: what was repeated at least once already, so that it may have been out of
 * reach until now, goes out once more at once instead of when its timer says. It counts as one of
 * the transmissions.
 */
void lwcoap_exchange_hurry(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                           uint64_t now_ms);

/** The peer's address changed: what is still to be sent goes there. */
void lwcoap_exchange_reroute(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                             const struct transport_route *route);

/* --- observations --- */

#define LWCOAP_TOKEN_LEN 8

/**
 * An observation lives in the caller's memory and must be removed before that goes. Its token is
 * made by lwcoap_observation_init() or comes back from a store.
 */
struct lwcoap_observation {
    uint8_t token[LWCOAP_TOKEN_LEN];
    bool added;        /* notifications with this token are matched */
    bool seen;         /* sequence and received_ms are set */
    uint32_t sequence; /* highest Observe value, 24 bits */
    uint64_t received_ms;
    struct lwcoap_exchange *request; /* the endpoint's: Observe 0 or 1 under way */
    struct lwcoap_exchange *fetch;   /* the endpoint's: the rest of a long notification under way */
};

/** Zeroes the observation and gives it a token: a random one when `token` is NULL. */
void lwcoap_observation_init(struct lwcoap_endpoint *endpoint,
                             struct lwcoap_observation *observation,
                             const uint8_t token[LWCOAP_TOKEN_LEN]);

/** Starts matching notifications (lwcoap_request_send does so by itself). @return 0 or -ENOMEM */
[[nodiscard]] int lwcoap_observation_add(struct lwcoap_endpoint *endpoint,
                                         struct lwcoap_observation *observation);

/** Whether notifications with this token are matched already. */
bool lwcoap_observation_has(struct lwcoap_endpoint *endpoint,
                            const uint8_t token[LWCOAP_TOKEN_LEN]);

/** Stops matching: further notifications are answered with Reset. Accepts one not added. */
void lwcoap_observation_remove(struct lwcoap_endpoint *endpoint,
                               struct lwcoap_observation *observation);
