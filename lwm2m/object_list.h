/*
 * What a device registered: its objects, object instances and their versions, the alternate path
 * and the content formats that it announced (Core TS 6.2.1, 7.4.2).
 *
 * A fleet registers the same list a million times: identical payloads share one counted copy.
 */
#pragma once

#include "lwm2m/content/value.h"

/* Instance id of an entry that names only its object, such as `</5>`. */
#define LWM2M_INSTANCE_NONE 0xffff

#define LWM2M_MAX_ANNOUNCED_FORMATS 8

#define LWM2M_OBJECT_LIST_MAX 65536 /* bytes of a list in link-format */

/** Version of an object or of the enabler; 0.0 stands for "not given". */
struct lwm2m_version {
    uint8_t major;
    uint8_t minor;
};

struct lwm2m_object_entry {
    uint16_t object;
    uint16_t instance;            /* LWM2M_INSTANCE_NONE for the object alone */
    struct lwm2m_version version; /* from `ver=`; 0.0 without */
};

/* An object that is in a list, by itself or by instances. */
struct lwm2m_object_version {
    uint16_t object;
    struct lwm2m_version version; /* 0.0 when no link gave one */
};

/** One shared list; read its members, change nothing. */
struct lwm2m_object_list {
    struct lwm2m_object_entry *entries; /* in the order they were registered */
    size_t count;
    struct lwm2m_object_version *objects; /* each object once, by ascending id */
    size_t object_count;
    char *root;                                    /* alternate path: "" or "/lwm2m" */
    uint16_t formats[LWM2M_MAX_ANNOUNCED_FORMATS]; /* `ct` of the root link, in its order */
    size_t format_count;
};

struct lwm2m_object_lists;

/**
 * The lists of one server.
 *
 * @param hash_key  random: devices choose what is hashed
 * @return NULL when memory is short
 */
struct lwm2m_object_lists *lwm2m_object_lists_new(const uint64_t hash_key[2]);
void lwm2m_object_lists_free(struct lwm2m_object_lists *lists);

/** How many different lists are held. */
size_t lwm2m_object_lists_count(const struct lwm2m_object_lists *lists);

/** Bytes of memory of all of them. */
size_t lwm2m_object_lists_size(const struct lwm2m_object_lists *lists);

/**
 * The list of a payload in link-format; an empty payload is an empty list.
 *
 * @param[out] list  a counted reference, lwm2m_object_list_release() it
 * @return 0, -EBADMSG (not link-format, or more links than any device has), -ENOMEM
 */
[[nodiscard]] int lwm2m_object_list_hold(struct lwm2m_object_lists *lists, const uint8_t *payload,
                                         size_t len, const struct lwm2m_object_list **list);
void lwm2m_object_list_release(struct lwm2m_object_lists *lists,
                               const struct lwm2m_object_list *list);

/** The payload that a list was made of; lives as long as the list. */
struct lwm2m_bytes lwm2m_object_list_payload(const struct lwm2m_object_list *list);

/** Whether the device has this object, by itself or by an instance. */
bool lwm2m_object_list_has(const struct lwm2m_object_list *list, uint16_t object);

/**
 * Version of an object on this device: what it registered, else what its enabler implies
 * (Core TS 7.2.2), else 1.0.
 */
struct lwm2m_version lwm2m_object_list_version(const struct lwm2m_object_list *list,
                                               uint16_t object, struct lwm2m_version enabler);
