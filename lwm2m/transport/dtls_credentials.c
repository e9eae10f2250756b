/*
 * What handshakes begin with: suites, our certificate and key, the CAs and revocation lists of the
 * clients'. Replaced as a whole; each context counts as a user of those that it began with.
 */
#include "lwm2m/transport/dtls_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUITES_MAX 32

struct dtls_credentials {
    size_t users;
    bool psk;
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain, ca;
    mbedtls_x509_crl crl;
    mbedtls_pk_context key;
    int suites[SUITES_MAX + 1]; /* the last is followed by 0 */
};

/* Those of the wanted suites for which there are credentials. */
static int choose_suites(struct dtls_credentials *credentials,
                         const struct transport_dtls_credentials *from, const char **fault)
{
    const char *defaults[SUITES_MAX];
    const char *const *names = from->suites;
    size_t len = from->suites_len, chosen = 0;

    if (!names) {
        len = transport_dtls_suites(defaults, SUITES_MAX);
        names = defaults;
    }
    for (size_t i = 0; i < len && chosen < SUITES_MAX; i++) {
        const struct dtls_suite *suite = dtls_suite_named(names[i]);
        if (!suite) {
            *fault = "unknown suite";
            return -EBADMSG;
        }
        if (suite->credential == DTLS_SUITE_PSK ? from->psk : from->chain.text != NULL) {
            credentials->suites[chosen++] = suite->id;
        }
    }
    *fault = "no suite for these credentials";
    return chosen > 0 ? 0 : -EINVAL;
}

/* ---- texts ---- */

/* PEM must end with a NUL for mbedtls, DER must not. */
static uint8_t *copy_text(const struct transport_dtls_text *text, size_t *len)
{
    static const char pem[] = "-----BEGIN";
    bool is_pem = memmem(text->text, text->len, pem, sizeof pem - 1) != NULL;
    uint8_t *copy = malloc(text->len + 1);

    if (copy) {
        memcpy(copy, text->text, text->len);
        copy[text->len] = 0;
        *len = text->len + (is_pem ? 1 : 0);
    }
    return copy;
}

struct parsed {
    const struct transport_dtls_text *text;
    const char *fault;
    enum { CERTIFICATES, CRL, KEY } what;
    void *into;
};

static int parse_key(struct transport_dtls *dtls, mbedtls_pk_context *into, const uint8_t *text,
                     size_t len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_parse_key(into, text, len, NULL, 0, mbedtls_ctr_drbg_random,
                                &dtls->random->generator);
#else
    (void)dtls;
    return mbedtls_pk_parse_key(into, text, len, NULL, 0);
#endif
}

/* A file of certificates of which some are not read is refused as a whole. */
static int parse(struct transport_dtls *dtls, const struct parsed *item)
{
    size_t len;
    int result = -1;

    if (!item->text->text) {
        return 0;
    }
    uint8_t *text = copy_text(item->text, &len);
    if (!text) {
        return -ENOMEM;
    }
    switch (item->what) {
    case CERTIFICATES:
        result = mbedtls_x509_crt_parse(item->into, text, len);
        break;
    case CRL:
        result = mbedtls_x509_crl_parse(item->into, text, len);
        break;
    case KEY:
        result = parse_key(dtls, item->into, text, len);
        break;
    }
    dtls_forget(text, item->text->len);
    free(text);
    return result == 0 ? 0 : -EBADMSG;
}

static int check_pair(struct transport_dtls *dtls, struct dtls_credentials *credentials)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    int result = mbedtls_pk_check_pair(&credentials->chain.pk, &credentials->key,
                                       mbedtls_ctr_drbg_random, &dtls->random->generator);
#else
    (void)dtls;
    int result = mbedtls_pk_check_pair(&credentials->chain.pk, &credentials->key);
#endif
    return result == 0 ? 0 : -EBADMSG;
}

static int parse_all(struct transport_dtls *dtls, struct dtls_credentials *credentials,
                     const struct transport_dtls_credentials *from, const char **fault)
{
    const struct parsed items[] = {
        { &from->chain, "certificate", CERTIFICATES, &credentials->chain },
        { &from->key, "key", KEY, &credentials->key },
        { &from->ca, "CA certificates", CERTIFICATES, &credentials->ca },
        { &from->crl, "revocation list", CRL, &credentials->crl },
    };

    if (from->psk && !dtls->events.find_key) {
        *fault = "no keys to find";
        return -EINVAL;
    }
    if (!from->chain.text != !from->key.text || (from->ca.text && !from->chain.text) ||
        (from->crl.text && !from->ca.text)) {
        *fault = "certificate, key, CA and revocation list belong together";
        return -EINVAL;
    }
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        int err = parse(dtls, &items[i]);
        *fault = items[i].fault;
        if (err != 0) {
            return err;
        }
    }
    *fault = "key of another certificate";
    return from->chain.text ? check_pair(dtls, credentials) : 0;
}

/* ---- configuration ---- */

static int find_key(void *ctx, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t len)
{
    struct dtls_context *context = (struct dtls_context *)ssl; /* its first member */
    struct dtls_handshake *handshake = context->handshake;

    dtls_handshake_find_key(handshake, ctx, identity, len);
    return mbedtls_ssl_set_hs_psk(ssl, handshake->key.bytes, handshake->key.len);
}

/* dtls_front.c has looked at the cookie already. */
static int accept_cookie(void *ctx, const unsigned char *cookie, size_t cookie_len,
                         const unsigned char *client, size_t client_len)
{
    (void)ctx;
    (void)cookie;
    (void)cookie_len;
    (void)client;
    (void)client_len;
    return 0;
}

static void keep_keys(struct transport_dtls *dtls, const unsigned char *master, size_t master_len,
                      const unsigned char *client_random, const unsigned char *server_random)
{
    struct dtls_handshake *handshake = dtls->driving;

    if (handshake && master_len == sizeof handshake->master) {
        memcpy(handshake->master, master, master_len);
        memcpy(handshake->randoms, server_random, DTLS_RANDOM_LEN);
        memcpy(handshake->randoms + DTLS_RANDOM_LEN, client_random, DTLS_RANDOM_LEN);
        handshake->has_keys = true;
    }
}

#if DTLS_EXPORTS_BY_CONTEXT
static void export_keys(void *ctx, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                        size_t secret_len, const unsigned char client_random[32],
                        const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    (void)prf;
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET) {
        keep_keys(ctx, secret, secret_len, client_random, server_random);
    }
}

void dtls_credentials_watch_keys(mbedtls_ssl_context *ssl, struct transport_dtls *dtls)
{
    mbedtls_ssl_set_export_keys_cb(ssl, export_keys, dtls);
}

static void watch_keys(mbedtls_ssl_config *config, struct transport_dtls *dtls)
{
    (void)config;
    (void)dtls;
}
#else
static int export_keys(void *ctx, const unsigned char *master, const unsigned char *block,
                       size_t mac_len, size_t key_len, size_t iv_len,
                       const unsigned char client_random[32], const unsigned char server_random[32],
                       mbedtls_tls_prf_types prf)
{
    (void)block;
    (void)mac_len;
    (void)key_len;
    (void)iv_len;
    (void)prf;
    keep_keys(ctx, master, 48, client_random, server_random);
    return 0;
}

void dtls_credentials_watch_keys(mbedtls_ssl_context *ssl, struct transport_dtls *dtls)
{
    (void)ssl;
    (void)dtls;
}

static void watch_keys(mbedtls_ssl_config *config, struct transport_dtls *dtls)
{
    mbedtls_ssl_conf_export_keys_ext_cb(config, export_keys, dtls);
}
#endif

static void force_version(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* What holds for handshakes and for sessions that are loaded. */
static int configure(struct transport_dtls *dtls, mbedtls_ssl_config *config)
{
    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        return -ENOMEM;
    }
    force_version(config);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &dtls->random->generator);
    mbedtls_ssl_conf_dtls_anti_replay(config, MBEDTLS_SSL_ANTI_REPLAY_ENABLED);
    mbedtls_ssl_conf_dtls_cookies(config, NULL, accept_cookie, NULL);
    mbedtls_ssl_conf_handshake_timeout(config, dtls->settings.retransmit_min_ms,
                                       dtls->settings.retransmit_max_ms);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
#if DTLS_HAS_CID
    if (dtls->settings.connection_id &&
        mbedtls_ssl_conf_cid(config, DTLS_CID_LEN, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE) != 0) {
        return -ENOTSUP;
    }
#endif
    return 0;
}

static int configure_handshakes(struct transport_dtls *dtls, struct dtls_credentials *credentials,
                                const struct transport_dtls_credentials *from, const char **fault)
{
    mbedtls_ssl_config *config = &credentials->config;
    int err = parse_all(dtls, credentials, from, fault);

    if (err == 0) {
        err = choose_suites(credentials, from, fault);
    }
    if (err != 0) {
        return err;
    }
    *fault = "out of memory";
    mbedtls_ssl_conf_ciphersuites(config, credentials->suites);
    watch_keys(config, dtls);
    if (from->psk) {
        mbedtls_ssl_conf_psk_cb(config, find_key, dtls);
    }
    if (from->chain.text &&
        mbedtls_ssl_conf_own_cert(config, &credentials->chain, &credentials->key) != 0) {
        return -ENOMEM;
    }
    mbedtls_ssl_conf_authmode(config, from->ca.text ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                    : MBEDTLS_SSL_VERIFY_NONE);
    if (from->ca.text) {
        mbedtls_ssl_conf_ca_chain(config, &credentials->ca,
                                  from->crl.text ? &credentials->crl : NULL);
    }
    credentials->psk = from->psk;
    return 0;
}

int dtls_credentials_new(struct transport_dtls *dtls, const struct transport_dtls_credentials *from,
                         const char **fault, struct dtls_credentials **made)
{
    struct dtls_credentials *credentials = calloc(1, sizeof *credentials);
    const char *unused;

    fault = fault ? fault : &unused;
    *fault = "out of memory";
    if (!credentials) {
        return -ENOMEM;
    }
    credentials->users = 1;
    mbedtls_ssl_config_init(&credentials->config);
    mbedtls_x509_crt_init(&credentials->chain);
    mbedtls_x509_crt_init(&credentials->ca);
    mbedtls_x509_crl_init(&credentials->crl);
    mbedtls_pk_init(&credentials->key);
    int err = configure(dtls, &credentials->config);
    if (err == 0 && from) {
        err = configure_handshakes(dtls, credentials, from, fault);
    }
    if (err != 0) {
        dtls_credentials_unref(credentials);
        return err;
    }
    *made = credentials;
    return 0;
}

const mbedtls_ssl_config *dtls_credentials_config(const struct dtls_credentials *credentials)
{
    return &credentials->config;
}

bool dtls_credentials_have_psk(const struct dtls_credentials *credentials)
{
    return credentials && credentials->psk;
}

struct dtls_credentials *dtls_credentials_ref(struct dtls_credentials *credentials)
{
    credentials->users++;
    return credentials;
}

void dtls_credentials_unref(struct dtls_credentials *credentials)
{
    if (!credentials || --credentials->users > 0) {
        return;
    }
    mbedtls_ssl_config_free(&credentials->config);
    mbedtls_x509_crt_free(&credentials->chain);
    mbedtls_x509_crt_free(&credentials->ca);
    mbedtls_x509_crl_free(&credentials->crl);
    mbedtls_pk_free(&credentials->key);
    free(credentials);
}
