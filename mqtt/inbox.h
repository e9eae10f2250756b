/*
 * The one way from paho's threads to the loop: a bounded queue of events, two arrays that change
 * places when the loop takes what is there. No allocation after init. Not locked: its owner's
 * mutex protects it.
 */
#ifndef MQTT_INBOX_H
#define MQTT_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "mqtt/message.h"

enum mqtt_event_kind {
    MQTT_EVENT_PUBLISHED,    /* slot, status */
    MQTT_EVENT_MESSAGE,      /* incoming */
    MQTT_EVENT_UP,           /* session_present */
    MQTT_EVENT_REFUSED,      /* filter: index into the subscriptions; status: reason code */
    MQTT_EVENT_OFFLINE_SENT, /* the `offline` status is with the broker, or cannot get there */
    MQTT_EVENT_DOWN,         /* the text is with the link */
};

/* A received message: a copy, or (`waiter`) paho's own while its thread waits for the verdict. */
struct mqtt_incoming {
    struct mqtt_message message;
    char *buffer;
    size_t size;
    bool waiter;
    bool taken;
};

struct mqtt_event {
    enum mqtt_event_kind kind;
    int status;
    union {
        size_t slot;
        size_t filter;
        struct mqtt_incoming *incoming;
        bool session_present;
    };
};

struct mqtt_inbox {
    struct mqtt_event *arrays[2];
    size_t capacity;
    size_t count;
    unsigned writing; /* which array is being filled */
};

/* @return 0, -ENOMEM (deinit is still safe) */
[[nodiscard]] int mqtt_inbox_init(struct mqtt_inbox *inbox, size_t capacity);

/* Frees the arrays, not the messages that events point to. */
void mqtt_inbox_deinit(struct mqtt_inbox *inbox);

/* Appends; the owner bounds what it pushes by the capacity. */
void mqtt_inbox_push(struct mqtt_inbox *inbox, struct mqtt_event event);

/* Takes all events; `*batch` is valid until the next call. */
size_t mqtt_inbox_swap(struct mqtt_inbox *inbox, const struct mqtt_event **batch);

#endif
