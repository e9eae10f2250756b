/*
 * The tables of sessions: by number (which a Connection ID contains), by address, by identity, and
 * who gives way when they are full.
 *
 * The table of addresses also holds sessions with a Connection ID, several to an address perhaps:
 * no record is theirs for its address, but what is sent there unprotected must know that they are
 * there.
 */
#include "lwm2m/hash/siphash.h"
#include "lwm2m/transport/dtls_internal.h"

#include <string.h>

/* When the table is full, the longest unused of so many gives way. */
#define CANDIDATES 16

static struct dtls_session *by_address(struct dtls_link *link)
{
    return (struct dtls_session *)((char *)link - offsetof(struct dtls_session, by_address));
}

static struct dtls_session *by_identity(struct dtls_link *link)
{
    return (struct dtls_session *)((char *)link - offsetof(struct dtls_session, by_identity));
}

struct dtls_session *dtls_session_find(const struct transport_dtls *dtls, uint32_t number)
{
    struct dtls_link *link = dtls_table_chain(&dtls->by_number, number);

    while (link && dtls_session_by_number(link)->route.session != number) {
        link = link->next;
    }
    return link ? dtls_session_by_number(link) : NULL;
}

static struct dtls_session *find_at(const struct transport_dtls *dtls,
                                    const struct transport_route *route, bool with_cid)
{
    struct dtls_link *link = dtls_table_chain(&dtls->by_address, dtls_address_hash(dtls, route));

    while (link && (!dtls_address_equal(&by_address(link)->route, route) ||
                    (by_address(link)->cid && !with_cid))) {
        link = link->next;
    }
    return link ? by_address(link) : NULL;
}

struct dtls_session *dtls_session_at(const struct transport_dtls *dtls,
                                     const struct transport_route *route)
{
    return find_at(dtls, route, false);
}

bool dtls_session_lives_at(const struct transport_dtls *dtls, const struct transport_route *route)
{
    return find_at(dtls, route, true) != NULL;
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

struct dtls_session *dtls_session_of_cid(const struct transport_dtls *dtls, const uint8_t *cid)
{
    struct dtls_session *session = dtls_session_find(dtls, read_u32(cid));

    return session && session->cid && session->cid_check == read_u32(cid + 4) ? session : NULL;
}

static bool has_identity(const struct dtls_session *session)
{
    return session->identity_len > 0 && !session->shared;
}

struct dtls_session *dtls_session_of_identity(const struct transport_dtls *dtls,
                                              const struct dtls_session *like)
{
    if (!has_identity(like)) {
        return NULL;
    }
    const uint8_t *identity = dtls_session_identity(like);
    struct dtls_link *link = dtls_table_chain(
        &dtls->by_identity, lwm2m_siphash(dtls->table_key, identity, like->identity_len));
    for (; link; link = link->next) {
        struct dtls_session *session = by_identity(link);
        if (session->kind == like->kind && session->identity_len == like->identity_len &&
            memcmp(dtls_session_identity(session), identity, like->identity_len) == 0) {
            return session;
        }
    }
    return NULL;
}

uint32_t dtls_session_number(struct transport_dtls *dtls)
{
    uint32_t number;

    do {
        number = dtls->next_session++;
    } while (number == 0 || dtls_session_find(dtls, number));
    return number;
}

void dtls_session_add(struct transport_dtls *dtls, struct dtls_session *session)
{
    session->last_used_s = (uint32_t)(dtls->now_ms / 1000);
    dtls_table_add(&dtls->by_number, &session->by_number);
    dtls_table_add(&dtls->by_address, &session->by_address);
    if (has_identity(session)) {
        dtls_table_add(&dtls->by_identity, &session->by_identity);
    }
}

void dtls_session_detach(struct transport_dtls *dtls, struct dtls_session *session)
{
    dtls_live_park(dtls, session);
    dtls_table_remove(&dtls->by_number, &session->by_number);
    dtls_table_remove(&dtls->by_address, &session->by_address);
    if (has_identity(session)) {
        dtls_table_remove(&dtls->by_identity, &session->by_identity);
    }
}

/* Of a few sessions at random the longest unused: near enough to the longest unused of all. */
void dtls_session_make_room(struct transport_dtls *dtls)
{
    struct dtls_session *gives_way = NULL;
    size_t seen = 0;
    uint32_t start = 0;

    if (dtls->by_number.count < dtls->settings.sessions_max ||
        dtls_random_fill(dtls->random, &start, sizeof start) != 0) {
        return;
    }
    for (size_t i = 0; i < dtls->by_number.buckets && seen < CANDIDATES; i++) {
        struct dtls_link *link =
            dtls_table_chain_at(&dtls->by_number, (start + i) % dtls->by_number.buckets);
        for (; link; link = link->next, seen++) {
            struct dtls_session *session = dtls_session_by_number(link);
            if (!gives_way || session->last_used_s < gives_way->last_used_s) {
                gives_way = session;
            }
        }
    }
    if (gives_way) {
        dtls_session_close(dtls, gives_way, TRANSPORT_DTLS_EVICTED);
    }
}
