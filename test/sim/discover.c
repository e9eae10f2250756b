/** Discover: the links of what exists below a path, with attributes (Core, 6.3.2; 7.3). */
#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/model.h"
#include "test/sim/operation.h"

static unsigned int dimension(const struct store *store, const struct path *resource)
{
    unsigned int count = 0;
    for (size_t i = 0; i < store->leaves.count; i++) {
        const struct path *leaf = &store->leaves.list[i].path;
        count += leaf->depth == PATH_RESOURCE_INSTANCE && path_starts_with(leaf, resource);
    }
    return count;
}

static void add_link(const struct device *device, const struct path *path, bool is_target,
                     struct bytes *out)
{
    char text[PATH_TEXT_SIZE];
    bool rooted = device->options->root[0] != 0;
    bytes_printf(out, "%s<%s%s%s>", out->len == 0 ? "" : ",", rooted ? "/" : "",
                 device->options->root, path_format(path, text));
    unsigned int count = path->depth == PATH_RESOURCE ? dimension(&device->store, path) : 0;
    if (count != 0) {
        bytes_printf(out, ";dim=%u", count);
    }
    /* A resource asked for alone shows what holds for it, all else what is attached to it. */
    attributes_format(&device->attributes, path, is_target && path->depth >= PATH_RESOURCE, out);
}

/** Resources of an instance: those with values, and those that can be executed. */
static void add_resources(const struct device *device, const struct path *instance,
                          struct bytes *out)
{
    size_t count = 0;
    const struct model_resource *definitions = model_resources(&count);
    for (size_t i = 0; i < count; i++) {
        struct path path = path_child(instance, definitions[i].resource);
        bool executable = (definitions[i].flags & MODEL_EXECUTE) != 0;
        if (definitions[i].object == instance->id[0] &&
            (executable || store_has(&device->store, &path))) {
            add_link(device, &path, false, out);
        }
    }
}

static void add_instances(const struct device *device, const struct path *path, struct bytes *out)
{
    for (size_t i = 0; i < device->store.place_count; i++) {
        const struct path *instance = &device->store.places[i];
        if (instance->depth == PATH_INSTANCE && path_starts_with(instance, path)) {
            add_link(device, instance, false, out);
            add_resources(device, instance, out);
        }
    }
}

static void add_resource_instances(const struct device *device, const struct path *resource,
                                   struct bytes *out)
{
    for (size_t i = 0; i < device->store.leaves.count; i++) {
        const struct path *leaf = &device->store.leaves.list[i].path;
        if (leaf->depth == PATH_RESOURCE_INSTANCE && path_starts_with(leaf, resource)) {
            add_link(device, leaf, false, out);
        }
    }
}

static bool exists(const struct device *device, const struct path *path)
{
    if (store_has(&device->store, path)) {
        return true;
    }
    if (path->depth != PATH_RESOURCE) {
        return false;
    }
    struct path instance = path_parent(path, PATH_INSTANCE);
    const struct model_resource *definition = model_find(path->id[0], path->id[2]);
    return store_has(&device->store, &instance) && definition != NULL &&
           (definition->flags & MODEL_EXECUTE) != 0;
}

int operation_discover(struct device *device, const struct operation_request *request,
                       struct operation_answer *answer)
{
    const struct path *path = &request->path;
    if (!exists(device, path)) {
        return 404;
    }
    if (path->depth == PATH_RESOURCE_INSTANCE) {
        return 400;
    }
    struct bytes *out = &answer->payload;
    add_link(device, path, true, out);
    if (path->depth == PATH_OBJECT) {
        add_instances(device, path, out);
    } else if (path->depth == PATH_INSTANCE) {
        add_resources(device, path, out);
    } else if (device->options->version >= 11) {
        add_resource_instances(device, path, out);
    }
    answer->content_format = CONTENT_LINK_FORMAT;
    return 205;
}
