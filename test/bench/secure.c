#include "test/bench/secure.h"

#include "test/bench/random.h"
#include "test/bench/secure_key.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>

#include <stdlib.h>
#include <string.h>

/* The fleet repeats flights itself, by the same clock as everything else. */
enum { HANDSHAKE_MIN_MS = 60000, HANDSHAKE_MAX_MS = 120000 };

struct session {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config; /* one each: a client's key belongs to its configuration */
    struct secure *secure;
    uint32_t index;
    enum secure_state state;
    bool repeat; /* the timer of the flight has run out */
};

struct secure {
    const struct fleet *fleet;
    struct wire *wire;
    struct random random;
    const uint8_t *in; /* the datagram at hand */
    size_t in_len;
    struct session **sessions; /* by index; NULL: never connected */
    uint8_t out[WIRE_DATAGRAM_MAX];
    uint8_t plain[WIRE_DATAGRAM_MAX];
};

/* --- what mbedtls asks for --- */

static int make_random(void *ctx, unsigned char *out, size_t len)
{
    struct secure *secure = ctx;
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)random_next(&secure->random);
    }
    return 0;
}

static int send_record(void *ctx, const unsigned char *data, size_t len)
{
    const struct session *session = ctx;
    struct wire *wire = session->secure->wire;
    if (len > WIRE_DATAGRAM_MAX) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    memcpy(wire_slot(wire), data, len);
    wire_commit(wire, session->index, len);
    return (int)len;
}

static int receive_record(void *ctx, unsigned char *data, size_t len)
{
    struct secure *secure = ((struct session *)ctx)->secure;
    if (secure->in_len == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size_t taken = secure->in_len < len ? secure->in_len : len;
    memcpy(data, secure->in, taken);
    secure->in_len = 0;
    return (int)taken;
}

static void set_timer(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct session *session = ctx;
    (void)intermediate_ms;
    (void)final_ms;
    session->repeat = false;
}

/* 2: the final delay has passed. */
static int get_timer(void *ctx)
{
    const struct session *session = ctx;
    return session->repeat ? 2 : 0;
}

/* --- sessions --- */

static void free_session(struct session *session)
{
    if (session) {
        mbedtls_ssl_free(&session->ssl);
        mbedtls_ssl_config_free(&session->config);
        free(session);
    }
}

static int set_up(struct session *session)
{
    static const int suites[] = { MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0 };
    char identity[FLEET_ENDPOINT_MAX];
    uint8_t key[SECURE_KEY_LEN];
    size_t len = fleet_endpoint(session->secure->fleet, session->index, identity);
    secure_key(session->index, key);
    int err =
        mbedtls_ssl_config_defaults(&session->config, MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    err = err ? err
              : mbedtls_ssl_conf_psk(&session->config, key, sizeof(key),
                                     (const unsigned char *)identity, len);
    mbedtls_ssl_conf_ciphersuites(&session->config, suites);
    mbedtls_ssl_conf_rng(&session->config, make_random, session->secure);
    mbedtls_ssl_conf_handshake_timeout(&session->config, HANDSHAKE_MIN_MS, HANDSHAKE_MAX_MS);
    err = err ? err : mbedtls_ssl_setup(&session->ssl, &session->config);
    mbedtls_ssl_set_bio(&session->ssl, session, send_record, receive_record, NULL);
    mbedtls_ssl_set_timer_cb(&session->ssl, session, set_timer, get_timer);
    return err;
}

static struct session *new_session(struct secure *secure, uint32_t index)
{
    struct session *made = calloc(1, sizeof(*made));
    if (!made) {
        return NULL;
    }
    mbedtls_ssl_init(&made->ssl);
    mbedtls_ssl_config_init(&made->config);
    made->secure = secure;
    made->index = index;
    if (set_up(made)) {
        free_session(made);
        return NULL;
    }
    return made;
}

static void go_on(struct session *session)
{
    int result = mbedtls_ssl_handshake(&session->ssl);
    session->state = result == 0                            ? SECURE_OPEN
                     : result == MBEDTLS_ERR_SSL_WANT_READ  ? SECURE_SHAKING
                     : result == MBEDTLS_ERR_SSL_WANT_WRITE ? SECURE_SHAKING
                                                            : SECURE_FAILED;
}

struct secure *secure_new(const struct fleet *fleet, struct wire *wire)
{
    struct secure *made = calloc(1, sizeof(*made));
    struct session **sessions = calloc(fleet->count, sizeof(*sessions));
    if (!made || !sessions) {
        free(made);
        free(sessions);
        return NULL;
    }
    made->fleet = fleet;
    made->wire = wire;
    made->random = random_of(1);
    made->sessions = sessions;
    return made;
}

void secure_free(struct secure *secure)
{
    if (!secure) {
        return;
    }
    for (uint32_t i = 0; i < secure->fleet->count; i++) {
        free_session(secure->sessions[i]);
    }
    free(secure->sessions);
    free(secure);
}

void secure_shake(struct secure *secure, uint32_t index)
{
    struct session *session = secure->sessions[index];
    secure->in_len = 0;
    if (session && session->state == SECURE_SHAKING) {
        session->repeat = true;
        go_on(session);
        return;
    }
    free_session(session);
    secure->sessions[index] = new_session(secure, index);
    if (secure->sessions[index]) {
        go_on(secure->sessions[index]);
    }
}

uint8_t *secure_slot(struct secure *secure)
{
    return secure->out;
}

void secure_commit(struct secure *secure, uint32_t index, size_t len)
{
    struct session *session = secure->sessions[index];
    if (session && session->state == SECURE_OPEN) {
        (void)mbedtls_ssl_write(&session->ssl, secure->out, len);
    }
}

enum secure_state secure_receive(struct secure *secure, uint32_t index, const uint8_t *data,
                                 size_t len, const uint8_t **message, size_t *message_len)
{
    struct session *session = secure->sessions[index];
    *message = secure->plain;
    *message_len = 0;
    if (!session) {
        return SECURE_CLOSED;
    }
    secure->in = data;
    secure->in_len = len;
    if (session->state == SECURE_SHAKING) {
        go_on(session);
        return session->state;
    }
    if (session->state == SECURE_OPEN) {
        int got = mbedtls_ssl_read(&session->ssl, secure->plain, sizeof(secure->plain));
        *message_len = got > 0 ? (size_t)got : 0;
        if (got <= 0 && got != MBEDTLS_ERR_SSL_WANT_READ) {
            session->state = SECURE_CLOSED;
        }
    }
    return session->state;
}

void secure_write_keys(const struct fleet *fleet, FILE *out)
{
    for (uint32_t i = 0; i < fleet->count; i++) {
        char endpoint[FLEET_ENDPOINT_MAX];
        uint8_t key[SECURE_KEY_LEN];
        fleet_endpoint(fleet, i, endpoint);
        secure_key(i, key);
        fprintf(out, "%s ", endpoint);
        for (unsigned byte = 0; byte < SECURE_KEY_LEN; byte++) {
            fprintf(out, "%02x", key[byte]);
        }
        fputc('\n', out);
    }
}
