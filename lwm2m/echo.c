#include "lwm2m/echo.h"

#include <string.h>

#include "lwm2m/hash/siphash.h"

/* A value lasts for the minute it was made in and the next: longer than any device repeats a
 * request (MAX_TRANSMIT_SPAN, 45 s: RFC 7252, 4.8.2). */
#define PERIOD_MS 60000

struct sealed {
    uint8_t ip[16];
    uint32_t scope_id;
    uint32_t port;
    uint64_t period;
};

static void make(const uint64_t key[2], const struct transport_address *address, uint64_t period,
                 uint8_t value[LWM2M_ECHO_LEN])
{
    struct sealed sealed = { .scope_id = address->scope_id,
                             .port = address->port,
                             .period = period };

    memcpy(sealed.ip, address->ip, sizeof(sealed.ip));
    uint64_t hash = lwm2m_siphash(key, &sealed, sizeof(sealed));
    memcpy(value, &hash, sizeof(hash));
}

void lwm2m_echo_make(const uint64_t key[2], const struct transport_address *address,
                     uint64_t now_ms, uint8_t value[LWM2M_ECHO_LEN])
{
    make(key, address, now_ms / PERIOD_MS, value);
}

bool lwm2m_echo_is_fresh(const uint64_t key[2], const struct transport_address *address,
                         uint64_t now_ms, const uint8_t *value, size_t len)
{
    uint64_t period = now_ms / PERIOD_MS;

    for (uint64_t age = 0; age < 2 && len == LWM2M_ECHO_LEN && age <= period; age++) {
        uint8_t expected[LWM2M_ECHO_LEN];
        uint8_t differs = 0;
        make(key, address, period - age, expected);
        for (size_t i = 0; i < LWM2M_ECHO_LEN; i++) { /* in the same time wherever they differ */
            differs |= expected[i] ^ value[i];
        }
        if (differs == 0) {
            return true;
        }
    }
    return false;
}
