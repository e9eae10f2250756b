/*
 * The state of the gateway, and the callbacks by which its parts are wired. Private to gateway*.c:
 * gateway.c starts and ends it, gateway_events.c connects devices with the broker,
 * gateway_loop.c is its life between start and end.
 */
#pragma once

#include "gateway/auto_observe.h"
#include "gateway/backlog.h"
#include "gateway/definitions.h"
#include "gateway/door.h"
#include "gateway/downlink.h"
#include "gateway/flood.h"
#include "gateway/gateway.h"
#include "gateway/journal.h"
#include "gateway/loop.h"
#include "gateway/random.h"
#include "gateway/secure_listeners.h"
#include "gateway/session_journal.h"
#include "gateway/store/store.h"

#include "lwm2m/transport/udp.h"
#include "mqtt/connection.h"
#include "mqtt/topic.h"

enum stage { STAGE_RUNNING, STAGE_REQUESTS, STAGE_BACKLOG, STAGE_CONNECTION };

struct gateway {
    const struct config *config;
    const char *file;
    struct log *log;
    struct random_pool random;
    struct loop *loop;
    struct transport_udp *listeners[CONFIG_LISTENERS_MAX];
    size_t listener_count;
    struct secure_listeners *secure; /* NULL without a dtls listener */
    struct store *store;             /* NULL: nothing is kept over a restart */
    struct journal *journal;         /* of devices and observations; NULL without a store */
    struct command_journal *command_journal;
    struct session_journal *session_journal; /* NULL also without a dtls listener */
    struct definitions *definitions;
    struct auto_observe *auto_observe;
    struct lwm2m_server *server;
    struct door *door;
    struct backlog *backlog;
    struct uplink *uplink;
    struct downlink *downlink;
    struct mqtt_topic *command_topic;
    struct mqtt_connection *connection;
    bool misconfigured; /* a file that the configuration names is wrong */
    bool connected;
    uint64_t now_ms;                        /* of the batch of datagrams at hand */
    size_t unflushed[CONFIG_LISTENERS_MAX]; /* datagrams queued since the last flush */
    struct flood floods[CONFIG_LISTENERS_MAX];
    enum stage stage;
    uint64_t deadline_ms;         /* of the stage */
    uint64_t dropped;             /* messages, as last reported */
    uint64_t postponed;           /* registrations answered 5.03 since that was logged last */
    uint64_t postponed_report_ms; /* when it may be logged again */
    uint64_t drops_report_ms;     /* when the next line about them is due */
};

/** The clock of everything but timestamps, in ms; `ctx` is not used. */
uint64_t gateway_now_ms(void *ctx);

/** Prints messages as they are: `file:line:column: …` is what people and editors look for. */
void gateway_print_mistakes(const struct config_error *error);

/** Loads the definitions of a directory and logs what came of it. */
void gateway_load_definitions(struct gateway *gateway, const char *directory);

/** Opens the store if there is to be one. @return 0, or what store_open() says */
int gateway_start_store(struct gateway *gateway);

/** What keeps DTLS sessions; after the store and before the listeners. @return 0, -EIO, -ENOMEM */
int gateway_start_sessions(struct gateway *gateway);

/** What writes into the store; after it. @return 0 or -ENOMEM */
int gateway_start_journals(struct gateway *gateway);

/** Takes back what the store has. @return 0, or what recovery_run() says */
int gateway_recover(struct gateway *gateway);

/** Observes what is to be observed without anybody asking and is not yet. */
void gateway_observe_by_itself(struct gateway *gateway, struct lwm2m_device *device);

/**
 * Makes durable what this turn of the loop has changed so far: before anything that tells of it
 * leaves the process.
 *
 * @return 0 (also without a store), or what store_commit() says; then the changes stay pending
 */
int gateway_commit(struct gateway *gateway);

/** The end of a turn: commits, and lets go what waited for that. */
void gateway_settle(struct gateway *gateway, uint64_t now_ms);

/* Callbacks; `ctx` is the gateway. */
extern const struct lwm2m_server_callbacks gateway_server_callbacks;
extern const struct mqtt_callbacks gateway_broker_callbacks;
extern const struct backlog_settings gateway_backlog_callbacks; /* without bounds */
extern const struct loop_callbacks gateway_loop_callbacks;
extern const struct secure_listeners_settings gateway_secure_callbacks; /* nothing but callbacks */
uint64_t gateway_wall_ms(void *ctx);
bool gateway_names(void *ctx, const struct lwm2m_device *device, uint16_t object, uint16_t resource,
                   const char **name, const char **units);
