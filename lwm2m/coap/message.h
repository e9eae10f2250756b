/*
 * A CoAP message over UDP (RFC 7252, 3): parsed in place, and written into the caller's memory.
 *
 * The prefix is lwcoap_ because coap_ is libcoap's: option fields are decoded and encoded by
 * libcoap's codec (coap_opt_parse, coap_opt_encode), everything around them is here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lwcoap_type { LWCOAP_CON = 0, LWCOAP_NON = 1, LWCOAP_ACK = 2, LWCOAP_RST = 3 };

/* A code as on the wire: class in the upper three bits, detail in the lower five. */
#define LWCOAP_CODE(class_, detail) ((uint8_t)(((class_) << 5) | (detail)))

enum {
    LWCOAP_EMPTY = 0,
    LWCOAP_GET = 1,
    LWCOAP_POST = 2,
    LWCOAP_PUT = 3,
    LWCOAP_DELETE = 4,
    LWCOAP_FETCH = 5,
    LWCOAP_PATCH = 6,
    LWCOAP_IPATCH = 7,
};

enum {
    LWCOAP_OPTION_ETAG = 4,
    LWCOAP_OPTION_OBSERVE = 6,
    LWCOAP_OPTION_LOCATION_PATH = 8,
    LWCOAP_OPTION_URI_PATH = 11,
    LWCOAP_OPTION_CONTENT_FORMAT = 12,
    LWCOAP_OPTION_MAX_AGE = 14,
    LWCOAP_OPTION_URI_QUERY = 15,
    LWCOAP_OPTION_ACCEPT = 17,
    LWCOAP_OPTION_BLOCK2 = 23,
    LWCOAP_OPTION_BLOCK1 = 27,
    LWCOAP_OPTION_SIZE2 = 28,
    LWCOAP_OPTION_SIZE1 = 60,
    LWCOAP_OPTION_ECHO = 252,
    LWCOAP_OPTION_REQUEST_TAG = 292,
};

#define LWCOAP_HEADER_LEN 4 /* bytes before the token */

#define LWCOAP_FORMAT_NONE 0xffff /* no Content-Format or Accept option */

/** A message; all pointers point into the datagram. */
struct lwcoap_message {
    enum lwcoap_type type;
    uint8_t code;
    uint16_t message_id;
    uint8_t token[8];
    uint8_t token_len;
    const uint8_t *options; /* the encoded options, without the payload marker */
    size_t options_len;
    const uint8_t *payload;
    size_t payload_len;
};

struct lwcoap_option {
    uint16_t number;
    const uint8_t *value;
    size_t len;
};

struct lwcoap_option_reader {
    const uint8_t *next;
    const uint8_t *end;
    uint16_t number;
};

/**
 * Reads a datagram and checks all of it, options included.
 *
 * @return 0, or -EBADMSG: a message format error (RFC 7252, 4.2). `message` then still holds type,
 *         code and message id when the header could be read (header_ok) so that a Reset can be sent
 */
[[nodiscard]] int lwcoap_message_parse(const uint8_t *datagram, size_t len,
                                       struct lwcoap_message *message, bool *header_ok);

/** Bytes of the datagram that a message was parsed from. */
static inline size_t lwcoap_message_len(const struct lwcoap_message *message)
{
    return LWCOAP_HEADER_LEN + message->token_len + message->options_len +
           (message->payload_len > 0 ? 1 + message->payload_len : 0);
}

void lwcoap_option_reader_init(struct lwcoap_option_reader *reader,
                               const struct lwcoap_message *message);

/** The next option in the order of numbers; false at the end. */
bool lwcoap_option_next(struct lwcoap_option_reader *reader, struct lwcoap_option *option);

/** The first option of a number; false when there is none. */
bool lwcoap_option_find(const struct lwcoap_message *message, uint16_t number,
                        struct lwcoap_option *option);

/** Value of an option that holds an unsigned integer (RFC 7252, 3.2); of more than four bytes the
 * last. */
uint32_t lwcoap_option_uint(const struct lwcoap_option *option);

/** Writes one message; options in ascending order of their numbers. The first error sticks. */
struct lwcoap_writer {
    uint8_t *buffer;
    size_t capacity;
    size_t len;
    uint16_t last_option;
    int err; /* 0, or -ENOSPC (the buffer is too small), -EINVAL (options out of order) */
};

void lwcoap_writer_init(struct lwcoap_writer *writer, uint8_t *buffer, size_t capacity,
                        enum lwcoap_type type, uint8_t code, uint16_t message_id,
                        const uint8_t *token, uint8_t token_len);
void lwcoap_writer_option(struct lwcoap_writer *writer, uint16_t number, const void *value,
                          size_t len);
void lwcoap_writer_option_uint(struct lwcoap_writer *writer, uint16_t number, uint32_t value);

/** Adds the payload marker and the payload; nothing when `len` is 0. */
void lwcoap_writer_payload(struct lwcoap_writer *writer, const uint8_t *payload, size_t len);
