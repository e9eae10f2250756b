/*
 * The other side of the gateway: a client of the MQTT broker that sends commands, receives what
 * is published, and reads how many messages the broker got. MQTT 3.1.1 at QoS 0 by hand, in the
 * load generator's one loop: a client library's threads would show in the delays that are measured.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct broker;

/** Topic and payload are terminated, valid for the call, and without NUL within. */
typedef void broker_receiver(void *ctx, const char *topic, const char *payload);

/** Connects to 127.0.0.1:port, waiting. @return 0 or a negative errno */
[[nodiscard]] int broker_connect(uint16_t port, const char *client_id, struct broker **broker);
void broker_free(struct broker *broker);
int broker_fd(const struct broker *broker);

void broker_subscribe(struct broker *broker, const char *filter);
void broker_publish(struct broker *broker, const char *topic, const char *payload);

/** Sends what the calls above queued. @return 0, or -EPIPE when the connection is gone */
[[nodiscard]] int broker_flush(struct broker *broker);

/** Hands over what has come. @return 0, or -EPIPE when the connection is gone */
[[nodiscard]] int broker_receive(struct broker *broker, broker_receiver *receiver, void *ctx);
