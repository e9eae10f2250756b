/*
 * The kinds of settings that are a list or a mapping. The members of an item are read by a
 * small table of their own, with the same kinds as the settings.
 */
#include "config/reader.h"

#include "config/address.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* How the items of a list are read: each is one scalar, or a mapping of fields. */
struct item_kind {
    size_t size; /* of an item */
    size_t min, max;
    const struct config_kind *scalar;
    const struct config_setting *fields; /* when scalar is NULL */
    size_t fields_count;
};

static void read_mapping_item(struct config_reader *reader, const struct item_kind *kind,
                              const struct config_tree_node *node, void *item)
{
    config_reader_mapping(reader, node, kind->fields, kind->fields_count, item);
    if (node->kind != CONFIG_TREE_MAPPING && !node->null) {
        return; /* reported */
    }
    for (size_t i = 0; i < kind->fields_count; i++) {
        const struct config_setting *field = &kind->fields[i];
        if (config_tree_member(node, field->name, strlen(field->name)) == NULL) {
            char allowed[CONFIG_ALLOWED_SIZE];
            field->kind->allowed(field, allowed, sizeof allowed);
            config_reader_report(reader, field, node, "is missing; allowed: %s", allowed);
        }
    }
}

/* The items of a list, the caller's; NULL and a count of 0 for none or after a report. */
static void *read_list(struct config_reader *reader, const struct config_setting *setting,
                       const struct config_tree_node *node, const struct item_kind *kind,
                       size_t *count)
{
    *count = 0;
    if (node->kind != CONFIG_TREE_LIST) {
        config_reader_refuse(reader, setting, node, NULL);
        return NULL;
    }
    for (const struct config_tree_node *item = node->head; item != NULL; item = item->next) {
        (*count)++;
    }
    if (*count < kind->min || *count > kind->max) {
        config_reader_report(reader, setting, node, "found %zu items; allowed: %zu to %zu", *count,
                             kind->min, kind->max);
        *count = 0;
    }
    if (*count == 0) {
        return NULL;
    }
    char *items = calloc(*count, kind->size);
    if (items == NULL) {
        reader->no_memory = true;
        *count = 0;
        return NULL;
    }
    const struct config_setting one = { .name = "", .kind = kind->scalar };
    char *at = items;
    int index = 0;
    for (const struct config_tree_node *item = node->head; item != NULL; item = item->next) {
        config_reader_enter(reader, setting, index++);
        if (kind->scalar != NULL) {
            config_reader_value(reader, &one, item, at);
        } else {
            read_mapping_item(reader, kind, item, at);
        }
        config_reader_leave(reader);
        at += kind->size;
    }
    return items;
}

/* ---- mqtt.broker ---- */

static int parse_broker(const struct config_setting *setting, const char *text, void *member)
{
    (void)setting;
    return config_address_broker(text, member);
}

static bool guess_broker(const struct config_setting *setting, const char *text, char *guess,
                         size_t size)
{
    struct config_broker broker;
    (void)setting;
    int len = snprintf(guess, size, "mqtt://%s", text);
    return len > 0 && (size_t)len < size && config_address_broker(guess, &broker) == 0;
}

static void allowed_broker(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size,
             "mqtt://host[:port] or mqtts://host[:port] (mqtt.username is a setting of its own), "
             "or a list of up to %d",
             CONFIG_BROKERS_MAX);
}

static const struct config_kind kind_broker = {
    .name = "URL", .parse = parse_broker, .guess = guess_broker, .allowed = allowed_broker
};

static void read_brokers(struct config_reader *reader, const struct config_setting *setting,
                         const struct config_tree_node *node, void *member)
{
    static const struct item_kind kind = { .size = sizeof(struct config_broker),
                                           .min = 1,
                                           .max = CONFIG_BROKERS_MAX,
                                           .scalar = &kind_broker };
    struct config_brokers *brokers = member;
    if (node->kind == CONFIG_TREE_SCALAR) {
        struct config_setting one = *setting;
        one.kind = &kind_broker;
        brokers->count = 1;
        config_reader_value(reader, &one, node, &brokers->items[0]);
        return;
    }
    struct config_broker *items = read_list(reader, setting, node, &kind, &brokers->count);
    if (items != NULL) {
        memcpy(brokers->items, items, brokers->count * sizeof *items);
    }
    free(items);
}

const struct config_kind config_kind_brokers = { .name = "URLs",
                                                 .read = read_brokers,
                                                 .allowed = allowed_broker };

/* ---- mqtt.topics.… ---- */

static const struct config_setting topic_fields[] = {
    { .name = "topic",
      .kind = &config_kind_text,
      .offset = CONFIG_MEMBER(struct config_topic, topic, char *),
      .max = UINT16_MAX },
    { .name = "qos",
      .kind = &config_kind_integer,
      .offset = CONFIG_MEMBER(struct config_topic, qos, uint32_t),
      .max = 2 },
};

static void read_topic(struct config_reader *reader, const struct config_setting *setting,
                       const struct config_tree_node *node, void *member)
{
    if (node->kind != CONFIG_TREE_MAPPING) {
        config_reader_refuse(reader, setting, node, NULL);
        return;
    }
    config_reader_enter(reader, setting, -1);
    config_reader_mapping(reader, node, topic_fields, LENGTH(topic_fields), member);
    config_reader_leave(reader);
}

static void clear_topic(void *member)
{
    struct config_topic *topic = member;
    config_kind_text.clear(&topic->topic);
}

static void allowed_topic(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "{topic: \"a/topic\", qos: 0 to 2}, each may be left out");
}

const struct config_kind config_kind_topic = {
    .name = "topic", .read = read_topic, .clear = clear_topic, .allowed = allowed_topic
};

/* ---- lwm2m.listeners ---- */

static int parse_bind(const struct config_setting *setting, const char *text, void *member)
{
    (void)setting;
    return config_address_bind(text, member);
}

static void allowed_bind(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "address:port, where the address is IPv4, [IPv6] or *");
}

const struct config_kind config_kind_bind = { .name = "address",
                                              .parse = parse_bind,
                                              .allowed = allowed_bind };

static const struct config_choice transports[] = { { "udp", CONFIG_TRANSPORT_UDP },
                                                   { "dtls", CONFIG_TRANSPORT_DTLS },
                                                   { NULL, 0 } };

static const struct config_setting listener_fields[] = {
    { .name = "transport",
      .kind = &config_kind_choice,
      .offset = CONFIG_MEMBER(struct config_listener, transport, enum config_transport),
      .choices = transports },
    { .name = "bind", .kind = &config_kind_bind, .offset = 0 /* fills two members */ },
};

static void read_listeners(struct config_reader *reader, const struct config_setting *setting,
                           const struct config_tree_node *node, void *member)
{
    static const struct item_kind kind = { .size = sizeof(struct config_listener),
                                           .min = 1,
                                           .max = CONFIG_LISTENERS_MAX,
                                           .fields = listener_fields,
                                           .fields_count = LENGTH(listener_fields) };
    struct config_listeners *listeners = member;
    struct config_listener *items = read_list(reader, setting, node, &kind, &listeners->count);
    if (items != NULL) {
        memcpy(listeners->items, items, listeners->count * sizeof *items);
    }
    free(items);
}

static void allowed_listeners(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "a list of up to %d {transport: udp, bind: \"[::]:5783\"}",
             CONFIG_LISTENERS_MAX);
}

const struct config_kind config_kind_listeners = { .name = "list",
                                                   .read = read_listeners,
                                                   .allowed = allowed_listeners };

/* ---- lwm2m.qmode_overrides ---- */

static const struct config_setting override_fields[] = {
    { .name = "endpoint",
      .kind = &config_kind_text,
      .offset = CONFIG_MEMBER(struct config_qmode_override, endpoint, char *),
      .min = 1,
      .max = 1024 },
    { .name = "time_window",
      .kind = &config_kind_duration,
      .offset = CONFIG_MEMBER(struct config_qmode_override, time_window_ms, uint64_t),
      .min = 100,
      .max = 24 * 60 * 60 * 1000 },
};

static void clear_overrides(void *member)
{
    struct config_qmode_overrides *overrides = member;
    for (size_t i = 0; i < overrides->count; i++) {
        config_kind_text.clear(&overrides->items[i].endpoint);
    }
    free(overrides->items);
    *overrides = (struct config_qmode_overrides){ 0 };
}

static void read_overrides(struct config_reader *reader, const struct config_setting *setting,
                           const struct config_tree_node *node, void *member)
{
    static const struct item_kind kind = { .size = sizeof(struct config_qmode_override),
                                           .max = CONFIG_OVERRIDES_MAX,
                                           .fields = override_fields,
                                           .fields_count = LENGTH(override_fields) };
    struct config_qmode_overrides *overrides = member;
    clear_overrides(overrides);
    overrides->items = read_list(reader, setting, node, &kind, &overrides->count);
}

static void allowed_overrides(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "a list of up to %d {endpoint: \"pattern*\", time_window: 10s}",
             CONFIG_OVERRIDES_MAX);
}

const struct config_kind config_kind_qmode_overrides = {
    .name = "list", .read = read_overrides, .clear = clear_overrides, .allowed = allowed_overrides
};

/* ---- lwm2m.auto_observe ---- */

static int parse_path(const struct config_setting *setting, const char *text, void *member)
{
    char path[CONFIG_VALUE_SIZE];
    (void)setting;
    int len = snprintf(path, sizeof path, "%s%s", text[0] == '/' ? "" : "/", text);
    if (len < 0 || (size_t)len >= sizeof path || !config_value_is_path(path)) {
        return -EBADMSG;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return -ENOMEM;
    }
    *(char **)member = copy;
    return 0;
}

static void allowed_path(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "a path such as /3, /3/0 or /3/0/9");
}

static const struct config_kind kind_path = { .name = "path",
                                              .parse = parse_path,
                                              .allowed = allowed_path };

static void clear_auto_observe(void *member)
{
    struct config_auto_observe *observe = member;
    for (size_t i = 0; i < observe->count; i++) {
        free(observe->paths[i]);
    }
    free(observe->paths);
    *observe = (struct config_auto_observe){ 0 };
}

static void allowed_auto_observe(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "true, false, or a list of up to %d paths", CONFIG_PATHS_MAX);
}

static int parse_observe_mode(const struct config_setting *setting, const char *text, void *member)
{
    bool all;
    int err = config_kind_boolean.parse(setting, text, &all);
    if (err == 0) {
        enum config_auto_observe_mode *mode = member;
        *mode = all ? CONFIG_AUTO_OBSERVE_ALL : CONFIG_AUTO_OBSERVE_OFF;
    }
    return err;
}

static bool guess_observe_mode(const struct config_setting *setting, const char *text, char *guess,
                               size_t size)
{
    if (config_value_is_path(text)) {
        snprintf(guess, size, "[%s]", text);
        return true;
    }
    return config_kind_boolean.guess(setting, text, guess, size);
}

static const struct config_kind kind_observe_mode = { .name = "boolean",
                                                      .parse = parse_observe_mode,
                                                      .guess = guess_observe_mode,
                                                      .allowed = allowed_auto_observe };

static void read_auto_observe(struct config_reader *reader, const struct config_setting *setting,
                              const struct config_tree_node *node, void *member)
{
    static const struct item_kind kind = { .size = sizeof(char *),
                                           .max = CONFIG_PATHS_MAX,
                                           .scalar = &kind_path };
    struct config_auto_observe *observe = member;
    clear_auto_observe(observe);
    if (node->kind == CONFIG_TREE_LIST) {
        observe->paths = read_list(reader, setting, node, &kind, &observe->count);
        observe->mode = observe->count > 0 ? CONFIG_AUTO_OBSERVE_PATHS : CONFIG_AUTO_OBSERVE_OFF;
        return;
    }
    struct config_setting one = *setting;
    one.kind = &kind_observe_mode;
    config_reader_value(reader, &one, node, &observe->mode);
}

const struct config_kind config_kind_auto_observe = { .name = "boolean or list",
                                                      .read = read_auto_observe,
                                                      .clear = clear_auto_observe,
                                                      .allowed = allowed_auto_observe };

/* ---- security.ciphersuites ---- */

static void clear_words(void *member)
{
    struct config_words *words = member;
    for (size_t i = 0; i < words->count; i++) {
        config_kind_text.clear(&words->items[i]);
    }
    free(words->items);
    *words = (struct config_words){ 0 };
}

static int parse_word(const struct config_setting *setting, const char *text, void *member)
{
    static const struct config_setting word = { .min = 1, .max = 100 };
    (void)setting;
    return config_kind_text.parse(&word, text, member);
}

static void allowed_words(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "a list of up to %d names", CONFIG_WORDS_MAX);
}

static const struct config_kind kind_word = { .name = "name",
                                              .parse = parse_word,
                                              .allowed = allowed_words };

static void read_words(struct config_reader *reader, const struct config_setting *setting,
                       const struct config_tree_node *node, void *member)
{
    static const struct item_kind kind = { .size = sizeof(char *),
                                           .max = CONFIG_WORDS_MAX,
                                           .scalar = &kind_word };
    struct config_words *words = member;
    clear_words(words);
    words->items = read_list(reader, setting, node, &kind, &words->count);
}

const struct config_kind config_kind_words = {
    .name = "list", .read = read_words, .clear = clear_words, .allowed = allowed_words
};
