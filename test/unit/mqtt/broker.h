/*
 * A real mosquitto on a loopback port of its own, and a connection under test with what its
 * callbacks reported: the fixture of test_connection.c.
 */
#ifndef TEST_MQTT_BROKER_H
#define TEST_MQTT_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mqtt/connection.h"

enum { TEXT_MAX = 256, RECEIVED_MAX = 64 };

struct broker {
    char directory[64];
    unsigned port;
    pid_t pid;
    char uri[64];
};

/* Makes a directory and picks a port; `settings` are further lines of its configuration, in which
 * %s stands for the directory. Skips the test when there is no mosquitto. */
void broker_prepare(struct broker *broker, const char *settings);
/* Starts it and waits until it listens. */
void broker_start(struct broker *broker);
void broker_stop(struct broker *broker, int signal);
/* Stops it and removes its directory. */
void broker_end(struct broker *broker);

struct received {
    char topic[TEXT_MAX], payload[TEXT_MAX], response_topic[TEXT_MAX], correlation[TEXT_MAX];
    char content_type[TEXT_MAX], key[TEXT_MAX], value[TEXT_MAX];
    size_t payload_len, user_properties;
    bool retain, duplicate, has_expiry;
    uint32_t expiry_s;
    uint8_t qos;
};

struct client {
    struct mqtt_connection *connection;
    int wake_fd;
    unsigned connected, disconnected, failed, refusals;
    bool session_present;
    char broker[TEXT_MAX], reason[TEXT_MAX], refused[TEXT_MAX];
    struct received received[RECEIVED_MAX]; /* the first ones */
    size_t received_count, offered;
    int refuse;            /* so many messages are not taken */
    const char *answer_to; /* publish an answer for each message here */
    uint8_t *reported;     /* by id: how often `published` came */
    size_t reported_size;
    size_t confirmed, lost; /* published with 0, with -ENOTCONN */
    int last_status;
    void (*on_offer)(void);
};

/* Settings that suit a test; the caller changes what it likes. */
struct mqtt_settings client_settings(const char *const *uri, const char *client_id);
void client_start(struct client *client, const struct mqtt_settings *settings);
/* Closes in an orderly way and frees. */
void client_end(struct client *client);

/* Dispatches both clients (either may be NULL) until `done` says so; fails after 20 s. */
void run_until(struct client *a, struct client *b, bool (*done)(struct client *, struct client *),
               const char *what);
uint64_t now_ms(void);

#endif
