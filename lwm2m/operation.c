#include "lwm2m/operation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/format_choice.h"
#include "lwm2m/observation.h"
#include "lwm2m/queue.h"
#include "lwm2m/silence.h"

enum body { BODY_NONE, BODY_RECORDS, BODY_ARGUMENTS };
enum accept { ACCEPT_NONE, ACCEPT_RECORDS, ACCEPT_LINKS };

static const struct {
    uint8_t code;
    enum body body;
    enum accept accept;
    int8_t observe; /* value of the Observe option, -1 without */
    bool changes;
} operations[] = {
    [LWM2M_READ] = { LWCOAP_GET, BODY_NONE, ACCEPT_RECORDS, -1, false },
    [LWM2M_DISCOVER] = { LWCOAP_GET, BODY_NONE, ACCEPT_LINKS, -1, false },
    [LWM2M_WRITE_REPLACE] = { LWCOAP_PUT, BODY_RECORDS, ACCEPT_NONE, -1, true },
    [LWM2M_WRITE_UPDATE] = { LWCOAP_POST, BODY_RECORDS, ACCEPT_NONE, -1, true },
    [LWM2M_WRITE_ATTRIBUTES] = { LWCOAP_PUT, BODY_NONE, ACCEPT_NONE, -1, true },
    [LWM2M_EXECUTE] = { LWCOAP_POST, BODY_ARGUMENTS, ACCEPT_NONE, -1, true },
    [LWM2M_CREATE] = { LWCOAP_POST, BODY_RECORDS, ACCEPT_NONE, -1, true },
    [LWM2M_DELETE] = { LWCOAP_DELETE, BODY_NONE, ACCEPT_NONE, -1, true },
    [LWM2M_OBSERVE] = { LWCOAP_GET, BODY_NONE, ACCEPT_RECORDS, 0, false },
    [LWM2M_CANCEL_OBSERVE] = { LWCOAP_GET, BODY_NONE, ACCEPT_RECORDS, 1, false },
    [LWM2M_READ_COMPOSITE] = { LWCOAP_FETCH, BODY_RECORDS, ACCEPT_RECORDS, -1, false },
    [LWM2M_WRITE_COMPOSITE] = { LWCOAP_IPATCH, BODY_RECORDS, ACCEPT_NONE, -1, true },
    [LWM2M_OBSERVE_COMPOSITE] = { LWCOAP_FETCH, BODY_RECORDS, ACCEPT_RECORDS, 0, false },
    [LWM2M_CANCEL_OBSERVE_COMPOSITE] = { LWCOAP_FETCH, BODY_RECORDS, ACCEPT_RECORDS, 1, false },
};

bool lwm2m_operation_changes(enum lwm2m_operation operation)
{
    return operations[operation].changes;
}

bool lwm2m_request_changes(const struct lwm2m_request *request)
{
    return lwm2m_operation_changes(request->operation);
}

bool lwm2m_operation_observes(enum lwm2m_operation operation)
{
    return operations[operation].observe == 0;
}

bool lwm2m_operation_cancels(enum lwm2m_operation operation)
{
    return operations[operation].observe == 1;
}

static int encode_records(struct lwm2m_server *server, const struct lwm2m_device *device,
                          const struct lwm2m_request *request, uint16_t *format)
{
    struct lwm2m_device_lookup lookup = { server, device };
    struct lwm2m_content_context context = lwm2m_content_context_of(&lookup, &request->path);
    const struct lwm2m_content_format *chosen = lwm2m_format_for_body(device, request);

    if (!chosen) {
        return -EINVAL;
    }
    lwm2m_buffer_clear(&server->payload);
    int rc = chosen->encode(&context, request->records, request->record_count, &server->payload);
    *format = chosen->number;
    return rc == -ENOSPC ? -EINVAL : rc;
}

int lwm2m_operation_check(struct lwm2m_server *server, const struct lwm2m_device *device,
                          const struct lwm2m_request *request)
{
    uint16_t format;
    if (operations[request->operation].body != BODY_RECORDS) {
        return 0;
    }
    return encode_records(server, device, request, &format);
}

/* Fills in the body and its format. */
static int add_body(struct lwm2m_server *server, const struct lwm2m_device *device,
                    const struct lwm2m_request *request, struct lwcoap_request *message)
{
    switch (operations[request->operation].body) {
    case BODY_RECORDS: {
        int rc = encode_records(server, device, request, &message->content_format);
        message->body = server->payload.data;
        message->body_len = server->payload.len;
        return rc;
    }
    case BODY_ARGUMENTS:
        if (request->arguments && *request->arguments) {
            message->content_format = LWM2M_FORMAT_TEXT;
            message->body = (const uint8_t *)request->arguments;
            message->body_len = strlen(request->arguments);
        }
        return 0;
    case BODY_NONE:
        break;
    }
    return 0;
}

static uint16_t accept_of(const struct lwm2m_device *device, const struct lwm2m_request *request)
{
    switch (operations[request->operation].accept) {
    case ACCEPT_LINKS:
        return LWM2M_FORMAT_LINK;
    case ACCEPT_RECORDS:
        return request->accept != LWM2M_FORMAT_NONE ? request->accept
                                                    : lwm2m_format_for_answer(device, request);
    case ACCEPT_NONE:
        break;
    }
    return LWM2M_FORMAT_NONE;
}

/* The alternate path and the path of the request; "" for the root of neither. */
static int format_uri_path(const struct lwm2m_device *device, const struct lwm2m_path *path,
                           char *text, size_t size)
{
    char below[LWM2M_PATH_TEXT_MAX];
    lwm2m_path_format(path, below);
    int len = snprintf(text, size, "%s%s", device->object_list->root, path->depth ? below : "");
    return len < 0 || (size_t)len >= size ? -EINVAL : 0;
}

/* --- answers --- */

/* What the device said of its notifications. */
static void learn(struct lwm2m_server *server, const struct lwm2m_request *request,
                  const struct lwcoap_response *response)
{
    if (response->code >> 5 != 2) {
        return;
    }
    if (request->operation == LWM2M_WRITE_ATTRIBUTES) {
        lwm2m_silence_learn(server, request->device, &request->path, request->query);
    } else if (request->operation == LWM2M_DISCOVER) {
        lwm2m_silence_learn_links(server, request->device, response->body, response->body_len);
    }
}

static void respond(struct lwm2m_server *server, struct lwm2m_request *request,
                    const struct lwcoap_response *response)
{
    struct lwm2m_device *device = request->device;
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_RESPONSE, device);

    event.location = response->location;
    event.acknowledged = response->receipt.confirmable;
    learn(server, request, response);
    lwm2m_content_into_event(server, device, &request->path, response, &event);
    lwm2m_queue_finish(server, request, &event);
}

static void finish(struct lwm2m_server *server, struct lwm2m_request *request,
                   enum lwm2m_event_type type, const char *reason)
{
    struct lwm2m_event event = lwm2m_event_of(type, request->device);
    event.reason = reason;
    lwm2m_queue_finish(server, request, &event);
}

static void on_outcome(void *ctx, struct lwcoap_exchange *exchange, enum lwcoap_outcome outcome,
                       const struct lwcoap_response *response, const char *reason)
{
    struct lwm2m_request *request = ctx;
    struct lwm2m_server *server = request->server;
    struct lwm2m_device *device = request->device;
    (void)exchange;

    switch (outcome) {
    case LWCOAP_OUTCOME_ACKNOWLEDGED: {
        struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_ACKNOWLEDGED, device);
        event.request = request;
        lwm2m_device_heard(server, device, lwcoap_peer_route(device->peer));
        if (!request->renewal) {
            lwm2m_server_raise(server, &event);
        }
        return;
    }
    case LWCOAP_OUTCOME_RESPONSE:
        lwm2m_device_heard(server, device, &response->receipt.route);
        if (lwm2m_format_refused(device, request, response->code)) {
            lwm2m_queue_idle(device); /* still the head: goes out once more, in another format */
            lwm2m_queue_touch(server, device);
            return;
        }
        lwm2m_format_accepted(device, request, response->code);
        respond(server, request, response);
        return;
    case LWCOAP_OUTCOME_RESET:
        lwm2m_device_heard(server, device, lwcoap_peer_route(device->peer));
        finish(server, request, LWM2M_EVENT_RESET, "");
        return;
    case LWCOAP_OUTCOME_TIMEOUT:
        lwm2m_queue_unanswered(server, request);
        return;
    case LWCOAP_OUTCOME_FAILED:
        finish(server, request, LWM2M_EVENT_DROPPED, reason);
        return;
    }
}

int lwm2m_operation_message(struct lwm2m_server *server, const struct lwm2m_device *device,
                            const struct lwm2m_request *request, struct lwcoap_request *message)
{
    *message = (struct lwcoap_request){
        .code = operations[request->operation].code,
        .path = server->uri_path,
        .query = request->query,
        .content_format = LWM2M_FORMAT_NONE,
        .accept = accept_of(device, request),
        .observe = operations[request->operation].observe,
    };
    int rc = format_uri_path(device, &request->path, server->uri_path, sizeof(server->uri_path));
    return rc ? rc : add_body(server, device, request, message);
}

int lwm2m_operation_send(struct lwm2m_server *server, struct lwm2m_device *device,
                         struct lwm2m_request *request)
{
    struct lwcoap_request message;
    struct lwcoap_observation *observation = NULL;

    int rc = lwm2m_operation_message(server, device, request, &message);
    if (!rc && message.observe >= 0) {
        rc = lwm2m_observation_start(server, request, message.accept, &observation);
    }
    if (!rc && server->callbacks.request_sent && !request->renewal) {
        server->callbacks.request_sent(server->callbacks.ctx, request);
    }
    rc = rc ? rc
            : lwcoap_request_send(server->coap, lwcoap_peer_route(device->peer), &message,
                                  observation, on_outcome, request, server->now_ms,
                                  &device->exchange);
    if (rc) {
        lwm2m_queue_idle(device);
    }
    request->sent_format = message.content_format;
    request->sent_accept = message.accept;
    return rc;
}
