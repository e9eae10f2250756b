/*
 * What the devices report: one value or the Device object with its 15 resources, in the formats
 * that gateways are compared with. Each row of the table is also what the devices answer when its
 * path is read or observed, and says what their registration has to announce for it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    CONTENT_TEXT = 0,
    CONTENT_LINK = 40,
    CONTENT_SENML_JSON = 110,
    CONTENT_SENML_CBOR = 112,
    CONTENT_TLV = 11542,
};

enum { CONTENT_MAX = 1024 };

struct content {
    const char *name;  /* "float-tlv" */
    const char *path;  /* "/3303/0/5700" */
    const char *links; /* of the registration */
    uint16_t format;
    /** Writes the value that belongs to a sequence number; returns its length. */
    size_t (*write)(uint8_t buffer[CONTENT_MAX], uint32_t sequence);
};

/** NULL when there is no such row. */
const struct content *content_find(const char *name);
/** The rows in turn, NULL past the last; for the usage message. */
const struct content *content_at(size_t index);
