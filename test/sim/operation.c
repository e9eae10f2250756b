/** See operation.h. */
#include "test/sim/operation.h"

#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/model.h"

static int write_attributes(struct device *device, const struct operation_request *request)
{
    bool is_number =
        request->path.depth >= PATH_RESOURCE && value_is_number(model_type(&request->path));
    if (!store_has(&device->store, &request->path)) {
        return 404;
    }
    int err = attributes_write(&device->attributes, &request->path, device->options->version,
                               is_number, request->query, request->query_len);
    return err == 0 ? 204 : 400;
}

static int get(struct device *device, const struct operation_request *request,
               struct operation_answer *answer)
{
    if (request->path.depth == PATH_ROOT) {
        return 405;
    }
    return request->accept == CONTENT_LINK_FORMAT ? operation_discover(device, request, answer)
                                                  : operation_read(device, request, answer);
}

static int put(struct device *device, const struct operation_request *request)
{
    if (request->path.depth == PATH_ROOT) {
        return 405;
    }
    if (request->query_len != 0 && request->payload_len == 0) {
        return write_attributes(device, request);
    }
    return request->path.depth < PATH_INSTANCE ? 405 : operation_write(device, request, true);
}

static int post(struct device *device, const struct operation_request *request,
                struct operation_answer *answer)
{
    switch (request->path.depth) {
    case PATH_OBJECT:
        return operation_create(device, request, answer);
    case PATH_INSTANCE:
        return operation_write(device, request, false);
    case PATH_RESOURCE: {
        const struct model_resource *definition =
            model_find(request->path.id[0], request->path.id[2]);
        bool executes = definition != NULL && (definition->flags & MODEL_EXECUTE) != 0;
        bool multiple = definition != NULL && (definition->flags & MODEL_MULTIPLE) != 0;
        if (executes || definition == NULL) {
            return operation_execute(device, request);
        }
        return multiple ? operation_write(device, request, false) : 405;
    }
    default:
        return 405;
    }
}

static int run(struct device *device, const struct operation_request *request,
               struct operation_answer *answer)
{
    bool composite = device->options->version >= 11 && request->path.depth == PATH_ROOT;
    switch (request->method) {
    case METHOD_GET:
        return get(device, request, answer);
    case METHOD_PUT:
        return put(device, request);
    case METHOD_POST:
        return post(device, request, answer);
    case METHOD_DELETE:
        return operation_delete(device, request);
    case METHOD_FETCH:
        return composite ? operation_read_composite(device, request, answer) : 405;
    case METHOD_IPATCH:
        return composite ? operation_write_composite(device, request) : 405;
    default:
        return 405;
    }
}

void operation_run(struct device *device, const struct operation_request *request,
                   struct operation_answer *answer)
{
    answer->content_format = CONTENT_NONE;
    /* Security, OSCORE and credentials are the bootstrap server's alone (Core, 5.2.6.1). */
    bool hidden =
        request->path.depth > 0 &&
        (request->path.id[0] == 0 || request->path.id[0] == 21 || request->path.id[0] == 23);
    answer->code = hidden ? 401 : run(device, request, answer);
}
