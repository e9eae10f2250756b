#include "lwm2m/inbound.h"

#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/registration.h"
#include "lwm2m/send.h"

#define ANSWER_OPTIONS_MAX 3 /* Max-Age and the payload marker */

/* Whoever sends us a few bytes with a borrowed address shall not get more bytes sent there. */
static bool would_amplify(const struct lwcoap_message *message, const char *reason)
{
    size_t request = message->options_len + message->payload_len;
    return strlen(reason) + ANSWER_OPTIONS_MAX > request;
}

uint32_t lwm2m_server_busy_s(struct lwm2m_server *server)
{
    uint32_t random;

    server->callbacks.random(server->callbacks.ctx, &random, sizeof(random));
    return lwm2m_busy_max_age_s(&server->busy, random, server->now_ms);
}

void lwm2m_server_answer(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                         uint8_t code, const char *reason)
{
    struct lwcoap_reply reply = {
        .code = code,
        .content_format = LWCOAP_FORMAT_NONE,
        .max_age_s = code == LWCOAP_CODE(5, 3) ? lwm2m_server_busy_s(server) : 0,
    };
    if (!would_amplify(inbound->message, reason)) {
        reply.payload = (const uint8_t *)reason;
        reply.payload_len = strlen(reason);
    }
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

void lwm2m_server_refused(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                          const char *endpoint, uint8_t code, const char *reason)
{
    if (server->callbacks.refused) {
        server->callbacks.refused(server->callbacks.ctx, &inbound->receipt.route, endpoint, code,
                                  reason);
    }
}

/* GET /.well-known/core (RFC 6690): where to register. */
static void answer_well_known(struct lwm2m_server *server, const struct lwcoap_inbound *inbound)
{
    static const char links[] = "</rd>;rt=\"core.rd\";ct=40";
    struct lwcoap_reply reply = {
        .code = LWCOAP_CODE(2, 5),
        .content_format = LWM2M_FORMAT_LINK,
        .payload = (const uint8_t *)links,
        .payload_len = sizeof(links) - 1,
    };
    lwcoap_respond(server->coap, &inbound->receipt, &reply, server->now_ms);
}

/* The first segments of the Uri-Path; returns how many there are in all. */
static size_t read_uri_path(const struct lwcoap_message *message, struct lwm2m_bytes segments[2])
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    size_t count = 0;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_PATH) {
            if (count < 2) {
                segments[count] = (struct lwm2m_bytes){ option.value, option.len };
            }
            count++;
        }
    }
    return count;
}

static bool segment_is(struct lwm2m_bytes segment, const char *text)
{
    return segment.len == strlen(text) && memcmp(segment.data, text, segment.len) == 0;
}

static void on_registration_path(struct lwm2m_server *server, const struct lwcoap_inbound *inbound,
                                 struct lwm2m_bytes location)
{
    struct lwm2m_device *device =
        lwm2m_registry_find_location(&server->registry, location.data, location.len);
    if (device && !lwm2m_device_admits(server, device, &inbound->receipt.route)) {
        lwm2m_server_refused(server, inbound, device->endpoint, LWCOAP_CODE(4, 4),
                             "the registration is of another identity");
        device = NULL; /* nobody is told that the location exists */
    }
    switch (inbound->message->code) {
    case LWCOAP_POST:
        lwm2m_registration_update(server, device, inbound);
        return;
    case LWCOAP_DELETE:
        lwm2m_registration_deregister(server, device, inbound);
        return;
    default:
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 5), "");
    }
}

void lwm2m_inbound_request(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct lwm2m_server *server = ctx;
    struct lwm2m_bytes segments[2] = { 0 };
    size_t count = read_uri_path(inbound->message, segments);
    uint8_t code = inbound->message->code;

    if (count == 1 && segment_is(segments[0], "rd")) {
        if (code == LWCOAP_POST) {
            lwm2m_registration_register(server, inbound);
        } else {
            lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 5), "");
        }
    } else if (count == 2 && segment_is(segments[0], "rd")) {
        on_registration_path(server, inbound, segments[1]);
    } else if (count == 1 && code == LWCOAP_POST && segment_is(segments[0], "dp")) {
        lwm2m_send_receive(server, inbound);
    } else if (count == 2 && code == LWCOAP_GET && segment_is(segments[0], ".well-known") &&
               segment_is(segments[1], "core")) {
        answer_well_known(server, inbound);
    } else {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "");
    }
}

size_t lwm2m_inbound_body_limit(void *ctx, const struct lwcoap_inbound *inbound)
{
    struct lwm2m_server *server = ctx;
    size_t most = server->settings.coap.max_body_size;
    struct lwm2m_bytes segments[2] = { 0 };

    if (lwm2m_server_knows(server, &inbound->receipt.route)) {
        return most;
    }
    size_t count = read_uri_path(inbound->message, segments);
    bool registers = inbound->message->code == LWCOAP_POST && (count == 1 || count == 2) &&
                     segment_is(segments[0], "rd");
    if (!registers) {
        lwm2m_server_answer(server, inbound, LWCOAP_CODE(4, 4), "");
        return 0;
    }
    if (!lwm2m_server_is_verified(server, inbound)) {
        lwm2m_server_challenge(server, inbound);
        return 0;
    }
    return most < LWM2M_OBJECT_LIST_MAX ? most : LWM2M_OBJECT_LIST_MAX;
}
