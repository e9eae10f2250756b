/* Reason codes that a client gets to see: MQTT 5, 2.4; MQTT 3.1.1, table 3.1. */
#include "mqtt/reason.h"

#include <errno.h>

static const struct {
    int code;
    const char *text;
    int error; /* for a publish; 0: -EREMOTEIO */
} reasons[] = {
    { 0x01, "protocol version not supported", 0 },
    { 0x02, "client identifier rejected", 0 },
    { 0x03, "server unavailable", 0 },
    { 0x04, "bad user name or password", 0 },
    { 0x05, "not authorized", 0 },
    { 0x80, "unspecified error", 0 },
    { 0x81, "malformed packet", 0 },
    { 0x82, "protocol error", 0 },
    { 0x83, "implementation specific error", 0 },
    { 0x84, "protocol version not supported", 0 },
    { 0x85, "client identifier not valid", 0 },
    { 0x86, "bad user name or password", 0 },
    { 0x87, "not authorized", -EACCES },
    { 0x88, "server unavailable", 0 },
    { 0x89, "server busy", 0 },
    { 0x8a, "banned", 0 },
    { 0x8b, "server shutting down", 0 },
    { 0x8c, "bad authentication method", 0 },
    { 0x8d, "keep alive timeout", 0 },
    { 0x8e, "session taken over by another client with the same client identifier", 0 },
    { 0x8f, "topic filter invalid", 0 },
    { 0x90, "topic name invalid", -EINVAL },
    { 0x91, "packet identifier in use", 0 },
    { 0x93, "receive maximum exceeded", 0 },
    { 0x95, "packet too large", -EMSGSIZE },
    { 0x96, "message rate too high", 0 },
    { 0x97, "quota exceeded", -EDQUOT },
    { 0x98, "administrative action", 0 },
    { 0x99, "payload format invalid", -EINVAL },
    { 0x9a, "retain not supported", 0 },
    { 0x9b, "QoS not supported", 0 },
    { 0x9c, "use another server", 0 },
    { 0x9d, "server moved", 0 },
    { 0x9e, "shared subscriptions not supported", 0 },
    { 0x9f, "connection rate exceeded", 0 },
    { 0xa0, "maximum connect time", 0 },
    { 0xa2, "wildcard subscriptions not supported", 0 },
};

const char *mqtt_reason_text(int code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == code) {
            return reasons[i].text;
        }
    }
    return "unknown reason";
}

int mqtt_reason_error(int code)
{
    if (code < MQTT_REASON_FAILURE) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == code && reasons[i].error) {
            return reasons[i].error;
        }
    }
    return -EREMOTEIO;
}
