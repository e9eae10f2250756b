/* Slots, their free stack and the ring of those that wait. */
#include "mqtt/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    BUFFER_KEPT = 16 * 1024 /* a larger buffer goes when its message went: bursts do not last */
};

int mqtt_outbox_init(struct mqtt_outbox *outbox, size_t count, void *owner)
{
    *outbox = (struct mqtt_outbox){ .count = count };
    outbox->slots = calloc(count, sizeof(*outbox->slots));
    outbox->free = calloc(count, sizeof(*outbox->free));
    outbox->queue = calloc(count, sizeof(*outbox->queue));
    if (outbox->slots == NULL || outbox->free == NULL || outbox->queue == NULL) {
        return -ENOMEM;
    }
    for (size_t i = count; i-- > 0;) {
        outbox->slots[i].owner = owner;
        outbox->free[outbox->free_count++] = i;
    }
    return 0;
}

void mqtt_outbox_deinit(struct mqtt_outbox *outbox)
{
    for (size_t i = 0; outbox->slots && i < outbox->count; i++) {
        free(outbox->slots[i].buffer);
    }
    free(outbox->slots);
    free(outbox->free);
    free(outbox->queue);
}

int mqtt_outbox_fill(struct mqtt_outbox *outbox, const struct mqtt_message *message, uint64_t id,
                     struct mqtt_slot **slot)
{
    if (outbox->free_count == 0) {
        return -EAGAIN;
    }
    struct mqtt_slot *found = &outbox->slots[outbox->free[outbox->free_count - 1]];
    int err = mqtt_message_copy(&found->message, message, &found->buffer, &found->size);
    if (err) {
        return err;
    }
    outbox->free_count--;
    found->id = id;
    *slot = found;
    return 0;
}

void mqtt_outbox_release(struct mqtt_outbox *outbox, struct mqtt_slot *slot)
{
    if (slot->size > BUFFER_KEPT) {
        free(slot->buffer);
        slot->buffer = NULL;
        slot->size = 0;
    }
    outbox->free[outbox->free_count++] = mqtt_outbox_index(outbox, slot);
}

void mqtt_outbox_enqueue(struct mqtt_outbox *outbox, struct mqtt_slot *slot)
{
    assert(outbox->queued < outbox->count);
    size_t tail = (outbox->head + outbox->queued) % outbox->count;
    outbox->queue[tail] = mqtt_outbox_index(outbox, slot);
    outbox->queued++;
    slot->state = MQTT_SLOT_QUEUED;
}

size_t mqtt_outbox_take(struct mqtt_outbox *outbox, struct mqtt_slot **slots, size_t most)
{
    size_t taken = 0;
    while (taken < most && outbox->queued > 0) {
        slots[taken] = &outbox->slots[outbox->queue[outbox->head]];
        slots[taken]->state = MQTT_SLOT_SENT;
        outbox->head = (outbox->head + 1) % outbox->count;
        outbox->queued--;
        outbox->sent++;
        taken++;
    }
    return taken;
}

bool mqtt_outbox_finish(struct mqtt_outbox *outbox, struct mqtt_slot *slot)
{
    if (slot->state != MQTT_SLOT_SENT) {
        return false;
    }
    slot->state = MQTT_SLOT_DONE;
    outbox->sent--;
    return true;
}
