#include "gateway/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void fetch(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got > 0) {
            out += got;
            len -= (size_t)got;
        } else if (errno != EINTR) {
            abort(); /* no kernel without getrandom(2) is supported; guessable tokens are worse */
        }
    }
}

void random_fill(struct random_pool *pool, void *out, size_t len)
{
    if (len > sizeof(pool->bytes) / 2) {
        fetch(out, len);
        return;
    }
    if (pool->left < len) {
        fetch(pool->bytes, sizeof(pool->bytes));
        pool->left = sizeof(pool->bytes);
    }
    uint8_t *from = pool->bytes + sizeof(pool->bytes) - pool->left;
    memcpy(out, from, len);
    explicit_bzero(from, len);
    pool->left -= len;
}
