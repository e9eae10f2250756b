/*
 * mbedtls, and every question to which its versions answer differently. Nothing but the files
 * that use the library include it, and compare versions nowhere but here, in dtls_parked.c and in
 * dtls_credentials.c.
 */
#pragma once

/* The record numbers of a context have no accessor in either version. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#if !defined(MBEDTLS_SSL_PROTO_DTLS) || !defined(MBEDTLS_SSL_DTLS_HELLO_VERIFY) ||                 \
    !defined(MBEDTLS_SSL_DTLS_ANTI_REPLAY) || !defined(MBEDTLS_SSL_CONTEXT_SERIALIZATION)
#error "this mbedtls lacks a part of DTLS that sessions stand on"
#endif

/* Connection IDs as in RFC 9146: 2.28 knows a draft only, whose records other peers do not read. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) &&             \
    (!defined(MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT) ||                                            \
     MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT == 0)
#define DTLS_HAS_CID 1
#else
#define DTLS_HAS_CID 0
#endif

/* The key export is a property of the context since 3.0; before, of the configuration. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define DTLS_EXPORTS_BY_CONTEXT 1
#else
#define DTLS_EXPORTS_BY_CONTEXT 0
#if !defined(MBEDTLS_SSL_EXPORT_KEYS)
#error "this mbedtls does not export keys"
#endif
#endif

/* What says that the client offers no suite that is configured. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define DTLS_ERR_NO_SUITE MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#else
#define DTLS_ERR_NO_SUITE MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN
#endif

/* PSA must be started where the library computes with it. */
#if defined(MBEDTLS_USE_PSA_CRYPTO) || defined(MBEDTLS_SSL_PROTO_TLS1_3)
#include <psa/crypto.h>
#define DTLS_NEEDS_PSA 1
#else
#define DTLS_NEEDS_PSA 0
#endif
