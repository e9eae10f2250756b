/*
 * The thread that calls into paho, so that the loop never waits for paho's lock, for name
 * resolution, or for a TLS handshake.
 */
#ifndef MQTT_WORKER_H
#define MQTT_WORKER_H

struct mqtt_link;

/* Starts the worker of a link. It ends after MQTT_REQUEST_EXIT. @return 0, -EAGAIN */
[[nodiscard]] int mqtt_worker_start(struct mqtt_link *link);

#endif
