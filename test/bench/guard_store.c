/*
 * The log of changes of bench-guard, in place of gateway/store/store_checkpoint.c: its thread would
 * move the log into the file whenever it gets the processor, and what a commit costs depends on how
 * long the log is. Here that happens after every so many commits, and is not counted: it is not the
 * loop's work.
 */
#include "gateway/store/store_internal.h"

enum { COMMITS = 16 }; /* some 500 pages, as the thread has it */

static unsigned commits; /* since the log was moved; there is one store */

int store_checkpoint_start(struct store *store)
{
    (void)store;
    return 0;
}

void store_checkpoint_stop(struct store *store)
{
    (void)store;
}

__attribute__((noinline)) static void guard_world_checkpoint(struct store *store)
{
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void store_checkpoint_consider(struct store *store)
{
    if (++commits == COMMITS) {
        guard_world_checkpoint(store);
        commits = 0;
    }
}
