/*
 * Opening, closing, and how the store is. Besides SQLite's own locks the process holds one on the
 * file (flock), so that a second gateway is told at its start. The file behind it is opened before
 * SQLite's and closed after it: closing any descriptor of a file drops SQLite's own locks.
 */
#include "gateway/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 200,     /* somebody looks into the file with a shell and holds it */
    SHARE_MS = 60000,  /* between two tries to share the file again */
    REPORT_MS = 60000, /* between two lines about the same trouble */
};

int store_error_of(sqlite3 *db, int code)
{
    static const struct {
        int code, err;
    } errors[] = {
        { SQLITE_OK, 0 },
        { SQLITE_FULL, -ENOSPC },
        { SQLITE_CORRUPT, -EBADMSG },
        { SQLITE_NOTADB, -EBADMSG },
        { SQLITE_NOMEM, -ENOMEM },
        { SQLITE_BUSY, -EBUSY },
        { SQLITE_LOCKED, -EBUSY },
        { SQLITE_READONLY, -EACCES },
        { SQLITE_PERM, -EACCES },
        { SQLITE_CANTOPEN, -EACCES },
    };
    int primary = code & 0xff;
    if (primary == SQLITE_IOERR && db != NULL &&
        sqlite3_extended_errcode(db) == SQLITE_IOERR_READ) {
        return -EBADMSG; /* a part of the file cannot be read: as if it held rubbish */
    }
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].code == primary) {
            return errors[i].err;
        }
    }
    if (primary == SQLITE_IOERR && db != NULL && sqlite3_system_errno(db) == ENOSPC) {
        return -ENOSPC;
    }
    return -EIO;
}

/* --- the file --- */

/* Makes the file if need be and takes the lock. */
static int lock_file(struct store *store)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return err;
    }
    store->lock_fd = fd;
    return 0;
}

static void close_file(struct store *store)
{
    for (size_t i = 0; i < STORE_STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    store_checkpoint_stop(store);
    (void)sqlite3_close(store->db);
    store->db = NULL;
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
        store->lock_fd = -1;
    }
}

static void read_number(sqlite3 *db, const char *query, int64_t *number, int *code)
{
    sqlite3_stmt *statement = NULL;
    if (*code == SQLITE_OK) {
        *code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    }
    if (*code == SQLITE_OK) {
        *code = sqlite3_step(statement);
        *number = sqlite3_column_int64(statement, 0);
        *code = *code == SQLITE_ROW ? SQLITE_OK : *code;
    }
    (void)sqlite3_finalize(statement);
}

/*
 * SQLite keeps the index of the log in a file, which it empties when it is the first to open it: on
 * a full disk somebody else may take that room before it is filled again. A connection that
 * excludes all others has the index in memory and needs no room.
 */
static int exclude_others(struct store *store)
{
    if (!store->alone) {
        return 0;
    }
    return store_error_of(
        store->db, sqlite3_exec(store->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL));
}

/* An empty file is a fresh one; any other must be ours, and not of the future. */
static int check_and_migrate(struct store *store)
{
    int64_t application = 0, version = 0, tables = 0;
    int code = SQLITE_OK;
    read_number(store->db, "PRAGMA application_id", &application, &code);
    read_number(store->db, "PRAGMA user_version", &version, &code);
    read_number(store->db, "SELECT count(*) FROM sqlite_master", &tables, &code);
    if (code != SQLITE_OK) {
        return store_error_of(store->db, code);
    }
    bool fresh = application == 0 && version == 0 && tables == 0;
    if (!fresh && (application != STORE_APPLICATION_ID || version < 1)) {
        return -EBADMSG;
    }
    if (version > store_schema_version()) {
        log_error(store->settings.log, "store-too-new", LOG_TEXT("path", store->path),
                  LOG_NUMBER("version", version), LOG_NUMBER("known", store_schema_version()));
        return -ENOTSUP;
    }
    if (version == store_schema_version()) {
        return 0;
    }
    code = store_schema_migrate(store->db, (int)version);
    if (code == SQLITE_OK && !fresh) { /* all of it is in the log, which would stay as long */
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    return store_error_of(store->db, code);
}

static int configure(struct store *store)
{
    char pragmas[300];
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=%s; "
                   "PRAGMA temp_store=MEMORY;"
                   "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON",
                   store->settings.power ? "FULL" : "NORMAL");
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    return store_error_of(store->db, sqlite3_exec(store->db, pragmas, NULL, NULL, NULL));
}

static int prepare(struct store *store)
{
    for (unsigned i = 0; i < STORE_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(store->db, store_statement_text(i), -1,
                                      SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (code == SQLITE_ERROR) {
            return -EBADMSG; /* the tables are not those that the version promises */
        }
        if (code != SQLITE_OK) {
            return store_error_of(store->db, code);
        }
    }
    return 0;
}

static int open_once(struct store *store)
{
    int err = lock_file(store);
    if (err == 0) {
        int code = sqlite3_open_v2(store->path, &store->db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        err = store_error_of(store->db, code);
    }
    err = err != 0 ? err : exclude_others(store);
    err = err != 0 ? err : configure(store);
    err = err != 0 ? err : check_and_migrate(store);
    err = err != 0 ? err : prepare(store);
    err = err != 0 ? err : store_checkpoint_start(store);
    if (err == 0) {
        store_space_open(store);
    }
    if (err != 0) {
        close_file(store);
    }
    return err;
}

/* Opens the file as it is; on failure nothing is open. */
static int open_file(struct store *store)
{
    store->alone = false;
    int err = open_once(store);
    if (err != -ENOSPC && err != -EIO) {
        return err;
    }
    store->alone = true;
    err = open_once(store);
    if (err == 0) {
        log_warn(store->settings.log, "store-alone", LOG_TEXT("path", store->path),
                 LOG_TEXT("reason", "no index can be had that other processes see"));
    }
    return err;
}

void store_share(struct store *store)
{
    uint64_t now_ms = store->settings.now_ms(store->settings.ctx);
    if (now_ms < store->share_ms || !store_space_is_free(store)) {
        return;
    }
    store->share_ms = now_ms + SHARE_MS;
    close_file(store);
    int err = open_file(store);
    store->alone = store->alone || err != 0; /* then it is tried again */
}

/* --- damage --- */

static int move(const char *path, const char *aside, const char *part)
{
    char *from = NULL, *to = NULL;
    int err = -ENOMEM;
    if (asprintf(&from, "%s%s", path, part) >= 0 && asprintf(&to, "%s%s", aside, part) >= 0) {
        err = rename(from, to) == 0 ? 0 : -errno;
    }
    free(from);
    free(to);
    return err;
}

/* The log of changes goes with its file; its index is of no use to anybody. */
static int put_aside(const char *path, const char *aside)
{
    (void)move(path, aside, "-wal");
    (void)move(path, aside, "-shm");
    return move(path, aside, "");
}

int store_replace(struct store *store, const char *why)
{
    char *aside = NULL;
    uint64_t wall_ms = store->settings.wall_ms(store->settings.ctx);
    if (asprintf(&aside, "%s.damaged-%" PRIu64, store->path, wall_ms) < 0) {
        return -ENOMEM;
    }
    if (store->db != NULL) { /* so that closing does not write into the damaged file */
        (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    close_file(store);
    int err = put_aside(store->path, aside);
    err = err != 0 ? err : open_file(store);
    uint64_t salvaged = err == 0 ? store_salvage(store, aside) : 0;
    log_error(store->settings.log, "store-damaged", LOG_TEXT("path", store->path),
              LOG_TEXT("reason", why), LOG_TEXT("put_aside", aside),
              LOG_NUMBER("salvaged", salvaged),
              LOG_TEXT("result", err == 0 ? "a fresh file is used" : strerror(-err)));
    store->stale = err == 0 && store->recovered;
    free(aside);
    return err;
}

/* --- health --- */

void store_note(struct store *store, int err)
{
    uint64_t now = store->settings.now_ms(store->settings.ctx);
    store->last_error = err; /* of the commit */
    if (err == 0 && store->reserve_is_out) {
        err = -ENOSPC; /* it was written all the same */
    }
    if (err == 0) {
        if (store->health != STORE_WELL) {
            log_info(store->settings.log, "store-recovered", LOG_TEXT("path", store->path));
        }
        store->health = STORE_WELL;
        store->report_ms = 0;
        return;
    }
    store->health = err == -ENOSPC ? STORE_FULL : STORE_FAILING;
    if (now >= store->report_ms) {
        store->report_ms = now + REPORT_MS;
        log_error(store->settings.log, err == -ENOSPC ? "store-full" : "store-failing",
                  LOG_TEXT("path", store->path), LOG_TEXT("reason", strerror(-err)));
    }
}

enum store_health store_health(const struct store *store)
{
    return store->health;
}

uint64_t store_pragma(const struct store *store, const char *pragma)
{
    int64_t number = 0;
    int code = store->db != NULL ? SQLITE_OK : SQLITE_MISUSE;
    read_number(store->db, pragma, &number, &code);
    return code == SQLITE_OK ? (uint64_t)number : 0;
}

uint64_t store_bytes(const struct store *store)
{
    uint64_t pages = store_pragma(store, "PRAGMA page_count");
    uint64_t unused = store_pragma(store, "PRAGMA freelist_count");
    return (pages - unused) * store_pragma(store, "PRAGMA page_size");
}

/* --- the interface --- */

static void log_refusal(const struct store *store, int err)
{
    const char *reason = err == -EBUSY     ? "another process uses it"
                         : err == -ENOTSUP ? "a newer version of lwm2mqtt wrote it"
                                           : strerror(-err);
    log_error(store->settings.log, "store-not-opened", LOG_TEXT("path", store->path),
              LOG_TEXT("reason", reason));
}

int store_open(const struct store_settings *settings, struct store **store)
{
    struct store *made = calloc(1, sizeof(*made));
    char *path = strdup(settings->path);
    if (made == NULL || path == NULL) {
        free(made);
        free(path);
        return -ENOMEM;
    }
    made->settings = *settings;
    made->path = path;
    made->lock_fd = -1;
    int err = open_file(made);
    if (err == -EBADMSG) {
        err = store_replace(made, "it is no database of lwm2mqtt, damaged, or cannot be read");
    }
    if (err != 0) {
        log_refusal(made, err);
        store_close(made);
        return err;
    }
    store_note(made, 0);
    *store = made;
    return 0;
}

void store_recovered(struct store *store)
{
    store->recovered = true;
    store->stale = store->stale || store->unfinished;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->db != NULL) {
        store->last_error = 0; /* one more try */
        (void)store_commit(store);
    }
    close_file(store);
    free(store->pending);
    free(store->path);
    free(store);
}
