/*
 * A server under test with a fake clock, and a fake device that speaks CoAP to it by hand.
 *
 * Every datagram and every event of the server is kept as a line of text, so that a test reads as
 * a dialogue: `device_send(h, …)`, then `expect(h, "< ACK 2.01 …", NULL)`.
 */
#pragma once

#include "lwm2m/durable.h"

#define HARNESS_LINES    64
#define HARNESS_SESSIONS 4

struct harness {
    struct lwm2m_server *server;
    uint64_t now_ms;
    struct transport_route route; /* where the device sends from */
    uint16_t message_id;          /* of the device's next message */
    char lines[HARNESS_LINES][512];
    size_t count;
    size_t checked; /* lines that expect() has seen */

    /* The last request that the server sent. */
    uint16_t request_mid;
    uint8_t request_token[8];
    uint8_t request_token_len;
    uint8_t last_datagram[1500];
    size_t last_len;
    char location[32]; /* of the last 2.01 */
    uint8_t echo[40];  /* of the last answer with one; goes into requests while echo_len > 0 */
    size_t echo_len;
    uint32_t answer_max_age_s; /* of the last answer with one */

    struct lwm2m_receipt receipt; /* of the last notification */
    bool has_receipt;             /* the last event had one */
    uint64_t random;
    uint64_t awake_window_ms;
    uint32_t max_age_s; /* of the device's answers and notifications; 0: no option */
    uint32_t block2;    /* the same: value of the option + 1 */
    unsigned contexts_freed;
    unsigned moves;     /* of the device's address */
    unsigned sent;      /* requests */
    bool terms_changed; /* of the last Update */

    /* What was last told of an observation: its standing, and what a store would keep. */
    unsigned changes;
    struct lwm2m_durable_observation kept;
    char kept_query[64];
    const char
        *names[HARNESS_SESSIONS]; /* endpoints of the identity behind a session: "a" or "a b";
                                     index 0, without a session: what may not be spoken for */
    void (*on_event)(struct harness *h, const struct lwm2m_event *event); /* may be NULL */
};

/** For cmocka's setup and teardown: *state is a struct harness. */
int harness_setup(void **state);
int harness_teardown(void **state);

/** Takes over other settings: the server starts again, empty. */
void harness_restart(struct harness *h, const struct lwm2m_server_settings *settings);
struct lwm2m_server_settings harness_settings(void);

/** Time passes; what is due is done, step by step. */
void pass(struct harness *h, uint64_t ms);

/** The device's message of the next message id; `query` split at '&'; path as "/rd/x". */
void device_request(struct harness *h, enum lwcoap_type type, uint8_t code, const char *path,
                    const char *query, uint16_t content_format, const char *body);

/** The device repeats its last datagram. */
void device_repeat(struct harness *h);

/** POST /rd with these parameters and links. */
void device_register(struct harness *h, const char *query, const char *links);

/** POST to the location of the last 2.01. */
void device_update(struct harness *h, const char *query, const char *links);

/** Piggybacked answer to the server's last request; observe -1: no option. */
void device_answer(struct harness *h, uint8_t code, int32_t observe, uint16_t content_format,
                   const void *body, size_t len);

/** Empty ACK or RST to the server's last request. */
void device_empty(struct harness *h, enum lwcoap_type type);

/** A notification with the token of the server's last request. */
void device_notify(struct harness *h, enum lwcoap_type type, uint8_t code, uint32_t sequence,
                   uint16_t content_format, const void *body, size_t len);

/** The next lines are exactly these (a trailing NULL ends the list), and there are no more. */
void expect(struct harness *h, ...);

/** A request with its public members at their neutral values. */
struct lwm2m_request request_of(enum lwm2m_operation operation, const char *path);

/** Sends a request to the device of an endpoint name; asserts that it is taken. */
void send_request(struct harness *h, const char *endpoint, struct lwm2m_request *request);
