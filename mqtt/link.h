/*
 * What the loop thread, the worker thread and paho's threads share: one mutex, the inbox, the
 * outbox, and the requests to the worker. The worker makes and ends paho clients and hands
 * publishes to them; paho's callbacks (client.c) report here. Knows no time: the loop's side
 * (connection.c) decides when what is done.
 *
 * Lock order: paho's lock, then ours. So nobody calls into paho while holding ours.
 */
#ifndef MQTT_LINK_H
#define MQTT_LINK_H

#include <pthread.h>

#include "mqtt/connection.h"
#include "mqtt/inbox.h"
#include "mqtt/outbox.h"

enum {
    MQTT_REASON_MAX = 256,
    MQTT_LINK_BATCH = 32, /* publishes handed to paho between two looks at the requests */
};

enum mqtt_request {
    MQTT_REQUEST_CONNECT = 1,   /* to `broker`; one DOWN follows, sooner or later */
    MQTT_REQUEST_OFFLINE = 2,   /* publish `offline`; OFFLINE_SENT follows */
    MQTT_REQUEST_NUDGE = 4,     /* wake paho's sending thread, see mqtt_client_nudge */
    MQTT_REQUEST_HEARTBEAT = 8, /* see mqtt_client_heartbeat */
    MQTT_REQUEST_EXIT = 16,
};

/* What a broker announced with its CONNACK; the defaults when it said nothing. */
struct mqtt_limits {
    bool session_present;
    size_t receive_maximum; /* 65535 */
    uint32_t round_trip_us; /* to the broker and back, as TCP sees it; 0: not known */
};

struct mqtt_link {
    struct mqtt_settings *settings; /* owned */
    void (*wake)(void *ctx);
    void *ctx;
    pthread_t worker;
    int socket; /* of the connection, -1 before it; for paho's callbacks while it lasts */

    pthread_mutex_t lock; /* everything below */
    pthread_cond_t work;  /* the worker waits for something to do */
    pthread_cond_t taken; /* paho's receiving thread waits for the loop */
    pthread_cond_t ended; /* free waits for the worker's end, or for a thread that cannot go on */
    struct mqtt_inbox inbox;
    struct mqtt_outbox outbox;
    unsigned requests; /* mqtt_request bits */
    size_t broker;
    size_t window;   /* publishes that may be with paho */
    size_t in_hand;  /* messages received and not taken */
    unsigned parked; /* threads waiting for `taken` */
    bool active;     /* between CONNECT and DOWN */
    bool accepting;  /* connected */
    bool lost;       /* the worker has to end the client; `cause` says why */
    bool starved;    /* the worker waits for the window to open */
    bool woken;      /* the loop was woken and has not taken the events yet */
    bool finished;   /* the worker has ended */
    char cause[MQTT_REASON_MAX];
    char reason[MQTT_REASON_MAX]; /* of the last DOWN event; changed only before the next one */
};

/* @param settings  taken on success. @return 0, -ENOMEM, -EAGAIN */
[[nodiscard]] int mqtt_link_new(struct mqtt_settings *settings, void (*wake)(void *), void *ctx,
                                struct mqtt_link **link);
void mqtt_link_free(struct mqtt_link *link);

/* Loop thread. */
void mqtt_link_request(struct mqtt_link *link, enum mqtt_request request);
void mqtt_link_connect(struct mqtt_link *link, size_t broker);
/* Queues; the worker is told at the next flush, or when a batch is full.
 * @return 0, -EAGAIN, -ENOTCONN, -ENOMEM */
[[nodiscard]] int mqtt_link_publish(struct mqtt_link *link, const struct mqtt_message *message,
                                    uint64_t id);
void mqtt_link_flush(struct mqtt_link *link);
size_t mqtt_link_take_events(struct mqtt_link *link, const struct mqtt_event **batch);
void mqtt_link_message_taken(struct mqtt_link *link, struct mqtt_incoming *incoming);

/* Any thread: the connection is or shall be at its end. The first cause counts. */
void mqtt_link_lost(struct mqtt_link *link, const char *cause);

/* Paho's threads and the worker. */
/* Queues an event for the loop and wakes it. */
void mqtt_link_push(struct mqtt_link *link, struct mqtt_event event);
void mqtt_link_up(struct mqtt_link *link, const struct mqtt_limits *limits);
void mqtt_link_refused(struct mqtt_link *link, size_t filter, int reason_code);
void mqtt_link_offline_sent(struct mqtt_link *link);
/* Reports what became of a publish. @return whether nothing waits to be sent */
bool mqtt_link_confirm(struct mqtt_link *link, struct mqtt_slot *slot, int status);
/* Returns when the message may be acknowledged. `message` is borrowed meanwhile. */
void mqtt_link_deliver(struct mqtt_link *link, const struct mqtt_message *message);

#endif
