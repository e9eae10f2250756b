/*
 * Moves the log of changes into the file, which waits for the disk: in a thread of its own with a
 * connection of its own, so that the loop does not. It writes nothing of its own; SQLite lets a
 * passive checkpoint run beside a writer.
 *
 * While changes come faster than they are moved the log cannot be begun anew; when it becomes very
 * long, the loop waits until all of it is moved.
 */
#include "gateway/store/store_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
    USUAL_PAGES = 512,   /* of the log, from which on it is moved */
    LONGEST_PAGES = 8192 /* from which on the loop waits */
};

struct store_checkpoint {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    sqlite3 *db;
    bool wanted, busy, ends;
};

static bool wait_for_work(struct store_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->busy = false;
    pthread_cond_signal(&checkpoint->idle);
    while (!checkpoint->wanted && !checkpoint->ends) {
        pthread_cond_wait(&checkpoint->work, &checkpoint->lock);
    }
    bool goes_on = !checkpoint->ends;
    checkpoint->busy = goes_on;
    checkpoint->wanted = false;
    pthread_mutex_unlock(&checkpoint->lock);
    return goes_on;
}

static void *work(void *arg)
{
    struct store_checkpoint *checkpoint = arg;
    while (wait_for_work(checkpoint)) {
        (void)sqlite3_wal_checkpoint_v2(checkpoint->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                        NULL); /* a failure shows when the loop's fails, too */
    }
    return NULL;
}

static int start_thread(struct store_checkpoint *checkpoint)
{
    sigset_t all, before; /* signals are the loop's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&checkpoint->thread, NULL, work, checkpoint);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err != 0 ? -EAGAIN : 0;
}

/* Called by a commit, with the pages that the log then has. */
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
    if (store->alone) {
        return 0;
    }
    struct store_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (checkpoint == NULL) {
        return -ENOMEM;
    }
    int piece = STORE_PIECE;
    int code = sqlite3_open_v2(store->path, &checkpoint->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    code = code != SQLITE_OK ? code
                             : sqlite3_exec(checkpoint->db,
                                            store->settings.power ? "PRAGMA synchronous=FULL"
                                                                  : "PRAGMA synchronous=NORMAL",
                                            NULL, NULL, NULL);
    (void)sqlite3_file_control(checkpoint->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &piece);
    int err = store_error_of(checkpoint->db, code);
    (void)pthread_mutex_init(&checkpoint->lock, NULL);
    (void)pthread_cond_init(&checkpoint->work, NULL);
    (void)pthread_cond_init(&checkpoint->idle, NULL);
    err = err != 0 ? err : start_thread(checkpoint);
    if (err != 0) {
        (void)sqlite3_close(checkpoint->db);
        free(checkpoint);
        return err;
    }
    store->checkpoint = checkpoint;
    return 0;
}

void store_checkpoint_stop(struct store *store)
{
    struct store_checkpoint *checkpoint = store->checkpoint;
    if (checkpoint == NULL) {
        return;
    }
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->ends = true;
    pthread_cond_signal(&checkpoint->work);
    pthread_mutex_unlock(&checkpoint->lock);
    pthread_join(checkpoint->thread, NULL);
    (void)sqlite3_db_config(checkpoint->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(checkpoint->db);
    (void)pthread_cond_destroy(&checkpoint->work);
    (void)pthread_cond_destroy(&checkpoint->idle);
    (void)pthread_mutex_destroy(&checkpoint->lock);
    free(checkpoint);
    store->checkpoint = NULL;
}

void store_checkpoint_consider(struct store *store)
{
    struct store_checkpoint *checkpoint = store->checkpoint;
    if (store->log_pages < USUAL_PAGES) {
        return;
    }
    if (checkpoint == NULL) {
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        return;
    }
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->wanted = true;
    pthread_cond_signal(&checkpoint->work);
    while (store->log_pages >= LONGEST_PAGES && (checkpoint->busy || checkpoint->wanted)) {
        pthread_cond_wait(&checkpoint->idle, &checkpoint->lock); /* all of it is moved then */
    }
    pthread_mutex_unlock(&checkpoint->lock);
}
