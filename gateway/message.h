/*
 * Uplink messages: an event of the LwM2M server in, its JSON text out (protocol.md, 2). Pure
 * functions that append to a buffer; nothing is allocated but what the buffer itself takes.
 */
#pragma once

#include "gateway/command.h"

/** Names of a resource for `mqtt.content_names`; false when it has no definition. */
typedef bool message_names(void *ctx, const struct lwm2m_device *device, uint16_t object,
                           uint16_t resource, const char **name, const char **units);

struct message_context {
    uint64_t ts_ms;       /* when the gateway received what it reports, ms since the epoch */
    message_names *names; /* NULL: content carries no names */
    void *names_ctx;
};

/** `register`, `update` or `deregister`, by the type of the event. */
void message_write_registration(struct lwm2m_buffer *buffer, const struct message_context *context,
                                const struct lwm2m_event *event);

/**
 * `notify` or `send`, by the type of the event.
 *
 * @param echo  members of the observe command that are sent back; may be empty
 */
void message_write_report(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const struct lwm2m_event *event, const struct command_text *echo);

/** The device's answer to a command. */
void message_write_answer(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const struct lwm2m_event *event, const struct command *command);

/**
 * What became of a command that has no answer: `ack`, `coap_timeout`, `coap_reset`, `expired`,
 * `dropped`, `queued`. Repeats the command's members and data.
 *
 * @param reason  goes into data; "" for none
 */
void message_write_state(struct lwm2m_buffer *buffer, const struct message_context *context,
                         const char *endpoint, const struct command *command, const char *msg_type,
                         const char *reason);

/**
 * The gateway's own answer to a command that it carried out itself.
 *
 * @param members  of data, behind the code: `,"content":[]`; may be empty
 */
void message_write_result(struct lwm2m_buffer *buffer, const struct message_context *context,
                          const char *endpoint, const struct command *command, uint8_t code,
                          const struct command_text *members);

/** The gateway's own answer to a command that it cannot carry out. */
void message_write_refusal(struct lwm2m_buffer *buffer, const struct message_context *context,
                           const char *endpoint, const struct command *command,
                           const struct command_refusal *refusal);
