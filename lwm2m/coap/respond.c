/*
 * What we answer to a peer's messages: responses, acknowledgements, resets. Each answer is
 * remembered before it leaves, so that a duplicate of its message gets the same bytes.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <string.h>

#define EMPTY_LEN 4

/* The part of a long answer that the request asked for, or the first (RFC 7959, 2.4). */
struct part {
    const uint8_t *bytes;
    size_t len;
    bool sliced; /* with a Block2 option of this value */
    uint32_t block2;
};

void lwcoap_send(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                 const uint8_t *datagram, size_t len)
{
    endpoint->callbacks.send(endpoint->callbacks.ctx, route, datagram, len);
}

void lwcoap_send_empty(struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                       enum lwcoap_type type, uint16_t message_id, bool remember)
{
    uint8_t datagram[EMPTY_LEN];
    struct lwcoap_writer writer;

    lwcoap_writer_init(&writer, datagram, sizeof datagram, type, LWCOAP_EMPTY, message_id, NULL, 0);
    if (remember) {
        lwcoap_duplicates_answer(endpoint, route, message_id, true, datagram, writer.len);
    }
    endpoint->counters.resets_sent += type == LWCOAP_RST;
    lwcoap_send(endpoint, route, datagram, writer.len);
}

struct lwcoap_receipt lwcoap_receipt_of(const struct transport_route *route,
                                        const struct lwcoap_message *message)
{
    struct lwcoap_receipt receipt = {
        .route = *route,
        .message_id = message->message_id,
        .confirmable = message->type == LWCOAP_CON,
        .code = message->code,
        .len = (uint16_t)lwcoap_message_len(message),
        .token_len = message->token_len,
    };

    memcpy(receipt.token, message->token, sizeof receipt.token);
    return receipt;
}

bool lwcoap_may_answer(const struct lwcoap_endpoint *endpoint, const struct transport_route *route,
                       size_t message_len, size_t answer_len)
{
    unsigned factor = endpoint->settings.max_amplification;

    return factor == 0 || route->session != 0 || answer_len <= factor * message_len;
}

/* False when the request asks for a block beyond the end. */
static bool cut(const struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                const struct lwcoap_reply *reply, struct part *part)
{
    struct lwcoap_block asked = { .szx = endpoint->max_szx };

    *part = (struct part){ .bytes = reply->payload, .len = reply->payload_len };
    if (receipt->block2 > 0) {
        lwcoap_block_read(receipt->block2 - 1, &asked);
    }
    size_t offset = asked.num * lwcoap_block_size(asked.szx);
    uint8_t szx = asked.szx < endpoint->max_szx ? asked.szx : endpoint->max_szx;
    size_t size = lwcoap_block_size(szx);
    if (reply->payload_len == 0 || (!asked.present && reply->payload_len <= size)) {
        return true;
    }
    if (offset >= reply->payload_len) {
        return false;
    }
    bool more = reply->payload_len - offset > size;
    part->bytes += offset;
    part->len = more ? size : reply->payload_len - offset;
    part->sliced = true;
    part->block2 = lwcoap_block_value(offset / size, more, szx);
    return true;
}

static void write_options(const struct lwcoap_endpoint *endpoint, struct lwcoap_writer *writer,
                          const struct lwcoap_receipt *receipt, const struct lwcoap_reply *reply,
                          const struct part *part, uint32_t size1)
{
    if (part->sliced) { /* tells the peer when the parts are not of one body */
        uint64_t etag = lwcoap_hash(endpoint, reply->payload, reply->payload_len);
        lwcoap_writer_option(writer, LWCOAP_OPTION_ETAG, &etag, sizeof etag);
    }
    for (size_t i = 0; i < sizeof reply->location / sizeof reply->location[0]; i++) {
        if (reply->location[i]) {
            lwcoap_writer_option(writer, LWCOAP_OPTION_LOCATION_PATH, reply->location[i],
                                 strlen(reply->location[i]));
        }
    }
    if (reply->content_format != LWCOAP_FORMAT_NONE) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_CONTENT_FORMAT, reply->content_format);
    }
    if (reply->max_age_s > 0) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_MAX_AGE, reply->max_age_s);
    }
    if (part->sliced) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK2, part->block2);
    }
    if (receipt->block1 > 0) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK1, receipt->block1 - 1);
    }
    if (part->sliced && part->bytes == reply->payload) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_SIZE2, (uint32_t)reply->payload_len);
    }
    if (size1 > 0) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_SIZE1, size1);
    }
    if (reply->echo_len > 0) {
        lwcoap_writer_option(writer, LWCOAP_OPTION_ECHO, reply->echo, reply->echo_len);
    }
}

void lwcoap_reply_send(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                       const struct lwcoap_reply *reply, uint32_t size1)
{
    uint8_t datagram[LWCOAP_DATAGRAM_MAX];
    struct lwcoap_writer writer;
    struct part part;
    enum lwcoap_type type = receipt->confirmable ? LWCOAP_ACK : LWCOAP_NON;
    uint16_t message_id = receipt->confirmable ? receipt->message_id
                                               : lwcoap_message_id_next(endpoint, &receipt->route);
    bool fits = cut(endpoint, receipt, reply, &part);
    uint8_t code = fits ? reply->code : LWCOAP_CODE(4, 0);

    lwcoap_writer_init(&writer, datagram, sizeof datagram, type, code, message_id, receipt->token,
                       receipt->token_len);
    if (fits) {
        write_options(endpoint, &writer, receipt, reply, &part, size1);
        lwcoap_writer_payload(&writer, part.bytes, part.len);
    }
    if (writer.err) { /* a location that fits no datagram: our own mistake */
        lwcoap_writer_init(&writer, datagram, sizeof datagram, type, LWCOAP_CODE(5, 0), message_id,
                           receipt->token, receipt->token_len);
    } else if (!lwcoap_may_answer(endpoint, &receipt->route, receipt->len, writer.len)) {
        lwcoap_writer_init(&writer, datagram, sizeof datagram, type, code, message_id,
                           receipt->token, receipt->token_len);
    }
    lwcoap_duplicates_answer(endpoint, &receipt->route, receipt->message_id, receipt->confirmable,
                             datagram, receipt->confirmable ? writer.len : 0);
    lwcoap_send(endpoint, &receipt->route, datagram, writer.len);
}

void lwcoap_reply_code(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                       uint8_t code)
{
    struct lwcoap_reply reply = { .code = code, .content_format = LWCOAP_FORMAT_NONE };

    lwcoap_reply_send(endpoint, receipt, &reply, 0);
}

void lwcoap_respond(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                    const struct lwcoap_reply *reply, uint64_t now_ms)
{
    lwcoap_note_time(endpoint, now_ms);
    lwcoap_reply_send(endpoint, receipt, reply, 0);
}

void lwcoap_acknowledge(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                        uint64_t now_ms)
{
    lwcoap_note_time(endpoint, now_ms);
    if (receipt->confirmable) {
        lwcoap_send_empty(endpoint, &receipt->route, LWCOAP_ACK, receipt->message_id, true);
    }
}

void lwcoap_reject(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt,
                   uint64_t now_ms)
{
    lwcoap_note_time(endpoint, now_ms);
    lwcoap_send_empty(endpoint, &receipt->route, LWCOAP_RST, receipt->message_id,
                      receipt->confirmable);
}

void lwcoap_disregard(struct lwcoap_endpoint *endpoint, const struct lwcoap_receipt *receipt)
{
    lwcoap_duplicates_forget(endpoint, &receipt->route, receipt->message_id);
}
