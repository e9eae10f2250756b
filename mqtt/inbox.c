/* Two arrays that change places: the loop reads one while the threads fill the other. */
#include "mqtt/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int mqtt_inbox_init(struct mqtt_inbox *inbox, size_t capacity)
{
    *inbox = (struct mqtt_inbox){ .capacity = capacity };
    for (size_t i = 0; i < 2; i++) {
        inbox->arrays[i] = calloc(capacity, sizeof(struct mqtt_event));
        if (inbox->arrays[i] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

void mqtt_inbox_deinit(struct mqtt_inbox *inbox)
{
    free(inbox->arrays[0]);
    free(inbox->arrays[1]);
}

void mqtt_inbox_push(struct mqtt_inbox *inbox, struct mqtt_event event)
{
    assert(inbox->count < inbox->capacity);
    inbox->arrays[inbox->writing][inbox->count++] = event;
}

size_t mqtt_inbox_swap(struct mqtt_inbox *inbox, const struct mqtt_event **batch)
{
    size_t count = inbox->count;
    *batch = inbox->arrays[inbox->writing];
    inbox->writing ^= 1;
    inbox->count = 0;
    return count;
}
