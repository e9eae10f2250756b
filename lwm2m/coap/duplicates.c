/*
 * Messages seen lately and the answers to them (RFC 7252, 4.5), so that no request is handled
 * twice and a lost answer can be sent again, byte for byte.
 *
 * A peer that is held remembers its last four messages itself. All others share one table of
 * fixed size: 1024 sets of four, chosen by the address, so that a noisy stranger forgets only its
 * own messages. Answers that are too long for a peer's memory go there too, with their bytes on
 * the heap (at most LWCOAP_DATAGRAM_MAX for each of the 4096 places). When memory is short such an
 * answer is kept without options and payload: still better than to handle the request again.
 *
 * A peer may be held or released between a message and its answer; therefore both places are
 * searched. A peer takes along what the strangers know of it, where the storm after an outage would
 * soon forget it, and when it leaves hands its memory to them. They also know what a peer that
 * waits for many of our answers has no room for.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <stdlib.h>
#include <string.h>

#define SETS            1024
#define WAYS            4
#define NON_LIFETIME_MS 145000 /* RFC 7252, 4.8.2 */
#define MS_PER_TICK     256
#define HEADER_LEN      4

struct stranger {
    struct lwcoap_route_key key;
    struct lwcoap_record record;
    uint8_t answer[LWCOAP_ANSWER_INLINE];
    uint8_t *long_answer; /* instead of the above when it is not NULL */
    uint16_t long_len;
};

/* Tags apart from the rest: looking for a message that is not there touches one cache line. */
struct lwcoap_strangers {
    uint32_t tags[SETS][WAYS]; /* hash of address and message id */
    struct stranger places[SETS][WAYS];
};

/* Where a message is remembered: in a peer when `stranger` is NULL. */
struct place {
    struct lwcoap_record *record; /* NULL: nowhere */
    uint8_t *answer;
    struct stranger *stranger;
};

struct lwcoap_strangers *lwcoap_strangers_new(void)
{
    return calloc(1, sizeof(struct lwcoap_strangers));
}

void lwcoap_strangers_free(struct lwcoap_strangers *strangers)
{
    for (size_t i = 0; strangers && i < (size_t)SETS * WAYS; i++) {
        free(strangers->places[i / WAYS][i % WAYS].long_answer);
    }
    free(strangers);
}

static uint32_t tick_now(const struct lwcoap_endpoint *endpoint)
{
    return (uint32_t)(endpoint->now_ms / MS_PER_TICK);
}

static uint64_t age_ms(const struct lwcoap_endpoint *endpoint, const struct lwcoap_record *record)
{
    return (uint64_t)(tick_now(endpoint) - record->tick) * MS_PER_TICK;
}

static bool is_alive(const struct lwcoap_endpoint *endpoint, const struct lwcoap_record *record)
{
    uint64_t lifetime_ms = endpoint->settings.exchange_lifetime_ms;

    if (!record->confirmable && lifetime_ms > NON_LIFETIME_MS) {
        lifetime_ms = NON_LIFETIME_MS;
    }
    return record->state != LWCOAP_RECORD_FREE && age_ms(endpoint, record) <= lifetime_ms;
}

/* How much it would hurt to forget a record: the higher, the more. */
static uint64_t worth(const struct lwcoap_endpoint *endpoint, const struct lwcoap_record *record)
{
    if (!is_alive(endpoint, record)) {
        return 0;
    }
    uint64_t kind = record->state == LWCOAP_RECORD_PENDING ? 3 : record->confirmable ? 2 : 1;
    return (kind << 32) + (UINT32_MAX - (uint32_t)age_ms(endpoint, record));
}

static void fill(struct lwcoap_endpoint *endpoint, struct lwcoap_record *record,
                 uint16_t message_id, bool confirmable)
{
    record->tick = tick_now(endpoint);
    record->message_id = message_id;
    record->state = LWCOAP_RECORD_PENDING;
    record->confirmable = confirmable;
    record->answer_len = 0;
}

static bool is_of(const struct lwcoap_endpoint *endpoint, const struct lwcoap_record *record,
                  uint16_t message_id)
{
    return record->message_id == message_id && is_alive(endpoint, record);
}

static uint32_t *set_of(struct lwcoap_endpoint *endpoint, const struct lwcoap_route_key *key,
                        uint16_t message_id, size_t *set, uint32_t *tag)
{
    uint64_t hash = lwcoap_route_hash(endpoint, key);

    *set = hash % SETS;
    *tag = (uint32_t)(hash >> 32) ^ message_id * UINT32_C(0x9e3779b1);
    return endpoint->strangers->tags[*set];
}

static struct place find_stranger(struct lwcoap_endpoint *endpoint,
                                  const struct transport_route *route, uint16_t message_id)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(route);
    size_t set;
    uint32_t tag;
    const uint32_t *tags = set_of(endpoint, &key, message_id, &set, &tag);

    for (unsigned way = 0; way < WAYS; way++) {
        struct stranger *stranger = &endpoint->strangers->places[set][way];
        if (tags[way] == tag && is_of(endpoint, &stranger->record, message_id) &&
            memcmp(&stranger->key, &key, sizeof key) == 0) {
            return (struct place){ &stranger->record, stranger->answer, stranger };
        }
    }
    return (struct place){ NULL, NULL, NULL };
}

static struct place claim_stranger(struct lwcoap_endpoint *endpoint,
                                   const struct lwcoap_route_key *key, uint16_t message_id,
                                   bool confirmable)
{
    size_t set, way = 0;
    uint32_t tag;
    uint32_t *tags = set_of(endpoint, key, message_id, &set, &tag);
    struct stranger *places = endpoint->strangers->places[set];

    for (unsigned i = 1; i < WAYS; i++) {
        if (worth(endpoint, &places[i].record) < worth(endpoint, &places[way].record)) {
            way = i;
        }
    }
    free(places[way].long_answer);
    places[way].long_answer = NULL;
    places[way].key = *key;
    tags[way] = tag;
    fill(endpoint, &places[way].record, message_id, confirmable);
    return (struct place){ &places[way].record, places[way].answer, &places[way] };
}

static struct place find(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                         uint16_t message_id)
{
    struct lwcoap_peer *peer = lwcoap_peer_find(endpoint, route);

    for (unsigned i = 0; peer && i < LWCOAP_PEER_RECORDS; i++) {
        if (is_of(endpoint, &peer->records[i], message_id)) {
            return (struct place){ &peer->records[i], peer->answers[i], NULL };
        }
    }
    return find_stranger(endpoint, route, message_id);
}

static struct place claim(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                          uint16_t message_id, bool confirmable)
{
    struct lwcoap_peer *peer = lwcoap_peer_find(endpoint, route);

    if (!peer) {
        struct lwcoap_route_key key = lwcoap_route_key_of(route);
        return claim_stranger(endpoint, &key, message_id, confirmable);
    }
    unsigned least = 0;
    for (unsigned i = 1; i < LWCOAP_PEER_RECORDS; i++) {
        if (worth(endpoint, &peer->records[i]) < worth(endpoint, &peer->records[least])) {
            least = i;
        }
    }
    if (is_alive(endpoint, &peer->records[least]) &&
        peer->records[least].state == LWCOAP_RECORD_PENDING) {
        struct lwcoap_route_key key = lwcoap_route_key_of(route);
        return claim_stranger(endpoint, &key, message_id, confirmable);
    }
    fill(endpoint, &peer->records[least], message_id, confirmable);
    return (struct place){ &peer->records[least], peer->answers[least], NULL };
}

bool lwcoap_duplicates_repeat(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              const struct lwcoap_message *message)
{
    struct place place = find(endpoint, route, message->message_id);

    if (!place.record) {
        return false;
    }
    endpoint->counters.duplicates++;
    if (message->type != LWCOAP_CON) {
        return true;
    }
    bool is_long = place.stranger && place.stranger->long_answer;
    const uint8_t *answer = is_long ? place.stranger->long_answer : place.answer;
    size_t len = is_long ? place.stranger->long_len : place.record->answer_len;
    /* Whoever repeats only the message id of a request is no device that missed the answer. */
    if (len > 0 && lwcoap_may_answer(endpoint, route, lwcoap_message_len(message), len)) {
        lwcoap_send(endpoint, route, answer, len);
    }
    return true;
}

void lwcoap_duplicates_note(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                            const struct lwcoap_message *message)
{
    claim(endpoint, route, message->message_id, message->type == LWCOAP_CON);
}

/* Keeps what no peer has room for. */
static void answer_long(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                        struct place place, const uint8_t *answer, size_t len)
{
    if (!place.stranger) {
        struct lwcoap_route_key key = lwcoap_route_key_of(route);
        uint16_t message_id = place.record->message_id;
        place.record->state = LWCOAP_RECORD_FREE;
        place = claim_stranger(endpoint, &key, message_id, true);
    }
    free(place.stranger->long_answer);
    place.stranger->long_answer = malloc(len);
    place.record->state = LWCOAP_RECORD_ANSWERED;
    if (place.stranger->long_answer) {
        memcpy(place.stranger->long_answer, answer, len);
        place.stranger->long_len = (uint16_t)len;
    } else {
        place.record->answer_len = (uint8_t)(HEADER_LEN + (answer[0] & 0x0f));
        memcpy(place.answer, answer, place.record->answer_len);
    }
}

void lwcoap_duplicates_answer(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              uint16_t message_id, bool confirmable, const uint8_t *answer,
                              size_t len)
{
    struct place place = find(endpoint, route, message_id);

    if (!place.record) {
        place = claim(endpoint, route, message_id, confirmable);
    }
    if (len > LWCOAP_ANSWER_INLINE) {
        answer_long(endpoint, route, place, answer, len);
        return;
    }
    if (place.stranger) {
        free(place.stranger->long_answer);
        place.stranger->long_answer = NULL;
    }
    place.record->state = LWCOAP_RECORD_ANSWERED;
    place.record->answer_len = (uint8_t)len;
    if (len > 0) {
        memcpy(place.answer, answer, len);
    }
}

void lwcoap_duplicates_forget(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                              uint16_t message_id)
{
    struct place place = find(endpoint, route, message_id);

    if (place.record && place.record->state == LWCOAP_RECORD_PENDING) {
        place.record->state = LWCOAP_RECORD_FREE;
    }
}

void lwcoap_duplicates_adopt(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(&peer->route);
    size_t set;
    uint32_t tag;

    set_of(endpoint, &key, 0, &set, &tag);
    for (unsigned way = 0; way < WAYS && way < LWCOAP_PEER_RECORDS; way++) {
        struct stranger *stranger = &endpoint->strangers->places[set][way];
        if (is_alive(endpoint, &stranger->record) && !stranger->long_answer &&
            memcmp(&stranger->key, &key, sizeof key) == 0) {
            peer->records[way] = stranger->record;
            memcpy(peer->answers[way], stranger->answer, stranger->record.answer_len);
            stranger->record.state = LWCOAP_RECORD_FREE;
        }
    }
}

void lwcoap_duplicates_inherit(struct lwcoap_endpoint *endpoint, struct lwcoap_peer *peer)
{
    struct lwcoap_route_key key = lwcoap_route_key_of(&peer->route);

    for (unsigned i = 0; i < LWCOAP_PEER_RECORDS; i++) {
        const struct lwcoap_record *record = &peer->records[i];
        if (is_alive(endpoint, record)) {
            struct place place = claim_stranger(endpoint, &key, record->message_id, true);
            *place.record = *record;
            memcpy(place.answer, peer->answers[i], record->answer_len);
        }
    }
}
