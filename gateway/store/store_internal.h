/*
 * The inside of the store: its state, the pending changes, and access to rows. Private to
 * gateway/store/.
 */
#pragma once

#include "gateway/store/store.h"

#include <sqlite3.h>

/* --- statements (store_schema.c) --- */

enum store_statement {
    STORE_DEVICE_PUT,
    STORE_DEVICE_TOUCH,
    STORE_DEVICE_DELETE,
    STORE_DEVICE_ALL,
    STORE_OBSERVATION_PUT,
    STORE_OBSERVATION_DELETE,
    STORE_OBSERVATION_FORGET,
    STORE_OBSERVATION_ALL,
    STORE_OBSERVATION_NAMED,
    STORE_COMMAND_PUT,
    STORE_COMMAND_ATTEMPTED,
    STORE_COMMAND_DELETE,
    STORE_COMMAND_ALL,
    STORE_MESSAGE_PUT,
    STORE_MESSAGE_DELETE,
    STORE_MESSAGE_ALL,
    STORE_MESSAGE_AFTER,
    STORE_MESSAGE_SURVEY,
    STORE_MESSAGE_OLDEST,
    STORE_MESSAGE_LAST,
    STORE_SESSION_PUT,
    STORE_SESSION_DELETE,
    STORE_SESSION_ALL,
    STORE_DEVICE_CLEAR,
    STORE_OBSERVATION_CLEAR,
    STORE_COMMAND_CLEAR,
    STORE_SESSION_CLEAR,
    STORE_STATEMENTS,
};

/** The text of a statement. */
const char *store_statement_text(enum store_statement statement);

/* What the file says of itself in its header (PRAGMA application_id). */
#define STORE_APPLICATION_ID 0x6c774d32 /* "lwM2" */

/** The present version of the schema (PRAGMA user_version). */
int store_schema_version(void);

/** Brings an open database from `version` to the present one, in one transaction. @return SQLite's
 *  code */
int store_schema_migrate(sqlite3 *db, int version);

/* --- state --- */

struct store {
    struct store_settings settings;
    char *path;
    int lock_fd; /* holds the lock of the process; -1 without */
    bool alone;  /* the index of the log is in memory: no other process can look into the file */
    uint64_t share_ms; /* when to look whether that can be changed */
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS];

    /* Pending changes, one after the other; see store_journal.c. */
    char *pending;
    size_t pending_len;
    size_t pending_capacity;
    bool recovered;  /* the process holds all that the file says */
    bool stale;      /* the file is to be rebuilt from memory */
    bool overflowed; /* changes found no room */
    bool unfinished; /* likewise, before all was recovered: the file is rebuilt when it is */
    bool direct;     /* within a rebuild: changes go straight into the open transaction */
    int direct_code; /* SQLite's, the first error of those */

    /* Room; see store_space.c. */
    bool reserve_is_out; /* it was needed: the store is full */
    uint64_t probe_ms;   /* when it is to be seen whether there is room again */

    struct store_checkpoint *checkpoint; /* NULL: none runs */
    int log_pages;                       /* of the log, after the last commit */

    enum store_health health;
    int last_error;        /* of the last commit, 0 when it succeeded */
    uint64_t retry_ms;     /* when a commit is tried again after a failure */
    uint64_t report_ms;    /* when a failure is worth a line again */
    uint64_t last_command; /* the highest id that was read or given */
    uint64_t last_device;  /* likewise */
};

/* --- rows --- */

enum store_kind { STORE_NULL, STORE_INTEGER, STORE_TEXT, STORE_BLOB };

/** A value of a statement, borrowed. */
struct store_value {
    enum store_kind kind;
    uint64_t integer;
    const void *data;
    size_t len;
};

struct store_value store_integer(uint64_t number);
struct store_value store_text(const char *text); /* NULL becomes SQL's NULL */
struct store_value store_blob(const void *data, size_t len);

/** Adds a change to the pending ones; its values are copied. */
void store_change(struct store *store, enum store_statement statement,
                  const struct store_value *values, size_t count);

/** Binds values to a statement; they stay borrowed until it is reset. @return SQLite's code */
int store_bind(sqlite3_stmt *statement, const struct store_value *values, size_t count);

/** Called for each row. */
typedef void store_row_reader(void *ctx, sqlite3_stmt *row);

/**
 * Runs a query whose rows are in the order of their first column, a number. When damage is found on
 * the way the file is replaced by what can be read of it, and the query goes on behind the last
 * row.
 *
 * @return how many rows were read, -EIO, -ENOMEM
 */
[[nodiscard]] int store_query(struct store *store, enum store_statement statement,
                              const struct store_value *values, size_t count,
                              store_row_reader *read, void *ctx);

/** Notes an id that a row has, so that no other gets it. */
void store_note_id(uint64_t *last, uint64_t id);

/* Columns, whatever the file says: a text is never NULL, of another type it is empty. */
uint64_t store_column_integer(sqlite3_stmt *row, int column);
const char *store_column_text(sqlite3_stmt *row, int column);
const char *store_column_optional(sqlite3_stmt *row, int column); /* NULL for SQL's NULL */
const void *store_column_blob(sqlite3_stmt *row, int column, size_t *len);

/* --- opening and losing the file --- */

/** SQLite's code as a negative errno; `db` tells what the system said, may be NULL. */
int store_error_of(sqlite3 *db, int code);

/** A store that is alone opens its file anew when there is room to share it. Not while rows are
 * being visited. */
void store_share(struct store *store);

/** The result of a pragma that is a number; 0 when it fails. */
uint64_t store_pragma(const struct store *store, const char *pragma);

/* --- room (store_space.c) --- */

#define STORE_PIECE (1024 * 1024) /* bytes that the file grows by */

/** Takes the first piece and the reserve; a full disk is noted, not an error. */
void store_space_open(struct store *store);

/** Room for so many more bytes at least. @return whether there is */
bool store_space_grow(struct store *store, uint64_t bytes);

/**
 * A commit found no room: makes some, more with each attempt for the same one.
 *
 * @param attempt  from 0 on
 * @return whether it is worth another try
 */
[[nodiscard]] bool store_space_make(struct store *store, unsigned attempt);

/** Whether the disk seems to have some room. */
bool store_space_is_free(const struct store *store);

/** While the reserve is out: takes it back if there is room again, once a second. */
void store_space_probe(struct store *store);

/* --- the log of changes (store_checkpoint.c) --- */

/** Without a thread when the store is alone: then commits move the log. */
[[nodiscard]] int store_checkpoint_start(struct store *store);
void store_checkpoint_stop(struct store *store);

/** After a commit: has the log moved into the file when it is long. */
void store_checkpoint_consider(struct store *store);

/* --- damage (store_salvage.c) --- */

/** Copies what can be read of a damaged file into the open one. @return how many rows */
uint64_t store_salvage(struct store *store, const char *damaged_path);

/** Notes how the store is after a commit, and logs it when that changes or once a minute. */
void store_note(struct store *store, int err);

/** A damaged file makes room for a fresh one. @return 0, or why there is none; then db is NULL */
[[nodiscard]] int store_replace(struct store *store, const char *why);
