/*
 * A compiled template is a list of parts: literals and placeholders. Expansion appends them one
 * after the other; matching walks them along the incoming topic. An encoded endpoint holds no
 * slash, so it ends at the next slash or at the literal that closes its level.
 */
#include "mqtt/topic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/topic_value.h"

enum { PARTS_MAX = 12 };

enum part_kind { PART_LITERAL, PART_ENDPOINT, PART_PEERHOST, PART_CLIENT_ID };

struct part {
    enum part_kind kind;
    size_t start; /* literals: their place in `text` */
    size_t len;
};

struct mqtt_topic {
    struct part parts[PARTS_MAX];
    size_t count;
    size_t literal_len; /* sum over the literals */
    size_t endpoints;   /* how often the endpoint is named */
    size_t peerhosts;
    bool any_tail; /* ends in `#`, which is no part */
    char *text;    /* mountpoint + topic, client id already in place */
    char *filter;  /* NULL for uplink topics */
};

static const struct {
    const char *name;
    enum part_kind kind;
} placeholders[] = {
    { "${endpoint_name}", PART_ENDPOINT },
    { "%e", PART_ENDPOINT },
    { "${peerhost}", PART_PEERHOST },
    { "${client_id}", PART_CLIENT_ID },
};

/* The placeholder that starts at `at`, or -1; `length` gets its length. */
static int placeholder_at(const char *at, size_t *length)
{
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++) {
        *length = strlen(placeholders[i].name);
        if (strncmp(at, placeholders[i].name, *length) == 0) {
            return (int)placeholders[i].kind;
        }
    }
    return -1;
}

/* Joins mountpoint and topic into `topic->text`, the client id in its place. */
static int join(struct mqtt_topic *topic, const char *mountpoint, const char *text,
                const char *client_id)
{
    size_t id_len = client_id ? strlen(client_id) : 0;
    size_t plain_len = strlen(mountpoint) + strlen(text);
    size_t size = plain_len + 1;
    char *plain = malloc(plain_len + 1);
    if (plain == NULL) {
        return -ENOMEM;
    }
    memcpy(plain, mountpoint, strlen(mountpoint));
    memcpy(plain + strlen(mountpoint), text, strlen(text) + 1);
    size_t length;
    for (const char *at = plain; *at; at++) {
        if (placeholder_at(at, &length) == PART_CLIENT_ID) {
            size += id_len * TOPIC_ENCODED_MAX;
        }
    }
    topic->text = malloc(size);
    if (topic->text == NULL) {
        free(plain);
        return -ENOMEM;
    }
    struct topic_writer out = { .at = topic->text, .size = size - 1 };
    for (const char *at = plain; *at;) {
        if (placeholder_at(at, &length) == PART_CLIENT_ID) {
            topic_put_value(&out, client_id, id_len);
            at += length;
        } else {
            topic_put(&out, at, 1);
            at++;
        }
    }
    topic->text[out.len] = '\0';
    free(plain);
    return 0;
}

static bool add_part(struct mqtt_topic *topic, enum part_kind kind, size_t start, size_t len)
{
    if (kind == PART_LITERAL && len == 0) {
        return true;
    }
    if (topic->count == PARTS_MAX) {
        return false;
    }
    topic->parts[topic->count++] = (struct part){ .kind = kind, .start = start, .len = len };
    topic->literal_len += kind == PART_LITERAL ? len : 0;
    topic->endpoints += kind == PART_ENDPOINT;
    topic->peerhosts += kind == PART_PEERHOST;
    return true;
}

/* Cuts `topic->text` into parts. Returns what is wrong with it, or NULL. */
static const char *cut(struct mqtt_topic *topic)
{
    size_t run = 0;
    size_t i = 0;
    while (topic->text[i]) {
        size_t length;
        int kind = placeholder_at(topic->text + i, &length);
        if (kind < 0 && strncmp(topic->text + i, "${", 2) == 0) {
            return "unknown placeholder; known are ${endpoint_name} (or %e), ${peerhost}, "
                   "${client_id}";
        }
        if (kind < 0) {
            i++;
            continue;
        }
        if (!add_part(topic, PART_LITERAL, run, i - run) ||
            !add_part(topic, (enum part_kind)kind, i, length)) {
            return "too many placeholders";
        }
        run = i += length;
    }
    return add_part(topic, PART_LITERAL, run, i - run) ? NULL : "too many placeholders";
}

/* Writes the filter: a level that names the endpoint is `+`, all else stands as it is. */
static void write_filter(struct mqtt_topic *topic)
{
    struct topic_writer out = { .at = topic->filter, .size = strlen(topic->text) };
    size_t level = 0; /* where the current level starts in the filter */
    bool named = false;
    for (size_t i = 0; i < topic->count; i++) {
        const struct part *part = &topic->parts[i];
        if (part->kind == PART_ENDPOINT) {
            out.len = level;
            topic_put(&out, "+", 1);
            named = true;
            continue;
        }
        for (size_t at = part->start; at < part->start + part->len; at++) {
            if (topic->text[at] == '/') {
                topic_put(&out, "/", 1);
                level = out.len;
                named = false;
            } else if (!named) {
                topic_put(&out, topic->text + at, 1);
            }
        }
    }
    topic->filter[out.len] = '\0';
}

/* True when two placeholders share a level: where one value ends would be a guess. */
static bool shares_level(const struct mqtt_topic *topic)
{
    bool named = false;
    for (size_t i = 0; i < topic->count; i++) {
        const struct part *part = &topic->parts[i];
        if (part->kind == PART_LITERAL) {
            named = named && memchr(topic->text + part->start, '/', part->len) == NULL;
        } else if (named) {
            return true;
        } else {
            named = true;
        }
    }
    return false;
}

static const char *check_command(struct mqtt_topic *topic)
{
    if (topic->endpoints == 0) {
        return "names no endpoint: every command would go to every device";
    }
    for (size_t i = 0; i < topic->count; i++) {
        if (topic->parts[i].kind == PART_PEERHOST) {
            return "${peerhost} is for uplink topics only";
        }
    }
    if (shares_level(topic)) {
        return "two placeholders in one level";
    }
    size_t len = strlen(topic->text);
    const char *wildcard = strpbrk(topic->text, "+#");
    if (wildcard == NULL) {
        return NULL;
    }
    if (wildcard != topic->text + len - 1 || *wildcard != '#' || len < 2 || wildcard[-1] != '/') {
        return "the only wildcard allowed is # as the last level";
    }
    return NULL;
}

/* Takes the `#` off the last literal, so that matching sees `…/` and then anything. */
static void cut_tail(struct mqtt_topic *topic)
{
    size_t len = strlen(topic->text);
    topic->any_tail = len > 0 && topic->text[len - 1] == '#';
    if (topic->any_tail) {
        topic->parts[topic->count - 1].len--;
        topic->literal_len--;
    }
}

bool mqtt_text_is_clean(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t i = 0; i < len; i++) {
        size_t more = bytes[i] < 0x80 ? 1 : topic_utf8_plain(bytes + i, len - i);
        if (more == 0 || bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return false;
        }
        i += more - 1;
    }
    return true;
}

bool mqtt_topic_is_name(const char *name, size_t len)
{
    static const char shared[] = "$share/"; /* of subscriptions only (MQTT 5, 4.8.2) */
    bool is_shared = len >= sizeof(shared) - 1 && memcmp(name, shared, sizeof(shared) - 1) == 0;
    return len > 0 && len <= MQTT_TOPIC_MAX && !is_shared && memchr(name, '+', len) == NULL &&
           memchr(name, '#', len) == NULL && mqtt_text_is_clean(name, len);
}

static const char *check(struct mqtt_topic *topic, enum mqtt_topic_use use)
{
    const char *wrong = cut(topic);
    if (wrong) {
        return wrong;
    }
    size_t len = strlen(topic->text);
    if (len == 0) {
        return "empty topic";
    }
    if (len > MQTT_TOPIC_MAX) {
        return "longer than 65535 bytes";
    }
    if (!mqtt_text_is_clean(topic->text, len)) {
        return "holds a control character or is not UTF-8";
    }
    if (use == MQTT_TOPIC_COMMAND) {
        return check_command(topic);
    }
    return strpbrk(topic->text, "+#") ? "a wildcard in a topic that is published to" : NULL;
}

int mqtt_topic_compile(enum mqtt_topic_use use, const char *mountpoint, const char *text,
                       const char *client_id, struct mqtt_topic **topic, const char **reason)
{
    struct mqtt_topic *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    int err = join(made, mountpoint, text, client_id);
    const char *wrong = err ? NULL : check(made, use);
    if (wrong) {
        *reason = wrong;
        err = -EINVAL;
    }
    if (!err && use == MQTT_TOPIC_COMMAND) {
        made->filter = malloc(strlen(made->text) + 1);
        if (made->filter == NULL) {
            err = -ENOMEM;
        } else {
            write_filter(made);
            cut_tail(made);
        }
    }
    if (err) {
        mqtt_topic_free(made);
        return err;
    }
    *topic = made;
    return 0;
}

void mqtt_topic_free(struct mqtt_topic *topic)
{
    if (topic == NULL) {
        return;
    }
    free(topic->text);
    free(topic->filter);
    free(topic);
}

int mqtt_topic_expand(const struct mqtt_topic *topic, const struct mqtt_topic_values *values,
                      char *buffer, size_t size, size_t *len)
{
    if (size == 0) {
        return -ENOSPC;
    }
    struct topic_writer out = { .at = buffer, .size = size - 1 };
    for (size_t i = 0; i < topic->count; i++) {
        const struct part *part = &topic->parts[i];
        if (part->kind == PART_LITERAL) {
            topic_put(&out, topic->text + part->start, part->len);
        } else if (part->kind == PART_ENDPOINT) {
            topic_put_value(&out, values->endpoint, values->endpoint ? values->endpoint_len : 0);
        } else {
            topic_put_value(&out, values->peerhost, values->peerhost ? values->peerhost_len : 0);
        }
    }
    if (out.err || out.len > MQTT_TOPIC_MAX) {
        return -ENOSPC;
    }
    buffer[out.len] = '\0';
    if (len) {
        *len = out.len;
    }
    return 0;
}

size_t mqtt_topic_room(const struct mqtt_topic *topic, size_t endpoint_len, size_t peerhost_len)
{
    size_t values = topic->endpoints * endpoint_len + topic->peerhosts * peerhost_len;
    return topic->literal_len + values * TOPIC_ENCODED_MAX + 1;
}

const char *mqtt_topic_filter(const struct mqtt_topic *topic)
{
    return topic->filter;
}

/* Decodes the endpoint, or compares it when it was already found earlier in the topic. */
static int read_endpoint(const char *from, const char *end, bool again, struct topic_writer *out)
{
    size_t at = 0;
    while (from < end) {
        int byte = topic_take_decoded(&from, end);
        if (byte < 0) {
            return byte;
        }
        if (again && (at >= out->len || out->at[at] != (char)byte)) {
            return -ENOENT;
        }
        if (!again) {
            topic_put(out, &(char){ (char)byte }, 1);
        }
        at++;
    }
    return out->err ? out->err : at == out->len && at > 0 ? 0 : -ENOENT;
}

/* Where the endpoint at `from` ends: before the rest of its level, which must be `literal`. */
static const char *endpoint_end(const struct mqtt_topic *topic, size_t next, const char *from,
                                const char *end)
{
    const char *slash = memchr(from, '/', (size_t)(end - from));
    const char *level_end = slash ? slash : end;
    if (next == topic->count) {
        return level_end;
    }
    const struct part *part = &topic->parts[next];
    const char *literal = topic->text + part->start;
    const char *literal_slash = memchr(literal, '/', part->len);
    size_t suffix = literal_slash ? (size_t)(literal_slash - literal) : part->len;
    return suffix <= (size_t)(level_end - from) ? level_end - suffix : level_end;
}

int mqtt_topic_match(const struct mqtt_topic *topic, const char *name, size_t len, char *endpoint,
                     size_t size, size_t *endpoint_len)
{
    if (size == 0) {
        return -ENOSPC;
    }
    struct topic_writer out = { .at = endpoint, .size = size - 1 };
    const char *at = name;
    const char *end = name + len;
    for (size_t i = 0; i < topic->count; i++) {
        const struct part *part = &topic->parts[i];
        if (part->kind == PART_LITERAL) {
            size_t left = (size_t)(end - at);
            bool last = i + 1 == topic->count;
            size_t want = part->len;
            if (last && topic->any_tail && left == want - 1) {
                want--; /* `dn/#` matches `dn` (MQTT 5, 4.7.1.2) */
            }
            if (left < want || memcmp(at, topic->text + part->start, want) != 0) {
                return -ENOENT;
            }
            at += want;
            continue;
        }
        const char *value_end = endpoint_end(topic, i + 1, at, end);
        int err = read_endpoint(at, value_end, out.len > 0, &out);
        if (err) {
            return err;
        }
        at = value_end;
    }
    if (at != end && !topic->any_tail) {
        return -ENOENT;
    }
    endpoint[out.len] = '\0';
    *endpoint_len = out.len;
    return 0;
}
