/* The body of a message as an event has it: decoded with the definitions of the device's objects.
 */
#include <errno.h>

#include "lwm2m/internal.h"

static bool definition_of(void *ctx, uint16_t object, uint16_t resource,
                          struct lwm2m_definition *definition)
{
    const struct lwm2m_device_lookup *lookup = ctx;
    const struct lwm2m_server *server = lookup->server;
    return server->callbacks.definition(server->callbacks.ctx, object,
                                        lwm2m_device_object_version(lookup->device, object),
                                        resource, definition);
}

struct lwm2m_content_context lwm2m_content_context_of(struct lwm2m_device_lookup *lookup,
                                                      const struct lwm2m_path *base)
{
    const struct lwm2m_server *server = lookup->server;
    return (struct lwm2m_content_context){
        .base = *base,
        .root = lookup->device->object_list->root,
        .definition = definition_of,
        .definition_ctx = lookup,
        .now_s = server->callbacks.wall_clock_s(server->callbacks.ctx),
    };
}

void lwm2m_content_decode(struct lwm2m_server *server, const struct lwm2m_device *device,
                          const struct lwm2m_path *base, struct lwm2m_event *event)
{
    struct lwm2m_device_lookup lookup = { server, device };
    struct lwm2m_content_context context = lwm2m_content_context_of(&lookup, base);
    /* Without a Content-Format the body is text (RFC 7252, 5.5.1 leaves it to us). */
    bool named = event->content_format != LWM2M_FORMAT_NONE;
    const struct lwm2m_content_format *format =
        lwm2m_content_find(named ? event->content_format : LWM2M_FORMAT_TEXT);

    if (!format || !format->decode) {
        event->decode_err = event->body_len ? -ENOTSUP : 0;
        return;
    }
    lwm2m_records_clear(&server->records);
    if (event->body_len || named) {
        event->decode_err =
            format->decode(&context, event->body, event->body_len, &server->records);
    }
    event->records = event->decode_err ? NULL : &server->records;
}

void lwm2m_content_into_event(struct lwm2m_server *server, const struct lwm2m_device *device,
                              const struct lwm2m_path *base, const struct lwcoap_response *response,
                              struct lwm2m_event *event)
{
    event->code = response->code;
    event->content_format = response->content_format;
    event->body = response->body;
    event->body_len = response->body_len;
    event->sequence = response->observe;
    event->max_age_s = response->max_age_s;
    if (response->code >> 5 == 2 && response->content_format != LWM2M_FORMAT_LINK) {
        lwm2m_content_decode(server, device, base, event);
    }
}
