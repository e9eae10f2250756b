/*
 * Who may speak, decided for each datagram before anything else looks at it: so many a second from
 * one source, from one network, and from one device that is registered. Memory is fixed, nothing
 * is allocated, and a verdict costs the same however many sources there are.
 *
 * Strangers and registered devices are counted apart, so that no flood of strangers, not even from
 * a device's own network, takes anything from a device that is registered. What is beyond a limit
 * is met with silence: every answer would be one more datagram for whoever the source belongs to.
 */
#pragma once

#include "lwm2m/transport/route.h"

struct lwm2m_gate;

/** Datagrams a second; 0: no limit. */
struct lwm2m_gate_limits {
    uint32_t per_source; /* strangers: an IPv4 address, a /64 of IPv6 */
    uint32_t per_prefix; /* strangers: a /24 of IPv4, a /56 of IPv6 */
    uint32_t per_device; /* registered devices: an address with its port */
    uint32_t burst_ms;   /* who was quiet may send what comes to this much time at once */
    size_t tracked;      /* sources (and as many networks, and devices) that are told apart; beyond
                            that they share; rounded up to a power of two */
};

/** Datagrams that were not let in, since the start. */
struct lwm2m_gate_counters {
    uint64_t source;
    uint64_t prefix;
    uint64_t device;
};

/**
 * @param key  random: sources can be chosen
 * @return 0, -EINVAL (tracked is 0 or more than 2^24), -ENOMEM
 */
[[nodiscard]] int lwm2m_gate_new(const struct lwm2m_gate_limits *limits, const uint64_t key[2],
                                 uint64_t now_ms, struct lwm2m_gate **gate);
void lwm2m_gate_free(struct lwm2m_gate *gate);

/**
 * Whether a datagram is let in.
 *
 * @param known  a device is registered at, or a secured session belongs to, this address and port
 */
bool lwm2m_gate_admit(struct lwm2m_gate *gate, const struct transport_address *source, bool known,
                      uint64_t now_ms);

/** Valid as long as the gate. */
const struct lwm2m_gate_counters *lwm2m_gate_counters(const struct lwm2m_gate *gate);
