/*
 * One list in the order of arrival holds all messages, waiting or handed over. `next` is the first
 * one that waits; all before it are handed over, but after a loss some behind it may be as well.
 * A message that is handed over has a slot; its number and a count that grows with every use of the
 * slot make the id, so that a late answer about an earlier use is recognised.
 */
#include "gateway/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESERVED_MIN = 16,
    ROUNDS = 4, /* of unconfirmed messages that may wait before devices are slowed down */
};

#define NO_SLOT SIZE_MAX

struct entry {
    struct entry *before;
    struct entry *after;
    uint64_t order;
    size_t slot; /* NO_SLOT while it waits */
    struct lwm2m_receipt receipt;
    struct backlog_message message; /* points into `bytes` and to `receipt` */
    char bytes[];
};

struct slot {
    struct entry *entry; /* NULL while it is free */
    uint32_t uses;
    uint32_t next_free; /* index + 1; 0 ends the list */
};

struct backlog {
    struct backlog_settings settings;
    struct entry *first;
    struct entry *last;
    struct entry *next;
    uint64_t order;
    size_t waiting;
    size_t inflight;
    size_t max_answers; /* bound on `waiting` for an answer */
    uint32_t free_slot; /* index + 1; 0: none is free */
    bool open;
    bool outage; /* what waited for the broker is not worked off yet */
    bool congested;
    bool handing_over;
    struct slot *slots;
};

/* --- entries --- */

static char *copy_bytes(char **end, const void *data, size_t len)
{
    char *copy = *end;
    if (len > 0) {
        memcpy(copy, data, len);
    }
    *end += len;
    return copy;
}

static struct entry *entry_new(const struct backlog_message *message)
{
    size_t topic_size = strlen(message->topic) + 1;
    size_t endpoint_size = strlen(message->endpoint) + 1;
    struct entry *entry = malloc(sizeof(*entry) + topic_size + endpoint_size +
                                 message->payload_len + message->correlation_len);
    if (entry == NULL) {
        return NULL;
    }
    char *end = entry->bytes;
    entry->slot = NO_SLOT;
    entry->message = *message;
    entry->message.topic = copy_bytes(&end, message->topic, topic_size);
    entry->message.endpoint = copy_bytes(&end, message->endpoint, endpoint_size);
    entry->message.payload = copy_bytes(&end, message->payload, message->payload_len);
    if (message->correlation != NULL) {
        entry->message.correlation =
            copy_bytes(&end, message->correlation, message->correlation_len);
    }
    if (message->receipt != NULL) {
        entry->receipt = *message->receipt;
        entry->message.receipt = &entry->receipt;
    }
    return entry;
}

static void append(struct backlog *backlog, struct entry *entry)
{
    entry->order = backlog->order++;
    entry->after = NULL;
    entry->before = backlog->last;
    if (backlog->last != NULL) {
        backlog->last->after = entry;
    } else {
        backlog->first = entry;
    }
    backlog->last = entry;
    backlog->waiting++;
    if (backlog->next == NULL) {
        backlog->next = entry;
    }
}

static void take_out(struct backlog *backlog, struct entry *entry)
{
    if (entry->before != NULL) {
        entry->before->after = entry->after;
    } else {
        backlog->first = entry->after;
    }
    if (entry->after != NULL) {
        entry->after->before = entry->before;
    } else {
        backlog->last = entry->before;
    }
}

/* The first one that waits, from `entry` on. */
static struct entry *first_waiting(struct entry *entry)
{
    while (entry != NULL && entry->slot != NO_SLOT) {
        entry = entry->after;
    }
    return entry;
}

static void wait_again(struct backlog *backlog, struct entry *entry)
{
    backlog->waiting++;
    if (backlog->next == NULL || entry->order < backlog->next->order) {
        backlog->next = entry;
    }
}

/* --- slots --- */

static uint64_t take_slot(struct backlog *backlog, struct entry *entry)
{
    uint32_t index = backlog->free_slot - 1;
    struct slot *slot = &backlog->slots[index];
    backlog->free_slot = slot->next_free;
    slot->entry = entry;
    slot->uses++;
    entry->slot = index;
    backlog->inflight++;
    return (uint64_t)slot->uses << 32 | index;
}

static void give_slot_back(struct backlog *backlog, struct entry *entry)
{
    struct slot *slot = &backlog->slots[entry->slot];
    slot->entry = NULL;
    slot->next_free = backlog->free_slot;
    backlog->free_slot = (uint32_t)entry->slot + 1;
    entry->slot = NO_SLOT;
    backlog->inflight--;
}

static struct entry *find_entry(const struct backlog *backlog, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= backlog->settings.max_inflight || backlog->slots[index].uses != id >> 32) {
        return NULL;
    }
    return backlog->slots[index].entry;
}

/* --- handing over --- */

/*
 * A few rounds of unconfirmed messages keep the broker busy; more would only make devices wait for
 * their acknowledgements until they repeat themselves. After an outage the bound is what may wait.
 */
static size_t congestion_mark(const struct backlog *backlog, bool outage)
{
    size_t most = backlog->settings.max_waiting - backlog->settings.max_waiting / 4;
    size_t rounds = backlog->settings.max_inflight * ROUNDS;
    return outage || rounds > most ? most : rounds;
}

static void watch_congestion(struct backlog *backlog)
{
    size_t usual = congestion_mark(backlog, false);
    if (backlog->open && backlog->waiting <= usual * 2 / 3) {
        backlog->outage = false;
    }
    size_t mark = congestion_mark(backlog, backlog->outage);
    if (backlog->waiting >= mark) {
        backlog->congested = true;
    } else if (backlog->waiting <= mark * 2 / 3) {
        backlog->congested = false;
    }
}

/* An entry that is neither waiting nor in a slot leaves for good. */
static void settle(struct backlog *backlog, struct entry *entry, bool kept, int err)
{
    take_out(backlog, entry);
    if (!kept) {
        backlog->settings.given_up(backlog->settings.ctx, &entry->message, err);
    }
    if (entry->message.receipt != NULL) {
        backlog->settings.settled(backlog->settings.ctx, entry->message.receipt, kept);
    }
    free(entry);
}

/* Hands one entry over; false when there is no point in going on. */
static bool hand_over(struct backlog *backlog, struct entry *entry)
{
    backlog->next = first_waiting(entry->after);
    backlog->waiting--;
    uint64_t id = take_slot(backlog, entry);
    int err = backlog->settings.publish(backlog->settings.ctx, &entry->message, id);
    if (err == 0 || find_entry(backlog, id) != entry) {
        return true;
    }
    give_slot_back(backlog, entry);
    if (err == -EAGAIN) {
        wait_again(backlog, entry);
        return false;
    }
    settle(backlog, entry, false, err);
    return true;
}

/* Callbacks may come back here: then the outer call goes on where they left. */
static void hand_over_all(struct backlog *backlog)
{
    if (backlog->handing_over) {
        return;
    }
    backlog->handing_over = true;
    while (backlog->open && backlog->next != NULL && backlog->free_slot != 0 &&
           hand_over(backlog, backlog->next)) {
    }
    backlog->handing_over = false;
    watch_congestion(backlog);
}

/* --- the interface --- */

int backlog_new(const struct backlog_settings *settings, struct backlog **backlog)
{
    if (settings->max_waiting == 0 || settings->max_inflight == 0 ||
        settings->max_inflight >= UINT32_MAX) {
        return -EINVAL;
    }
    struct backlog *made = calloc(1, sizeof(*made));
    struct slot *slots = calloc(settings->max_inflight, sizeof(*slots));
    if (made == NULL || slots == NULL) {
        free(made);
        free(slots);
        return -ENOMEM;
    }
    for (size_t i = 0; i + 1 < settings->max_inflight; i++) {
        slots[i].next_free = (uint32_t)i + 2;
    }
    made->settings = *settings;
    made->outage = true; /* until the broker is there */
    made->slots = slots;
    made->free_slot = 1;
    made->max_answers = settings->max_waiting + settings->max_waiting / 4 + RESERVED_MIN;
    *backlog = made;
    return 0;
}

void backlog_free(struct backlog *backlog)
{
    if (backlog == NULL) {
        return;
    }
    while (backlog->first != NULL) {
        struct entry *entry = backlog->first;
        backlog->first = entry->after;
        free(entry);
    }
    free(backlog->slots);
    free(backlog);
}

int backlog_put(struct backlog *backlog, const struct backlog_message *message)
{
    size_t bound = message->answer ? backlog->max_answers : backlog->settings.max_waiting;
    if (backlog->waiting >= bound) {
        return -ENOSPC;
    }
    struct entry *entry = entry_new(message);
    if (entry == NULL) {
        return -ENOMEM;
    }
    append(backlog, entry);
    hand_over_all(backlog);
    return 0;
}

void backlog_open(struct backlog *backlog)
{
    backlog->open = true;
    hand_over_all(backlog);
    watch_congestion(backlog);
}

void backlog_close(struct backlog *backlog)
{
    backlog->open = false;
    backlog->outage = true;
}

void backlog_published(struct backlog *backlog, uint64_t id, enum backlog_outcome outcome)
{
    struct entry *entry = find_entry(backlog, id);
    if (entry == NULL) {
        return;
    }
    give_slot_back(backlog, entry);
    if (outcome == BACKLOG_LOST) {
        wait_again(backlog, entry);
    } else {
        settle(backlog, entry, outcome == BACKLOG_CONFIRMED, 0);
    }
    hand_over_all(backlog);
}

size_t backlog_waiting(const struct backlog *backlog)
{
    return backlog->waiting;
}

size_t backlog_inflight(const struct backlog *backlog)
{
    return backlog->inflight;
}

bool backlog_is_congested(const struct backlog *backlog)
{
    return backlog->open && backlog->congested;
}
