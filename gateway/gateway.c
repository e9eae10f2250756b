/*
 * The wiring. The route of a message, up:
 *
 *   loop.c (a socket is readable) -> transport_udp_receive -> lwm2m_server_receive
 *     -> on_event -> uplink.c (message.c writes JSON) -> backlog.c -> broker_publish (mqtt/)
 *   mqtt/ -> on_published -> backlog.c -> on_settled -> lwm2m_server_acknowledge
 *
 * and down:
 *
 *   mqtt/ (another thread) -> loop_wake -> mqtt_connection_dispatch -> on_message
 *     -> downlink.c (command.c reads JSON) -> lwm2m_server_request -> on_datagram
 *     -> transport_udp_send; what became of it comes back to on_event
 *
 * One thread runs all of this. Its end has stages, each with a deadline: requests under way, then
 * what waits for the broker, then the connection.
 */
#include "gateway/gateway.h"

#include "gateway/auto_observe.h"
#include "gateway/broker.h"
#include "gateway/downlink.h"
#include "gateway/loop.h"
#include "gateway/random.h"

#include "lwm2m/transport/udp.h"
#include "mqtt/topic.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCHES_PER_TURN = 16, /* of one socket, before the others and the timer get their turn */
    MAX_RECORDS = 10000,   /* values in one payload of a device */
    MAX_EXCHANGES = 65536, /* requests under way at once */
    END_REQUESTS_MS = 5000,
    END_BACKLOG_MS = 5000,
    END_CONNECTION_MS = 2000,
};

enum stage { STAGE_RUNNING, STAGE_REQUESTS, STAGE_BACKLOG, STAGE_CONNECTION };

struct gateway {
    const struct config *config;
    const char *file;
    struct log *log;
    struct random_pool random;
    struct loop *loop;
    struct transport_udp *listeners[CONFIG_LISTENERS_MAX];
    size_t listener_count;
    struct definitions *definitions;
    struct auto_observe *auto_observe;
    struct lwm2m_server *server;
    struct backlog *backlog;
    struct uplink *uplink;
    struct downlink *downlink;
    struct mqtt_topic *command_topic;
    struct mqtt_connection *connection;
    bool connected;
    uint64_t now_ms; /* of the batch of datagrams at hand */
    uint64_t sent;   /* datagrams */
    enum stage stage;
    uint64_t deadline_ms; /* of the stage */
};

/* --- time, randomness, log
 * ------------------------------------------------------------------------ */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_MONOTONIC);
}

static uint64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

static double wall_clock_s(void *ctx)
{
    return (double)wall_ms(ctx) / 1000;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct gateway *gateway = ctx;
    random_fill(&gateway->random, bytes, len);
}

static void write_log(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, line, len);
        if (written < 0 && errno != EINTR) {
            return; /* nobody is there to be told */
        }
        line += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
}

/* --- what the LwM2M server asks and tells
 * ------------------------------------------------------------ */

static void on_datagram(void *ctx, const struct transport_route *route, const uint8_t *data,
                        size_t len)
{
    struct gateway *gateway = ctx;
    gateway->sent++;
    transport_udp_send(gateway->listeners[route->listener], route, data, len);
}

static uint64_t sent_datagrams(void *ctx)
{
    const struct gateway *gateway = ctx;
    return gateway->sent;
}

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    const struct gateway *gateway = ctx;
    return definitions_resource(gateway->definitions, object, version, resource, definition);
}

static bool on_names(void *ctx, const struct lwm2m_device *device, uint16_t object,
                     uint16_t resource, const char **name, const char **units)
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

static void on_registration_refused(void *ctx, const struct transport_route *route,
                                    const char *endpoint, uint8_t code, const char *reason)
{
    struct gateway *gateway = ctx;
    char peer[TRANSPORT_ADDRESS_TEXT_MAX];
    (void)code;
    transport_address_format(&route->remote, peer);
    log_warn(gateway->log, "registration-refused",
             LOG_TEXT("endpoint", endpoint != NULL ? endpoint : ""), LOG_TEXT("peer", peer),
             LOG_TEXT("reason", reason));
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

static void observe_by_itself(struct gateway *gateway, const struct lwm2m_event *event)
{
    struct lwm2m_device *device =
        lwm2m_server_find(gateway->server, lwm2m_device_endpoint(event->device));
    if (device != NULL) {
        auto_observe_select(gateway->auto_observe, device, is_defined, want_observed, gateway);
    }
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
        lwm2m_server_disregard(gateway->server, event->receipt);
    }
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct gateway *gateway = ctx;
    switch (event->type) {
    case LWM2M_EVENT_REGISTERED:
        log_registration(gateway, "registered", event);
        uplink_registration(gateway->uplink, event);
        observe_by_itself(gateway, event);
        break;
    case LWM2M_EVENT_UPDATED:
        uplink_registration(gateway->uplink, event);
        if (event->object_list_changed) {
            observe_by_itself(gateway, event);
        }
        break;
    case LWM2M_EVENT_DEREGISTERED:
        log_registration(gateway, "deregistered", event);
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

/* --- between backlog and broker
 * ------------------------------------------------------------------------- */

static int on_publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct gateway *gateway = ctx;
    return broker_publish(gateway->connection, message, id);
}

static void on_settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    struct gateway *gateway = ctx;
    if (kept) {
        lwm2m_server_acknowledge(gateway->server, receipt, now_ms(NULL));
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
             LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)));
    gateway->connected = true;
    backlog_open(gateway->backlog);
}

static void on_disconnected(void *ctx, const char *broker, bool was_connected, const char *reason)
{
    struct gateway *gateway = ctx;
    log_warn(gateway->log, was_connected ? "broker-lost" : "broker-unreachable",
             LOG_TEXT("broker", broker), LOG_TEXT("reason", reason),
             LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)));
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

/* --- the end
 * ------------------------------------------------------------------------------------------------
 */

static void enter_stage(struct gateway *gateway, enum stage stage, uint64_t now, uint64_t limit_ms)
{
    gateway->stage = stage;
    gateway->deadline_ms = now + limit_ms;
}

static void close_connection(struct gateway *gateway, uint64_t now)
{
    size_t left = backlog_waiting(gateway->backlog) + backlog_inflight(gateway->backlog);
    if (left > 0) {
        log_error(gateway->log, "messages-lost", LOG_NUMBER("count", left),
                  LOG_TEXT("reason", "the broker did not take them before the end"));
    }
    enter_stage(gateway, STAGE_CONNECTION, now, END_CONNECTION_MS);
    mqtt_connection_close(gateway->connection, now, gateway->deadline_ms);
    mqtt_connection_dispatch(gateway->connection, now);
}

/* Goes on to the next stage when this one is done or has lasted too long. */
static void advance(struct gateway *gateway, uint64_t now)
{
    bool late = now >= gateway->deadline_ms;
    if (gateway->stage == STAGE_REQUESTS && (late || downlink_under_way(gateway->downlink) == 0)) {
        lwm2m_server_drop_requests(gateway->server, "the gateway is stopping");
        enter_stage(gateway, STAGE_BACKLOG, now, END_BACKLOG_MS);
        late = false;
    }
    if (gateway->stage == STAGE_BACKLOG) {
        size_t left = backlog_waiting(gateway->backlog) + backlog_inflight(gateway->backlog);
        if (late || left == 0 || !gateway->connected) {
            close_connection(gateway, now);
        }
    }
    if (gateway->stage == STAGE_CONNECTION && mqtt_connection_is_closed(gateway->connection)) {
        loop_stop(gateway->loop);
    }
}

static void stop(struct gateway *gateway, int number)
{
    if (gateway->stage != STAGE_RUNNING) {
        log_warn(gateway->log, "stopping-at-once", LOG_NUMBER("signal", number));
        loop_stop(gateway->loop);
        return;
    }
    log_info(gateway->log, "stopping", LOG_NUMBER("signal", number),
             LOG_NUMBER("requests_under_way", downlink_under_way(gateway->downlink)),
             LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)));
    enter_stage(gateway, STAGE_REQUESTS, now_ms(NULL), END_REQUESTS_MS);
}

/* --- SIGHUP
 * ----------------------------------------------------------------------------------------------------
 */

/* Lines as they are: `file:line:column: …` is what people and editors look for. */
static void print_mistakes(const struct config_error *error)
{
    for (size_t i = 0; i < error->count; i++) {
        fprintf(stderr, "%s\n", error->messages[i]);
    }
}

static void load_definitions(struct gateway *gateway, const char *directory)
{
    int err = definitions_load(gateway->definitions, directory);
    if (err != 0) {
        log_error(gateway->log, "definitions-not-loaded", LOG_TEXT("directory", directory),
                  LOG_TEXT("reason", strerror(-err)));
    }
}

static void reload(struct gateway *gateway)
{
    struct config config;
    struct config_error error = { 0 };
    if (config_load_file(gateway->file, &config, &error) != 0) {
        print_mistakes(&error);
        log_error(gateway->log, "reload-refused", LOG_TEXT("file", gateway->file),
                  LOG_NUMBER("mistakes", error.count));
        return;
    }
    load_definitions(gateway, config.lwm2m.xml_dir);
    log_set_level(gateway->log, (enum log_level)config.log.level);
    log_info(gateway->log, "reloaded", LOG_TEXT("file", gateway->file),
             LOG_TEXT("applied", "lwm2m.xml_dir log.level"),
             LOG_TEXT("note", "other settings take effect after a restart"));
    config_deinit(&config);
}

/* --- the loop
 * ------------------------------------------------------------------------------------------------------
 */

static void on_received(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct gateway *gateway = ctx;
    lwm2m_server_receive(gateway->server, route, data, len, gateway->now_ms);
}

static void on_readable(void *ctx, size_t index)
{
    struct gateway *gateway = ctx;
    for (int i = 0; i < BATCHES_PER_TURN && !backlog_is_congested(gateway->backlog); i++) {
        gateway->now_ms = now_ms(NULL);
        int count = transport_udp_receive(gateway->listeners[index], on_received, gateway);
        if (count < 0) {
            log_warn(gateway->log, "socket-error", LOG_NUMBER("listener", index),
                     LOG_TEXT("reason", strerror(-count)));
        }
        if (count < TRANSPORT_UDP_BATCH) {
            return;
        }
    }
}

static void on_woken(void *ctx)
{
    struct gateway *gateway = ctx;
    mqtt_connection_dispatch(gateway->connection, now_ms(NULL));
}

static void on_due(void *ctx)
{
    struct gateway *gateway = ctx;
    uint64_t now = now_ms(NULL);
    lwm2m_server_run(gateway->server, now);
    mqtt_connection_dispatch(gateway->connection, now);
}

static void on_signal(void *ctx, int number)
{
    struct gateway *gateway = ctx;
    if (number == SIGHUP) {
        reload(gateway);
    } else {
        stop(gateway, number);
    }
}

/* While the broker is slower than the devices, they wait: what their sockets hold is not read. */
static void watch_sockets(struct gateway *gateway)
{
    bool congested = backlog_is_congested(gateway->backlog);
    loop_watch(gateway->loop, !congested && gateway->stage < STAGE_BACKLOG);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t on_prepare(void *ctx)
{
    struct gateway *gateway = ctx;
    uint64_t now = now_ms(NULL);
    advance(gateway, now);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        transport_udp_flush(gateway->listeners[i]);
    }
    watch_sockets(gateway);
    uint64_t next = earlier(lwm2m_server_next_ms(gateway->server),
                            mqtt_connection_next_deadline(gateway->connection));
    if (gateway->stage != STAGE_RUNNING) {
        next = earlier(next, gateway->deadline_ms);
    }
    if (next == UINT64_MAX) {
        return LOOP_NEVER;
    }
    return next > now ? next - now : 0;
}

/* --- the start
 * ---------------------------------------------------------------------------------------------------------
 */

static int start_log(struct gateway *gateway)
{
    const struct log_settings settings = {
        .level = (enum log_level)gateway->config->log.level,
        .format =
            gateway->config->log.format == CONFIG_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
        .wall_ms = wall_ms,
        .write = write_log,
    };
    gateway->log = log_new(&settings);
    return gateway->log != NULL ? 0 : -ENOMEM;
}

static int start_loop(struct gateway *gateway)
{
    const struct loop_callbacks callbacks = {
        .ctx = gateway,
        .readable = on_readable,
        .woken = on_woken,
        .due = on_due,
        .signal = on_signal,
        .prepare = on_prepare,
    };
    return loop_new(&callbacks, &gateway->loop);
}

static int listen_on(struct gateway *gateway, size_t index)
{
    const struct config_listener *wanted = &gateway->config->lwm2m.listeners.items[index];
    const struct transport_udp_settings settings = {
        .host = wanted->host,
        .port = wanted->port,
        .listener = (uint16_t)index,
        .socket_buffer = gateway->config->lwm2m.socket_buffer,
    };
    int err = transport_udp_new(&settings, &gateway->listeners[index]);
    if (err != 0) {
        log_error(gateway->log, "listen-failed", LOG_TEXT("transport", "udp"),
                  LOG_TEXT("address", wanted->host), LOG_NUMBER("port", wanted->port),
                  LOG_TEXT("reason", strerror(-err)));
        return err;
    }
    gateway->listener_count++;
    log_info(gateway->log, "listening", LOG_TEXT("transport", "udp"),
             LOG_TEXT("address", wanted->host), LOG_NUMBER("port", wanted->port));
    return loop_add(gateway->loop, transport_udp_fd(gateway->listeners[index]));
}

static int start_listeners(struct gateway *gateway)
{
    int err = 0;
    for (size_t i = 0; i < gateway->config->lwm2m.listeners.count && err == 0; i++) {
        err = listen_on(gateway, i);
    }
    return err;
}

static int start_definitions(struct gateway *gateway)
{
    gateway->definitions = definitions_new(gateway->log);
    if (gateway->definitions == NULL) {
        return -ENOMEM;
    }
    load_definitions(gateway, gateway->config->lwm2m.xml_dir);
    return auto_observe_new(&gateway->config->lwm2m.auto_observe, &gateway->auto_observe);
}

static int start_server(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct lwm2m_server_settings settings = {
        .coap = {
            .ack_timeout_ms = (uint32_t)config->lwm2m.coap.ack_timeout_ms,
            .ack_random_factor = config->lwm2m.coap.ack_random_factor,
            .max_retransmit = config->lwm2m.coap.max_retransmit,
            .exchange_lifetime_ms = (uint32_t)config->lwm2m.coap.exchange_lifetime_ms,
            .response_timeout_ms = (uint32_t)config->lwm2m.response_timeout_ms,
            .max_block_size = (uint16_t)config->lwm2m.coap.max_block_size,
            .max_body_size = config->lwm2m.coap.max_body_size,
            .max_transfers = config->lwm2m.coap.max_transfers,
            .max_exchanges = MAX_EXCHANGES,
        },
        .lifetime_min_s = (uint32_t)(config->lwm2m.lifetime_min_ms / 1000),
        .lifetime_max_s = (uint32_t)(config->lwm2m.lifetime_max_ms / 1000),
        .max_devices = config->lwm2m.max_devices,
        .queue_length = config->lwm2m.queue_length,
        .max_records = MAX_RECORDS,
    };
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = gateway,
        .send = on_datagram,
        .event = on_event,
        .random = on_random,
        .wall_clock_s = wall_clock_s,
        .refused = on_registration_refused,
        .awake_window_ms = on_awake_window,
        .definition = on_definition,
        .observation_context_free = on_echo_free,
    };
    return lwm2m_server_new(&settings, &callbacks, now_ms(NULL), &gateway->server);
}

static int start_uplink(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct backlog_settings backlog = {
        .max_waiting = config->mqtt.max_backlog,
        .max_inflight = config->mqtt.max_inflight < BROKER_MAX_INFLIGHT ? config->mqtt.max_inflight
                                                                        : BROKER_MAX_INFLIGHT,
        .ctx = gateway,
        .publish = on_publish,
        .settled = on_settled,
        .given_up = on_given_up,
    };
    int err = backlog_new(&backlog, &gateway->backlog);
    if (err != 0) {
        return err;
    }
    const struct uplink_settings uplink = {
        .config = config,
        .log = gateway->log,
        .backlog = gateway->backlog,
        .ctx = gateway,
        .wall_ms = wall_ms,
        .names = on_names,
    };
    const char *reason = "";
    err = uplink_new(&uplink, &gateway->uplink, &reason);
    if (err == -EINVAL) {
        log_error(gateway->log, "topic-refused", LOG_TEXT("reason", reason));
    }
    return err;
}

static int start_downlink(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const char *reason = "";
    int err = mqtt_topic_compile(MQTT_TOPIC_COMMAND, config->mqtt.mountpoint,
                                 config->mqtt.topics[CONFIG_TOPIC_COMMAND].topic,
                                 config->mqtt.client_id, &gateway->command_topic, &reason);
    if (err != 0) {
        log_error(gateway->log, "topic-refused", LOG_TEXT("topic", "command"),
                  LOG_TEXT("reason", reason));
        return err;
    }
    const struct downlink_settings settings = {
        .server = gateway->server,
        .uplink = gateway->uplink,
        .definitions = gateway->definitions,
        .log = gateway->log,
        .topic = gateway->command_topic,
        .report_queued = config->lwm2m.report_queued,
        .ctx = gateway,
        .now_ms = now_ms,
        .sent_datagrams = sent_datagrams,
    };
    gateway->downlink = downlink_new(&settings);
    return gateway->downlink != NULL ? 0 : -ENOMEM;
}

static int start_connection(struct gateway *gateway)
{
    const struct mqtt_callbacks callbacks = {
        .ctx = gateway,
        .wake = on_wake,
        .connected = on_connected,
        .disconnected = on_disconnected,
        .refused = on_refused,
        .message = on_message,
        .published = on_published,
    };
    uint64_t seed;
    const char *reason = "";
    random_fill(&gateway->random, &seed, sizeof(seed));
    int err = broker_connect(gateway->config, mqtt_topic_filter(gateway->command_topic), seed,
                             &callbacks, &gateway->connection, &reason);
    if (err == -EINVAL) {
        log_error(gateway->log, "broker-settings-refused", LOG_TEXT("reason", reason));
    }
    return err;
}

static int start(struct gateway *gateway)
{
    static int (*const steps[])(struct gateway *) = {
        start_log,    start_loop,   start_listeners, start_definitions,
        start_server, start_uplink, start_downlink,  start_connection,
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int err = steps[i](gateway);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* In the order in which they use each other; also after half a start. */
static void release(struct gateway *gateway)
{
    mqtt_connection_free(gateway->connection);
    lwm2m_server_free(gateway->server);
    downlink_free(gateway->downlink);
    uplink_free(gateway->uplink);
    backlog_free(gateway->backlog);
    auto_observe_free(gateway->auto_observe);
    definitions_free(gateway->definitions);
    mqtt_topic_free(gateway->command_topic);
    loop_free(gateway->loop);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        transport_udp_free(gateway->listeners[i]);
    }
    log_free(gateway->log);
}

bool gateway_supports(const struct config *config, char *reason, size_t size)
{
    for (size_t i = 0; i < config->lwm2m.listeners.count; i++) {
        const struct config_listener *listener = &config->lwm2m.listeners.items[i];
        if (listener->transport != CONFIG_TRANSPORT_UDP) {
            (void)snprintf(reason, size,
                           "lwm2m.listeners: transport dtls (%s, port %u) is not available in this "
                           "version, only udp is",
                           listener->host, listener->port);
            return false;
        }
    }
    return true;
}

enum gateway_status gateway_run(const struct config *config, const char *file)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    if (gateway == NULL) {
        return GATEWAY_FAILED;
    }
    gateway->config = config;
    gateway->file = file;
    int err = start(gateway);
    if (err == 0) {
        log_info(gateway->log, "started", LOG_TEXT("version", LWM2MQTT_VERSION),
                 LOG_TEXT("store", "none: nothing is kept over a restart"));
        loop_run(gateway->loop);
        log_info(gateway->log, "stopped", LOG_NUMBER("dropped", uplink_dropped(gateway->uplink)));
    } else if (gateway->log != NULL) {
        log_error(gateway->log, "start-failed", LOG_TEXT("reason", strerror(-err)));
    }
    release(gateway);
    free(gateway);
    return err == 0 ? GATEWAY_ENDED : GATEWAY_FAILED;
}
