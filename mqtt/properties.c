/* The properties of a PUBLISH (MQTT 5, 3.3.2.3) that the gateway uses. */
#include "mqtt/properties.h"

#include <string.h>

enum { ROOM_PER_PROPERTY = 5 /* identifier and up to two lengths */, ROOM_EXPIRY = 5 };

/* Paho's types lack the const that its code honours. */
static MQTTLenString lent(struct mqtt_bytes bytes)
{
    return (MQTTLenString){ .len = (int)bytes.len, .data = (char *)(uintptr_t)bytes.data };
}

static struct mqtt_bytes borrowed(MQTTLenString string)
{
    return (struct mqtt_bytes){ .data = string.data, .len = (size_t)string.len };
}

static const struct {
    enum MQTTPropertyCodes code;
    size_t member;
} byte_properties[] = {
    { MQTTPROPERTY_CODE_CONTENT_TYPE, offsetof(struct mqtt_message, content_type) },
    { MQTTPROPERTY_CODE_RESPONSE_TOPIC, offsetof(struct mqtt_message, response_topic) },
    { MQTTPROPERTY_CODE_CORRELATION_DATA, offsetof(struct mqtt_message, correlation) },
};
enum { BYTE_PROPERTIES = sizeof(byte_properties) / sizeof(byte_properties[0]) };

static struct mqtt_bytes get(const struct mqtt_message *message, size_t i)
{
    struct mqtt_bytes bytes;
    memcpy(&bytes, (const char *)message + byte_properties[i].member, sizeof(bytes));
    return bytes;
}

size_t mqtt_properties_room(const struct mqtt_message *message)
{
    size_t room = ROOM_EXPIRY;
    for (size_t i = 0; i < BYTE_PROPERTIES; i++) {
        room += ROOM_PER_PROPERTY + get(message, i).len;
    }
    for (size_t i = 0; i < message->user_property_count; i++) {
        room += ROOM_PER_PROPERTY + message->user_properties[i].key.len +
                message->user_properties[i].value.len;
    }
    return room;
}

void mqtt_properties_write(struct mqtt_properties *properties, const struct mqtt_message *message)
{
    MQTTProperty *next = properties->array;
    for (size_t i = 0; i < BYTE_PROPERTIES; i++) {
        struct mqtt_bytes bytes = get(message, i);
        if (bytes.data) {
            *next = (MQTTProperty){ .identifier = byte_properties[i].code };
            next->value.data = lent(bytes);
            next++;
        }
    }
    if (message->has_expiry) {
        *next = (MQTTProperty){ .identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL };
        next->value.integer4 = message->expiry_s;
        next++;
    }
    for (size_t i = 0; i < message->user_property_count; i++) {
        *next = (MQTTProperty){ .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };
        next->value.data = lent(message->user_properties[i].key);
        next->value.value = lent(message->user_properties[i].value);
        next++;
    }
    int count = (int)(next - properties->array);
    properties->list = (MQTTProperties){ .count = count,
                                         .max_count = count,
                                         .length = (int)mqtt_properties_room(message),
                                         .array = count ? properties->array : NULL };
}

static void read_one(const MQTTProperty *property, struct mqtt_message *message,
                     struct mqtt_user_property *users)
{
    for (size_t i = 0; i < BYTE_PROPERTIES; i++) {
        if (property->identifier == byte_properties[i].code) {
            struct mqtt_bytes bytes = borrowed(property->value.data);
            memcpy((char *)message + byte_properties[i].member, &bytes, sizeof(bytes));
            return;
        }
    }
    if (property->identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL) {
        message->has_expiry = true;
        message->expiry_s = property->value.integer4;
    } else if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY &&
               message->user_property_count < MQTT_USER_PROPERTIES_MAX) {
        users[message->user_property_count++] =
            (struct mqtt_user_property){ .key = borrowed(property->value.data),
                                         .value = borrowed(property->value.value) };
    }
}

void mqtt_properties_read(const MQTTProperties *list, struct mqtt_message *message,
                          struct mqtt_user_property users[static MQTT_USER_PROPERTIES_MAX])
{
    message->user_properties = users;
    for (int i = 0; i < list->count; i++) {
        read_one(&list->array[i], message, users);
    }
}
