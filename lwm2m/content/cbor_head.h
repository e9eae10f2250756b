/*
 * The head of one CBOR item, with the bytes of a string: all that libcbor is asked for.
 */
#pragma once

#include "lwm2m/content/cbor_reader.h"

struct lwm2m_cbor_head {
    struct lwm2m_cbor_item item;
    bool in_pieces; /* a string whose pieces follow */
    bool refused;   /* a break or a tag: neither is an item */
};

/**
 * Reads a head that is neither a tag nor a break.
 *
 * @return the bytes it takes, those of a string included; 0 if it is malformed or cut off
 */
size_t lwm2m_cbor_head_read(const uint8_t *data, size_t len, struct lwm2m_cbor_head *head);
