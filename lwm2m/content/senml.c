/*
 * The meaning of SenML packs, whatever they are written in.
 */
#include "lwm2m/content/senml.h"
#include "lwm2m/content/format.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Times below are relative to now, others are seconds since the epoch (RFC 8428, 4.5.3). */
#define RELATIVE_TIME_END 0x1p28

/* Longest name that can be one of the data model: an alternate root and a path. */
#define NAME_MAX_LEN 512

/* Length of the alternate root that a name starts with; devices leave its first slash out as well.
 */
static size_t root_len(const char *root, const char *name, size_t len)
{
    if (root[0] == '/' && len > 0 && name[0] != '/') {
        root++;
    }
    size_t candidate = strlen(root);
    bool starts = candidate <= len && memcmp(name, root, candidate) == 0;
    bool ends = starts && (candidate == len || name[candidate] == '/');
    return ends ? candidate : 0;
}

int lwm2m_senml_path(const struct lwm2m_content_context *context, struct lwm2m_bytes prefix,
                     struct lwm2m_bytes rest, struct lwm2m_path *path)
{
    char name[NAME_MAX_LEN];
    size_t len = 0;

    if (prefix.len > sizeof(name) || rest.len > sizeof(name) - prefix.len) {
        return -EBADMSG;
    }
    if (prefix.len > 0) {
        memcpy(name, prefix.data, prefix.len);
        len = prefix.len;
    }
    if (rest.len > 0) {
        memcpy(name + len, rest.data, rest.len);
        len += rest.len;
    }
    size_t skip = context->root[0] != '\0' ? root_len(context->root, name, len) : 0;
    return lwm2m_path_parse(name + skip, len - skip, path) == 0 ? 0 : -EBADMSG;
}

double lwm2m_senml_time(const struct lwm2m_content_context *context, double sum)
{
    return sum < RELATIVE_TIME_END ? context->now_s + sum : sum;
}

double lwm2m_senml_time_field(const struct lwm2m_content_context *context, double time_s)
{
    return time_s < RELATIVE_TIME_END ? time_s - context->now_s : time_s;
}

static double to_double(const struct lwm2m_value *value)
{
    switch (value->type) {
    case LWM2M_TYPE_INTEGER:
        return (double)value->integer;
    case LWM2M_TYPE_UNSIGNED:
        return (double)value->unsigned_integer;
    default:
        return value->number;
    }
}

static bool is_number(const struct lwm2m_value *value)
{
    return value->type == LWM2M_TYPE_INTEGER || value->type == LWM2M_TYPE_UNSIGNED ||
           value->type == LWM2M_TYPE_FLOAT;
}

/* Sum of two whole numbers, if 64 bits hold it. An UNSIGNED is one beyond int64, or any. */
static bool add_whole(const struct lwm2m_value *a, const struct lwm2m_value *b,
                      struct lwm2m_value *sum)
{
    struct lwm2m_value result = { .type = LWM2M_TYPE_INTEGER };
    bool overflow;
    if (a->type == LWM2M_TYPE_INTEGER && b->type == LWM2M_TYPE_INTEGER) {
        overflow = __builtin_add_overflow(a->integer, b->integer, &result.integer);
    } else if (a->type == LWM2M_TYPE_INTEGER) {
        overflow = __builtin_add_overflow(a->integer, b->unsigned_integer, &result.integer);
    } else if (b->type == LWM2M_TYPE_INTEGER) {
        overflow = __builtin_add_overflow(a->unsigned_integer, b->integer, &result.integer);
    } else {
        overflow =
            __builtin_add_overflow(a->unsigned_integer, b->unsigned_integer, &result.integer);
    }
    if (!overflow) {
        *sum = result;
        return true;
    }
    /* The same sums again, for what only fits uint64. */
    result.type = LWM2M_TYPE_UNSIGNED;
    if (a->type == LWM2M_TYPE_INTEGER && b->type == LWM2M_TYPE_INTEGER) {
        overflow = __builtin_add_overflow(a->integer, b->integer, &result.unsigned_integer);
    } else if (a->type == LWM2M_TYPE_INTEGER) {
        overflow =
            __builtin_add_overflow(a->integer, b->unsigned_integer, &result.unsigned_integer);
    } else if (b->type == LWM2M_TYPE_INTEGER) {
        overflow =
            __builtin_add_overflow(a->unsigned_integer, b->integer, &result.unsigned_integer);
    } else {
        overflow = __builtin_add_overflow(a->unsigned_integer, b->unsigned_integer,
                                          &result.unsigned_integer);
    }
    *sum = result;
    return !overflow;
}

static void add_base_value(const struct lwm2m_value *base, struct lwm2m_value *value)
{
    struct lwm2m_value sum;
    if (base->type != LWM2M_TYPE_FLOAT && value->type != LWM2M_TYPE_FLOAT &&
        add_whole(base, value, &sum)) {
        *value = sum;
        return;
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT,
                                   .number = to_double(base) + to_double(value) };
}

static void update_state(struct lwm2m_senml_state *state, const struct lwm2m_senml_record *record)
{
    if (record->base_name.data != NULL) {
        state->base_name = record->base_name;
    }
    if (record->has_base_time) {
        state->has_base_time = true;
        state->base_time = record->base_time;
    }
    if (record->has_base_value) {
        state->has_base_value = true;
        state->base_value = record->base_value;
    }
}

static int resolve_path(const struct lwm2m_content_context *context, struct lwm2m_bytes base_name,
                        struct lwm2m_bytes name, struct lwm2m_path *path)
{
    if (base_name.len > 0 || name.len > 0) {
        return lwm2m_senml_path(context, base_name, name, path);
    }
    if (context->base.depth == 0) {
        return -EBADMSG;
    }
    *path = context->base;
    return 0;
}

int lwm2m_senml_resolve(const struct lwm2m_content_context *context,
                        struct lwm2m_senml_state *state, const struct lwm2m_senml_record *record,
                        struct lwm2m_records *records)
{
    struct lwm2m_path path;
    struct lwm2m_value value = { .type = LWM2M_TYPE_NONE };
    struct lwm2m_record *added;

    update_state(state, record);
    int err = resolve_path(context, state->base_name, record->name, &path);
    if (err != 0) {
        return err;
    }
    if (record->has_value) {
        value = record->value;
        if (state->has_base_value && is_number(&value)) {
            add_base_value(&state->base_value, &value);
        }
    }
    if (value.type != LWM2M_TYPE_NONE && path.depth < 3) {
        return -EBADMSG;
    }
    err = lwm2m_content_add(context, &path, &value, records, &added);
    if (err != 0) {
        return err;
    }
    if (state->has_base_time || record->has_time) {
        double sum =
            (state->has_base_time ? state->base_time : 0) + (record->has_time ? record->time : 0);
        added->has_time = true;
        added->time_s = lwm2m_senml_time(context, sum);
    }
    return 0;
}

uint8_t lwm2m_senml_base_depth(const struct lwm2m_content_context *context,
                               const struct lwm2m_record *records, size_t count)
{
    if (count < 2 || context->base.depth == 4) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].path.depth == context->base.depth) {
            return 0;
        }
    }
    return context->base.depth;
}

void lwm2m_senml_write_base(const char *root, const struct lwm2m_path *path, uint8_t depth,
                            struct lwm2m_senml_name *name)
{
    struct lwm2m_path base = *path;
    base.depth = depth;
    name->root = root;
    name->path_len = lwm2m_path_format(&base, name->path);
    if (depth > 0) {
        name->path[name->path_len++] = '/';
    }
}

void lwm2m_senml_write_name(const char *root, const struct lwm2m_path *path, uint8_t base_depth,
                            struct lwm2m_senml_name *name)
{
    struct lwm2m_path relative = { .depth = (uint8_t)(path->depth - base_depth) };
    memcpy(relative.ids, path->ids + base_depth, relative.depth * sizeof(relative.ids[0]));
    name->root = root;
    name->path_len = lwm2m_path_format(&relative, name->path);
    if (base_depth > 0) {
        name->root = "";
        name->path_len--;
        memmove(name->path, name->path + 1, name->path_len);
    }
}

bool lwm2m_senml_can_write(const struct lwm2m_content_context *context,
                           const struct lwm2m_record *record)
{
    if (!lwm2m_path_is_within(&record->path, &context->base) ||
        (record->has_time && !isfinite(record->time_s)) ||
        (record->path.depth < 3 && record->value.type != LWM2M_TYPE_NONE)) {
        return false;
    }
    for (uint8_t i = 0; i < record->path.depth; i++) {
        if (record->path.ids[i] == LWM2M_ID_ANY) {
            return false;
        }
    }
    return true;
}

bool lwm2m_senml_only_names(const struct lwm2m_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].value.type != LWM2M_TYPE_NONE) {
            return false;
        }
    }
    return true;
}
