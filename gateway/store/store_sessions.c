#include "gateway/store/sessions.h"
#include "gateway/store/store_internal.h"

void store_session_put(struct store *store, const struct store_session *session)
{
    const struct store_value values[] = {
        store_integer(session->number),
        store_blob(session->identity, session->identity_len),
        store_blob(session->route, session->route_len),
        store_blob(session->bytes, session->bytes_len),
    };
    store_change(store, STORE_SESSION_PUT, values, sizeof(values) / sizeof(values[0]));
}

void store_session_delete(struct store *store, uint64_t number)
{
    const struct store_value key = store_integer(number);
    store_change(store, STORE_SESSION_DELETE, &key, 1);
}

struct visit {
    store_session_visitor *visit;
    void *ctx;
};

static void read_row(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_session session = { .number = store_column_integer(row, 0) };
    session.identity = store_column_blob(row, 1, &session.identity_len);
    session.route = store_column_blob(row, 2, &session.route_len);
    session.bytes = store_column_blob(row, 3, &session.bytes_len);
    visit->visit(visit->ctx, &session);
}

int store_sessions_visit(struct store *store, store_session_visitor *visit, void *ctx)
{
    struct visit context = { visit, ctx };
    int rows = store_query(store, STORE_SESSION_ALL, NULL, 0, read_row, &context);
    return rows < 0 ? rows : 0;
}
