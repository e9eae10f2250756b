/*
 * The pending changes: statements with their values, one after the other in one buffer that is used
 * again for every turn. A commit runs them in one transaction. They are forgotten only when it
 * succeeded, so that a failure is followed by another try with the same changes, and a change can
 * be taken back as long as it is pending.
 *
 * When the file was lost, or changes found no room in the buffer, the file is rebuilt from what the
 * process holds; those changes go straight into the transaction.
 */
#include "gateway/store/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 16, /* of one statement */
    FIRST_CAPACITY = 64 * 1024,
    KEPT_CAPACITY = 1024 * 1024, /* a larger buffer is given back */
    RETRY_MS = 500,
    REBUILD_RETRY_MS = 30000, /* it writes everything, which takes seconds for a large fleet */
    ROOMS = 14,               /* times that room is made for one commit, the most */
};

/* A change in the buffer: this, `count` values, the bytes of the values; a multiple of 8 bytes. */
struct change {
    uint32_t statement;
    uint32_t count;
    uint64_t size; /* of all of it */
};

static size_t padded(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static size_t size_of(const struct store_value *values, size_t count)
{
    size_t size = sizeof(struct change) + count * sizeof(struct store_value);
    for (size_t i = 0; i < count; i++) {
        size += padded(values[i].len);
    }
    return size;
}

static bool make_room(struct store *store, size_t size)
{
    size_t needed = store->pending_len + size;
    if (needed <= store->pending_capacity) {
        return true;
    }
    if (needed > store->settings.max_pending) {
        return false;
    }
    size_t capacity = store->pending_capacity > 0 ? store->pending_capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *pending = realloc(store->pending, capacity);
    if (pending == NULL) {
        return false;
    }
    store->pending = pending;
    store->pending_capacity = capacity;
    return true;
}

/* Lengths stay in the values; where the bytes are is found again by adding them up. */
static void append(struct store *store, enum store_statement statement,
                   const struct store_value *values, size_t count, size_t size)
{
    char *at = store->pending + store->pending_len;
    struct change change = { (uint32_t)statement, (uint32_t)count, size };
    memcpy(at, &change, sizeof(change));
    at += sizeof(change);
    if (count > 0) {
        memcpy(at, values, count * sizeof(*values));
    }
    at += count * sizeof(*values);
    for (size_t i = 0; i < count; i++) {
        if (values[i].len > 0) {
            memcpy(at, values[i].data, values[i].len);
        }
        at += padded(values[i].len);
    }
    store->pending_len += size;
}

/* --- running statements --- */

static int run(struct store *store, enum store_statement which, const struct store_value *values,
               size_t count)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = store_bind(statement, values, count);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        code = code == SQLITE_DONE ? SQLITE_OK : code;
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return code;
}

static int run_change(struct store *store, const char *at, struct change *change)
{
    struct store_value values[VALUES_MAX];
    memcpy(change, at, sizeof(*change));
    at += sizeof(*change);
    if (change->count > 0) {
        memcpy(values, at, change->count * sizeof(values[0]));
    }
    at += change->count * sizeof(values[0]);
    for (size_t i = 0; i < change->count; i++) {
        values[i].data = at;
        at += padded(values[i].len);
    }
    return run(store, change->statement, values, change->count);
}

static int run_pending(struct store *store)
{
    struct change change;
    int code = SQLITE_OK;
    for (size_t at = 0; at < store->pending_len && code == SQLITE_OK; at += change.size) {
        code = run_change(store, store->pending + at, &change);
        if ((code & 0xff) == SQLITE_CONSTRAINT) {
            code = SQLITE_OK; /* a row without its key: it must not hold up all others */
        }
    }
    return code;
}

/* Everything that the process holds takes the place of what the file says; messages stay, most of
 * them are nowhere else. */
static int run_rebuild(struct store *store)
{
    static const enum store_statement clears[] = { STORE_DEVICE_CLEAR, STORE_OBSERVATION_CLEAR,
                                                   STORE_COMMAND_CLEAR, STORE_SESSION_CLEAR };
    if (store->settings.rebuild == NULL) {
        return SQLITE_OK;
    }
    store->direct_code = SQLITE_OK;
    for (size_t i = 0; i < 4 && store->direct_code == SQLITE_OK; i++) {
        store->direct_code = run(store, clears[i], NULL, 0);
    }
    store->direct = true;
    store->settings.rebuild(store->settings.ctx);
    store->direct = false;
    return store->direct_code;
}

static int transact(struct store *store)
{
    if (store->db == NULL) {
        return -EIO;
    }
    int code = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK && store->stale) {
        code = run_rebuild(store);
    }
    if (code == SQLITE_OK) {
        code = run_pending(store);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        return 0;
    }
    int err = store_error_of(store->db, code);
    (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* may have happened by itself */
    return err;
}

/* A message that the broker confirmed makes room for what is in its way; it may go earlier than
 * its turn, and once more with all the others. */
static bool delete_messages(struct store *store)
{
    struct change change;
    bool any = false;
    int code = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t at = 0; at < store->pending_len && code == SQLITE_OK; at += change.size) {
        memcpy(&change, store->pending + at, sizeof(change));
        if (change.statement == STORE_MESSAGE_DELETE) {
            code = run_change(store, store->pending + at, &change);
            any = true;
        }
    }
    code = code == SQLITE_OK ? sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) : code;
    if (code != SQLITE_OK) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return any && code == SQLITE_OK;
}

static void forget_pending(struct store *store)
{
    store->pending_len = 0;
    store->stale = store->overflowed = false;
    if (store->pending_capacity > KEPT_CAPACITY) {
        free(store->pending);
        store->pending = NULL;
        store->pending_capacity = 0;
    }
}

/* --- the interface --- */

void store_change(struct store *store, enum store_statement statement,
                  const struct store_value *values, size_t count)
{
    if (store->direct) {
        if (store->direct_code == SQLITE_OK) {
            store->direct_code = run(store, statement, values, count);
        }
        return;
    }
    if (store->overflowed) {
        return; /* the process holds it: the rebuild writes it */
    }
    size_t size = size_of(values, count);
    if (make_room(store, size)) {
        append(store, statement, values, count, size);
        return;
    }
    store->pending_len = 0;
    store->health = STORE_FAILING;
    if (store->recovered) {
        store->overflowed = store->stale = true;
    } else { /* the process does not hold what it has not read yet */
        store->unfinished = true;
    }
}

bool store_is_pending(const struct store *store)
{
    return store->pending_len > 0 || store->stale;
}

size_t store_mark(const struct store *store)
{
    return store->pending_len;
}

void store_rewind(struct store *store, size_t mark)
{
    if (mark < store->pending_len) {
        store->pending_len = mark;
    }
}

int store_commit(struct store *store)
{
    if (store->alone && store->recovered) {
        store_share(store);
    }
    if (store->reserve_is_out) {
        store_space_probe(store);
    }
    if (!store_is_pending(store)) {
        if (store->health == STORE_FULL && !store->reserve_is_out) {
            store_note(store, 0);
        }
        return 0;
    }
    if (store->last_error != 0 && store->settings.now_ms(store->settings.ctx) < store->retry_ms) {
        return store->last_error;
    }
    int err = transact(store);
    for (unsigned i = 0; i < ROOMS && err == -ENOSPC && store_space_make(store, i); i++) {
        err = transact(store);
    }
    if (err == -ENOSPC && delete_messages(store)) {
        err = transact(store);
    }
    if (err == -EBADMSG) {
        err = store_replace(store, "damage was found while writing");
        err = err != 0 ? err : transact(store);
    }
    if (err == 0) {
        forget_pending(store);
        store_checkpoint_consider(store);
    } else {
        uint64_t pause_ms = store->stale ? REBUILD_RETRY_MS : RETRY_MS;
        store->retry_ms = store->settings.now_ms(store->settings.ctx) + pause_ms;
        err = err == -EBADMSG ? -EIO : err;
    }
    store_note(store, err);
    return err;
}
