#include "gateway/auto_observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct auto_observe {
    enum config_auto_observe_mode mode;
    size_t most; /* object instances of a device, with `true` */
    size_t count;
    struct lwm2m_path paths[];
};

int auto_observe_new(const struct config_auto_observe *config, size_t most,
                     struct auto_observe **auto_observe)
{
    struct auto_observe *made = calloc(1, sizeof(*made) + config->count * sizeof(made->paths[0]));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->mode = config->mode;
    made->most = most;
    made->count = config->mode == CONFIG_AUTO_OBSERVE_PATHS ? config->count : 0;
    for (size_t i = 0; i < made->count; i++) {
        const char *text = config->paths[i];
        if (lwm2m_path_parse(text, strlen(text), &made->paths[i]) != 0 ||
            made->paths[i].depth == 0) {
            free(made);
            return -EINVAL;
        }
    }
    *auto_observe = made;
    return 0;
}

void auto_observe_free(struct auto_observe *auto_observe)
{
    free(auto_observe);
}

/* Objects that are for managing the device; nobody wants a stream of them. */
static bool is_management(uint16_t object)
{
    static const uint16_t objects[] = { 0, 1, 2, 4, 5, 6, 7, 9, 15 };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (objects[i] == object) {
            return true;
        }
    }
    return false;
}

/* Whether the device registered the object instance of a path, or its object if it names no more.
 */
static bool is_registered(const struct lwm2m_object_list *list, const struct lwm2m_path *path)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        if (entry->object == path->ids[0] &&
            (path->depth == 1 || entry->instance == path->ids[1])) {
            return true;
        }
    }
    return false;
}

static void select_instances(struct lwm2m_device *device, size_t most,
                             auto_observe_defined *defined, auto_observe_want *want, void *ctx)
{
    const struct lwm2m_object_list *list = lwm2m_device_object_list(device);
    size_t count = 0;
    for (size_t i = 0; i < list->count && count < most; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        struct lwm2m_path path = { .ids = { entry->object, entry->instance }, .depth = 2 };
        if (entry->instance == LWM2M_INSTANCE_NONE || is_management(entry->object) ||
            !defined(ctx, entry->object)) {
            continue;
        }
        count++;
        if (!lwm2m_device_observes(device, &path)) {
            want(ctx, device, &path);
        }
    }
}

void auto_observe_select(const struct auto_observe *auto_observe, struct lwm2m_device *device,
                         auto_observe_defined *defined, auto_observe_want *want, void *ctx)
{
    const struct lwm2m_object_list *list = lwm2m_device_object_list(device);
    if (auto_observe->mode == CONFIG_AUTO_OBSERVE_ALL) {
        select_instances(device, auto_observe->most, defined, want, ctx);
    }
    for (size_t i = 0; i < auto_observe->count; i++) {
        const struct lwm2m_path *path = &auto_observe->paths[i];
        if (is_registered(list, path) && !lwm2m_device_observes(device, path)) {
            want(ctx, device, path);
        }
    }
}
