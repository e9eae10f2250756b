/*
 * What can still be read of a damaged file goes into the fresh one: each table from its beginning
 * until the damage, then from its end. The damaged file is left as it is.
 *
 * A transaction that finds no room is taken back as a whole. So they are short, the file grows
 * before each of them, and the log is moved meanwhile as it is by other commits.
 */
#include "gateway/store/store_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    BATCH_ROWS = 1000, /* of one transaction, */
    BATCH_BYTES = 256 * 1024,
    MARGIN = 256 * 1024, /* bytes for the pages of the trees */
};

/* What files from before step 4 of the schema can be asked for, and from before step 3. */
static const char devices_by_name[] =
    "SELECT NULL, endpoint, number, version, lifetime_s, expires_ms, flags, formats, session,"
    " route, parameters, links FROM device ORDER BY endpoint";
static const char observations_by_name[] =
    "SELECT endpoint, token, sequence, target, query, accept, flags, echo, pmax_s, pmax_depth"
    " FROM observation ORDER BY endpoint, token";
static const char observations_without_pmax[] =
    "SELECT endpoint, token, sequence, target, query, accept, flags, echo FROM observation"
    " ORDER BY endpoint, token";

/* Observations by the names of their devices, which are in the fresh file by then. */
static const char name_devices[] =
    "CREATE TEMP TABLE named (endpoint TEXT PRIMARY KEY, id INTEGER) WITHOUT ROWID;"
    "INSERT OR REPLACE INTO named SELECT endpoint, id FROM device";
static const char put_observation_by_name[] =
    "INSERT OR REPLACE INTO observation (device, token, sequence, target, query, accept, flags,"
    " echo, pmax_s, pmax_depth) SELECT id,?2,?3,?4,?5,?6,?7,?8,?9,?10 FROM named WHERE endpoint=?1";

static const struct table {
    enum store_statement all, put;
    bool is_rebuilt;      /* the process holds all of it while it runs */
    const char *older[2]; /* instead of `all`, for files that do not understand it */
    const char *put_older;
} tables[] = {
    { .all = STORE_DEVICE_ALL,
      .put = STORE_DEVICE_PUT,
      .is_rebuilt = true,
      .older = { devices_by_name } },
    { .all = STORE_OBSERVATION_ALL,
      .put = STORE_OBSERVATION_PUT,
      .is_rebuilt = true,
      .older = { observations_by_name, observations_without_pmax },
      .put_older = put_observation_by_name },
    { .all = STORE_COMMAND_ALL, .put = STORE_COMMAND_PUT, .is_rebuilt = true },
    { .all = STORE_SESSION_ALL, .put = STORE_SESSION_PUT, .is_rebuilt = true },
    { .all = STORE_MESSAGE_ALL, .put = STORE_MESSAGE_PUT }, /* most of it, perhaps: the last */
};

struct salvage {
    struct store *store;
    sqlite3 *damaged;
    uint64_t rows;        /* that are safe */
    uint64_t batch_rows;  /* of the transaction under way, */
    uint64_t batch_bytes; /* about */
};

/* --- transactions --- */

static bool run(struct salvage *salvage, const char *sql)
{
    return sqlite3_exec(salvage->store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void begin_batch(struct salvage *salvage)
{
    salvage->batch_rows = 0;
    salvage->batch_bytes = 0;
    (void)run(salvage, "BEGIN"); /* without, each row is a transaction */
}

static void end_batch(struct salvage *salvage)
{
    bool is_safe = sqlite3_get_autocommit(salvage->store->db) != 0 || run(salvage, "COMMIT");
    if (is_safe) {
        salvage->rows += salvage->batch_rows;
        store_checkpoint_consider(salvage->store);
    } else {
        (void)run(salvage, "ROLLBACK");
    }
    salvage->batch_rows = 0;
}

static bool has_room(const struct salvage *salvage, uint64_t bytes)
{
    const struct store *store = salvage->store;
    uint64_t most = store_pragma(store, "PRAGMA max_page_count");
    uint64_t used = store_pragma(store, "PRAGMA page_count");
    uint64_t pages = (most > used ? most - used : 0) + store_pragma(store, "PRAGMA freelist_count");
    bytes += MARGIN;
    return pages * store_pragma(store, "PRAGMA page_size") >= bytes ||
           store_space_grow(salvage->store, bytes);
}

/* Whether a row of so many bytes may be put, into a new transaction if need be. */
static bool make_way(struct salvage *salvage, uint64_t bytes)
{
    if (salvage->batch_rows < BATCH_ROWS && salvage->batch_bytes + bytes <= BATCH_BYTES) {
        return true;
    }
    end_batch(salvage);
    bool may = has_room(salvage, BATCH_BYTES + bytes);
    begin_batch(salvage);
    if (!may) { /* the last rows, one by one */
        may = has_room(salvage, bytes);
        salvage->batch_bytes = BATCH_BYTES;
    }
    return may;
}

/* --- rows --- */

static uint64_t bytes_of(sqlite3_stmt *row)
{
    uint64_t bytes = 0;
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        int type = sqlite3_column_type(row, i);
        bool is_long = type == SQLITE_BLOB || type == SQLITE_TEXT;
        bytes += is_long ? (uint64_t)sqlite3_column_bytes(row, i) : sizeof(uint64_t);
    }
    return bytes;
}

/* A row without its key, or that found no room all the same, does not hold up others. */
static void copy_row(struct salvage *salvage, sqlite3_stmt *from, sqlite3_stmt *to)
{
    uint64_t bytes = bytes_of(from);
    if (!make_way(salvage, bytes)) {
        return;
    }
    int code = SQLITE_OK;
    for (int i = 0; i < sqlite3_column_count(from) && code == SQLITE_OK; i++) {
        code = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
    }
    if (code == SQLITE_OK && sqlite3_step(to) == SQLITE_DONE &&
        sqlite3_changes(salvage->store->db) > 0) {
        salvage->batch_rows++;
        salvage->batch_bytes += bytes;
    }
    (void)sqlite3_reset(to);
    (void)sqlite3_clear_bindings(to);
    if (sqlite3_get_autocommit(salvage->store->db) != 0) { /* it was taken back */
        begin_batch(salvage);
    }
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_IOERR;
}

/* @return SQLite's code: SQLITE_DONE at the end of the table */
static int copy_rows(struct salvage *salvage, const char *query, sqlite3_stmt *to)
{
    sqlite3_stmt *from = NULL;
    int code = sqlite3_prepare_v2(salvage->damaged, query, -1, &from, NULL);
    salvage->batch_bytes = BATCH_BYTES; /* the first row begins a transaction */
    if (code == SQLITE_OK) {
        code = sqlite3_step(from);
    }
    while (code == SQLITE_ROW) {
        copy_row(salvage, from, to);
        code = sqlite3_step(from);
    }
    (void)sqlite3_finalize(from);
    end_batch(salvage);
    return code;
}

/* "… ORDER BY a, b" as "… ORDER BY a DESC, b DESC" */
static void reverse(const char *query, char *reversed, size_t size)
{
    const char *keys = strstr(query, "ORDER BY");
    const char *comma = keys != NULL ? strchr(keys, ',') : NULL;
    if (comma != NULL) {
        (void)snprintf(reversed, size, "%.*s DESC%s DESC", (int)(comma - query), query, comma);
    } else {
        (void)snprintf(reversed, size, "%s DESC", query);
    }
}

static bool understands(sqlite3 *damaged, const char *query)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(damaged, query, -1, &statement, NULL);
    (void)sqlite3_finalize(statement);
    return code != SQLITE_ERROR;
}

static void copy_table(struct salvage *salvage, const struct table *table)
{
    const char *query = store_statement_text(table->all);
    const char *put = store_statement_text(table->put);
    for (size_t i = 0; i < 2 && table->older[i] != NULL; i++) {
        if (!understands(salvage->damaged, query)) {
            query = table->older[i];
            put = table->put_older != NULL ? table->put_older : put;
        }
    }
    if (put == table->put_older) {
        (void)run(salvage, name_devices);
    }
    char reversed[500];
    sqlite3_stmt *to = NULL;
    if (sqlite3_prepare_v2(salvage->store->db, put, -1, &to, NULL) == SQLITE_OK &&
        is_damage(copy_rows(salvage, query, to))) {
        reverse(query, reversed, sizeof(reversed));
        (void)copy_rows(salvage, reversed, to);
    }
    (void)sqlite3_finalize(to);
    (void)run(salvage, "DROP TABLE IF EXISTS temp.named");
}

/* --- all of it --- */

uint64_t store_salvage(struct store *store, const char *damaged_path)
{
    struct salvage salvage = { .store = store };
    int code = sqlite3_open_v2(damaged_path, &salvage.damaged,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    (void)sqlite3_db_config(salvage.damaged, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == SQLITE_OK; i++) {
        if (!(tables[i].is_rebuilt && store->recovered && store->settings.rebuild != NULL)) {
            copy_table(&salvage, &tables[i]);
        }
    }
    (void)sqlite3_close(salvage.damaged);
    return salvage.rows;
}
