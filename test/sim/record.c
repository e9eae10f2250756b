/** See record.h. */
#include "test/sim/record.h"

#include <stdlib.h>

void records_add_take(struct records *records, const struct path *path, struct value *value)
{
    if (records->count == records->capacity) {
        size_t capacity = records->capacity == 0 ? 16 : records->capacity * 2;
        struct record *list = realloc(records->list, capacity * sizeof *list);
        if (list == NULL) {
            abort();
        }
        records->list = list;
        records->capacity = capacity;
    }
    records->list[records->count++] = (struct record){ .path = *path, .value = *value };
    *value = (struct value){ 0 };
}

void records_sort(struct records *records)
{
    for (size_t i = 1; i < records->count; i++) { /* nearly sorted as a rule: by insertion */
        struct record moved = records->list[i];
        size_t at = i;
        while (at > 0 && path_compare(&records->list[at - 1].path, &moved.path) > 0) {
            records->list[at] = records->list[at - 1];
            at--;
        }
        records->list[at] = moved;
    }
}

void records_deinit(struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        value_deinit(&records->list[i].value);
    }
    free(records->list);
    *records = (struct records){ 0 };
}
