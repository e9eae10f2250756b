/*
 * The log of changes of bench-guard, in place of gateway/store/store_checkpoint.c: its thread would
 * move the log into the file whenever it gets the processor, and what a commit costs depends on how
 * long the log is. Here that happens within the commit that makes the log long, and is not counted:
 * it is not the loop's work.
 */
#include "gateway/store/store_internal.h"

enum { USUAL_PAGES = 512 }; /* of the log, as in store_checkpoint.c */

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *store = ctx;
    (void)db;
    (void)name;
    store->log_pages = pages;
    return SQLITE_OK;
}

int store_checkpoint_start(struct store *store)
{
    (void)sqlite3_wal_hook(store->db, on_commit, store);
    return 0;
}

void store_checkpoint_stop(struct store *store)
{
    (void)sqlite3_wal_hook(store->db, NULL, NULL);
}

__attribute__((noinline)) static void guard_world_checkpoint(struct store *store)
{
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void store_checkpoint_consider(struct store *store)
{
    if (store->log_pages >= USUAL_PAGES) {
        guard_world_checkpoint(store);
    }
}
