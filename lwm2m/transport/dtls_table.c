/* Linear hashing in segments, so that no growth moves more than the chain that it splits. */
#include "lwm2m/transport/dtls_table.h"

#include <errno.h>
#include <stdlib.h>

int dtls_table_init(struct dtls_table *table, dtls_table_hash *hash, const void *ctx)
{
    *table = (struct dtls_table){ .hash = hash, .ctx = ctx };
    table->segments = calloc(1, sizeof *table->segments);
    if (!table->segments) {
        return -ENOMEM;
    }
    table->segments[0] = calloc(DTLS_TABLE_SEGMENT, sizeof **table->segments);
    if (!table->segments[0]) {
        return -ENOMEM;
    }
    table->segments_len = 1;
    table->buckets = 1;
    return 0;
}

void dtls_table_deinit(struct dtls_table *table)
{
    for (size_t i = 0; i < table->segments_len; i++) {
        free(table->segments[i]);
    }
    free(table->segments);
    *table = (struct dtls_table){ 0 };
}

static struct dtls_link **bucket_at(const struct dtls_table *table, size_t n)
{
    return &table->segments[n / DTLS_TABLE_SEGMENT][n % DTLS_TABLE_SEGMENT];
}

/* The lowest power of two that is not below the number of buckets, less one. */
static size_t mask_of(size_t buckets)
{
    size_t mask = 0;

    while (mask + 1 < buckets) {
        mask = mask * 2 + 1;
    }
    return mask;
}

static size_t index_of(const struct dtls_table *table, uint64_t hash)
{
    size_t mask = mask_of(table->buckets);
    size_t n = (size_t)hash & mask;

    return n < table->buckets ? n : n & (mask >> 1);
}

struct dtls_link *dtls_table_chain(const struct dtls_table *table, uint64_t hash)
{
    return *bucket_at(table, index_of(table, hash));
}

struct dtls_link *dtls_table_chain_at(const struct dtls_table *table, size_t n)
{
    return *bucket_at(table, n);
}

static int add_segment(struct dtls_table *table)
{
    struct dtls_link ***segments =
        realloc(table->segments, (table->segments_len + 1) * sizeof *segments);

    if (!segments) {
        return -ENOMEM;
    }
    table->segments = segments;
    segments[table->segments_len] = calloc(DTLS_TABLE_SEGMENT, sizeof **segments);
    if (!segments[table->segments_len]) {
        return -ENOMEM;
    }
    table->segments_len++;
    return 0;
}

static void push(struct dtls_link **bucket, struct dtls_link *link)
{
    link->next = *bucket;
    *bucket = link;
}

/* One bucket more: it takes what belongs to it out of the one that it is split from. */
static void grow(struct dtls_table *table)
{
    size_t added = table->buckets;

    if (added / DTLS_TABLE_SEGMENT >= table->segments_len && add_segment(table) != 0) {
        return;
    }
    table->buckets++;
    struct dtls_link **from = bucket_at(table, added & (mask_of(table->buckets) >> 1));
    struct dtls_link *link = *from;
    *from = NULL;
    while (link) {
        struct dtls_link *next = link->next;
        push(bucket_at(table, index_of(table, table->hash(table->ctx, link))), link);
        link = next;
    }
}

/* One bucket less; segments stay, for the fleet comes back. */
static void shrink(struct dtls_table *table)
{
    size_t gone = table->buckets - 1;
    struct dtls_link **to = bucket_at(table, gone & (mask_of(table->buckets) >> 1));
    struct dtls_link **from = bucket_at(table, gone);

    while (*from) {
        struct dtls_link *link = *from;
        *from = link->next;
        push(to, link);
    }
    table->buckets--;
}

void dtls_table_expect(struct dtls_table *table, size_t count)
{
    size_t before = 0;

    while (table->buckets < count && table->buckets > before) {
        before = table->buckets; /* it does not grow when memory is short */
        grow(table);
    }
}

void dtls_table_add(struct dtls_table *table, struct dtls_link *link)
{
    table->count++;
    if (table->count > table->buckets) {
        grow(table);
    }
    push(bucket_at(table, index_of(table, table->hash(table->ctx, link))), link);
}

void dtls_table_remove(struct dtls_table *table, struct dtls_link *link)
{
    struct dtls_link **at = bucket_at(table, index_of(table, table->hash(table->ctx, link)));

    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
    link->next = NULL;
    table->count--;
    if (table->buckets > 1 && table->count < table->buckets / 2) {
        shrink(table);
    }
}
