#include "gateway/store/messages.h"
#include "gateway/store/store_internal.h"

#include <string.h>

enum { ROW_OVERHEAD = 24 }; /* bytes of a row beside its texts, about */

size_t store_message_bytes(const struct store_message *message)
{
    return strlen(message->topic) + strlen(message->endpoint) + message->payload_len +
           message->correlation_len + ROW_OVERHEAD;
}

void store_message_put(struct store *store, const struct store_message *message)
{
    const struct store_value values[] = {
        store_integer(message->id),
        store_text(message->endpoint),
        store_text(message->topic),
        store_integer(message->qos),
        store_integer(message->answer),
        store_blob(message->correlation, message->correlation_len),
        store_blob(message->payload, message->payload_len),
    };
    store_change(store, STORE_MESSAGE_PUT, values, sizeof(values) / sizeof(values[0]));
}

void store_message_delete(struct store *store, uint64_t id)
{
    const struct store_value key = store_integer(id);
    store_change(store, STORE_MESSAGE_DELETE, &key, 1);
}

struct visit {
    store_message_visitor *visit;
    void *ctx;
};

static struct store_message read_head(sqlite3_stmt *row)
{
    return (struct store_message){
        .id = store_column_integer(row, 0),
        .endpoint = store_column_text(row, 1),
        .topic = store_column_text(row, 2),
        .qos = (uint8_t)(store_column_integer(row, 3) % 3),
        .answer = store_column_integer(row, 4) != 0,
    };
}

static void read_row(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_message message = read_head(row);
    message.correlation = store_column_blob(row, 5, &message.correlation_len);
    message.payload = store_column_blob(row, 6, &message.payload_len);
    visit->visit(visit->ctx, &message);
}

static void read_lengths(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_message message = read_head(row);
    message.correlation_len = (size_t)store_column_integer(row, 5);
    message.payload_len = (size_t)store_column_integer(row, 6);
    visit->visit(visit->ctx, &message);
}

int store_messages_visit(struct store *store, uint64_t after, size_t limit,
                         store_message_visitor *visit, void *ctx)
{
    struct visit context = { visit, ctx };
    const struct store_value range[] = { store_integer(after), store_integer(limit) };
    return store_query(store, STORE_MESSAGE_AFTER, range, 2, read_row, &context);
}

int store_messages_survey(struct store *store, store_message_visitor *visit, void *ctx)
{
    struct visit context = { visit, ctx };
    return store_query(store, STORE_MESSAGE_SURVEY, NULL, 0, read_lengths, &context);
}

int store_messages_oldest(struct store *store, uint64_t after, size_t limit,
                          store_message_visitor *visit, void *ctx)
{
    struct visit context = { visit, ctx };
    const struct store_value range[] = { store_integer(after), store_integer(limit) };
    return store_query(store, STORE_MESSAGE_OLDEST, range, 2, read_lengths, &context);
}

static void read_id(void *ctx, sqlite3_stmt *row)
{
    uint64_t *id = ctx;
    *id = store_column_integer(row, 0);
}

uint64_t store_message_last_id(struct store *store)
{
    uint64_t last = 0;
    int rows = store_query(store, STORE_MESSAGE_LAST, NULL, 0, read_id, &last);
    return rows > 0 && last < INT64_MAX ? last : 0;
}
