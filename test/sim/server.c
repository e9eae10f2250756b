/** See server.h. */
#include "test/sim/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/behaviour.h"
#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/model.h"
#include "test/sim/operation.h"

static const char *const method_names[] = { "?",      "GET",   "POST",  "PUT",
                                            "DELETE", "FETCH", "PATCH", "iPATCH" };

static int read_uint_option(const coap_pdu_t *pdu, coap_option_num_t number)
{
    coap_opt_iterator_t iterator;
    coap_opt_t *option = coap_check_option(pdu, number, &iterator);
    if (option == NULL) {
        return CONTENT_NONE;
    }
    return (int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

/** Reads the LwM2M path of a request. @return false when @p uri is not one of ours */
static bool read_path(const struct device *device, const coap_string_t *uri, struct path *path)
{
    const char *prefix = device->options->root;
    size_t prefix_len = strlen(prefix);
    const char *text = (const char *)uri->s;
    return uri->length >= prefix_len && memcmp(text, prefix, prefix_len) == 0 &&
           (prefix_len == 0 || uri->length == prefix_len || text[prefix_len] == '/') &&
           path_parse(text + prefix_len, uri->length - prefix_len, path) == 0;
}

static void free_body(coap_session_t *session, void *body)
{
    (void)session;
    free(body);
}

/** A copy of @p request that asks for blocks of the size that the options want. */
static coap_pdu_t *with_block_size(const struct device *device, coap_session_t *session,
                                   const coap_pdu_t *request)
{
    unsigned int szx = 0;
    while (16U << szx < device->options->block_size) {
        szx++;
    }
    coap_block_t block = { 0 };
    bool asks = coap_get_block(request, COAP_OPTION_BLOCK2, &block) != 0;
    if (asks && (block.num != 0 || block.szx <= szx)) {
        return NULL;
    }
    coap_bin_const_t token = coap_pdu_get_token(request);
    coap_opt_filter_t dropped;
    coap_option_filter_clear(&dropped);
    coap_option_filter_set(&dropped, COAP_OPTION_BLOCK2);
    coap_pdu_t *copy = coap_pdu_duplicate(request, session, token.length, token.s, &dropped);
    if (copy != NULL) {
        uint8_t value = (uint8_t)szx;
        coap_add_option(copy, COAP_OPTION_BLOCK2, szx == 0 ? 0 : 1, &value);
    }
    return copy;
}

static void add_payload(const struct device *device, coap_resource_t *resource,
                        coap_session_t *session, const coap_pdu_t *request,
                        const coap_string_t *query, struct operation_answer *answer,
                        coap_pdu_t *response)
{
    uint8_t *body = answer->payload.data; /* given away */
    size_t len = answer->payload.len;
    unsigned int block_size = device->options->block_size;
    answer->payload = (struct bytes){ 0 };
    coap_pdu_t *copy =
        block_size != 0 && len > block_size ? with_block_size(device, session, request) : NULL;
    if (answer->content_format == 0) { /* libcoap leaves out text/plain */
        coap_add_option(response, COAP_OPTION_CONTENT_FORMAT, 0, NULL);
    }
    coap_add_data_large_response(resource, session, copy == NULL ? request : copy, response, query,
                                 (uint16_t)answer->content_format, -1, 0, len, body, free_body,
                                 body);
    coap_delete_pdu(copy);
}

static void add_location(const struct device *device, const struct path *location,
                         coap_pdu_t *response)
{
    const char *segment = device->options->root;
    while (*segment != 0) {
        size_t len = strcspn(segment, "/");
        coap_add_option(response, COAP_OPTION_LOCATION_PATH, len, (const uint8_t *)segment);
        segment += len + (segment[len] != 0 ? 1 : 0);
    }
    for (uint8_t i = 0; i < location->depth; i++) {
        char text[8];
        int len = snprintf(text, sizeof text, "%u", location->id[i]);
        coap_add_option(response, COAP_OPTION_LOCATION_PATH, (size_t)len, (const uint8_t *)text);
    }
}

enum role { ROLE_REQUEST, ROLE_OBSERVE, ROLE_CANCEL, ROLE_NOTIFY };

/**
 * libcoap calls the same handler for a notification, with a new Observe value: only the
 * first answer of an observation has the value that the resource had before.
 */
static enum role find_role(const struct device *device, const coap_resource_t *resource,
                           coap_session_t *session, const coap_pdu_t *request,
                           const coap_pdu_t *response)
{
    int observe = read_uint_option(request, COAP_OPTION_OBSERVE);
    if (observe != COAP_OBSERVE_ESTABLISH) {
        return observe == COAP_OBSERVE_CANCEL ? ROLE_CANCEL : ROLE_REQUEST;
    }
    bool is_late = coap_find_async(session, coap_pdu_get_token(request)) != NULL;
    if (coap_pdu_get_type(response) == COAP_MESSAGE_ACK || is_late) {
        return ROLE_OBSERVE;
    }
    int value = read_uint_option(response, COAP_OPTION_OBSERVE);
    return observations_is_new(device, resource, value) ? ROLE_OBSERVE : ROLE_NOTIFY;
}

static void say(const struct device *device, enum role role,
                const struct operation_request *request, const struct operation_answer *answer,
                int observe)
{
    char path[PATH_TEXT_SIZE];
    char format[32] = "";
    char query[128] = "";
    path_format(&request->path, path);
    if (answer->content_format != CONTENT_NONE) {
        snprintf(format, sizeof format, " format=%d size=%zu", answer->content_format,
                 answer->payload.len);
    }
    if (request->query_len != 0) {
        snprintf(query, sizeof query, "?%.*s", (int)request->query_len, request->query);
    }
    int class = answer->code / 100;
    int detail = answer->code % 100;
    switch (role) {
    case ROLE_NOTIFY:
        device_say(device, "notify %s observe=%d%s", path, observe, format);
        break;
    case ROLE_OBSERVE:
        device_say(device, "observe %s -> %d.%02d%s", path, class, detail, format);
        break;
    case ROLE_CANCEL:
        device_say(device, "cancel-observe %s -> %d.%02d%s", path, class, detail, format);
        break;
    default:
        device_say(device, "request %s %s%s -> %d.%02d%s", method_names[request->method], path,
                   query, class, detail, format);
        break;
    }
}

static void begin_observation(struct device *device, coap_resource_t *resource,
                              const struct operation_request *request, int observe)
{
    struct records paths = { 0 };
    if (request->method == METHOD_FETCH &&
        operation_composite_paths(device, request->content_format, request->payload,
                                  request->payload_len, &paths) != 205) {
        records_deinit(&paths);
        return;
    }
    observations_begin_take(device, &request->path, resource, observe, &paths);
}

static void answer_request(struct device *device, const struct path *path,
                           coap_resource_t *resource, coap_session_t *session,
                           const coap_pdu_t *pdu, const coap_string_t *query, coap_pdu_t *response)
{
    size_t offset = 0;
    size_t total = 0;
    struct operation_answer answer = { .content_format = CONTENT_NONE };
    struct operation_request request = {
        .method = (enum operation_method)coap_pdu_get_code(pdu),
        .path = *path,
        .content_format = read_uint_option(pdu, COAP_OPTION_CONTENT_FORMAT),
        .accept = read_uint_option(pdu, COAP_OPTION_ACCEPT),
        .query = query == NULL ? NULL : (const char *)query->s,
        .query_len = query == NULL ? 0 : query->length,
    };
    enum role role = find_role(device, resource, session, pdu, response);
    request.is_notification = role == ROLE_NOTIFY;
    coap_get_data_large(pdu, &request.payload_len, &request.payload, &offset, &total);
    behaviour_refresh_time(device);
    operation_run(device, &request, &answer);
    int observe = read_uint_option(response, COAP_OPTION_OBSERVE);
    say(device, role, &request, &answer, observe);
    coap_pdu_set_code(response, (coap_pdu_code_t)COAP_RESPONSE_CODE(answer.code));
    add_location(device, &answer.location, response);
    if (role == ROLE_OBSERVE && answer.code == 205 && observe != CONTENT_NONE) {
        begin_observation(device, resource, &request, observe);
    }
    if (answer.content_format != CONTENT_NONE) {
        add_payload(device, resource, session, pdu, query, &answer, response);
    }
    bytes_deinit(&answer.payload);
}

static void handle(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *pdu,
                   const coap_string_t *query, coap_pdu_t *response)
{
    struct device *device = coap_resource_get_userdata(resource);
    bool is_reply = coap_pdu_get_type(response) == COAP_MESSAGE_ACK;
    device_spoke(device);
    if (device->options->separate && is_reply) {
        /* No code set: libcoap sends an empty ACK, and calls again after the delay. */
        coap_register_async(session, pdu, COAP_TICKS_PER_SECOND / 10);
        return;
    }
    struct path path;
    coap_string_t *uri = coap_get_uri_path(pdu);
    if (uri != NULL && read_path(device, uri, &path)) {
        answer_request(device, &path, resource, session, pdu, query, response);
    } else {
        device_say(device, "request %s /%.*s -> 4.04", method_names[coap_pdu_get_code(pdu)],
                   uri == NULL ? 0 : (int)uri->length, uri == NULL ? "" : (char *)uri->s);
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
    }
    coap_delete_string(uri);
}

static void set_handlers(struct device *device, coap_resource_t *resource)
{
    static const coap_request_t methods[] = { COAP_REQUEST_GET,   COAP_REQUEST_POST,
                                              COAP_REQUEST_PUT,   COAP_REQUEST_DELETE,
                                              COAP_REQUEST_FETCH, COAP_REQUEST_PATCH,
                                              COAP_REQUEST_IPATCH };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        coap_register_request_handler(resource, methods[i], handle);
    }
    coap_resource_set_userdata(resource, device);
}

static void add_resource(struct device *device, const struct path *path)
{
    char text[PATH_TEXT_SIZE];
    struct bytes uri = { 0 };
    struct server *server = &device->server;
    bytes_add_text(&uri, device->options->root);
    bytes_add_text(&uri, path->depth == PATH_ROOT ? "" : path_format(path, text));
    const char *name = bytes_text(&uri);
    name += name[0] == '/' ? 1 : 0; /* libcoap's paths start without one */
    coap_resource_t *resource =
        coap_resource_init(coap_make_str_const(name), device->options->confirmable
                                                          ? COAP_RESOURCE_FLAGS_NOTIFY_CON
                                                          : COAP_RESOURCE_FLAGS_NOTIFY_NON_ALWAYS);
    bytes_deinit(&uri);
    struct served *list = realloc(server->list, (server->count + 1) * sizeof *list);
    if (resource == NULL || list == NULL) {
        abort();
    }
    set_handlers(device, resource);
    coap_resource_set_get_observable(resource, 1);
    coap_add_resource(device->network.context, resource);
    list[server->count++] = (struct served){ .path = *path, .resource = resource };
    server->list = list;
}

static bool is_served(const struct server *server, const struct path *path)
{
    for (size_t i = 0; i < server->count; i++) {
        if (path_compare(&server->list[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void serve(struct device *device, const struct path *path)
{
    if (!is_served(&device->server, path)) {
        add_resource(device, path);
    }
}

static void remove_gone(struct device *device)
{
    struct server *server = &device->server;
    for (size_t i = server->count; i-- > 0;) {
        struct served *served = &server->list[i];
        if (served->path.depth != PATH_ROOT && !store_has(&device->store, &served->path)) {
            observations_forget(device, served->resource);
            coap_delete_resource(device->network.context, served->resource);
            server->list[i] = server->list[--server->count];
        }
    }
}

void server_sync(struct device *device)
{
    if (device->server.shape == device->store.shape) {
        return;
    }
    device->server.shape = device->store.shape;
    remove_gone(device);
    for (size_t i = 0; i < device->store.place_count; i++) {
        serve(device, &device->store.places[i]);
    }
    for (size_t i = 0; i < device->store.leaves.count; i++) {
        struct path path = device->store.leaves.list[i].path;
        struct path resource = path_parent(&path, PATH_RESOURCE);
        serve(device, &resource);
        serve(device, &path);
    }
}

void server_open(struct device *device)
{
    struct path root = { 0 };
    coap_resource_t *unknown = coap_resource_unknown_init(handle);
    if (unknown == NULL) {
        abort();
    }
    set_handlers(device, unknown);
    coap_add_resource(device->network.context, unknown);
    add_resource(device, &root);
    server_sync(device);
}

void server_close(struct server *server)
{
    free(server->list);
    *server = (struct server){ 0 };
}
