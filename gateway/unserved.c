#include "gateway/unserved.h"

#include "lwm2m/hash/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t row;
    char endpoint[]; /* terminated */
};

void unserved_init(struct unserved *unserved, const uint64_t hash_key[2])
{
    *unserved = (struct unserved){ .hash_key = { hash_key[0], hash_key[1] } };
}

void unserved_clear(struct unserved *unserved)
{
    size_t cursor = 0;
    struct entry *entry;
    while ((entry = lwm2m_table_next(&unserved->table, &cursor)) != NULL) {
        free(entry);
    }
    lwm2m_table_deinit(&unserved->table);
}

static uint32_t hash_of(const struct unserved *unserved, const char *endpoint)
{
    return (uint32_t)lwm2m_siphash(unserved->hash_key, endpoint, strlen(endpoint));
}

static bool has_endpoint(const void *item, const void *key)
{
    const struct entry *entry = item;
    return strcmp(entry->endpoint, key) == 0;
}

int unserved_add(struct unserved *unserved, const char *endpoint, uint64_t row)
{
    size_t size = strlen(endpoint) + 1;
    (void)unserved_take(unserved, endpoint);
    struct entry *entry = malloc(sizeof(*entry) + size);
    if (entry == NULL) {
        return -ENOMEM;
    }
    entry->row = row;
    memcpy(entry->endpoint, endpoint, size);
    int err = lwm2m_table_add(&unserved->table, hash_of(unserved, endpoint), entry);
    if (err != 0) {
        free(entry);
    }
    return err;
}

uint64_t unserved_take(struct unserved *unserved, const char *endpoint)
{
    if (lwm2m_table_count(&unserved->table) == 0) {
        return 0;
    }
    uint32_t hash = hash_of(unserved, endpoint);
    struct entry *entry = lwm2m_table_find(&unserved->table, hash, has_endpoint, endpoint);
    if (entry == NULL) {
        return 0;
    }
    uint64_t row = entry->row;
    lwm2m_table_remove(&unserved->table, hash, entry);
    free(entry);
    return row;
}
