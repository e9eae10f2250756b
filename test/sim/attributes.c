/** See attributes.h. */
#include "test/sim/attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/value.h"

static const struct {
    const char *name;
    unsigned int from_version;
    bool threshold; /* a decimal, for numeric resources; else a whole number */
} attribute_names[ATTRIBUTE_COUNT] = {
    [ATTRIBUTE_PMIN] = { "pmin", 10, false },   [ATTRIBUTE_PMAX] = { "pmax", 10, false },
    [ATTRIBUTE_EPMIN] = { "epmin", 11, false }, [ATTRIBUTE_EPMAX] = { "epmax", 11, false },
    [ATTRIBUTE_GT] = { "gt", 10, true },        [ATTRIBUTE_LT] = { "lt", 10, true },
    [ATTRIBUTE_ST] = { "st", 10, true },        [ATTRIBUTE_EDGE] = { "edge", 12, false },
    [ATTRIBUTE_CON] = { "con", 12, false },     [ATTRIBUTE_HQMAX] = { "hqmax", 12, false },
};

static struct attribute_set *find_set(const struct attributes *attributes, const struct path *path)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (path_compare(&attributes->list[i].path, path) == 0) {
            return &attributes->list[i];
        }
    }
    return NULL;
}

static int find_name(const char *name, size_t len)
{
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (strlen(attribute_names[i].name) == len &&
            memcmp(attribute_names[i].name, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

static int apply_item(struct attribute_set *set, unsigned int version, bool is_number,
                      const char *item, size_t len)
{
    const char *equals = memchr(item, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - item);
    int index = find_name(item, name_len);
    if (index < 0 || version < attribute_names[index].from_version ||
        (attribute_names[index].threshold && !is_number)) {
        return -EBADMSG;
    }
    set->given[index] = equals != NULL;
    if (equals == NULL) {
        return 0;
    }
    struct value value;
    enum value_type type = attribute_names[index].threshold ? VALUE_FLOAT : VALUE_UNSIGNED;
    if (value_parse(type, equals + 1, len - name_len - 1, &value) != 0) {
        return -EBADMSG;
    }
    set->value[index] = value_number(&value);
    return 0;
}

/** lt + 2·st < gt, and a step is not negative (Core, 7.3.2). */
static bool is_consistent(const struct attribute_set *set)
{
    double step = set->given[ATTRIBUTE_ST] ? set->value[ATTRIBUTE_ST] : 0;
    bool both = set->given[ATTRIBUTE_GT] && set->given[ATTRIBUTE_LT];
    return step >= 0 && (!both || set->value[ATTRIBUTE_LT] + 2 * step < set->value[ATTRIBUTE_GT]);
}

static void put_set(struct attributes *attributes, const struct attribute_set *set)
{
    struct attribute_set *old = find_set(attributes, &set->path);
    if (old != NULL) {
        *old = *set;
        return;
    }
    size_t size = (attributes->count + 1) * sizeof *attributes->list;
    struct attribute_set *list = realloc(attributes->list, size);
    if (list == NULL) {
        abort();
    }
    list[attributes->count++] = *set;
    attributes->list = list;
}

int attributes_write(struct attributes *attributes, const struct path *path, unsigned int version,
                     bool is_number, const char *query, size_t len)
{
    struct attribute_set *old = find_set(attributes, path);
    struct attribute_set set = old != NULL ? *old : (struct attribute_set){ .path = *path };
    while (len > 0) {
        const char *end = memchr(query, '&', len);
        size_t item_len = end == NULL ? len : (size_t)(end - query);
        if (apply_item(&set, version, is_number, query, item_len) != 0) {
            return -EBADMSG;
        }
        size_t used = end == NULL ? len : item_len + 1;
        query += used;
        len -= used;
    }
    if (!is_consistent(&set)) {
        return -EBADMSG;
    }
    put_set(attributes, &set);
    return 0;
}

bool attributes_find(const struct attributes *attributes, const struct path *path,
                     enum attribute attribute, double *value)
{
    for (uint8_t depth = path->depth; depth > 0; depth--) {
        struct path holder = path_parent(path, depth);
        const struct attribute_set *set = find_set(attributes, &holder);
        if (set != NULL && set->given[attribute]) {
            *value = set->value[attribute];
            return true;
        }
    }
    return false;
}

void attributes_format(const struct attributes *attributes, const struct path *path, bool inherited,
                       struct bytes *out)
{
    const struct attribute_set *own = find_set(attributes, path);
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        double value = 0;
        bool given = own != NULL && own->given[i];
        if (given) {
            value = own->value[i];
        } else if (inherited) {
            given = attributes_find(attributes, path, (enum attribute)i, &value);
        }
        if (given) {
            bytes_printf(out, ";%s=", attribute_names[i].name);
            value_format_real(value, out);
        }
    }
}

void attributes_remove(struct attributes *attributes, const struct path *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < attributes->count; i++) {
        if (!path_starts_with(&attributes->list[i].path, path)) {
            attributes->list[kept++] = attributes->list[i];
        }
    }
    attributes->count = kept;
}

void attributes_deinit(struct attributes *attributes)
{
    free(attributes->list);
    *attributes = (struct attributes){ 0 };
}
