/*
 * Commands that the gateway answers at once by itself: what waits for a device, what is observed on
 * it, and an end to either. They never go to the device and never wait for it.
 */
#pragma once

#include "gateway/command.h"

struct lwm2m_buffer;

/**
 * Appends what is in the queue of a device: `,"content":[{"msgType":"read",…},…]`.
 *
 * The context of every request of the device is its command.
 */
void administration_write_queue(struct lwm2m_buffer *buffer, const struct lwm2m_device *device,
                                uint64_t now_ms);

/** Appends what is observed on a device: `,"content":[{"path":"/3/0",…},…]`. */
void administration_write_observations(struct lwm2m_buffer *buffer,
                                       const struct lwm2m_device *device, uint64_t now_ms);

struct uplink;

/**
 * Carries a command out and answers it. The device may be gone afterwards.
 *
 * @param command  its action is none of COMMAND_REQUEST; stays the caller's
 */
void administration_carry_out(struct lwm2m_server *server, struct uplink *uplink,
                              struct lwm2m_device *device, const struct command *command,
                              uint64_t now_ms);
