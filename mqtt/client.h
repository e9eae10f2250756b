/*
 * One paho client for one attempt at one broker: connects, subscribes, publishes `online`, and is
 * thrown away when the connection ends. Paho could resume by itself; then its queue, its
 * unconfirmed messages and ours would both be sent, and it keeps them for as long as the broker is
 * away.
 *
 * Called by the worker thread only. Its callbacks come on paho's threads and report to the link.
 * This file and properties.c are the only ones that know paho.
 */
#ifndef MQTT_CLIENT_H
#define MQTT_CLIENT_H

#include <stddef.h>

struct mqtt_client;
struct mqtt_link;
struct mqtt_slot;

/* Paho ends its threads (which takes it a second) with its last client; one that never connects
 * keeps them running between attempts. NULL when there is no memory: then it is merely slower. */
void *mqtt_client_hold_library(void);
void mqtt_client_release_library(void *hold);

/**
 * Begins an attempt. mqtt_link_up or mqtt_link_lost follows, and later mqtt_link_lost.
 *
 * @param[out] client  set on failure, too, when there is something to free
 * @param[out] reason  on failure
 * @return 0, -EINVAL, -ENOMEM, -EIO
 */
[[nodiscard]] int mqtt_client_new(struct mqtt_link *link, const char *broker,
                                  struct mqtt_client **client, char *reason, size_t reason_size);

/* Disconnects (cleanly, when nothing stands in the way) and frees. Accepts NULL. Outstanding
 * publishes may be confirmed as failed by this; none is confirmed afterwards. */
void mqtt_client_free(struct mqtt_client *client);

/* Hands a publish to paho; mqtt_link_confirm follows unless it fails.
 * @return 0, -ENOTCONN, -EINVAL, -EMSGSIZE (more than the broker takes), -ENOMEM, -EIO */
[[nodiscard]] int mqtt_client_publish(struct mqtt_client *client, struct mqtt_slot *slot);

/* mqtt_link_offline_sent follows unless it fails. @return as mqtt_client_publish */
[[nodiscard]] int mqtt_client_publish_offline(struct mqtt_client *client);

/* Wakes paho's sending thread. Its condition variable has no predicate: a signal that comes while
 * it is about to wait is lost, and it sleeps for up to a second on a full queue (seen in 1.3.12,
 * some 1 in 2000 bursts). A connect on a connected client does nothing but signal. */
void mqtt_client_nudge(struct mqtt_client *client);

/* Sends a packet that the broker answers (UNSUBSCRIBE from a filter that nobody has), so that
 * paho's receiving thread does not fall asleep, see heartbeat_ms. MQTT's own ping comes too late
 * for that. */
void mqtt_client_heartbeat(struct mqtt_client *client);

#endif
