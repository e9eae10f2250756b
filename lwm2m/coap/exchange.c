/*
 * Our requests from sending to outcome (RFC 7252, 4.2 and 5.3). An exchange is one request of the
 * caller; on its way it may send several messages, one after the other (blockwise.c), each with a
 * message id and retransmissions of its own.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms);

/* --- tables --- */

static int add_token(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    unsigned hash = (unsigned)lwcoap_hash(endpoint, exchange->token, sizeof exchange->token);

    HASH_ADD_KEYPTR_BYHASHVALUE(by_token, endpoint->exchanges_by_token, exchange->token,
                                sizeof exchange->token, hash, exchange);
    return exchange->by_token.tbl ? 0 : -ENOMEM;
}

static void remove_token(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    if (exchange->by_token.tbl) {
        HASH_DELETE(by_token, endpoint->exchanges_by_token, exchange);
        exchange->by_token.tbl = NULL;
    }
}

static int add_message(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    const struct lwcoap_message_key *key = &exchange->message;

    exchange->message.route = lwcoap_route_key_of(&exchange->route);
    unsigned hash = (unsigned)lwcoap_hash(endpoint, key, sizeof *key);
    HASH_ADD_KEYPTR_BYHASHVALUE(by_message, endpoint->exchanges_by_message, key, sizeof *key, hash,
                                exchange);
    return exchange->by_message.tbl ? 0 : -ENOMEM;
}

static void remove_message(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    if (exchange->by_message.tbl) {
        HASH_DELETE(by_message, endpoint->exchanges_by_message, exchange);
        exchange->by_message.tbl = NULL;
    }
}

static struct lwcoap_exchange *find_message(struct lwcoap_endpoint *endpoint,
                                            const struct transport_route *route,
                                            uint16_t message_id)
{
    struct lwcoap_message_key key = { lwcoap_route_key_of(route), message_id };
    struct lwcoap_exchange *exchange;

    HASH_FIND_BYHASHVALUE(by_message, endpoint->exchanges_by_message, &key, sizeof key,
                          (unsigned)lwcoap_hash(endpoint, &key, sizeof key), exchange);
    return exchange;
}

struct lwcoap_exchange *lwcoap_exchange_find(struct lwcoap_endpoint *endpoint,
                                             const struct lwcoap_message *message)
{
    struct lwcoap_exchange *exchange;

    if (message->token_len != LWCOAP_TOKEN_LEN) {
        return NULL;
    }
    HASH_FIND_BYHASHVALUE(by_token, endpoint->exchanges_by_token, message->token, LWCOAP_TOKEN_LEN,
                          (unsigned)lwcoap_hash(endpoint, message->token, LWCOAP_TOKEN_LEN),
                          exchange);
    return exchange;
}

int lwcoap_exchange_retoken(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    remove_token(endpoint, exchange);
    endpoint->callbacks.random(endpoint->callbacks.ctx, exchange->token, sizeof exchange->token);
    return add_token(endpoint, exchange);
}

/* --- life --- */

static const char *copy_text(char **memory, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*memory, text, size);

    *memory += size;
    return copy;
}

/* Header, token, and the options of a usual request: a path, a query, formats and blocks. */
#define BESIDE_A_BLOCK 128

static uint8_t szx_of_route(const struct lwcoap_endpoint *endpoint,
                            const struct transport_route *route)
{
    size_t max = endpoint->callbacks.message_max
                     ? endpoint->callbacks.message_max(endpoint->callbacks.ctx, route)
                     : 0;
    uint8_t szx = endpoint->max_szx;

    while (max > 0 && szx > 0 && lwcoap_block_size(szx) + BESIDE_A_BLOCK > max) {
        szx--;
    }
    return szx;
}

int lwcoap_exchange_new(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                        const struct lwcoap_request *request, lwcoap_outcome_callback *callback,
                        void *ctx, struct lwcoap_exchange **exchange)
{
    const char *path = request->path ? request->path : "";
    const char *query = request->query ? request->query : "";
    struct lwcoap_exchange *created =
        calloc(1, sizeof *created + strlen(path) + strlen(query) + 2 + request->body_len);

    if (!created) {
        return -ENOMEM;
    }
    char *memory = (char *)(created + 1);
    created->request = *request;
    created->request.path = copy_text(&memory, path);
    created->request.query = copy_text(&memory, query);
    created->request.body = (const uint8_t *)memory;
    if (request->body_len > 0) {
        memcpy(memory, request->body, request->body_len);
    }
    created->route = *route;
    created->callback = callback;
    created->ctx = ctx;
    created->max_szx = szx_of_route(endpoint, route);
    created->upload.szx = created->max_szx;
    created->upload.sliced = request->body_len > lwcoap_block_size(created->max_szx);
    endpoint->callbacks.random(endpoint->callbacks.ctx, created->token, sizeof created->token);
    *exchange = created;
    return 0;
}

void lwcoap_exchange_free(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    lwcoap_body_clear(endpoint, &exchange->download.body);
    free(exchange->fetch);
    free(exchange);
}

static void unlink_exchange(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    remove_token(endpoint, exchange);
    remove_message(endpoint, exchange);
    lwm2m_timer_stop(endpoint->timers, &exchange->timer);
    endpoint->exchange_count--;
    exchange->finished = true;
    if (exchange->observation) {
        exchange->observation->request = NULL;
    }
}

void lwcoap_exchange_finish(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                            enum lwcoap_outcome outcome, const struct lwcoap_response *response,
                            const char *reason)
{
    bool success = outcome == LWCOAP_OUTCOME_RESPONSE && lwcoap_code_class(response->code) == 2;

    unlink_exchange(endpoint, exchange);
    if (exchange->observation && !(success && exchange->observing)) {
        lwcoap_observation_remove(endpoint, exchange->observation);
    }
    exchange->callback(exchange->ctx, exchange, outcome, response, reason);
    lwcoap_exchange_free(endpoint, exchange);
}

void lwcoap_exchange_cancel(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    if (!exchange || exchange->finished) {
        return;
    }
    unlink_exchange(endpoint, exchange);
    lwcoap_exchange_free(endpoint, exchange);
}

void lwcoap_exchanges_free(struct lwcoap_endpoint *endpoint)
{
    struct lwcoap_exchange *exchange, *next;

    HASH_ITER(by_token, endpoint->exchanges_by_token, exchange, next)
    {
        remove_token(endpoint, exchange);
        remove_message(endpoint, exchange);
        /* Its neighbours in the wheel may be timers of transfers, which are stopped after it. */
        lwm2m_timer_stop(endpoint->timers, &exchange->timer);
        lwcoap_exchange_free(endpoint, exchange);
    }
}

/* --- sending --- */

/* ACK_TIMEOUT to ACK_TIMEOUT * ACK_RANDOM_FACTOR (RFC 7252, 4.2). */
static uint64_t first_timeout_ms(struct lwcoap_endpoint *endpoint)
{
    const struct lwcoap_settings *settings = &endpoint->settings;
    uint32_t random;

    endpoint->callbacks.random(endpoint->callbacks.ctx, &random, sizeof random);
    double factor = 1 + (settings->ack_random_factor - 1) * random / UINT32_MAX;
    return (uint64_t)(settings->ack_timeout_ms * factor);
}

static void transmit(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                     const uint8_t *datagram, size_t len)
{
    exchange->transmissions++;
    lwm2m_timer_set(endpoint->timers, &exchange->timer, endpoint->now_ms + exchange->timeout_ms,
                    on_timer);
    lwcoap_send(endpoint, &exchange->route, datagram, len);
}

static void retransmit(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                       const uint8_t *datagram, size_t len)
{
    endpoint->counters.retransmissions++;
    exchange->timeout_ms *= 2;
    transmit(endpoint, exchange, datagram, len);
}

/* A new message of the exchange: written, found by its message id, sent. */
static int send_first(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    uint8_t datagram[LWCOAP_DATAGRAM_MAX];

    exchange->message.message_id = lwcoap_message_id_next(endpoint, &exchange->route);
    int len = lwcoap_request_write(exchange, datagram);
    if (len < 0) {
        return len;
    }
    int err = add_message(endpoint, exchange);
    if (err) {
        return err;
    }
    exchange->acknowledged = false;
    exchange->transmissions = 0;
    exchange->timeout_ms = first_timeout_ms(endpoint);
    transmit(endpoint, exchange, datagram, (size_t)len);
    return 0;
}

bool lwcoap_endpoint_is_busy(const struct lwcoap_endpoint *endpoint)
{
    return endpoint->exchange_count >= endpoint->settings.max_exchanges;
}

int lwcoap_exchange_start(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    if (lwcoap_endpoint_is_busy(endpoint)) {
        return -ENOSPC;
    }
    int err = add_token(endpoint, exchange);
    if (!err) {
        err = send_first(endpoint, exchange);
    }
    if (err) {
        remove_token(endpoint, exchange);
        return err;
    }
    endpoint->exchange_count++;
    return 0;
}

void lwcoap_exchange_next(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    remove_message(endpoint, exchange);
    int err = send_first(endpoint, exchange);
    if (err) {
        lwcoap_exchange_finish(endpoint, exchange, LWCOAP_OUTCOME_FAILED, NULL,
                               err == -ENOMEM ? "out of memory"
                                              : "a block does not fit a datagram");
    }
}

static void on_timer(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct lwcoap_exchange *exchange = (struct lwcoap_exchange *)timer;
    struct lwcoap_endpoint *endpoint = ctx;
    uint8_t datagram[LWCOAP_DATAGRAM_MAX];

    lwcoap_note_time(endpoint, now_ms);
    int len = lwcoap_request_write(exchange, datagram);
    if (len < 0 || exchange->acknowledged ||
        exchange->transmissions > endpoint->settings.max_retransmit) {
        lwcoap_exchange_finish(endpoint, exchange, LWCOAP_OUTCOME_TIMEOUT, NULL, "");
        return;
    }
    retransmit(endpoint, exchange, datagram, (size_t)len);
}

void lwcoap_exchange_hurry(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                           uint64_t now_ms)
{
    uint8_t datagram[LWCOAP_DATAGRAM_MAX];

    lwcoap_note_time(endpoint, now_ms);
    if (exchange->finished || exchange->acknowledged || exchange->transmissions < 2 ||
        exchange->transmissions > endpoint->settings.max_retransmit) {
        return;
    }
    int len = lwcoap_request_write(exchange, datagram);
    if (len >= 0) {
        retransmit(endpoint, exchange, datagram, (size_t)len);
    }
}

int lwcoap_request_send(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                        const struct lwcoap_request *request,
                        struct lwcoap_observation *observation, lwcoap_outcome_callback *callback,
                        void *ctx, uint64_t now_ms, struct lwcoap_exchange **exchange)
{
    struct lwcoap_exchange *created;

    lwcoap_note_time(endpoint, now_ms);
    /* An observation that nobody knows may be ended all the same: the device may know it. */
    bool fits =
        observation ? request->observe == 0 || request->observe == 1 : request->observe != 0;
    if (!fits || request->body_len > endpoint->settings.max_body_size) {
        return -EINVAL;
    }
    if (observation && observation->request) {
        return -EBUSY;
    }
    int err = lwcoap_exchange_new(endpoint, route, request, callback, ctx, &created);
    if (err) {
        return err;
    }
    if (observation) {
        memcpy(created->token, observation->token, sizeof created->token);
    }
    err = lwcoap_exchange_start(endpoint, created);
    if (err) {
        lwcoap_exchange_free(endpoint, created);
        return err;
    }
    created->observation = observation;
    if (observation) {
        observation->request = created;
    }
    if (exchange) {
        *exchange = created;
    }
    return 0;
}

void lwcoap_exchange_reroute(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                             const struct transport_route *route)
{
    if (exchange->finished) {
        return;
    }
    exchange->route = *route;
    remove_message(endpoint, exchange);
    int err = add_message(endpoint, exchange);
    (void)err; /* without memory its empty ACK is missed, its response is found by token */
}

/* --- empty messages --- */

void lwcoap_exchange_acknowledged(struct lwcoap_endpoint *endpoint,
                                  const struct transport_route *route, uint16_t message_id)
{
    struct lwcoap_exchange *exchange = find_message(endpoint, route, message_id);

    if (!exchange || exchange->acknowledged) {
        endpoint->counters.ignored += !exchange;
        return;
    }
    exchange->acknowledged = true;
    lwm2m_timer_set(endpoint->timers, &exchange->timer,
                    endpoint->now_ms + endpoint->settings.response_timeout_ms, on_timer);
    if (!exchange->reported) {
        exchange->reported = true;
        exchange->callback(exchange->ctx, exchange, LWCOAP_OUTCOME_ACKNOWLEDGED, NULL, "");
    }
}

void lwcoap_exchange_reset(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                           uint16_t message_id)
{
    struct lwcoap_exchange *exchange = find_message(endpoint, route, message_id);

    if (exchange) {
        lwcoap_exchange_finish(endpoint, exchange, LWCOAP_OUTCOME_RESET, NULL, "");
    } else {
        endpoint->counters.ignored++;
    }
}
