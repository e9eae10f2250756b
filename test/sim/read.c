/** Read, Read-Composite and the choice of the reply's format. See operation.h. */
#include <time.h>

#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/model.h"
#include "test/sim/operation.h"

static bool is_single(const struct path *path)
{
    if (path->depth < PATH_RESOURCE) {
        return false;
    }
    const struct model_resource *definition = model_find(path->id[0], path->id[2]);
    bool multiple = definition != NULL && (definition->flags & MODEL_MULTIPLE) != 0;
    return !multiple || path->depth == PATH_RESOURCE_INSTANCE;
}

static bool fits(const struct content_format *format, const struct path *path)
{
    if (format->single_only && !is_single(path)) {
        return false;
    }
    return format->encode != opaque_encode || model_type(path) == VALUE_OPAQUE;
}

/** The format of a reply, NULL when the device cannot give what Accept asks for. */
static const struct content_format *choose_format(const struct device *device,
                                                  const struct path *path, int accept)
{
    const struct options *options = device->options;
    if (accept != CONTENT_NONE) {
        const struct content_format *asked = content_format_find(accept);
        bool can = asked != NULL && options_speak(options, accept) && fits(asked, path);
        return can ? asked : NULL;
    }
    const struct content_format *usual = content_format_find(options->format);
    if (fits(usual, path)) {
        return usual;
    }
    for (size_t i = 0; i < options->format_count; i++) {
        const struct content_format *other = content_format_find(options->formats[i]);
        if (fits(other, path)) {
            return other;
        }
    }
    return NULL;
}

static double time_of_values(const struct device *device, bool is_notification)
{
    struct timespec now = { 0 };
    if (!device->options->timestamps || !is_notification) {
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1000;
}

static int encode(const struct device *device, const struct operation_request *request,
                  const struct records *records, struct operation_answer *answer)
{
    const struct content_format *format = choose_format(device, &request->path, request->accept);
    if (format == NULL) {
        return 406;
    }
    struct content content = { .base = request->path,
                               .records = records->list,
                               .count = records->count,
                               .time_s = time_of_values(device, request->is_notification) };
    format->encode(&content, &answer->payload);
    answer->content_format = format->number;
    return 205;
}

int operation_read(struct device *device, const struct operation_request *request,
                   struct operation_answer *answer)
{
    const struct path *path = &request->path;
    if (path->depth >= PATH_RESOURCE) {
        const struct model_resource *definition = model_find(path->id[0], path->id[2]);
        struct path instance = path_parent(path, PATH_INSTANCE);
        bool known = definition != NULL && store_has(&device->store, &instance);
        if (known && (definition->flags & MODEL_READ) == 0) {
            return 405;
        }
    }
    bool no_instance_id = path->depth == PATH_RESOURCE_INSTANCE && device->options->version < 11;
    if (no_instance_id || !store_has(&device->store, path)) {
        return 404; /* resource instances are addressed since 1.1 */
    }
    struct records records = { 0 };
    store_read(&device->store, path, &records);
    int code = encode(device, request, &records, answer);
    records_deinit(&records);
    return code;
}

int operation_composite_paths(const struct device *device, int content_format,
                              const uint8_t *payload, size_t len, struct records *paths)
{
    /* 320 and 322 are SenML's formats for FETCH in JSON and in CBOR (RFC 8790). */
    bool json = content_format == 110 || content_format == 320;
    bool cbor = content_format == 112 || content_format == 322;
    if ((!json && !cbor) || !options_speak(device->options, json ? 110 : 112)) {
        return 415;
    }
    int err = json ? senml_json_decode_paths(payload, len, paths)
                   : senml_cbor_decode_paths(payload, len, paths);
    return err == 0 ? 205 : 400;
}

int operation_read_composite(struct device *device, const struct operation_request *request,
                             struct operation_answer *answer)
{
    struct records paths = { 0 };
    struct records records = { 0 };
    int code = operation_composite_paths(device, request->content_format, request->payload,
                                         request->payload_len, &paths);
    for (size_t i = 0; code == 205 && i < paths.count; i++) {
        store_read(&device->store, &paths.list[i].path, &records); /* the missing are left out */
    }
    if (code == 205) {
        code = encode(device, request, &records, answer);
    }
    records_deinit(&paths);
    records_deinit(&records);
    return code;
}
