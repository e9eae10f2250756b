/* The key of a device, which fleet, reference and psk_file make from its number; nobody's secret.
 */
#pragma once

#include <stdint.h>
#include <string.h>

enum { SECURE_KEY_LEN = 16 };

/** "bench-dtls--" and the number. */
static inline void secure_key(uint32_t index, uint8_t key[SECURE_KEY_LEN])
{
    static const char start[] = "bench-dtls--";
    memcpy(key, start, sizeof(start) - 1);
    for (unsigned i = 0; i < 4; i++) {
        key[sizeof(start) - 1 + i] = (uint8_t)(index >> (24 - 8 * i));
    }
}
