#include "test/bench/kind.h"

#include <stdio.h>
#include <string.h>

void kind_token(uint32_t index, uint8_t token[KIND_TOKEN_LEN])
{
    for (unsigned i = 0; i < KIND_TOKEN_LEN; i++) {
        token[i] = (uint8_t)(index >> (24 - 8 * i));
    }
}

static struct message_writer begin_request(uint8_t *buffer, uint8_t code, const struct fleet *fleet,
                                           uint32_t index)
{
    uint8_t token[KIND_TOKEN_LEN];
    kind_token(index, token);
    struct message_writer out = message_begin(
        buffer, MESSAGE_CON, code, fleet->devices[index].message_id, token, sizeof(token));
    message_option_text(&out, MESSAGE_URI_PATH, "rd");
    return out;
}

static size_t compose_register(const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    char endpoint[FLEET_ENDPOINT_MAX];
    char ep[FLEET_ENDPOINT_MAX + 3] = "ep=";
    fleet_endpoint(fleet, index, endpoint);
    strcat(ep, endpoint);
    struct message_writer out = begin_request(buffer, MESSAGE_POST, fleet, index);
    message_option_uint(&out, MESSAGE_CONTENT_FORMAT, CONTENT_LINK);
    message_option_text(&out, MESSAGE_URI_QUERY, "lwm2m=1.1");
    message_option_text(&out, MESSAGE_URI_QUERY, ep);
    message_option_text(&out, MESSAGE_URI_QUERY, "b=U");
    message_option_text(&out, MESSAGE_URI_QUERY, "lt=86400");
    message_payload(&out, fleet->content->links, strlen(fleet->content->links));
    return message_end(&out);
}

static size_t compose_at_location(const struct fleet *fleet, uint32_t index, uint8_t code,
                                  uint8_t *buffer)
{
    const struct device *device = &fleet->devices[index];
    struct message_writer out = begin_request(buffer, code, fleet, index);
    message_option(&out, MESSAGE_URI_PATH, device->location, device->location_len);
    return message_end(&out);
}

/* An Update without parameters keeps the registration alive: the most frequent message of all. */
static size_t compose_update(const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    return compose_at_location(fleet, index, MESSAGE_POST, buffer);
}

static size_t compose_deregister(const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    return compose_at_location(fleet, index, MESSAGE_DELETE, buffer);
}

static size_t compose_notify(const struct fleet *fleet, uint32_t index, enum message_type type,
                             uint8_t *buffer)
{
    const struct device *device = &fleet->devices[index];
    struct message_writer out = message_begin(buffer, type, MESSAGE_CONTENT, device->message_id,
                                              device->token, device->token_len);
    message_option_uint(&out, MESSAGE_OBSERVE, device->sequence & 0xffffff);
    message_option_uint(&out, MESSAGE_CONTENT_FORMAT, fleet->content->format);
    out.at += fleet->content->write(message_payload_at(&out), device->sequence);
    return message_end(&out);
}

static size_t compose_notify_con(const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    return compose_notify(fleet, index, MESSAGE_CON, buffer);
}

static size_t compose_notify_non(const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    return compose_notify(fleet, index, MESSAGE_NON, buffer);
}

/* --- answers --- */

/* The echo server knows no locations: there, one of the usual length is made up. */
static void registered(struct fleet *fleet, uint32_t index, const struct message *answer)
{
    static const char made_up[] = "echo-server";
    struct device *device = &fleet->devices[index];
    const void *location = answer->location ? (const void *)answer->location : made_up;
    size_t len = answer->location ? answer->location_len : sizeof(made_up) - 1;
    device->location_len = (uint8_t)(len < FLEET_LOCATION_MAX ? len : FLEET_LOCATION_MAX);
    memcpy(device->location, location, device->location_len);
    fleet_set_registered(fleet, device, true);
}

static void deregistered(struct fleet *fleet, uint32_t index, const struct message *answer)
{
    (void)answer;
    fleet_set_registered(fleet, &fleet->devices[index], false);
    fleet_set_observed(fleet, &fleet->devices[index], false);
}

/* A Reset ends the observation (RFC 7641, 3.6). */
static void notification_refused(struct fleet *fleet, uint32_t index, const struct message *answer)
{
    if (answer->type == MESSAGE_RST) {
        fleet_set_observed(fleet, &fleet->devices[index], false);
    }
}

static void update_refused(struct fleet *fleet, uint32_t index, const struct message *answer)
{
    if (answer->code == MESSAGE_NOT_FOUND) {
        deregistered(fleet, index, answer);
    }
}

static const struct {
    bool confirmable;
    bool empty_answer; /* success is an empty ACK, not a response of class 2 */
    size_t (*compose)(const struct fleet *fleet, uint32_t index, uint8_t *buffer);
    void (*done)(struct fleet *fleet, uint32_t index, const struct message *answer);
    void (*refused)(struct fleet *fleet, uint32_t index, const struct message *answer);
} kinds[KIND_COUNT] = {
    [KIND_REGISTER] = { true, false, compose_register, registered, NULL },
    [KIND_UPDATE] = { true, false, compose_update, NULL, update_refused },
    [KIND_DEREGISTER] = { true, false, compose_deregister, deregistered, update_refused },
    [KIND_NOTIFY_CON] = { true, true, compose_notify_con, NULL, notification_refused },
    [KIND_NOTIFY_NON] = { false, true, compose_notify_non, NULL, notification_refused },
    [KIND_HANDSHAKE] = { .confirmable = true },
};

bool kind_is_confirmable(enum kind kind)
{
    return kinds[kind].confirmable;
}

size_t kind_compose(enum kind kind, const struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    return kinds[kind].compose(fleet, index, buffer);
}

enum kind_verdict kind_answered(enum kind kind, struct fleet *fleet, uint32_t index,
                                const struct message *answer)
{
    bool success = answer->type != MESSAGE_RST &&
                   (kinds[kind].empty_answer ? answer->code == 0 : answer->code >> 5 == 2);
    void (*act)(struct fleet *, uint32_t, const struct message *) =
        success ? kinds[kind].done : kinds[kind].refused;
    if (act) {
        act(fleet, index, answer);
    }
    return success ? KIND_DONE : answer->code == MESSAGE_UNAVAILABLE ? KIND_LATER : KIND_REFUSED;
}
