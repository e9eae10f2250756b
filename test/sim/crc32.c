/** See crc32.h. */
#include "test/sim/crc32.h"

uint32_t crc32_of(const uint8_t *data, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xEDB88320U & (0 - (crc & 1)));
        }
    }
    return ~crc;
}
