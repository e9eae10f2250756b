/*
 * The connection to the MQTT broker: keeps itself up, publishes with confirmation, hands over what
 * it receives. Built on paho.mqtt.c (MQTTAsync), which no caller gets to see.
 *
 * Threads. The caller's loop thread calls everything here and gets every callback, always from
 * mqtt_connection_dispatch; `wake` alone is called from other threads. All calls into paho are made
 * by one worker thread, because paho does name resolution, TLS and writes under one lock and the
 * loop must not wait for those. Paho's threads and the worker push events into one queue, and share
 * one processor (processor.h).
 *
 * What a publish goes through: copied into one of `max_unconfirmed` slots -> queue -> worker ->
 * paho (at most `window` at a time) -> broker -> confirmation -> `published`. When the connection
 * is lost, the paho client is thrown away with all its state and every unconfirmed publish is
 * reported with -ENOTCONN: the caller publishes it again. So nothing is lost, some things arrive
 * twice, and nothing grows. (For QoS 2 that makes it "at least once" across a reconnect.)
 *
 * When a received message is acknowledged. Paho sends PUBACK (QoS 2: PUBREC) as soon as its
 * messageArrived callback returns, whatever that returns: returning 0 keeps the message in paho's
 * memory, acknowledged already (MQTTProtocolClient.c, MQTTProtocol_handlePublishes; 1.3.12
 * to 1.3.15). The one way to acknowledge later is to return later. With `acknowledge_when_taken`
 * that is what happens: paho's receiving thread waits until `message` has returned 0. Meanwhile
 * paho, which holds its lock, sends nothing, so take messages fast (store, do not sync a disk for
 * each). A message that was not taken is offered again; if the process dies first, it was not
 * acknowledged and a broker that keeps the session sends it again. Without the option a message is
 * acknowledged once it is in the queue; then up to `max_inbox` of them are lost with the process.
 */
#ifndef MQTT_CONNECTION_H
#define MQTT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mqtt/message.h"

struct mqtt_connection;

struct mqtt_subscription {
    const char *filter;
    uint8_t qos;
};

/* All of it is copied by mqtt_connection_new. */
struct mqtt_settings {
    const char *const *brokers; /* tried in this order: mqtt://host:port, mqtts:// for TLS; also
                                   tcp, ssl, ws, wss. IPv6 in brackets. Port 1883 or 8883 if none */
    size_t broker_count;        /* at least 1 */
    unsigned version;           /* 5, or 4 for 3.1.1 */
    const char *client_id;
    const char *username; /* NULL: none */
    const char *password; /* NULL: none */
    struct {
        const char *ca_file;   /* PEM; NULL: what the system trusts */
        const char *cert_file; /* PEM; NULL: no client certificate */
        const char *key_file;  /* PEM */
        bool verify;           /* the broker's certificate and its name */
    } tls;                     /* used by mqtts, ssl and wss only */
    uint16_t keepalive_s;
    bool clean_start; /* true: no persistent session */
    uint32_t
        session_expiry_s; /* MQTT 5: how long the broker keeps the session; UINT32_MAX: for ever */
    struct {
        const char *topic; /* NULL: neither last will nor status */
        const char *online;
        const char *offline; /* the last will, also published by mqtt_connection_close */
        uint8_t qos;
        bool retain;
    } status;
    const struct mqtt_subscription *subscriptions; /* made anew after every connect */
    size_t subscription_count;
    size_t max_unconfirmed; /* 1 to 60000: publishes accepted and not yet reported */
    size_t window;          /* of these, handed to paho at a time; 0: as the round trip to the
                               broker wants it, see window.h. A broker's Receive Maximum lowers
                               it. */
    size_t max_inbox;       /* at least 1: messages received and not yet taken; then paho waits */
    uint32_t max_message_bytes;  /* MQTT 5 Maximum Packet Size that we announce; 0: no limit */
    bool acknowledge_when_taken; /* see above; QoS 1 and 2 */
    uint32_t
        reconnect_min_ms; /* back-off: doubles from min to max, each with jitter down to half */
    uint32_t reconnect_max_ms;
    uint32_t connect_timeout_ms; /* for one broker, from name resolution to SUBACK; at least 2000:
                                    paho looks at a new socket up to 1.1 s late */
    uint32_t heartbeat_ms; /* a small packet when nothing was heard for so long; 0: none. Below
                              1000 it saves commands on a quiet connection up to 100 ms: after
                              a silence of 1 s paho's receiving thread sleeps 100 ms blindly. */
    uint64_t jitter_seed;
};

/* All but `wake` are called on the loop thread, by mqtt_connection_dispatch. They may publish and
 * close, but neither dispatch nor free. `refused` may be NULL. */
struct mqtt_callbacks {
    void *ctx;

    /* From any thread: make the loop call mqtt_connection_dispatch soon. Must not block. */
    void (*wake)(void *ctx);

    /* Subscribed, and `online` published: publishes are accepted from now on. Messages that the
     * broker kept for us may have come before. */
    void (*connected)(void *ctx, const char *broker, bool session_present);

    /* A connection was lost (`was_connected`) or could not be made; every unconfirmed publish was
     * reported before. `reason` is one line of English. The next attempt comes by itself. */
    void (*disconnected)(void *ctx, const char *broker, bool was_connected, const char *reason);

    /* The broker refused a subscription; the connection stays up. */
    void (*refused)(void *ctx, const char *filter, const char *reason);

    /* A message came. 0: taken. Negative: not taken now; it is offered again at a later dispatch
     * (after 50 ms at the latest), nothing behind it is delivered before. `message` and all it
     * points to are borrowed for the call. */
    int (*message)(void *ctx, const struct mqtt_message *message);

    /* Exactly once for each accepted publish; several are reported at a time. 0: confirmed by the
     * broker (QoS 0: written to the socket). -ENOTCONN: the connection was lost first, publish
     * again. Otherwise the broker or paho refused this message for good: -EACCES, -EMSGSIZE,
     * -EDQUOT, -EINVAL, -EREMOTEIO (other reason codes), -ENOMEM, -EIO. */
    void (*published)(void *ctx, uint64_t id, int status);
};

/**
 * Starts connecting in the background with the first dispatch. Everything borrowed for the call.
 * Paho ignores SIGPIPE for the whole process.
 *
 * @return 0, -EINVAL (a setting makes no sense), -ENOMEM, -EAGAIN (no thread to be had)
 */
[[nodiscard]] int mqtt_connection_new(const struct mqtt_settings *settings,
                                      const struct mqtt_callbacks *callbacks,
                                      struct mqtt_connection **connection);

/**
 * Publishes a message; copied before the call returns. `id` is the caller's and comes back in
 * `published`. Publishes of one connection keep their order.
 *
 * @return 0, -EAGAIN (max_unconfirmed reached: wait for `published`), -ENOTCONN, -EINVAL (QoS above
 *         2, no topic, a property too long), -ENOMEM; after a failure `published` does not come
 */
[[nodiscard]] int mqtt_connection_publish(struct mqtt_connection *connection,
                                          const struct mqtt_message *message, uint64_t id);

/* Sends off what was published since the last dispatch or flush. Call it once when a turn of the
 * loop is done: waking a thread costs more than a publish, so that is not done for each. Without it
 * they wait for a full batch (32), for the next dispatch, or for 2 ms. */
void mqtt_connection_flush(struct mqtt_connection *connection);

/* Publishes accepted and not yet reported. */
size_t mqtt_connection_unconfirmed(const struct mqtt_connection *connection);

/* Delivers what came since the last time and does what is due. After `wake` and at the deadline. */
void mqtt_connection_dispatch(struct mqtt_connection *connection, uint64_t now_ms);

/* When dispatch has something to do next, on the clock of `now_ms`; UINT64_MAX: only after `wake`.
 */
uint64_t mqtt_connection_next_deadline(const struct mqtt_connection *connection);

/**
 * Starts an orderly end: nothing more is accepted, unconfirmed publishes are waited for, `offline`
 * is published, the connection closed. Keep dispatching until mqtt_connection_is_closed, which is
 * true at `deadline_ms` at the latest.
 */
void mqtt_connection_close(struct mqtt_connection *connection, uint64_t now_ms,
                           uint64_t deadline_ms);

bool mqtt_connection_is_closed(const struct mqtt_connection *connection);

/**
 * Accepts NULL. Without a finished close the broker may see a clean disconnect and no `offline`,
 * and unconfirmed publishes are not reported. Takes up to about a second (paho's threads end),
 * longer when a name is being resolved. When a received message waits to be taken, paho's thread is
 * left waiting with all that it needs: ending it would acknowledge a message that nobody has.
 */
void mqtt_connection_free(struct mqtt_connection *connection);

#endif
