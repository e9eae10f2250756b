/*
 * Random bytes of the kernel, fetched by the page: tokens and message ids need a few bytes at a
 * time and would otherwise cost a system call each.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is an empty pool. Used bytes are wiped, so nothing given out stays in memory. */
struct random_pool {
    uint8_t bytes[256];
    size_t left; /* unused bytes at the end of `bytes` */
};

/** Fills `out` with bytes of cryptographic quality; blocks only before the kernel is seeded. */
void random_fill(struct random_pool *pool, void *out, size_t len);
