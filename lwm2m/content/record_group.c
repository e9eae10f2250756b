/*
 * Grouping by two sorts: by path, to find out where each group appeared first, then by that.
 */
#include "lwm2m/content/record_group.h"

#include <errno.h>
#include <stdlib.h>

#define LEVELS 3 /* objects, instances, resources */

struct entry {
    const struct lwm2m_record *record;
    const struct lwm2m_record *first[LEVELS]; /* first record of its group, per level */
};

/* An id that a short path lacks comes before all others. */
static int id_at(const struct lwm2m_record *record, uint8_t level)
{
    return level < record->path.depth ? record->path.ids[level] : -1;
}

static int compare_ids(const struct lwm2m_record *a, const struct lwm2m_record *b)
{
    for (uint8_t level = 0; level < LEVELS; level++) {
        int difference = id_at(a, level) - id_at(b, level);
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

/* All records are of one array, so their addresses tell their order. */
static int compare_order(const struct lwm2m_record *a, const struct lwm2m_record *b)
{
    return (a > b) - (a < b);
}

static int compare_by_ids(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    int difference = compare_ids(left->record, right->record);
    return difference != 0 ? difference : compare_order(left->record, right->record);
}

static int compare_by_first(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    for (int level = 0; level < LEVELS; level++) {
        int difference = compare_order(left->first[level], right->first[level]);
        if (difference != 0) {
            return difference;
        }
    }
    return compare_order(left->record, right->record);
}

/* Whether an entry is in the group of its predecessor, level by level. */
static bool shares_ids(const struct entry *entry, uint8_t levels)
{
    for (uint8_t level = 0; level < levels; level++) {
        if (id_at(entry[0].record, level) != id_at(entry[-1].record, level)) {
            return false;
        }
    }
    return true;
}

/* `entries` are sorted by ids. */
static void find_first(struct entry *entries, size_t count, uint8_t level)
{
    size_t start = 0;
    while (start < count) {
        const struct lwm2m_record *first = entries[start].record;
        size_t end = start + 1;
        while (end < count && shares_ids(&entries[end], level + 1)) {
            if (entries[end].record < first) {
                first = entries[end].record;
            }
            end++;
        }
        for (; start < end; start++) {
            entries[start].first[level] = first;
        }
    }
}

static bool is_sorted(const struct lwm2m_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_ids(&records[i - 1], &records[i]) > 0) {
            return false;
        }
    }
    return true;
}

static int group(const struct lwm2m_record *records, size_t count,
                 const struct lwm2m_record **grouped)
{
    struct entry *entries = calloc(count, sizeof(*entries));
    if (entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i].record = &records[i];
    }
    qsort(entries, count, sizeof(*entries), compare_by_ids);
    for (uint8_t level = 0; level < LEVELS; level++) {
        find_first(entries, count, level);
    }
    qsort(entries, count, sizeof(*entries), compare_by_first);
    for (size_t i = 0; i < count; i++) {
        grouped[i] = entries[i].record;
    }
    free(entries);
    return 0;
}

int lwm2m_records_group(const struct lwm2m_record *records, size_t count,
                        const struct lwm2m_record ***grouped)
{
    const struct lwm2m_record **list = calloc(count > 0 ? count : 1, sizeof(*list));
    if (list == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &records[i];
    }
    if (!is_sorted(records, count) && group(records, count, list) != 0) {
        free(list);
        return -ENOMEM;
    }
    *grouped = list;
    return 0;
}

size_t lwm2m_records_run(const struct lwm2m_record *const *records, size_t count, uint8_t depth)
{
    size_t run = 1;
    while (run < count) {
        for (uint8_t level = 0; level < depth; level++) {
            if (id_at(records[run], level) != id_at(records[0], level)) {
                return run;
            }
        }
        run++;
    }
    return run;
}
