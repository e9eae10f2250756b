/*
 * The encoding of a value that stands in a topic (an endpoint name, mostly): part of topic.c, apart
 * because it is about bytes and UTF-8, not about templates.
 */
#ifndef MQTT_TOPIC_VALUE_H
#define MQTT_TOPIC_VALUE_H

#include <stddef.h>
#include <stdint.h>

enum { TOPIC_ENCODED_MAX = 3 /* bytes for one byte: %2F */ };

/* A bounded buffer that remembers its first error; the caller terminates it. */
struct topic_writer {
    char *at;
    size_t size; /* without the NUL that the caller keeps free */
    size_t len;
    int err; /* 0 or -ENOSPC: from then on nothing is written */
};

void topic_put(struct topic_writer *out, const char *bytes, size_t len);

/* Appends a value, encoded as topic.h says. */
void topic_put_value(struct topic_writer *out, const char *value, size_t len);

/* Length of the multi-byte UTF-8 character at `at` that a topic may hold as it is, or 0. */
size_t topic_utf8_plain(const uint8_t *at, size_t left);

/* Takes the next decoded byte of [*at, end), which is not empty; -EBADMSG on broken encoding. */
[[nodiscard]] int topic_take_decoded(const char **at, const char *end);

#endif
