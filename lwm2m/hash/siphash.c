/* SipHash with any number of rounds, over bytes in the order of the paper. */
#include "lwm2m/hash/siphash.h"

#include <endian.h>
#include <string.h>

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void mix(uint64_t v[4], unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static inline void absorb(uint64_t v[4], uint64_t word, unsigned rounds)
{
    v[3] ^= word;
    mix(v, rounds);
    v[0] ^= word;
}

static inline uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len,
                               unsigned word_rounds, unsigned final_rounds)
{
    const uint8_t *next = bytes;
    uint64_t word;
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };

    for (size_t left = len; left >= sizeof word; left -= sizeof word, next += sizeof word) {
        memcpy(&word, next, sizeof word);
        absorb(v, le64toh(word), word_rounds);
    }
    word = 0;
    if (len % sizeof word > 0) {
        memcpy(&word, next, len % sizeof word);
    }
    absorb(v, le64toh(word) | (uint64_t)len << 56, word_rounds);
    v[2] ^= 0xff;
    mix(v, final_rounds);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t lwm2m_siphash(const uint64_t key[2], const void *bytes, size_t len)
{
    return siphash(key, bytes, len, 1, 3);
}

uint64_t lwm2m_siphash_proof(const uint64_t key[2], const void *bytes, size_t len)
{
    return siphash(key, bytes, len, 2, 4);
}
