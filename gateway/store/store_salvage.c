/*
 * What can still be read of a damaged file goes into the fresh one: each table from its beginning
 * until the damage, then from its end. The damaged file is left as it is.
 */
#include "gateway/store/store_internal.h"

#include <stdio.h>
#include <sys/stat.h>

/* What files from before step 4 of the schema can be asked for. */
static const char devices_by_name[] =
    "SELECT NULL, endpoint, number, version, lifetime_s, expires_ms, flags, formats, session,"
    " route, parameters, links FROM device ORDER BY endpoint";
static const char observations_by_name[] =
    "SELECT endpoint, token, sequence, target, query, accept, flags, echo FROM observation"
    " ORDER BY endpoint, token";

static const struct table {
    enum store_statement all, put;
    const char *older; /* query, when a file may not understand `all`; then with `put_older` */
    enum store_statement put_older;
    bool is_rebuilt; /* the process holds all of it while it runs */
} tables[] = {
    { STORE_MESSAGE_ALL, STORE_MESSAGE_PUT, NULL, 0, false },
    { STORE_COMMAND_ALL, STORE_COMMAND_PUT, NULL, 0, true },
    { STORE_DEVICE_ALL, STORE_DEVICE_PUT, devices_by_name, STORE_DEVICE_PUT, true },
    { STORE_OBSERVATION_ALL, STORE_OBSERVATION_PUT, observations_by_name,
      STORE_OBSERVATION_PUT_OLDER, true },
    { STORE_SESSION_ALL, STORE_SESSION_PUT, NULL, 0, true },
};

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
static bool copy_rows(sqlite3 *damaged, const char *query, sqlite3_stmt *to, uint64_t *rows)
{
    sqlite3_stmt *from = NULL;
    int code = sqlite3_prepare_v2(damaged, query, -1, &from, NULL);
    while (code == SQLITE_OK) {
        code = sqlite3_step(from);
        if (code == SQLITE_ROW) {
            code = copy_row(from, to);
            *rows += code == SQLITE_OK;
        }
    }
    (void)sqlite3_finalize(from);
    return code == SQLITE_DONE;
}

/* From the end, which is right for the tables with one column as their key. */
static bool copy_rows_backward(sqlite3 *damaged, const char *all, sqlite3_stmt *to, uint64_t *rows)
{
    char query[500];
    (void)snprintf(query, sizeof(query), "%s DESC", all);
    return copy_rows(damaged, query, to, rows);
}

static bool understands(sqlite3 *damaged, const char *query)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(damaged, query, -1, &statement, NULL);
    (void)sqlite3_finalize(statement);
    return code != SQLITE_ERROR;
}

static void copy_table(struct store *store, sqlite3 *damaged, const struct table *table,
                       uint64_t *rows)
{
    const char *query = store_statement_text(table->all);
    enum store_statement put = table->put;
    if (table->older != NULL && !understands(damaged, query)) {
        query = table->older;
        put = table->put_older;
    }
    if (put == STORE_OBSERVATION_PUT_OLDER) { /* which looks devices up by their names */
        (void)sqlite3_exec(store->db, "CREATE INDEX device_endpoint ON device (endpoint)", NULL,
                           NULL, NULL);
    }
    if (!copy_rows(damaged, query, store->statements[put], rows)) {
        (void)copy_rows_backward(damaged, query, store->statements[put], rows);
    }
}

uint64_t store_salvage(struct store *store, const char *damaged_path)
{
    sqlite3 *damaged = NULL;
    uint64_t rows = 0;
    int code =
        sqlite3_open_v2(damaged_path, &damaged, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    (void)sqlite3_db_config(damaged, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    struct stat status;
    if (stat(damaged_path, &status) == 0) {
        (void)store_space_grow(store, (uint64_t)status.st_size);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL);
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == SQLITE_OK; i++) {
        if (!(tables[i].is_rebuilt && store->recovered && store->settings.rebuild != NULL)) {
            copy_table(store, damaged, &tables[i], &rows);
        }
    }
    if (sqlite3_get_autocommit(store->db) == 0 &&
        sqlite3_exec(store->db, "DROP INDEX IF EXISTS device_endpoint; COMMIT", NULL, NULL, NULL) !=
            SQLITE_OK) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        rows = 0;
    }
    (void)sqlite3_close(damaged);
    return rows;
}
