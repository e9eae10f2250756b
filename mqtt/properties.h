/*
 * MQTT 5 properties: between struct mqtt_message and paho's list, without copying.
 */
#ifndef MQTT_PROPERTIES_H
#define MQTT_PROPERTIES_H

#include <MQTTAsync.h>

#include "mqtt/message.h"

/* Room for all properties of one publish. Not to be moved: `list` points into it. */
struct mqtt_properties {
    MQTTProperty array[4 + MQTT_USER_PROPERTIES_MAX];
    MQTTProperties list;
};

/* Bytes that the properties of a message take in a PUBLISH at most. */
size_t mqtt_properties_room(const struct mqtt_message *message);

/* Borrows from the message; never free `list` with paho. */
void mqtt_properties_write(struct mqtt_properties *properties, const struct mqtt_message *message);

/* Fills the message's property members, borrowed from `list`; `users` keeps the user properties. */
void mqtt_properties_read(const MQTTProperties *list, struct mqtt_message *message,
                          struct mqtt_user_property users[static MQTT_USER_PROPERTIES_MAX]);

#endif
