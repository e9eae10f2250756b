/*
 * A hash table of sessions that grows and shrinks one bucket at a time (linear hashing, Litwin
 * 1980): a million devices that register in one minute never wait for a table that is copied.
 * Entries carry their own link; the table owns none of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dtls_link {
    struct dtls_link *next;
};

typedef uint64_t dtls_table_hash(const void *ctx, const struct dtls_link *link);

/* In the caller's memory. */
struct dtls_table {
    struct dtls_link ***segments; /* of DTLS_TABLE_SEGMENT buckets each */
    size_t segments_len;
    size_t buckets;
    size_t count;
    dtls_table_hash *hash; /* must not depend on anything that changes while an entry is in */
    const void *ctx;
};

#define DTLS_TABLE_SEGMENT 512

/** @return 0 or -ENOMEM; a failed or zeroed table can be deinitialised */
[[nodiscard]] int dtls_table_init(struct dtls_table *table, dtls_table_hash *hash, const void *ctx);
void dtls_table_deinit(struct dtls_table *table);

/** The first of a chain in which everything with this hash is, among others. */
struct dtls_link *dtls_table_chain(const struct dtls_table *table, uint64_t hash);

/** The n-th chain; n below table->buckets. */
struct dtls_link *dtls_table_chain_at(const struct dtls_table *table, size_t n);

/** Makes room for as many entries at once; adding that many then moves nothing. */
void dtls_table_expect(struct dtls_table *table, size_t count);

/** Cannot fail: when memory is short, chains grow longer instead. */
void dtls_table_add(struct dtls_table *table, struct dtls_link *link);

/** The entry must be in. */
void dtls_table_remove(struct dtls_table *table, struct dtls_link *link);
