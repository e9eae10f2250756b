/*
 * What the files of the message layer share. Who does what, in the order of a datagram's way:
 *
 *   endpoint.c     a datagram is parsed and handed to whom it concerns
 *   duplicates.c   message ids seen lately and the answers to them      peer.c  per-peer memory
 *   transfer.c     requests of a peer that come in blocks               body.c  bytes of a body
 *   respond.c      answers, acknowledgements and resets
 *   exchange.c     our requests: sending, retransmission, outcome       request.c  their encoding
 *   blockwise.c    our requests and their responses in blocks
 *   observation.c  notifications
 *   hash.c         keyed hash of addresses, message ids
 */
#pragma once

/* uthash reports a failed allocation instead of ending the process; before its first inclusion. */
#define HASH_NONFATAL_OOM 1

#include "lwm2m/coap/endpoint.h"
#include "lwm2m/coap/options.h"
#include "lwm2m/hash/table.h"
#include "lwm2m/timers/timers.h"

#include <uthash.h>

/* --- hash.c --- */

/* The identity of a peer without padding: equal when transport_route_same_peer() is true. */
struct lwcoap_route_key {
    uint8_t ip[16]; /* zero with a session, as scope and port */
    uint32_t scope_id;
    uint32_t session;
    uint16_t port;
    uint16_t listener;
};

struct lwcoap_message_key {
    struct lwcoap_route_key route;
    uint32_t message_id;
};

struct lwcoap_route_key lwcoap_route_key_of(const struct transport_route *route);

/* SipHash with a random key: peers choose what is hashed, but cannot make it collide. */
uint64_t lwcoap_hash(const struct lwcoap_endpoint *endpoint, const void *bytes, size_t len);

/* The same of an address; the last one is remembered: a message asks for it several times. */
uint64_t lwcoap_route_hash(struct lwcoap_endpoint *endpoint, const struct lwcoap_route_key *key);

/* A message id that was not used towards this peer for EXCHANGE_LIFETIME. */
uint16_t lwcoap_message_id_next(struct lwcoap_endpoint *endpoint,
                                const struct transport_route *route);

/* --- duplicates.c --- */

#define LWCOAP_ANSWER_INLINE 40 /* an ACK with a token and "/rd/" and a location of 20 bytes */

enum lwcoap_record_state {
    LWCOAP_RECORD_FREE = 0,
    LWCOAP_RECORD_PENDING,  /* being handled: a duplicate is dropped */
    LWCOAP_RECORD_ANSWERED, /* a duplicate is answered with the same bytes, if there are any */
};

/* A message that was received; its answer lies beside it, apart from what a search looks at. */
struct lwcoap_record {
    uint32_t tick; /* when; units of 256 ms */
    uint16_t message_id;
    uint8_t state : 7;
    uint8_t confirmable : 1;
    uint8_t answer_len;
};

struct lwcoap_strangers;

struct lwcoap_strangers *lwcoap_strangers_new(void);
void lwcoap_strangers_free(struct lwcoap_strangers *strangers);

/* Whether a message was seen before; then its answer is sent again and it needs nothing more. */
bool lwcoap_duplicates_repeat(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              const struct lwcoap_message *message);
/* Remembers a message as pending. */
void lwcoap_duplicates_note(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                            const struct lwcoap_message *message);
/* Keeps the answer to a message; `len` 0: its duplicates are dropped. */
void lwcoap_duplicates_answer(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              uint16_t message_id, bool confirmable, const uint8_t *answer,
                              size_t len);
/* Forgets a message that is still pending. */
void lwcoap_duplicates_forget(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              uint16_t message_id);
/* Moves what the strangers know of a new peer to it. */
void lwcoap_duplicates_adopt(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer);
/* Moves the memory of a peer that leaves to the strangers. */
void lwcoap_duplicates_inherit(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer);

/* --- peer.c --- */

#define LWCOAP_PEER_RECORDS 4

/* What a search touches comes first and together: with a million peers none of it is cached. */
struct lwcoap_peer {
    struct transport_route route;
    uint32_t references;
    void *owner; /* the caller's note */
    struct lwcoap_record records[LWCOAP_PEER_RECORDS];
    uint8_t answers[LWCOAP_PEER_RECORDS][LWCOAP_ANSWER_INLINE];
};

struct lwcoap_peers {
    struct lwm2m_table by_route;
    struct lwcoap_peer *recent; /* the last one found: a message asks for it several times */
};

void lwcoap_peers_free(struct lwcoap_endpoint *endpoint);

/* --- body.c --- */

/* A body that is put together from blocks. */
struct lwcoap_body {
    uint8_t *bytes; /* NULL: none */
    size_t len;
    size_t capacity;
};

/* -EMSGSIZE: more than `limit`; -ENOSPC: max_transfers or max_bodies_size is reached; -ENOMEM */
[[nodiscard]] int lwcoap_body_append(struct lwcoap_endpoint *endpoint, struct lwcoap_body *body,
                                     size_t limit, const uint8_t *bytes, size_t len);
void lwcoap_body_clear(struct lwcoap_endpoint *endpoint, struct lwcoap_body *body);

/* --- transfer.c --- */

struct lwcoap_transfer;

#define LWCOAP_TRANSFER_SLOTS 4096 /* peers have to be told apart only roughly */

/* A block of a request: answered here, or, if it was the last one, handed over with the others. */
void lwcoap_transfer_receive(struct lwcoap_endpoint *endpoint, struct lwcoap_inbound *inbound,
                             const struct lwcoap_options *options);
void lwcoap_transfers_free(struct lwcoap_endpoint *endpoint);

/* --- respond.c --- */

void lwcoap_send(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                 const uint8_t *datagram, size_t len);
/* An empty ACK or RST; remembered for duplicates with `remember`. */
void lwcoap_send_empty(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                       enum lwcoap_type type, uint16_t message_id, bool remember);
/* lwcoap_respond() with a Size1 option unless `size1` is 0. */
void lwcoap_reply_send(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                       const struct lwcoap_reply *reply, uint32_t size1);
/* An answer that is only a code. */
void lwcoap_reply_code(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                       uint8_t code);
/* Whether an answer of this length may go there: the address may be borrowed, and what is sent to
 * its owner must not be worth the trouble (RFC 7252, 11.3). */
bool lwcoap_may_answer(const struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                       size_t message_len, size_t answer_len);
struct lwcoap_receipt lwcoap_receipt_of(const struct transport_route *route,
                                        const struct lwcoap_message *message);

/* --- exchange.c, request.c, blockwise.c --- */

/* A long notification whose rest is being fetched; what block 0 said. */
struct lwcoap_fetch {
    struct lwcoap_endpoint *endpoint;
    struct lwcoap_observation *observation;
    struct lwcoap_response notification;
};

/* Our body on its way to the peer (Block1). */
struct lwcoap_upload {
    bool sliced;
    bool restarted; /* once, after 4.08 */
    uint8_t szx;
    size_t offset; /* of the block under way */
};

/* The peer's body on its way to us (Block2). */
struct lwcoap_download {
    bool active;    /* the message under way asks for the block at body.len */
    bool restarted; /* once, after the representation changed */
    uint8_t szx;
    uint8_t etag[8];
    uint8_t etag_len;
    struct lwcoap_body body;
    struct lwcoap_response first; /* what block 0 said; body unused */
};

struct lwcoap_exchange {
    struct lwm2m_timer timer; /* first: the exchange is found from it */
    UT_hash_handle by_token;
    UT_hash_handle by_message;
    uint8_t token[LWCOAP_TOKEN_LEN];
    struct lwcoap_message_key message; /* of the message under way */
    struct transport_route route;
    struct lwcoap_request request;          /* what it points at follows this struct */
    struct lwcoap_observation *observation; /* NULL: none, or it was removed meanwhile */
    struct lwcoap_fetch *fetch;             /* owned; NULL but for the rest of a notification */
    lwcoap_outcome_callback *callback;
    void *ctx;
    uint8_t max_szx; /* what its route takes */
    struct lwcoap_upload upload;
    struct lwcoap_download download;
    uint64_t timeout_ms;
    uint8_t transmissions;
    bool acknowledged; /* the message under way got an empty ACK */
    bool reported;     /* the caller knows of an empty ACK */
    bool observing;    /* the response established the observation */
    bool finished;
};

/* Not sent yet: lwcoap_exchange_start() or lwcoap_exchange_free(). With a random token. */
[[nodiscard]] int lwcoap_exchange_new(struct lwcoap_endpoint *endpoint,
                                      const struct transport_route *route,
                                      const struct lwcoap_request *request,
                                      lwcoap_outcome_callback *callback, void *ctx,
                                      struct lwcoap_exchange **exchange);
void lwcoap_exchange_free(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange);
/* -EINVAL: does not fit a datagram; -ENOSPC, -ENOMEM; on failure it is still the caller's. */
[[nodiscard]] int lwcoap_exchange_start(struct lwcoap_endpoint *endpoint,
                                        struct lwcoap_exchange *exchange);
/* Sends the next message of the exchange as upload and download say: a block, a part. */
void lwcoap_exchange_next(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange);
void lwcoap_exchange_finish(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                            enum lwcoap_outcome outcome, const struct lwcoap_response *response,
                            const char *reason);
/* From now on the exchange has a token of its own and leaves its observation's to notifications. */
[[nodiscard]] int lwcoap_exchange_retoken(struct lwcoap_endpoint *endpoint,
                                          struct lwcoap_exchange *exchange);
struct lwcoap_exchange *lwcoap_exchange_find(struct lwcoap_endpoint *endpoint,
                                             const struct lwcoap_message *message);
void lwcoap_exchange_acknowledged(struct lwcoap_endpoint *endpoint,
                                  const struct transport_route *route, uint16_t message_id);
void lwcoap_exchange_reset(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                           uint16_t message_id);
void lwcoap_exchanges_free(struct lwcoap_endpoint *endpoint);

/* Bytes of the slice of the body that the message under way carries. */
size_t lwcoap_upload_slice(const struct lwcoap_exchange *exchange);
/* Writes the message under way. @return its length, or -EINVAL when it does not fit */
[[nodiscard]] int lwcoap_request_write(const struct lwcoap_exchange *exchange,
                                       uint8_t datagram[LWCOAP_DATAGRAM_MAX]);

/* A response to the message under way. */
void lwcoap_exchange_response(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                              const struct lwcoap_message *message,
                              const struct lwcoap_options *options);
/* Takes block 0 of a response and prepares to ask for the rest. @return NULL, or why not */
const char *lwcoap_download_begin(struct lwcoap_endpoint *endpoint,
                                  struct lwcoap_exchange *exchange,
                                  const struct lwcoap_message *message,
                                  const struct lwcoap_options *options);

/* --- observation.c --- */

struct lwcoap_observation *lwcoap_observation_find(struct lwcoap_endpoint *endpoint,
                                                   const struct lwcoap_message *message);
/* A response established the observation: it is added and its sequence starts anew. */
[[nodiscard]] int lwcoap_observation_establish(struct lwcoap_endpoint *endpoint,
                                               struct lwcoap_observation *observation,
                                               uint32_t sequence);
void lwcoap_notification_receive(struct lwcoap_endpoint *endpoint,
                                 struct lwcoap_observation *observation,
                                 const struct transport_route *route,
                                 const struct lwcoap_message *message,
                                 const struct lwcoap_options *options);

/* --- endpoint.c --- */

struct lwcoap_endpoint {
    struct lwcoap_settings settings;
    struct lwcoap_callbacks callbacks;
    struct lwcoap_counters counters;
    uint64_t now_ms; /* of the call under way */
    uint8_t max_szx; /* max_block_size */
    uint64_t hash_key[2];
    struct lwm2m_timers *timers;
    uint16_t *message_ids;
    struct lwcoap_strangers *strangers;
    struct lwcoap_peers peers;
    struct {
        bool valid;
        struct lwcoap_route_key key;
        uint64_t hash;
    } recent; /* the last address that was hashed */
    struct lwcoap_exchange *exchanges_by_token;
    struct lwcoap_exchange *exchanges_by_message;
    size_t exchange_count;
    struct lwm2m_table observations;   /* by token */
    struct lwcoap_transfer *transfers; /* the one that was quiet for longest first */
    size_t body_count;
    size_t bodies_size;        /* bytes that bodies take, or might before they grow again */
    size_t stranger_transfers; /* of peers that nobody holds */
    uint8_t transfers_of[LWCOAP_TRANSFER_SLOTS]; /* of the peers whose address hashes there */
};

/* Time never goes back, whatever the callers say. */
static inline void lwcoap_note_time(struct lwcoap_endpoint *endpoint, uint64_t now_ms)
{
    endpoint->now_ms = now_ms > endpoint->now_ms ? now_ms : endpoint->now_ms;
}

static inline unsigned lwcoap_code_class(uint8_t code)
{
    return code >> 5;
}
