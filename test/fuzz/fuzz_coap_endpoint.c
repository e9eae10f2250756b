/*
 * Datagrams, waits and calls of the layer above, as the input says, into an endpoint with an
 * outstanding request and an observation. Input: records of one byte that says what happens, and
 * for a datagram a byte with its length. Tokens and message ids come from a poor generator, so
 * that inputs can hit them.
 */
#include "lwm2m/coap/endpoint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct harness {
    struct lwcoap_endpoint *endpoint;
    struct lwcoap_observation observation;
    struct lwcoap_receipt receipt; /* of the last request or notification */
    struct lwcoap_peer *peer;
    uint64_t now_ms;
    uint8_t mode; /* what callbacks do: bits of the last record */
    uint8_t random;
    size_t sent;
};

static const struct transport_route routes[] = { { .remote = { .port = 1 } },
                                                 { .remote = { .port = 2 } } };

static void request_something(struct harness *harness, uint8_t how);

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct harness *harness = ctx;

    (void)route;
    for (size_t i = 0; i < len; i++) {
        harness->sent += data[i];
    }
}

static void on_request(void *ctx, const struct lwcoap_inbound *inbound)
{
    static const uint8_t payload[3000];
    struct harness *harness = ctx;
    struct lwcoap_reply reply = { .code = LWCOAP_CODE(2, 5), .content_format = 110 };

    for (size_t i = 0; i < inbound->body_len; i++) {
        harness->sent += inbound->body[i];
    }
    harness->receipt = inbound->receipt;
    reply.payload = payload;
    reply.payload_len = harness->mode & 4 ? sizeof payload : harness->mode & 8 ? 100 : 0;
    reply.location[0] = harness->mode & 16 ? "rd" : NULL;
    if (harness->mode & 32 && !harness->peer) {
        harness->peer = lwcoap_peer_hold(harness->endpoint, &inbound->receipt.route);
    }
    if (!(harness->mode & 64)) {
        lwcoap_respond(harness->endpoint, &inbound->receipt, &reply, harness->now_ms);
    }
}

static void on_notification(void *ctx, struct lwcoap_observation *observation,
                            const struct lwcoap_response *response)
{
    struct harness *harness = ctx;

    for (size_t i = 0; i < response->body_len; i++) {
        harness->sent += response->body[i];
    }
    harness->receipt = response->receipt;
    if (harness->mode & 4) {
        lwcoap_observation_remove(harness->endpoint, observation);
    }
    if (harness->mode & 8) {
        lwcoap_acknowledge(harness->endpoint, &response->receipt, harness->now_ms);
    }
}

static void on_outcome(void *ctx, struct lwcoap_exchange *exchange, enum lwcoap_outcome outcome,
                       const struct lwcoap_response *response, const char *reason)
{
    struct harness *harness = ctx;

    harness->sent += strlen(reason) + (response ? strlen(response->location) : 0);
    for (size_t i = 0; response && i < response->body_len; i++) {
        harness->sent += response->body[i];
    }
    if (harness->mode & 16) {
        lwcoap_exchange_cancel(harness->endpoint, exchange);
    }
    if (harness->mode & 32 && outcome != LWCOAP_OUTCOME_ACKNOWLEDGED) {
        request_something(harness, harness->mode);
    }
}

static bool on_observation_request(void *ctx, struct lwcoap_observation *observation,
                                   struct lwcoap_request *request)
{
    struct harness *harness = ctx;

    (void)observation;
    request->code = harness->mode & 16 ? LWCOAP_FETCH : LWCOAP_GET;
    request->path = "/3";
    return !(harness->mode & 64);
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct harness *harness = ctx;

    memset(bytes, harness->random, len);
    if (len <= LWCOAP_TOKEN_LEN) {
        harness->random = (harness->random + 1) & 3;
    }
}

static void request_something(struct harness *harness, uint8_t how)
{
    static const uint8_t body[200];
    struct lwcoap_observation *observation = how & 4 ? &harness->observation : NULL;
    struct lwcoap_request request = { .code = how & 8 ? LWCOAP_FETCH : LWCOAP_PUT,
                                      .path = "/3/0",
                                      .content_format = LWCOAP_FORMAT_NONE,
                                      .accept = 110,
                                      .observe = observation ? how >> 4 & 1 : -1,
                                      .body = body,
                                      .body_len = how & 32 ? sizeof body : 3 };

    int err = lwcoap_request_send(harness->endpoint, &routes[0], &request, observation, on_outcome,
                                  harness, harness->now_ms, NULL);
    (void)err; /* bounds and memory are allowed to refuse it */
}

static void act(struct harness *harness, uint8_t what)
{
    harness->mode = what;
    switch (what & 3) {
    case 1:
        harness->now_ms += UINT64_C(16) << (what >> 2 & 15);
        lwcoap_endpoint_run(harness->endpoint, harness->now_ms);
        break;
    case 2:
        request_something(harness, what);
        break;
    default:
        if (what & 4) {
            lwcoap_acknowledge(harness->endpoint, &harness->receipt, harness->now_ms);
        } else if (what & 8) {
            lwcoap_disregard(harness->endpoint, &harness->receipt);
        } else if (what & 16) {
            lwcoap_reject(harness->endpoint, &harness->receipt, harness->now_ms);
        } else if (what & 32) {
            lwcoap_observation_remove(harness->endpoint, &harness->observation);
        } else {
            lwcoap_peer_release(harness->endpoint, harness->peer);
            harness->peer = NULL;
        }
        break;
    }
}

static void feed(struct harness *harness, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint8_t what = *data++;
        len--;
        if (what & 3 || len == 0) {
            act(harness, what);
            continue;
        }
        size_t take = data[0] < len - 1 ? data[0] : len - 1;
        uint8_t *exact = malloc(take > 0 ? take : 1);
        if (!exact) {
            return;
        }
        memcpy(exact, data + 1, take);
        harness->mode = what;
        lwcoap_endpoint_receive(harness->endpoint, &routes[what >> 7], exact, take,
                                harness->now_ms);
        free(exact);
        data += take + 1;
        len -= take + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t token[LWCOAP_TOKEN_LEN] = { 9, 9, 9, 9, 9, 9, 9, 9 };
    struct harness harness = { .now_ms = 1000 };
    struct lwcoap_settings settings = { .ack_timeout_ms = 2000,
                                        .ack_random_factor = 1.5,
                                        .max_retransmit = 4,
                                        .exchange_lifetime_ms = 247000,
                                        .response_timeout_ms = 93000,
                                        .max_block_size = 64,
                                        .max_body_size = 600,
                                        .max_transfers = 3,
                                        .max_exchanges = 3 };
    struct lwcoap_callbacks callbacks = { .ctx = &harness,
                                          .send = on_send,
                                          .request = on_request,
                                          .notification = on_notification,
                                          .observation_request = on_observation_request,
                                          .random = on_random };

    if (lwcoap_endpoint_new(&settings, &callbacks, harness.now_ms, &harness.endpoint)) {
        return 0;
    }
    lwcoap_observation_init(harness.endpoint, &harness.observation, token);
    if (lwcoap_observation_add(harness.endpoint, &harness.observation) == 0) {
        request_something(&harness, 32);
        feed(&harness, data, len);
    }
    lwcoap_peer_release(harness.endpoint, harness.peer);
    lwcoap_endpoint_free(harness.endpoint);
    return 0;
}
