#include "gateway/store/devices.h"
#include "gateway/store/store_internal.h"

void store_device_put(struct store *store, const struct store_device *device)
{
    const struct store_value values[] = {
        store_integer(device->id),
        store_text(device->endpoint),
        store_integer(device->number),
        store_integer(device->version),
        store_integer(device->lifetime_s),
        store_integer(device->expires_wall_ms),
        store_integer(device->flags),
        store_integer(device->formats),
        store_integer(device->session),
        store_blob(device->route, device->route_len),
        store_blob(device->parameters, device->parameters_len),
        store_blob(device->links, device->links_len),
    };
    store_change(store, STORE_DEVICE_PUT, values, sizeof(values) / sizeof(values[0]));
}

void store_device_touch(struct store *store, uint64_t id, uint64_t expires_wall_ms,
                        const void *route, size_t route_len)
{
    const struct store_value values[] = {
        store_integer(id),
        store_integer(expires_wall_ms),
        store_blob(route, route_len),
    };
    store_change(store, STORE_DEVICE_TOUCH, values, sizeof(values) / sizeof(values[0]));
}

void store_device_delete(struct store *store, uint64_t id)
{
    const struct store_value key = store_integer(id);
    store_change(store, STORE_DEVICE_DELETE, &key, 1);
}

uint64_t store_device_next_id(struct store *store)
{
    return ++store->last_device;
}

struct visit {
    uint64_t *last_id;
    store_device_visitor *visit;
    void *ctx;
};

static void read_row(void *ctx, sqlite3_stmt *row)
{
    const struct visit *visit = ctx;
    struct store_device device = {
        .id = store_column_integer(row, 0),
        .endpoint = store_column_text(row, 1),
        .number = store_column_integer(row, 2),
        .version = (uint32_t)store_column_integer(row, 3),
        .lifetime_s = (uint32_t)store_column_integer(row, 4),
        .expires_wall_ms = store_column_integer(row, 5),
        .flags = (uint32_t)store_column_integer(row, 6),
        .formats = (uint32_t)store_column_integer(row, 7),
        .session = store_column_integer(row, 8),
    };
    store_note_id(visit->last_id, device.id);
    device.route = store_column_blob(row, 9, &device.route_len);
    device.parameters = store_column_blob(row, 10, &device.parameters_len);
    device.links = store_column_blob(row, 11, &device.links_len);
    visit->visit(visit->ctx, &device);
}

int store_devices_visit(struct store *store, store_device_visitor *visit, void *ctx)
{
    struct visit context = { &store->last_device, visit, ctx };
    int rows = store_query(store, STORE_DEVICE_ALL, NULL, 0, read_row, &context);
    return rows < 0 ? rows : 0;
}
