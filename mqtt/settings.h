/*
 * A private copy of the settings, so that callers may build theirs on the stack. Passwords are
 * wiped when it goes.
 */
#ifndef MQTT_SETTINGS_H
#define MQTT_SETTINGS_H

#include "mqtt/connection.h"

/* @return 0, -EINVAL, -ENOMEM; on failure `copy` is untouched */
[[nodiscard]] int mqtt_settings_copy(const struct mqtt_settings *settings,
                                     struct mqtt_settings **copy);

/* Accepts NULL and half-built copies. */
void mqtt_settings_free(struct mqtt_settings *copy);

#endif
