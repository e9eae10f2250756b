/*
 * Paho's MQTTAsync behind client.h. Checked against its source, 1.3.12 to 1.3.15: all callbacks
 * run under paho's lock; on destroy every command that was not answered gets its onFailure.
 *
 * A known fault of theirs (issues 1621 and 1622, open): when writing a QoS 1 or 2 publish fails,
 * its payload is freed twice. With paho's heap checks, which Debian builds in, the second one is
 * refused; a paho built with PAHO_HIGH_PERFORMANCE can crash there. Do not use such a build.
 */
#include "mqtt/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <MQTTAsync.h>

#include "mqtt/link.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"
#include "mqtt/socket.h"

enum {
    MQTT_5 = 5,
    PAHO_OUT_OF_MEMORY = -99, /* PAHO_MEMORY_ERROR of their private headers */
    TLS_ERROR_MAX = 160,
    BUFFERED_SPARE = 16, /* publishes of our own beside the caller's: online, offline */
    HEADER_ROOM = 16,    /* fixed header, topic length, packet identifier, property length */
    TIMEOUT_ROUND_S = 5, /* paho looks every 3 s; our own deadline comes first */
    MS_PER_S = 1000,
};

struct mqtt_client {
    MQTTAsync handle;
    struct mqtt_link *link;
    const struct mqtt_settings *settings;
    bool is_5;
    struct mqtt_limits limits;
    /* Announced by the broker; written before mqtt_link_up, read after it. */
    uint8_t maximum_qos;
    bool retain_available;
    size_t maximum_packet;
    char tls_error[TLS_ERROR_MAX];
};

static int error_of(int paho)
{
    static const struct {
        int paho, err;
    } errors[] = {
        { MQTTASYNC_SUCCESS, 0 },
        { MQTTASYNC_DISCONNECTED, -ENOTCONN },
        { MQTTASYNC_BAD_UTF8_STRING, -EINVAL },
        { MQTTASYNC_BAD_QOS, -EINVAL },
        { PAHO_OUT_OF_MEMORY, -ENOMEM },
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].paho == paho) {
            return errors[i].err;
        }
    }
    return -EIO;
}

void *mqtt_client_hold_library(void)
{
    MQTTAsync hold = NULL;
    MQTTAsync_create(&hold, "tcp://hold", "hold", MQTTCLIENT_PERSISTENCE_NONE, NULL);
    return hold;
}

void mqtt_client_release_library(void *hold)
{
    MQTTAsync_destroy(&hold);
}

/* ---- status and going up ---- */

static int publish_status(struct mqtt_client *client, const char *text,
                          MQTTAsync_responseOptions *response)
{
    const struct mqtt_settings *settings = client->settings;
    uint8_t qos = settings->status.qos;
    int paho = MQTTAsync_send(client->handle, settings->status.topic, (int)strlen(text), text,
                              qos < client->maximum_qos ? qos : client->maximum_qos,
                              settings->status.retain && client->retain_available, response);
    return error_of(paho);
}

static void go_up(struct mqtt_client *client)
{
    if (client->settings->status.topic &&
        publish_status(client, client->settings->status.online, NULL)) {
        mqtt_link_lost(client->link, "could not publish the online status");
        return;
    }
    client->limits.round_trip_us = mqtt_socket_round_trip_us(client->link->socket);
    mqtt_link_up(client->link, &client->limits);
}

static void subscribed(struct mqtt_client *client, size_t count, const int *codes)
{
    for (size_t i = 0; i < count && i < client->settings->subscription_count; i++) {
        if (codes[i] >= MQTT_REASON_FAILURE) {
            mqtt_link_refused(client->link, i, codes[i]);
        }
    }
    go_up(client);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    struct mqtt_client *client = context;
    size_t count = client->settings->subscription_count;
    subscribed(client, count, count == 1 ? &data->alt.qos : data->alt.qosList);
}

static void on_subscribe_failed(void *context, MQTTAsync_failureData *data)
{
    struct mqtt_client *client = context;
    if (data->code >= MQTT_REASON_FAILURE) { /* else the connection ends, and says so elsewhere */
        subscribed(client, 1, &data->code);
    }
}

static void on_subscribed_5(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_client *client = context;
    int first = (int)data->reasonCode;
    size_t count = client->settings->subscription_count;
    if (count == 1) {
        subscribed(client, 1, &first);
        return;
    }
    int *codes = calloc(count, sizeof(*codes));
    if (codes == NULL) {
        mqtt_link_lost(client->link, "out of memory");
        return;
    }
    for (size_t i = 0; i < count && i < (size_t)data->alt.sub.reasonCodeCount; i++) {
        codes[i] = (int)data->alt.sub.reasonCodes[i];
    }
    subscribed(client, count, codes);
    free(codes);
}

static void on_subscribe_failed_5(void *context, MQTTAsync_failureData5 *data)
{
    struct mqtt_client *client = context;
    int code = (int)data->reasonCode;
    if (code >= MQTT_REASON_FAILURE) {
        subscribed(client, 1, &code);
    }
}

static void subscribe(struct mqtt_client *client)
{
    (void)mqtt_socket_set_nodelay(&client->link->socket); /* first thing on a new connection */
    const struct mqtt_settings *settings = client->settings;
    size_t count = settings->subscription_count;
    if (count == 0) {
        go_up(client);
        return;
    }
    char **filters = calloc(count, sizeof(*filters));
    int *qos = calloc(count, sizeof(*qos));
    int paho = PAHO_OUT_OF_MEMORY;
    if (filters && qos) {
        for (size_t i = 0; i < count; i++) {
            filters[i] = (char *)(uintptr_t)settings->subscriptions[i].filter;
            qos[i] = settings->subscriptions[i].qos;
        }
        MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
        response.context = client;
        response.onSuccess = client->is_5 ? NULL : on_subscribed;
        response.onFailure = client->is_5 ? NULL : on_subscribe_failed;
        response.onSuccess5 = client->is_5 ? on_subscribed_5 : NULL;
        response.onFailure5 = client->is_5 ? on_subscribe_failed_5 : NULL;
        paho = MQTTAsync_subscribeMany(client->handle, (int)count, filters, qos, &response);
    }
    if (paho) {
        mqtt_link_lost(client->link, "could not subscribe");
    }
    free(filters);
    free(qos);
}

/* ---- connecting ---- */

static void on_connected(void *context, MQTTAsync_successData *data)
{
    struct mqtt_client *client = context;
    client->limits.session_present = data->alt.connect.sessionPresent != 0;
    subscribe(client);
}

/* A number from CONNACK (MQTT 5, 3.2.2.3), or `otherwise` when the broker did not say. */
static size_t announced(MQTTProperties *list, enum MQTTPropertyCodes code, size_t otherwise)
{
    if (!MQTTProperties_hasProperty(list, code)) {
        return otherwise;
    }
    return (uint32_t)MQTTProperties_getNumericValue(list, code);
}

static void on_connected_5(void *context, MQTTAsync_successData5 *data)
{
    struct mqtt_client *client = context;
    MQTTProperties *list = &data->properties;
    client->limits.session_present = data->alt.connect.sessionPresent != 0;
    client->limits.receive_maximum = announced(list, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, UINT16_MAX);
    client->maximum_qos = (uint8_t)announced(list, MQTTPROPERTY_CODE_MAXIMUM_QOS, 2);
    client->retain_available = announced(list, MQTTPROPERTY_CODE_RETAIN_AVAILABLE, 1) != 0;
    client->maximum_packet = announced(list, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, SIZE_MAX);
    subscribe(client);
}

static void connect_failed(struct mqtt_client *client, int code, const char *message)
{
    char text[MQTT_REASON_MAX];
    if (code > 0) {
        snprintf(text, sizeof(text), "refused by the broker: %s (%d)", mqtt_reason_text(code),
                 code);
    } else if (client->tls_error[0]) {
        snprintf(text, sizeof(text), "TLS: %s", client->tls_error);
    } else {
        const char *paho = MQTTAsync_strerror(code);
        snprintf(text, sizeof(text), "cannot connect: %s",
                 message ? message
                 : paho  ? paho
                         : "no answer");
    }
    mqtt_link_lost(client->link, text);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    connect_failed(context, data->code, data->message);
}

static void on_connect_failed_5(void *context, MQTTAsync_failureData5 *data)
{
    /* 1.3.15 moved the reason code from `code` to `reasonCode`. */
    int reason = (int)data->reasonCode;
    connect_failed(context, reason >= MQTT_REASON_FAILURE ? reason : data->code, data->message);
}

/* The broker's DISCONNECT (MQTT 5, 3.14); on_lost follows. */
static void on_disconnected(void *context, MQTTProperties *list, enum MQTTReasonCodes code)
{
    (void)list;
    char text[MQTT_REASON_MAX];
    snprintf(text, sizeof(text), "closed by the broker: %s (%d)", mqtt_reason_text((int)code),
             (int)code);
    mqtt_link_lost(((struct mqtt_client *)context)->link, text);
}

static void on_lost(void *context, char *cause)
{
    mqtt_link_lost(((struct mqtt_client *)context)->link, cause ? cause : "connection lost");
}

/* OpenSSL writes "thread:error:code:library:function:reason:file:line:data"; keeps the reason. */
static int on_tls_error(const char *text, size_t len, void *context)
{
    enum { FIELDS_BEFORE_REASON = 5 };
    struct mqtt_client *client = context;
    const char *at = text;
    const char *end = text + len;
    for (int i = 0; i < FIELDS_BEFORE_REASON && at < end; i++) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        at = colon ? colon + 1 : end;
    }
    const char *stop = at < end ? memchr(at, ':', (size_t)(end - at)) : NULL;
    if (stop == NULL) { /* not their form: all of it */
        at = text;
        stop = end;
    }
    snprintf(client->tls_error, sizeof(client->tls_error), "%.*s", (int)(stop - at), at);
    return 1;
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *from)
{
    struct mqtt_client *client = context;
    struct mqtt_user_property users[MQTT_USER_PROPERTIES_MAX];
    struct mqtt_message message = {
        .topic = topic,
        .payload = { .data = from->payload, .len = (size_t)from->payloadlen },
        .qos = (uint8_t)from->qos,
        .retain = from->retained != 0,
        .duplicate = from->dup != 0,
        .packet_id = from->qos > 0 ? (uint16_t)from->msgid : 0,
    };
    mqtt_properties_read(&from->properties, &message, users);
    /* A NUL within a topic is malformed (MQTT 5, 1.5.4.2): not worth a delivery. */
    if (topic_len == 0 || strlen(topic) == (size_t)topic_len) {
        mqtt_link_deliver(client->link, &message);
    }
    if (from->qos == 0) { /* no PUBACK will carry the acknowledgement of TCP */
        mqtt_socket_acknowledge(client->link->socket);
    }
    MQTTAsync_freeMessage(&from);
    MQTTAsync_free(topic);
    return 1;
}

static int start(struct mqtt_client *client)
{
    const struct mqtt_settings *settings = client->settings;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = settings->status.topic;
    will.message = settings->status.offline;
    will.qos = settings->status.qos;
    will.retained = settings->status.retain;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = settings->tls.ca_file;
    tls.keyStore = settings->tls.cert_file;
    tls.privateKey = settings->tls.key_file;
    tls.enableServerCertAuth = tls.verify = settings->tls.verify;
    tls.ssl_error_cb = on_tls_error;
    tls.ssl_error_context = client;
    MQTTProperty array[2] = {
        { .identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
          .value.integer4 = settings->session_expiry_s },
        { .identifier = MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
          .value.integer4 = settings->max_message_bytes },
    };
    int count = settings->max_message_bytes ? 2 : 1;
    MQTTProperties list = { .count = count, .max_count = count, .array = array };
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (client->is_5) {
        options = (MQTTAsync_connectOptions)MQTTAsync_connectOptions_initializer5;
        options.cleanstart = settings->clean_start;
        options.connectProperties = &list;
        options.onSuccess5 = on_connected_5;
        options.onFailure5 = on_connect_failed_5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = settings->clean_start;
        options.onSuccess = on_connected;
        options.onFailure = on_connect_failed;
    }
    options.context = client;
    options.keepAliveInterval = settings->keepalive_s;
    options.connectTimeout = (int)(settings->connect_timeout_ms / MS_PER_S) + TIMEOUT_ROUND_S;
    options.maxInflight = UINT16_MAX; /* the link's window is smaller */
    options.username = settings->username;
    options.password = settings->password;
    options.will = settings->status.topic ? &will : NULL;
    options.ssl = &tls;
    return MQTTAsync_connect(client->handle, &options);
}

int mqtt_client_new(struct mqtt_link *link, const char *broker, struct mqtt_client **client,
                    char *reason, size_t reason_size)
{
    struct mqtt_client *made = calloc(1, sizeof(*made));
    *client = made;
    if (made == NULL) {
        snprintf(reason, reason_size, "out of memory");
        return -ENOMEM;
    }
    made->link = link;
    made->settings = link->settings;
    link->socket = -1;
    made->is_5 = link->settings->version == MQTT_5;
    made->limits.receive_maximum = UINT16_MAX;
    made->maximum_qos = 2;
    made->retain_available = true;
    made->maximum_packet = SIZE_MAX;
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = made->is_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.maxBufferedMessages = (int)link->settings->max_unconfirmed + BUFFERED_SPARE;
    int paho = MQTTAsync_createWithOptions(&made->handle, broker, link->settings->client_id,
                                           MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (!paho) {
        paho = MQTTAsync_setCallbacks(made->handle, made, on_lost, on_message, NULL);
    }
    if (!paho) {
        paho = MQTTAsync_setDisconnected(made->handle, made, on_disconnected);
    }
    if (!paho) {
        paho = start(made);
    }
    if (paho) {
        const char *text = MQTTAsync_strerror(paho);
        snprintf(reason, reason_size, "cannot connect: %s (%d)", text ? text : "paho", paho);
    }
    return error_of(paho);
}

void mqtt_client_free(struct mqtt_client *client)
{
    if (client) {
        MQTTAsync_destroy(&client->handle);
        free(client);
    }
}

/* ---- publishing ---- */

static void fail(void *context, int status)
{
    struct mqtt_slot *slot = context;
    (void)mqtt_link_confirm(slot->owner, slot, status);
}

static void succeed(void *context)
{
    struct mqtt_slot *slot = context;
    struct mqtt_link *link = slot->owner;
    if (mqtt_link_confirm(link, slot, 0)) {
        mqtt_socket_acknowledge(link->socket); /* the broker's next segment may wait for it */
    }
}

static void on_published(void *context, MQTTAsync_successData *data)
{
    (void)data;
    succeed(context);
}

static void on_published_5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    succeed(context);
}

static void on_publish_failed(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    fail(context, -ENOTCONN);
}

static void on_publish_failed_5(void *context, MQTTAsync_failureData5 *data)
{
    int err = mqtt_reason_error((int)data->reasonCode);
    fail(context, err ? err : -ENOTCONN);
}

int mqtt_client_publish(struct mqtt_client *client, struct mqtt_slot *slot)
{
    const struct mqtt_message *message = &slot->message;
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    struct mqtt_properties properties;
    response.context = slot;
    if (client->is_5) {
        size_t room = HEADER_ROOM + strlen(message->topic) + message->payload.len;
        if (room + mqtt_properties_room(message) > client->maximum_packet) {
            return -EMSGSIZE; /* the broker would close the connection (MQTT 5, 3.2.2.3.6) */
        }
        mqtt_properties_write(&properties, message);
        response.properties = properties.list;
        response.onSuccess5 = on_published_5;
        response.onFailure5 = on_publish_failed_5;
    } else {
        response.onSuccess = on_published;
        response.onFailure = on_publish_failed;
    }
    int qos = message->qos < client->maximum_qos ? message->qos : client->maximum_qos;
    return error_of(MQTTAsync_send(client->handle, message->topic, (int)message->payload.len,
                                   message->payload.data, qos,
                                   message->retain && client->retain_available, &response));
}

static void on_offline(void *context, MQTTAsync_successData *data)
{
    (void)data;
    mqtt_link_offline_sent(context);
}

static void on_offline_5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    mqtt_link_offline_sent(context);
}

static void on_offline_failed_5(void *context, MQTTAsync_failureData5 *data)
{
    if (mqtt_reason_error((int)data->reasonCode)) {
        mqtt_link_offline_sent(context);
    }
}

int mqtt_client_publish_offline(struct mqtt_client *client)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = client->link;
    response.onSuccess = client->is_5 ? NULL : on_offline;
    response.onSuccess5 = client->is_5 ? on_offline_5 : NULL;
    response.onFailure5 = client->is_5 ? on_offline_failed_5 : NULL;
    return publish_status(client, client->settings->status.offline, &response);
}

void mqtt_client_nudge(struct mqtt_client *client)
{
    MQTTAsync_reconnect(client->handle);
}

static void on_heartbeat(void *context, MQTTAsync_successData *data)
{
    (void)data;
    mqtt_socket_acknowledge(((struct mqtt_client *)context)->link->socket);
}

static void on_heartbeat_5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    mqtt_socket_acknowledge(((struct mqtt_client *)context)->link->socket);
}

void mqtt_client_heartbeat(struct mqtt_client *client)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = client;
    response.onSuccess = client->is_5 ? NULL : on_heartbeat;
    response.onSuccess5 = client->is_5 ? on_heartbeat_5 : NULL;
    MQTTAsync_unsubscribe(client->handle, "heartbeat", &response);
}
