/*
 * Observations and their notifications (RFC 7641). A notification is matched by its token alone.
 * One that is longer than a block carries block 0 only: the rest is fetched with an exchange of
 * our own (RFC 7959, 3.4), and the whole is delivered once, with the receipt of block 0. When the
 * rest does not come, nothing is delivered and nothing acknowledged: the device sends it again.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_HALF (1u << 23)
#define FRESH_MS      128000

static uint32_t token_hash(const struct lwcoap_endpoint *endpoint, const uint8_t *token)
{
    return (uint32_t)lwcoap_hash(endpoint, token, LWCOAP_TOKEN_LEN);
}

static bool has_token(const void *item, const void *key)
{
    const struct lwcoap_observation *observation = item;

    return memcmp(observation->token, key, LWCOAP_TOKEN_LEN) == 0;
}

void lwcoap_observation_init(struct lwcoap_endpoint *endpoint,
                             struct lwcoap_observation *observation,
                             const uint8_t token[LWCOAP_TOKEN_LEN])
{
    *observation = (struct lwcoap_observation){ 0 };
    if (token) {
        memcpy(observation->token, token, LWCOAP_TOKEN_LEN);
    } else {
        endpoint->callbacks.random(endpoint->callbacks.ctx, observation->token, LWCOAP_TOKEN_LEN);
    }
}

int lwcoap_observation_add(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation)
{
    if (observation->added) {
        return 0;
    }
    int rc = lwm2m_table_add(&endpoint->observations, token_hash(endpoint, observation->token),
                             observation);
    observation->added = rc == 0;
    return rc;
}

static struct lwcoap_observation *find(struct lwcoap_endpoint *endpoint, const uint8_t *token)
{
    return lwm2m_table_find(&endpoint->observations, token_hash(endpoint, token), has_token, token);
}

bool lwcoap_observation_has(struct lwcoap_endpoint *endpoint, const uint8_t token[LWCOAP_TOKEN_LEN])
{
    return find(endpoint, token) != NULL;
}

struct lwcoap_observation *lwcoap_observation_find(struct lwcoap_endpoint *endpoint,
                                                   const struct lwcoap_message *message)
{
    return message->token_len == LWCOAP_TOKEN_LEN ? find(endpoint, message->token) : NULL;
}

static void note_sequence(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation,
                          uint32_t sequence)
{
    observation->seen = true;
    observation->sequence = sequence;
    observation->received_ms = endpoint->now_ms;
}

int lwcoap_observation_establish(struct lwcoap_endpoint *endpoint,
                                 struct lwcoap_observation *observation, uint32_t sequence)
{
    note_sequence(endpoint, observation, sequence);
    return lwcoap_observation_add(endpoint, observation);
}

/* Gives up the rest of a notification; its receipt is returned for what becomes of it. */
static struct lwcoap_receipt drop_fetch(struct lwcoap_endpoint *endpoint,
                                        struct lwcoap_observation *observation)
{
    struct lwcoap_receipt receipt = observation->fetch->fetch->notification.receipt;

    lwcoap_exchange_cancel(endpoint, observation->fetch);
    observation->fetch = NULL;
    return receipt;
}

static void give_up_fetch(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation)
{
    if (observation->fetch) {
        struct lwcoap_receipt receipt = drop_fetch(endpoint, observation);
        lwcoap_disregard(endpoint, &receipt);
    }
}

void lwcoap_observation_remove(struct lwcoap_endpoint *endpoint,
                               struct lwcoap_observation *observation)
{
    give_up_fetch(endpoint, observation);
    if (observation->request) {
        observation->request->observation = NULL;
        observation->request = NULL;
    }
    if (observation->added) {
        lwm2m_table_remove(&endpoint->observations, token_hash(endpoint, observation->token),
                           observation);
        observation->added = false;
    }
}

/* RFC 7641, 3.4. The same value again is the retransmission of one that was disregarded. */
static bool is_outdated(const struct lwcoap_observation *observation, uint32_t sequence,
                        uint64_t now_ms)
{
    uint32_t last = observation->sequence;
    bool newer = (last < sequence && sequence - last < SEQUENCE_HALF) ||
                 (last > sequence && last - sequence > SEQUENCE_HALF);

    return observation->seen && sequence != last && !newer &&
           now_ms <= observation->received_ms + FRESH_MS;
}

static void deliver(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation,
                    const struct lwcoap_response *notification)
{
    endpoint->callbacks.notification(endpoint->callbacks.ctx, observation, notification);
}

/* --- long notifications --- */

static void fetch_ended(void *ctx, struct lwcoap_exchange *exchange, enum lwcoap_outcome outcome,
                        const struct lwcoap_response *response, const char *reason)
{
    struct lwcoap_fetch *fetch = ctx;
    struct lwcoap_response notification = fetch->notification;

    (void)exchange;
    (void)reason;
    if (outcome == LWCOAP_OUTCOME_ACKNOWLEDGED) {
        return;
    }
    fetch->observation->fetch = NULL;
    if (outcome != LWCOAP_OUTCOME_RESPONSE || lwcoap_code_class(response->code) != 2) {
        fetch->endpoint->counters.notifications_broken++;
        lwcoap_disregard(fetch->endpoint, &notification.receipt);
        if (fetch->endpoint->callbacks.fetch_failed) {
            fetch->endpoint->callbacks.fetch_failed(fetch->endpoint->callbacks.ctx,
                                                    fetch->observation);
        }
        return;
    }
    notification.content_format = response->content_format;
    notification.body = response->body;
    notification.body_len = response->body_len;
    deliver(fetch->endpoint, fetch->observation, &notification);
}

static bool begin_fetch(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation,
                        const struct lwcoap_response *notification,
                        const struct lwcoap_message *message, const struct lwcoap_options *options)
{
    struct lwcoap_request request = { .content_format = LWCOAP_FORMAT_NONE,
                                      .accept = LWCOAP_FORMAT_NONE };
    struct lwcoap_exchange *exchange;

    if (!endpoint->callbacks.observation_request ||
        !endpoint->callbacks.observation_request(endpoint->callbacks.ctx, observation, &request)) {
        return false;
    }
    request.observe = -1;
    struct lwcoap_fetch *fetch = malloc(sizeof *fetch);
    if (!fetch || lwcoap_exchange_new(endpoint, &notification->receipt.route, &request, fetch_ended,
                                      fetch, &exchange) != 0) {
        free(fetch);
        return false;
    }
    *fetch = (struct lwcoap_fetch){ endpoint, observation, *notification };
    exchange->fetch = fetch;
    if (lwcoap_download_begin(endpoint, exchange, message, options) ||
        lwcoap_exchange_start(endpoint, exchange) != 0) {
        lwcoap_exchange_free(endpoint, exchange);
        return false;
    }
    observation->fetch = exchange;
    return true;
}

static void receive_long(struct lwcoap_endpoint *endpoint, struct lwcoap_observation *observation,
                         const struct lwcoap_response *notification,
                         const struct lwcoap_message *message, const struct lwcoap_options *options)
{
    if (!begin_fetch(endpoint, observation, notification, message, options)) {
        endpoint->counters.notifications_broken++;
        lwcoap_disregard(endpoint, &notification->receipt);
    }
}

/* --- receiving --- */

void lwcoap_notification_receive(struct lwcoap_endpoint *endpoint,
                                 struct lwcoap_observation *observation,
                                 const struct transport_route *route,
                                 const struct lwcoap_message *message,
                                 const struct lwcoap_options *options)
{
    struct lwcoap_response notification = {
        .code = message->code,
        .content_format = options->content_format,
        .observe = options->observe,
        .max_age_s = options->max_age_s,
        .location = "",
        .body = message->payload,
        .body_len = message->payload_len,
        .receipt = lwcoap_receipt_of(route, message),
    };

    if (lwcoap_code_class(message->code) != 2) {
        give_up_fetch(endpoint, observation);
        deliver(endpoint, observation, &notification);
        return;
    }
    if (options->observe >= 0) {
        uint32_t sequence = (uint32_t)options->observe;
        notification.outdated = is_outdated(observation, sequence, endpoint->now_ms);
        if (!notification.outdated) {
            note_sequence(endpoint, observation, sequence);
        }
    }
    bool partial = options->block2.present && (options->block2.more || options->block2.num > 0);
    if (observation->fetch && !notification.outdated) {
        /* what its rest would have been is gone: the resource has changed again */
        struct lwcoap_receipt superseded = drop_fetch(endpoint, observation);
        lwcoap_acknowledge(endpoint, &superseded, endpoint->now_ms);
    }
    if (!partial) {
        deliver(endpoint, observation, &notification);
    } else if (observation->fetch) { /* outdated: its rest cannot be had any more */
        lwcoap_acknowledge(endpoint, &notification.receipt, endpoint->now_ms);
    } else {
        receive_long(endpoint, observation, &notification, message, options);
    }
}
