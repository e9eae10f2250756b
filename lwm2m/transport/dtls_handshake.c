/*
 * Handshakes under way, found by address. Each costs a context, so their number is bounded.
 *
 * When the table is full, the newcomer has proved its address and may be a device as well as an
 * attacker. What an attacker cannot have many of is addresses at which it receives. So the oldest
 * handshake of the source (IPv4 address, or /64 of IPv6) that holds most gives way at once to one
 * whose source holds less: a flood makes room for devices elsewhere, which then have the whole
 * deadline. Among equals a handshake gives way only when it has had its time, else
 * the newcomer is refused and tries again by itself: when a fleet comes back at once, behind one
 * NAT or from everywhere, those who were admitted finish, where displacing the oldest would let
 * nobody.
 */
#include "lwm2m/hash/siphash.h"
#include "lwm2m/transport/dtls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the oldest handshakes, this many are looked at for one that gives way. */
#define CANDIDATES 1024

/* In this part of the whole time a device completes a handshake unless much was lost. It also
 * bounds what a flood of one source can make us compute: half_open_max key exchanges in that time.
 */
#define GRACE_PART 8

static struct dtls_handshake *by_deadline(struct lwm2m_timer *timer)
{
    return (struct dtls_handshake *)((char *)timer - offsetof(struct dtls_handshake, deadline));
}

static struct dtls_handshake *by_address(struct dtls_link *link)
{
    return (struct dtls_handshake *)((char *)link - offsetof(struct dtls_handshake, by_address));
}

struct dtls_handshake *dtls_handshake_find(const struct transport_dtls *dtls,
                                           const struct transport_route *route)
{
    if (dtls->handshakes.count == 0) {
        return NULL;
    }
    struct dtls_link *link = dtls_table_chain(&dtls->handshakes, dtls_address_hash(dtls, route));
    while (link && !dtls_address_equal(&by_address(link)->route, route)) {
        link = link->next;
    }
    return link ? by_address(link) : NULL;
}

static uint16_t source_of(const struct transport_dtls *dtls, const struct transport_route *route)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    const uint8_t *ip = route->remote.ip;
    size_t len = memcmp(ip, mapped, sizeof mapped) == 0 ? 16 : 8;

    return (uint16_t)(lwm2m_siphash(dtls->table_key, ip, len) & (DTLS_SOURCES - 1));
}

static void free_handshake(struct dtls_handshake *handshake)
{
    dtls_context_free(handshake->context);
    dtls_forget(handshake, sizeof *handshake);
    free(handshake);
}

static void detach(struct transport_dtls *dtls, struct dtls_handshake *handshake)
{
    lwm2m_timer_stop(dtls->timers, &handshake->deadline);
    dtls_table_remove(&dtls->handshakes, &handshake->by_address);
    TAILQ_REMOVE(&dtls->by_age, handshake, by_age);
    dtls->sources[handshake->source]--;
}

void dtls_handshake_drop(struct transport_dtls *dtls, struct dtls_handshake *handshake)
{
    detach(dtls, handshake);
    free_handshake(handshake);
}

static void fail(struct transport_dtls *dtls, struct dtls_handshake *handshake, const char *reason)
{
    dtls->counters.handshakes_failed++;
    if (dtls->events.failed) {
        struct transport_route route = handshake->route;
        route.session = 0;
        dtls->events.failed(dtls->ctx, &route,
                            handshake->identity_len > 0 ? handshake->identity : NULL,
                            handshake->identity_len, reason);
    }
    dtls_handshake_drop(dtls, handshake);
}

static void deadline_passed(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    (void)now_ms;
    fail(ctx, by_deadline(timer), "it took too long");
}

/* The oldest of the source that holds most. */
static struct dtls_handshake *find_heaviest(struct transport_dtls *dtls)
{
    struct dtls_handshake *heaviest = NULL, *handshake;
    unsigned looked_at = 0;

    TAILQ_FOREACH(handshake, &dtls->by_age, by_age)
    {
        if (looked_at++ == CANDIDATES) {
            break;
        }
        if (!heaviest || dtls->sources[handshake->source] > dtls->sources[heaviest->source]) {
            heaviest = handshake;
        }
    }
    return heaviest;
}

/* Makes room for one more of a source; false when it is the one that waits. */
static bool make_room(struct transport_dtls *dtls, uint16_t source)
{
    if (dtls->handshakes.count < dtls->settings.half_open_max) {
        return true;
    }
    struct dtls_handshake *gives_way = find_heaviest(dtls);
    uint64_t begun_ms = gives_way->deadline.deadline_ms - dtls->settings.handshake_ms;
    bool is_flood = dtls->sources[gives_way->source] > dtls->sources[source] + 1u;
    if (!is_flood && dtls->now_ms - begun_ms < dtls->settings.handshake_ms / GRACE_PART) {
        return false;
    }
    dtls->counters.handshakes_refused++;
    dtls_handshake_drop(dtls, gives_way);
    return true;
}

static void write_cid(const struct dtls_handshake *handshake, uint8_t cid[DTLS_CID_LEN])
{
    for (int i = 0; i < 4; i++) {
        cid[i] = (uint8_t)(handshake->route.session >> (24 - 8 * i));
        cid[4 + i] = (uint8_t)(handshake->cid_check >> (24 - 8 * i));
    }
}

bool dtls_handshake_has_cid(const struct dtls_handshake *handshake, const uint8_t cid[DTLS_CID_LEN])
{
    uint8_t own[DTLS_CID_LEN];

    write_cid(handshake, own);
    return memcmp(own, cid, sizeof own) == 0;
}

static int prepare_context(struct transport_dtls *dtls, struct dtls_handshake *handshake)
{
    uint8_t cid[DTLS_CID_LEN];

    int err = dtls_random_fill(dtls->random, &handshake->cid_check, sizeof handshake->cid_check);
    if (err != 0) {
        return err;
    }
    handshake->context = dtls_context_new(dtls, dtls->credentials);
    if (!handshake->context) {
        return -ENOMEM;
    }
    dtls_context_set_owner(handshake->context, handshake, NULL);
    if (!dtls->settings.connection_id) {
        return 0;
    }
    write_cid(handshake, cid);
    return dtls_context_offer_cid(handshake->context, cid);
}

static struct dtls_handshake *begin(struct transport_dtls *dtls,
                                    const struct transport_route *route, const uint8_t *random)
{
    uint16_t source = source_of(dtls, route);
    struct dtls_handshake *handshake =
        make_room(dtls, source) ? calloc(1, sizeof *handshake) : NULL;

    if (!handshake) {
        return NULL;
    }
    handshake->route = *route;
    handshake->route.session = dtls_session_number(dtls);
    handshake->source = source;
    memcpy(handshake->client_random, random, DTLS_RANDOM_LEN);
    if (prepare_context(dtls, handshake) != 0) {
        free_handshake(handshake);
        return NULL;
    }
    dtls->sources[handshake->source]++;
    TAILQ_INSERT_TAIL(&dtls->by_age, handshake, by_age);
    dtls_table_add(&dtls->handshakes, &handshake->by_address);
    lwm2m_timer_set(dtls->timers, &handshake->deadline, dtls->now_ms + dtls->settings.handshake_ms,
                    deadline_passed);
    return handshake;
}

void dtls_handshake_hello(struct transport_dtls *dtls, const struct transport_route *route,
                          const struct dtls_record *record, const uint8_t *random)
{
    struct dtls_handshake *handshake = dtls_handshake_find(dtls, route);

    if (!dtls->credentials) {
        dtls->counters.handshakes_refused++;
        return;
    }
    if (handshake && memcmp(handshake->client_random, random, DTLS_RANDOM_LEN) != 0) {
        fail(dtls, handshake, "the device began anew");
        handshake = NULL;
    }
    if (!handshake) {
        handshake = begin(dtls, route, random);
    }
    if (handshake) {
        dtls_handshake_record(dtls, handshake, record);
    } else {
        dtls->counters.handshakes_refused++;
    }
}

static bool is_same_key(const struct transport_dtls_key *a, const struct transport_dtls_key *b)
{
    uint8_t differs = 0;

    for (size_t i = 0; i < sizeof a->bytes; i++) {
        differs |= a->bytes[i] ^ b->bytes[i];
    }
    return differs == 0 && a->len == b->len;
}

/* What was good when it began may have been taken away since. */
static bool is_still_welcome(struct transport_dtls *dtls, const struct dtls_handshake *handshake)
{
    struct transport_dtls_key key = { 0 };
    bool welcome;

    if (handshake->identity_len == 0) {
        return dtls_context_has_credentials(handshake->context, dtls->credentials);
    }
    welcome =
        dtls_credentials_have_psk(dtls->credentials) &&
        dtls->events.find_key(dtls->ctx, handshake->identity, handshake->identity_len, &key) == 0 &&
        is_same_key(&key, &handshake->key);
    dtls_forget(&key, sizeof key);
    return welcome;
}

/* Takes those out of the tables whose place the new session takes: at most the one with the same
 * identity, and one at the same address that has no Connection ID to be known by. */
static void detach_replaced(struct transport_dtls *dtls, const struct dtls_session *session,
                            struct dtls_session *replaced[2])
{
    replaced[0] = dtls_session_of_identity(dtls, session);
    if (replaced[0]) {
        dtls_session_detach(dtls, replaced[0]);
    }
    replaced[1] = dtls_session_at(dtls, &session->route);
    if (replaced[1]) {
        dtls_session_detach(dtls, replaced[1]);
    }
}

static void report(struct transport_dtls *dtls, uint32_t number, struct dtls_session *replaced[2])
{
    struct transport_dtls_info info;
    struct dtls_session *session = dtls_session_find(dtls, number);

    dtls_session_describe(session, &info);
    dtls->events.established(dtls->ctx, &info);
    for (size_t i = 0; i < 2; i++) {
        if (replaced[i]) {
            dtls_session_describe(replaced[i], &info);
            dtls->events.closed(dtls->ctx, &info, TRANSPORT_DTLS_REPLACED);
            dtls_session_free(replaced[i]);
        }
    }
    session = dtls_session_find(dtls, number);
    if (session) {
        dtls_session_changed(dtls, session);
    }
}

static void complete(struct transport_dtls *dtls, struct dtls_handshake *handshake)
{
    struct dtls_session *replaced[2];

    if (!is_still_welcome(dtls, handshake)) {
        dtls_context_deny(handshake->context);
        fail(dtls, handshake, "its key or certificate was taken back meanwhile");
        return;
    }
    struct dtls_session *session = dtls_peer_session(handshake->context);
    if (!session) {
        fail(dtls, handshake, "memory is short");
        return;
    }
    struct dtls_context *context = handshake->context;
    handshake->context = NULL;
    dtls_handshake_drop(dtls, handshake);
    detach_replaced(dtls, session, replaced);
    dtls_session_make_room(dtls);
    dtls_session_add(dtls, session);
    dtls_live_adopt(dtls, session, context);
    dtls->counters.handshakes_completed++;
    report(dtls, session->route.session, replaced);
}

static void step(struct transport_dtls *dtls, struct dtls_handshake *handshake,
                 const struct dtls_record *record)
{
    dtls->driving = handshake;
    enum dtls_outcome outcome = dtls_context_step(handshake->context, record);
    dtls->driving = NULL;
    switch (outcome) {
    case DTLS_DONE:
        complete(dtls, handshake);
        break;
    case DTLS_WAITS:
        break;
    default:
        fail(dtls, handshake, dtls_context_fault(handshake->context));
    }
}

void dtls_handshake_record(struct transport_dtls *dtls, struct dtls_handshake *handshake,
                           const struct dtls_record *record)
{
    step(dtls, handshake, record);
}

void dtls_handshake_step(struct transport_dtls *dtls, struct dtls_handshake *handshake)
{
    step(dtls, handshake, NULL);
}

void dtls_handshake_find_key(struct dtls_handshake *handshake, struct transport_dtls *dtls,
                             const uint8_t *identity, size_t len)
{
    struct transport_dtls_key *key = &handshake->key;
    bool known = false;

    if (len > 0 && len <= TRANSPORT_DTLS_IDENTITY_MAX) {
        memcpy(handshake->identity, identity, len);
        handshake->identity_len = (uint8_t)len;
        known = dtls->events.find_key(dtls->ctx, identity, len, key) == 0 && key->len > 0 &&
                key->len <= transport_dtls_key_max();
    }
    if (!known) {
        *key = (struct transport_dtls_key){ .len = sizeof dtls->unknown_key };
        memcpy(key->bytes, dtls->unknown_key, sizeof dtls->unknown_key);
    }
}
