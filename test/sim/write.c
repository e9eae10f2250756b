/** Write, Write-Composite, Create and Delete. See operation.h. */
#include "test/sim/behaviour.h"
#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/model.h"
#include "test/sim/operation.h"

static bool is_multiple(const struct path *path)
{
    const struct model_resource *definition = model_find(path->id[0], path->id[2]);
    return definition != NULL && (definition->flags & MODEL_MULTIPLE) != 0;
}

/** Reads the payload. @return a code, 204 when it is fine */
static int decode(const struct device *device, const struct operation_request *request,
                  struct records *records)
{
    const struct path *path = &request->path;
    const struct content_format *format = content_format_find(request->content_format);
    bool single = path->depth == PATH_RESOURCE_INSTANCE ||
                  (path->depth == PATH_RESOURCE && !is_multiple(path));
    if (format == NULL || !options_speak(device->options, format->number) ||
        (format->single_only && !single)) {
        return 415;
    }
    int err = format->decode(path, request->payload, request->payload_len, records);
    return err == 0 ? 204 : 400;
}

/** Whether @p record may be written. @return a code, 204 when it may */
static int check_record(const struct device *device, const struct path *target,
                        const struct record *record)
{
    const struct path *path = &record->path;
    const struct model_resource *definition = model_find(path->id[0], path->id[2]);
    struct path instance = path_parent(path, PATH_INSTANCE);
    if (!path_starts_with(path, target)) {
        return 400;
    }
    if (definition == NULL || !store_has(&device->store, &instance)) {
        return 404;
    }
    if ((definition->flags & MODEL_WRITE) == 0) {
        return 405;
    }
    bool multiple = (definition->flags & MODEL_MULTIPLE) != 0;
    return (path->depth == PATH_RESOURCE_INSTANCE) == multiple ? 204 : 400;
}

static int check_records(const struct device *device, const struct path *target,
                         const struct records *records)
{
    int code = 204;
    for (size_t i = 0; code == 204 && i < records->count; i++) {
        code = check_record(device, target, &records->list[i]);
    }
    return code;
}

static void apply(struct device *device, struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        store_set_take(&device->store, &records->list[i].path, &records->list[i].value);
    }
    for (size_t i = 0; i < records->count; i++) {
        behaviour_written(device, &records->list[i].path);
    }
}

/** Removes what a replacing Write of @p target takes away: what is writable and not mandatory. */
static void clear_target(struct device *device, const struct path *target)
{
    size_t i = 0;
    while (i < device->store.leaves.count) {
        struct path leaf = device->store.leaves.list[i].path;
        const struct model_resource *definition = model_find(leaf.id[0], leaf.id[2]);
        bool removable = definition != NULL && (definition->flags & MODEL_WRITE) != 0 &&
                         (definition->flags & MODEL_MANDATORY) == 0;
        if (removable && path_starts_with(&leaf, target)) {
            store_remove(&device->store, &leaf);
        } else {
            i++;
        }
    }
}

/** Whether the target of a Write is there to be written. @return a code, 204 when it is */
static int check_target(const struct device *device, const struct path *path)
{
    struct path instance = path_parent(path, PATH_INSTANCE);
    if (!store_has(&device->store, &instance)) {
        return 404;
    }
    if (path->depth == PATH_INSTANCE) {
        return 204;
    }
    const struct model_resource *definition = model_find(path->id[0], path->id[2]);
    bool gone = path->depth == PATH_RESOURCE_INSTANCE &&
                (device->options->version < 11 || !store_has(&device->store, path));
    if (definition == NULL || gone) {
        return 404;
    }
    return (definition->flags & MODEL_WRITE) == 0 ? 405 : 204;
}

int operation_write(struct device *device, const struct operation_request *request, bool replace)
{
    struct records records = { 0 };
    int code = check_target(device, &request->path);
    if (code == 204) {
        code = decode(device, request, &records);
    }
    if (code == 204) {
        code = check_records(device, &request->path, &records);
    }
    bool holds_more = request->path.depth == PATH_INSTANCE || is_multiple(&request->path);
    if (code == 204 && replace && holds_more && request->path.depth < PATH_RESOURCE_INSTANCE) {
        clear_target(device, &request->path);
    }
    if (code == 204) {
        apply(device, &records);
    }
    records_deinit(&records);
    return code;
}

int operation_write_composite(struct device *device, const struct operation_request *request)
{
    struct records records = { 0 };
    int code = decode(device, request, &records);
    if (code == 204) {
        code = check_records(device, &request->path, &records); /* all or nothing */
    }
    if (code == 204) {
        apply(device, &records);
    }
    records_deinit(&records);
    return code;
}

/** Adds the instances that @p records name. @return a code, 201 when it worked */
static int create_instances(struct device *device, const struct path *object,
                            const struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct path *path = &records->list[i].path;
        struct path instance = path_parent(path, PATH_INSTANCE);
        bool known = model_find(path->id[0], path->id[2]) != NULL;
        bool depth_fits = (path->depth == PATH_RESOURCE_INSTANCE) == is_multiple(path);
        if (!path_starts_with(path, object) || !known || !depth_fits ||
            store_has(&device->store, &instance)) {
            return 400;
        }
    }
    for (size_t i = 0; i < records->count; i++) {
        struct path instance = path_parent(&records->list[i].path, PATH_INSTANCE);
        if (!store_has(&device->store, &instance)) {
            store_add_initial(&device->store, instance.id[0], instance.id[1]);
        }
    }
    return 201;
}

/** Sets the new instances' values; those of read-only resources are ignored (Core, 6.3.8). */
static void fill_instances(struct device *device, struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct path *path = &records->list[i].path;
        const struct model_resource *definition = model_find(path->id[0], path->id[2]);
        if ((definition->flags & MODEL_WRITE) != 0) {
            store_set_take(&device->store, path, &records->list[i].value);
        }
    }
}

int operation_create(struct device *device, const struct operation_request *request,
                     struct operation_answer *answer)
{
    const struct path *object = &request->path;
    if (!store_has(&device->store, object)) {
        return 404;
    }
    if (!model_object_is_multiple(object->id[0])) {
        return 405;
    }
    struct records records = { 0 };
    int code = decode(device, request, &records);
    uint16_t chosen = store_free_instance(&device->store, object->id[0]);
    bool chooses = records.count == 0;
    for (size_t i = 0; i < records.count; i++) {
        if (records.list[i].path.id[1] == PATH_ID_NONE) {
            records.list[i].path.id[1] = chosen;
            chooses = true;
        }
    }
    if (code == 204) {
        code = create_instances(device, object, &records);
    }
    if (code == 201) {
        struct path instance = path_child(object, chosen);
        if (records.count == 0) {
            store_add_initial(&device->store, instance.id[0], instance.id[1]);
        }
        fill_instances(device, &records);
        answer->location = chooses ? instance : answer->location;
        device->registration.objects_changed = true;
    }
    records_deinit(&records);
    return code;
}

int operation_delete(struct device *device, const struct operation_request *request)
{
    const struct path *path = &request->path;
    if (path->depth == PATH_ROOT) {
        return 405;
    }
    if (!store_has(&device->store, path)) {
        return 404;
    }
    if (path->depth == PATH_RESOURCE_INSTANCE) {
        const struct model_resource *definition = model_find(path->id[0], path->id[2]);
        if (device->options->version < 11 || (definition->flags & MODEL_WRITE) == 0) {
            return 405;
        }
    } else if (path->depth != PATH_INSTANCE || !model_object_is_multiple(path->id[0])) {
        return 405;
    } else {
        device->registration.objects_changed = true;
    }
    store_remove(&device->store, path);
    attributes_remove(&device->attributes, path);
    return 202;
}
