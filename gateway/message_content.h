/*
 * The content of uplink messages: what a device sent, value by value. Private to message*.c.
 */
#pragma once

#include "gateway/message.h"

/** Whether a code means success. */
bool message_is_success(uint8_t code);

/**
 * Appends the members that tell what the device sent: `,"content":[…]`, `,"location":"…"`,
 * `,"reason":"…"`, whichever there are.
 *
 * @param path  where the value of an undecodable body is; NULL for a Send
 */
void message_write_content(struct lwm2m_buffer *buffer, const struct message_context *context,
                           const struct lwm2m_event *event, const char *path);
