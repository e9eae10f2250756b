#include "gateway/downlink.h"

#include "gateway/administration.h"
#include "gateway/store/commands.h"

#include "mqtt/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENDPOINT_SIZE = 1024, /* longer names cannot be registered */
    RECORDS_MAX = 1000,   /* values in one command */
};

struct downlink {
    struct downlink_settings settings;
    struct command *first; /* all commands that wait or are under way */
    size_t under_way;
};

/* What all observations of the gateway's own account share. */
static const struct command_text auto_echo = { COMMAND_AUTO_OBSERVE_ECHO,
                                               sizeof(COMMAND_AUTO_OBSERVE_ECHO) - 1 };
static const struct command_text no_echo = { "", 0 };

/* --- the list of commands --- */

static void add_command(struct downlink *downlink, struct command *command)
{
    command->before = NULL;
    command->after = downlink->first;
    if (downlink->first != NULL) {
        downlink->first->before = command;
    }
    downlink->first = command;
}

static void set_under_way(struct downlink *downlink, struct command *command, bool under_way)
{
    downlink->under_way += under_way && !command->under_way;
    downlink->under_way -= !under_way && command->under_way;
    command->under_way = under_way;
}

static void end_command(struct downlink *downlink, struct command *command)
{
    set_under_way(downlink, command, false);
    if (command->before != NULL) {
        command->before->after = command->after;
    } else {
        downlink->first = command->after;
    }
    if (command->after != NULL) {
        command->after->before = command->before;
    }
    command_free(command);
}

/* --- from the message to the request --- */

struct lookup {
    const struct definitions *definitions;
    const struct lwm2m_device *device;
};

static bool look_up(void *ctx, uint16_t object, uint16_t resource, struct command_resource *access)
{
    const struct lookup *lookup = ctx;
    struct lwm2m_version version = { 0 };
    if (lookup->device != NULL) {
        version = lwm2m_device_object_version(lookup->device, object);
    }
    return definitions_access(lookup->definitions, object, version, resource, access);
}

/* Response Topic and Correlation Data; both are copied. A topic that no broker would take does not
 * count: the answer goes where all others go. */
static int keep_answer_address(struct command *command, const struct mqtt_message *message)
{
    if (message->response_topic.data != NULL &&
        mqtt_topic_is_name(message->response_topic.data, message->response_topic.len)) {
        command->response_topic =
            command_copy(command, message->response_topic.data, message->response_topic.len);
        if (command->response_topic == NULL) {
            return -ENOMEM;
        }
    }
    if (message->correlation.data != NULL) {
        command->correlation =
            command_copy(command, message->correlation.data, message->correlation.len);
        command->correlation_len = message->correlation.len;
        return command->correlation != NULL ? 0 : -ENOMEM;
    }
    return 0;
}

static void set_deadline(struct command *command, const struct mqtt_message *message,
                         uint64_t now_ms)
{
    uint64_t ttl_ms = command->ttl_ms;
    if (message->has_expiry && (uint64_t)message->expiry_s * 1000 < ttl_ms) {
        ttl_ms = (uint64_t)message->expiry_s * 1000;
    }
    command->request.send_now = ttl_ms == 0;
    if (ttl_ms != 0 && ttl_ms != COMMAND_TTL_NONE) {
        command->request.expires_ms = now_ms + ttl_ms;
    }
}

static void refuse(struct downlink *downlink, const char *endpoint,
                   const struct lwm2m_device *device, struct command *command, uint8_t code,
                   const char *reason)
{
    struct command_refusal refusal = { .code = code };
    (void)snprintf(refusal.reason, sizeof(refusal.reason), "%s", reason);
    uplink_refusal(downlink->settings.uplink, endpoint, device, command, &refusal);
    log_debug(downlink->settings.log, "command-refused", LOG_TEXT("endpoint", endpoint),
              LOG_TEXT("reason", refusal.reason));
    command_journal_end(downlink->settings.journal, command);
    command_free(command);
}

/* The server did not take the request: no event will come. */
static void not_taken(struct downlink *downlink, struct lwm2m_device *device,
                      struct command *command, int err)
{
    const char *endpoint = lwm2m_device_endpoint(device);
    if (err == -EINVAL) {
        refuse(downlink, endpoint, device, command, LWCOAP_CODE(4, 0),
               "the content format cannot carry these values, or path and query are too long");
        return;
    }
    const char *reason = err == -ENOSPC   ? "the device's queue is full"
                         : err == -ENOENT ? "the device left"
                                          : "out of memory";
    uplink_state(downlink->settings.uplink, device, command, "dropped", reason);
    log_warn(downlink->settings.log, "command-dropped", LOG_TEXT("endpoint", endpoint),
             LOG_TEXT("reason", reason));
    command_journal_end(downlink->settings.journal, command);
    command_free(command);
}

/* Whether a command is still in the list: its final event may have come already. */
static bool is_listed(const struct downlink *downlink, const struct command *command)
{
    return downlink->first == command; /* new ones go to the front, and none came in between */
}

/* Whether the command waits for its device to wake up; it may be over when this returns. */
static bool request(struct downlink *downlink, struct lwm2m_device *device, struct command *command,
                    uint64_t now_ms)
{
    const struct downlink_settings *settings = &downlink->settings;
    add_command(downlink, command);
    int err = lwm2m_server_request(settings->server, device, &command->request, now_ms);
    if (err != 0) {
        downlink->first = command->after;
        if (command->after != NULL) {
            command->after->before = NULL;
        }
        not_taken(downlink, device, command, err);
        return false;
    }
    if (!is_listed(downlink, command)) {
        return false;
    }
    bool waits =
        !command->request.send_now && !lwm2m_server_is_awake(settings->server, device, now_ms);
    set_under_way(downlink, command, !waits);
    return waits;
}

/* Makes a command durable, or refuses it. */
static bool keep(struct downlink *downlink, struct lwm2m_device *device,
                 const struct mqtt_message *message, struct command *command, bool at_once)
{
    const char *endpoint = lwm2m_device_endpoint(device);
    int err = command_journal_take(downlink->settings.journal, endpoint, message, command, at_once);
    if (err != 0) {
        refuse(downlink, endpoint, device, command, LWCOAP_CODE(5, 3),
               "the store does not take it: its disk is full or failing");
    }
    return err == 0;
}

/* A command that can be carried out: stored before anything comes of it. */
static void take(struct downlink *downlink, struct lwm2m_device *device,
                 const struct mqtt_message *message, struct command *command, uint64_t now_ms)
{
    const struct downlink_settings *settings = &downlink->settings;
    command->taken_ms = now_ms;
    set_deadline(command, message, now_ms);
    bool at_once =
        lwm2m_device_queue_length(device) == 0 &&
        (command->request.send_now || lwm2m_server_is_awake(settings->server, device, now_ms));
    if (!keep(downlink, device, message, command, at_once)) {
        return;
    }
    bool waits = request(downlink, device, command, now_ms);
    if (waits && settings->report_queued) {
        uplink_state(settings->uplink, device, command, "queued", "");
    }
}

/* What the gateway carries out itself ends in the same turn, and with it the row. */
static void carry_out_here(struct downlink *downlink, struct lwm2m_device *device,
                           struct command *command, uint64_t now_ms)
{
    administration_carry_out(downlink->settings.server, downlink->settings.uplink, device, command,
                             now_ms);
    command_journal_end(downlink->settings.journal, command);
    command_free(command);
}

/* A list is given whatever the store is like: nothing is lost when it is asked for again. */
static void administrate(struct downlink *downlink, struct lwm2m_device *device,
                         const struct mqtt_message *message, struct command *command,
                         uint64_t now_ms)
{
    bool changes = command->action == COMMAND_QUEUE_CLEAR || command->action == COMMAND_KICK;
    if (!changes || keep(downlink, device, message, command, false)) {
        carry_out_here(downlink, device, command, now_ms);
    }
}

/* Reads what a message says to a device, which may be NULL. As command_parse(). */
static int read_command(struct downlink *downlink, const struct lwm2m_device *device,
                        const char *endpoint, const struct mqtt_message *message,
                        struct command **command, struct command_refusal *refusal)
{
    const struct downlink_settings *settings = &downlink->settings;
    struct lookup lookup = { settings->definitions, device };
    struct command_context context = {
        .ctx = &lookup,
        .resource = look_up,
        .posts_resources = device != NULL && lwm2m_device_version(device).minor > 0,
        .max_records = RECORDS_MAX,
    };
    int err =
        command_parse(message->payload.data, message->payload.len, &context, command, refusal);
    if (err != -ENOMEM && keep_answer_address(*command, message) != 0) {
        command_free(*command);
        err = -ENOMEM;
    }
    if (err == -ENOMEM) {
        log_error(settings->log, "command-lost", LOG_TEXT("endpoint", endpoint),
                  LOG_TEXT("reason", "out of memory"));
    }
    return err;
}

static void carry_out(struct downlink *downlink, const char *endpoint,
                      const struct mqtt_message *message)
{
    const struct downlink_settings *settings = &downlink->settings;
    struct lwm2m_device *device = lwm2m_server_find(settings->server, endpoint);
    struct command *command = NULL;
    struct command_refusal refusal;
    uint64_t now_ms = settings->now_ms(settings->ctx);
    int err = read_command(downlink, device, endpoint, message, &command, &refusal);
    if (err == -ENOMEM) {
        return;
    }
    if (err != 0) {
        refuse(downlink, endpoint, device, command, refusal.code, refusal.reason);
    } else if (device == NULL) {
        refuse(downlink, endpoint, NULL, command, LWCOAP_CODE(4, 4),
               "no device with this endpoint name is registered");
    } else if (command->action != COMMAND_REQUEST) {
        administrate(downlink, device, message, command, now_ms);
    } else {
        take(downlink, device, message, command, now_ms);
    }
}

/* --- the start --- */

bool downlink_restore(struct downlink *downlink, const struct store_command *row)
{
    const struct downlink_settings *settings = &downlink->settings;
    struct mqtt_message message;
    struct command *command = NULL;
    struct command_refusal refusal;
    if (!command_journal_restore(settings->journal, row, &message)) {
        return false;
    }
    struct lwm2m_device *device = lwm2m_server_find(settings->server, row->endpoint);
    int err = read_command(downlink, device, row->endpoint, &message, &command, &refusal);
    if (err == -ENOMEM) {
        return false; /* its row stays: the next start may have more memory */
    }
    command_journal_resume(settings->journal, row, command);
    uint64_t now_ms = settings->now_ms(settings->ctx);
    if (err != 0) {
        refuse(downlink, row->endpoint, device, command, refusal.code, refusal.reason);
    } else if (device == NULL) {
        uplink_orphan(settings->uplink, row->endpoint, command, "the device left");
        command_journal_end(settings->journal, command);
        command_free(command);
    } else if (command->action != COMMAND_REQUEST) {
        carry_out_here(downlink, device, command, now_ms);
    } else {
        (void)request(downlink, device, command, now_ms);
        return true;
    }
    return false;
}

void downlink_write_all(struct downlink *downlink)
{
    for (const struct command *command = downlink->first; command != NULL;
         command = command->after) {
        command_journal_rewrite(downlink->settings.journal,
                                lwm2m_device_endpoint(command->request.device), command);
    }
    command_journal_rewrite_ended(downlink->settings.journal);
}

/* --- what became of a request --- */

static int echo_new(const struct command_text *members, bool automatic, void **context)
{
    *context = automatic ? (void *)(uintptr_t)&auto_echo : NULL;
    if (automatic || members->len == 0) {
        return 0;
    }
    struct command_text *echo = malloc(sizeof(*echo) + members->len + 1);
    if (echo == NULL) {
        return -ENOMEM;
    }
    char *text = (char *)(echo + 1);
    memcpy(text, members->text, members->len);
    text[members->len] = '\0';
    *echo = (struct command_text){ text, members->len };
    *context = echo;
    return 0;
}

int downlink_echo_new(const char *echo, bool automatic, void **context)
{
    const struct command_text members = { echo, echo != NULL ? strlen(echo) : 0 };
    return echo_new(&members, automatic, context);
}

/* Notifications send back what the observe command had; nothing is kept when that is nothing. */
static void keep_echo(struct downlink *downlink, struct lwm2m_observation *observation,
                      const struct command *command)
{
    void *echo;
    if (echo_new(&command->echo, command->request.automatic, &echo) != 0) {
        log_error(downlink->settings.log, "observation-members-lost",
                  LOG_TEXT("reason", "out of memory"));
        return;
    }
    lwm2m_observation_set_context(downlink->settings.server, observation, echo);
}

const struct command_text *downlink_echo(const struct lwm2m_observation *observation)
{
    const void *context = observation != NULL ? lwm2m_observation_context(observation) : NULL;
    return context != NULL ? context : &no_echo;
}

void downlink_echo_free(void *observation_context)
{
    if (observation_context != &auto_echo) {
        free(observation_context);
    }
}

static const char *const states[] = {
    [LWM2M_EVENT_ACKNOWLEDGED] = "ack", [LWM2M_EVENT_TIMEOUT] = "coap_timeout",
    [LWM2M_EVENT_RESET] = "coap_reset", [LWM2M_EVENT_EXPIRED] = "expired",
    [LWM2M_EVENT_DROPPED] = "dropped",
};

void downlink_sent(struct downlink *downlink, const struct lwm2m_request *request)
{
    command_journal_sent(downlink->settings.journal, request->context);
}

void downlink_event(struct downlink *downlink, const struct lwm2m_event *event)
{
    struct command *command = event->request->context;
    if (event->type == LWM2M_EVENT_RESPONSE) {
        if (event->observation != NULL) {
            keep_echo(downlink, event->observation, command);
        }
        uplink_answer(downlink->settings.uplink, event, command);
    } else {
        const char *reason = event->type == LWM2M_EVENT_DROPPED ? event->reason : "";
        uplink_state(downlink->settings.uplink, event->device, command, states[event->type],
                     reason);
    }
    if (event->type == LWM2M_EVENT_ACKNOWLEDGED) {
        set_under_way(downlink, command, true);
    } else {
        command_journal_end(downlink->settings.journal, command);
        end_command(downlink, command);
    }
}

/* --- the interface --- */

struct downlink *downlink_new(const struct downlink_settings *settings)
{
    struct downlink *downlink = calloc(1, sizeof(*downlink));
    if (downlink != NULL) {
        downlink->settings = *settings;
    }
    return downlink;
}

void downlink_free(struct downlink *downlink)
{
    while (downlink != NULL && downlink->first != NULL) {
        end_command(downlink, downlink->first);
    }
    free(downlink);
}

void downlink_message(struct downlink *downlink, const struct mqtt_message *message)
{
    char endpoint[ENDPOINT_SIZE];
    size_t len;
    int err = mqtt_topic_match(downlink->settings.topic, message->topic, strlen(message->topic),
                               endpoint, sizeof(endpoint), &len);
    if (err != 0) {
        log_warn(downlink->settings.log, "command-topic-unknown",
                 LOG_TEXT("topic", message->topic));
        return;
    }
    if (command_journal_knows(downlink->settings.journal, message)) {
        log_debug(downlink->settings.log, "command-repeated", LOG_TEXT("endpoint", endpoint));
        return;
    }
    carry_out(downlink, endpoint, message);
    command_journal_note(downlink->settings.journal, message);
}

void downlink_observe(struct downlink *downlink, struct lwm2m_device *device,
                      const struct lwm2m_path *path)
{
    struct command *command = command_new_observe(path);
    if (command == NULL) {
        log_error(downlink->settings.log, "auto-observe-failed",
                  LOG_TEXT("endpoint", lwm2m_device_endpoint(device)),
                  LOG_TEXT("reason", "out of memory"));
        return;
    }
    command->taken_ms = downlink->settings.now_ms(downlink->settings.ctx);
    (void)request(downlink, device, command, command->taken_ms);
}

size_t downlink_under_way(const struct downlink *downlink)
{
    return downlink->under_way;
}
