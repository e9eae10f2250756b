/*
 * The broker as the configuration describes it: the settings of the MQTT connection, and the form
 * in which a message of the backlog is published.
 */
#pragma once

#include "gateway/backlog.h"

#include "config/config.h"
#include "mqtt/connection.h"

/** How many publishes the connection holds at the most: `mqtt.max_inflight`, as far as there are
 *  packet identifiers for them. */
uint32_t broker_max_inflight(const struct config *config);

/**
 * Starts the connection that a configuration asks for.
 *
 * @param filter       subscribed, with the QoS of the command topic
 * @param[out] reason  on -EINVAL what is wrong; static
 * @return 0, -EINVAL, -ENOMEM, -EAGAIN
 */
[[nodiscard]] int broker_connect(const struct config *config, const char *filter,
                                 uint64_t jitter_seed, const struct mqtt_callbacks *callbacks,
                                 struct mqtt_connection **connection, const char **reason);

/** Publishes a message of the backlog. @return as backlog_settings.publish asks */
[[nodiscard]] int broker_publish(struct mqtt_connection *connection,
                                 const struct backlog_message *message, uint64_t id);
