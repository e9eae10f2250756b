/*
 * An established session: its records, its changes, its end.
 *
 * It always holds all that it takes to go on, up to the numbers of the last record each way;
 * its context, if there is one, can be thrown away at any time. So a forged record costs at most a
 * context made anew, and what is stored is what is in memory.
 */
#include "lwm2m/transport/dtls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dtls_session_free(struct dtls_session *session)
{
    dtls_forget(session->master, sizeof session->master);
    free(session->flight);
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

/* An authentic record that is no data, from a peer that never sent any: most likely its Finished,
 * for want of ours. A context of the handshake answers that by itself; a loaded one knows nothing
 * of it. The same bytes again are no new use of their number, and who has them already drops them.
 */
static void send_flight_again(struct transport_dtls *dtls, const struct dtls_session *session)
{
    if (session->flight && !session->spoke) {
        dtls->events.send(dtls->ctx, &session->route, session->flight->bytes, session->flight->len);
    }
}

/* What an authentic record came to; the session may be gone after each of these. */
static void take_outcome(struct transport_dtls *dtls, struct dtls_session *session,
                         enum dtls_outcome outcome, size_t len)
{
    struct transport_route route = session->route;

    switch (outcome) {
    case DTLS_DONE:
        session->spoke = true;
        free(session->flight);
        session->flight = NULL;
        dtls->events.receive(dtls->ctx, &route, dtls->plain, len);
        break;
    case DTLS_WAITS:
        send_flight_again(dtls, session);
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
