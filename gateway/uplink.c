#include "gateway/uplink.h"

#include "mqtt/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENDPOINT_MAX = 255, /* bytes of an endpoint name: it came in a Uri-Query option */
    PAYLOAD_MAX = 256 * 1024 * 1024 - 1024 * 1024, /* what MQTT can carry, with some headroom */
    KEPT_CAPACITY = 1024 * 1024, /* a larger buffer is given back after its message */
};

struct uplink {
    struct uplink_settings settings;
    struct mqtt_topic *topics[CONFIG_TOPICS]; /* of uplink messages only, else NULL */
    bool names_peer[CONFIG_TOPICS];           /* whether the topic holds ${peerhost} */
    struct lwm2m_buffer text;
    char *topic;
    size_t topic_size;
    uint64_t dropped;
};

/* Where a message goes and how. */
struct direction {
    enum config_topic_name topic;
    const char *endpoint;
    const struct lwm2m_device *device; /* NULL: not registered */
    const struct command *command;     /* an answer to it; NULL: none */
    const struct lwm2m_receipt *receipt;
    bool keep;    /* its cause was acknowledged already, or is about to be */
    bool patient; /* the device does not wait for it */
};

/* --- topics --- */

static bool is_uplink(enum config_topic_name name)
{
    return name != CONFIG_TOPIC_COMMAND && name != CONFIG_TOPIC_STATUS;
}

static int compile_topics(struct uplink *uplink, const char **reason)
{
    const struct config *config = uplink->settings.config;
    for (unsigned name = 0; name < CONFIG_TOPICS; name++) {
        if (!is_uplink(name)) {
            continue;
        }
        int err = mqtt_topic_compile(MQTT_TOPIC_UPLINK, config->mqtt.mountpoint,
                                     config->mqtt.topics[name].topic, config->mqtt.client_id,
                                     &uplink->topics[name], reason);
        if (err != 0) {
            return err;
        }
        const struct mqtt_topic *topic = uplink->topics[name];
        uplink->names_peer[name] = mqtt_topic_room(topic, 0, 1) > mqtt_topic_room(topic, 0, 0);
        size_t room = mqtt_topic_room(topic, ENDPOINT_MAX, TRANSPORT_ADDRESS_TEXT_MAX);
        uplink->topic_size = room > uplink->topic_size ? room : uplink->topic_size;
    }
    uplink->topic = malloc(uplink->topic_size);
    return uplink->topic != NULL ? 0 : -ENOMEM;
}

/* The topic of a message; NULL when it would be too long for MQTT. */
static const char *topic_of(struct uplink *uplink, const struct direction *to)
{
    char peer[TRANSPORT_ADDRESS_TEXT_MAX];
    struct mqtt_topic_values values = { .endpoint = to->endpoint,
                                        .endpoint_len = strlen(to->endpoint) };
    if (to->command != NULL && to->command->response_topic != NULL) {
        return to->command->response_topic;
    }
    if (uplink->names_peer[to->topic] && to->device != NULL) {
        values.peerhost = peer;
        values.peerhost_len =
            transport_address_format_ip(&lwm2m_device_route(to->device)->remote, peer);
    }
    int err = mqtt_topic_expand(uplink->topics[to->topic], &values, uplink->topic,
                                uplink->topic_size, NULL);
    return err == 0 ? uplink->topic : NULL;
}

/* --- sending --- */

static void log_drop(struct uplink *uplink, const struct direction *to, int err)
{
    const char *reason = err == -ENOSPC   ? "the backlog is full"
                         : err == -ENOMEM ? "out of memory"
                                          : "the topic is too long";
    enum log_level level = to->command != NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN;
    const char *event = to->command != NULL   ? "answer-dropped"
                        : to->receipt != NULL ? "report-refused"
                                              : "message-dropped";
    log_write(uplink->settings.log, level, event,
              (const struct log_field[]){ LOG_TEXT("endpoint", to->endpoint),
                                          LOG_TEXT("reason", reason) },
              2);
}

/* Puts what was written into the backlog. */
static bool send(struct uplink *uplink, const struct direction *to)
{
    const struct command *command = to->command;
    const char *topic = topic_of(uplink, to);
    int err = uplink->text.err != 0 ? uplink->text.err : topic == NULL ? -EINVAL : 0;
    if (err == 0) {
        struct backlog_message message = {
            .topic = topic,
            .endpoint = to->endpoint,
            .payload = uplink->text.data,
            .payload_len = uplink->text.len,
            .correlation = command != NULL ? command->correlation : NULL,
            .correlation_len = command != NULL ? command->correlation_len : 0,
            .qos = (uint8_t)uplink->settings.config->mqtt.topics[to->topic].qos,
            .answer = command != NULL,
            .keep = to->keep || command != NULL,
            .patient = to->patient,
            .receipt = to->receipt,
        };
        err = backlog_put(uplink->settings.backlog, &message);
    }
    if (err != 0) {
        uplink->dropped++;
        log_drop(uplink, to, err);
    }
    if (uplink->text.capacity > KEPT_CAPACITY) {
        lwm2m_buffer_deinit(&uplink->text);
    }
    return err == 0;
}

/* An empty buffer and the time, for the next message. */
static struct lwm2m_buffer *begin(struct uplink *uplink, struct message_context *context)
{
    const struct uplink_settings *settings = &uplink->settings;
    bool wants_names = settings->config->mqtt.content_names;
    *context = (struct message_context){
        .ts_ms = settings->wall_ms(settings->ctx),
        .names = wants_names ? settings->names : NULL,
        .names_ctx = settings->ctx,
    };
    lwm2m_buffer_clear(&uplink->text);
    return &uplink->text;
}

/* --- the interface --- */

int uplink_new(const struct uplink_settings *settings, struct uplink **uplink, const char **reason)
{
    struct uplink *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->settings = *settings;
    lwm2m_buffer_init(&made->text, PAYLOAD_MAX);
    int err = compile_topics(made, reason);
    if (err != 0) {
        uplink_free(made);
        return err;
    }
    *uplink = made;
    return 0;
}

void uplink_free(struct uplink *uplink)
{
    if (uplink == NULL) {
        return;
    }
    for (unsigned name = 0; name < CONFIG_TOPICS; name++) {
        mqtt_topic_free(uplink->topics[name]);
    }
    lwm2m_buffer_deinit(&uplink->text);
    free(uplink->topic);
    free(uplink);
}

static struct direction direction_of(enum config_topic_name topic,
                                     const struct lwm2m_device *device)
{
    return (struct direction){
        .topic = topic,
        .endpoint = lwm2m_device_endpoint(device),
        .device = device,
    };
}

void uplink_registration(struct uplink *uplink, const struct lwm2m_event *event)
{
    bool only_changes =
        uplink->settings.config->lwm2m.update_publish == CONFIG_UPDATE_OBJECT_LIST_CHANGED;
    if (event->type == LWM2M_EVENT_UPDATED && only_changes && !event->object_list_changed) {
        return;
    }
    struct message_context context;
    struct direction to =
        direction_of(event->type == LWM2M_EVENT_REGISTERED ? CONFIG_TOPIC_REGISTER
                     : event->type == LWM2M_EVENT_UPDATED  ? CONFIG_TOPIC_UPDATE
                                                           : CONFIG_TOPIC_DEREGISTER,
                     event->device);
    to.keep = to.patient = true;
    message_write_registration(begin(uplink, &context), &context, event);
    (void)send(uplink, &to);
}

bool uplink_report(struct uplink *uplink, const struct lwm2m_event *event,
                   const struct command_text *echo)
{
    struct message_context context;
    struct direction to = direction_of(
        event->type == LWM2M_EVENT_SEND ? CONFIG_TOPIC_SEND : CONFIG_TOPIC_NOTIFY, event->device);
    if (event->receipt != NULL &&
        (event->type == LWM2M_EVENT_SEND || event->receipt->coap.confirmable)) {
        to.receipt = event->receipt; /* nobody waits for the acknowledgement of any other */
    }
    to.keep = event->acknowledged;
    to.patient = event->asked;
    message_write_report(begin(uplink, &context), &context, event, echo);
    return send(uplink, &to);
}

void uplink_answer(struct uplink *uplink, const struct lwm2m_event *event,
                   const struct command *command)
{
    struct message_context context;
    struct direction to = direction_of(CONFIG_TOPIC_RESPONSE, event->device);
    to.command = command;
    to.keep = event->acknowledged;
    message_write_answer(begin(uplink, &context), &context, event, command);
    (void)send(uplink, &to);
}

void uplink_state(struct uplink *uplink, const struct lwm2m_device *device,
                  const struct command *command, const char *msg_type, const char *reason)
{
    struct message_context context;
    struct direction to = direction_of(CONFIG_TOPIC_RESPONSE, device);
    to.command = command;
    struct lwm2m_buffer *text = begin(uplink, &context);
    message_write_state(text, &context, to.endpoint, command, msg_type, reason);
    (void)send(uplink, &to);
}

void uplink_orphan(struct uplink *uplink, const char *endpoint, const struct command *command,
                   const char *reason)
{
    struct message_context context;
    struct direction to = {
        .topic = CONFIG_TOPIC_RESPONSE,
        .endpoint = endpoint,
        .command = command,
        .keep = true,
    };
    struct lwm2m_buffer *text = begin(uplink, &context);
    message_write_state(text, &context, endpoint, command, "dropped", reason);
    (void)send(uplink, &to);
}

void uplink_result(struct uplink *uplink, const struct lwm2m_device *device,
                   const struct command *command, uint8_t code, const struct command_text *members)
{
    struct message_context context;
    struct direction to = direction_of(CONFIG_TOPIC_RESPONSE, device);
    to.command = command;
    to.keep = true;
    struct lwm2m_buffer *text = begin(uplink, &context);
    message_write_result(text, &context, to.endpoint, command, code, members);
    (void)send(uplink, &to);
}

void uplink_refusal(struct uplink *uplink, const char *endpoint, const struct lwm2m_device *device,
                    const struct command *command, const struct command_refusal *refusal)
{
    struct message_context context;
    struct direction to = {
        .topic = CONFIG_TOPIC_RESPONSE,
        .endpoint = endpoint,
        .device = device,
        .command = command,
    };
    struct lwm2m_buffer *text = begin(uplink, &context);
    message_write_refusal(text, &context, endpoint, command, refusal);
    (void)send(uplink, &to);
}

uint64_t uplink_dropped(const struct uplink *uplink)
{
    return uplink->dropped;
}
