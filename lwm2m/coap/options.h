/*
 * The options of a received message that the message layer acts upon, read in one walk, and the
 * verdict on those that must not be ignored (RFC 7252, 5.4.1, 5.4.3 and 5.4.5).
 */
#pragma once

#include "lwm2m/coap/message.h"

/** A Block1 or Block2 option (RFC 7959, 2.2). */
struct lwcoap_block {
    bool present;
    bool more;
    uint8_t szx; /* 0 … 6: blocks of 16 … 1024 bytes */
    uint32_t num;
};

enum lwcoap_options_of { LWCOAP_OPTIONS_OF_REQUEST = 1, LWCOAP_OPTIONS_OF_RESPONSE = 2 };

struct lwcoap_options {
    bool unrecognised;       /* a critical option that is unknown, repeated or of a wrong length */
    bool proxy;              /* Proxy-Uri or Proxy-Scheme */
    bool bad_block;          /* a block option with the reserved size */
    uint16_t content_format; /* LWCOAP_FORMAT_NONE without */
    uint16_t accept;         /* LWCOAP_FORMAT_NONE without */
    int32_t observe;         /* -1 without */
    uint32_t max_age_s;      /* 60 without */
    uint32_t size1;          /* 0 without */
    uint32_t size2;          /* 0 without */
    struct lwcoap_block block1;
    struct lwcoap_block block2;
    struct lwcoap_option etag;        /* value NULL without */
    struct lwcoap_option request_tag; /* the first; value NULL without */
};

/** Reads the options of a message that was parsed; values point into the datagram. */
void lwcoap_options_read(const struct lwcoap_message *message, enum lwcoap_options_of of,
                         struct lwcoap_options *options);

/** Bytes of a block of this size. */
static inline size_t lwcoap_block_size(uint8_t szx)
{
    return (size_t)16 << szx;
}

/** Value of a block option. */
static inline uint32_t lwcoap_block_value(size_t num, bool more, uint8_t szx)
{
    return (uint32_t)(num << 4) | (more ? 8u : 0) | szx;
}

/** Reads the value of a block option; false when its size is the reserved one. */
bool lwcoap_block_read(uint32_t value, struct lwcoap_block *block);
