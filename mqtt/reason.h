/*
 * What brokers and paho answer, in words for a log and as errno for the caller.
 */
#ifndef MQTT_REASON_H
#define MQTT_REASON_H

#include <stddef.h>

enum { MQTT_REASON_FAILURE = 0x80 /* reason codes from here on are failures (MQTT 5, 2.4) */ };

/* A reason code of MQTT 5, or of 3.1.1 when it is a return code of CONNACK (below 6). */
const char *mqtt_reason_text(int code);

/* The errno for a PUBACK or PUBCOMP with this reason code, see `published`; 0 below 0x80. */
int mqtt_reason_error(int code);

#endif
