/*
 * Room in the file. It grows by the piece, and each piece is allocated on the disk before a page
 * of it may be used; so the log of changes can always be moved into the file, and a full disk is
 * found out by a commit and not in the middle of something. A reserve lies in the file itself, as a
 * row of zeros: when there is no room to grow it is deleted, and its pages are what the ends of
 * commands are written with. The log has its usual size from the beginning, for the same reason.
 */
#include "gateway/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    RESERVE = 1024 * 1024, /* bytes */
    LOG = 4 * 1024 * 1024, /* bytes of the log that are allocated */
    PROBE_MS = 1000,
};

/* The log is not locked by anybody, so opening and closing it here takes no lock away. */
static void allocate_log(const struct store *store)
{
    char *path = NULL;
    if (asprintf(&path, "%s-wal", store->path) < 0) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)posix_fallocate(fd, 0, LOG); /* without it, a full disk is met earlier */
        close(fd);
    }
    free(path);
}

static int limit(struct store *store, uint64_t pages)
{
    char pragma[60];
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count=%" PRIu64, pages);
    return store_error_of(store->db, sqlite3_exec(store->db, pragma, NULL, NULL, NULL));
}

/* Allows the file so many more pieces, if the disk and max_bytes have them. */
static int grow(struct store *store, uint64_t pieces)
{
    uint64_t page = store_pragma(store, "PRAGMA page_size");
    uint64_t pages = store_pragma(store, "PRAGMA page_count");
    uint64_t piece = page > 0 ? STORE_PIECE / page : 1;
    uint64_t most = (pages / piece + pieces) * piece;
    sqlite3_int64 bytes = (sqlite3_int64)(most * page);
    if (store->settings.max_bytes != 0 && (uint64_t)bytes > store->settings.max_bytes) {
        return -ENOSPC;
    }
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_SIZE_HINT, &bytes) != SQLITE_OK) {
        return -ENOSPC;
    }
    return limit(store, most);
}

static int take_reserve(struct store *store)
{
    char insert[100];
    (void)snprintf(insert, sizeof(insert),
                   "INSERT OR IGNORE INTO reserve (id, bytes) VALUES (1, zeroblob(%d))", RESERVE);
    int code = sqlite3_exec(store->db, insert, NULL, NULL, NULL);
    if (code == SQLITE_FULL && grow(store, RESERVE / STORE_PIECE + 1) == 0) {
        code = sqlite3_exec(store->db, insert, NULL, NULL, NULL);
    }
    return store_error_of(store->db, code);
}

void store_space_open(struct store *store)
{
    int piece = STORE_PIECE, persist = 1;
    store->reserve_is_out = true; /* until it is there: the disk may be full at the start */
    (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &piece);
    /* The log stays when the file is closed: a start must not need room. */
    (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    allocate_log(store);
    (void)limit(store, store_pragma(store, "PRAGMA page_count"));
    store->reserve_is_out = take_reserve(store) != 0;
}

bool store_space_grow(struct store *store, uint64_t bytes)
{
    uint64_t page = store_pragma(store, "PRAGMA page_size");
    uint64_t begun = store_pragma(store, "PRAGMA page_count") * page % STORE_PIECE;
    return grow(store, (begun + bytes + STORE_PIECE - 1) / STORE_PIECE) == 0;
}

bool store_space_make(struct store *store, unsigned attempt)
{
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (grow(store, (uint64_t)1 << attempt) == 0 || grow(store, 1) == 0) {
        return true;
    }
    if (store->reserve_is_out) {
        return false;
    }
    store->reserve_is_out = true;
    store->probe_ms = store->settings.now_ms(store->settings.ctx) + PROBE_MS;
    return sqlite3_exec(store->db, "DELETE FROM reserve", NULL, NULL, NULL) == SQLITE_OK;
}

bool store_space_is_free(const struct store *store)
{
    struct statvfs disk;
    return statvfs(store->path, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize >= STORE_PIECE;
}

void store_space_probe(struct store *store)
{
    uint64_t now_ms = store->settings.now_ms(store->settings.ctx);
    if (store->db == NULL || now_ms < store->probe_ms) {
        return;
    }
    store->probe_ms = now_ms + PROBE_MS;
    store->reserve_is_out = take_reserve(store) != 0;
}
