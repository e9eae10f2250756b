/* The inside of a context, for the three files that use mbedtls. */
#pragma once

#include "lwm2m/transport/dtls_internal.h"
#include "lwm2m/transport/dtls_mbedtls.h"

#define DTLS_FLIGHT_MAX 256 /* bytes of a ChangeCipherSpec and a Finished of any suite */

struct dtls_context {
    mbedtls_ssl_context ssl; /* first: mbedtls' callbacks know only this */
    struct transport_dtls *dtls;
    struct dtls_credentials *credentials;
    struct dtls_handshake *handshake; /* owner: either */
    struct dtls_session *session;
    const struct dtls_record *input; /* the record that mbedtls reads next, once */
    struct lwm2m_timer timer;        /* of mbedtls: retransmission */
    uint64_t intermediate_ms, final_ms;
    bool timing;
    int result; /* of the last step of the handshake */
    TAILQ_ENTRY(dtls_context) by_use;
    size_t flight_len; /* 0: none, or it is too long to be the last */
    uint8_t flight[DTLS_FLIGHT_MAX];
};

struct dtls_random {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context generator;
};

/** The configuration; lives as long as the credentials. */
const mbedtls_ssl_config *dtls_credentials_config(const struct dtls_credentials *credentials);

/** One user more. */
struct dtls_credentials *dtls_credentials_ref(struct dtls_credentials *credentials);

/** Where the configuration cannot do it: mbedtls reports the keys of this context. */
void dtls_credentials_watch_keys(mbedtls_ssl_context *ssl, struct transport_dtls *dtls);
