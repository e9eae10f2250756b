#include "test/bench/published.h"

void published_note(struct published *published, uint64_t ns, uint64_t count)
{
    if (published->used < PUBLISHED_MOST) {
        published->said[published->used].ns = ns;
        published->said[published->used].count = count;
        published->used++;
    }
}

double published_rate(const struct published *published, uint64_t before, uint64_t after)
{
    uint64_t part = (after - before) / 20;
    size_t first = 0, last = published->used;
    while (first < last && published->said[first].count < before + part) {
        first++;
    }
    while (last > first && published->said[last - 1].count > after - part) {
        last--;
    }
    if (last < first + 2) {
        return 0;
    }
    uint64_t ns = published->said[last - 1].ns - published->said[first].ns;
    uint64_t count = published->said[last - 1].count - published->said[first].count;
    return (double)count / ((double)ns / 1e9);
}
