/*
 * What devices and the broker tell the gateway, and where it goes from here.
 */
#include "gateway/broker.h"
#include "gateway/gateway_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <time.h>

/* --- time and randomness --- */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t gateway_now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t gateway_wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

static double wall_clock_s(void *ctx)
{
    return (double)gateway_wall_ms(ctx) / 1000;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct gateway *gateway = ctx;
    random_fill(&gateway->random, bytes, len);
}

/* --- what the LwM2M server asks and tells --- */

/* A datagram as it will be on the wire. */
static void send_datagram(void *ctx, const struct transport_route *route, const uint8_t *data,
                          size_t len)
{
    struct gateway *gateway = ctx;
    if (++gateway->unflushed[route->listener] % TRANSPORT_UDP_BATCH == 0) {
        (void)gateway_commit(gateway); /* this one fills a batch, which leaves at once */
    }
    transport_udp_send(gateway->listeners[route->listener], route, data, len);
}

static void on_datagram(void *ctx, const struct transport_route *route, const uint8_t *data,
                        size_t len)
{
    struct gateway *gateway = ctx;
    if (route->session != 0) {
        secure_listeners_send(gateway->secure, route, data, len);
    } else {
        send_datagram(gateway, route, data, len);
    }
}

static bool on_may_speak_for(void *ctx, const struct transport_route *route, const char *endpoint)
{
    const struct gateway *gateway = ctx;
    return secure_listeners_may_speak_for(gateway->secure, route, endpoint);
}

static size_t on_message_max(void *ctx, const struct transport_route *route)
{
    const struct gateway *gateway = ctx;
    return secure_listeners_message_max(gateway->secure, route);
}

static bool on_endpoint_of(void *ctx, const struct transport_route *route, char *name, size_t size)
{
    const struct gateway *gateway = ctx;
    return secure_listeners_endpoint_of(gateway->secure, route, name, size);
}

/* --- what the dtls listeners tell --- */

static void on_decrypted(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct gateway *gateway = ctx;
    lwm2m_server_receive(gateway->server, route, data, len, gateway->now_ms);
}

static void on_session(void *ctx, const struct transport_route *route, const char *endpoint)
{
    struct gateway *gateway = ctx;
    lwm2m_server_reroute(gateway->server, endpoint, route, gateway->now_ms);
}

const struct secure_listeners_settings gateway_secure_callbacks = {
    .send = send_datagram,
    .receive = on_decrypted,
    .established = on_session,
};

/* --- what devices are, and have to say --- */

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    const struct gateway *gateway = ctx;
    return definitions_resource(gateway->definitions, object, version, resource, definition);
}

bool gateway_names(void *ctx, const struct lwm2m_device *device, uint16_t object, uint16_t resource,
                   const char **name, const char **units)
{
    const struct gateway *gateway = ctx;
    return definitions_names(gateway->definitions, object,
                             lwm2m_device_object_version(device, object), resource, name, units);
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    const struct gateway *gateway = ctx;
    const struct config_qmode_overrides *overrides = &gateway->config->lwm2m.qmode_overrides;
    for (size_t i = 0; i < overrides->count; i++) {
        if (fnmatch(overrides->items[i].endpoint, endpoint, 0) == 0) {
            return overrides->items[i].time_window_ms;
        }
    }
    return gateway->config->lwm2m.qmode_time_window_ms;
}

enum { POSTPONED_REPORT_MS = 1000 };

static void on_registration_refused(void *ctx, const struct transport_route *route,
                                    const char *endpoint, uint8_t code, const char *reason)
{
    struct gateway *gateway = ctx;
    char peer[TRANSPORT_ADDRESS_TEXT_MAX];
    if (code == LWCOAP_CODE(5, 3)) { /* a whole fleet may be told so */
        uint64_t now = gateway_now_ms(NULL);
        if (now < gateway->postponed_report_ms) {
            gateway->postponed++;
            return;
        }
        gateway->postponed_report_ms = now + POSTPONED_REPORT_MS;
    }
    transport_address_format(&route->remote, peer);
    log_warn(gateway->log, "registration-refused",
             LOG_TEXT("endpoint", endpoint != NULL ? endpoint : ""), LOG_TEXT("peer", peer),
             LOG_TEXT("reason", reason), LOG_NUMBER("postponed", gateway->postponed));
    gateway->postponed = 0;
}

static void on_echo_free(void *ctx, void *observation_context)
{
    (void)ctx;
    downlink_echo_free(observation_context);
}

static bool is_defined(void *ctx, uint16_t object)
{
    const struct gateway *gateway = ctx;
    return definitions_has_object(gateway->definitions, object);
}

static void want_observed(void *ctx, struct lwm2m_device *device, const struct lwm2m_path *path)
{
    struct gateway *gateway = ctx;
    downlink_observe(gateway->downlink, device, path);
}

void gateway_observe_by_itself(struct gateway *gateway, struct lwm2m_device *device)
{
    auto_observe_select(gateway->auto_observe, device, is_defined, want_observed, gateway);
}

static void log_registration(struct gateway *gateway, const char *name,
                             const struct lwm2m_event *event)
{
    char peer[TRANSPORT_ADDRESS_TEXT_MAX];
    if (!log_enabled(gateway->log, LOG_LEVEL_DEBUG)) {
        return;
    }
    transport_address_format(&lwm2m_device_route(event->device)->remote, peer);
    log_debug(gateway->log, name, LOG_TEXT("endpoint", lwm2m_device_endpoint(event->device)),
              LOG_TEXT("peer", peer),
              LOG_NUMBER("lifetime", lwm2m_device_lifetime_s(event->device)),
              LOG_TEXT("reason", event->reason));
}

static void on_report(struct gateway *gateway, const struct lwm2m_event *event)
{
    bool kept = uplink_report(gateway->uplink, event, downlink_echo(event->observation));
    if (!kept && event->receipt != NULL) {
        lwm2m_server_postpone(gateway->server, event->receipt);
    }
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct gateway *gateway = ctx;
    switch (event->type) {
    case LWM2M_EVENT_REGISTERED:
        log_registration(gateway, "registered", event);
        uplink_registration(gateway->uplink, event);
        journal_registration(gateway->journal, event);
        gateway_observe_by_itself(gateway, event->device);
        break;
    case LWM2M_EVENT_UPDATED:
        journal_registration(gateway->journal, event);
        uplink_registration(gateway->uplink, event);
        if (event->object_list_changed) {
            gateway_observe_by_itself(gateway, event->device);
        }
        break;
    case LWM2M_EVENT_DEREGISTERED:
        log_registration(gateway, "deregistered", event);
        journal_registration(gateway->journal, event);
        uplink_registration(gateway->uplink, event);
        break;
    case LWM2M_EVENT_NOTIFICATION:
    case LWM2M_EVENT_SEND:
        on_report(gateway, event);
        break;
    case LWM2M_EVENT_ACKNOWLEDGED:
    case LWM2M_EVENT_RESPONSE:
    case LWM2M_EVENT_TIMEOUT:
    case LWM2M_EVENT_RESET:
    case LWM2M_EVENT_EXPIRED:
    case LWM2M_EVENT_DROPPED:
        downlink_event(gateway->downlink, event);
        break;
    }
}

static void on_observation_changed(void *ctx, const struct lwm2m_device *device,
                                   const struct lwm2m_observation *observation)
{
    struct gateway *gateway = ctx;
    journal_observation(gateway->journal, device, observation);
}

static void on_device_moved(void *ctx, struct lwm2m_device *device)
{
    struct gateway *gateway = ctx;
    journal_moved(gateway->journal, device);
}

static void on_request_sent(void *ctx, const struct lwm2m_request *request)
{
    struct gateway *gateway = ctx;
    downlink_sent(gateway->downlink, request);
}

/* --- between backlog and broker --- */

static int on_publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct gateway *gateway = ctx;
    return broker_publish(gateway->connection, message, id);
}

static void on_settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    struct gateway *gateway = ctx;
    if (kept) {
        lwm2m_server_acknowledge(gateway->server, receipt, gateway_now_ms(NULL));
    } else {
        lwm2m_server_disregard(gateway->server, receipt);
    }
}

static void on_given_up(void *ctx, const struct backlog_message *message, int err)
{
    struct gateway *gateway = ctx;
    log_error(gateway->log, "publish-refused", LOG_TEXT("topic", message->topic),
              LOG_TEXT("endpoint", message->endpoint), LOG_NUMBER("bytes", message->payload_len),
              LOG_TEXT("reason", err != 0 ? strerror(-err) : "the broker does not accept it"));
}

static void on_wake(void *ctx)
{
    struct gateway *gateway = ctx;
    loop_wake(gateway->loop);
}

static void on_connected(void *ctx, const char *broker, bool session_present)
{
    struct gateway *gateway = ctx;
    log_info(gateway->log, "broker-connected", LOG_TEXT("broker", broker),
             LOG_TEXT("session", session_present ? "resumed" : "new"),
             LOG_TEXT("commands", mqtt_topic_filter(gateway->command_topic)),
             LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)),
             LOG_NUMBER("stored", backlog_stored(gateway->backlog)));
    gateway->connected = true;
    if (!session_present) {
        command_journal_forget(gateway->command_journal);
    }
    backlog_open(gateway->backlog);
}

static void on_disconnected(void *ctx, const char *broker, bool was_connected, const char *reason)
{
    struct gateway *gateway = ctx;
    if (gateway->stage != STAGE_CONNECTION) { /* at the end it is what was asked for */
        log_warn(gateway->log, was_connected ? "broker-lost" : "broker-unreachable",
                 LOG_TEXT("broker", broker), LOG_TEXT("reason", reason),
                 LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)),
                 LOG_NUMBER("stored", backlog_stored(gateway->backlog)));
    }
    gateway->connected = false;
    backlog_close(gateway->backlog);
}

static void on_refused(void *ctx, const char *filter, const char *reason)
{
    struct gateway *gateway = ctx;
    log_error(gateway->log, "subscription-refused", LOG_TEXT("filter", filter),
              LOG_TEXT("reason", reason));
}

static int on_message(void *ctx, const struct mqtt_message *message)
{
    struct gateway *gateway = ctx;
    if (gateway->stage != STAGE_RUNNING) {
        return -EAGAIN; /* not confirmed: the broker keeps it for the next start */
    }
    downlink_message(gateway->downlink, message);
    /* Paho acknowledges it when this returns. What was accepted is durable: command_journal_take().
     * The rest is an answer that costs nothing to ask for again; holding the message back until the
     * store takes that would keep paho from sending anything, this answer included. */
    (void)gateway_commit(gateway);
    return 0;
}

static void on_published(void *ctx, uint64_t id, int status)
{
    struct gateway *gateway = ctx;
    enum backlog_outcome outcome = status == 0           ? BACKLOG_CONFIRMED
                                   : status == -ENOTCONN ? BACKLOG_LOST
                                                         : BACKLOG_REFUSED;
    if (outcome == BACKLOG_LOST) {
        backlog_close(gateway->backlog); /* all others are lost as well */
    }
    backlog_published(gateway->backlog, id, outcome);
}

const struct lwm2m_server_callbacks gateway_server_callbacks = {
    .send = on_datagram,
    .event = on_event,
    .random = on_random,
    .wall_clock_s = wall_clock_s,
    .refused = on_registration_refused,
    .may_speak_for = on_may_speak_for,
    .endpoint_of = on_endpoint_of,
    .message_max = on_message_max,
    .awake_window_ms = on_awake_window,
    .definition = on_definition,
    .observation_changed = on_observation_changed,
    .device_moved = on_device_moved,
    .request_sent = on_request_sent,
    .observation_context_free = on_echo_free,
};

const struct mqtt_callbacks gateway_broker_callbacks = {
    .wake = on_wake,
    .connected = on_connected,
    .disconnected = on_disconnected,
    .refused = on_refused,
    .message = on_message,
    .published = on_published,
};

const struct backlog_settings gateway_backlog_callbacks = {
    .publish = on_publish,
    .settled = on_settled,
    .given_up = on_given_up,
};
