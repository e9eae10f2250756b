/*
 * Topic templates: `<mountpoint><topic>` with placeholders, compiled once, expanded for every
 * publish by a few memcpy and matched against every incoming topic. Pure functions, no MQTT
 * library.
 *
 * Placeholders: ${endpoint_name} (also %e), ${peerhost} (uplink only), ${client_id}. A value that
 * stands in a topic is percent-encoded (upper-case hex) where it holds `+ # / %`, a control
 * character, or bytes that a broker answers with a disconnect (not UTF-8, non-characters), and a
 * `$` at the very start of a topic, where brokers keep their own. So a hostile endpoint name can
 * neither leave its level nor cost the gateway its connection, and `match` gets it back verbatim.
 */
#ifndef MQTT_TOPIC_H
#define MQTT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

/* Longest topic that MQTT can carry (MQTT 5, 1.5.4), without a terminating NUL. */
enum { MQTT_TOPIC_MAX = 65535 };

enum mqtt_topic_use {
    MQTT_TOPIC_UPLINK,  /* published to: no wildcards */
    MQTT_TOPIC_COMMAND, /* subscribed: must name the endpoint, may end in a level `#` */
};

struct mqtt_topic;

/* What the placeholders stand for in one message; NULL counts as empty. Not NUL-terminated. */
struct mqtt_topic_values {
    const char *endpoint;
    size_t endpoint_len;
    const char *peerhost;
    size_t peerhost_len;
};

/**
 * Compiles a template. No slash is put between mountpoint and topic; either may be "".
 *
 * @param client_id    put in place of ${client_id} at once; may be NULL
 * @param[out] topic   free with mqtt_topic_free; untouched on failure
 * @param[out] reason  on -EINVAL a static English text for the person who wrote the template
 * @return 0, -EINVAL, -ENOMEM
 */
[[nodiscard]] int mqtt_topic_compile(enum mqtt_topic_use use, const char *mountpoint,
                                     const char *text, const char *client_id,
                                     struct mqtt_topic **topic, const char **reason);

/* Accepts NULL. */
void mqtt_topic_free(struct mqtt_topic *topic);

/**
 * Writes the topic of one message, NUL-terminated.
 *
 * @param[out] len  length without the NUL; may be NULL
 * @return 0, -ENOSPC (buffer too small, or longer than MQTT_TOPIC_MAX)
 */
[[nodiscard]] int mqtt_topic_expand(const struct mqtt_topic *topic,
                                    const struct mqtt_topic_values *values, char *buffer,
                                    size_t size, size_t *len);

/* Room that `expand` never exceeds for values of these lengths, with the NUL. */
size_t mqtt_topic_room(const struct mqtt_topic *topic, size_t endpoint_len, size_t peerhost_len);

/* The subscription filter of a command template: `+` for each level that names the endpoint. */
const char *mqtt_topic_filter(const struct mqtt_topic *topic);

/**
 * Is `name` a topic of this command template, and for which endpoint?
 *
 * @param[out] endpoint      decoded, NUL-terminated; undefined on failure
 * @param[out] endpoint_len  without the NUL
 * @return 0, -ENOENT (another topic, an empty endpoint, or two endpoints that differ),
 *         -EBADMSG (broken percent-encoding, or a NUL in any form), -ENOSPC (buffer too small)
 */
[[nodiscard]] int mqtt_topic_match(const struct mqtt_topic *topic, const char *name, size_t len,
                                   char *endpoint, size_t size, size_t *endpoint_len);

/* Does MQTT carry this text as it is? UTF-8 without the code points that let a broker close the
 * connection (MQTT 5, 1.5.4): control characters and non-characters. */
bool mqtt_text_is_clean(const char *text, size_t len);

/* May this topic be published to without a broker taking offence? Not empty, no wildcard, no
 * control character, UTF-8, not too long. For topics that come from outside, such as a Response
 * Topic. */
bool mqtt_topic_is_name(const char *name, size_t len);

#endif
