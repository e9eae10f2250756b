/*
 * CoAP messages as the devices of the fleet need them (RFC 7252, 3): just enough to write a
 * registration or a notification and to read a request or an answer. Written apart from the
 * gateway's own code on purpose: a mistake made there must not be made here again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_type { MESSAGE_CON, MESSAGE_NON, MESSAGE_ACK, MESSAGE_RST };

enum {
    MESSAGE_GET = 0x01,
    MESSAGE_POST = 0x02,
    MESSAGE_PUT = 0x03,
    MESSAGE_DELETE = 0x04,
    MESSAGE_CREATED = 0x41,
    MESSAGE_DELETED = 0x42,
    MESSAGE_CHANGED = 0x44,
    MESSAGE_CONTENT = 0x45,
    MESSAGE_NOT_FOUND = 0x84,
    MESSAGE_UNAVAILABLE = 0xa3,
};

enum {
    MESSAGE_OBSERVE = 6,
    MESSAGE_LOCATION_PATH = 8,
    MESSAGE_URI_PATH = 11,
    MESSAGE_CONTENT_FORMAT = 12,
    MESSAGE_MAX_AGE = 14,
    MESSAGE_URI_QUERY = 15,
    MESSAGE_ACCEPT = 17,
    MESSAGE_BLOCK2 = 23,
    MESSAGE_BLOCK1 = 27,
};

enum { MESSAGE_PATH_MAX = 64, MESSAGE_TOKEN_MAX = 8 };

/** A parsed message; `location` points into the datagram. */
struct message {
    uint8_t type;
    uint8_t code;
    uint16_t id;
    uint8_t token_len;
    uint8_t token[MESSAGE_TOKEN_MAX];
    int32_t observe;             /* -1 without */
    char path[MESSAGE_PATH_MAX]; /* Uri-Path, "/3/0"; cut when it is longer */
    uint32_t max_age_s;          /* 60 without (RFC 7252, 5.10.5) */
    const uint8_t *location;     /* last Location-Path segment, NULL without */
    uint8_t location_len;
};

/** @return false when it is no CoAP message */
bool message_parse(const uint8_t *data, size_t len, struct message *message);

/** Writes into a buffer that is surely large enough: the writer's own messages are all short. */
struct message_writer {
    uint8_t *start;
    uint8_t *at;
    unsigned last_option;
};

struct message_writer message_begin(uint8_t *buffer, enum message_type type, uint8_t code,
                                    uint16_t id, const uint8_t *token, size_t token_len);
/** Options in ascending order; `len` at most 268 + 255. */
void message_option(struct message_writer *writer, unsigned number, const void *value, size_t len);
void message_option_text(struct message_writer *writer, unsigned number, const char *text);
/** As few bytes as the value takes, none for 0. */
void message_option_uint(struct message_writer *writer, unsigned number, uint32_t value);
void message_payload(struct message_writer *writer, const void *payload, size_t len);
/** Where a payload is written in place; then `at` is moved behind it. */
uint8_t *message_payload_at(struct message_writer *writer);
size_t message_end(const struct message_writer *writer);
