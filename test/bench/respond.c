#include "test/bench/respond.h"

#include <string.h>

size_t respond_empty(enum message_type type, const struct message *to, uint8_t *buffer)
{
    struct message_writer out = message_begin(buffer, type, 0, to->id, NULL, 0);
    return message_end(&out);
}

static void observe(struct fleet *fleet, struct device *device, const struct message *request)
{
    fleet_set_observed(fleet, device, request->observe == 0);
    device->token_len = request->token_len;
    memcpy(device->token, request->token, request->token_len);
}

static void write_content(struct message_writer *out, struct fleet *fleet, struct device *device,
                          const struct message *request)
{
    const struct content *content = fleet->content;
    if (strcmp(request->path, content->path) != 0) {
        message_option_uint(out, MESSAGE_CONTENT_FORMAT, CONTENT_TEXT);
        message_payload(out, "1.0", 3);
        return;
    }
    if (request->observe >= 0) {
        observe(fleet, device, request);
    }
    if (request->observe == 0) {
        message_option_uint(out, MESSAGE_OBSERVE, ++device->sequence & 0xffffff);
    }
    message_option_uint(out, MESSAGE_CONTENT_FORMAT, content->format);
    out->at += content->write(message_payload_at(out), device->sequence);
}

static uint8_t answer_code(const struct message *request)
{
    switch (request->code) {
    case MESSAGE_GET:
        return MESSAGE_CONTENT;
    case MESSAGE_DELETE:
        return MESSAGE_DELETED;
    default:
        return MESSAGE_CHANGED;
    }
}

size_t respond(struct fleet *fleet, uint32_t index, const struct message *request, uint8_t *buffer)
{
    enum message_type type = request->type == MESSAGE_CON ? MESSAGE_ACK : MESSAGE_NON;
    struct message_writer out = message_begin(buffer, type, answer_code(request), request->id,
                                              request->token, request->token_len);
    if (request->code == MESSAGE_GET) {
        write_content(&out, fleet, &fleet->devices[index], request);
    }
    return message_end(&out);
}
