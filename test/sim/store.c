/** See store.h. */
#include "test/sim/store.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/model.h"

void store_deinit(struct store *store)
{
    records_deinit(&store->leaves);
    free(store->places);
    *store = (struct store){ 0 };
}

void store_add_initial(struct store *store, uint16_t object, uint16_t instance)
{
    size_t count = 0;
    const struct model_initial *initial = model_initial_values(&count);
    for (size_t i = 0; i < count; i++) {
        struct path path;
        struct value value;
        if (path_parse(initial[i].path, strlen(initial[i].path), &path) != 0 ||
            path.id[0] != object) {
            continue;
        }
        path.id[1] = instance;
        if (value_parse(model_type(&path), initial[i].text, strlen(initial[i].text), &value) == 0) {
            store_set_take(store, &path, &value);
        }
    }
}

static bool has_place(const struct store *store, const struct path *place)
{
    for (size_t i = 0; i < store->place_count; i++) {
        if (path_compare(&store->places[i], place) == 0) {
            return true;
        }
    }
    return false;
}

void store_add_place(struct store *store, const struct path *place)
{
    if (has_place(store, place)) {
        return;
    }
    size_t size = (store->place_count + 1) * sizeof *store->places;
    struct path *places = realloc(store->places, size);
    if (places == NULL) {
        abort();
    }
    size_t at = store->place_count++;
    while (at > 0 && path_compare(&places[at - 1], place) > 0) {
        places[at] = places[at - 1];
        at--;
    }
    places[at] = *place;
    store->places = places;
    store->shape++;
}

void store_set_take(struct store *store, const struct path *path, struct value *value)
{
    struct value *old = store_find(store, path);
    store->version++;
    if (old != NULL) {
        value_deinit(old);
        *old = *value;
        *value = (struct value){ 0 };
        return;
    }
    for (uint8_t depth = PATH_OBJECT; depth <= PATH_INSTANCE; depth++) {
        struct path place = path_parent(path, depth);
        store_add_place(store, &place);
    }
    records_add_take(&store->leaves, path, value);
    records_sort(&store->leaves);
    store->shape++;
}

void store_set_integer(struct store *store, const struct path *path, int64_t integer)
{
    struct value value = { .type = model_type(path), .integer = integer };
    store_set_take(store, path, &value);
}

void store_remove(struct store *store, const struct path *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->leaves.count; i++) {
        struct record *record = &store->leaves.list[i];
        if (path_starts_with(&record->path, path)) {
            value_deinit(&record->value);
        } else {
            store->leaves.list[kept++] = *record;
        }
    }
    store->leaves.count = kept;
    kept = 0;
    for (size_t i = 0; i < store->place_count; i++) {
        if (!path_starts_with(&store->places[i], path)) {
            store->places[kept++] = store->places[i];
        }
    }
    store->place_count = kept;
    store->shape++;
    store->version++;
}

struct value *store_find(struct store *store, const struct path *path)
{
    for (size_t i = 0; i < store->leaves.count; i++) {
        if (path_compare(&store->leaves.list[i].path, path) == 0) {
            return &store->leaves.list[i].value;
        }
    }
    return NULL;
}

bool store_has(const struct store *store, const struct path *path)
{
    for (size_t i = 0; i < store->place_count; i++) {
        if (path_starts_with(&store->places[i], path)) {
            return true;
        }
    }
    for (size_t i = 0; i < store->leaves.count; i++) {
        if (path_starts_with(&store->leaves.list[i].path, path)) {
            return true;
        }
    }
    return false;
}

uint16_t store_free_instance(const struct store *store, uint16_t object)
{
    struct path path = { .depth = PATH_INSTANCE, .id = { object, 0 } };
    while (has_place(store, &path)) {
        path.id[1]++;
    }
    return path.id[1];
}

void store_read(const struct store *store, const struct path *path, struct records *records)
{
    for (size_t i = 0; i < store->leaves.count; i++) {
        const struct record *record = &store->leaves.list[i];
        if (!path_starts_with(&record->path, path)) {
            continue;
        }
        const struct model_resource *definition =
            model_find(record->path.id[0], record->path.id[2]);
        if (definition != NULL && (definition->flags & MODEL_READ) != 0) {
            struct value copy;
            value_copy(&copy, &record->value);
            records_add_take(records, &record->path, &copy);
        }
    }
}
