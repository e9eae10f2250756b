/*
 * Sessions as bytes: version 1, numbers in network order.
 *
 *   version 1, flags 1, kind 1, encrypt-then-MAC 1, fragment length 1, suite 2
 *   number 4, check value of the Connection ID 4
 *   next record number 8, reserve 4, run 4, replay window: top 8, bits 8
 *   remote address 16, port 2, scope 4, own address 16, interface 4, listener 2
 *   master secret 48, randoms 64
 *   length 1 and bytes of: the peer's Connection ID, the identity; length 2 and bytes of the names
 *   check value of all before 8 (SipHash with a key that everybody knows: against accidents)
 */
#include "lwm2m/hash/siphash.h"
#include "lwm2m/transport/dtls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION   1
#define CHECK_LEN 8

enum { FLAG_CID = 1, FLAG_SHARED = 2, FLAGS_ALL = 3 };

static uint64_t check_of(const uint8_t *bytes, size_t len)
{
    static const uint64_t key[2] = { UINT64_C(0x6c776d326d717474), UINT64_C(0x64746c73) };

    return lwm2m_siphash_proof(key, bytes, len);
}

/* ---- out ---- */

struct writer {
    uint8_t *bytes;
    size_t size, len;
    bool overflow;
};

static void put(struct writer *out, const void *bytes, size_t len)
{
    if (out->overflow || len > out->size - out->len) {
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

static void put_route(struct writer *out, const struct transport_route *route)
{
    put(out, route->remote.ip, sizeof route->remote.ip);
    put_uint(out, 2, route->remote.port);
    put_uint(out, 4, route->remote.scope_id);
    put(out, route->local_ip, sizeof route->local_ip);
    put_uint(out, 4, route->local_ifindex);
    put_uint(out, 2, route->listener);
}

static void put_session(struct writer *out, const struct transport_dtls *dtls,
                        const struct dtls_session *session)
{
    unsigned flags = (session->cid ? FLAG_CID : 0u) | (session->shared ? FLAG_SHARED : 0u);
    const uint8_t *identity = dtls_session_identity(session);

    put_uint(out, 1, VERSION);
    put_uint(out, 1, flags);
    put_uint(out, 1, session->kind);
    put_uint(out, 1, session->encrypt_then_mac);
    put_uint(out, 1, session->mfl_code);
    put_uint(out, 2, session->suite);
    put_uint(out, 4, session->route.session);
    put_uint(out, 4, session->cid_check);
    put_uint(out, 8, session->out_next);
    put_uint(out, 4, dtls->settings.reserve);
    put_uint(out, 4, dtls->settings.run);
    put_uint(out, 8, session->in_top);
    put_uint(out, 8, session->in_window);
    put_route(out, &session->route);
    put(out, session->master, sizeof session->master);
    put(out, session->randoms, sizeof session->randoms);
    put_uint(out, 1, session->peer_cid_len);
    put(out, session->tail, session->peer_cid_len);
    put_uint(out, 1, session->identity_len);
    put(out, identity, session->identity_len);
    put_uint(out, 2, session->names_len);
    put(out, identity + session->identity_len, session->names_len);
}

/* The first export binds at once, for it may reach the disk before anybody says so; a later one
 * binds the session less, and so only when it is there. */
static void reserve(const struct transport_dtls *dtls, struct dtls_session *session)
{
    uint64_t limit = session->out_next + dtls->settings.reserve;

    if (!session->exported) {
        session->exported = true;
        session->out_limit = limit;
    }
    session->out_pending = limit > session->out_limit ? (uint32_t)(limit - session->out_limit) : 0;
    session->in_since_export = 0;
    session->told = false;
}

int transport_dtls_export(struct transport_dtls *dtls, uint32_t number, uint8_t *bytes, size_t size)
{
    struct dtls_session *session = dtls_session_find(dtls, number);
    struct writer out = { .bytes = bytes, .size = size };

    if (!session) {
        return -ENOENT;
    }
    if (dtls->settings.reserve == 0) {
        return -ENOTSUP;
    }
    put_session(&out, dtls, session);
    if (!out.overflow) {
        put_uint(&out, CHECK_LEN, check_of(bytes, out.len));
    }
    if (out.overflow) {
        return -ENOSPC;
    }
    reserve(dtls, session);
    return (int)out.len;
}

void transport_dtls_stored(struct transport_dtls *dtls, uint32_t number)
{
    struct dtls_session *session = dtls_session_find(dtls, number);

    if (session && session->exported) {
        session->out_limit += session->out_pending;
        session->out_pending = 0;
    }
}

/* ---- in ---- */

/* Remembers that it ran out; asked once, at the end. */
struct reader {
    const uint8_t *bytes;
    size_t left;
    bool failed;
};

static const uint8_t *take(struct reader *in, size_t len)
{
    const uint8_t *bytes = in->bytes;

    if (in->failed || len > in->left) {
        in->failed = true;
        return NULL;
    }
    in->bytes += len;
    in->left -= len;
    return bytes;
}

static uint64_t take_uint(struct reader *in, size_t len)
{
    const uint8_t *bytes = take(in, len);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void take_bytes(struct reader *in, void *to, size_t len)
{
    const uint8_t *bytes = take(in, len);

    if (bytes) {
        memcpy(to, bytes, len);
    }
}

static void take_route(struct reader *in, struct transport_route *route)
{
    take_bytes(in, route->remote.ip, sizeof route->remote.ip);
    route->remote.port = (uint16_t)take_uint(in, 2);
    route->remote.scope_id = (uint32_t)take_uint(in, 4);
    take_bytes(in, route->local_ip, sizeof route->local_ip);
    route->local_ifindex = (uint32_t)take_uint(in, 4);
    route->listener = (uint16_t)take_uint(in, 2);
}

/* What stands before the tail, and of which run and reserve it was. */
struct origin {
    uint32_t reserve, run;
};

static void take_session(struct reader *in, struct dtls_session *session, struct origin *origin)
{
    unsigned version = (unsigned)take_uint(in, 1), flags = (unsigned)take_uint(in, 1);

    in->failed = in->failed || version != VERSION || (flags & ~(unsigned)FLAGS_ALL) != 0;
    session->cid = (flags & FLAG_CID) != 0;
    session->shared = (flags & FLAG_SHARED) != 0;
    session->kind = (uint8_t)take_uint(in, 1);
    session->encrypt_then_mac = (uint8_t)take_uint(in, 1);
    session->mfl_code = (uint8_t)take_uint(in, 1);
    session->suite = (uint16_t)take_uint(in, 2);
    session->route.session = (uint32_t)take_uint(in, 4);
    session->cid_check = (uint32_t)take_uint(in, 4);
    session->out_next = take_uint(in, 8);
    origin->reserve = (uint32_t)take_uint(in, 4);
    origin->run = (uint32_t)take_uint(in, 4);
    session->in_top = take_uint(in, 8);
    session->in_window = take_uint(in, 8);
    take_route(in, &session->route);
    take_bytes(in, session->master, sizeof session->master);
    take_bytes(in, session->randoms, sizeof session->randoms);
}

/* Each kind has its own things to be known by (transport_dtls_info). */
static bool is_identity_valid(const struct dtls_session *session, const uint8_t *names)
{
    size_t len = session->identity_len, names_len = session->names_len;

    switch (session->kind) {
    case TRANSPORT_DTLS_PSK:
        return len > 0 && len <= TRANSPORT_DTLS_IDENTITY_MAX && names_len == 0;
    case TRANSPORT_DTLS_CERTIFICATE:
        return len == DTLS_FINGERPRINT_LEN && names_len > 0 &&
               names_len <= TRANSPORT_DTLS_NAMES_MAX && names[names_len - 1] == 0;
    case TRANSPORT_DTLS_ANONYMOUS:
        return len == 0 && names_len == 0;
    default:
        return false;
    }
}

static bool is_valid(const struct dtls_session *session, const struct origin *origin)
{
    return session->route.session != 0 && session->encrypt_then_mac <= 1 &&
           session->mfl_code <= 4 && session->out_next < DTLS_NUMBER_END &&
           session->in_top < DTLS_NUMBER_END && session->peer_cid_len <= DTLS_CID_MAX &&
           (session->cid || session->peer_cid_len == 0) && origin->reserve > 0;
}

/* Every run has numbers of its own behind the export's: run r of those since then begins r reserves
 * further on. Where the run is not known, nothing may be sent before a new export. */
static int place_numbers(const struct transport_dtls *dtls, struct dtls_session *session,
                         const struct origin *origin)
{
    bool known = dtls->settings.run > origin->run && origin->run > 0;
    uint64_t runs = known ? dtls->settings.run - origin->run : 1;

    if (runs * origin->reserve >= DTLS_NUMBER_END) {
        return -EBADMSG;
    }
    session->out_next += runs * origin->reserve;
    session->out_limit = session->out_next + (known ? origin->reserve : 0);
    session->exported = true;
    session->spoke = true; /* or too late to matter */
    return session->out_limit < DTLS_NUMBER_END ? 0 : -EBADMSG;
}

/* Reads all of it. @param[out] made  owned by the caller */
static int read_form(const struct transport_dtls *dtls, const uint8_t *bytes, size_t len,
                     struct dtls_session **made)
{
    struct dtls_session head = { 0 };
    struct origin origin;
    struct reader in = { .bytes = bytes, .left = len - CHECK_LEN };

    take_session(&in, &head, &origin);
    head.peer_cid_len = (uint8_t)take_uint(&in, 1);
    const uint8_t *cid = take(&in, head.peer_cid_len);
    head.identity_len = (uint8_t)take_uint(&in, 1);
    const uint8_t *identity = take(&in, head.identity_len);
    head.names_len = (uint16_t)take_uint(&in, 2);
    const uint8_t *names = take(&in, head.names_len);
    if (in.failed || in.left > 0 || !is_valid(&head, &origin) || !is_identity_valid(&head, names)) {
        return -EBADMSG;
    }
    if (!dtls_suite_find(head.suite) || (head.cid && !dtls->settings.connection_id)) {
        return -ENOTSUP;
    }
    int err = place_numbers(dtls, &head, &origin);
    if (err != 0) {
        return err;
    }
    size_t tail_len = (size_t)head.peer_cid_len + head.identity_len + head.names_len;
    struct dtls_session *session = malloc(sizeof *session + tail_len);
    if (!session) {
        return -ENOMEM;
    }
    *session = head;
    memcpy(session->tail, cid, head.peer_cid_len);
    memcpy(session->tail + head.peer_cid_len, identity, head.identity_len);
    memcpy(session->tail + head.peer_cid_len + head.identity_len, names, head.names_len);
    dtls_forget(&head, sizeof head);
    *made = session;
    return 0;
}

static int admit(struct transport_dtls *dtls, const struct dtls_session *session)
{
    if (dtls_session_find(dtls, session->route.session) ||
        dtls_session_of_identity(dtls, session) ||
        (!session->cid && dtls_session_at(dtls, &session->route))) {
        return -EEXIST;
    }
    return dtls->by_number.count < dtls->settings.sessions_max ? 0 : -ENOSPC;
}

void transport_dtls_expect(struct transport_dtls *dtls, size_t sessions)
{
    size_t count = sessions < dtls->settings.sessions_max ? sessions : dtls->settings.sessions_max;

    dtls_table_expect(&dtls->by_number, count);
    dtls_table_expect(&dtls->by_address, count);
    dtls_table_expect(&dtls->by_identity, count);
}

int transport_dtls_import(struct transport_dtls *dtls, const uint8_t *bytes, size_t len,
                          uint32_t *number)
{
    struct dtls_session *session;

    if (len <= CHECK_LEN || len > TRANSPORT_DTLS_EXPORT_MAX) {
        return -EBADMSG;
    }
    struct reader check = { .bytes = bytes + len - CHECK_LEN, .left = CHECK_LEN };
    if (take_uint(&check, CHECK_LEN) != check_of(bytes, len - CHECK_LEN)) {
        return -EBADMSG;
    }
    int err = read_form(dtls, bytes, len, &session);
    if (err != 0) {
        return err;
    }
    err = admit(dtls, session);
    if (err != 0) {
        dtls_session_free(session);
        return err;
    }
    dtls_session_add(dtls, session);
    if (session->route.session >= dtls->next_session) {
        dtls->next_session = session->route.session + 1;
    }
    if (number) {
        *number = session->route.session;
    }
    return 0;
}
