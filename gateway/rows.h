/*
 * Registrations and observations as rows of the store, and back. Pure functions: what a file says
 * is checked here as far as its form goes, and by the server (lwm2m/durable.h) as to its meaning.
 */
#pragma once

#include "gateway/command.h"
#include "gateway/store/devices.h"
#include "gateway/store/observations.h"

#include "config/config.h"

#include "lwm2m/durable.h"

/* Bytes of a route in a row. */
#define ROWS_ROUTE_LEN 48

/**
 * A registration as a row, but for its id.
 *
 * @param route  memory that the row points to
 */
void rows_from_device(const struct lwm2m_durable_device *device,
                      const struct config_listeners *listeners, uint64_t wall_ms,
                      uint8_t route[ROWS_ROUTE_LEN], struct store_device *row);

/** A route alone; returns its length. */
size_t rows_from_route(const struct transport_route *route,
                       const struct config_listeners *listeners, uint8_t bytes[ROWS_ROUTE_LEN]);

/**
 * A row as a registration. The rest of its lifetime is that of the row, at most a whole one (clocks
 * are set back), and half a lifetime more: so late may the row be, see journal.h. Listeners may
 * have changed meanwhile: the device is looked for at the one with the same port, else at the one
 * in the same place, else at any of the same transport.
 *
 * @param[out] device  points into the row
 * @return 0, -EBADMSG (no route, or numbers out of range), -ENOENT (no listener has its transport)
 */
[[nodiscard]] int rows_to_device(const struct store_device *row,
                                 const struct config_listeners *listeners, uint64_t wall_ms,
                                 struct lwm2m_durable_device *device);

/**
 * An observation as a row, but for the id of its device.
 *
 * @param target  empty buffer that the row points to
 * @param echo    members that its notifications send back, terminated; may be empty
 * @return 0 or -ENOMEM
 */
[[nodiscard]] int rows_from_observation(const struct lwm2m_durable_observation *observation,
                                        const struct command_text *echo,
                                        struct lwm2m_buffer *target, struct store_observation *row);

/**
 * A row as an observation, but for its context.
 *
 * @param paths  cleared list that the observation points to
 * @return 0, -EBADMSG, -ENOMEM
 */
[[nodiscard]] int rows_to_observation(const struct store_observation *row,
                                      struct lwm2m_records *paths,
                                      struct lwm2m_durable_observation *observation);
