/*
 * The publishes under way: a fixed number of slots, each with its copy of a message in a buffer
 * that is used again, and the queue of slots that wait for their turn with paho. A slot's state
 * makes sure that each publish is reported exactly once. Not locked: its owner's mutex protects it,
 * but free slots belong to the loop thread alone.
 */
#ifndef MQTT_OUTBOX_H
#define MQTT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mqtt/message.h"

enum mqtt_slot_state {
    MQTT_SLOT_DONE,   /* free, or its event is in the inbox: the loop's */
    MQTT_SLOT_QUEUED, /* waits for the worker */
    MQTT_SLOT_SENT,   /* with paho */
};

struct mqtt_slot {
    void *owner; /* what a confirmation, which knows the slot alone, has to find */
    uint64_t id;
    enum mqtt_slot_state state;
    struct mqtt_message message;
    char *buffer;
    size_t size;
};

struct mqtt_outbox {
    struct mqtt_slot *slots;
    size_t count;
    size_t *free; /* stack of free slots, loop thread only */
    size_t free_count;
    size_t *queue; /* ring of queued slots */
    size_t head;
    size_t queued;
    size_t sent; /* slots in state SENT */
};

/* @return 0, -ENOMEM (deinit is still safe) */
[[nodiscard]] int mqtt_outbox_init(struct mqtt_outbox *outbox, size_t count, void *owner);
void mqtt_outbox_deinit(struct mqtt_outbox *outbox);

/**
 * Copies a message into a free slot. Loop thread, no lock needed.
 *
 * @return 0, -EAGAIN (no slot free), -ENOMEM
 */
[[nodiscard]] int mqtt_outbox_fill(struct mqtt_outbox *outbox, const struct mqtt_message *message,
                                   uint64_t id, struct mqtt_slot **slot);

/* Gives a slot back. Loop thread, no lock needed. */
void mqtt_outbox_release(struct mqtt_outbox *outbox, struct mqtt_slot *slot);

/* DONE -> QUEUED. */
void mqtt_outbox_enqueue(struct mqtt_outbox *outbox, struct mqtt_slot *slot);

/* QUEUED -> SENT for the oldest `most` slots; returns how many there were. */
size_t mqtt_outbox_take(struct mqtt_outbox *outbox, struct mqtt_slot **slots, size_t most);

/* SENT -> DONE; false when the slot was done before. */
bool mqtt_outbox_finish(struct mqtt_outbox *outbox, struct mqtt_slot *slot);

static inline size_t mqtt_outbox_index(const struct mqtt_outbox *outbox,
                                       const struct mqtt_slot *slot)
{
    return (size_t)(slot - outbox->slots);
}

#endif
