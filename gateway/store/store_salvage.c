/*
 * What can still be read of a damaged file goes into the fresh one: each table from its beginning
 * until the damage, then from its end. The damaged file is left as it is.
 */
#include "gateway/store/store_internal.h"

#include <stdio.h>
#include <sys/stat.h>

static const struct {
    enum store_statement all, older, put; /* `older`: of a file before the last steps */
    bool is_rebuilt;                      /* the process holds all of it while it runs */
} tables[] = {
    { STORE_MESSAGE_ALL, STORE_MESSAGE_ALL, STORE_MESSAGE_PUT, false },
    { STORE_COMMAND_ALL, STORE_COMMAND_ALL, STORE_COMMAND_PUT, true },
    { STORE_DEVICE_ALL, STORE_DEVICE_ALL, STORE_DEVICE_PUT, true },
    { STORE_OBSERVATION_ALL, STORE_OBSERVATION_ALL_OLDER, STORE_OBSERVATION_PUT, true },
    { STORE_SESSION_ALL, STORE_SESSION_ALL, STORE_SESSION_PUT, true },
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
static bool copy_rows_backward(sqlite3 *damaged, enum store_statement all, sqlite3_stmt *to,
                               uint64_t *rows)
{
    char query[500];
    (void)snprintf(query, sizeof(query), "%s DESC", store_statement_text(all));
    return copy_rows(damaged, query, to, rows);
}

/* The statement that a damaged file understands. */
static enum store_statement query_of(sqlite3 *damaged, size_t table)
{
    sqlite3_stmt *statement = NULL;
    int code =
        sqlite3_prepare_v2(damaged, store_statement_text(tables[table].all), -1, &statement, NULL);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ERROR ? tables[table].older : tables[table].all;
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
        sqlite3_stmt *to = store->statements[tables[i].put];
        bool skip = tables[i].is_rebuilt && store->recovered && store->settings.rebuild != NULL;
        enum store_statement all = query_of(damaged, i);
        if (!skip && !copy_rows(damaged, store_statement_text(all), to, &rows)) {
            (void)copy_rows_backward(damaged, all, to, &rows);
        }
    }
    if (sqlite3_get_autocommit(store->db) == 0 &&
        sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        rows = 0;
    }
    (void)sqlite3_close(damaged);
    return rows;
}
