/*
 * The front door: lets datagrams in as lwm2m.limits say, and tells in the log what it kept out,
 * in one line a minute at most.
 */
#pragma once

#include "config/config.h"
#include "gateway/log.h"
#include "lwm2m/server.h"

struct door;

/**
 * @param config, log, server  must outlive the door
 * @param key  random: of the hash of addresses
 * @return 0, -ENOMEM
 */
[[nodiscard]] int door_new(const struct config *config, struct log *log,
                           const struct lwm2m_server *server, const uint64_t key[2],
                           uint64_t now_ms, struct door **door);
void door_free(struct door *door);

/**
 * Whether a datagram is let in.
 *
 * @param known  called with `ctx` unless nothing is limited: whether a device or a session is there
 */
bool door_admits(struct door *door, const struct transport_route *route,
                 bool (*known)(void *ctx, const struct transport_route *route), void *ctx,
                 uint64_t now_ms);

/** Writes what was kept out, if it is time. */
void door_run(struct door *door, uint64_t now_ms);

/** When door_run() is due; UINT64_MAX when nothing was kept out since the last line. */
uint64_t door_next_ms(const struct door *door);

/** Writes what was not yet written. */
void door_close(struct door *door, uint64_t now_ms);
