/** CRC-32 as in zip and Ethernet: lets a test compare what arrived with what was sent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const uint8_t *data, size_t len);
