#include "gateway/message.h"

#include "gateway/codes.h"
#include "gateway/json_members.h"
#include "gateway/json_text.h"
#include "gateway/message_content.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Every message starts alike. `msg_type` may come from a command. */
static void write_head(struct lwm2m_buffer *buffer, const struct message_context *context,
                       const char *msg_type, const char *endpoint)
{
    JSON_LITERAL(buffer, "{\"msgType\":");
    json_string(buffer, msg_type);
    JSON_LITERAL(buffer, ",\"ep\":");
    json_string(buffer, endpoint);
    JSON_LITERAL(buffer, ",\"ts\":");
    json_unsigned(buffer, context->ts_ms);
}

static void write_echo(struct lwm2m_buffer *buffer, const struct command_text *echo)
{
    lwm2m_buffer_append(buffer, echo->text, echo->len);
}

static void write_maybe_executed(struct lwm2m_buffer *buffer, const struct command *command)
{
    if (command->request.maybe_executed) {
        JSON_LITERAL(buffer, ",\"maybeExecuted\":true");
    }
}

static void write_code(struct lwm2m_buffer *buffer, uint8_t code)
{
    char text[5];
    code_format(code, text);
    JSON_LITERAL(buffer, "\"code\":\"");
    lwm2m_buffer_append_text(buffer, text);
    JSON_LITERAL(buffer, "\",\"codeMsg\":\"");
    lwm2m_buffer_append_text(buffer, code_name(code));
    JSON_LITERAL(buffer, "\"");
}

/* --- registrations --- */

/* Never published: what looks like a credential, and what the message itself says. */
static bool is_left_out(const char *name)
{
    static const char *const names[] = {
        "password", "passwd",         "secret",         "private_key",
        "token",    "access_token",   "api_key",        "apikey",
        "jwt",      "authorization",  "alternatePath",  "objectList",
        "reason",   "objectVersions", "reRegistration",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        /* Most names differ in their first letter: there are several of them in each message. */
        if ((name[0] | 0x20) == (names[i][0] | 0x20) && strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Digits that are a JSON number as they stand. */
static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 10 && text[digits] == '\0' && (digits == 1 || text[0] != '0');
}

static void write_parameters(struct lwm2m_buffer *buffer, const struct lwm2m_device *device)
{
    struct lwm2m_parameter parameter;
    const char *comma = "";
    for (size_t i = 0; lwm2m_device_parameter(device, i, &parameter); i++) {
        if (is_left_out(parameter.name)) {
            continue;
        }
        lwm2m_buffer_append_text(buffer, comma);
        comma = ",";
        json_string(buffer, parameter.name);
        JSON_LITERAL(buffer, ":");
        if (parameter.value == NULL) {
            JSON_LITERAL(buffer, "true");
        } else if (strcmp(parameter.name, "lt") == 0 && is_number(parameter.value)) {
            lwm2m_buffer_append_text(buffer, parameter.value);
        } else {
            json_string(buffer, parameter.value);
        }
    }
}

static void write_object_list(struct lwm2m_buffer *buffer, const struct lwm2m_object_list *list)
{
    JSON_LITERAL(buffer, ",\"alternatePath\":");
    json_string(buffer, *list->root != '\0' ? list->root : "/");
    JSON_LITERAL(buffer, ",\"objectList\":[");
    for (size_t i = 0; i < list->count; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        struct lwm2m_path path = { .ids = { entry->object, entry->instance },
                                   .depth = entry->instance == LWM2M_INSTANCE_NONE ? 1 : 2 };
        lwm2m_buffer_append_text(buffer, i > 0 ? "," : "");
        json_path(buffer, &path);
    }
    JSON_LITERAL(buffer, "]");
}

static bool has_version(const struct lwm2m_object_entry *entry)
{
    return entry->version.major != 0 || entry->version.minor != 0;
}

static bool has_versions(const struct lwm2m_object_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (has_version(&list->entries[i])) {
            return true;
        }
    }
    return false;
}

static void write_object_versions(struct lwm2m_buffer *buffer, const struct lwm2m_object_list *list)
{
    uint8_t seen[(UINT16_MAX + 1) / 8] = { 0 }; /* a bit per object */
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        uint8_t bit = (uint8_t)(1u << entry->object % 8);
        if (!has_version(entry) || (seen[entry->object / 8] & bit) != 0) {
            continue;
        }
        char text[32];
        seen[entry->object / 8] |= bit;
        (void)snprintf(text, sizeof(text), "\"/%u\":\"%u.%u\"", entry->object, entry->version.major,
                       entry->version.minor);
        lwm2m_buffer_append_text(buffer, any ? "," : ",\"objectVersions\":{");
        lwm2m_buffer_append_text(buffer, text);
        any = true;
    }
    lwm2m_buffer_append_text(buffer, any ? "}" : "");
}

void message_write_registration(struct lwm2m_buffer *buffer, const struct message_context *context,
                                const struct lwm2m_event *event)
{
    const struct lwm2m_device *device = event->device;
    const char *msg_type = event->type == LWM2M_EVENT_REGISTERED ? "register"
                           : event->type == LWM2M_EVENT_UPDATED  ? "update"
                                                                 : "deregister";
    write_head(buffer, context, msg_type, lwm2m_device_endpoint(device));
    JSON_LITERAL(buffer, ",\"data\":{");
    write_parameters(buffer, device);
    if (lwm2m_device_gave_object_list(device)) {
        const struct lwm2m_object_list *list = lwm2m_device_object_list(device);
        write_object_list(buffer, list);
        if (has_versions(list)) {
            write_object_versions(buffer, list);
        }
    }
    if (event->registered_again) {
        JSON_LITERAL(buffer, ",\"reRegistration\":true");
    }
    if (event->type == LWM2M_EVENT_DEREGISTERED) {
        JSON_LITERAL(buffer, ",\"reason\":");
        json_string(buffer, event->reason);
    }
    JSON_LITERAL(buffer, "}}");
}

/* --- reports of devices --- */

static void write_send(struct lwm2m_buffer *buffer, const struct message_context *context,
                       const struct lwm2m_event *event)
{
    write_head(buffer, context, "send", lwm2m_device_endpoint(event->device));
    JSON_LITERAL(buffer, ",\"data\":{");
    write_code(buffer, LWCOAP_CODE(2, 5));
    message_write_content(buffer, context, event, NULL);
    JSON_LITERAL(buffer, "}}");
}

void message_write_report(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const struct lwm2m_event *event, const struct command_text *echo)
{
    if (event->type == LWM2M_EVENT_SEND) {
        write_send(buffer, context, event);
        return;
    }
    char path[LWM2M_PATH_TEXT_MAX];
    lwm2m_path_format(&event->path, path);
    write_head(buffer, context, "notify", lwm2m_device_endpoint(event->device));
    write_echo(buffer, echo);
    if (event->sequence >= 0) {
        JSON_LITERAL(buffer, ",\"seqNum\":");
        json_integer(buffer, event->sequence);
    }
    if (event->outdated) {
        JSON_LITERAL(buffer, ",\"outdated\":true");
    }
    JSON_LITERAL(buffer, ",\"data\":{\"reqPath\":\"");
    lwm2m_buffer_append_text(buffer, path);
    JSON_LITERAL(buffer, "\",");
    write_code(buffer, event->code);
    message_write_content(buffer, context, event, path);
    JSON_LITERAL(buffer, "}}");
}

/* --- commands --- */

static void write_req_path(struct lwm2m_buffer *buffer, const struct command *command)
{
    if (command->req_path != NULL) {
        JSON_LITERAL(buffer, "\"reqPath\":");
        json_string(buffer, command->req_path);
        JSON_LITERAL(buffer, ",");
    }
}

void message_write_answer(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const struct lwm2m_event *event, const struct command *command)
{
    write_head(buffer, context, command->msg_type, lwm2m_device_endpoint(event->device));
    write_echo(buffer, &command->echo);
    write_maybe_executed(buffer, command);
    JSON_LITERAL(buffer, ",\"data\":{");
    write_req_path(buffer, command);
    write_code(buffer, event->code);
    message_write_content(buffer, context, event, command->req_path);
    JSON_LITERAL(buffer, "}}");
}

/* Whether an object has a member already; `name` with its quotes. */
static bool has_member(const struct command_text *object, const char *name)
{
    struct json_members members;
    struct json_member member;
    json_members_init(&members, object->text, object->len);
    while (json_members_next(&members, &member)) {
        if (member.name_len == strlen(name) && memcmp(member.name, name, member.name_len) == 0) {
            return true;
        }
    }
    return false;
}

/* The command's data as it came, an empty object if there was none; a reason is added behind its
 * last member. */
static void write_data(struct lwm2m_buffer *buffer, const struct command_text *data,
                       const char *reason)
{
    static const struct command_text none = { "{}", 2 };
    struct json_members members;
    struct json_member member;
    data = data->len > 0 ? data : &none;
    if (*reason == '\0' || has_member(data, "\"reason\"")) {
        lwm2m_buffer_append(buffer, data->text, data->len);
        return;
    }
    json_members_init(&members, data->text, data->len);
    lwm2m_buffer_append(buffer, data->text, data->len - 1);
    lwm2m_buffer_append_text(buffer, json_members_next(&members, &member) ? "," : "");
    JSON_LITERAL(buffer, "\"reason\":");
    json_string(buffer, reason);
    JSON_LITERAL(buffer, "}");
}

void message_write_state(struct lwm2m_buffer *buffer, const struct message_context *context,
                         const char *endpoint, const struct command *command, const char *msg_type,
                         const char *reason)
{
    write_head(buffer, context, msg_type, endpoint);
    write_echo(buffer, &command->echo);
    write_maybe_executed(buffer, command);
    JSON_LITERAL(buffer, ",\"data\":");
    write_data(buffer, &command->data, reason);
    JSON_LITERAL(buffer, "}");
}

void message_write_result(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const char *endpoint, const struct command *command, uint8_t code,
                          const struct command_text *members)
{
    write_head(buffer, context, command->msg_type, endpoint);
    write_echo(buffer, &command->echo);
    JSON_LITERAL(buffer, ",\"data\":{");
    write_code(buffer, code);
    lwm2m_buffer_append(buffer, members->text, members->len);
    JSON_LITERAL(buffer, "}}");
}

void message_write_refusal(struct lwm2m_buffer *buffer, const struct message_context *context,
                           const char *endpoint, const struct command *command,
                           const struct command_refusal *refusal)
{
    write_head(buffer, context, command->msg_type, endpoint);
    write_echo(buffer, &command->echo);
    JSON_LITERAL(buffer, ",\"data\":{");
    write_req_path(buffer, command);
    write_code(buffer, refusal->code);
    JSON_LITERAL(buffer, ",\"reason\":");
    json_string(buffer, refusal->reason);
    JSON_LITERAL(buffer, "}}");
}
