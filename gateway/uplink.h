/*
 * The way up: an event becomes JSON, gets its topic and goes into the backlog. One buffer for the
 * text and one for the topic are used again for every message.
 */
#pragma once

#include "gateway/backlog.h"
#include "gateway/log.h"
#include "gateway/message.h"

#include "config/config.h"

struct uplink;

struct uplink_settings {
    const struct config *config; /* borrowed while the uplink lives */
    struct log *log;
    struct backlog *backlog;
    void *ctx;
    uint64_t (*wall_ms)(void *ctx); /* ms since the epoch */
    message_names *names;           /* gets `ctx`; used only with mqtt.content_names */
};

/**
 * Compiles the topics.
 *
 * @param[out] reason  on -EINVAL what is wrong with a topic; static
 * @return 0, -EINVAL, -ENOMEM
 */
[[nodiscard]] int uplink_new(const struct uplink_settings *settings, struct uplink **uplink,
                             const char **reason);
void uplink_free(struct uplink *uplink);

/** REGISTERED, UPDATED (as lwm2m.update_publish says), DEREGISTERED. */
void uplink_registration(struct uplink *uplink, const struct lwm2m_event *event);

/**
 * NOTIFICATION, SEND.
 *
 * @param echo  members of the observe command; may be empty
 * @return whether it was kept; its receipt is settled by the backlog then
 */
bool uplink_report(struct uplink *uplink, const struct lwm2m_event *event,
                   const struct command_text *echo);

/** RESPONSE to a command. */
void uplink_answer(struct uplink *uplink, const struct lwm2m_event *event,
                   const struct command *command);

/** What became of a command without an answer; see message_write_state(). */
void uplink_state(struct uplink *uplink, const struct lwm2m_device *device,
                  const struct command *command, const char *msg_type, const char *reason);

/** A command that the gateway carried out itself; see message_write_result(). */
void uplink_result(struct uplink *uplink, const struct lwm2m_device *device,
                   const struct command *command, uint8_t code, const struct command_text *members);

/** `dropped` for a command whose device is not registered any more. */
void uplink_orphan(struct uplink *uplink, const char *endpoint, const struct command *command,
                   const char *reason);

/** A command that is not carried out; `device` is NULL when none is registered. */
void uplink_refusal(struct uplink *uplink, const char *endpoint, const struct lwm2m_device *device,
                    const struct command *command, const struct command_refusal *refusal);

/** Messages that found no room, since the start. */
uint64_t uplink_dropped(const struct uplink *uplink);
