#include "lwm2m/object_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lwm2m/content/link_format.h"
#include "lwm2m/hash/siphash.h"

/* More than any device has; keeps a hostile Register from costing much. */
#define MAX_ENTRIES 2048

struct shared_list {
    struct lwm2m_object_list list; /* first: what others see */
    size_t holders;
    uint8_t *payload; /* the key */
    size_t payload_len;
    size_t size; /* bytes of all of it, at the most */
    UT_hash_handle hh;
};

struct lwm2m_object_lists {
    struct shared_list *by_payload;
    size_t size; /* bytes of all lists */
    uint64_t hash_key[2];
};

struct lwm2m_object_lists *lwm2m_object_lists_new(const uint64_t hash_key[2])
{
    struct lwm2m_object_lists *lists = calloc(1, sizeof(*lists));
    if (lists) {
        memcpy(lists->hash_key, hash_key, sizeof(lists->hash_key));
    }
    return lists;
}

static void shared_list_free(struct shared_list *shared)
{
    free(shared->list.entries);
    free(shared->list.objects);
    free(shared->list.root);
    free(shared->payload);
    free(shared);
}

void lwm2m_object_lists_free(struct lwm2m_object_lists *lists)
{
    if (!lists) {
        return;
    }
    struct shared_list *shared, *next;
    HASH_ITER(hh, lists->by_payload, shared, next)
    {
        HASH_DEL(lists->by_payload, shared);
        shared_list_free(shared);
    }
    free(lists);
}

size_t lwm2m_object_lists_count(const struct lwm2m_object_lists *lists)
{
    return HASH_COUNT(lists->by_payload);
}

size_t lwm2m_object_lists_size(const struct lwm2m_object_lists *lists)
{
    return lists->size;
}

static bool bytes_equal(struct lwm2m_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* Objects that are never registered (Core TS 6.2.1): Security, OSCORE, COSE and their kin. */
static bool object_is_private(uint16_t object)
{
    return object == 0 || object == 21 || object == 23 || object == 24;
}

/* `ct="110 112 60"` or `ct=11543`: numbers, whatever separates them. */
static void read_formats(struct lwm2m_bytes value, struct lwm2m_object_list *list)
{
    size_t at = 0;
    while (at < value.len && list->format_count < LWM2M_MAX_ANNOUNCED_FORMATS) {
        uint32_t number = 0;
        size_t start = at;
        while (at < value.len && value.data[at] >= '0' && value.data[at] <= '9') {
            uint32_t next = number * 10 + (uint32_t)(value.data[at++] - '0');
            number = next < 0xffff ? next : 0xffff;
        }
        if (at == start) {
            at++;
        } else if (number < 0xffff) {
            list->formats[list->format_count++] = (uint16_t)number;
        }
    }
}

/* "1.1"; anything else is taken as not given. */
static struct lwm2m_version read_version(struct lwm2m_bytes value)
{
    struct lwm2m_version version = { 0, 0 };
    if (value.len == 3 && value.data[1] == '.' && value.data[0] >= '0' && value.data[0] <= '9' &&
        value.data[2] >= '0' && value.data[2] <= '9') {
        version.major = (uint8_t)(value.data[0] - '0');
        version.minor = (uint8_t)(value.data[2] - '0');
    }
    return version;
}

/* The root link says where the objects are (Core TS 6.2.1): rt="oma.lwm2m", or simply </>. */
static bool link_is_root(const struct lwm2m_link *link)
{
    struct lwm2m_link_attribute attribute;
    if (bytes_equal(link->target, "/")) {
        return true;
    }
    return lwm2m_link_attribute_find(link, "rt", &attribute) &&
           bytes_equal(attribute.value, "oma.lwm2m");
}

static int read_root(const uint8_t *payload, size_t len, struct lwm2m_object_list *list)
{
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    struct lwm2m_link_attribute attribute;

    lwm2m_link_reader_init(&reader, payload, len);
    while (lwm2m_link_reader_next(&reader, &link)) {
        if (!link_is_root(&link)) {
            continue;
        }
        size_t root_len = link.target.len;
        while (root_len > 0 && link.target.data[root_len - 1] == '/') {
            root_len--;
        }
        bool slash = root_len > 0 && link.target.data[0] != '/';
        list->root = calloc(1, root_len + 2);
        if (!list->root) {
            return -ENOMEM;
        }
        list->root[0] = '/';
        memcpy(list->root + slash, link.target.data, root_len);
        list->root[root_len + slash] = '\0';
        if (lwm2m_link_attribute_find(&link, "ct", &attribute) && attribute.value.data) {
            read_formats(attribute.value, list);
        }
        return 0;
    }
    if (reader.err) {
        return reader.err;
    }
    list->root = calloc(1, 1);
    return list->root ? 0 : -ENOMEM;
}

/* The entry of a link; false for links that are not of the data model (they are skipped). */
static bool read_entry(const struct lwm2m_link *link, const char *root,
                       struct lwm2m_object_entry *entry)
{
    struct lwm2m_path path;
    struct lwm2m_link_attribute attribute;
    const char *target = (const char *)link->target.data;
    size_t len = link->target.len;
    size_t root_len = strlen(root);

    if (len >= root_len && memcmp(target, root, root_len) == 0) {
        target += root_len;
        len -= root_len;
    }
    if (lwm2m_path_parse(target, len, &path) || path.depth < 1 || path.depth > 2 ||
        object_is_private(path.ids[0])) {
        return false;
    }
    entry->object = path.ids[0];
    entry->instance = path.depth == 2 ? path.ids[1] : LWM2M_INSTANCE_NONE;
    entry->version = (struct lwm2m_version){ 0, 0 };
    if (lwm2m_link_attribute_find(link, "ver", &attribute) && attribute.value.data) {
        entry->version = read_version(attribute.value);
    }
    return true;
}

static int read_entries(const uint8_t *payload, size_t len, struct lwm2m_object_list *list)
{
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    size_t capacity = 0;

    lwm2m_link_reader_init(&reader, payload, len);
    while (lwm2m_link_reader_next(&reader, &link)) {
        struct lwm2m_object_entry entry;
        if (!read_entry(&link, list->root, &entry)) {
            continue;
        }
        if (list->count == MAX_ENTRIES) {
            return -EBADMSG;
        }
        if (list->count == capacity) {
            capacity = capacity ? capacity * 2 : 8;
            void *grown = realloc(list->entries, capacity * sizeof(entry));
            if (!grown) {
                return -ENOMEM;
            }
            list->entries = grown;
        }
        list->entries[list->count++] = entry;
    }
    return reader.err;
}

/* By object; of one object a link with a version before those without. */
static int compare_objects(const void *left, const void *right)
{
    const struct lwm2m_object_version *a = left, *b = right;
    if (a->object != b->object) {
        return a->object < b->object ? -1 : 1;
    }
    return (b->version.major << 8 | b->version.minor) - (a->version.major << 8 | a->version.minor);
}

/* Whatever a payload holds is looked up here: a device may have as many records as objects. */
static int index_objects(struct lwm2m_object_list *list)
{
    list->objects = calloc(list->count + 1, sizeof(*list->objects));
    if (!list->objects) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < list->count; i++) {
        list->objects[i] =
            (struct lwm2m_object_version){ list->entries[i].object, list->entries[i].version };
    }
    qsort(list->objects, list->count, sizeof(*list->objects), compare_objects);
    for (size_t i = 0; i < list->count; i++) {
        size_t count = list->object_count;
        if (count == 0 || list->objects[i].object != list->objects[count - 1].object) {
            list->objects[list->object_count++] = list->objects[i];
        }
    }
    return 0;
}

static const struct lwm2m_object_version *find_object(const struct lwm2m_object_list *list,
                                                      uint16_t object)
{
    size_t from = 0, to = list->object_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (list->objects[middle].object == object) {
            return &list->objects[middle];
        }
        if (list->objects[middle].object < object) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

static int shared_list_new(const uint8_t *payload, size_t len, struct shared_list **out)
{
    struct shared_list *shared = calloc(1, sizeof(*shared));
    if (!shared) {
        return -ENOMEM;
    }
    shared->payload = malloc(len ? len : 1);
    shared->payload_len = len;
    int rc = shared->payload ? 0 : -ENOMEM;
    if (!rc && len) {
        memcpy(shared->payload, payload, len);
    }
    rc = rc ? rc : read_root(payload, len, &shared->list);
    rc = rc ? rc : read_entries(payload, len, &shared->list);
    rc = rc ? rc : index_objects(&shared->list);
    if (rc) {
        shared_list_free(shared);
        return rc;
    }
    const struct lwm2m_object_list *list = &shared->list;
    shared->size = sizeof(*shared) + len + 2 * list->count * sizeof(*list->entries) +
                   (list->count + 1) * sizeof(*list->objects) + strlen(list->root) + 1;
    *out = shared;
    return 0;
}

int lwm2m_object_list_hold(struct lwm2m_object_lists *lists, const uint8_t *payload, size_t len,
                           const struct lwm2m_object_list **list)
{
    static const uint8_t nothing[1];
    struct shared_list *shared = NULL;
    const uint8_t *key = len ? payload : nothing;

    if (len > LWM2M_OBJECT_LIST_MAX) {
        return -EBADMSG;
    }
    unsigned hash = (unsigned)lwm2m_siphash(lists->hash_key, key, len);
    HASH_FIND_BYHASHVALUE(hh, lists->by_payload, key, len, hash, shared);
    if (!shared) {
        int rc = shared_list_new(key, len, &shared);
        if (rc) {
            return rc;
        }
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, lists->by_payload, shared->payload, len, hash, shared);
        if (!shared->hh.tbl) {
            shared_list_free(shared);
            return -ENOMEM;
        }
        lists->size += shared->size;
    }
    shared->holders++;
    *list = &shared->list;
    return 0;
}

void lwm2m_object_list_release(struct lwm2m_object_lists *lists,
                               const struct lwm2m_object_list *list)
{
    if (!list) {
        return;
    }
    /* Lists are handed out as const; only their owner takes it away again. */
    struct shared_list *shared = (struct shared_list *)(uintptr_t)list;
    if (--shared->holders == 0) {
        HASH_DEL(lists->by_payload, shared);
        lists->size -= shared->size;
        shared_list_free(shared);
    }
}

struct lwm2m_bytes lwm2m_object_list_payload(const struct lwm2m_object_list *list)
{
    const struct shared_list *shared = (const struct shared_list *)list;
    return (struct lwm2m_bytes){ shared->payload, shared->payload_len };
}

bool lwm2m_object_list_has(const struct lwm2m_object_list *list, uint16_t object)
{
    return find_object(list, object) != NULL;
}

/* Versions that an enabler implies where a device gives none (Core TS 7.2.2 and the enabler's
 * own definitions); every other object is 1.0. */
static const struct {
    uint8_t enabler_minor;
    uint16_t object;
    struct lwm2m_version version;
} implied[] = {
    { 1, 0, { 1, 1 } }, { 1, 1, { 1, 1 } }, { 1, 3, { 1, 1 } },  { 1, 4, { 1, 2 } },
    { 2, 0, { 1, 2 } }, { 2, 1, { 1, 2 } }, { 2, 2, { 1, 1 } },  { 2, 3, { 1, 2 } },
    { 2, 4, { 1, 3 } }, { 2, 5, { 1, 1 } }, { 2, 21, { 2, 0 } },
};

struct lwm2m_version lwm2m_object_list_version(const struct lwm2m_object_list *list,
                                               uint16_t object, struct lwm2m_version enabler)
{
    const struct lwm2m_object_version *found = find_object(list, object);
    if (found && found->version.major > 0) {
        return found->version;
    }
    for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++) {
        if (enabler.major == 1 && implied[i].enabler_minor == enabler.minor &&
            implied[i].object == object) {
            return implied[i].version;
        }
    }
    return (struct lwm2m_version){ 1, 0 };
}
