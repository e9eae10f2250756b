/*
 * What can still be read of a damaged file goes into the fresh one: each table from its beginning
 * until the damage, then from its end. The damaged file is left as it is.
 */
#include "gateway/store/store_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 1000 }; /* rows of one transaction: what comes later may find no room */

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
    { .all = STORE_MESSAGE_ALL, .put = STORE_MESSAGE_PUT },
    { .all = STORE_COMMAND_ALL, .put = STORE_COMMAND_PUT, .is_rebuilt = true },
    { .all = STORE_DEVICE_ALL,
      .put = STORE_DEVICE_PUT,
      .is_rebuilt = true,
      .older = { devices_by_name } },
    { .all = STORE_OBSERVATION_ALL,
      .put = STORE_OBSERVATION_PUT,
      .is_rebuilt = true,
      .older = { observations_by_name, observations_without_pmax },
      .put_older = put_observation_by_name },
    { .all = STORE_SESSION_ALL, .put = STORE_SESSION_PUT, .is_rebuilt = true },
};

struct salvage {
    struct store *store;
    sqlite3 *damaged;
    uint64_t rows; /* that are safe */
    uint64_t batch;
};

/* --- transactions --- */

static bool run(struct salvage *salvage, const char *sql)
{
    return sqlite3_exec(salvage->store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Without room SQLite takes a transaction back by itself. */
static bool end_batch(struct salvage *salvage)
{
    bool is_safe = sqlite3_get_autocommit(salvage->store->db) == 0 && run(salvage, "COMMIT");
    if (!is_safe) {
        (void)run(salvage, "ROLLBACK");
    }
    salvage->rows += is_safe ? salvage->batch : 0;
    salvage->batch = 0;
    return is_safe;
}

static int count_row(struct salvage *salvage)
{
    salvage->batch++;
    if (salvage->batch < BATCH) {
        return SQLITE_OK;
    }
    return end_batch(salvage) && run(salvage, "BEGIN") ? SQLITE_OK : SQLITE_ABORT;
}

/* --- rows --- */

static int copy_row(sqlite3_stmt *from, sqlite3_stmt *to)
{
    int code = SQLITE_OK;
    for (int i = 0; i < sqlite3_column_count(from) && code == SQLITE_OK; i++) {
        code = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(to);
    }
    (void)sqlite3_reset(to);
    (void)sqlite3_clear_bindings(to);
    return code == SQLITE_DONE || code == SQLITE_CONSTRAINT ? SQLITE_OK : code;
}

/* True when the end of the table was reached. */
static bool copy_rows(struct salvage *salvage, const char *query, sqlite3_stmt *to)
{
    sqlite3_stmt *from = NULL;
    int code = sqlite3_prepare_v2(salvage->damaged, query, -1, &from, NULL);
    code = code == SQLITE_OK && !run(salvage, "BEGIN") ? SQLITE_ABORT : code;
    while (code == SQLITE_OK) {
        code = sqlite3_step(from);
        if (code == SQLITE_ROW) {
            code = copy_row(from, to);
            code = code == SQLITE_OK ? count_row(salvage) : code;
        }
    }
    (void)sqlite3_finalize(from);
    (void)end_batch(salvage);
    return code == SQLITE_DONE;
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
    if (put == table->put_older && put != NULL) {
        (void)run(salvage, name_devices);
    }
    char reversed[500];
    sqlite3_stmt *to = NULL;
    if (sqlite3_prepare_v2(salvage->store->db, put, -1, &to, NULL) == SQLITE_OK &&
        !copy_rows(salvage, query, to)) {
        reverse(query, reversed, sizeof(reversed));
        (void)copy_rows(salvage, reversed, to);
    }
    (void)sqlite3_finalize(to);
    (void)run(salvage, "DROP TABLE IF EXISTS temp.named");
}

/* --- all of it --- */

static uint64_t pragma_of(sqlite3 *db, const char *pragma)
{
    sqlite3_stmt *statement = NULL;
    uint64_t number = 0;
    if (sqlite3_prepare_v2(db, pragma, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return number;
}

/* Of the file, most may be room that is not used. */
static uint64_t bytes_of(sqlite3 *damaged, const char *path)
{
    struct stat status;
    uint64_t all = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    uint64_t pages = pragma_of(damaged, "PRAGMA page_count");
    uint64_t unused = pragma_of(damaged, "PRAGMA freelist_count");
    uint64_t used = pages > unused ? (pages - unused) * pragma_of(damaged, "PRAGMA page_size") : 0;
    return used > 0 ? used : all;
}

uint64_t store_salvage(struct store *store, const char *damaged_path)
{
    struct salvage salvage = { .store = store };
    int code = sqlite3_open_v2(damaged_path, &salvage.damaged,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    (void)sqlite3_db_config(salvage.damaged, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    store_space_stretch(store, bytes_of(salvage.damaged, damaged_path));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == SQLITE_OK; i++) {
        if (!(tables[i].is_rebuilt && store->recovered && store->settings.rebuild != NULL)) {
            copy_table(&salvage, &tables[i]);
        }
    }
    (void)sqlite3_close(salvage.damaged);
    return salvage.rows;
}
