/* The broker of bench-guard: what mqtt/worker.c and paho do, whose threads are not ours to count.
 * Its mqtt_worker_start() keeps them out of the program. */
#include "test/bench/guard.h"

#include "mqtt/link.h"
#include "mqtt/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned take_requests(struct mqtt_link *link)
{
    pthread_mutex_lock(&link->lock);
    unsigned requests = link->requests;
    link->requests = 0;
    pthread_mutex_unlock(&link->lock);
    return requests;
}

/* Nothing is under way: the step before this one is done. */
static void go_away(struct mqtt_link *link)
{
    pthread_mutex_lock(&link->lock);
    link->accepting = link->active = false;
    pthread_mutex_unlock(&link->lock);
    mqtt_link_push(link, (struct mqtt_event){ .kind = MQTT_EVENT_DOWN });
}

/* Nothing that the devices say is to be published as bytes that could not be decoded. */
static void check_publish(const struct mqtt_bytes *payload)
{
    static const char undecoded[] = "\"encoding\"";
    if (memmem(payload->data, payload->len, undecoded, sizeof(undecoded) - 1) != NULL) {
        guard_give_up("a payload was not decoded");
    }
    guard_world.published++;
}

static void confirm_publishes(struct mqtt_link *link)
{
    struct mqtt_slot *slots[MQTT_LINK_BATCH];
    size_t count;
    do {
        pthread_mutex_lock(&link->lock);
        count = mqtt_outbox_take(&link->outbox, slots, MQTT_LINK_BATCH);
        pthread_mutex_unlock(&link->lock);
        for (size_t i = 0; i < count; i++) {
            check_publish(&slots[i]->message.payload);
            (void)mqtt_link_confirm(link, slots[i], 0);
        }
    } while (count > 0);
}

void guard_broker_turn(void)
{
    static const struct mqtt_limits limits = { .receive_maximum = UINT16_MAX };
    struct mqtt_link *link = guard_world.link;
    unsigned requests = take_requests(link);
    if (!guard_world.step->broker_is_away) {
        if (requests & MQTT_REQUEST_CONNECT) {
            mqtt_link_up(link, &limits);
        }
        confirm_publishes(link);
    } else if (link->accepting) {
        go_away(link);
    }
}

bool guard_broker_is_ready(void)
{
    return guard_world.link->accepting != guard_world.step->broker_is_away;
}

void guard_broker_command(uint32_t index)
{
    char endpoint[FLEET_ENDPOINT_MAX];
    char topic[FLEET_ENDPOINT_MAX + 4];
    char payload[128];
    fleet_endpoint(&guard_world.fleet, index, endpoint);
    (void)snprintf(topic, sizeof(topic), "dn/%s", endpoint);
    int len = snprintf(payload, sizeof(payload),
                       "{\"msgType\":\"%s\",\"reqID\":%u,\"data\":{\"path\":\"%s\"}}",
                       guard_world.step->command, (unsigned)index, guard_world.fleet.content->path);
    const struct mqtt_message message = { .topic = topic, .payload = { payload, (size_t)len } };
    mqtt_link_deliver(guard_world.link, &message);
}

static void *end_at_once(void *link)
{
    return link;
}

/* Called when the listeners are open. One datagram that nobody ever reads keeps the socket
 * readable, so that the loop asks recvmmsg() in every turn. */
int mqtt_worker_start(struct mqtt_link *link)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(guard_world.port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    guard_world.link = link;
    if (fd < 0 || sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)) != 1) {
        return -EAGAIN;
    }
    close(fd);
    return pthread_create(&link->worker, NULL, end_at_once, link) ? -EAGAIN : 0;
}
