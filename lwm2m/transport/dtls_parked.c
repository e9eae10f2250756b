/*
 * A session made into a context of mbedtls, and the numbers of a context taken back. All that
 * depends on the form in which mbedtls serialises things, and on members that it does not show, is
 * here.
 *
 * mbedtls_ssl_context_save() is not used: it refuses suites that are not AEAD, carries the peer's
 * certificate along, and ends the context. mbedtls_ssl_context_load() reads all suites. So a
 * session keeps the few bytes that matter, and the rest is written around them, in this form:
 *
 *   version, format        8 bytes: those of a saved session, then flags of the context
 *   session                4 bytes of length, then as mbedtls_ssl_session_save() writes one
 *   randoms                the server's, the client's
 *   Connection IDs         length and bytes, ours and the peer's; where they are compiled in
 *   bad MACs seen          4 bytes; where a limit is compiled in (always since 3.0)
 *   replay window          8 bytes of its top, 8 of its bits
 *   datagram packing       1 byte: off
 *   next record number     8 bytes with the epoch
 *   MTU                    2 bytes
 *   ALPN                   1 byte: none; where it is compiled in
 *
 * dtls_parked_prove() finds out at the start whether the mbedtls at hand agrees.
 */
#include "lwm2m/transport/dtls_context.h"

#include <errno.h>
#include <string.h>

#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
#define FORM_HAS_CIDS 1u
#else
#define FORM_HAS_CIDS 0u
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000 || defined(MBEDTLS_SSL_DTLS_BADMAC_LIMIT)
#define FORM_HAS_BAD_MACS 1u
#else
#define FORM_HAS_BAD_MACS 0u
#endif

#if defined(MBEDTLS_SSL_ALPN)
#define FORM_HAS_ALPN 1u
#else
#define FORM_HAS_ALPN 0u
#endif

#define FORM_FLAGS (FORM_HAS_CIDS | FORM_HAS_BAD_MACS << 1 | 1u << 2 | FORM_HAS_ALPN << 3)

#define SESSION_HEADER_LEN 5 /* version, format; in the form of a session alone */
#define FORM_MAX           512

/* Writes one behind the other; remembers when it is full. */
struct writer {
    uint8_t bytes[FORM_MAX];
    size_t len;
    bool overflow;
};

static void put(struct writer *out, const void *bytes, size_t len)
{
    if (len > sizeof out->bytes - out->len) {
        out->overflow = true;
        return;
    }
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static void put_uint(struct writer *out, size_t len, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = len; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    put(out, bytes, len);
}

/* mbedtls' own writer knows the form of a session in each version. */
static int put_session(struct writer *out, const struct dtls_session *session)
{
    uint8_t bytes[FORM_MAX];
    size_t len = 0;
    mbedtls_ssl_session like;

    mbedtls_ssl_session_init(&like);
    like.ciphersuite = session->suite;
    memcpy(like.master, session->master, sizeof session->master);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    like.tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
    like.endpoint = MBEDTLS_SSL_IS_SERVER;
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
    like.mfl_code = session->mfl_code;
#endif
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
    like.encrypt_then_mac = session->encrypt_then_mac;
#endif
    int result = mbedtls_ssl_session_save(&like, bytes, sizeof bytes, &len);
    mbedtls_platform_zeroize(&like, sizeof like);
    if (result == 0 && len > SESSION_HEADER_LEN) {
        put(out, bytes, SESSION_HEADER_LEN);
        put_uint(out, 3, FORM_FLAGS);
        put_uint(out, 4, len - SESSION_HEADER_LEN);
        put(out, bytes + SESSION_HEADER_LEN, len - SESSION_HEADER_LEN);
    }
    mbedtls_platform_zeroize(bytes, sizeof bytes);
    return result == 0 ? 0 : -EIO;
}

static void put_cids(struct writer *out, const struct dtls_session *session)
{
    if (session->cid) {
        put_uint(out, 1, DTLS_CID_LEN);
        put_uint(out, 4, session->route.session);
        put_uint(out, 4, session->cid_check);
    } else {
        put_uint(out, 1, 0);
    }
    put_uint(out, 1, session->peer_cid_len);
    put(out, session->tail, session->peer_cid_len);
}

static int write_form(struct writer *out, const struct dtls_session *session, size_t mtu)
{
    int err = put_session(out, session);

    if (err != 0) {
        return err;
    }
    put(out, session->randoms, sizeof session->randoms);
    if (FORM_HAS_CIDS) {
        put_cids(out, session);
    }
    if (FORM_HAS_BAD_MACS) {
        put_uint(out, 4, 0);
    }
    put_uint(out, 8, session->in_top);
    put_uint(out, 8, session->in_window);
    put_uint(out, 1, 0);
    put_uint(out, 2, 1); /* epoch: that of the first handshake, for none comes after it */
    put_uint(out, 6, session->out_next);
    put_uint(out, 2, mtu);
    if (FORM_HAS_ALPN) {
        put_uint(out, 1, 0);
    }
    return out->overflow ? -EIO : 0;
}

int dtls_parked_load(struct dtls_context *context, const struct dtls_session *session)
{
    struct writer out = { .len = 0 };
    int err = write_form(&out, session, context->dtls->settings.mtu);

    if (err == 0) {
        int result = mbedtls_ssl_context_load(&context->ssl, out.bytes, out.len);
        err = result == 0 ? 0 : result == MBEDTLS_ERR_SSL_ALLOC_FAILED ? -ENOMEM : -EIO;
    }
    mbedtls_platform_zeroize(&out, sizeof out);
    return err;
}

void dtls_parked_pull(const struct dtls_context *context, struct dtls_session *session)
{
    const unsigned char *number = context->ssl.cur_out_ctr;

    session->out_next = 0;
    for (int i = 2; i < 8; i++) {
        session->out_next = session->out_next << 8 | number[i];
    }
    session->in_top = context->ssl.in_window_top;
    session->in_window = context->ssl.in_window;
}

int dtls_parked_prove(struct transport_dtls *dtls)
{
    struct dtls_session session = {
        .route.session = 1, .out_next = 7, .in_top = 5, .in_window = 3
    };
    struct dtls_session pulled = { 0 };
    const char *suite;
    struct dtls_context *context = dtls_context_new(dtls, dtls->resumption);
    int err = context ? -ENOTSUP : -ENOMEM;

    if (context && transport_dtls_suites(&suite, 1) > 0) {
        session.suite = dtls_suite_named(suite)->id;
        if (dtls_parked_load(context, &session) == 0) {
            dtls_parked_pull(context, &pulled);
            err =
                pulled.out_next == 7 && pulled.in_top == 5 && pulled.in_window == 3 ? 0 : -ENOTSUP;
        }
    }
    dtls_context_free(context);
    return err;
}

size_t dtls_parked_payload_max(const struct dtls_session *session, size_t mtu)
{
    static const size_t fragment_max[] = { SIZE_MAX, 512, 1024, 2048, 4096 }; /* RFC 6066, 4 */
    const size_t fragments = sizeof fragment_max / sizeof fragment_max[0];
    const struct dtls_suite *suite = dtls_suite_find(session->suite);
    /* With a Connection ID the content is padded to a multiple of 16 (mbedtls), its type inside. */
    size_t around = DTLS_HEADER_LEN + suite->overhead;

    if (session->peer_cid_len > 0) {
        around += session->peer_cid_len + 16u;
    }
    size_t fits = mtu > around ? mtu - around : 0;
    size_t asked = session->mfl_code < fragments ? fragment_max[session->mfl_code] : SIZE_MAX;
    return fits < asked ? fits : asked;
}
