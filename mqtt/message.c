/* Copies of messages: one buffer holds the user properties first (they need alignment), then text.
 */
#include "mqtt/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t room_for(const struct mqtt_message *message)
{
    size_t room = message->user_property_count * sizeof(struct mqtt_user_property) +
                  strlen(message->topic) + 1 + message->payload.len + message->content_type.len +
                  message->response_topic.len + message->correlation.len;
    for (size_t i = 0; i < message->user_property_count; i++) {
        room += message->user_properties[i].key.len + message->user_properties[i].value.len;
    }
    return room;
}

static struct mqtt_bytes copy_bytes(char **at, struct mqtt_bytes from)
{
    struct mqtt_bytes to = { .data = from.data ? *at : NULL, .len = from.len };
    if (from.len > 0) {
        memcpy(*at, from.data, from.len);
        *at += from.len;
    }
    return to;
}

int mqtt_message_copy(struct mqtt_message *to, const struct mqtt_message *from, char **buffer,
                      size_t *size)
{
    size_t room = room_for(from);
    if (room > *size) {
        char *grown = malloc(room); /* not realloc: the old content is of no use */
        if (grown == NULL) {
            return -ENOMEM;
        }
        free(*buffer);
        *buffer = grown;
        *size = room;
    }
    struct mqtt_user_property *properties = (void *)*buffer;
    char *at = *buffer + from->user_property_count * sizeof(*properties);
    *to = *from;
    to->user_properties = properties;
    for (size_t i = 0; i < from->user_property_count; i++) {
        properties[i].key = copy_bytes(&at, from->user_properties[i].key);
        properties[i].value = copy_bytes(&at, from->user_properties[i].value);
    }
    to->payload = copy_bytes(&at, from->payload);
    to->content_type = copy_bytes(&at, from->content_type);
    to->response_topic = copy_bytes(&at, from->response_topic);
    to->correlation = copy_bytes(&at, from->correlation);
    to->topic = at;
    memcpy(at, from->topic, strlen(from->topic) + 1);
    return 0;
}
