/*
 * A fake world around one endpoint: a clock that only moves when told, peers whose datagrams are
 * written by the test, and a memory of everything that the endpoint sent and said.
 */
#pragma once

#include "lwm2m/coap/endpoint.h"

#define SENT_MAX  64
#define EVENT_MAX 32
#define BODY_MAX  20000

/* Allocations of the endpoint up to now, and the number of the next one that fails (0: none). */
extern unsigned allocations;
extern unsigned fail_allocation;
extern size_t largest_allocation;

/* A datagram of the endpoint, read back. */
struct sent {
    struct transport_route route;
    uint8_t bytes[LWCOAP_DATAGRAM_MAX];
    size_t len;
    struct lwcoap_message message;
};

enum event_kind { EVENT_REQUEST, EVENT_NOTIFICATION, EVENT_OUTCOME };

struct event {
    enum event_kind kind;
    struct lwcoap_receipt receipt;
    uint8_t code;
    uint16_t content_format;
    int32_t observe;
    bool outdated;
    char location[64];
    uint8_t body[BODY_MAX];
    size_t body_len;
    struct lwcoap_observation *observation;
    struct lwcoap_exchange *exchange;
    enum lwcoap_outcome outcome;
    char reason[64];
};

struct world {
    struct lwcoap_settings settings;
    struct lwcoap_endpoint *endpoint;
    uint64_t now_ms;
    struct sent sent[SENT_MAX];
    unsigned sent_count; /* all that were sent; only the first SENT_MAX are kept */
    struct event events[EVENT_MAX];
    unsigned event_count;
    uint64_t random;
    bool respond;                   /* answer requests from within the callback */
    struct lwcoap_reply reply;      /* with this */
    struct lwcoap_request observed; /* what observation_request answers; path NULL: unknown */
    /* of the callbacks, from the next world_restart() on; may be NULL */
    size_t (*message_max)(void *ctx, const struct transport_route *route);
    size_t (*body_limit)(void *ctx, const struct lwcoap_inbound *inbound);
    void (*on_request)(struct world *world, const struct lwcoap_inbound *inbound);
    void (*on_notification)(struct world *world, struct lwcoap_observation *observation);
    void (*on_outcome)(struct world *world, struct lwcoap_exchange *exchange,
                       enum lwcoap_outcome outcome);
};

/* A datagram of a peer that is being written. */
struct draft {
    uint8_t bytes[2048];
    struct lwcoap_writer writer;
};

/* cmocka fixtures: *state is the world */
int world_setup(void **state);
int world_teardown(void **state);
/* Another endpoint with changed settings. */
void world_restart(struct world *world);

struct transport_route peer_route(unsigned number);

/* Starts a message; `token` is a string. */
struct draft *draft(enum lwcoap_type type, uint8_t code, uint16_t message_id, const char *token);
/* Starts a message with the token of one that the endpoint sent. */
struct draft *draft_reply(enum lwcoap_type type, uint8_t code, uint16_t message_id,
                          const struct sent *to);
struct draft *draft_bytes(enum lwcoap_type type, uint8_t code, uint16_t message_id,
                          const uint8_t *token, uint8_t token_len);
void with_option(struct draft *message, uint16_t number, const char *value);
void with_uint(struct draft *message, uint16_t number, uint32_t value);
void with_block(struct draft *message, uint16_t number, uint32_t num, bool more, uint32_t size);
void with_payload(struct draft *message, const void *payload, size_t len);
void receive(struct world *world, const struct transport_route *route, const struct draft *message);
void receive_bytes(struct world *world, const struct transport_route *route, const void *bytes,
                   size_t len);

/* Moves the clock, running the endpoint at each of its deadlines. */
void pass(struct world *world, uint64_t ms);

const struct sent *last_sent(const struct world *world);
struct event *last_event(struct world *world);
/* Value of an option of what was sent; -1 without. */
int64_t sent_uint(const struct sent *sent, uint16_t number);
/* Block option of what was sent as "num/more/size"; "" without. */
const char *sent_block(const struct sent *sent, uint16_t number);
/* Uri-Path of what was sent, joined: "/3/0". */
const char *sent_path(const struct sent *sent);

/* Bytes that differ from place to place: the body of a test. */
const uint8_t *pattern(void);

struct lwcoap_request request_of(uint8_t code, const char *path);
void send_request(struct world *world, const struct transport_route *route,
                  const struct lwcoap_request *request, struct lwcoap_observation *observation);
