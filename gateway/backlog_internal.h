/*
 * The inside of the backlog: its entries and the two lists they stand in. Private to backlog*.c.
 *
 * `line` is the usual way of a message. `window` is the head of what waits in the store, read into
 * memory; its rest has rows alone. Both are in the order of the entries' numbers, which are the
 * keys of their rows. An entry whose row is not durable yet stands in `undurable` as well.
 */
#pragma once

#include "gateway/backlog.h"

#define NO_SLOT SIZE_MAX

enum backlog_link { BACKLOG_PLACE, BACKLOG_UNDURABLE, BACKLOG_LINKS };

struct backlog_entry {
    struct {
        struct backlog_entry *before, *after;
    } links[BACKLOG_LINKS];
    uint64_t number;
    size_t slot;       /* NO_SLOT while it waits */
    bool has_row;      /* in the store, durable or not */
    bool is_undurable; /* stands in that list */
    bool is_stored;    /* counts as waiting in the store: the broker was away when it came or went,
                          or its device has others there */
    bool in_window;
    struct lwm2m_receipt receipt;
    struct backlog_message message; /* points into `bytes` and to `receipt` */
    char bytes[];
};

struct backlog_list {
    struct backlog_entry *first, *last;
};

/* A message handed over; see backlog.c. */
struct backlog_slot {
    struct backlog_entry *entry; /* NULL while it is free */
    uint32_t uses;
    uint32_t next_free; /* index + 1; 0 ends the list */
};

/* How many messages of devices of one hash wait in the store. */
struct backlog_count {
    uint32_t all;
    uint32_t durable; /* those that left the line: they are older than all that stand in it */
};

/* What waits in the store; see backlog_stored.c. */
struct backlog_tail {
    uint64_t count; /* of messages, those in memory included */
    uint64_t bytes;
    uint64_t unread;  /* rows that are not in memory */
    uint64_t read_to; /* number of the last row that was read or passed over */
    uint64_t undurable_bytes;
    uint64_t limit;    /* bytes that there may be: less than usual while the store is full */
    uint64_t limit_ms; /* when it may be lowered again */
    uint64_t dropped_to;
    uint64_t dropped;
    struct backlog_count *devices; /* of each hash; NULL without a store */
    size_t inflight;               /* of the window */
    uint64_t tokens;               /* thousandths of a message that may be handed over */
    uint64_t tokens_ms;
    bool survey;  /* the file was replaced: count again */
    bool is_over; /* nothing is read any more */
};

struct backlog {
    struct backlog_settings settings;
    struct backlog_list line, window, undurable;
    struct backlog_entry *next; /* the first of `line` that waits */
    uint64_t number;            /* of the next entry */
    size_t waiting;             /* of `line` */
    size_t patient;             /* of those that wait, the patient ones */
    size_t window_waiting;
    size_t inflight;
    size_t max_answers; /* bound on `waiting` for an answer */
    uint32_t free_slot; /* index + 1; 0: none is free */
    bool open;
    bool outage;         /* what waited for the broker is not worked off yet */
    bool many_impatient; /* congested: more wait than the broker takes, without the patient ones */
    bool many_in_all;    /* congested: hardly any more may wait */
    bool crowded;
    bool handing_over;
    bool committed; /* the last commit succeeded */
    uint64_t now_ms;
    struct backlog_slot *slots;
    struct backlog_tail tail;
};

/* --- entries (backlog_entry.c) --- */

/** A copy of a message; NULL when memory is short. */
struct backlog_entry *backlog_entry_new(const struct backlog_message *message, uint64_t number);

void backlog_list_append(struct backlog_list *list, enum backlog_link link,
                         struct backlog_entry *entry);
void backlog_list_remove(struct backlog_list *list, enum backlog_link link,
                         struct backlog_entry *entry);

/** Puts an entry where its number belongs. */
void backlog_list_insert(struct backlog_list *list, struct backlog_entry *entry);

/* --- the store (backlog_stored.c); all of these do nothing without one --- */

[[nodiscard]] int backlog_stored_init(struct backlog *backlog);
void backlog_stored_deinit(struct backlog *backlog);

/** Whether messages of this device wait in the store: a newer one must go behind them. */
bool backlog_stored_has(const struct backlog *backlog, const char *endpoint);

/** Whether there is room for a message. @return 0, -ENOSPC */
[[nodiscard]] int backlog_stored_room(struct backlog *backlog,
                                      const struct backlog_message *message);

/** Gives an entry its row, to be durable with the next commit. */
void backlog_stored_put(struct backlog *backlog, struct backlog_entry *entry);

/** An entry that has a row counts as durable with the next commit, not before. */
void backlog_stored_await(struct backlog *backlog, struct backlog_entry *entry);

/** Writes the row of an entry that has one once more, into a new file. */
void backlog_stored_put_again(struct backlog *backlog, const struct backlog_entry *entry);

/** The row of an entry is durable, or goes. */
void backlog_stored_durable(struct backlog *backlog, struct backlog_entry *entry);

/** Counts an entry as waiting in the store from now on. */
void backlog_stored_add(struct backlog *backlog, struct backlog_entry *entry);

/** An entry that is counted leaves the line, for the window or for its row alone. */
void backlog_stored_retire(struct backlog *backlog, const struct backlog_entry *entry);

/** Whether older messages of its device wait in the store, behind which an entry of the line is to
 *  go. */
bool backlog_stored_precede(const struct backlog *backlog, const struct backlog_entry *entry);

/** An entry leaves for good: its row and what counted it go. */
void backlog_stored_remove(struct backlog *backlog, struct backlog_entry *entry);

/** Drops the oldest when there is too much and that is wanted; only when all is committed, or
 *  nothing is being handed over. */
void backlog_stored_trim(struct backlog *backlog);

/** Reads what may be handed over next into the window; only when all is committed. */
void backlog_stored_read(struct backlog *backlog);

/** Whether one of the window may be handed over now; takes what that costs. */
bool backlog_stored_may_go(struct backlog *backlog);
