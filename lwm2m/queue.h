/*
 * The requests of one device, one at a time (NSTART 1, RFC 7252, 4.7): the head is under way, the
 * others wait behind it. A device in queue mode (Core TS 6.5 of the Transport TS) is sent to only
 * while it is awake; a request that it does not answer goes back to the head and waits for the
 * next message of the device, so often as settings.queue_attempts says.
 */
#pragma once

#include "lwm2m/internal.h"

/** Adds a request. @return 0 or -ENOSPC */
[[nodiscard]] int lwm2m_queue_add(struct lwm2m_server *server, struct lwm2m_device *device,
                                  struct lwm2m_request *request);

/** The exchange of the head is over; the head may go out once more. */
void lwm2m_queue_idle(struct lwm2m_device *device);

/** Has the device's queue looked at when the outermost call ends. */
void lwm2m_queue_touch(struct lwm2m_server *server, struct lwm2m_device *device);

/** Sends what may be sent, for all devices that were touched. */
void lwm2m_queues_flush(struct lwm2m_server *server);

/**
 * The request is over: takes it out of the queue and raises its final event (a renewal's goes to
 * observation.c). `event` may be of any final type; its request and device are filled in here.
 */
void lwm2m_queue_finish(struct lwm2m_server *server, struct lwm2m_request *request,
                        struct lwm2m_event *event);

/** The device did not answer the head: it goes back to wait if the device is in queue mode. */
void lwm2m_queue_unanswered(struct lwm2m_server *server, struct lwm2m_request *request);

/** Takes a request that is not under way out of the queue, without an event. */
void lwm2m_queue_withdraw(struct lwm2m_server *server, struct lwm2m_request *request);

/** As lwm2m_server_clear_queue(). */
size_t lwm2m_queue_clear(struct lwm2m_server *server, struct lwm2m_device *device,
                         const char *reason);

/** Ends all requests of a device as DROPPED; the exchange under way is given up. */
void lwm2m_queue_drop(struct lwm2m_server *server, struct lwm2m_device *device, const char *reason);
