/*
 * The wiring. The route of a message, up:
 *
 *   loop.c (a socket is readable) -> transport_udp_receive [-> secure_listeners.c]
 *     -> lwm2m_server_receive -> on_event -> uplink.c (message.c writes JSON) -> backlog.c
 *     -> broker_publish -> mqtt/ (another thread), and once the broker has it:
 *   mqtt/ -> on_published -> backlog.c -> on_settled -> lwm2m_server_acknowledge
 *
 * and down:
 *
 *   mqtt/ (another thread) -> loop_wake -> mqtt_connection_dispatch -> on_message
 *     -> downlink.c (command.c reads JSON) -> lwm2m_server_request -> on_datagram
 *     [-> secure_listeners.c] -> transport_udp_send; what became of it comes back to on_event
 *
 * One thread runs all of this. Its end has stages, each with a deadline: requests under way, then
 * what waits for the broker, then the connection.
 */
#include "gateway/broker.h"
#include "gateway/gateway_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_RECORDS = 10000,              /* values in one payload of a device */
    MAX_EXCHANGES = 65536,            /* requests under way at once */
    STORE_OVERHEAD = 2 * 1024 * 1024, /* bytes of the file that hold no rows: the reserve, slack */
};

/* --- the start --- */

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

static int start_log(struct gateway *gateway)
{
    const struct log_settings settings = {
        .level = (enum log_level)gateway->config->log.level,
        .format =
            gateway->config->log.format == CONFIG_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
        .wall_ms = gateway_wall_ms,
        .write = write_log,
    };
    gateway->log = log_new(&settings);
    return gateway->log != NULL ? 0 : -ENOMEM;
}

static int start_loop(struct gateway *gateway)
{
    struct loop_callbacks callbacks = gateway_loop_callbacks;
    callbacks.ctx = gateway;
    return loop_new(&callbacks, &gateway->loop);
}

void gateway_print_mistakes(const struct config_error *error)
{
    for (size_t i = 0; i < error->count; i++) {
        fprintf(stderr, "%s\n", error->messages[i]);
    }
}

static int start_security(struct gateway *gateway)
{
    struct config_error error = { 0 };
    struct secure_listeners_settings settings = gateway_secure_callbacks;
    settings.config = gateway->config;
    settings.log = gateway->log;
    settings.ctx = gateway;
    settings.journal = gateway->session_journal;
    random_fill(&gateway->random, settings.hash_key, sizeof(settings.hash_key));
    int err = secure_listeners_new(&settings, gateway_now_ms(NULL), &gateway->secure, &error);
    gateway_print_mistakes(&error);
    gateway->misconfigured = error.count > 0;
    return err;
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
    const char *transport = wanted->transport == CONFIG_TRANSPORT_DTLS ? "dtls" : "udp";
    int err = transport_udp_new(&settings, &gateway->listeners[index]);
    if (err != 0) {
        log_error(gateway->log, "listen-failed", LOG_TEXT("transport", transport),
                  LOG_TEXT("address", wanted->host), LOG_NUMBER("port", wanted->port),
                  LOG_TEXT("reason", strerror(-err)));
        return err;
    }
    gateway->listener_count++;
    log_info(gateway->log, "listening", LOG_TEXT("transport", transport),
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

void gateway_load_definitions(struct gateway *gateway, const char *directory)
{
    int err = definitions_load(gateway->definitions, directory);
    if (err != 0) {
        log_error(gateway->log, "definitions-not-loaded", LOG_TEXT("directory", directory),
                  LOG_TEXT("reason", strerror(-err)));
    }
}

static int start_definitions(struct gateway *gateway)
{
    gateway->definitions = definitions_new(gateway->log);
    if (gateway->definitions == NULL) {
        return -ENOMEM;
    }
    gateway_load_definitions(gateway, gateway->config->lwm2m.xml_dir);
    return auto_observe_new(&gateway->config->lwm2m.auto_observe,
                            gateway->config->lwm2m.limits.auto_observations,
                            &gateway->auto_observe);
}

static size_t max_automatic(const struct config *config)
{
    size_t most = config->lwm2m.limits.auto_observations;
    size_t listed = config->lwm2m.auto_observe.count;
    return most > listed ? most : listed;
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
            .max_bodies_size = config->lwm2m.coap.max_bodies_size,
            .max_exchanges = MAX_EXCHANGES,
        },
        .lifetime_min_s = (uint32_t)(config->lwm2m.lifetime_min_ms / 1000),
        .lifetime_max_s = (uint32_t)(config->lwm2m.lifetime_max_ms / 1000),
        .max_devices = config->lwm2m.max_devices,
        .registrations_per_second = config->lwm2m.limits.registrations_per_second,
        .registrations_burst_ms = (uint32_t)config->lwm2m.limits.burst_ms,
        .require_echo = config->lwm2m.require_echo,
        .max_registration_data = config->lwm2m.limits.registration_data,
        .queue_length = config->lwm2m.queue_length,
        .max_automatic = max_automatic(config),
        .queue_attempts = (uint16_t)config->lwm2m.queue_attempts,
        .observe_grace_ms = config->lwm2m.observe_grace_ms,
        .observe_pmax_s = (uint32_t)(config->lwm2m.observe_pmax_ms / 1000),
        .max_records = MAX_RECORDS,
    };
    struct lwm2m_server_callbacks callbacks = gateway_server_callbacks;
    callbacks.ctx = gateway;
    return lwm2m_server_new(&settings, &callbacks, gateway_now_ms(NULL), &gateway->server);
}

static int start_door(struct gateway *gateway)
{
    uint64_t key[2];
    random_fill(&gateway->random, key, sizeof(key));
    return door_new(gateway->config, gateway->log, gateway->server, key, gateway_now_ms(NULL),
                    &gateway->door);
}

static int start_uplink(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    struct backlog_settings backlog = gateway_backlog_callbacks;
    backlog.ctx = gateway;
    backlog.store = gateway->store;
    backlog.max_stored = (config->store.max_bytes - STORE_OVERHEAD) / 4 *
                         3; /* the rest is for the state of devices */
    backlog.drop_oldest = config->mqtt.backlog_full == CONFIG_BACKLOG_DROP_OLDEST;
    backlog.drain_rate = config->mqtt.drain_rate;
    backlog.max_waiting = config->mqtt.max_backlog;
    backlog.max_inflight = broker_max_inflight(config);
    int err = backlog_new(&backlog, &gateway->backlog);
    if (err != 0) {
        return err;
    }
    const struct uplink_settings uplink = {
        .config = config,
        .log = gateway->log,
        .backlog = gateway->backlog,
        .ctx = gateway,
        .wall_ms = gateway_wall_ms,
        .names = gateway_names,
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
        .journal = gateway->command_journal,
        .report_queued = config->lwm2m.report_queued,
        .ctx = gateway,
        .now_ms = gateway_now_ms,
    };
    gateway->downlink = downlink_new(&settings);
    return gateway->downlink != NULL ? 0 : -ENOMEM;
}

static int start_connection(struct gateway *gateway)
{
    struct mqtt_callbacks callbacks = gateway_broker_callbacks;
    callbacks.ctx = gateway;
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
        start_log,       gateway_start_store, gateway_start_sessions, start_security,   start_loop,
        start_listeners, start_definitions,   gateway_start_journals, start_server,     start_door,
        start_uplink,    start_downlink,      gateway_recover,        start_connection,
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
    door_free(gateway->door);
    store_close(gateway->store); /* while what it may have to write anew is there */
    lwm2m_server_free(gateway->server);
    secure_listeners_free(gateway->secure);
    downlink_free(gateway->downlink);
    uplink_free(gateway->uplink);
    backlog_free(gateway->backlog);
    auto_observe_free(gateway->auto_observe);
    definitions_free(gateway->definitions);
    mqtt_topic_free(gateway->command_topic);
    journal_free(gateway->journal);
    command_journal_free(gateway->command_journal);
    session_journal_free(gateway->session_journal);
    loop_free(gateway->loop);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        transport_udp_free(gateway->listeners[i]);
    }
    log_free(gateway->log);
}

int gateway_check(const struct config *config, struct config_error *error)
{
    struct secure_listeners *secure = NULL;
    struct random_pool random = { 0 };
    struct secure_listeners_settings settings = { .config = config };
    random_fill(&random, settings.hash_key, sizeof(settings.hash_key));
    int err = secure_listeners_new(&settings, 0, &secure, error);
    secure_listeners_free(secure);
    return err;
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
                 LOG_TEXT("store", gateway->store != NULL
                                       ? config->store.path
                                       : "none: nothing is kept over a restart"));
        loop_run(gateway->loop);
        secure_listeners_log_counters(gateway->secure);
        door_close(gateway->door, gateway_now_ms(NULL));
        log_info(gateway->log, "stopped", LOG_NUMBER("dropped", uplink_dropped(gateway->uplink)));
    } else if (gateway->log != NULL) {
        log_error(gateway->log, "start-failed", LOG_TEXT("reason", strerror(-err)));
    }
    enum gateway_status status = err == 0                 ? GATEWAY_ENDED
                                 : gateway->misconfigured ? GATEWAY_BAD_CONFIGURATION
                                                          : GATEWAY_FAILED;
    release(gateway);
    free(gateway);
    return status;
}
