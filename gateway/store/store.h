/*
 * What survives a restart: one SQLite file, written by the loop thread alone.
 *
 * Changes are collected in memory (store_journal.c) and written by store_commit() in one
 * transaction: the gateway calls it once per turn of its loop, before anything of that turn leaves.
 * A change is never half there; two changes with no commit between them become durable together.
 * What could not be written stays collected and is tried again, so a full disk costs nothing that
 * was accepted before.
 *
 * The rows, a file per kind: devices.h, observations.h, commands.h, messages.h, sessions.h. In this
 * folder alone is SQLite spoken.
 *
 * The file is in write-ahead mode. A commit survives the death of the process at any moment; with
 * `power` it survives the loss of power as well, at the price of an fsync for each. Without it, a
 * loss of power may cost the last transactions, but never the file. A file that is there is opened
 * and used without any room on the disk, if need be to the exclusion of other processes.
 */
#pragma once

#include "gateway/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_settings {
    const char *path;   /* of the file; made with mode 0600 when it is missing */
    bool power;         /* commits survive a loss of power */
    uint64_t max_bytes; /* of the file; 0: what the disk holds */
    size_t max_pending; /* bytes of changes that wait for a disk that does not take them */
    struct log *log;
    void *ctx;
    uint64_t (*now_ms)(void *ctx);  /* a clock that never jumps */
    uint64_t (*wall_ms)(void *ctx); /* ms since the epoch; names a damaged file */
    /**
     * The file was lost: puts everything that the process holds into the new one. Called from
     * within store_commit(); must not commit or read. NULL: there is nothing.
     */
    void (*rebuild)(void *ctx);
};

/** How the file is. */
enum store_health {
    STORE_WELL,
    STORE_FULL,    /* the disk or max_bytes is reached: only what ends something is still taken */
    STORE_FAILING, /* the last commit failed for another reason */
};

/**
 * Opens the file, makes it or brings it to the present schema. A damaged one, or one that the disk
 * cannot read everywhere, is put aside as
 * `<path>.damaged-<time>`, named in the log, and replaced by a fresh one.
 *
 * @return 0, -EBUSY (another process has it), -ENOTSUP (a newer version wrote it), -ENOMEM, -EIO,
 *         -ENOSPC, or what the system says of the path; the log says it in words
 */
[[nodiscard]] int store_open(const struct store_settings *settings, struct store **store);

/**
 * The process has taken over all that the file says. Until then a file that proves damaged is
 * replaced by what can be read of it, and that is the truth; from now on `rebuild` is.
 */
void store_recovered(struct store *store);

/** Commits what is pending and closes. Accepts NULL. */
void store_close(struct store *store);

/**
 * Writes all pending changes in one transaction. While the store is not well, it is tried at most
 * twice a second unless `store_health` says STORE_WELL; a call in between fails like the last one.
 *
 * @return 0 (all of it is durable, or nothing was pending); -ENOSPC, -EIO, -EBUSY: the changes stay
 *         pending
 */
[[nodiscard]] int store_commit(struct store *store);

/** Whether changes wait for store_commit(). */
bool store_is_pending(const struct store *store);

enum store_health store_health(const struct store *store);

/** A place among the pending changes; valid until the next successful commit. */
size_t store_mark(const struct store *store);

/** Takes back all changes since store_mark(). For something that is refused because it could not be
 *  written; never across a successful commit. */
void store_rewind(struct store *store, size_t mark);

/** Bytes of the file that are in use. */
uint64_t store_bytes(const struct store *store);
