#include "gateway/store/observations.h"
#include "gateway/store/store_internal.h"

void store_observation_put(struct store *store, const struct store_observation *observation)
{
    const struct store_value values[] = {
        store_integer(observation->device),
        store_blob(observation->token, observation->token_len),
        store_integer(observation->order),
        store_blob(observation->target, observation->target_len),
        store_text(observation->query),
        store_integer(observation->accept),
        store_integer(observation->flags),
        store_text(observation->echo),
        store_integer(observation->pmax_s),
        store_integer(observation->pmax_depth),
    };
    store_change(store, STORE_OBSERVATION_PUT, values, sizeof(values) / sizeof(values[0]));
}

void store_observation_delete(struct store *store, uint64_t device, const void *token,
                              size_t token_len)
{
    const struct store_value key[] = { store_integer(device), store_blob(token, token_len) };
    store_change(store, STORE_OBSERVATION_DELETE, key, 2);
}

void store_observations_forget(struct store *store, uint64_t device)
{
    const struct store_value key = store_integer(device);
    store_change(store, STORE_OBSERVATION_FORGET, &key, 1);
}

struct visit {
    store_observation_visitor *visit;
    void *ctx;
};

static void read_row(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_observation observation = {
        .device = store_column_integer(row, 0),
        .order = store_column_integer(row, 2),
        .query = store_column_optional(row, 4),
        .accept = (uint32_t)store_column_integer(row, 5),
        .flags = (uint32_t)store_column_integer(row, 6),
        .echo = store_column_optional(row, 7),
        .pmax_s = (uint32_t)store_column_integer(row, 8),
        .pmax_depth = (uint32_t)store_column_integer(row, 9),
        .endpoint = store_column_text(row, 10),
    };
    observation.token = store_column_blob(row, 1, &observation.token_len);
    observation.target = store_column_blob(row, 3, &observation.target_len);
    visit->visit(visit->ctx, &observation);
}

int store_observations_visit(struct store *store, store_observation_visitor *visit, void *ctx)
{
    struct visit context = { visit, ctx };
    int rows = store_query(store, STORE_OBSERVATION_NAMED, NULL, 0, read_row, &context);
    return rows < 0 ? rows : 0;
}
