/*
 * Values into statements and rows out of them. What a file says is not trusted: a column of
 * another type than the schema's reads as empty.
 */
#include "gateway/store/store_internal.h"

#include <errno.h>
#include <string.h>

/* --- values --- */

struct store_value store_integer(uint64_t number)
{
    return (struct store_value){ .kind = STORE_INTEGER, .integer = number };
}

struct store_value store_text(const char *text)
{
    if (text == NULL) {
        return (struct store_value){ .kind = STORE_NULL };
    }
    return (struct store_value){ .kind = STORE_TEXT, .data = text, .len = strlen(text) };
}

struct store_value store_blob(const void *data, size_t len)
{
    if (data == NULL) {
        return (struct store_value){ .kind = STORE_NULL };
    }
    return (struct store_value){ .kind = STORE_BLOB, .data = data, .len = len };
}

static int bind_one(sqlite3_stmt *statement, int at, const struct store_value *value)
{
    switch (value->kind) {
    case STORE_NULL:
        return sqlite3_bind_null(statement, at);
    case STORE_INTEGER:
        return sqlite3_bind_int64(statement, at, (sqlite3_int64)value->integer);
    case STORE_TEXT:
        return sqlite3_bind_text64(statement, at, value->data, value->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_BLOB:
        return sqlite3_bind_blob64(statement, at, value->data, value->len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

int store_bind(sqlite3_stmt *statement, const struct store_value *values, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = bind_one(statement, (int)i + 1, &values[i]);
    }
    return code;
}

/* --- columns --- */

uint64_t store_column_integer(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

const char *store_column_optional(sqlite3_stmt *row, int column)
{
    if (sqlite3_column_type(row, column) != SQLITE_TEXT) {
        return NULL;
    }
    return (const char *)sqlite3_column_text(row, column);
}

const char *store_column_text(sqlite3_stmt *row, int column)
{
    const char *text = store_column_optional(row, column);
    return text != NULL ? text : "";
}

const void *store_column_blob(sqlite3_stmt *row, int column, size_t *len)
{
    *len = 0;
    if (sqlite3_column_type(row, column) != SQLITE_BLOB) {
        return NULL;
    }
    const void *data = sqlite3_column_blob(row, column);
    *len = (size_t)sqlite3_column_bytes(row, column);
    return data != NULL ? data : "";
}

/* --- queries --- */

/* How far a query came. Observations of one device have the same id: its. */
struct progress {
    sqlite3_int64 id; /* of the last row: its first column */
    int same;         /* rows with this id */
    int rows;
};

/* Whether a row was read before; each is asked about once. */
static bool pass_by(struct progress *before, sqlite3_int64 id)
{
    if (before->rows == 0 || id > before->id) {
        return false;
    }
    return id < before->id || before->same-- > 0;
}

static void note(struct progress *progress, sqlite3_int64 id)
{
    progress->same = progress->rows > 0 && id == progress->id ? progress->same + 1 : 1;
    progress->id = id;
    progress->rows++;
}

static int run_query(struct store *store, enum store_statement which,
                     const struct store_value *values, size_t count, store_row_reader *read,
                     void *ctx, struct progress *progress)
{
    sqlite3_stmt *statement = store->statements[which];
    struct progress before = *progress;
    int code = store_bind(statement, values, count);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    while (code == SQLITE_ROW) {
        sqlite3_int64 id = sqlite3_column_int64(statement, 0);
        if (!pass_by(&before, id)) {
            read(ctx, statement);
            note(progress, id);
        }
        code = sqlite3_step(statement);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? 0 : store_error_of(store->db, code);
}

int store_query(struct store *store, enum store_statement statement,
                const struct store_value *values, size_t count, store_row_reader *read, void *ctx)
{
    struct progress progress = { 0 };
    if (store->db == NULL) {
        return -EIO;
    }
    int err = run_query(store, statement, values, count, read, ctx, &progress);
    if (err == -EBADMSG) {
        err = store_replace(store, "damage was found while reading");
        err = err != 0 ? err : run_query(store, statement, values, count, read, ctx, &progress);
    }
    if (err != 0) {
        return err == -ENOMEM ? err : -EIO;
    }
    return progress.rows;
}

/* --- ids --- */

#define ID_MAX (UINT64_C(1) << 62) /* what a damaged file says does not use them up */

void store_note_id(uint64_t *last, uint64_t id)
{
    if (id > *last && id < ID_MAX) {
        *last = id;
    }
}
