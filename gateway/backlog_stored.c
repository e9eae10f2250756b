/*
 * The backlog's part in the store: how much there is, whose it is, what is read next, what makes
 * room. Whose it is is counted in a table of fixed size by a hash of the endpoint name: two devices
 * that share a counter merely wait for each other.
 */
#include "gateway/backlog_internal.h"
#include "gateway/store/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEVICES = 1 << 17,      /* counters */
    READ_MAX = 256,         /* rows in memory at a time, the most */
    DROP_PIECE = 64,        /* rows that make room at a time */
    FULL_ROOM = 256 * 1024, /* bytes that a full store is kept free for what is new */
    FULL_MS = 600,          /* until that may have helped: a commit is tried every 500 ms */
    TOKEN = 1000,
    BURST_MS = 100, /* of the drain rate that may be saved up */
};

static struct backlog_count *counter_of(const struct backlog *backlog, const char *endpoint)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (; *endpoint != '\0'; endpoint++) {
        hash = (hash ^ (uint8_t)*endpoint) * 1099511628211U;
    }
    return &backlog->tail.devices[(hash ^ hash >> 32) % DEVICES];
}

static struct store_message row_of(const struct backlog_entry *entry)
{
    return (struct store_message){
        .id = entry->number,
        .topic = entry->message.topic,
        .endpoint = entry->message.endpoint,
        .payload = entry->message.payload,
        .payload_len = entry->message.payload_len,
        .correlation = entry->message.correlation,
        .correlation_len = entry->message.correlation_len,
        .qos = entry->message.qos,
        .answer = entry->message.answer,
    };
}

/* --- counting --- */

static void count_in(struct backlog *backlog, const struct store_message *row)
{
    backlog->tail.count++;
    backlog->tail.bytes += store_message_bytes(row);
    counter_of(backlog, row->endpoint)->all++;
}

static void count_out(struct backlog *backlog, const struct store_message *row, bool in_line)
{
    struct backlog_tail *tail = &backlog->tail;
    uint64_t bytes = store_message_bytes(row);
    struct backlog_count *counter = counter_of(backlog, row->endpoint);
    tail->count -= tail->count > 0;
    tail->bytes -= bytes < tail->bytes ? bytes : tail->bytes;
    counter->all -= counter->all > 0;
    counter->durable -= !in_line && counter->durable > 0;
}

/*
 * Rows of entries that go the usual way lie among the others. Both are in the order of their
 * numbers: a visit of rows walks along the line.
 */
struct walk {
    struct backlog *backlog;
    const struct backlog_entry *at;
};

static struct walk walk_begin(struct backlog *backlog)
{
    return (struct walk){ backlog, backlog->line.first };
}

/* The entry of the line that a row belongs to, NULL if there is none. */
static const struct backlog_entry *walk_to(struct walk *walk, uint64_t number)
{
    while (walk->at != NULL && walk->at->number < number) {
        walk->at = walk->at->links[BACKLOG_PLACE].after;
    }
    return walk->at != NULL && walk->at->number == number ? walk->at : NULL;
}

static void survey_row(void *ctx, const struct store_message *row)
{
    struct walk *walk = ctx;
    const struct backlog_entry *entry = walk_to(walk, row->id);
    if (entry == NULL || entry->is_stored) {
        count_in(walk->backlog, row);
    }
    if (entry == NULL) {
        counter_of(walk->backlog, row->endpoint)->durable++;
    }
    walk->backlog->tail.unread += entry == NULL && row->id > walk->backlog->tail.read_to;
}

/* Counts everything anew; rows with a number up to `read_to` are in memory. */
static int survey(struct backlog *backlog)
{
    struct backlog_tail *tail = &backlog->tail;
    struct walk walk = walk_begin(backlog);
    memset(tail->devices, 0, DEVICES * sizeof(*tail->devices));
    tail->count = tail->bytes = tail->unread = 0;
    tail->survey = false;
    int rows = store_messages_survey(backlog->settings.store, survey_row, &walk);
    return rows < 0 ? rows : 0;
}

int backlog_stored_init(struct backlog *backlog)
{
    if (backlog->settings.store == NULL) {
        return 0;
    }
    backlog->tail.devices = calloc(DEVICES, sizeof(*backlog->tail.devices));
    if (backlog->tail.devices == NULL) {
        return -ENOMEM;
    }
    backlog->tail.limit = backlog->settings.max_stored;
    backlog->number = store_message_last_id(backlog->settings.store) + 1;
    return survey(backlog);
}

void backlog_stored_deinit(struct backlog *backlog)
{
    free(backlog->tail.devices);
}

bool backlog_stored_has(const struct backlog *backlog, const char *endpoint)
{
    return backlog->tail.count > 0 && counter_of(backlog, endpoint)->all > 0;
}

bool backlog_stored_precede(const struct backlog *backlog, const struct backlog_entry *entry)
{
    return entry->is_stored && counter_of(backlog, entry->message.endpoint)->durable > 0;
}

/* --- entries --- */

void backlog_stored_put(struct backlog *backlog, struct backlog_entry *entry)
{
    if (backlog->settings.store == NULL || entry->has_row) {
        return;
    }
    const struct store_message row = row_of(entry);
    store_message_put(backlog->settings.store, &row);
    entry->has_row = true;
    backlog_stored_await(backlog, entry);
}

void backlog_stored_await(struct backlog *backlog, struct backlog_entry *entry)
{
    const struct store_message row = row_of(entry);
    entry->is_undurable = true;
    backlog_list_append(&backlog->undurable, BACKLOG_UNDURABLE, entry);
    backlog->tail.undurable_bytes += store_message_bytes(&row);
}

void backlog_stored_durable(struct backlog *backlog, struct backlog_entry *entry)
{
    const struct store_message row = row_of(entry);
    backlog_list_remove(&backlog->undurable, BACKLOG_UNDURABLE, entry);
    backlog->tail.undurable_bytes -= store_message_bytes(&row);
    entry->is_undurable = false;
}

void backlog_stored_put_again(struct backlog *backlog, const struct backlog_entry *entry)
{
    const struct store_message row = row_of(entry);
    store_message_put(backlog->settings.store, &row);
}

void backlog_stored_add(struct backlog *backlog, struct backlog_entry *entry)
{
    if (backlog->settings.store != NULL && !entry->is_stored) {
        const struct store_message row = row_of(entry);
        entry->is_stored = true;
        count_in(backlog, &row);
    }
}

void backlog_stored_retire(struct backlog *backlog, const struct backlog_entry *entry)
{
    counter_of(backlog, entry->message.endpoint)->durable++;
}

void backlog_stored_remove(struct backlog *backlog, struct backlog_entry *entry)
{
    if (entry->is_undurable) {
        backlog_stored_durable(backlog, entry);
    }
    if (entry->is_stored) {
        const struct store_message row = row_of(entry);
        count_out(backlog, &row, !entry->in_window);
    }
    if (entry->has_row) {
        store_message_delete(backlog->settings.store, entry->number);
    }
}

/* --- room --- */

/* It can neither go behind what its device has in a store that fails nor overtake it. What somebody
 * repeats, or what promises nothing, is not taken then: it would fill the memory. */
static bool is_stuck(const struct backlog *backlog, const char *endpoint)
{
    return store_health(backlog->settings.store) == STORE_FAILING &&
           counter_of(backlog, endpoint)->durable > 0;
}

int backlog_stored_room(struct backlog *backlog, const struct backlog_message *message)
{
    const struct backlog_settings *settings = &backlog->settings;
    uint64_t size = message->payload_len + message->correlation_len;
    uint64_t most = settings->max_stored;
    most += message->answer ? most / 8 : settings->drop_oldest ? most / 16 : 0;
    if (backlog->tail.bytes + size > most) {
        return -ENOSPC;
    }
    if (!message->answer && !message->keep && is_stuck(backlog, message->endpoint)) {
        return -ENOSPC;
    }
    bool is_full = store_health(settings->store) == STORE_FULL;
    bool makes_room = settings->drop_oldest && backlog->committed;
    return is_full && !message->answer && !makes_room ? -ENOSPC : 0;
}

static void drop_row(void *ctx, const struct store_message *row)
{
    struct walk *walk = ctx;
    struct backlog_tail *tail = &walk->backlog->tail;
    tail->dropped_to = row->id;
    if (walk_to(walk, row->id) == NULL) {
        count_out(walk->backlog, row, false);
        tail->unread -= tail->unread > 0;
        tail->dropped++;
        store_message_delete(walk->backlog->settings.store, row->id);
    }
}

/*
 * A store that is full holds what it holds, less some room for what is new and for what did not
 * fit.
 */
static void set_limit(struct backlog *backlog)
{
    struct backlog_tail *tail = &backlog->tail;
    bool is_full = store_health(backlog->settings.store) == STORE_FULL;
    if (!is_full) {
        tail->limit = backlog->settings.max_stored;
    } else if (backlog->now_ms >= tail->limit_ms &&
               (tail->limit == backlog->settings.max_stored || !backlog->committed)) {
        uint64_t room = FULL_ROOM + tail->undurable_bytes * 2;
        tail->limit = tail->bytes > room ? tail->bytes - room : 0;
        tail->limit_ms = backlog->now_ms + FULL_MS;
    }
}

void backlog_stored_trim(struct backlog *backlog)
{
    struct backlog_tail *tail = &backlog->tail;
    if (!backlog->settings.drop_oldest) {
        return;
    }
    set_limit(backlog);
    int rows = 1;
    while (rows > 0 && tail->bytes > tail->limit) {
        struct walk walk = walk_begin(backlog);
        uint64_t after = tail->dropped_to > tail->read_to ? tail->dropped_to : tail->read_to;
        rows = store_messages_oldest(backlog->settings.store, after, DROP_PIECE, drop_row, &walk);
    }
}

/* --- reading --- */

static void read_row(void *ctx, const struct store_message *row)
{
    struct walk *walk = ctx;
    struct backlog *backlog = walk->backlog;
    const struct backlog_message message = {
        .topic = row->topic,
        .endpoint = row->endpoint,
        .payload = row->payload,
        .payload_len = row->payload_len,
        .correlation = row->correlation,
        .correlation_len = row->correlation_len,
        .qos = row->qos,
        .answer = row->answer,
    };
    backlog->tail.read_to = row->id;
    if (walk_to(walk, row->id) != NULL) {
        return;
    }
    backlog->tail.unread -= backlog->tail.unread > 0;
    struct backlog_entry *entry = backlog_entry_new(&message, row->id);
    if (entry == NULL) {
        return; /* it stays in the store until the next start */
    }
    entry->has_row = entry->is_stored = entry->in_window = true;
    backlog_list_insert(&backlog->window, entry);
    backlog->window_waiting++;
}

void backlog_stored_read(struct backlog *backlog)
{
    struct backlog_tail *tail = &backlog->tail;
    if (tail->survey) {
        (void)survey(backlog);
    }
    if (!backlog->open || tail->unread == 0 || tail->is_over ||
        backlog->window_waiting > READ_MAX / 2) {
        return;
    }
    struct walk walk = walk_begin(backlog);
    int rows = store_messages_visit(backlog->settings.store, tail->read_to,
                                    READ_MAX - backlog->window_waiting, read_row, &walk);
    if (rows == 0) {
        tail->unread = 0; /* the count was wrong: there is nothing left */
    }
}

/* --- the rate --- */

bool backlog_stored_may_go(struct backlog *backlog)
{
    struct backlog_tail *tail = &backlog->tail;
    uint64_t rate = backlog->settings.drain_rate;
    size_t most = backlog->settings.max_inflight / 2;
    if (tail->inflight >= (most > 0 ? most : 1)) {
        return false;
    }
    if (rate == 0) {
        return true;
    }
    uint64_t passed = backlog->now_ms - tail->tokens_ms;
    uint64_t burst = rate * BURST_MS > TOKEN ? rate * BURST_MS : TOKEN;
    tail->tokens += (passed < BURST_MS ? passed : BURST_MS) * rate;
    tail->tokens = tail->tokens < burst ? tail->tokens : burst;
    tail->tokens_ms = backlog->now_ms;
    if (tail->tokens < TOKEN) {
        return false;
    }
    tail->tokens -= TOKEN;
    return true;
}
