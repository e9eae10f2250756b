/*
 * Our requests and their responses in blocks (RFC 7959): what a response means for the exchange
 * it belongs to. Either the next message follows (the next slice of our body, the next block of
 * the peer's), or the exchange ends.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <string.h>

#define CONTINUE   LWCOAP_CODE(2, 31)
#define INCOMPLETE LWCOAP_CODE(4, 8)
#define TOO_LARGE  LWCOAP_CODE(4, 13)

#define LOCATION_MAX 256

static void fail(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                 const char *reason)
{
    lwcoap_exchange_finish(endpoint, exchange, LWCOAP_OUTCOME_FAILED, NULL, reason);
}

/* "/rd/5"; "" when it does not fit. */
static void join_location(const struct lwcoap_message *message, char text[LOCATION_MAX])
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    size_t len = 0;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number != LWCOAP_OPTION_LOCATION_PATH) {
            continue;
        }
        if (option.len + 2 > LOCATION_MAX - len) {
            len = 0;
            break;
        }
        text[len++] = '/';
        memcpy(text + len, option.value, option.len);
        len += option.len;
    }
    text[len] = '\0';
}

static struct lwcoap_response response_of(const struct lwcoap_message *message,
                                          const struct lwcoap_options *options)
{
    return (struct lwcoap_response){
        .code = message->code,
        .content_format = options->content_format,
        .observe = options->observe,
        .max_age_s = options->max_age_s,
        .body = message->payload,
        .body_len = message->payload_len,
    };
}

static void deliver(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                    const struct lwcoap_message *message, struct lwcoap_response response)
{
    char location[LOCATION_MAX];

    join_location(message, location);
    response.location = location;
    response.receipt = lwcoap_receipt_of(&exchange->route, message);
    lwcoap_exchange_finish(endpoint, exchange, LWCOAP_OUTCOME_RESPONSE, &response, "");
}

/* --- the peer's body --- */

static const char *append(struct lwcoap_endpoint *endpoint, struct lwcoap_download *download,
                          const struct lwcoap_message *message, const struct lwcoap_block *block)
{
    size_t size = lwcoap_block_size(block->szx);

    if (message->payload_len > size || (block->more && message->payload_len != size)) {
        return "a block of the wrong length";
    }
    download->szx = block->szx < download->szx ? block->szx : download->szx;
    switch (lwcoap_body_append(endpoint, &download->body, endpoint->settings.max_body_size,
                               message->payload, message->payload_len)) {
    case 0:
        return NULL;
    case -EMSGSIZE:
        return "body too large";
    case -ENOSPC:
        return "too many bodies under way";
    default:
        return "out of memory";
    }
}

const char *lwcoap_download_begin(struct lwcoap_endpoint *endpoint,
                                  struct lwcoap_exchange *exchange,
                                  const struct lwcoap_message *message,
                                  const struct lwcoap_options *options)
{
    struct lwcoap_download *download = &exchange->download;
    int32_t observe = download->restarted ? download->first.observe : options->observe;

    if (options->block2.num != 0) {
        return "the response does not begin with block 0";
    }
    if (options->size2 > endpoint->settings.max_body_size) {
        return "body too large";
    }
    download->active = true;
    download->szx = exchange->max_szx;
    download->first = response_of(message, options);
    download->first.observe = observe;
    download->etag_len = (uint8_t)options->etag.len;
    if (options->etag.value) {
        memcpy(download->etag, options->etag.value, options->etag.len);
    }
    return append(endpoint, download, message, &options->block2);
}

/* The blocks are not of one representation (RFC 7959, 2.4). */
static bool has_changed(const struct lwcoap_download *download,
                        const struct lwcoap_options *options)
{
    return download->body.len > 0 && download->etag_len > 0 && options->etag.value &&
           (options->etag.len != download->etag_len ||
            memcmp(options->etag.value, download->etag, download->etag_len) != 0);
}

static void download_again(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange)
{
    if (exchange->download.restarted) {
        fail(endpoint, exchange, "the representation keeps changing");
        return;
    }
    exchange->download.restarted = true;
    lwcoap_body_clear(endpoint, &exchange->download.body);
    lwcoap_exchange_next(endpoint, exchange);
}

static void download_step(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                          const struct lwcoap_message *message,
                          const struct lwcoap_options *options)
{
    struct lwcoap_download *download = &exchange->download;
    const struct lwcoap_block *block = &options->block2;
    const char *reason;

    if (lwcoap_code_class(message->code) != 2) {
        deliver(endpoint, exchange, message, response_of(message, options));
        return;
    }
    if (!block->present) {
        fail(endpoint, exchange, "a block without its Block2 option");
        return;
    }
    if (has_changed(download, options)) {
        download_again(endpoint, exchange);
        return;
    }
    if (block->num * lwcoap_block_size(block->szx) != download->body.len) {
        reason = "a block out of order";
    } else if (download->body.len == 0) {
        reason = lwcoap_download_begin(endpoint, exchange, message, options);
    } else {
        reason = append(endpoint, download, message, block);
    }
    if (reason) {
        fail(endpoint, exchange, reason);
    } else if (block->more) {
        lwcoap_exchange_next(endpoint, exchange);
    } else {
        struct lwcoap_response response = download->first;
        response.body = download->body.bytes;
        response.body_len = download->body.len;
        deliver(endpoint, exchange, message, response);
    }
}

/* --- our body --- */

/* An answer to an earlier block that was under way for long. */
static bool is_stale(const struct lwcoap_exchange *exchange, const struct lwcoap_message *message,
                     const struct lwcoap_options *options)
{
    const struct lwcoap_upload *upload = &exchange->upload;
    const struct lwcoap_block *block = &options->block1;

    return message->code == CONTINUE && upload->sliced && block->present &&
           block->szx == upload->szx &&
           block->num != upload->offset / lwcoap_block_size(upload->szx);
}

/*
 * Whether the response asks for more of our body, which is then sent. A success with a Block1
 * option for a block that is not the last comes from a peer that handles each block by itself
 * (RFC 7959, 2.3): it wants the next one as well. Any other code is the outcome, however early.
 */
static bool upload_goes_on(struct lwcoap_exchange *exchange, const struct lwcoap_message *message,
                           const struct lwcoap_options *options)
{
    struct lwcoap_upload *upload = &exchange->upload;
    const struct lwcoap_block *block = &options->block1;
    size_t slice = lwcoap_upload_slice(exchange);
    bool last = upload->offset + slice >= exchange->request.body_len;
    bool taken =
        message->code == CONTINUE || (lwcoap_code_class(message->code) == 2 && block->present);

    if (taken && !last) {
        upload->offset += slice;
        upload->szx = block->present && block->szx < upload->szx ? block->szx : upload->szx;
        return true;
    }
    if (message->code == TOO_LARGE && block->present && lwcoap_block_size(block->szx) < slice) {
        upload->sliced = true;
        upload->szx = block->szx;
        return true;
    }
    if (message->code == INCOMPLETE && upload->sliced && !upload->restarted) {
        upload->restarted = true;
        upload->offset = 0;
        return true;
    }
    return false;
}

/* --- responses --- */

static void settle_observation(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                               const struct lwcoap_message *message,
                               const struct lwcoap_options *options)
{
    if (exchange->observation && exchange->request.observe == 0 && options->observe >= 0 &&
        lwcoap_code_class(message->code) == 2) {
        exchange->observing = lwcoap_observation_establish(endpoint, exchange->observation,
                                                           (uint32_t)options->observe) == 0;
    }
}

/* Block 0 of a long response: the rest is asked for with another token than the observation's. */
static void download_rest(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                          const struct lwcoap_message *message,
                          const struct lwcoap_options *options)
{
    const char *reason = lwcoap_download_begin(endpoint, exchange, message, options);

    if (!reason && exchange->observing && lwcoap_exchange_retoken(endpoint, exchange) != 0) {
        reason = "out of memory";
    }
    if (reason) {
        fail(endpoint, exchange, reason);
    } else {
        lwcoap_exchange_next(endpoint, exchange);
    }
}

void lwcoap_exchange_response(struct lwcoap_endpoint *endpoint, struct lwcoap_exchange *exchange,
                              const struct lwcoap_message *message,
                              const struct lwcoap_options *options)
{
    if (is_stale(exchange, message, options)) {
        endpoint->counters.ignored++;
        return;
    }
    if (options->bad_block) {
        fail(endpoint, exchange, "a block of reserved size");
    } else if (exchange->download.active) {
        download_step(endpoint, exchange, message, options);
    } else if (upload_goes_on(exchange, message, options)) {
        lwcoap_exchange_next(endpoint, exchange);
    } else if (message->code == CONTINUE) {
        fail(endpoint, exchange, "2.31 to the last block");
    } else {
        settle_observation(endpoint, exchange, message, options);
        bool partial = options->block2.present && (options->block2.more || options->block2.num > 0);
        if (partial) {
            download_rest(endpoint, exchange, message, options);
        } else {
            deliver(endpoint, exchange, message, response_of(message, options));
        }
    }
}
