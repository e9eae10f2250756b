/*
 * Durations counted in buckets whose width grows with the value (as HdrHistogram does it): a fixed
 * array, an increment per value, and every percentile within 1 % of the true one.
 */
#pragma once

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 7, /* 128 buckets per power of two */
    HISTOGRAM_BUCKETS = (65 - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS,
};

/** Zeroed memory is an empty histogram. */
struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/** The value that `percent` (0 … 100) of all values do not exceed; 0 when there is none. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
