/*
 * CoRE Link Format (RFC 6690, Core TS 7.4.2): object lists of a Register, answers to Discover.
 *
 * A reader walks over the links of a payload in place. Commas and semicolons inside <…> and
 * "…" do not separate anything; blanks around separators are tolerated, attributes need no value.
 */
#pragma once

#include "lwm2m/content/value.h"

struct lwm2m_link {
    struct lwm2m_bytes target;     /* between < and > */
    struct lwm2m_bytes attributes; /* raw, after the first ';', without it; may be empty */
    struct lwm2m_bytes text;       /* the whole link as written, trimmed: `</3/0>;dim=8` */
};

struct lwm2m_link_attribute {
    struct lwm2m_bytes name;
    struct lwm2m_bytes value; /* without quotes; data is NULL when there is no '=' */
};

struct lwm2m_link_reader {
    const uint8_t *next;
    const uint8_t *end;
    int err; /* 0, or -EBADMSG once something malformed was met */
};

void lwm2m_link_reader_init(struct lwm2m_link_reader *reader, const uint8_t *payload, size_t len);

/** The next link; false at the end or at a mistake (then reader->err is set). */
bool lwm2m_link_reader_next(struct lwm2m_link_reader *reader, struct lwm2m_link *link);

/** Walks over the attributes of a link: `*rest` starts as link->attributes. False at the end. */
bool lwm2m_link_attribute_next(struct lwm2m_bytes *rest, struct lwm2m_link_attribute *attribute);

/** Finds an attribute by name; false when the link has none. */
bool lwm2m_link_attribute_find(const struct lwm2m_link *link, const char *name,
                               struct lwm2m_link_attribute *attribute);
