/*
 * Who the peer of a complete handshake is: the identity of its key, or what its certificate says.
 * Names go on to files, logs and comparisons with endpoints: one with a control character in it (a
 * NUL above all, behind which another name could hide) is left out.
 */
#include "lwm2m/transport/dtls_context.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/oid.h>

/* The tail of a session, while it is put together. */
struct tail {
    uint8_t bytes[DTLS_TAIL_MAX + 1];
    size_t len;
    size_t names_at;
};

static bool is_plain_text(const mbedtls_x509_buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->p[i] < 0x20 || text->p[i] == 0x7f) {
            return false;
        }
    }
    return text->len > 0;
}

static void add_name(struct tail *tail, const uint8_t *name, size_t len)
{
    if (tail->len - tail->names_at + len + 1 <= TRANSPORT_DTLS_NAMES_MAX) {
        memcpy(tail->bytes + tail->len, name, len);
        tail->len += len;
        tail->bytes[tail->len++] = 0;
    }
}

static bool is_utf8_or_ascii(int tag)
{
    return tag == MBEDTLS_ASN1_UTF8_STRING || tag == MBEDTLS_ASN1_PRINTABLE_STRING ||
           tag == MBEDTLS_ASN1_IA5_STRING;
}

static void add_common_name(struct tail *tail, const mbedtls_x509_crt *certificate)
{
    size_t before = tail->len;

    for (const mbedtls_x509_name *name = &certificate->subject; name; name = name->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0 &&
            is_utf8_or_ascii(name->val.tag) && is_plain_text(&name->val)) {
            add_name(tail, name->val.p, name->val.len);
            break;
        }
    }
    if (tail->len == before) {
        add_name(tail, (const uint8_t *)"", 0);
    }
}

static void add_dns_names(struct tail *tail, const mbedtls_x509_crt *certificate)
{
    const int dns_name = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2; /* RFC 5280, 4.2.1.6 */

    for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name;
         name = name->next) {
        if (name->buf.p && name->buf.tag == dns_name && is_plain_text(&name->buf)) {
            add_name(tail, name->buf.p, name->buf.len);
        }
    }
}

static void add_fingerprint(struct tail *tail, const mbedtls_x509_crt *certificate)
{
    uint8_t *to = tail->bytes + tail->len;

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    int result = mbedtls_sha256(certificate->raw.p, certificate->raw.len, to, 0);
#else
    int result = mbedtls_sha256_ret(certificate->raw.p, certificate->raw.len, to, 0);
#endif
    if (result != 0) {
        memset(to, 0, DTLS_FINGERPRINT_LEN); /* no hash hardware can fail here */
    }
    tail->len += DTLS_FINGERPRINT_LEN;
}

static bool has_connection_id(struct dtls_context *context, struct tail *tail)
{
#if DTLS_HAS_CID
    int enabled = MBEDTLS_SSL_CID_DISABLED;
    size_t len = 0;

    if (mbedtls_ssl_get_peer_cid(&context->ssl, &enabled, tail->bytes, &len) != 0 ||
        enabled != MBEDTLS_SSL_CID_ENABLED) {
        return false;
    }
    tail->len = len;
    return true;
#else
    (void)context;
    (void)tail;
    return false;
#endif
}

static void read_negotiated(struct dtls_session *session, const mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_session *negotiated = ssl->session;

    session->suite = (uint16_t)negotiated->ciphersuite;
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
    session->encrypt_then_mac = (uint8_t)negotiated->encrypt_then_mac;
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
    session->mfl_code = negotiated->mfl_code;
#endif
}

static enum transport_dtls_kind add_identity(struct tail *tail, const struct dtls_context *context)
{
    const struct dtls_handshake *handshake = context->handshake;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&context->ssl);

    if (handshake->identity_len > 0) {
        memcpy(tail->bytes + tail->len, handshake->identity, handshake->identity_len);
        tail->len += handshake->identity_len;
        return TRANSPORT_DTLS_PSK;
    }
    if (!certificate) {
        return TRANSPORT_DTLS_ANONYMOUS;
    }
    add_fingerprint(tail, certificate);
    return TRANSPORT_DTLS_CERTIFICATE;
}

struct dtls_session *dtls_peer_session(struct dtls_context *context)
{
    const struct dtls_handshake *handshake = context->handshake;
    struct tail tail = { .len = 0 };
    bool cid = has_connection_id(context, &tail);
    size_t identity_at = tail.len;
    enum transport_dtls_kind kind = add_identity(&tail, context);

    tail.names_at = tail.len;
    if (kind == TRANSPORT_DTLS_CERTIFICATE) {
        add_common_name(&tail, mbedtls_ssl_get_peer_cert(&context->ssl));
        add_dns_names(&tail, mbedtls_ssl_get_peer_cert(&context->ssl));
    }
    struct dtls_session *session =
        handshake->has_keys ? calloc(1, sizeof *session + tail.len) : NULL;
    if (!session) {
        return NULL;
    }
    session->route = handshake->route;
    session->out_limit = UINT64_MAX;
    session->cid_check = handshake->cid_check;
    session->cid = cid;
    session->shared = handshake->key.shared;
    session->kind = (uint8_t)kind;
    session->peer_cid_len = (uint8_t)identity_at;
    session->identity_len = (uint8_t)(tail.names_at - identity_at);
    session->names_len = (uint16_t)(tail.len - tail.names_at);
    memcpy(session->master, handshake->master, sizeof session->master);
    memcpy(session->randoms, handshake->randoms, sizeof session->randoms);
    memcpy(session->tail, tail.bytes, tail.len);
    read_negotiated(session, &context->ssl);
    dtls_parked_pull(context, session);
    return session;
}
