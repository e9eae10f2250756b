/*
 * The engine: takes datagrams apart and finds whose each record is.
 *
 * Every record is handed on alone, so that what stands beside it in a datagram cannot disturb it,
 * and each rule for epochs and types stands in one place, below.
 */
#include "lwm2m/transport/dtls.h"

#include "lwm2m/hash/siphash.h"
#include "lwm2m/transport/dtls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE_MAX (1u << 24)

const struct transport_dtls_settings transport_dtls_defaults = {
    .sessions_max = 100000,
    .live_max = 64,
    .half_open_max = 256,
    .handshake_ms = 60000,
    .retransmit_min_ms = 1000,
    .retransmit_max_ms = 60000,
    .mtu = 1232, /* IPv6's least, 1280, less the headers of IPv6 and UDP */
    .reserve = 256,
    .alerts_per_s = 10,
    .connection_id = true,
};

uint64_t dtls_address_hash(const struct transport_dtls *dtls, const struct transport_route *route)
{
    uint64_t key[3];
    uint64_t rest = (uint64_t)route->remote.port << 16 | route->listener;

    memcpy(key, route->remote.ip, 16);
    key[2] = (uint64_t)route->remote.scope_id << 32 | rest;
    return lwm2m_siphash(dtls->table_key, key, sizeof key);
}

bool dtls_address_equal(const struct transport_route *a, const struct transport_route *b)
{
    return a->listener == b->listener && transport_address_equal(&a->remote, &b->remote);
}

#define PART(type, member, at) ((const type *)((const char *)(at)-offsetof(type, member)))

static uint64_t hash_of_number(const void *ctx, const struct dtls_link *link)
{
    (void)ctx;
    return PART(struct dtls_session, by_number, link)->route.session;
}

static uint64_t hash_of_address(const void *ctx, const struct dtls_link *link)
{
    return dtls_address_hash(ctx, &PART(struct dtls_session, by_address, link)->route);
}

static uint64_t hash_of_identity(const void *ctx, const struct dtls_link *link)
{
    const struct transport_dtls *dtls = ctx;
    const struct dtls_session *session = PART(struct dtls_session, by_identity, link);

    return lwm2m_siphash(dtls->table_key, dtls_session_identity(session), session->identity_len);
}

static uint64_t hash_of_handshake(const void *ctx, const struct dtls_link *link)
{
    return dtls_address_hash(ctx, &PART(struct dtls_handshake, by_address, link)->route);
}

static bool are_settings_valid(const struct transport_dtls_settings *settings,
                               const struct transport_dtls_events *events)
{
    return settings->sessions_max > 0 && settings->live_max > 0 && settings->half_open_max > 0 &&
           settings->half_open_max <= UINT16_MAX && settings->handshake_ms > 0 &&
           settings->retransmit_min_ms > 0 &&
           settings->retransmit_max_ms >= settings->retransmit_min_ms && settings->mtu >= 256 &&
           settings->mtu <= TRANSPORT_DTLS_DATAGRAM_MAX && settings->reserve <= RESERVE_MAX &&
           events->send && events->receive && events->established && events->closed;
}

static int fill_secrets(struct transport_dtls *dtls)
{
    int err = dtls_random_new(&dtls->random);

    if (err == 0) {
        err = dtls_random_fill(dtls->random, dtls->table_key, sizeof dtls->table_key);
    }
    if (err == 0) {
        err = dtls_random_fill(dtls->random, dtls->cookie_key, sizeof dtls->cookie_key);
    }
    if (err == 0) {
        err = dtls_random_fill(dtls->random, dtls->unknown_key, sizeof dtls->unknown_key);
    }
    return err;
}

static int set_up(struct transport_dtls *dtls)
{
    int err = fill_secrets(dtls);

    if (err == 0) {
        err = dtls_table_init(&dtls->by_number, hash_of_number, dtls);
    }
    if (err == 0) {
        err = dtls_table_init(&dtls->by_address, hash_of_address, dtls);
    }
    if (err == 0) {
        err = dtls_table_init(&dtls->by_identity, hash_of_identity, dtls);
    }
    if (err == 0) {
        err = dtls_table_init(&dtls->handshakes, hash_of_handshake, dtls);
    }
    if (err == 0) {
        err = dtls_credentials_new(dtls, NULL, NULL, &dtls->resumption);
    }
    return err == 0 ? dtls_parked_prove(dtls) : err;
}

int transport_dtls_new(const struct transport_dtls_settings *settings,
                       const struct transport_dtls_events *events, void *ctx, uint64_t now_ms,
                       struct transport_dtls **made)
{
    if (!are_settings_valid(settings, events)) {
        return -EINVAL;
    }
    struct transport_dtls *dtls = calloc(1, sizeof *dtls);
    if (!dtls) {
        return -ENOMEM;
    }
    dtls->settings = *settings;
    dtls->settings.connection_id = settings->connection_id && transport_dtls_has_connection_id();
    dtls->events = *events;
    dtls->ctx = ctx;
    dtls->now_ms = now_ms;
    dtls->alert_tokens_at_ms = now_ms;
    dtls->alert_tokens = settings->alerts_per_s;
    dtls->next_session = settings->first_session > 0 ? settings->first_session : 1;
    TAILQ_INIT(&dtls->live);
    TAILQ_INIT(&dtls->by_age);
    dtls->timers = lwm2m_timers_new(now_ms, dtls);
    int err = dtls->timers ? set_up(dtls) : -ENOMEM;
    if (err != 0) {
        transport_dtls_free(dtls);
        return err;
    }
    *made = dtls;
    return 0;
}

void transport_dtls_free(struct transport_dtls *dtls)
{
    if (!dtls) {
        return;
    }
    while (!TAILQ_EMPTY(&dtls->by_age)) {
        dtls_handshake_drop(dtls, TAILQ_FIRST(&dtls->by_age));
    }
    for (size_t i = 0; i < dtls->by_number.buckets; i++) {
        struct dtls_link *link = dtls_table_chain_at(&dtls->by_number, i);
        while (link) {
            struct dtls_session *session = dtls_session_by_number(link);
            link = link->next;
            dtls_live_park(dtls, session);
            dtls_session_free(session);
        }
    }
    dtls_table_deinit(&dtls->by_number);
    dtls_table_deinit(&dtls->by_address);
    dtls_table_deinit(&dtls->by_identity);
    dtls_table_deinit(&dtls->handshakes);
    dtls_credentials_unref(dtls->credentials);
    dtls_credentials_unref(dtls->resumption);
    dtls_random_free(dtls->random);
    lwm2m_timers_free(dtls->timers);
    dtls_forget(dtls, sizeof *dtls);
    free(dtls);
}

int transport_dtls_set_credentials(struct transport_dtls *dtls,
                                   const struct transport_dtls_credentials *from,
                                   const char **fault)
{
    struct dtls_credentials *credentials;
    int err = dtls_credentials_new(dtls, from, fault, &credentials);

    if (err != 0) {
        return err;
    }
    dtls_credentials_unref(dtls->credentials);
    dtls->credentials = credentials;
    return 0;
}

/* Epoch 0 is never a session's: only handshakes speak without protection. */
static void take_plain(struct transport_dtls *dtls, const struct transport_route *route,
                       const struct dtls_record *record)
{
    const uint8_t *random;

    if (record->type == DTLS_HANDSHAKE && record->bytes[record->header_len] == 1) {
        if (dtls_front_hello(dtls, route, record, &random)) {
            dtls_handshake_hello(dtls, route, record, random);
        }
        return;
    }
    struct dtls_handshake *handshake = dtls_handshake_find(dtls, route);
    if (handshake) {
        dtls_handshake_record(dtls, handshake, record);
    } else {
        dtls->counters.unknown++; /* the rest of a handshake, mostly */
    }
}

/*
 * While a handshake is under way at the address of a session, handshake messages are its own (the
 * Finished) and everything else is the session's, which stays until the handshake succeeded
 * (RFC 6347, 4.2.8).
 */
static void take_protected(struct transport_dtls *dtls, const struct transport_route *route,
                           const struct dtls_record *record)
{
    struct dtls_handshake *handshake = dtls_handshake_find(dtls, route);
    struct dtls_session *session =
        record->cid ? dtls_session_of_cid(dtls, record->cid) : dtls_session_at(dtls, route);

    if (record->cid) {
        handshake = handshake && dtls_handshake_has_cid(handshake, record->cid) ? handshake : NULL;
    }
    if (handshake && (record->type == DTLS_HANDSHAKE || !session)) {
        dtls_handshake_record(dtls, handshake, record);
    } else if (session) {
        dtls_session_record(dtls, session, route, record);
    } else {
        dtls_front_unknown(dtls, route, record);
    }
}

bool transport_dtls_knows(const struct transport_dtls *dtls, const struct transport_route *route)
{
    return dtls_session_lives_at(dtls, route);
}

void transport_dtls_receive(struct transport_dtls *dtls, const struct transport_route *route,
                            const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct dtls_record record;

    dtls->now_ms = now_ms > dtls->now_ms ? now_ms : dtls->now_ms;
    dtls->alerted = false;
    if (len > TRANSPORT_DTLS_DATAGRAM_MAX) {
        dtls->counters.garbage++;
        return;
    }
    while (len > 0) {
        if (!dtls_record_read(datagram, len, dtls->settings.connection_id, &record)) {
            dtls->counters.garbage++;
            return;
        }
        if (record.epoch == 0 && !record.cid) {
            take_plain(dtls, route, &record);
        } else {
            take_protected(dtls, route, &record);
        }
        datagram += record.len;
        len -= record.len;
    }
}

void transport_dtls_run(struct transport_dtls *dtls, uint64_t now_ms)
{
    dtls->now_ms = now_ms > dtls->now_ms ? now_ms : dtls->now_ms;
    lwm2m_timers_run(dtls->timers, dtls->now_ms);
}

uint64_t transport_dtls_next_ms(const struct transport_dtls *dtls)
{
    return lwm2m_timers_next_ms(dtls->timers);
}

size_t transport_dtls_sessions(const struct transport_dtls *dtls)
{
    return dtls->by_number.count;
}

size_t transport_dtls_half_open(const struct transport_dtls *dtls)
{
    return dtls->handshakes.count;
}

const struct transport_dtls_counters *transport_dtls_counters(const struct transport_dtls *dtls)
{
    return &dtls->counters;
}

uint32_t transport_dtls_next_session(const struct transport_dtls *dtls)
{
    return dtls->next_session;
}
