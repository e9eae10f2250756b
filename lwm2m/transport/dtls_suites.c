/* The suites that can be configured, and what else depends on how mbedtls was built. */
#include "lwm2m/transport/dtls_internal.h"
#include "lwm2m/transport/dtls_mbedtls.h"

#include <string.h>

/* The most wanted first: short tags for small radios, then what their libraries have. */
static const struct dtls_suite suites[] = {
    { "TLS_PSK_WITH_AES_128_CCM_8", 0xc0a8, DTLS_SUITE_PSK, 16, true },
    { "TLS_PSK_WITH_AES_128_GCM_SHA256", 0x00a8, DTLS_SUITE_PSK, 24, true },
    { "TLS_PSK_WITH_AES_128_CCM", 0xc0a4, DTLS_SUITE_PSK, 24, true },
    { "TLS_PSK_WITH_AES_128_CBC_SHA256", 0x00ae, DTLS_SUITE_PSK, 64, true },
    { "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", 0xc037, DTLS_SUITE_PSK, 64, true },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", 0xc0ae, DTLS_SUITE_CERTIFICATE, 16, true },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b, DTLS_SUITE_CERTIFICATE, 24, true },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0xc0ac, DTLS_SUITE_CERTIFICATE, 24, true },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xc023, DTLS_SUITE_CERTIFICATE, 64, true },
    { "TLS_PSK_WITH_AES_256_CCM_8", 0xc0a9, DTLS_SUITE_PSK, 16, false },
    { "TLS_PSK_WITH_AES_256_GCM_SHA384", 0x00a9, DTLS_SUITE_PSK, 24, false },
    { "TLS_PSK_WITH_AES_256_CCM", 0xc0a5, DTLS_SUITE_PSK, 24, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", 0xc0af, DTLS_SUITE_CERTIFICATE, 16, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c, DTLS_SUITE_CERTIFICATE, 24, false },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", 0xc0ad, DTLS_SUITE_CERTIFICATE, 24, false },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f, DTLS_SUITE_CERTIFICATE, 24, false },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030, DTLS_SUITE_CERTIFICATE, 24, false },
};
#define SUITES (sizeof suites / sizeof suites[0])

static bool is_available(const struct dtls_suite *suite)
{
    return mbedtls_ssl_ciphersuite_from_id(suite->id) != NULL;
}

const struct dtls_suite *dtls_suite_find(uint16_t id)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (suites[i].id == id) {
            return is_available(&suites[i]) ? &suites[i] : NULL;
        }
    }
    return NULL;
}

const struct dtls_suite *dtls_suite_named(const char *name)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (strcmp(suites[i].name, name) == 0) {
            return is_available(&suites[i]) ? &suites[i] : NULL;
        }
    }
    return NULL;
}

bool transport_dtls_suite_known(const char *name)
{
    return dtls_suite_named(name) != NULL;
}

size_t transport_dtls_suites(const char **names, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < SUITES; i++) {
        if (suites[i].by_default && is_available(&suites[i])) {
            if (len < size) {
                names[len] = suites[i].name;
            }
            len++;
        }
    }
    return len;
}

size_t transport_dtls_key_max(void)
{
    return MBEDTLS_PSK_MAX_LEN < TRANSPORT_DTLS_KEY_MAX ? MBEDTLS_PSK_MAX_LEN
                                                        : TRANSPORT_DTLS_KEY_MAX;
}

bool transport_dtls_has_connection_id(void)
{
    return DTLS_HAS_CID;
}
