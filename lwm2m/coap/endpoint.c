/*
 * The way of a datagram through the message layer: parsed, then by its type and code to the
 * exchange, the observation or the request it is about (RFC 7252, 4.2, 4.3 and 5.3.2).
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGE_IDS        65536
#define MAX_RETRANSMIT_MAX 16

#define BAD_REQUEST            LWCOAP_CODE(4, 0)
#define BAD_OPTION             LWCOAP_CODE(4, 2)
#define METHOD_NOT_ALLOWED     LWCOAP_CODE(4, 5)
#define PROXYING_NOT_SUPPORTED LWCOAP_CODE(5, 5)

/* --- life --- */

static bool are_valid(const struct lwcoap_settings *settings,
                      const struct lwcoap_callbacks *callbacks)
{
    uint16_t block = settings->max_block_size;

    return settings->ack_timeout_ms > 0 && settings->ack_random_factor >= 1 &&
           settings->ack_random_factor <= 10 && settings->max_retransmit <= MAX_RETRANSMIT_MAX &&
           settings->exchange_lifetime_ms > 0 && settings->response_timeout_ms > 0 && block >= 16 &&
           block <= 1024 && (block & (block - 1)) == 0 && settings->max_body_size > 0 &&
           settings->max_body_size <= UINT32_MAX && settings->max_exchanges > 0 &&
           callbacks->send && callbacks->request && callbacks->notification && callbacks->random;
}

int lwcoap_endpoint_new(const struct lwcoap_settings *settings,
                        const struct lwcoap_callbacks *callbacks, uint64_t now_ms,
                        struct lwcoap_endpoint **endpoint)
{
    if (!are_valid(settings, callbacks)) {
        return -EINVAL;
    }
    struct lwcoap_endpoint *created = calloc(1, sizeof *created);
    if (!created) {
        return -ENOMEM;
    }
    created->settings = *settings;
    created->callbacks = *callbacks;
    created->now_ms = now_ms;
    while (lwcoap_block_size(created->max_szx) < settings->max_block_size) {
        created->max_szx++;
    }
    created->timers = lwm2m_timers_new(now_ms, created);
    created->message_ids = calloc(MESSAGE_IDS, sizeof *created->message_ids);
    created->strangers = lwcoap_strangers_new();
    if (!created->timers || !created->message_ids || !created->strangers) {
        lwcoap_endpoint_free(created);
        return -ENOMEM;
    }
    callbacks->random(callbacks->ctx, created->hash_key, sizeof created->hash_key);
    callbacks->random(callbacks->ctx, created->message_ids,
                      MESSAGE_IDS * sizeof *created->message_ids);
    *endpoint = created;
    return 0;
}

void lwcoap_endpoint_free(struct lwcoap_endpoint *endpoint)
{
    if (!endpoint) {
        return;
    }
    lwcoap_exchanges_free(endpoint);
    lwcoap_transfers_free(endpoint);
    lwcoap_peers_free(endpoint);
    lwm2m_table_deinit(&endpoint->observations);
    lwcoap_strangers_free(endpoint->strangers);
    free(endpoint->message_ids);
    lwm2m_timers_free(endpoint->timers);
    free(endpoint);
}

const struct lwcoap_counters *lwcoap_endpoint_counters(const struct lwcoap_endpoint *endpoint)
{
    return &endpoint->counters;
}

void lwcoap_endpoint_run(struct lwcoap_endpoint *endpoint, uint64_t now_ms)
{
    lwcoap_note_time(endpoint, now_ms);
    lwm2m_timers_run(endpoint->timers, now_ms);
}

uint64_t lwcoap_endpoint_next_ms(const struct lwcoap_endpoint *endpoint)
{
    return lwm2m_timers_next_ms(endpoint->timers);
}

/* --- receiving --- */

/* A message that cannot be processed: a confirmable one gets a Reset (RFC 7252, 4.2). */
static void reject(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                   const struct lwcoap_message *message)
{
    if (message->type == LWCOAP_CON) {
        lwcoap_send_empty(endpoint, route, LWCOAP_RST, message->message_id, false);
    }
}

static void receive_empty(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                          const struct lwcoap_message *message)
{
    switch (message->type) {
    case LWCOAP_ACK:
        lwcoap_exchange_acknowledged(endpoint, route, message->message_id);
        break;
    case LWCOAP_RST:
        lwcoap_exchange_reset(endpoint, route, message->message_id);
        break;
    default:
        reject(endpoint, route, message); /* "CoAP ping" */
        break;
    }
}

/* Why a request is not handed on: the code to answer with, or 0. */
static uint8_t refusal_of(const struct lwcoap_message *message,
                          const struct lwcoap_options *options)
{
    return options->proxy                  ? PROXYING_NOT_SUPPORTED
           : options->unrecognised         ? BAD_OPTION
           : options->bad_block            ? BAD_REQUEST
           : message->code > LWCOAP_IPATCH ? METHOD_NOT_ALLOWED
                                           : 0;
}

static void receive_request(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                            const struct lwcoap_message *message)
{
    struct lwcoap_options options;

    if (lwcoap_duplicates_repeat(endpoint, route, message)) {
        return;
    }
    lwcoap_options_read(message, LWCOAP_OPTIONS_OF_REQUEST, &options);
    if (options.unrecognised && message->type == LWCOAP_NON) {
        return; /* RFC 7252, 5.4.1: rejected */
    }
    struct lwcoap_inbound inbound = {
        .receipt = lwcoap_receipt_of(route, message),
        .message = message,
        .content_format = options.content_format,
        .accept = options.accept,
        .body = message->payload,
        .body_len = message->payload_len,
    };
    lwcoap_duplicates_note(endpoint, route, message);
    uint8_t refusal = refusal_of(message, &options);
    if (refusal) {
        lwcoap_reply_code(endpoint, &inbound.receipt, refusal);
        return;
    }
    const struct lwcoap_block *block1 = &options.block1, *block2 = &options.block2;
    inbound.receipt.block1 =
        block1->present ? lwcoap_block_value(block1->num, block1->more, block1->szx) + 1 : 0;
    inbound.receipt.block2 =
        block2->present ? lwcoap_block_value(block2->num, block2->more, block2->szx) + 1 : 0;
    bool whole = !block1->present || (block1->num == 0 && !block1->more);
    if (whole) {
        endpoint->callbacks.request(endpoint->callbacks.ctx, &inbound);
    } else {
        lwcoap_transfer_receive(endpoint, &inbound, &options);
    }
}

/* RFC 7252, 9.1.2 wants a response in the session of its request. A device that made a new session
 * meanwhile may still answer in that; whether it is the same one, the caller knows. */
static struct lwcoap_exchange *admitted_exchange(struct lwcoap_endpoint *endpoint,
                                                 struct lwcoap_exchange *exchange,
                                                 const struct transport_route *from)
{
    if (!exchange || !endpoint->callbacks.admits || exchange->route.session == from->session) {
        return exchange;
    }
    bool admitted =
        endpoint->callbacks.admits(endpoint->callbacks.ctx, NULL, &exchange->route, from);
    return admitted ? exchange : NULL;
}

static struct lwcoap_observation *find_observation(struct lwcoap_endpoint *endpoint,
                                                   const struct lwcoap_message *message,
                                                   const struct transport_route *from)
{
    struct lwcoap_observation *observation = lwcoap_observation_find(endpoint, message);
    if (!observation || !endpoint->callbacks.admits) {
        return observation;
    }
    bool admitted = endpoint->callbacks.admits(endpoint->callbacks.ctx, observation, NULL, from);
    return admitted ? observation : NULL;
}

/* A response in the ACK of our request. */
static void receive_piggybacked(struct lwcoap_endpoint *endpoint,
                                const struct transport_route *route,
                                const struct lwcoap_message *message)
{
    struct lwcoap_exchange *exchange =
        admitted_exchange(endpoint, lwcoap_exchange_find(endpoint, message), route);
    struct lwcoap_options options;

    lwcoap_options_read(message, LWCOAP_OPTIONS_OF_RESPONSE, &options);
    if (!exchange || exchange->message.message_id != message->message_id || options.unrecognised) {
        endpoint->counters.ignored++;
        return;
    }
    lwcoap_exchange_response(endpoint, exchange, message, &options);
}

/* Whose token it is: a notification may come while its observation is being cancelled. */
static struct lwcoap_exchange *exchange_of(struct lwcoap_endpoint *endpoint,
                                           const struct lwcoap_message *message,
                                           const struct lwcoap_options *options)
{
    struct lwcoap_exchange *exchange = lwcoap_exchange_find(endpoint, message);
    bool is_notification = exchange && exchange->request.observe == 1 && options->observe >= 0 &&
                           exchange->observation && exchange->observation->added;

    return is_notification ? NULL : exchange;
}

/* A response in a message of its own: a separate one, or a notification. */
static void receive_separate(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                             const struct lwcoap_message *message)
{
    struct lwcoap_options options;

    if (lwcoap_duplicates_repeat(endpoint, route, message)) {
        return;
    }
    lwcoap_options_read(message, LWCOAP_OPTIONS_OF_RESPONSE, &options);
    if (options.unrecognised) {
        reject(endpoint, route, message);
        return;
    }
    struct lwcoap_exchange *exchange =
        admitted_exchange(endpoint, exchange_of(endpoint, message, &options), route);
    struct lwcoap_observation *observation =
        exchange ? NULL : find_observation(endpoint, message, route);
    if (!exchange && (!observation || options.bad_block)) {
        endpoint->counters.ignored++;
        if (message->type == LWCOAP_CON || options.observe >= 0) {
            lwcoap_send_empty(endpoint, route, LWCOAP_RST, message->message_id, false);
        }
        return;
    }
    bool confirmable = message->type == LWCOAP_CON;
    if (!confirmable) {
        lwcoap_duplicates_answer(endpoint, route, message->message_id, false, NULL, 0);
    } else if (exchange) {
        lwcoap_send_empty(endpoint, route, LWCOAP_ACK, message->message_id, true);
    } else {
        lwcoap_duplicates_note(endpoint, route, message);
    }
    if (exchange) {
        lwcoap_exchange_response(endpoint, exchange, message, &options);
    } else {
        lwcoap_notification_receive(endpoint, observation, route, message, &options);
    }
}

void lwcoap_endpoint_receive(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                             const uint8_t *data, size_t len, uint64_t now_ms)
{
    struct lwcoap_message message;
    bool header_ok;

    lwcoap_note_time(endpoint, now_ms);
    if (lwcoap_message_parse(data, len, &message, &header_ok) != 0) {
        endpoint->counters.malformed++;
        if (header_ok) {
            reject(endpoint, route, &message);
        }
        return;
    }
    unsigned class = lwcoap_code_class(message.code);
    bool acknowledges = message.type == LWCOAP_ACK || message.type == LWCOAP_RST;
    bool is_response = class >= 2 && class <= 5;
    if (message.code == LWCOAP_EMPTY) {
        receive_empty(endpoint, route, &message);
    } else if (class == 0 && !acknowledges) {
        receive_request(endpoint, route, &message);
    } else if (is_response && message.type == LWCOAP_ACK) {
        receive_piggybacked(endpoint, route, &message);
    } else if (is_response && !acknowledges) {
        receive_separate(endpoint, route, &message);
    } else {
        endpoint->counters.ignored++;
        reject(endpoint, route, &message); /* reserved classes; a Reset must be empty */
    }
}
