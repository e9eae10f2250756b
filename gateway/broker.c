#include "gateway/broker.h"

#include "mqtt/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_INBOX = 256, /* received commands that wait for the loop */
    CONNECT_TIMEOUT_MS = 15000,
    HEARTBEAT_MS = 900, /* keeps commands on a quiet connection fast, see mqtt/connection.h */
    COMMAND_OVERHEAD = 64 * 1024,
    URL_SIZE = 300,
    MAX_INFLIGHT = 60000, /* of 65535 packet identifiers */
};

/* An empty setting is one that is not set. */
static const char *or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static void write_url(const struct config_broker *broker, char url[URL_SIZE])
{
    bool v6 = strchr(broker->host, ':') != NULL;
    (void)snprintf(url, URL_SIZE, "%s://%s%s%s:%u", broker->tls ? "mqtts" : "mqtt", v6 ? "[" : "",
                   broker->host, v6 ? "]" : "", broker->port);
}

uint32_t broker_max_inflight(const struct config *config)
{
    return config->mqtt.max_inflight < MAX_INFLIGHT ? config->mqtt.max_inflight : MAX_INFLIGHT;
}

/* The largest command worth taking: a body of the largest size, in base64 or hex. */
static uint32_t max_command(const struct config *config)
{
    uint64_t bytes = config->lwm2m.coap.max_body_size * 2 + COMMAND_OVERHEAD;
    return bytes < 256 * 1024 * 1024 ? (uint32_t)bytes : 256 * 1024 * 1024;
}

/* The status topic stands alone: no mountpoint, no device. */
static int expand_status(const struct config *config, char **status, const char **reason)
{
    struct mqtt_topic *topic = NULL;
    const struct mqtt_topic_values none = { 0 };
    int err =
        mqtt_topic_compile(MQTT_TOPIC_UPLINK, "", config->mqtt.topics[CONFIG_TOPIC_STATUS].topic,
                           config->mqtt.client_id, &topic, reason);
    if (err != 0) {
        return err;
    }
    size_t size = mqtt_topic_room(topic, 0, 0);
    *status = malloc(size);
    err = *status != NULL ? mqtt_topic_expand(topic, &none, *status, size, NULL) : -ENOMEM;
    mqtt_topic_free(topic);
    return err;
}

static uint32_t seconds(uint64_t ms)
{
    uint64_t s = (ms + 999) / 1000;
    return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

/*
 * Mosquitto confirms what is published with QoS 2 beyond its max_inflight_messages (20, when nobody
 * changed that), but drops it. MQTT 5 has brokers say so (Receive Maximum), 3.1.1 has not.
 */
static size_t window_of(const struct config *config)
{
    enum { USUAL_INFLIGHT = 20 };
    bool any = false;
    for (size_t i = 0; i < CONFIG_TOPICS; i++) {
        any = any || (i != CONFIG_TOPIC_COMMAND && config->mqtt.topics[i].qos == 2);
    }
    return config->mqtt.version != CONFIG_MQTT_5 && any ? USUAL_INFLIGHT : 0;
}

int broker_connect(const struct config *config, const char *filter, uint64_t jitter_seed,
                   const struct mqtt_callbacks *callbacks, struct mqtt_connection **connection,
                   const char **reason)
{
    char urls[CONFIG_BROKERS_MAX][URL_SIZE];
    const char *brokers[CONFIG_BROKERS_MAX];
    char *status = NULL;
    const struct mqtt_subscription subscription = {
        .filter = filter,
        .qos = (uint8_t)config->mqtt.topics[CONFIG_TOPIC_COMMAND].qos,
    };
    for (size_t i = 0; i < config->mqtt.brokers.count; i++) {
        write_url(&config->mqtt.brokers.items[i], urls[i]);
        brokers[i] = urls[i];
    }
    *reason = "a setting of mqtt makes no sense";
    int err = expand_status(config, &status, reason);
    if (err == 0) {
        uint64_t keepalive_s = seconds(config->mqtt.keepalive_ms);
        struct mqtt_settings settings = {
            .brokers = brokers,
            .broker_count = config->mqtt.brokers.count,
            .version = config->mqtt.version,
            .client_id = config->mqtt.client_id,
            .username = or_null(config->mqtt.username),
            .password = or_null(config->mqtt.password),
            .tls = { or_null(config->mqtt.tls.ca_file), or_null(config->mqtt.tls.cert_file),
                     or_null(config->mqtt.tls.key_file), config->mqtt.tls.verify },
            .keepalive_s = keepalive_s < UINT16_MAX ? (uint16_t)keepalive_s : UINT16_MAX,
            .clean_start = config->mqtt.clean_start,
            .session_expiry_s = seconds(config->mqtt.session_expiry_ms),
            .status = { status, "online", "offline",
                        (uint8_t)config->mqtt.topics[CONFIG_TOPIC_STATUS].qos, true },
            .subscriptions = &subscription,
            .subscription_count = 1,
            .max_unconfirmed = broker_max_inflight(config),
            .window = window_of(config),
            .max_inbox = MAX_INBOX,
            .max_message_bytes = max_command(config),
            .acknowledge_when_taken = true,
            .reconnect_min_ms = (uint32_t)config->mqtt.reconnect_min_ms,
            .reconnect_max_ms = (uint32_t)config->mqtt.reconnect_max_ms,
            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
            .heartbeat_ms = HEARTBEAT_MS,
            .jitter_seed = jitter_seed,
        };
        err = mqtt_connection_new(&settings, callbacks, connection);
    }
    free(status);
    return err;
}

int broker_publish(struct mqtt_connection *connection, const struct backlog_message *message,
                   uint64_t id)
{
    static const char json[] = "application/json";
    /* A device names itself: a name that a broker takes offence at must not reach it. The payload
     * has it in JSON, the topic percent-encoded. */
    bool has_clean_name = mqtt_text_is_clean(message->endpoint, strlen(message->endpoint));
    const struct mqtt_user_property ep = {
        .key = { "ep", 2 },
        .value = { message->endpoint, strlen(message->endpoint) },
    };
    const struct mqtt_message published = {
        .topic = message->topic,
        .payload = { message->payload, message->payload_len },
        .qos = message->qos,
        .content_type = { json, sizeof(json) - 1 },
        .correlation = { message->correlation, message->correlation_len },
        .user_properties = &ep,
        .user_property_count = has_clean_name,
    };
    int err = mqtt_connection_publish(connection, &published, id);
    return err == -ENOTCONN ? -EAGAIN : err;
}
