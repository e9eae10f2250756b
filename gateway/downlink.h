/*
 * The way down: a message of the command topic becomes a request to a device, and what becomes of
 * the request finds its way back to who asked. Owns the commands that wait or are under way.
 */
#pragma once

#include "gateway/command_journal.h"
#include "gateway/definitions.h"
#include "gateway/uplink.h"

#include "mqtt/message.h"

struct downlink;
struct mqtt_topic;

struct downlink_settings {
    struct lwm2m_server *server;
    struct uplink *uplink;
    const struct definitions *definitions;
    struct log *log;
    const struct mqtt_topic *topic;  /* template of the command topic */
    struct command_journal *journal; /* NULL: nothing is remembered */
    bool report_queued;              /* publish that a command waits for a sleeping device */
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* the clock of the server */
};

/** @return NULL when memory is short */
struct downlink *downlink_new(const struct downlink_settings *settings);

/** Forgets all commands; only after the server is freed. Accepts NULL. */
void downlink_free(struct downlink *downlink);

/** Carries a command out, or answers why not. */
void downlink_message(struct downlink *downlink, const struct mqtt_message *message);

/**
 * A command out of the store, at the start and in their order: carried out as if it had just come,
 * or ended with the final message that it still owes.
 *
 * @return whether it waits or is under way now
 */
bool downlink_restore(struct downlink *downlink, const struct store_command *row);

/** Writes all commands: the store lost what it had. */
void downlink_write_all(struct downlink *downlink);

/** Observes a path on the gateway's own account. */
void downlink_observe(struct downlink *downlink, struct lwm2m_device *device,
                      const struct lwm2m_path *path);

/** A request is about to be sent. */
void downlink_sent(struct downlink *downlink, const struct lwm2m_request *request);

/** Events of requests: ACKNOWLEDGED … DROPPED. */
void downlink_event(struct downlink *downlink, const struct lwm2m_event *event);

/** Commands that a device is expected to answer soon: not those that wait for one to wake up. */
size_t downlink_under_way(const struct downlink *downlink);

/** The context of an observation: members that its notifications send back; terminated. */
const struct command_text *downlink_echo(const struct lwm2m_observation *observation);

/** Such a context for an observation that comes back; `echo` may be NULL. @return 0 or -ENOMEM */
[[nodiscard]] int downlink_echo_new(const char *echo, bool automatic, void **context);
void downlink_echo_free(void *observation_context);
