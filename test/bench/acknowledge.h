/* What the references answer: whatever it is, the shortest message that ends the exchange. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Makes a message its own answer. @return its length, 0 for none: a notification gets an empty
 * ACK, a request a 2.04 */
static inline size_t acknowledge(uint8_t *data, size_t len)
{
    size_t token_len = data[0] & 15;
    if (len < 4 + token_len || data[0] >> 4 != 4) {
        return 0; /* not confirmable */
    }
    bool request = data[1] < 0x20;
    data[0] = (uint8_t)(0x60 | (request ? token_len : 0));
    data[1] = request ? 0x44 : 0;
    return request ? 4 + token_len : 4;
}
