#include "lwm2m/echo.h"

#include <string.h>

#include "lwm2m/hash/siphash.h"
#include "lwm2m/internal.h"

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
    uint64_t hash = lwm2m_siphash_proof(key, &sealed, sizeof(sealed));
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

/* --- the server's use of it --- */

bool lwm2m_server_verifies(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    const struct transport_route *route = &inbound->receipt.route;
    struct lwcoap_option echo;

    return lwm2m_server_knows(server, route) ||
           (lwcoap_option_find(inbound->message, LWCOAP_OPTION_ECHO, &echo) &&
            lwm2m_echo_is_fresh(server->echo_key, &route->remote, server->now_ms, echo.value,
                                echo.len));
}

void lwm2m_server_challenge(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    uint8_t echo[LWM2M_ECHO_LEN];
    const struct lwcoap_reply reply = {
        .code = LWCOAP_CODE(4, 1),
        .content_format = LWCOAP_FORMAT_NONE,
        .echo = echo,
        .echo_len = sizeof(echo),
    };

    server->counters.challenges++;
    lwm2m_echo_make(server->echo_key, &inbound->receipt.route.remote, server->now_ms, echo);
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}
