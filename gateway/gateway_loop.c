/*
 * The gateway between its start and its end: sockets, time, signals, and how it ends.
 */
#include "gateway/gateway_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCHES_PER_TURN = 16, /* of one socket, before the others and the timer get their turn */
    END_REQUESTS_MS = 5000,
    END_BACKLOG_MS = 5000,
    END_CONNECTION_MS = 2000,
    COMMIT_RETRY_MS = 500, /* what a store in trouble did not take */
};

/* --- the end --- */

static void enter_stage(struct gateway *gateway, enum stage stage, uint64_t now, uint64_t limit_ms)
{
    gateway->stage = stage;
    gateway->deadline_ms = now + limit_ms;
}

static void close_connection(struct gateway *gateway, uint64_t now)
{
    backlog_close(gateway->backlog); /* what is left moves into the store */
    gateway_settle(gateway, now);
    size_t left = backlog_unsafe(gateway->backlog);
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
        if (gateway->store == NULL) { /* else they wait for the next start */
            lwm2m_server_drop_requests(gateway->server, "the gateway is stopping");
        }
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
             LOG_NUMBER("waiting", backlog_waiting(gateway->backlog)),
             LOG_NUMBER("stored", backlog_stored(gateway->backlog)));
    backlog_finish(gateway->backlog);
    enter_stage(gateway, STAGE_REQUESTS, gateway_now_ms(NULL), END_REQUESTS_MS);
}

/* --- SIGHUP --- */

static void refuse_reload(struct gateway *gateway, const struct config_error *error)
{
    gateway_print_mistakes(error);
    log_error(gateway->log, "reload-refused", LOG_TEXT("file", gateway->file),
              LOG_NUMBER("mistakes", error->count),
              LOG_TEXT("first", error->count > 0 ? error->messages[0] : "out of memory"));
}

static void apply(struct gateway *gateway, const struct config *config)
{
    gateway_load_definitions(gateway, config->lwm2m.xml_dir);
    log_set_level(gateway->log, (enum log_level)config->log.level);
    log_info(gateway->log, "reloaded", LOG_TEXT("file", gateway->file),
             LOG_TEXT("applied", "lwm2m.xml_dir log.level security"),
             LOG_TEXT("note", "other settings take effect after a restart"));
}

/* A mistake anywhere leaves everything as it was. */
static void reload(struct gateway *gateway)
{
    struct config config;
    struct config_error error = { 0 };
    if (config_load_file(gateway->file, &config, &error) != 0) {
        refuse_reload(gateway, &error);
        return;
    }
    if (secure_listeners_reload(gateway->secure, &config, gateway->server, gateway_now_ms(NULL),
                                &error) != 0) {
        refuse_reload(gateway, &error);
    } else {
        apply(gateway, &config);
    }
    config_deinit(&config);
}

/* --- the loop --- */

static bool is_secured(const struct gateway *gateway, const struct transport_route *route)
{
    const struct config_listeners *listeners = &gateway->config->lwm2m.listeners;
    return listeners->items[route->listener].transport == CONFIG_TRANSPORT_DTLS;
}

static bool is_known(void *ctx, const struct transport_route *route)
{
    const struct gateway *gateway = ctx;
    return is_secured(gateway, route) ? secure_listeners_know(gateway->secure, route)
                                      : lwm2m_server_knows(gateway->server, route);
}

static void on_coming(void *ctx, const struct transport_route routes[], size_t count)
{
    struct gateway *gateway = ctx;
    if (!is_secured(gateway, routes)) { /* they are of one listener */
        lwm2m_server_expect(gateway->server, routes, count);
    }
}

static void on_received(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct gateway *gateway = ctx;
    if (!door_admits(gateway->door, route, is_known, gateway, gateway->now_ms)) {
        return;
    }
    if (is_secured(gateway, route)) {
        secure_listeners_receive(gateway->secure, route, data, len, gateway->now_ms);
    } else {
        lwm2m_server_receive(gateway->server, route, data, len, gateway->now_ms);
    }
}

/* Up to so many batches; whether there may be more. */
static bool read_batches(struct gateway *gateway, size_t index)
{
    for (int i = 0; i < BATCHES_PER_TURN && !backlog_is_congested(gateway->backlog); i++) {
        gateway->now_ms = gateway_now_ms(NULL);
        int count =
            transport_udp_receive(gateway->listeners[index], on_coming, on_received, gateway);
        if (count < 0) {
            log_warn(gateway->log, "socket-error", LOG_NUMBER("listener", index),
                     LOG_TEXT("reason", strerror(-count)));
        }
        if (count < TRANSPORT_UDP_BATCH) {
            return false;
        }
    }
    return true;
}

static void on_readable(void *ctx, size_t index)
{
    struct gateway *gateway = ctx;
    bool more = read_batches(gateway, index);
    flood_note(&gateway->floods[index],
               more ? transport_udp_full_percent(gateway->listeners[index]) : 0);
}

static void on_woken(void *ctx)
{
    struct gateway *gateway = ctx;
    mqtt_connection_dispatch(gateway->connection, gateway_now_ms(NULL));
}

static void on_due(void *ctx)
{
    struct gateway *gateway = ctx;
    uint64_t now = gateway_now_ms(NULL);
    lwm2m_server_run(gateway->server, now);
    secure_listeners_run(gateway->secure, now);
    door_run(gateway->door, now);
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
    uint64_t now = gateway_now_ms(NULL);
    advance(gateway, now);
    gateway_settle(gateway, now);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        transport_udp_flush(gateway->listeners[i]);
        gateway->unflushed[i] = 0;
    }
    mqtt_connection_flush(gateway->connection);
    watch_sockets(gateway);
    uint64_t next = earlier(lwm2m_server_next_ms(gateway->server),
                            mqtt_connection_next_deadline(gateway->connection));
    next = earlier(next, secure_listeners_next_ms(gateway->secure));
    next = earlier(next, door_next_ms(gateway->door));
    next = earlier(next, backlog_next_ms(gateway->backlog));
    if (gateway->store != NULL &&
        (store_is_pending(gateway->store) || store_health(gateway->store) != STORE_WELL)) {
        next = earlier(next, now + COMMIT_RETRY_MS);
    }
    if (gateway->stage != STAGE_RUNNING) {
        next = earlier(next, gateway->deadline_ms);
    }
    if (next == UINT64_MAX) {
        return LOOP_NEVER;
    }
    return next > now ? next - now : 0;
}

const struct loop_callbacks gateway_loop_callbacks = {
    .readable = on_readable,
    .woken = on_woken,
    .due = on_due,
    .signal = on_signal,
    .prepare = on_prepare,
};
