#include "lwm2m/send.h"

#include <errno.h>
#include <string.h>

#include "lwm2m/queue.h"
#include "lwm2m/registration_terms.h"

/* Core TS 6.4.6: only what the device registered may be sent; over some bindings (LoRaWAN) the list
 * stays away. */
static bool all_registered(const struct lwm2m_device *device, const struct lwm2m_records *records)
{
    for (size_t i = 0; device->gave_object_list && i < records->count; i++) {
        const struct lwm2m_path *path = &records->items[i].path;
        if (path->depth == 0 || !lwm2m_object_list_has(device->object_list, path->ids[0])) {
            return false;
        }
    }
    return true;
}

static uint8_t check(const struct lwm2m_device *device, const struct lwm2m_event *event,
                     const char **reason)
{
    if (event->decode_err == -ENOTSUP || event->content_format == LWM2M_FORMAT_NONE) {
        *reason = "unknown content format";
        return LWCOAP_CODE(4, 15);
    }
    if (event->decode_err || !event->records) {
        *reason = "the payload cannot be decoded";
        return LWCOAP_CODE(4, 0);
    }
    if (!all_registered(device, event->records)) {
        *reason = "an object that was not registered";
        return LWCOAP_CODE(4, 4);
    }
    return LWCOAP_CODE(2, 4);
}

/* Whose messages come from there. One that made a new session and has not spoken since is known by
 * its identity. */
static struct lwm2m_device *find_sender(struct lwm2m_server *server,
                                        const struct transport_route *route)
{
    struct lwcoap_peer *peer = lwcoap_peer_find(server->coap, route);
    struct lwm2m_device *device = peer ? lwcoap_peer_owner(peer) : NULL;
    char endpoint[LWM2M_ENDPOINT_MAX + 1];

    if (device || route->session == 0 || !server->callbacks.endpoint_of ||
        !server->callbacks.endpoint_of(server->callbacks.ctx, route, endpoint, sizeof(endpoint))) {
        return device;
    }
    device = lwm2m_registry_find(&server->registry, endpoint);
    return device && lwm2m_device_admits(server, device, route) ? device : NULL;
}

void lwm2m_send_receive(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    static const struct lwm2m_path root = { .depth = 0 };
    struct lwm2m_device *device = find_sender(server, &inbound->receipt.route);
    const char *reason = "";

    if (!device) {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "not registered from this address");
        return;
    }
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_SEND, device);
    struct lwm2m_receipt receipt = { .coap = inbound->receipt, .device = device->number };
    event.content_format = inbound->content_format;
    event.body = inbound->body;
    event.body_len = inbound->body_len;
    event.receipt = &receipt;
    lwm2m_device_heard(server, device, &inbound->receipt.route);
    lwm2m_content_decode(server, device, &root, &event);
    uint8_t code = check(device, &event, &reason);
    if (code >> 5 == 2) {
        event.code = LWCOAP_CODE(2, 5); /* content, as in a notification */
        lwm2m_server_raise(server, &event);
    } else {
        lwm2m_server_answer(server, inbound, code, reason);
        lwm2m_queue_touch(server, device);
    }
}

bool lwm2m_send_is(const struct lwcoap_receipt *receipt)
{
    return receipt->code == LWCOAP_POST;
}

void lwm2m_send_postpone(struct lwm2m_server *server, const struct lwcoap_receipt *receipt)
{
    struct lwcoap_reply reply = {
        .code = LWCOAP_CODE(5, 3),
        .content_format = LWCOAP_FORMAT_NONE,
        .max_age_s = lwm2m_server_busy_s(server),
    };
    lwcoap_respond(server->coap, receipt, &reply, server->now_ms);
}

void lwm2m_send_accept(struct lwm2m_server *server, const struct lwcoap_receipt *receipt)
{
    struct lwcoap_reply reply = { .code = LWCOAP_CODE(2, 4), .content_format = LWCOAP_FORMAT_NONE };
    lwcoap_respond(server->coap, receipt, &reply, server->now_ms);
}
