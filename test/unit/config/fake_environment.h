/*
 * Surroundings of a configuration that exist only in the tests: a few variables, and files
 * whose names tell what they are.
 */
#ifndef LWM2MQTT_TEST_FAKE_ENVIRONMENT_H
#define LWM2MQTT_TEST_FAKE_ENVIRONMENT_H

#include "config/config.h"

/**
 * Variables: MQTT_PASSWORD=hunter2, HOST=broker.example, EMPTY=, KEEPALIVE=45s, BAD=hunter3,
 * LATIN1 (one byte that is no UTF-8). Files and directories: all but those whose name holds
 * "missing"; the first line of "empty" is empty, of "long" too long, of others "from-file".
 */
extern const struct config_environment fake_environment;

#endif
