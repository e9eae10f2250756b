/*
 * The timing wheel: eleven levels of 128 slots cover every 64-bit deadline.
 *
 * A slot of level n spans 64^n ms and is named by the lowest 7 bits of its number, deadline >> 6n.
 * A timer lives on the level of the highest 6-bit digit of its delay, so its slot lies at most 64
 * ahead of the current one; a level holds 128, so that the slot which comes next on the level above
 * fits into it as well. That slot is moved down in portions while it is still ahead: when its time
 * comes it is empty, and no run moves a million timers at once. A timer moves down at most ten
 * times in its life.
 */
#include "lwm2m/timers/timers.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    DIGIT_BITS = 6,
    SLOT_BITS = DIGIT_BITS + 1,
    SLOTS = 1 << SLOT_BITS,
    WORDS = SLOTS / 64,
    LEVELS = 11,         /* 11 digits of 6 bits hold 64 bits */
    EARLY_LEVEL = 2,     /* slots from 4 s on are moved down early; shorter ones hold few timers */
    EARLY_AT_ONCE = 256, /* timers of a level per run */
    EARLY_PAUSE_MS = 10, /* between the portions while nothing else happens */
};

struct lwm2m_timers {
    uint64_t now_ms;
    void *ctx;
    uint64_t occupied[LEVELS][WORDS]; /* bit n: slot n is not empty */
    struct lwm2m_timer *slots[LEVELS][SLOTS];
    struct lwm2m_timer *due;    /* was late already when it was set: fires in the next run */
    struct lwm2m_timer *firing; /* fires in the run under way */
};

struct lwm2m_timers *lwm2m_timers_new(uint64_t now_ms, void *ctx)
{
    struct lwm2m_timers *timers = calloc(1, sizeof *timers);

    if (timers) {
        timers->now_ms = now_ms;
        timers->ctx = ctx;
    }
    return timers;
}

void lwm2m_timers_free(struct lwm2m_timers *timers)
{
    free(timers);
}

static void push(struct lwm2m_timer **head, struct lwm2m_timer *timer)
{
    timer->next = *head;
    timer->link = head;
    if (timer->next) {
        timer->next->link = &timer->next;
    }
    *head = timer;
}

/* Moves a whole list to an empty head. */
static void move_list(struct lwm2m_timer **from, struct lwm2m_timer **to)
{
    *to = *from;
    *from = NULL;
    if (*to) {
        (*to)->link = to;
    }
}

/* Number of the slot of a level that a time falls into; the last level has a part of a digit. */
static uint64_t number_of(uint64_t time_ms, unsigned level)
{
    return time_ms >> (level * DIGIT_BITS);
}

static unsigned level_of(uint64_t delay_ms)
{
    return (63u - (unsigned)__builtin_clzll(delay_ms)) / DIGIT_BITS;
}

/* --- slots --- */

static void mark_slot(struct lwm2m_timers *timers, unsigned level, size_t slot, bool occupied)
{
    uint64_t bit = UINT64_C(1) << (slot % 64);

    if (occupied) {
        timers->occupied[level][slot / 64] |= bit;
    } else {
        timers->occupied[level][slot / 64] &= ~bit;
    }
}

/* How far the first occupied slot of a level is from slot `from`, in the order of time; SLOTS when
 * the level is empty. */
static unsigned distance_to_next(const struct lwm2m_timers *timers, unsigned level, unsigned from)
{
    unsigned distance = 0;

    while (distance < SLOTS) {
        unsigned slot = (from + distance) % SLOTS;
        uint64_t rest = timers->occupied[level][slot / 64] >> (slot % 64);
        if (rest) {
            distance += (unsigned)__builtin_ctzll(rest);
            break;
        }
        distance += 64 - slot % 64;
    }
    return distance < SLOTS ? distance : SLOTS;
}

static void insert_at(struct lwm2m_timers *timers, struct lwm2m_timer *timer, unsigned level)
{
    size_t slot = number_of(timer->deadline_ms, level) % SLOTS;

    push(&timers->slots[level][slot], timer);
    mark_slot(timers, level, slot, true);
}

/* Puts a timer into the wheel, or on `late` when its deadline has come. */
static void insert(struct lwm2m_timers *timers, struct lwm2m_timer *timer,
                   struct lwm2m_timer **late)
{
    if (timer->deadline_ms <= timers->now_ms) {
        push(late, timer);
    } else {
        insert_at(timers, timer, level_of(timer->deadline_ms - timers->now_ms));
    }
}

void lwm2m_timer_stop(struct lwm2m_timers *timers, struct lwm2m_timer *timer)
{
    struct lwm2m_timer **link = timer->link;

    if (!link) {
        return;
    }
    *link = timer->next;
    if (timer->next) {
        timer->next->link = link;
    }
    timer->next = NULL;
    timer->link = NULL;

    struct lwm2m_timer **first = &timers->slots[0][0];
    struct lwm2m_timer **end = first + (size_t)LEVELS * SLOTS;
    if (!*link && link >= first && link < end) { /* it was the last one of a slot */
        size_t index = (size_t)(link - first);
        mark_slot(timers, (unsigned)(index / SLOTS), index % SLOTS, false);
    }
}

void lwm2m_timer_set(struct lwm2m_timers *timers, struct lwm2m_timer *timer, uint64_t deadline_ms,
                     lwm2m_timer_callback *callback)
{
    lwm2m_timer_stop(timers, timer);
    timer->deadline_ms = deadline_ms;
    timer->callback = callback;
    insert(timers, timer, &timers->due);
}

/* --- the course of time --- */

/* A slot whose time comes next. */
struct next {
    unsigned level;
    unsigned slot;
    uint64_t start_ms;
};

/* The first slot in the order of time; false when the wheel is empty. */
static bool find_next(const struct lwm2m_timers *timers, struct next *next)
{
    bool found = false;

    for (unsigned level = 0; level < LEVELS; level++) {
        uint64_t current = number_of(timers->now_ms, level);
        unsigned distance = distance_to_next(timers, level, current % SLOTS);
        if (distance == SLOTS) {
            continue;
        }
        uint64_t start_ms = (current + distance) << (level * DIGIT_BITS);
        if (!found || start_ms < next->start_ms) {
            *next = (struct next){ level, (unsigned)((current + distance) % SLOTS), start_ms };
            found = true;
        }
    }
    return found;
}

static void fire(struct lwm2m_timers *timers, uint64_t now_ms)
{
    while (timers->firing) {
        struct lwm2m_timer *timer = timers->firing;
        lwm2m_timer_stop(timers, timer);
        timer->callback(timer, timers->ctx, now_ms);
    }
}

/* Empties a slot whose time has come: its timers fire or move to lower levels. */
static void unwind(struct lwm2m_timers *timers, const struct next *next)
{
    struct lwm2m_timer *list = NULL;

    move_list(&timers->slots[next->level][next->slot], &list);
    mark_slot(timers, next->level, next->slot, false);
    while (list) {
        struct lwm2m_timer *timer = list;
        list = timer->next;
        insert(timers, timer, &timers->firing);
    }
}

static struct lwm2m_timer **early_slot(struct lwm2m_timers *timers, unsigned level)
{
    return &timers->slots[level][(number_of(timers->now_ms, level) + 1) % SLOTS];
}

/* Moves a portion of the slot that comes next on each level down to where there is room for it. */
static void move_early(struct lwm2m_timers *timers)
{
    for (unsigned level = EARLY_LEVEL; level < LEVELS; level++) {
        struct lwm2m_timer **head = early_slot(timers, level);
        for (unsigned i = 0; i < EARLY_AT_ONCE && *head; i++) {
            struct lwm2m_timer *timer = *head;
            lwm2m_timer_stop(timers, timer);
            insert_at(timers, timer, level - 1);
        }
    }
}

static bool has_early(const struct lwm2m_timers *timers)
{
    for (unsigned level = EARLY_LEVEL; level < LEVELS; level++) {
        if (timers->slots[level][(number_of(timers->now_ms, level) + 1) % SLOTS]) {
            return true;
        }
    }
    return false;
}

void lwm2m_timers_run(struct lwm2m_timers *timers, uint64_t now_ms)
{
    struct next next;

    move_list(&timers->due, &timers->firing);
    fire(timers, now_ms);
    while (find_next(timers, &next) && next.start_ms <= now_ms) {
        timers->now_ms = next.start_ms > timers->now_ms ? next.start_ms : timers->now_ms;
        unwind(timers, &next);
        fire(timers, now_ms);
    }
    if (now_ms > timers->now_ms) {
        timers->now_ms = now_ms;
    }
    move_early(timers);
}

uint64_t lwm2m_timers_next_ms(const struct lwm2m_timers *timers)
{
    struct next next;

    if (timers->due) {
        return timers->now_ms;
    }
    if (!find_next(timers, &next)) {
        return LWM2M_TIMERS_NEVER;
    }
    uint64_t early_ms = timers->now_ms + EARLY_PAUSE_MS;
    return has_early(timers) && early_ms < next.start_ms ? early_ms : next.start_ms;
}
