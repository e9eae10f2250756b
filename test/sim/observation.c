/** See observation.h. */
#include "test/sim/observation.h"

#include <stdlib.h>

#include "test/sim/content.h"
#include "test/sim/crc32.h"
#include "test/sim/device.h"

/** Reads what @p watch covers. */
static void read_watched(struct device *device, const struct watch *watch, struct records *records)
{
    if (watch->path.depth != PATH_ROOT) {
        store_read(&device->store, &watch->path, records);
        return;
    }
    for (size_t i = 0; i < watch->composite.count; i++) {
        store_read(&device->store, &watch->composite.list[i].path, records);
    }
}

struct sample {
    uint32_t signature;
    bool is_number;
    double number;
};

static struct sample take_sample(struct device *device, const struct watch *watch)
{
    struct records records = { 0 };
    struct bytes text = { 0 };
    read_watched(device, watch, &records);
    struct content content = { .base = watch->path,
                               .records = records.list,
                               .count = records.count };
    senml_json_encode(&content, &text);
    struct sample sample = { .signature = crc32_of(text.data, text.len) };
    if (records.count == 1 && watch->path.depth >= PATH_RESOURCE) {
        sample.is_number = value_is_number(records.list[0].value.type);
        sample.number = value_number(&records.list[0].value);
    }
    bytes_deinit(&text);
    records_deinit(&records);
    return sample;
}

static void set_baseline(struct device *device, struct watch *watch)
{
    struct sample sample = take_sample(device, watch);
    watch->signature = sample.signature;
    watch->number = sample.number;
    watch->last_ms = device->now_ms;
    watch->pending = false;
}

static struct watch *find_watch(const struct observations *all, const coap_resource_t *resource)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].resource == resource) {
            return &all->list[i];
        }
    }
    return NULL;
}

bool observations_is_new(const struct device *device, const coap_resource_t *resource, int observe)
{
    const struct watch *watch = find_watch(&device->observations, resource);
    return watch == NULL || watch->first_observe == observe;
}

void observations_begin_take(struct device *device, const struct path *path,
                             coap_resource_t *resource, int first_observe,
                             struct records *composite)
{
    struct observations *all = &device->observations;
    struct watch *watch = find_watch(all, resource);
    if (watch == NULL) {
        struct watch *list = realloc(all->list, (all->count + 1) * sizeof *list);
        if (list == NULL) {
            abort();
        }
        all->list = list;
        watch = &list[all->count++];
        *watch = (struct watch){ .path = *path, .resource = resource };
    }
    for (size_t i = 0; i < composite->count; i++) { /* all composite observers share the root */
        struct record *record = &composite->list[i];
        records_add_take(&watch->composite, &record->path, &record->value);
    }
    records_deinit(composite);
    watch->first_observe = first_observe;
    set_baseline(device, watch);
}

static bool crossed(double limit, double before, double now)
{
    return (before <= limit) != (now <= limit);
}

/** Whether the change since the last notification is one to report. */
static bool is_reportable(const struct device *device, const struct watch *watch,
                          const struct sample *sample)
{
    if (sample->signature == watch->signature) {
        return false;
    }
    double gt = 0;
    double lt = 0;
    double st = 0;
    bool has_gt = attributes_find(&device->attributes, &watch->path, ATTRIBUTE_GT, &gt);
    bool has_lt = attributes_find(&device->attributes, &watch->path, ATTRIBUTE_LT, &lt);
    bool has_st = attributes_find(&device->attributes, &watch->path, ATTRIBUTE_ST, &st);
    if (!sample->is_number || !(has_gt || has_lt || has_st)) {
        return true;
    }
    double step = sample->number - watch->number;
    return (has_gt && crossed(gt, watch->number, sample->number)) ||
           (has_lt && crossed(lt, watch->number, sample->number)) ||
           (has_st && (step < 0 ? -step : step) >= st);
}

/** An attribute in ms, or the default that the Server object holds. */
static int64_t period_ms(const struct device *device, const struct watch *watch,
                         enum attribute attribute, uint16_t default_resource)
{
    struct path fallback = { 3, { 1, 0, default_resource } };
    double seconds = 0;
    if (!attributes_find(&device->attributes, &watch->path, attribute, &seconds)) {
        for (size_t i = 0; i < device->store.leaves.count; i++) {
            const struct record *record = &device->store.leaves.list[i];
            if (path_compare(&record->path, &fallback) == 0) {
                seconds = value_number(&record->value);
            }
        }
    }
    return (int64_t)(seconds * 1000);
}

/** When @p watch has to notify as things stand; DEVICE_NEVER when only on a change. */
static int64_t watch_due_ms(const struct device *device, const struct watch *watch)
{
    int64_t pmin = period_ms(device, watch, ATTRIBUTE_PMIN, 2);
    int64_t pmax = period_ms(device, watch, ATTRIBUTE_PMAX, 3);
    if (watch->pending) {
        return watch->last_ms + pmin;
    }
    return pmax > 0 && pmax >= pmin ? watch->last_ms + pmax : DEVICE_NEVER;
}

bool observations_check(struct device *device)
{
    struct observations *all = &device->observations;
    bool changed = all->checked_version != device->store.version;
    bool notified = false;
    all->checked_version = device->store.version;
    for (size_t i = all->count; i-- > 0;) {
        struct watch *watch = &all->list[i];
        if (changed) {
            struct sample sample = take_sample(device, watch);
            watch->pending = is_reportable(device, watch, &sample) || watch->pending;
        }
        int64_t due = watch_due_ms(device, watch);
        if (due == DEVICE_NEVER || due > device->now_ms) {
            continue;
        }
        set_baseline(device, watch);
        device_spoke(device);
        if (coap_resource_notify_observers(watch->resource, NULL) == 0) {
            observations_forget(device, watch->resource); /* cancelled meanwhile */
        }
        notified = true;
    }
    return notified;
}

int64_t observations_deadline_ms(const struct device *device)
{
    int64_t earliest = DEVICE_NEVER;
    for (size_t i = 0; i < device->observations.count; i++) {
        int64_t due = watch_due_ms(device, &device->observations.list[i]);
        if (due != DEVICE_NEVER && (earliest == DEVICE_NEVER || due < earliest)) {
            earliest = due;
        }
    }
    return earliest;
}

void observations_forget(struct device *device, const coap_resource_t *resource)
{
    struct observations *all = &device->observations;
    struct watch *watch = find_watch(all, resource);
    if (watch != NULL) {
        records_deinit(&watch->composite);
        *watch = all->list[--all->count];
    }
}

void observations_deinit(struct observations *observations)
{
    for (size_t i = 0; i < observations->count; i++) {
        records_deinit(&observations->list[i].composite);
    }
    free(observations->list);
    *observations = (struct observations){ 0 };
}
