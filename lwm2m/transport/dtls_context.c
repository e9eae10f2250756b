/*
 * One context of mbedtls: a handshake's, or a session's while it is live. Records go in one at a
 * time, datagrams come out by the engine's callback, and mbedtls' timer is one on the engine's
 * wheel.
 */
#include "lwm2m/transport/dtls_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int give_input(void *ctx, unsigned char *buffer, size_t size)
{
    struct dtls_context *context = ctx;
    const struct dtls_record *input = context->input;

    context->input = NULL;
    if (!input || input->len > size) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(buffer, input->bytes, input->len);
    return (int)input->len;
}

/* Whether every record of a datagram has a number that the session may use. */
static bool may_leave(const struct dtls_session *session, const uint8_t *datagram, size_t len)
{
    while (len >= DTLS_HEADER_LEN) {
        size_t header_len =
            DTLS_HEADER_LEN + (datagram[0] == DTLS_WITH_CID ? session->peer_cid_len : 0u);
        uint64_t number = 0;
        for (int i = 5; i < 11; i++) {
            number = number << 8 | datagram[i];
        }
        bool is_protected = datagram[3] != 0 || datagram[4] != 0; /* the epoch */
        if (len < header_len || (is_protected && number >= session->out_limit)) {
            return false;
        }
        size_t payload_len = (size_t)datagram[header_len - 2] << 8 | datagram[header_len - 1];
        size_t record_len = header_len + payload_len;
        datagram += record_len < len ? record_len : len;
        len -= record_len < len ? record_len : len;
    }
    return true;
}

/* The last word on numbers that a stored form does not cover: such a record does not leave,
 * whatever mbedtls wanted to say with it. */
static int take_output(void *ctx, const unsigned char *datagram, size_t len)
{
    struct dtls_context *context = ctx;
    struct transport_dtls *dtls = context->dtls;

    if (context->session && !may_leave(context->session, datagram, len)) {
        dtls->counters.held_back++;
        return (int)len;
    }
    const struct transport_route *from =
        context->session ? &context->session->route : &context->handshake->route;
    struct transport_route route = *from;
    if (!context->session) {
        route.session = 0;
        context->flight_len = len <= sizeof context->flight ? len : 0;
        memcpy(context->flight, datagram, context->flight_len);
    }
    dtls->events.send(dtls->ctx, &route, datagram, len);
    return (int)len;
}

static void timer_rang(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct dtls_context *context =
        (struct dtls_context *)((char *)timer - offsetof(struct dtls_context, timer));

    (void)now_ms;
    if (context->handshake) {
        dtls_handshake_step(ctx, context->handshake);
    }
}

static void set_timer(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct dtls_context *context = ctx;
    struct transport_dtls *dtls = context->dtls;

    context->timing = final_ms > 0;
    if (!context->timing) {
        lwm2m_timer_stop(dtls->timers, &context->timer);
        return;
    }
    context->intermediate_ms = dtls->now_ms + intermediate_ms;
    context->final_ms = dtls->now_ms + final_ms;
    lwm2m_timer_set(dtls->timers, &context->timer, context->final_ms, timer_rang);
}

/* The four answers are those that mbedtls asks for (mbedtls_ssl_get_timer_t). */
static int get_timer(void *ctx)
{
    const struct dtls_context *context = ctx;
    uint64_t now_ms = context->dtls->now_ms;

    if (!context->timing) {
        return -1;
    }
    return now_ms >= context->final_ms ? 2 : now_ms >= context->intermediate_ms ? 1 : 0;
}

struct dtls_context *dtls_context_new(struct transport_dtls *dtls,
                                      struct dtls_credentials *credentials)
{
    struct dtls_context *context = calloc(1, sizeof *context);

    if (!context) {
        return NULL;
    }
    context->dtls = dtls;
    context->credentials = dtls_credentials_ref(credentials);
    mbedtls_ssl_init(&context->ssl);
    if (mbedtls_ssl_setup(&context->ssl, dtls_credentials_config(credentials)) != 0) {
        dtls_context_free(context);
        return NULL;
    }
    mbedtls_ssl_set_bio(&context->ssl, context, take_output, give_input, NULL);
    mbedtls_ssl_set_timer_cb(&context->ssl, context, set_timer, get_timer);
    mbedtls_ssl_set_mtu(&context->ssl, (uint16_t)dtls->settings.mtu);
    dtls_credentials_watch_keys(&context->ssl, dtls);
    return context;
}

void dtls_context_free(struct dtls_context *context)
{
    if (!context) {
        return;
    }
    lwm2m_timer_stop(context->dtls->timers, &context->timer);
    mbedtls_ssl_free(&context->ssl);
    dtls_credentials_unref(context->credentials);
    free(context);
}

int dtls_context_reset(struct dtls_context *context)
{
    context->session = NULL;
    lwm2m_timer_stop(context->dtls->timers, &context->timer);
    context->timing = false;
    return mbedtls_ssl_session_reset(&context->ssl) == 0 ? 0 : -ENOMEM;
}

bool dtls_context_is_loaded(const struct dtls_context *context)
{
    return context->credentials == context->dtls->resumption;
}

bool dtls_context_has_credentials(const struct dtls_context *context,
                                  const struct dtls_credentials *credentials)
{
    return context->credentials == credentials;
}

void dtls_context_set_owner(struct dtls_context *context, struct dtls_handshake *handshake,
                            struct dtls_session *session)
{
    context->handshake = handshake;
    context->session = session;
}

struct dtls_session *dtls_context_session(const struct dtls_context *context)
{
    return context->session;
}

int dtls_context_offer_cid(struct dtls_context *context, const uint8_t cid[DTLS_CID_LEN])
{
#if DTLS_HAS_CID
    int err = mbedtls_ssl_set_cid(&context->ssl, MBEDTLS_SSL_CID_ENABLED, cid, DTLS_CID_LEN);
    return err == 0 ? 0 : -EIO;
#else
    (void)context;
    (void)cid;
    return 0;
#endif
}

enum dtls_outcome dtls_context_step(struct dtls_context *context, const struct dtls_record *record)
{
    context->input = record;
    int result = mbedtls_ssl_handshake(&context->ssl);
    context->input = NULL;
    context->result = result;
    switch (result) {
    case 0:
        return DTLS_DONE;
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return DTLS_WAITS;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return DTLS_FATAL;
    default:
        return DTLS_BROKEN;
    }
}

const char *dtls_context_fault(const struct dtls_context *context)
{
    static const struct {
        int result;
        const char *reason;
    } faults[] = {
        { MBEDTLS_ERR_SSL_INVALID_MAC, "its key is another" },
        { MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, "it does not go on: it sent an alert" },
        { MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, "its certificate is not accepted" },
        { MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, "it has no certificate" },
        { DTLS_ERR_NO_SUITE, "no cipher suite in common" },
        { MBEDTLS_ERR_SSL_TIMEOUT, "it does not answer" },
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (faults[i].result == context->result) {
            return faults[i].reason;
        }
    }
    return "it broke the protocol";
}

enum dtls_outcome dtls_context_read(struct dtls_context *context, const struct dtls_record *record,
                                    size_t *len)
{
    struct transport_dtls *dtls = context->dtls;

    context->input = record;
    int result = mbedtls_ssl_read(&context->ssl, dtls->plain, sizeof dtls->plain);
    context->input = NULL;
    switch (result) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
    case MBEDTLS_ERR_SSL_TIMEOUT:
        return DTLS_WAITS;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return DTLS_GOODBYE;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return DTLS_FATAL;
    default:
        *len = result >= 0 ? (size_t)result : 0;
        return result >= 0 ? DTLS_DONE : DTLS_BROKEN;
    }
}

enum dtls_outcome dtls_context_write(struct dtls_context *context, const uint8_t *data, size_t len)
{
    int result = mbedtls_ssl_write(&context->ssl, data, len);

    return result == (int)len ? DTLS_DONE : DTLS_BROKEN;
}

struct dtls_flight *dtls_context_flight(const struct dtls_context *context)
{
    struct dtls_flight *flight =
        context->flight_len > 0 ? malloc(sizeof *flight + context->flight_len) : NULL;

    if (flight) {
        flight->len = context->flight_len;
        memcpy(flight->bytes, context->flight, context->flight_len);
    }
    return flight;
}

/* Farewells are courtesy: whether they could be written makes no difference. */
void dtls_context_say_goodbye(struct dtls_context *context)
{
    (void)!mbedtls_ssl_close_notify(&context->ssl);
}

void dtls_context_deny(struct dtls_context *context)
{
    (void)!mbedtls_ssl_send_alert_message(&context->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                          MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED);
}

void dtls_context_enlist(struct dtls_contexts *list, struct dtls_context *context, bool first)
{
    if (first) {
        TAILQ_INSERT_HEAD(list, context, by_use);
    } else {
        TAILQ_INSERT_TAIL(list, context, by_use);
    }
}

void dtls_context_delist(struct dtls_contexts *list, struct dtls_context *context)
{
    TAILQ_REMOVE(list, context, by_use);
}

struct dtls_context *dtls_context_last(struct dtls_contexts *list)
{
    return TAILQ_LAST(list, dtls_contexts);
}
