/* Incoming topics against a command template that names the endpoint twice: what a broker hands
 * over. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mqtt/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mqtt_topic *topic = NULL;
    const char *reason = NULL;
    if (mqtt_topic_compile(MQTT_TOPIC_COMMAND, "m/a%e-b/", "dn/%e/#", NULL, &topic, &reason)) {
        abort();
    }
    char endpoint[64];
    char again[512];
    size_t len = 0;
    if (mqtt_topic_match(topic, (const char *)data, size, endpoint, sizeof(endpoint), &len) == 0) {
        struct mqtt_topic_values values = { .endpoint = endpoint, .endpoint_len = len };
        size_t written = 0;
        if (mqtt_topic_expand(topic, &values, again, sizeof(again), &written) ||
            mqtt_topic_match(topic, again, written, endpoint, sizeof(endpoint), &len)) {
            abort();
        }
    }
    mqtt_topic_free(topic);
    return 0;
}
