/* Checks and copies settings. Texts are found by a table, lists are copied one by one. */
#include "mqtt/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNCONFIRMED_MAX = 60000, /* MQTT has 65535 packet identifiers, and subscribing needs some */
    CONNECT_TIMEOUT_MIN_MS = 2000,
};

static const size_t texts[] = {
    offsetof(struct mqtt_settings, client_id),      offsetof(struct mqtt_settings, username),
    offsetof(struct mqtt_settings, password),       offsetof(struct mqtt_settings, tls.ca_file),
    offsetof(struct mqtt_settings, tls.cert_file),  offsetof(struct mqtt_settings, tls.key_file),
    offsetof(struct mqtt_settings, status.topic),   offsetof(struct mqtt_settings, status.online),
    offsetof(struct mqtt_settings, status.offline),
};

static const char **text_at(struct mqtt_settings *settings, size_t i)
{
    return (const char **)(void *)((char *)settings + texts[i]);
}

/* Frees a text that is ours although its type says const, and leaves nothing of it in memory. */
static void wipe(const char *text)
{
    if (text) {
        char *own = (char *)(uintptr_t)text;
        explicit_bzero(own, strlen(own));
        free(own);
    }
}

static bool is_broker(const char *uri)
{
    static const char *const schemes[] = { "mqtt://", "mqtts://", "tcp://",
                                           "ssl://",  "ws://",    "wss://" };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (strncmp(uri, schemes[i], len) == 0) {
            return uri[len] != '\0';
        }
    }
    return false;
}

static bool is_valid(const struct mqtt_settings *settings)
{
    if (settings->broker_count == 0 || settings->client_id == NULL ||
        (settings->version != 4 && settings->version != 5) || settings->max_inbox == 0 ||
        settings->max_unconfirmed == 0 || settings->max_unconfirmed > UNCONFIRMED_MAX ||
        settings->reconnect_min_ms == 0 || settings->connect_timeout_ms < CONNECT_TIMEOUT_MIN_MS ||
        settings->reconnect_max_ms < settings->reconnect_min_ms) {
        return false;
    }
    for (size_t i = 0; i < settings->broker_count; i++) {
        if (!is_broker(settings->brokers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < settings->subscription_count; i++) {
        if (settings->subscriptions[i].filter[0] == '\0' || settings->subscriptions[i].qos > 2) {
            return false;
        }
    }
    return settings->status.topic == NULL ||
           (settings->status.topic[0] && settings->status.online && settings->status.offline &&
            settings->status.qos <= 2);
}

static int copy_brokers(const struct mqtt_settings *settings, struct mqtt_settings *copy)
{
    const char **brokers = calloc(settings->broker_count, sizeof(*brokers));
    if (brokers == NULL) {
        return -ENOMEM;
    }
    copy->brokers = brokers;
    for (size_t i = 0; i < settings->broker_count; i++) {
        brokers[i] = strdup(settings->brokers[i]);
        if (brokers[i] == NULL) {
            return -ENOMEM;
        }
        copy->broker_count = i + 1;
    }
    return 0;
}

static int copy_subscriptions(const struct mqtt_settings *settings, struct mqtt_settings *copy)
{
    if (settings->subscription_count == 0) {
        return 0;
    }
    struct mqtt_subscription *list = calloc(settings->subscription_count, sizeof(*list));
    if (list == NULL) {
        return -ENOMEM;
    }
    copy->subscriptions = list;
    for (size_t i = 0; i < settings->subscription_count; i++) {
        list[i].qos = settings->subscriptions[i].qos;
        list[i].filter = strdup(settings->subscriptions[i].filter);
        if (list[i].filter == NULL) {
            return -ENOMEM;
        }
        copy->subscription_count = i + 1;
    }
    return 0;
}

/* Replaces the borrowed texts by own ones; those not reached yet are NULL. */
static int copy_texts(struct mqtt_settings *copy)
{
    int err = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char **text = text_at(copy, i);
        if (*text == NULL) {
            continue;
        }
        *text = err ? NULL : strdup(*text);
        err = *text ? err : -ENOMEM;
    }
    return err;
}

int mqtt_settings_copy(const struct mqtt_settings *settings, struct mqtt_settings **copy)
{
    if (!is_valid(settings)) {
        return -EINVAL;
    }
    struct mqtt_settings *made = malloc(sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = *settings;
    made->brokers = NULL;
    made->subscriptions = NULL;
    made->broker_count = made->subscription_count = 0;
    int err = copy_texts(made);
    err = err ? err : copy_brokers(settings, made);
    err = err ? err : copy_subscriptions(settings, made);
    if (err) {
        mqtt_settings_free(made);
        return err;
    }
    *copy = made;
    return 0;
}

void mqtt_settings_free(struct mqtt_settings *copy)
{
    if (copy == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        wipe(*text_at(copy, i));
    }
    for (size_t i = 0; i < copy->broker_count; i++) {
        wipe(copy->brokers[i]);
    }
    for (size_t i = 0; i < copy->subscription_count; i++) {
        wipe(copy->subscriptions[i].filter);
    }
    free((void *)(uintptr_t)copy->brokers);
    free((void *)(uintptr_t)copy->subscriptions);
    free(copy);
}
