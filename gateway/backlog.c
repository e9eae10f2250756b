/*
 * The usual way of a message: one line in the order of arrival holds all that wait or are handed
 * over. `next` is the first one that waits; all before it are handed over, but after a loss some
 * behind it may be as well. A message that is handed over has a slot; its number and a count that
 * grows with every use of the slot make the id, so that a late answer about an earlier use is
 * recognised. backlog_stored.c has what waits in the store.
 */
#include "gateway/backlog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESERVED_MIN = 16,
    ROUNDS = 4,     /* of unconfirmed messages that may wait before devices are slowed down */
    DRAIN_MS = 10,  /* between two looks at what waits in the store */
    RETRY_MS = 500, /* until a store in trouble is tried again */
};

/* --- waiting --- */

/* The first one that waits, from `entry` on. */
static struct backlog_entry *first_waiting(struct backlog_entry *entry)
{
    while (entry != NULL && entry->slot != NO_SLOT) {
        entry = entry->links[BACKLOG_PLACE].after;
    }
    return entry;
}

static void starts_waiting(struct backlog *backlog, struct backlog_entry *entry)
{
    if (entry->in_window) {
        backlog->window_waiting++;
        return;
    }
    backlog->waiting++;
    backlog->patient += entry->message.patient;
    if (backlog->next == NULL || entry->number < backlog->next->number) {
        backlog->next = entry;
    }
}

static void stops_waiting(struct backlog *backlog, struct backlog_entry *entry)
{
    if (entry->in_window) {
        backlog->window_waiting--;
        return;
    }
    backlog->waiting--;
    backlog->patient -= entry->message.patient;
    if (entry == backlog->next) {
        backlog->next = first_waiting(entry->links[BACKLOG_PLACE].after);
    }
}

/* --- slots --- */

static uint64_t take_slot(struct backlog *backlog, struct backlog_entry *entry)
{
    uint32_t index = backlog->free_slot - 1;
    struct backlog_slot *slot = &backlog->slots[index];
    backlog->free_slot = slot->next_free;
    slot->entry = entry;
    slot->uses++;
    entry->slot = index;
    backlog->inflight++;
    backlog->tail.inflight += entry->in_window;
    return (uint64_t)slot->uses << 32 | index;
}

static void give_slot_back(struct backlog *backlog, struct backlog_entry *entry)
{
    struct backlog_slot *slot = &backlog->slots[entry->slot];
    slot->entry = NULL;
    slot->next_free = backlog->free_slot;
    backlog->free_slot = (uint32_t)entry->slot + 1;
    entry->slot = NO_SLOT;
    backlog->inflight--;
    backlog->tail.inflight -= entry->in_window;
}

static struct backlog_entry *find_entry(const struct backlog *backlog, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= backlog->settings.max_inflight || backlog->slots[index].uses != id >> 32) {
        return NULL;
    }
    return backlog->slots[index].entry;
}

/* --- congestion --- */

/* A condition that holds from `mark` on until two thirds of it. */
static bool is_above(bool before, size_t count, size_t mark)
{
    return before ? count > mark * 2 / 3 : count >= mark;
}

/*
 * A few rounds of unconfirmed messages keep the broker busy; more would only make devices wait for
 * their acknowledgements until they repeat themselves. After an outage the bound is what may wait;
 * it is also that of messages that nobody waits for, such as those of a million devices that all
 * register at once.
 */
static void watch_congestion(struct backlog *backlog)
{
    size_t max = backlog->settings.max_waiting;
    size_t most = max - max / 4;
    size_t rounds = backlog->settings.max_inflight * ROUNDS;
    size_t usual = rounds > most ? most : rounds;
    size_t impatient = backlog->waiting - backlog->patient;
    if (backlog->open && impatient <= usual * 2 / 3) {
        backlog->outage = false;
    }
    backlog->many_impatient =
        is_above(backlog->many_impatient, impatient, backlog->outage ? most : usual);
    backlog->many_in_all = is_above(backlog->many_in_all, backlog->waiting, most);
    backlog->crowded = is_above(backlog->crowded, backlog->waiting, max - max / 2);
}

/* --- leaving --- */

static void acknowledge(struct backlog *backlog, struct backlog_entry *entry, bool kept)
{
    if (entry->message.receipt != NULL) {
        entry->message.receipt = NULL;
        backlog->settings.settled(backlog->settings.ctx, &entry->receipt, kept);
    }
}

static void take_out(struct backlog *backlog, struct backlog_entry *entry)
{
    backlog_list_remove(entry->in_window ? &backlog->window : &backlog->line, BACKLOG_PLACE, entry);
}

/* An entry that is neither waiting nor in a slot leaves for good. */
static void settle(struct backlog *backlog, struct backlog_entry *entry, bool kept, int err)
{
    take_out(backlog, entry);
    backlog_stored_remove(backlog, entry);
    if (!kept) {
        backlog->settings.given_up(backlog->settings.ctx, &entry->message, err);
    }
    acknowledge(backlog, entry, kept);
    free(entry);
}

/* A waiting entry of the line is durable in the store: it leaves the memory, unless what was read
 * from there has passed its place. */
static void retire(struct backlog *backlog, struct backlog_entry *entry)
{
    stops_waiting(backlog, entry);
    take_out(backlog, entry);
    acknowledge(backlog, entry, true);
    backlog_stored_retire(backlog, entry);
    if (entry->number > backlog->tail.read_to) {
        backlog->tail.unread++;
        free(entry);
        return;
    }
    entry->in_window = true;
    backlog_list_insert(&backlog->window, entry);
    starts_waiting(backlog, entry);
}

static bool may_retire(const struct backlog_entry *entry)
{
    return entry->is_stored && !entry->is_undurable && !entry->in_window && entry->slot == NO_SLOT;
}

/* --- handing over --- */

/* Hands one entry over; false when there is no point in going on. */
static bool hand_over(struct backlog *backlog, struct backlog_entry *entry)
{
    stops_waiting(backlog, entry);
    uint64_t id = take_slot(backlog, entry);
    int err = backlog->settings.publish(backlog->settings.ctx, &entry->message, id);
    if (err == 0 || find_entry(backlog, id) != entry) {
        return true;
    }
    give_slot_back(backlog, entry);
    if (err == -EAGAIN) {
        starts_waiting(backlog, entry);
        return false;
    }
    settle(backlog, entry, false, err);
    return true;
}

/* What has a row goes when the row is durable. A store in trouble is not waited for, but by what
 * has older messages of its device there. */
static bool is_ready(const struct backlog *backlog, const struct backlog_entry *entry)
{
    if (entry == NULL || !entry->is_undurable) {
        return entry != NULL;
    }
    return store_health(backlog->settings.store) != STORE_WELL &&
           !backlog_stored_precede(backlog, entry);
}

static bool has_slot(const struct backlog *backlog)
{
    return backlog->open && backlog->free_slot != 0;
}

static void hand_over_window(struct backlog *backlog)
{
    while (backlog->window_waiting > 0 && has_slot(backlog) && backlog_stored_may_go(backlog)) {
        if (!hand_over(backlog, first_waiting(backlog->window.first))) {
            return;
        }
    }
}

/* What must not overtake older messages in a store in trouble does not hold up other devices. Once
 * per turn and not for each message: it walks along the line. */
static void hand_over_others(struct backlog *backlog)
{
    struct backlog_entry *entry = backlog->next;
    if (entry == NULL || is_ready(backlog, entry) ||
        store_health(backlog->settings.store) == STORE_WELL) {
        return;
    }
    backlog->handing_over = true;
    while (entry != NULL && has_slot(backlog)) {
        struct backlog_entry *after = first_waiting(entry->links[BACKLOG_PLACE].after);
        if (is_ready(backlog, entry) && !hand_over(backlog, entry)) {
            break;
        }
        entry = after;
    }
    backlog->handing_over = false;
}

/* Callbacks may come back here: then the outer call goes on where they left. */
static void hand_over_all(struct backlog *backlog)
{
    if (backlog->handing_over) {
        return;
    }
    backlog->handing_over = true;
    hand_over_window(backlog);
    while (has_slot(backlog) && is_ready(backlog, backlog->next) &&
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
    struct backlog_slot *slots = calloc(settings->max_inflight, sizeof(*slots));
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
    made->number = 1;
    made->committed = true;
    made->max_answers = settings->max_waiting + settings->max_waiting / 4 + RESERVED_MIN;
    int err = backlog_stored_init(made);
    if (err != 0) {
        backlog_free(made);
        return err;
    }
    *backlog = made;
    return 0;
}

static void free_list(struct backlog_list *list)
{
    while (list->first != NULL) {
        struct backlog_entry *entry = list->first;
        backlog_list_remove(list, BACKLOG_PLACE, entry);
        free(entry);
    }
}

void backlog_free(struct backlog *backlog)
{
    if (backlog == NULL) {
        return;
    }
    free_list(&backlog->line);
    free_list(&backlog->window);
    backlog_stored_deinit(backlog);
    free(backlog->slots);
    free(backlog);
}

int backlog_put(struct backlog *backlog, const struct backlog_message *message)
{
    size_t bound = message->answer ? backlog->max_answers : backlog->settings.max_waiting;
    bool has_store = backlog->settings.store != NULL;
    bool waits =
        !backlog->open || (!message->answer && backlog_stored_has(backlog, message->endpoint));
    if (backlog->waiting >= bound) {
        return -ENOSPC;
    }
    if (has_store && waits && backlog_stored_room(backlog, message) != 0) {
        return -ENOSPC;
    }
    struct backlog_entry *entry = backlog_entry_new(message, backlog->number);
    if (entry == NULL) {
        return -ENOMEM;
    }
    backlog->number++;
    backlog_list_append(&backlog->line, BACKLOG_PLACE, entry);
    starts_waiting(backlog, entry);
    if (waits || message->keep) {
        backlog_stored_put(backlog, entry);
    }
    if (waits) {
        backlog_stored_add(backlog, entry);
    }
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
    bool was_open = backlog->open;
    backlog->open = false;
    backlog->outage = true;
    if (!was_open || backlog->settings.store == NULL) {
        return;
    }
    struct backlog_entry *last = backlog->line.last; /* callbacks may add some */
    struct backlog_entry *after = NULL;
    bool behind = false; /* an older one is not durable: those behind it must not leave before */
    for (struct backlog_entry *entry = backlog->line.first; entry != NULL; entry = after) {
        after = entry != last ? entry->links[BACKLOG_PLACE].after : NULL;
        backlog_stored_put(backlog, entry);
        backlog_stored_add(backlog, entry);
        if (behind && !entry->is_undurable) {
            backlog_stored_await(backlog, entry);
        }
        behind = entry->is_undurable;
        if (may_retire(entry)) {
            retire(backlog, entry);
        }
    }
}

void backlog_published(struct backlog *backlog, uint64_t id, enum backlog_outcome outcome)
{
    struct backlog_entry *entry = find_entry(backlog, id);
    if (entry == NULL) {
        return;
    }
    give_slot_back(backlog, entry);
    if (outcome != BACKLOG_LOST) {
        settle(backlog, entry, outcome == BACKLOG_CONFIRMED, 0);
    } else {
        starts_waiting(backlog, entry);
        if (may_retire(entry)) {
            retire(backlog, entry);
        }
    }
    hand_over_all(backlog);
}

static void settle_durable(struct backlog *backlog)
{
    const struct backlog_entry *last = backlog->undurable.last; /* callbacks may add some */
    bool more = last != NULL;
    while (more) {
        struct backlog_entry *entry = backlog->undurable.first;
        more = entry != last;
        backlog_stored_durable(backlog, entry);
        if (may_retire(entry)) {
            retire(backlog, entry);
        } else if (entry->is_stored) {
            acknowledge(backlog, entry, true);
        }
    }
}

void backlog_turn(struct backlog *backlog, uint64_t now_ms, bool committed)
{
    backlog->now_ms = now_ms;
    backlog->committed = committed;
    if (backlog->settings.store != NULL) {
        if (committed) {
            backlog_stored_read(backlog);
            settle_durable(backlog);
        }
        if (committed || !backlog->open) {
            backlog_stored_trim(backlog);
        }
    }
    hand_over_all(backlog);
    if (!backlog->handing_over) {
        hand_over_others(backlog);
    }
}

uint64_t backlog_next_ms(const struct backlog *backlog)
{
    if (backlog->undurable.first != NULL) { /* put after the last commit, or that one failed */
        bool is_well = store_health(backlog->settings.store) == STORE_WELL;
        return backlog->now_ms + (is_well ? 0 : RETRY_MS);
    }
    bool drains = backlog->open && !backlog->tail.is_over &&
                  (backlog->window_waiting > 0 || backlog->tail.unread > 0);
    return drains ? backlog->now_ms + DRAIN_MS : UINT64_MAX;
}

static void put_again(struct backlog *backlog, const struct backlog_list *list)
{
    for (struct backlog_entry *entry = list->first; entry != NULL;
         entry = entry->links[BACKLOG_PLACE].after) {
        if (entry->has_row) {
            backlog_stored_put_again(backlog, entry);
        }
    }
}

void backlog_rebuild(struct backlog *backlog)
{
    put_again(backlog, &backlog->line);
    put_again(backlog, &backlog->window);
    backlog->tail.survey = true;
}

void backlog_finish(struct backlog *backlog)
{
    backlog->tail.is_over = true;
}

size_t backlog_waiting(const struct backlog *backlog)
{
    return backlog->waiting;
}

size_t backlog_inflight(const struct backlog *backlog)
{
    return backlog->inflight;
}

uint64_t backlog_stored(const struct backlog *backlog)
{
    return backlog->tail.count;
}

size_t backlog_unsafe(const struct backlog *backlog)
{
    size_t count = 0;
    for (const struct backlog_entry *entry = backlog->line.first; entry != NULL;
         entry = entry->links[BACKLOG_PLACE].after) {
        count += !entry->has_row || entry->is_undurable;
    }
    return count;
}

uint64_t backlog_dropped(const struct backlog *backlog)
{
    return backlog->tail.dropped;
}

bool backlog_is_congested(const struct backlog *backlog)
{
    return backlog->open && (backlog->many_impatient || backlog->many_in_all);
}

bool backlog_is_crowded(const struct backlog *backlog)
{
    return backlog->crowded;
}
