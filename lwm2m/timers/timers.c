/*
 * The timing wheel: eleven levels of 64 slots cover every 64-bit deadline.
 *
 * A deadline lives on the level of the highest 6-bit digit in which it differs from the current
 * time, in the slot named by that digit. So all timers of a level fire before those of the level
 * above, one bitmap per level finds the next slot without a search, and a timer moves down at most
 * ten times in its life. The wheel's time only steps over empty slots, which keeps that true.
 */
#include "lwm2m/timers/timers.h"

#include <stddef.h>
#include <stdlib.h>

#define DIGIT_BITS 6
#define SLOTS      (1u << DIGIT_BITS)
#define LEVELS     11 /* 11 digits of 6 bits hold 64 bits */

struct lwm2m_timers {
    uint64_t now_ms;
    void *ctx;
    uint64_t occupied[LEVELS]; /* bit n: slot n is not empty */
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

static unsigned digit(uint64_t time_ms, unsigned level)
{
    return (unsigned)(time_ms >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* Puts a timer into the wheel, or on `late` when its deadline has come. */
static void insert(struct lwm2m_timers *timers, struct lwm2m_timer *timer,
                   struct lwm2m_timer **late)
{
    if (timer->deadline_ms <= timers->now_ms) {
        push(late, timer);
        return;
    }
    uint64_t differing = timer->deadline_ms ^ timers->now_ms;
    unsigned level = (63u - (unsigned)__builtin_clzll(differing)) / DIGIT_BITS;
    unsigned slot = digit(timer->deadline_ms, level);

    push(&timers->slots[level][slot], timer);
    timers->occupied[level] |= UINT64_C(1) << slot;
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
        timers->occupied[index / SLOTS] &= ~(UINT64_C(1) << (index % SLOTS));
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

/* The first slot in the order of time; false when the wheel is empty. */
static bool next_slot(const struct lwm2m_timers *timers, unsigned *level, unsigned *slot,
                      uint64_t *start_ms)
{
    for (*level = 0; *level < LEVELS; (*level)++) {
        if (timers->occupied[*level]) {
            unsigned shift = *level * DIGIT_BITS;
            unsigned above = shift + DIGIT_BITS; /* the digits that the slot shares with now_ms */
            uint64_t shared = above < 64 ? timers->now_ms >> above << above : 0;

            *slot = (unsigned)__builtin_ctzll(timers->occupied[*level]);
            *start_ms = shared | (uint64_t)*slot << shift;
            return true;
        }
    }
    return false;
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
static void unwind(struct lwm2m_timers *timers, unsigned level, unsigned slot)
{
    struct lwm2m_timer *list = NULL;

    move_list(&timers->slots[level][slot], &list);
    timers->occupied[level] &= ~(UINT64_C(1) << slot);
    while (list) {
        struct lwm2m_timer *timer = list;
        list = timer->next;
        insert(timers, timer, &timers->firing);
    }
}

void lwm2m_timers_run(struct lwm2m_timers *timers, uint64_t now_ms)
{
    unsigned level, slot;
    uint64_t start_ms;

    move_list(&timers->due, &timers->firing);
    fire(timers, now_ms);
    while (next_slot(timers, &level, &slot, &start_ms) && start_ms <= now_ms) {
        timers->now_ms = start_ms;
        unwind(timers, level, slot);
        fire(timers, now_ms);
    }
    if (now_ms > timers->now_ms) {
        timers->now_ms = now_ms;
    }
}

uint64_t lwm2m_timers_next_ms(const struct lwm2m_timers *timers)
{
    unsigned level, slot;
    uint64_t start_ms;

    if (timers->due) {
        return timers->now_ms;
    }
    return next_slot(timers, &level, &slot, &start_ms) ? start_ms : LWM2M_TIMERS_NEVER;
}
