/*
 * Established sessions: found by number (which a Connection ID contains), by address, by identity.
 *
 * A session always holds all that it takes to go on, up to the numbers of the last record each way;
 * its context, if there is one, can be thrown away at any time. So a forged record costs at most a
 * context made anew, and what is stored is what is in memory.
 */
#include "lwm2m/transport/dtls_internal.h"

#include "lwm2m/transport/dtls_hash.h"

#include <errno.h>
#include <stdlib.h>
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
        &dtls->by_identity, dtls_siphash(dtls->table_key, identity, like->identity_len));
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

void dtls_session_free(struct dtls_session *session)
{
    dtls_forget(session->master, sizeof session->master);
    free(session);
}

void dtls_session_close(struct transport_dtls *dtls, struct dtls_session *session,
                        enum transport_dtls_reason reason)
{
    struct transport_dtls_info info;

    dtls_session_detach(dtls, session);
    dtls_session_describe(session, &info);
    dtls->events.closed(dtls->ctx, &info, reason);
    dtls_session_free(session);
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

void dtls_session_changed(struct transport_dtls *dtls, struct dtls_session *session)
{
    if (dtls->events.changed && !session->told && dtls->settings.reserve > 0) {
        session->told = true;
        dtls->events.changed(dtls->ctx, session->route.session);
    }
}

/* Whether half of what the stored form grants is used up, either way. */
static bool wants_export(const struct transport_dtls *dtls, const struct dtls_session *session)
{
    uint64_t half = dtls->settings.reserve / 2;

    return session->exported &&
           (session->out_next + half >= session->out_limit || session->in_since_export >= half);
}

void dtls_session_describe(const struct dtls_session *session, struct transport_dtls_info *info)
{
    const uint8_t *identity = dtls_session_identity(session);
    const char *names = (const char *)identity + session->identity_len;

    *info = (struct transport_dtls_info){
        .route = session->route,
        .kind = session->kind,
        .suite = dtls_suite_find(session->suite)->name,
        .common_name = "",
        .connection_id = session->cid,
        .changed = session->told || !session->exported || session->in_since_export > 0,
    };
    if (session->kind == TRANSPORT_DTLS_PSK) {
        info->identity = identity;
        info->identity_len = session->identity_len;
    } else if (session->kind == TRANSPORT_DTLS_CERTIFICATE) {
        size_t common_name_len = strlen(names) + 1;
        info->fingerprint = identity;
        info->common_name = names;
        info->dns_names = names + common_name_len;
        info->dns_names_len = session->names_len - common_name_len;
    }
}

/* RFC 6347, 4.1.2.6, as mbedtls keeps the window: bit n is the record n below the highest. */
static bool is_replay(const struct dtls_session *session, uint64_t number)
{
    if (number > session->in_top) {
        return false;
    }
    uint64_t below = session->in_top - number;
    return below >= 64 || (session->in_window >> below & 1) != 0;
}

static void move_to(struct transport_dtls *dtls, struct dtls_session *session,
                    const struct transport_route *route)
{
    uint32_t number = session->route.session;

    dtls_table_remove(&dtls->by_address, &session->by_address);
    session->route = *route;
    session->route.session = number;
    dtls_table_add(&dtls->by_address, &session->by_address);
    dtls->counters.addresses_changed++;
}

/* An authentic record: whether it is the newest so far, and so says where the peer is now
 * (RFC 9146, 6). Returns whether the stored form has another address. */
static bool follow(struct transport_dtls *dtls, struct dtls_session *session,
                   const struct transport_route *route, bool newest)
{
    session->last_used_s = (uint32_t)(dtls->now_ms / 1000);
    session->in_since_export++;
    dtls_live_touch(dtls, session);
    if (!newest) {
        return false;
    }
    if (!dtls_address_equal(&session->route, route)) {
        move_to(dtls, session, route);
        return true;
    }
    memcpy(session->route.local_ip, route->local_ip, sizeof route->local_ip);
    session->route.local_ifindex = route->local_ifindex;
    return false;
}

static void say_goodbye(struct transport_dtls *dtls, struct dtls_session *session,
                        enum transport_dtls_reason reason)
{
    struct dtls_context *context =
        session->out_next < session->out_limit ? dtls_live_get(dtls, session) : NULL;

    if (context) {
        dtls_context_say_goodbye(context);
    }
    dtls_session_close(dtls, session, reason);
}

/* What an authentic record came to; the session may be gone after each of these. */
static void take_outcome(struct transport_dtls *dtls, struct dtls_session *session,
                         enum dtls_outcome outcome, size_t len)
{
    struct transport_route route = session->route;

    switch (outcome) {
    case DTLS_DONE:
        dtls->events.receive(dtls->ctx, &route, dtls->plain, len);
        break;
    case DTLS_WAITS: /* a warning; a lost last flight, which mbedtls has sent again */
        break;
    case DTLS_GOODBYE:
        say_goodbye(dtls, session, TRANSPORT_DTLS_BY_PEER);
        break;
    case DTLS_FATAL:
        dtls_session_close(dtls, session, TRANSPORT_DTLS_BY_PEER);
        break;
    case DTLS_BROKEN:
        dtls_session_close(dtls, session, TRANSPORT_DTLS_BROKEN);
        break;
    }
}

void dtls_session_record(struct transport_dtls *dtls, struct dtls_session *session,
                         const struct transport_route *route, const struct dtls_record *record)
{
    uint32_t number = session->route.session;
    uint64_t top = session->in_top, window = session->in_window;
    size_t len = 0;

    if (record->epoch == 1 && is_replay(session, record->number)) {
        dtls->counters.replays++;
        return;
    }
    struct dtls_context *context = record->epoch == 1 ? dtls_live_get(dtls, session) : NULL;
    if (!context) {
        dtls->counters.bad_mac++;
        return;
    }
    enum dtls_outcome outcome = dtls_context_read(context, record, &len);
    dtls_parked_pull(context, session);
    if (session->in_top == top && session->in_window == window) {
        dtls->counters.bad_mac++;
        if (outcome != DTLS_WAITS) {
            dtls_live_park(dtls, session); /* whatever it did to the context, it was not the peer */
        }
        return;
    }
    bool moved = follow(dtls, session, route, session->in_top != top || top == 0);
    if (moved || wants_export(dtls, session)) {
        dtls_session_changed(dtls, session);
        session = dtls_session_find(dtls, number);
    }
    if (session) {
        take_outcome(dtls, session, outcome, len);
    }
}

int transport_dtls_send(struct transport_dtls *dtls, const struct transport_route *route,
                        const uint8_t *data, size_t len)
{
    struct dtls_session *session = dtls_session_find(dtls, route->session);

    if (!session) {
        return -ENOENT;
    }
    if (len > dtls_parked_payload_max(session, dtls->settings.mtu)) {
        return -EMSGSIZE;
    }
    if (session->out_next >= session->out_limit) {
        dtls->counters.held_back++;
        dtls_session_changed(dtls, session);
        return -EAGAIN;
    }
    struct dtls_context *context = dtls_live_get(dtls, session);
    if (!context) {
        return -ENOMEM;
    }
    dtls_live_touch(dtls, session);
    enum dtls_outcome outcome = dtls_context_write(context, data, len);
    dtls_parked_pull(context, session);
    if (outcome != DTLS_DONE) {
        dtls_live_park(dtls, session);
        return -EMSGSIZE;
    }
    if (wants_export(dtls, session)) {
        dtls_session_changed(dtls, session);
    }
    return 0;
}

size_t transport_dtls_payload_max(const struct transport_dtls *dtls, uint32_t number)
{
    const struct dtls_session *session = dtls_session_find(dtls, number);

    return session ? dtls_parked_payload_max(session, dtls->settings.mtu) : 0;
}

bool transport_dtls_find(const struct transport_dtls *dtls, uint32_t number,
                         struct transport_dtls_info *info)
{
    const struct dtls_session *session = dtls_session_find(dtls, number);

    if (session) {
        dtls_session_describe(session, info);
    }
    return session != NULL;
}

void transport_dtls_each(struct transport_dtls *dtls, transport_dtls_visitor *visit, void *ctx)
{
    struct transport_dtls_info info;

    for (size_t i = 0; i < dtls->by_number.buckets; i++) {
        struct dtls_link *link = dtls_table_chain_at(&dtls->by_number, i);
        for (; link; link = link->next) {
            dtls_session_describe(dtls_session_by_number(link), &info);
            visit(ctx, &info);
        }
    }
}

void transport_dtls_close(struct transport_dtls *dtls, uint32_t number)
{
    struct dtls_session *session = dtls_session_find(dtls, number);

    if (session) {
        say_goodbye(dtls, session, TRANSPORT_DTLS_CLOSED);
    }
}

/* Closes the first of a chain that is wanted closed. */
static bool close_one(struct transport_dtls *dtls, size_t n, transport_dtls_predicate *predicate,
                      void *ctx)
{
    struct transport_dtls_info info;
    struct dtls_link *link = dtls_table_chain_at(&dtls->by_number, n);

    for (; link; link = link->next) {
        dtls_session_describe(dtls_session_by_number(link), &info);
        if (predicate(ctx, &info)) {
            say_goodbye(dtls, dtls_session_by_number(link), TRANSPORT_DTLS_CLOSED);
            return true;
        }
    }
    return false;
}

/* From the last chain down: when the table shrinks, its last chain joins one that is still to come.
 */
size_t transport_dtls_close_if(struct transport_dtls *dtls, transport_dtls_predicate *predicate,
                               void *ctx)
{
    size_t closed = 0;

    for (size_t n = dtls->by_number.buckets; n-- > 0;) {
        while (n < dtls->by_number.buckets && close_one(dtls, n, predicate, ctx)) {
            closed++;
        }
    }
    return closed;
}
