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

static void serve_requests(struct mqtt_link *link)
{
    const struct mqtt_limits limits = { .receive_maximum = UINT16_MAX };
    pthread_mutex_lock(&link->lock);
    unsigned requests = link->requests;
    link->requests = 0;
    pthread_mutex_unlock(&link->lock);
    if (requests & MQTT_REQUEST_CONNECT) {
        mqtt_link_up(link, &limits);
    }
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
            mqtt_link_confirm(link, slots[i], 0);
        }
    } while (count > 0);
}

void guard_broker_turn(void)
{
    serve_requests(guard_world.link);
    confirm_publishes(guard_world.link);
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
