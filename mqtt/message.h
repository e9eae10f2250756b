/*
 * One MQTT message with the MQTT 5 properties that the gateway uses. A plain value: everything in
 * it is borrowed, in both directions. Whoever keeps one copies it with mqtt_message_copy, which
 * puts all of it into one buffer that can be used again for the next one.
 */
#ifndef MQTT_MESSAGE_H
#define MQTT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A received message keeps this many user properties; further ones are left out. */
enum { MQTT_USER_PROPERTIES_MAX = 8 };

/* Bytes with a length; `data` NULL means absent. Text in it is not NUL-terminated. */
struct mqtt_bytes {
    const char *data;
    size_t len; /* at most 65535 in a property */
};

struct mqtt_user_property {
    struct mqtt_bytes key;
    struct mqtt_bytes value;
};

struct mqtt_message {
    const char *topic; /* NUL-terminated */
    struct mqtt_bytes payload;
    uint8_t qos;
    bool retain;
    bool duplicate;     /* received only: the broker sent it before */
    uint16_t packet_id; /* received only; 0 with QoS 0 */
    bool has_expiry;    /* MQTT 5, 3.3.2.3.3 */
    uint32_t expiry_s;
    /* MQTT 5 only; left out when the connection speaks 3.1.1. */
    struct mqtt_bytes content_type;
    struct mqtt_bytes response_topic;
    struct mqtt_bytes correlation;
    const struct mqtt_user_property *user_properties;
    size_t user_property_count;
};

/**
 * Copies a message and all it points to.
 *
 * @param[in,out] buffer  malloc'd, may be NULL; grown when too small; owned by the caller
 * @param[in,out] size    of `buffer`
 * @param[out] to         points into `buffer`: valid until that is used again or freed
 * @return 0, -ENOMEM (then nothing changed)
 */
[[nodiscard]] int mqtt_message_copy(struct mqtt_message *to, const struct mqtt_message *from,
                                    char **buffer, size_t *size);

#endif
