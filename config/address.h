/*
 * Network addresses as the configuration writes them: URLs of brokers, addresses of sockets.
 * Only their syntax: no name is looked up.
 */
#ifndef LWM2MQTT_CONFIG_ADDRESS_H
#define LWM2MQTT_CONFIG_ADDRESS_H

#include "config/config.h"

/** "mqtt://host[:port]", also mqtts:// ssl:// tcp://. @return 0, -EBADMSG */
[[nodiscard]] int config_address_broker(const char *text, struct config_broker *broker);

/** "192.0.2.1:5783", "[::]:5783", "*:5783"; fills host and port. @return 0, -EBADMSG */
[[nodiscard]] int config_address_bind(const char *text, struct config_listener *listener);

#endif
