/*
 * The loop's side of the connection: delivers events as callbacks, and decides by the caller's
 * clock when to connect where, when to give up, and when to leave. No thread and no lock is seen
 * here.
 */
#include "mqtt/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/link.h"
#include "mqtt/reason.h"
#include "mqtt/settings.h"
#include "mqtt/topic.h"

enum {
    PROPERTY_MAX = 65535,  /* MQTT 5, 1.5.4 and 1.5.6 */
    NUDGE_FIRST_MS = 2,    /* without a confirmation for so long, paho may have missed a signal */
    NUDGE_LAST_MS = 1000,  /* from here on paho wakes up by itself */
    RETRY_MESSAGE_MS = 50, /* a message that was not taken is offered again */
    LEAVE_MS = 1000,       /* of the time to close, kept for the offline status */
    BACKOFF_STEPS = 16,
};

enum state {
    WAITING, /* for the next attempt */
    CONNECTING,
    ONLINE,
    DRAINING, /* closing: unconfirmed publishes first */
    LEAVING,  /* closing: offline status and disconnect */
    CLOSED,
};

struct mqtt_connection {
    struct mqtt_callbacks callbacks;
    const struct mqtt_settings *settings; /* the link's */
    struct mqtt_link *link;
    enum state state;
    bool was_up;
    size_t broker;
    unsigned failures; /* rounds over all brokers without a lasting connection */
    uint64_t random;
    size_t unconfirmed;
    bool unflushed;      /* published since the worker was told */
    uint64_t now_ms;     /* of the last dispatch */
    uint64_t step_at_ms; /* next attempt, or the end of this one, or of draining or leaving */
    uint64_t close_at_ms;
    uint64_t up_since_ms;
    uint64_t nudge_at_ms;
    uint64_t nudge_after_ms;
    uint64_t heard_at_ms;
    struct mqtt_incoming **pending; /* ring of messages that wait to be taken */
    size_t pending_head;
    size_t pending_count;
    uint64_t retry_at_ms;
};

int mqtt_connection_new(const struct mqtt_settings *settings,
                        const struct mqtt_callbacks *callbacks, struct mqtt_connection **connection)
{
    struct mqtt_settings *copy = NULL;
    int err = mqtt_settings_copy(settings, &copy);
    if (err) {
        return err;
    }
    struct mqtt_connection *made = calloc(1, sizeof(*made));
    struct mqtt_incoming **pending = calloc(settings->max_inbox, sizeof(struct mqtt_incoming *));
    if (made && pending) {
        *made = (struct mqtt_connection){ .callbacks = *callbacks,
                                          .settings = copy,
                                          .random = settings->jitter_seed,
                                          .pending = pending };
        err = mqtt_link_new(copy, callbacks->wake, callbacks->ctx, &made->link);
    } else {
        err = -ENOMEM;
    }
    if (err) {
        mqtt_settings_free(copy);
        free(pending);
        free(made);
        return err;
    }
    *connection = made;
    return 0;
}

void mqtt_connection_free(struct mqtt_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    for (size_t i = 0; i < connection->pending_count; i++) {
        size_t at = (connection->pending_head + i) % connection->settings->max_inbox;
        struct mqtt_incoming *incoming = connection->pending[at];
        if (!incoming->waiter) { /* else it is on the stack of the thread that waits */
            free(incoming->buffer);
            free(incoming);
        }
    }
    mqtt_link_free(connection->link);
    free(connection->pending);
    free(connection);
}

/* ---- publishing ---- */

static bool is_publishable(const struct mqtt_message *message)
{
    if (message->qos > 2 || message->topic == NULL || message->payload.len > INT32_MAX ||
        message->content_type.len > PROPERTY_MAX || message->response_topic.len > PROPERTY_MAX ||
        message->correlation.len > PROPERTY_MAX ||
        message->user_property_count > MQTT_USER_PROPERTIES_MAX) {
        return false;
    }
    for (size_t i = 0; i < message->user_property_count; i++) {
        if (message->user_properties[i].key.len > PROPERTY_MAX ||
            message->user_properties[i].value.len > PROPERTY_MAX) {
            return false;
        }
    }
    return mqtt_topic_is_name(message->topic, strlen(message->topic));
}

int mqtt_connection_publish(struct mqtt_connection *connection, const struct mqtt_message *message,
                            uint64_t id)
{
    if (!is_publishable(message)) {
        return -EINVAL;
    }
    if (connection->state != ONLINE) {
        return -ENOTCONN;
    }
    int err = mqtt_link_publish(connection->link, message, id);
    if (err) {
        return err;
    }
    connection->unflushed = true;
    if (connection->unconfirmed++ == 0) {
        connection->nudge_after_ms = NUDGE_FIRST_MS;
        connection->nudge_at_ms = connection->now_ms + NUDGE_FIRST_MS;
    }
    return 0;
}

void mqtt_connection_flush(struct mqtt_connection *connection)
{
    if (connection->unflushed) {
        connection->unflushed = false;
        mqtt_link_flush(connection->link);
    }
}

size_t mqtt_connection_unconfirmed(const struct mqtt_connection *connection)
{
    return connection->unconfirmed;
}

static void deliver_published(struct mqtt_connection *connection, const struct mqtt_event *event)
{
    struct mqtt_outbox *outbox = &connection->link->outbox;
    struct mqtt_slot *slot = &outbox->slots[event->slot];
    uint64_t id = slot->id;
    mqtt_outbox_release(outbox, slot);
    connection->unconfirmed--;
    connection->nudge_after_ms = NUDGE_FIRST_MS;
    connection->nudge_at_ms = connection->now_ms + NUDGE_FIRST_MS;
    connection->callbacks.published(connection->callbacks.ctx, id, event->status);
}

/* ---- receiving ---- */

static void deliver_pending(struct mqtt_connection *connection)
{
    const struct mqtt_callbacks *callbacks = &connection->callbacks;
    while (connection->pending_count > 0) {
        struct mqtt_incoming *incoming = connection->pending[connection->pending_head];
        if (callbacks->message(callbacks->ctx, &incoming->message) < 0) {
            connection->retry_at_ms = connection->now_ms + RETRY_MESSAGE_MS;
            return;
        }
        connection->pending_head = (connection->pending_head + 1) % connection->settings->max_inbox;
        connection->pending_count--;
        mqtt_link_message_taken(connection->link, incoming);
    }
}

static void receive(struct mqtt_connection *connection, struct mqtt_incoming *incoming)
{
    size_t tail =
        (connection->pending_head + connection->pending_count) % connection->settings->max_inbox;
    connection->pending[tail] = incoming;
    if (connection->pending_count++ == 0) {
        deliver_pending(connection);
    }
}

/* ---- up and down ---- */

/* xorshift64*: enough to keep many gateways from coming back at the same moment. */
static uint32_t next_random(struct mqtt_connection *connection)
{
    uint64_t x = connection->random ? connection->random : 0x9e3779b97f4a7c15;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    connection->random = x;
    return (uint32_t)(x * 0x2545f4914f6cdd1d >> 32);
}

/* Doubles from min to max; the jitter takes away up to half of it. */
static uint64_t backoff(struct mqtt_connection *connection)
{
    unsigned steps = connection->failures < BACKOFF_STEPS ? connection->failures : BACKOFF_STEPS;
    uint64_t delay = (uint64_t)connection->settings->reconnect_min_ms << steps;
    if (delay > connection->settings->reconnect_max_ms) {
        delay = connection->settings->reconnect_max_ms;
    }
    connection->failures++;
    return delay - next_random(connection) % (delay / 2 + 1);
}

static void start_connecting(struct mqtt_connection *connection)
{
    connection->state = CONNECTING;
    connection->was_up = false;
    connection->step_at_ms = connection->now_ms + connection->settings->connect_timeout_ms;
    mqtt_link_connect(connection->link, connection->broker);
}

static void leave(struct mqtt_connection *connection)
{
    connection->state = LEAVING;
    connection->step_at_ms = connection->close_at_ms;
    if (connection->was_up && connection->settings->status.topic) {
        mqtt_link_request(connection->link, MQTT_REQUEST_OFFLINE);
    } else {
        mqtt_link_lost(connection->link, "closed");
    }
}

static void go_up(struct mqtt_connection *connection, bool session_present)
{
    if (connection->state != CONNECTING) {
        return; /* timed out or closed meanwhile: DOWN is on its way */
    }
    connection->state = ONLINE;
    connection->was_up = true;
    connection->up_since_ms = connection->now_ms;
    connection->callbacks.connected(connection->callbacks.ctx,
                                    connection->settings->brokers[connection->broker],
                                    session_present);
}

static void go_down(struct mqtt_connection *connection)
{
    const char *broker = connection->settings->brokers[connection->broker];
    bool last = connection->broker + 1 == connection->settings->broker_count;
    if (connection->state >= DRAINING) {
        connection->state = CLOSED;
    } else {
        connection->state = WAITING;
        connection->step_at_ms = connection->now_ms;
        if (connection->was_up && connection->now_ms - connection->up_since_ms >=
                                      connection->settings->reconnect_max_ms) {
            connection->failures = 0;
        }
        if (connection->was_up || last) {
            connection->step_at_ms += backoff(connection);
        }
        connection->broker = connection->was_up || last ? 0 : connection->broker + 1;
    }
    connection->callbacks.disconnected(connection->callbacks.ctx, broker, connection->was_up,
                                       connection->link->reason);
}

static void refused(struct mqtt_connection *connection, const struct mqtt_event *event)
{
    if (connection->callbacks.refused) {
        connection->callbacks.refused(connection->callbacks.ctx,
                                      connection->settings->subscriptions[event->filter].filter,
                                      mqtt_reason_text(event->status));
    }
}

static void handle(struct mqtt_connection *connection, const struct mqtt_event *event)
{
    switch (event->kind) {
    case MQTT_EVENT_PUBLISHED:
        deliver_published(connection, event);
        break;
    case MQTT_EVENT_MESSAGE:
        receive(connection, event->incoming);
        break;
    case MQTT_EVENT_UP:
        go_up(connection, event->session_present);
        break;
    case MQTT_EVENT_REFUSED:
        refused(connection, event);
        break;
    case MQTT_EVENT_OFFLINE_SENT:
        mqtt_link_lost(connection->link, "closed");
        break;
    case MQTT_EVENT_DOWN:
        go_down(connection);
        break;
    }
}

/* ---- time ---- */

static void step(struct mqtt_connection *connection)
{
    switch (connection->state) {
    case WAITING:
        start_connecting(connection);
        break;
    case CONNECTING:
        connection->step_at_ms = UINT64_MAX;
        mqtt_link_lost(connection->link, "no answer in time");
        break;
    case DRAINING:
        leave(connection);
        break;
    case LEAVING:
        mqtt_link_lost(connection->link, "closed, the broker did not confirm in time");
        connection->state = CLOSED;
        break;
    case ONLINE:
    case CLOSED:
        break;
    }
}

static bool has_step(const struct mqtt_connection *connection)
{
    return connection->state != ONLINE && connection->state != CLOSED;
}

static bool is_up(const struct mqtt_connection *connection)
{
    return connection->state == ONLINE || connection->state == DRAINING;
}

static uint64_t heartbeat_at(const struct mqtt_connection *connection)
{
    uint32_t after = connection->settings->heartbeat_ms;
    return is_up(connection) && after ? connection->heard_at_ms + after : UINT64_MAX;
}

void mqtt_connection_dispatch(struct mqtt_connection *connection, uint64_t now_ms)
{
    connection->now_ms = now_ms;
    if (connection->pending_count > 0) {
        deliver_pending(connection);
    }
    const struct mqtt_event *batch;
    size_t count = mqtt_link_take_events(connection->link, &batch);
    for (size_t i = 0; i < count; i++) {
        handle(connection, &batch[i]);
    }
    if (count > 0) {
        connection->heard_at_ms = now_ms;
    }
    if (connection->state == DRAINING && connection->unconfirmed == 0) {
        leave(connection);
    }
    if (has_step(connection) && now_ms >= connection->step_at_ms) {
        step(connection);
    }
    if (is_up(connection) && connection->unconfirmed > 0 && now_ms >= connection->nudge_at_ms) {
        mqtt_link_request(connection->link, MQTT_REQUEST_NUDGE);
        connection->nudge_after_ms = connection->nudge_after_ms * 2 < NUDGE_LAST_MS
                                         ? connection->nudge_after_ms * 2
                                         : NUDGE_LAST_MS;
        connection->nudge_at_ms = now_ms + connection->nudge_after_ms;
    }
    if (now_ms >= heartbeat_at(connection)) {
        mqtt_link_request(connection->link, MQTT_REQUEST_HEARTBEAT);
        connection->heard_at_ms = now_ms;
    }
    mqtt_connection_flush(connection);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t mqtt_connection_next_deadline(const struct mqtt_connection *connection)
{
    uint64_t at = has_step(connection) ? connection->step_at_ms : UINT64_MAX;
    if (connection->pending_count > 0) {
        at = earlier(at, connection->retry_at_ms);
    }
    if (is_up(connection) && connection->unconfirmed > 0) {
        at = earlier(at, connection->nudge_at_ms);
    }
    return earlier(at, heartbeat_at(connection));
}

void mqtt_connection_close(struct mqtt_connection *connection, uint64_t now_ms,
                           uint64_t deadline_ms)
{
    if (connection->state >= DRAINING) {
        return;
    }
    uint64_t time_left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    uint64_t kept = earlier(time_left / 2, LEAVE_MS);
    connection->now_ms = now_ms;
    connection->close_at_ms = now_ms + time_left;
    if (connection->state == WAITING) {
        connection->state = CLOSED;
    } else if (connection->state == CONNECTING) {
        leave(connection);
    } else {
        connection->state = DRAINING;
        connection->step_at_ms = connection->close_at_ms - kept;
    }
}

bool mqtt_connection_is_closed(const struct mqtt_connection *connection)
{
    return connection->state == CLOSED;
}
