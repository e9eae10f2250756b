/*
 * Requests of peers whose body comes in blocks (RFC 7959, 2.5). A transfer is known by its peer,
 * method, path and Request-Tag (RFC 9175, 3); it waits for the next block for EXCHANGE_LIFETIME.
 * When there are too many of them, one that no living peer would leave alone for so long makes room
 * for a new one, and otherwise the new one is refused. A peer has four at the most; those that
 * nobody holds have half of the places, and are forgotten sooner.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>

#define BAD_REQUEST LWCOAP_CODE(4, 0)
#define INCOMPLETE  LWCOAP_CODE(4, 8)
#define TOO_LARGE   LWCOAP_CODE(4, 13)
#define CONTINUE    LWCOAP_CODE(2, 31)
#define UNAVAILABLE LWCOAP_CODE(5, 3)

#define RETRY_AFTER_S 30
#define PEER_MAX      4

struct transfer_key {
    struct lwcoap_route_key route;
    uint32_t method;
    uint64_t resource; /* keyed hash of Uri-Path and Request-Tag */
};

struct lwcoap_transfer {
    struct lwm2m_timer timer; /* first: the transfer is found from it */
    UT_hash_handle hh;
    struct transfer_key key;
    uint64_t touched_ms;
    uint16_t content_format; /* of block 0 */
    bool of_stranger;        /* nobody held its peer when it began */
    struct lwcoap_body body;
};

/* The options are chained one after the other: "/a/b" is not "/b/a". */
static uint64_t chain(const struct lwcoap_endpoint *endpoint, uint64_t hash,
                      const struct lwcoap_option *option)
{
    uint64_t links[3] = { hash, option->number, lwcoap_hash(endpoint, option->value, option->len) };

    return lwcoap_hash(endpoint, links, sizeof links);
}

static struct transfer_key key_of(const struct lwcoap_endpoint *endpoint,
                                  const struct lwcoap_inbound *inbound)
{
    struct transfer_key key = { .route = lwcoap_route_key_of(&inbound->receipt.route),
                                .method = inbound->receipt.code };
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;

    lwcoap_option_reader_init(&reader, inbound->message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_PATH || option.number == LWCOAP_OPTION_REQUEST_TAG) {
            key.resource = chain(endpoint, key.resource, &option);
        }
    }
    return key;
}

static unsigned key_hash(const struct lwcoap_endpoint *endpoint, const struct transfer_key *key)
{
    return (unsigned)lwcoap_hash(endpoint, key, sizeof *key);
}

static struct lwcoap_transfer *find(struct lwcoap_endpoint *endpoint,
                                    const struct transfer_key *key)
{
    struct lwcoap_transfer *transfer;

    HASH_FIND_BYHASHVALUE(hh, endpoint->transfers, key, sizeof *key, key_hash(endpoint, key),
                          transfer);
    return transfer;
}

/* How many transfers a peer has: a slot that others may share, so that no peer has to be larger. */
static uint8_t *count_of(struct lwcoap_endpoint *endpoint, const struct transfer_key *key)
{
    size_t slot = (size_t)(lwcoap_hash(endpoint, &key->route, sizeof key->route) >> 32);

    return &endpoint->transfers_of[slot % LWCOAP_TRANSFER_SLOTS];
}

static void detach(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer)
{
    HASH_DEL(endpoint->transfers, transfer);
    lwm2m_timer_stop(endpoint->timers, &transfer->timer);
}

static void destroy(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer)
{
    endpoint->stranger_transfers -= transfer->of_stranger;
    --*count_of(endpoint, &transfer->key);
    lwcoap_body_clear(endpoint, &transfer->body);
    free(transfer);
}

static void drop(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer)
{
    detach(endpoint, transfer);
    destroy(endpoint, transfer);
}

static void on_timer(struct lwm2m_timer *timer, void *ctx, uint64_t now_ms)
{
    struct lwcoap_endpoint *endpoint = ctx;

    lwcoap_note_time(endpoint, now_ms);
    endpoint->counters.transfers_abandoned++;
    drop(endpoint, (struct lwcoap_transfer *)timer);
}

void lwcoap_transfers_free(struct lwcoap_endpoint *endpoint)
{
    struct lwcoap_transfer *transfer, *next;

    HASH_ITER(hh, endpoint->transfers, transfer, next)
    {
        drop(endpoint, transfer);
    }
}

/* MAX_TRANSMIT_WAIT (RFC 7252, 4.8.2): a peer that is quiet for longer has given up. */
static uint64_t given_up_after_ms(const struct lwcoap_endpoint *endpoint)
{
    const struct lwcoap_settings *settings = &endpoint->settings;
    double waits = (double)((UINT64_C(2) << settings->max_retransmit) - 1);

    return (uint64_t)(settings->ack_timeout_ms * waits * settings->ack_random_factor);
}

/* Puts a transfer at the end of the table, whose order is that of silence. */
static int touch(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer)
{
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, endpoint->transfers, &transfer->key, sizeof transfer->key,
                                key_hash(endpoint, &transfer->key), transfer);
    if (!transfer->hh.tbl) {
        return -ENOMEM;
    }
    transfer->touched_ms = endpoint->now_ms;
    uint64_t patience_ms = transfer->of_stranger ? given_up_after_ms(endpoint)
                                                 : endpoint->settings.exchange_lifetime_ms;
    lwm2m_timer_set(endpoint->timers, &transfer->timer, endpoint->now_ms + patience_ms, on_timer);
    return 0;
}

static void make_room(struct lwcoap_endpoint *endpoint)
{
    struct lwcoap_transfer *oldest = endpoint->transfers;

    if (oldest && endpoint->body_count >= endpoint->settings.max_transfers &&
        endpoint->now_ms - oldest->touched_ms > given_up_after_ms(endpoint)) {
        endpoint->counters.transfers_abandoned++;
        drop(endpoint, oldest);
    }
}

/* Adds a block to a transfer that is in no table; on failure the transfer is gone. */
static int take_block(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer,
                      size_t limit, const struct lwcoap_message *message)
{
    int err = lwcoap_body_append(endpoint, &transfer->body, limit, message->payload,
                                 message->payload_len);

    if (!err) {
        err = touch(endpoint, transfer);
    }
    if (err) {
        destroy(endpoint, transfer);
    }
    return err;
}

static bool is_stranger(struct lwcoap_endpoint *endpoint, const struct transport_route *route)
{
    return route->session == 0 && !lwcoap_peer_find(endpoint, route);
}

static int begin(struct lwcoap_endpoint *endpoint, const struct transfer_key *key, size_t limit,
                 const struct lwcoap_inbound *inbound)
{
    bool of_stranger = is_stranger(endpoint, &inbound->receipt.route);

    make_room(endpoint);
    if (*count_of(endpoint, key) >= PEER_MAX) {
        return -ENOSPC;
    }
    if (of_stranger && endpoint->stranger_transfers >= (endpoint->settings.max_transfers + 1) / 2) {
        return -ENOSPC;
    }
    struct lwcoap_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer) {
        return -ENOMEM;
    }
    transfer->key = *key;
    transfer->of_stranger = of_stranger;
    endpoint->stranger_transfers += of_stranger;
    ++*count_of(endpoint, key);
    transfer->content_format = inbound->content_format;
    return take_block(endpoint, transfer, limit, inbound->message);
}

/* Answers with an error; without Block1, which would ask for another size of blocks. */
static void refuse(struct lwcoap_endpoint *endpoint, const struct lwcoap_inbound *inbound,
                   uint8_t code, size_t limit)
{
    struct lwcoap_receipt receipt = inbound->receipt;
    struct lwcoap_reply reply = { .code = code, .content_format = LWCOAP_FORMAT_NONE };

    receipt.block1 = 0;
    reply.max_age_s = code == UNAVAILABLE ? RETRY_AFTER_S : 0;
    endpoint->counters.transfers_refused += code == UNAVAILABLE;
    lwcoap_reply_send(endpoint, &receipt, &reply, code == TOO_LARGE ? (uint32_t)limit : 0);
}

static void complete(struct lwcoap_endpoint *endpoint, struct lwcoap_transfer *transfer,
                     struct lwcoap_inbound *inbound)
{
    detach(endpoint, transfer);
    inbound->content_format = transfer->content_format;
    inbound->body = transfer->body.bytes;
    inbound->body_len = transfer->body.len;
    endpoint->callbacks.request(endpoint->callbacks.ctx, inbound);
    destroy(endpoint, transfer);
}

/* Takes a block that is not a whole body by itself; a code to refuse it with, or 0. */
static uint8_t take(struct lwcoap_endpoint *endpoint, const struct transfer_key *key, size_t limit,
                    const struct lwcoap_inbound *inbound, const struct lwcoap_options *options)
{
    const struct lwcoap_block *block = &options->block1;
    size_t offset = block->num * lwcoap_block_size(block->szx);
    struct lwcoap_transfer *transfer = find(endpoint, key);
    int err;

    if (offset == 0) {
        if (transfer) {
            drop(endpoint, transfer);
        }
        bool fits = options->size1 <= limit;
        err = fits ? begin(endpoint, key, limit, inbound) : -EMSGSIZE;
    } else if (!transfer || transfer->body.len != offset) {
        return INCOMPLETE;
    } else {
        detach(endpoint, transfer);
        err = take_block(endpoint, transfer, limit, inbound->message);
    }
    return !err ? 0 : err == -EMSGSIZE ? TOO_LARGE : UNAVAILABLE;
}

static size_t body_limit(const struct lwcoap_endpoint *endpoint,
                         const struct lwcoap_inbound *inbound)
{
    struct lwcoap_inbound alone = *inbound;

    alone.receipt.block1 = 0; /* as in refuse() */
    return endpoint->callbacks.body_limit
               ? endpoint->callbacks.body_limit(endpoint->callbacks.ctx, &alone)
               : endpoint->settings.max_body_size;
}

void lwcoap_transfer_receive(struct lwcoap_endpoint *endpoint, struct lwcoap_inbound *inbound,
                             const struct lwcoap_options *options)
{
    const struct lwcoap_block *block = &options->block1;
    size_t size = lwcoap_block_size(block->szx);
    size_t len = inbound->message->payload_len;
    struct transfer_key key = key_of(endpoint, inbound);

    if (len > size || (block->more && len != size)) {
        refuse(endpoint, inbound, BAD_REQUEST, 0);
        return;
    }
    size_t limit = body_limit(endpoint, inbound);
    if (limit == 0) {
        return;
    }
    uint8_t refusal = take(endpoint, &key, limit, inbound, options);
    if (refusal) {
        refuse(endpoint, inbound, refusal, limit);
    } else if (block->more) {
        /* RFC 7959, 2.3: a smaller size than the peer's asks it to go on with ours */
        uint8_t szx = block->szx < endpoint->max_szx ? block->szx : endpoint->max_szx;
        inbound->receipt.block1 = lwcoap_block_value(block->num, true, szx) + 1;
        lwcoap_reply_code(endpoint, &inbound->receipt, CONTINUE);
    } else {
        complete(endpoint, find(endpoint, &key), inbound);
    }
}
