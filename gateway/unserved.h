/*
 * Registrations that stay in the store although this configuration cannot serve them (a transport
 * without a listener, max_devices): where each has its row, by endpoint. One of them that registers
 * all the same has its row again, so that no endpoint ever has two.
 */
#pragma once

#include "lwm2m/hash/table.h"

#include <stdint.h>

struct unserved {
    uint64_t hash_key[2]; /* random: devices choose their names */
    struct lwm2m_table table;
};

void unserved_init(struct unserved *unserved, const uint64_t hash_key[2]);

/** Forgets and frees all of them. */
void unserved_clear(struct unserved *unserved);

/** Notes a row; of one endpoint, the last counts. @return 0 or -ENOMEM */
[[nodiscard]] int unserved_add(struct unserved *unserved, const char *endpoint, uint64_t row);

/** The row of an endpoint, which is forgotten by that; 0 when there is none. */
uint64_t unserved_take(struct unserved *unserved, const char *endpoint);
