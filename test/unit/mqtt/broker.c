/* Starts and stops mosquitto, runs connections, waits with poll and a time limit. */
#include "broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

enum { LIMIT_MS = 20000, CONFIG_MAX = 2048 };

/* Paho itself forgets some 140 bytes now and then when it ends and starts again. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpaho-mqtt3as";
}

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

void broker_prepare(struct broker *broker, const char *settings)
{
    if (access("/usr/sbin/mosquitto", X_OK) != 0) {
        skip();
    }
    *broker = (struct broker){ .directory = "/tmp/lwm2mqtt-test-XXXXXX", .port = free_port() };
    assert_non_null(mkdtemp(broker->directory));
    chmod(broker->directory, 0755);
    snprintf(broker->uri, sizeof(broker->uri), "mqtt://127.0.0.1:%u", broker->port);
    char path[TEXT_MAX];
    snprintf(path, sizeof(path), "%s/mosquitto.conf", broker->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    /* "user root": a change of user would undo the death signal below. */
    fprintf(file, "listener %u 127.0.0.1\nuser root\nmax_queued_messages 0\nlog_type none\n",
            broker->port);
    for (const char *at = settings; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            fputs(broker->directory, file);
            at++;
        } else {
            fputc(*at, file);
        }
    }
    fclose(file);
}

static bool listens(const struct broker *broker)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)broker->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int err = connect(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
    return err == 0;
}

void broker_start(struct broker *broker)
{
    char path[TEXT_MAX];
    snprintf(path, sizeof(path), "%s/mosquitto.conf", broker->directory);
    /* It must not outlive a test that crashes. */
    char *argv[] = { (char[]){ "setpriv" },
                     (char[]){ "--pdeathsig" },
                     (char[]){ "KILL" },
                     (char[]){ "/usr/sbin/mosquitto" },
                     (char[]){ "-c" },
                     path,
                     NULL };
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawnp(&broker->pid, "setpriv", &files, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    uint64_t until = now_ms() + LIMIT_MS;
    while (!listens(broker)) {
        assert_true(now_ms() < until);
        assert_int_equal(waitpid(broker->pid, NULL, WNOHANG), 0);
        poll(NULL, 0, 5);
    }
}

void broker_stop(struct broker *broker, int sig)
{
    if (broker->pid > 0) {
        kill(broker->pid, sig);
        waitpid(broker->pid, NULL, 0);
        broker->pid = 0;
    }
}

void broker_end(struct broker *broker)
{
    broker_stop(broker, SIGKILL);
    char command[TEXT_MAX];
    snprintf(command, sizeof(command), "rm -r %s", broker->directory);
    assert_int_equal(system(command), 0);
}

/* ---- the connection under test ---- */

static void wake(void *ctx)
{
    struct client *client = ctx;
    uint64_t one = 1;
    assert_int_equal(write(client->wake_fd, &one, sizeof(one)), sizeof(one));
}

static void connected(void *ctx, const char *broker, bool session_present)
{
    struct client *client = ctx;
    client->connected++;
    client->session_present = session_present;
    snprintf(client->broker, sizeof(client->broker), "%s", broker);
}

static void disconnected(void *ctx, const char *broker, bool was_connected, const char *reason)
{
    struct client *client = ctx;
    client->disconnected += was_connected;
    client->failed += !was_connected;
    snprintf(client->broker, sizeof(client->broker), "%s", broker);
    snprintf(client->reason, sizeof(client->reason), "%s", reason);
}

static void refused(void *ctx, const char *filter, const char *reason)
{
    struct client *client = ctx;
    client->refusals++;
    snprintf(client->refused, sizeof(client->refused), "%s: %s", filter, reason);
}

static void keep(char *to, struct mqtt_bytes from)
{
    snprintf(to, TEXT_MAX, "%.*s", (int)from.len, from.data ? from.data : "");
}

static void answer(struct client *client, const struct mqtt_message *message)
{
    struct mqtt_message out = { .topic = client->answer_to, .payload = message->payload, .qos = 1 };
    assert_int_equal(mqtt_connection_publish(client->connection, &out, client->received_count), 0);
}

static int message(void *ctx, const struct mqtt_message *from)
{
    struct client *client = ctx;
    client->offered++;
    if (client->on_offer) {
        client->on_offer();
    }
    if (client->refuse > 0) {
        client->refuse--;
        return -EAGAIN;
    }
    if (client->received_count < RECEIVED_MAX) {
        struct received *to = &client->received[client->received_count];
        snprintf(to->topic, sizeof(to->topic), "%s", from->topic);
        keep(to->payload, from->payload);
        keep(to->response_topic, from->response_topic);
        keep(to->correlation, from->correlation);
        keep(to->content_type, from->content_type);
        to->payload_len = from->payload.len;
        to->user_properties = from->user_property_count;
        if (from->user_property_count > 0) {
            keep(to->key, from->user_properties[0].key);
            keep(to->value, from->user_properties[0].value);
        }
        to->retain = from->retain;
        to->duplicate = from->duplicate;
        to->has_expiry = from->has_expiry;
        to->expiry_s = from->expiry_s;
        to->qos = from->qos;
    }
    client->received_count++;
    if (client->answer_to) {
        answer(client, from);
    }
    return 0;
}

static void published(void *ctx, uint64_t id, int status)
{
    struct client *client = ctx;
    if (client->reported) {
        assert_true(id < client->reported_size);
        client->reported[id]++;
    }
    client->confirmed += status == 0;
    client->lost += status == -ENOTCONN;
    client->last_status = status;
}

struct mqtt_settings client_settings(const char *const *uri, const char *client_id)
{
    return (struct mqtt_settings){ .brokers = uri,
                                   .broker_count = 1,
                                   .version = 5,
                                   .client_id = client_id,
                                   .keepalive_s = 60,
                                   .clean_start = true,
                                   .max_unconfirmed = 1000,
                                   .max_inbox = 100,
                                   .reconnect_min_ms = 20,
                                   .reconnect_max_ms = 200,
                                   .connect_timeout_ms = 5000,
                                   .jitter_seed = 42 };
}

void client_start(struct client *client, const struct mqtt_settings *settings)
{
    client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const struct mqtt_callbacks callbacks = { .ctx = client,
                                              .wake = wake,
                                              .connected = connected,
                                              .disconnected = disconnected,
                                              .refused = refused,
                                              .message = message,
                                              .published = published };
    assert_int_equal(mqtt_connection_new(settings, &callbacks, &client->connection), 0);
}

static bool is_closed(struct client *a, struct client *b)
{
    (void)b;
    return mqtt_connection_is_closed(a->connection);
}

void client_end(struct client *client)
{
    uint64_t now = now_ms();
    mqtt_connection_close(client->connection, now, now + LIMIT_MS / 4);
    run_until(client, NULL, is_closed, "closed");
    mqtt_connection_free(client->connection);
    close(client->wake_fd);
    client->connection = NULL;
}

static int wait_time(struct client *client, int most)
{
    uint64_t at = client ? mqtt_connection_next_deadline(client->connection) : UINT64_MAX;
    uint64_t now = now_ms();
    if (at <= now) {
        return 0;
    }
    return at - now < (uint64_t)most ? (int)(at - now) : most;
}

void run_until(struct client *a, struct client *b, bool (*done)(struct client *, struct client *),
               const char *what)
{
    uint64_t until = now_ms() + LIMIT_MS;
    struct client *clients[] = { a, b };
    for (;;) {
        struct pollfd fds[2] = { { .fd = -1 }, { .fd = -1 } };
        int timeout = 1000;
        for (size_t i = 0; i < 2; i++) {
            if (clients[i]) {
                uint64_t count;
                (void)!read(clients[i]->wake_fd, &count, sizeof(count));
                mqtt_connection_dispatch(clients[i]->connection, now_ms());
                fds[i] = (struct pollfd){ .fd = clients[i]->wake_fd, .events = POLLIN };
                timeout = wait_time(clients[i], timeout);
            }
        }
        if (done(a, b)) {
            return;
        }
        if (now_ms() > until) {
            fail_msg("timed out waiting for: %s (%s)", what, a->reason);
        }
        poll(fds, 2, timeout);
    }
}
