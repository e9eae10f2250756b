#include "gateway/store/commands.h"
#include "gateway/store/store_internal.h"

void store_command_put(struct store *store, const struct store_command *command)
{
    const struct store_value values[] = {
        store_integer(command->id),
        store_text(command->endpoint),
        store_text(command->topic),
        store_blob(command->payload, command->payload_len),
        store_text(command->response_topic),
        store_blob(command->correlation, command->correlation_len),
        store_integer(command->arrived_wall_ms),
        store_integer(command->deadline_wall_ms),
        store_integer(command->packet_id),
        store_integer(command->digest),
        store_integer(command->maybe_executed),
    };
    store_change(store, STORE_COMMAND_PUT, values, sizeof(values) / sizeof(values[0]));
}

void store_command_attempted(struct store *store, uint64_t id)
{
    const struct store_value key = store_integer(id);
    store_change(store, STORE_COMMAND_ATTEMPTED, &key, 1);
}

void store_command_delete(struct store *store, uint64_t id)
{
    const struct store_value key = store_integer(id);
    store_change(store, STORE_COMMAND_DELETE, &key, 1);
}

uint64_t store_command_next_id(struct store *store)
{
    return ++store->last_command;
}

struct visit {
    uint64_t *last_id;
    store_command_visitor *visit;
    void *ctx;
};

static void read_row(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_command command = {
        .id = store_column_integer(row, 0),
        .endpoint = store_column_text(row, 1),
        .topic = store_column_text(row, 2),
        .response_topic = store_column_optional(row, 4),
        .arrived_wall_ms = store_column_integer(row, 6),
        .deadline_wall_ms = store_column_integer(row, 7),
        .packet_id = (uint32_t)store_column_integer(row, 8),
        .digest = store_column_integer(row, 9),
        .maybe_executed = store_column_integer(row, 10) != 0,
    };
    store_note_id(visit->last_id, command.id);
    command.payload = store_column_blob(row, 3, &command.payload_len);
    command.correlation = store_column_blob(row, 5, &command.correlation_len);
    visit->visit(visit->ctx, &command);
}

int store_commands_visit(struct store *store, store_command_visitor *visit, void *ctx)
{
    struct visit context = { &store->last_command, visit, ctx };
    int rows = store_query(store, STORE_COMMAND_ALL, NULL, 0, read_row, &context);
    return rows < 0 ? rows : 0;
}
