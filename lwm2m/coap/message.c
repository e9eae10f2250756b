/*
 * CoAP messages: the fixed header, the token and the payload marker are read and written here, the
 * option fields by libcoap's codec. Everything that libcoap provides to this project goes through
 * this file.
 */
#include "lwm2m/coap/message.h"

#include <errno.h>
#include <string.h>

#include <coap3/coap.h>

#define VERSION         1
#define HEADER_LEN      LWCOAP_HEADER_LEN
#define PAYLOAD_MARKER  0xff
#define TOKEN_LEN_LIMIT 8

/* One option field; its length, or 0 when it is malformed. */
static size_t read_option(const uint8_t *from, const uint8_t *end, coap_option_t *field)
{
    size_t len = coap_opt_parse(from, (size_t)(end - from), field);
    bool two_byte_delta = *from >> 4 == 14;

    /* 65536 and more wraps around in libcoap 4.3.1 to 4.3.4 */
    return two_byte_delta && field->delta < 269 ? 0 : len;
}

/* Checks every option and finds the end of the options. */
static int split_options(struct lwcoap_message *message, const uint8_t *end)
{
    const uint8_t *next = message->options;
    unsigned number = 0;

    while (next < end && *next != PAYLOAD_MARKER) {
        coap_option_t field;
        size_t len = read_option(next, end, &field);
        if (len == 0 || field.delta > UINT16_MAX - number) {
            return -EBADMSG;
        }
        number += field.delta;
        next += len;
    }
    message->options_len = (size_t)(next - message->options);
    if (next == end) {
        return 0;
    }
    message->payload = next + 1;
    message->payload_len = (size_t)(end - message->payload);
    return message->payload_len > 0 ? 0 : -EBADMSG; /* RFC 7252, 3: a marker without a payload */
}

int lwcoap_message_parse(const uint8_t *datagram, size_t len, struct lwcoap_message *message,
                         bool *header_ok)
{
    *message = (struct lwcoap_message){ 0 };
    *header_ok = len >= HEADER_LEN && datagram[0] >> 6 == VERSION;
    if (!*header_ok) {
        return -EBADMSG;
    }
    message->type = (enum lwcoap_type)(datagram[0] >> 4 & 3);
    message->code = datagram[1];
    message->message_id = (uint16_t)(datagram[2] << 8 | datagram[3]);

    uint8_t token_len = datagram[0] & 0x0f;
    if (token_len > TOKEN_LEN_LIMIT || token_len > len - HEADER_LEN) {
        return -EBADMSG;
    }
    if (message->code == LWCOAP_EMPTY && len > HEADER_LEN) {
        return -EBADMSG; /* RFC 7252, 4.1 */
    }
    message->token_len = token_len;
    memcpy(message->token, datagram + HEADER_LEN, token_len);
    message->options = datagram + HEADER_LEN + token_len;
    return split_options(message, datagram + len);
}

void lwcoap_option_reader_init(struct lwcoap_option_reader *reader,
                               const struct lwcoap_message *message)
{
    reader->next = message->options;
    reader->end = message->options + message->options_len;
    reader->number = 0;
}

bool lwcoap_option_next(struct lwcoap_option_reader *reader, struct lwcoap_option *option)
{
    if (reader->next == reader->end) {
        return false;
    }
    coap_option_t field;
    size_t len = read_option(reader->next, reader->end, &field);
    if (len == 0) { /* not of a message that was parsed: nothing more to read */
        reader->next = reader->end;
        return false;
    }
    reader->next += len;
    reader->number = (uint16_t)(reader->number + field.delta);
    *option = (struct lwcoap_option){ reader->number, field.value, field.length };
    return true;
}

bool lwcoap_option_find(const struct lwcoap_message *message, uint16_t number,
                        struct lwcoap_option *option)
{
    struct lwcoap_option_reader reader;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, option)) {
        if (option->number >= number) {
            return option->number == number;
        }
    }
    return false;
}

uint32_t lwcoap_option_uint(const struct lwcoap_option *option)
{
    return option->len > 0 ? coap_decode_var_bytes(option->value, option->len) : 0;
}

static bool has_room(struct lwcoap_writer *writer, size_t len)
{
    if (writer->err == 0 && len > writer->capacity - writer->len) {
        writer->err = -ENOSPC;
    }
    return writer->err == 0;
}

void lwcoap_writer_init(struct lwcoap_writer *writer, uint8_t *buffer, size_t capacity,
                        enum lwcoap_type type, uint8_t code, uint16_t message_id,
                        const uint8_t *token, uint8_t token_len)
{
    *writer = (struct lwcoap_writer){ .buffer = buffer, .capacity = capacity };
    if (!has_room(writer, (size_t)HEADER_LEN + token_len)) {
        return;
    }
    buffer[0] = (uint8_t)(VERSION << 6 | (unsigned)type << 4 | token_len);
    buffer[1] = code;
    buffer[2] = (uint8_t)(message_id >> 8);
    buffer[3] = (uint8_t)message_id;
    if (token_len > 0) {
        memcpy(buffer + HEADER_LEN, token, token_len);
    }
    writer->len = (size_t)HEADER_LEN + token_len;
}

void lwcoap_writer_option(struct lwcoap_writer *writer, uint16_t number, const void *value,
                          size_t len)
{
    if (writer->err == 0 && number < writer->last_option) {
        writer->err = -EINVAL;
    }
    uint16_t delta = (uint16_t)(number - writer->last_option);
    if (writer->err || !has_room(writer, coap_opt_encode_size(delta, len))) {
        return;
    }
    writer->len += coap_opt_encode(writer->buffer + writer->len, writer->capacity - writer->len,
                                   delta, value, len);
    writer->last_option = number;
}

void lwcoap_writer_option_uint(struct lwcoap_writer *writer, uint16_t number, uint32_t value)
{
    uint8_t bytes[sizeof value];

    lwcoap_writer_option(writer, number, bytes, coap_encode_var_safe(bytes, sizeof bytes, value));
}

void lwcoap_writer_payload(struct lwcoap_writer *writer, const uint8_t *payload, size_t len)
{
    if (len == 0 || !has_room(writer, 1 + len)) {
        return;
    }
    writer->buffer[writer->len++] = PAYLOAD_MARKER;
    memcpy(writer->buffer + writer->len, payload, len);
    writer->len += len;
}
