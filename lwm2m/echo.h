/*
 * Whether a device is where its datagrams say (RFC 9175, 2): it is given a value that only who
 * receives at that address can send back. The server remembers nothing for it; the value is a
 * keyed hash of the address and of the time, so that a flood of borrowed addresses costs no memory.
 */
#pragma once

#include "lwm2m/transport/route.h"

#define LWM2M_ECHO_LEN 8 /* bytes of the Echo option */

/** The value for an address, good for one to two minutes. `key` is random and the server's own. */
void lwm2m_echo_make(const uint64_t key[2], const struct transport_address *address,
                     uint64_t now_ms, uint8_t value[LWM2M_ECHO_LEN]);

/** Whether a value was made for this address a short while ago. */
bool lwm2m_echo_is_fresh(const uint64_t key[2], const struct transport_address *address,
                         uint64_t now_ms, const uint8_t *value, size_t len);
