#include "gateway/administration.h"

#include "gateway/downlink.h"
#include "gateway/json_members.h"
#include "gateway/json_text.h"

#include <string.h>

#define ANSWER_MAX (64 * 1024 * 1024)

/* --- what both lists have --- */

/* Members that a list writes itself; those of a command with these names are left out. */
static bool is_ours(const struct json_member *member)
{
    static const char *const ours[] = {
        "\"path\"", "\"paths\"",         "\"query\"",      "\"state\"", "\"age\"",
        "\"ttl\"",  "\"maybeExecuted\"", "\"unanswered\"", "\"pmax\"",
    };
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strlen(ours[i]) == member->name_len &&
            memcmp(ours[i], member->name, member->name_len) == 0) {
            return true;
        }
    }
    return false;
}

static void write_echo(struct lwm2m_buffer *buffer, const struct command_text *echo)
{
    struct json_members members = { echo->text, echo->text + echo->len };
    struct json_member member;
    while (json_members_next(&members, &member)) {
        if (!is_ours(&member)) {
            size_t len = (size_t)(member.value + member.value_len - member.name);
            JSON_LITERAL(buffer, ",");
            lwm2m_buffer_append(buffer, member.name, len);
        }
    }
}

static void write_paths(struct lwm2m_buffer *buffer, const struct lwm2m_record *paths, size_t count)
{
    JSON_LITERAL(buffer, ",\"paths\":[");
    for (size_t i = 0; i < count; i++) {
        lwm2m_buffer_append_text(buffer, i > 0 ? "," : "");
        json_path(buffer, &paths[i].path);
    }
    JSON_LITERAL(buffer, "]");
}

static void write_number(struct lwm2m_buffer *buffer, const char *name, uint64_t number)
{
    json_name(buffer, name);
    json_unsigned(buffer, number);
}

/* Between the entries of a list. */
static void write_separator(struct lwm2m_buffer *buffer)
{
    if (buffer->len > 0 && buffer->data[buffer->len - 1] != '[') {
        JSON_LITERAL(buffer, ",");
    }
}

static uint64_t age_s(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
}

/* --- the queue --- */

static bool is_composite(enum lwm2m_operation operation)
{
    return operation == LWM2M_READ_COMPOSITE || operation == LWM2M_WRITE_COMPOSITE ||
           operation == LWM2M_OBSERVE_COMPOSITE || operation == LWM2M_CANCEL_OBSERVE_COMPOSITE;
}

static void write_command(struct lwm2m_buffer *buffer, const struct command *command,
                          uint64_t now_ms)
{
    const struct lwm2m_request *request = &command->request;
    write_separator(buffer);
    JSON_LITERAL(buffer, "{\"msgType\":");
    json_string(buffer, command->msg_type);
    write_echo(buffer, &command->echo);
    if (is_composite(request->operation)) {
        write_paths(buffer, request->records, request->record_count);
    } else if (command->req_path != NULL) {
        JSON_LITERAL(buffer, ",\"path\":");
        json_string(buffer, command->req_path);
    }
    json_name(buffer, "state");
    json_string(buffer, lwm2m_request_is_under_way(request) ? "sent" : "waiting");
    write_number(buffer, "age", age_s(command->taken_ms, now_ms));
    if (request->expires_ms != LWM2M_TIMERS_NEVER) {
        write_number(buffer, "ttl", age_s(now_ms, request->expires_ms + 999));
    }
    if (request->unanswered > 0) {
        write_number(buffer, "unanswered", request->unanswered);
    }
    if (request->maybe_executed) {
        JSON_LITERAL(buffer, ",\"maybeExecuted\":true");
    }
    JSON_LITERAL(buffer, "}");
}

void administration_write_queue(struct lwm2m_buffer *buffer, const struct lwm2m_device *device,
                                uint64_t now_ms)
{
    const struct lwm2m_request *request = NULL;
    JSON_LITERAL(buffer, ",\"content\":[");
    while ((request = lwm2m_device_request_after(device, request)) != NULL) {
        write_command(buffer, request->context, now_ms);
    }
    JSON_LITERAL(buffer, "]");
}

/* --- observations --- */

static void write_observation(struct lwm2m_buffer *buffer,
                              const struct lwm2m_observation *observation, uint64_t now_ms)
{
    static const char *const states[] = {
        [LWM2M_OBSERVATION_ASKED] = "requested",
        [LWM2M_OBSERVATION_ESTABLISHED] = "established",
        [LWM2M_OBSERVATION_LOST] = "lost",
        [LWM2M_OBSERVATION_ENDED] = "ended",
    };
    const struct lwm2m_observation_info info = lwm2m_observation_info_of(observation);
    write_separator(buffer);
    JSON_LITERAL(buffer, "{\"state\":");
    json_string(buffer, states[info.state]);
    if (info.path_count > 0) {
        write_paths(buffer, info.paths, info.path_count);
    } else {
        JSON_LITERAL(buffer, ",\"path\":");
        json_path(buffer, &info.path);
    }
    if (info.query != NULL) {
        JSON_LITERAL(buffer, ",\"query\":");
        json_string(buffer, info.query);
    }
    if (info.heard) {
        write_number(buffer, "age", age_s(info.heard_ms, now_ms));
    }
    if (info.pmax_s > 0) {
        write_number(buffer, "pmax", info.pmax_s);
    }
    write_echo(buffer, downlink_echo(observation));
    JSON_LITERAL(buffer, "}");
}

void administration_write_observations(struct lwm2m_buffer *buffer,
                                       const struct lwm2m_device *device, uint64_t now_ms)
{
    const struct lwm2m_observation *observation = NULL;
    JSON_LITERAL(buffer, ",\"content\":[");
    while ((observation = lwm2m_device_observation_after(device, observation)) != NULL) {
        write_observation(buffer, observation, now_ms);
    }
    JSON_LITERAL(buffer, "]");
}

/* --- carrying out --- */

static void answer(struct uplink *uplink, const struct lwm2m_device *device,
                   const struct command *command, uint8_t code, const struct lwm2m_buffer *members)
{
    const struct command_text text = { (const char *)members->data, members->len };
    if (members->err != 0) {
        const struct command_refusal refusal = { LWCOAP_CODE(5, 0), "out of memory" };
        uplink_refusal(uplink, lwm2m_device_endpoint(device), device, command, &refusal);
        return;
    }
    uplink_result(uplink, device, command, code, &text);
}

void administration_carry_out(struct lwm2m_server *server, struct uplink *uplink,
                              struct lwm2m_device *device, const struct command *command,
                              uint64_t now_ms)
{
    struct lwm2m_buffer members;
    lwm2m_buffer_init(&members, ANSWER_MAX);
    switch (command->action) {
    case COMMAND_REQUEST:
        break;
    case COMMAND_QUEUE_LIST:
        administration_write_queue(&members, device, now_ms);
        answer(uplink, device, command, LWCOAP_CODE(2, 5), &members);
        break;
    case COMMAND_QUEUE_CLEAR:
        JSON_LITERAL(&members, ",\"dropped\":");
        json_unsigned(&members,
                      lwm2m_server_clear_queue(server, device, "the queue was cleared", now_ms));
        answer(uplink, device, command, LWCOAP_CODE(2, 4), &members);
        break;
    case COMMAND_OBSERVE_LIST:
        administration_write_observations(&members, device, now_ms);
        answer(uplink, device, command, LWCOAP_CODE(2, 5), &members);
        break;
    case COMMAND_KICK: /* answered first: the topic may name the device's address */
        answer(uplink, device, command, LWCOAP_CODE(2, 2), &members);
        lwm2m_server_kick(server, device, now_ms);
        break;
    }
    lwm2m_buffer_deinit(&members);
}
