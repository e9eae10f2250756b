/*
 * The list of records, and the arena that holds what their values point to: chunks that are only
 * ever added to, and reused from the first one after a clear. So a list that lives as long as
 * the program allocates nothing for a message once it is warm.
 */
#include "lwm2m/content/value.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_COUNT 16
#define CHUNK_SIZE  4096
/* What one huge payload needed is given back; what ordinary ones need stays. */
#define KEPT_SIZE ((size_t)64 * 1024)

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    uint8_t data[];
};

struct lwm2m_arena {
    struct chunk *first;
    struct chunk *current;
};

void lwm2m_records_init(struct lwm2m_records *records, size_t max_count)
{
    *records = (struct lwm2m_records){ .max_count = max_count };
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void lwm2m_records_deinit(struct lwm2m_records *records)
{
    if (records->arena != NULL) {
        free_chunks(records->arena->first);
        free(records->arena);
    }
    free(records->items);
    *records = (struct lwm2m_records){ .max_count = records->max_count };
}

void lwm2m_records_clear(struct lwm2m_records *records)
{
    records->count = 0;
    if (records->arena == NULL) {
        return;
    }
    size_t kept = 0;
    struct chunk **link = &records->arena->first;
    while (*link != NULL) {
        struct chunk *chunk = *link;
        if (kept + chunk->size > KEPT_SIZE) {
            *link = chunk->next;
            free(chunk);
            continue;
        }
        kept += chunk->size;
        chunk->used = 0;
        link = &chunk->next;
    }
    records->arena->current = records->arena->first;
}

struct lwm2m_record *lwm2m_records_add(struct lwm2m_records *records)
{
    if (records->count >= records->max_count) {
        return NULL;
    }
    if (records->count == records->capacity) {
        size_t capacity = records->capacity > 0 ? records->capacity * 2 : FIRST_COUNT;
        if (capacity > records->max_count) {
            capacity = records->max_count;
        }
        struct lwm2m_record *items = reallocarray(records->items, capacity, sizeof(*items));
        if (items == NULL) {
            return NULL;
        }
        records->items = items;
        records->capacity = capacity;
    }
    struct lwm2m_record *record = &records->items[records->count++];
    *record = (struct lwm2m_record){ 0 };
    return record;
}

/* A new chunk behind the current one, large enough for `len`; it becomes the current one. */
static struct chunk *add_chunk(struct lwm2m_arena *arena, size_t len)
{
    size_t size = len > CHUNK_SIZE ? len : CHUNK_SIZE;
    if (size > SIZE_MAX - sizeof(struct chunk)) {
        return NULL;
    }
    struct chunk *chunk = malloc(sizeof(*chunk) + size);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct chunk){ .size = size };
    if (arena->current == NULL) {
        chunk->next = arena->first;
        arena->first = chunk;
    } else {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    }
    arena->current = chunk;
    return chunk;
}

uint8_t *lwm2m_records_alloc(struct lwm2m_records *records, size_t len)
{
    if (records->arena == NULL) {
        records->arena = calloc(1, sizeof(*records->arena));
        if (records->arena == NULL) {
            return NULL;
        }
    }
    struct lwm2m_arena *arena = records->arena;
    if (len == 0) {
        len = 1;
    }
    struct chunk *chunk = arena->current;
    while (chunk != NULL && chunk->size - chunk->used < len && chunk->next != NULL) {
        chunk = chunk->next;
        arena->current = chunk;
    }
    if (chunk == NULL || chunk->size - chunk->used < len) {
        chunk = add_chunk(arena, len);
    }
    if (chunk == NULL) {
        return NULL;
    }
    uint8_t *data = chunk->data + chunk->used;
    chunk->used += len;
    return data;
}
