/*
 * bench-guard: the whole gateway on one thread, with everything around it replaced by something
 * that repeats to the instruction, so that callgrind can count what a message costs.
 *
 *   recvmmsg  -> the fleet's next batch            sendmmsg     -> the fleet reads its answers
 *   worker.c  -> confirms publishes, sends commands clock, random -> made up
 *
 * The linker takes the functions below in place of libc's, and mqtt_worker_start() in place of
 * mqtt/worker.c (and with it paho, whose threads are not ours to count). All else is the gateway as
 * it is: gateway_run() with its loop, JSON, backlog, mqtt/'s slots and queues.
 *
 * It goes through the rows of `steps` and calls guard_mark() before and after each measured one,
 * where callgrind writes what it counted since the last time. Not counted is what happens inside
 * guard_world_…(): composing and reading the devices' messages. See the script `guard`.
 */
#include "gateway/gateway.h"
#include "mqtt/link.h"
#include "mqtt/worker.h"

#include "test/bench/kind.h"
#include "test/bench/random.h"
#include "test/bench/respond.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DEVICES = 2048,
    HALF = DEVICES / 2, /* the first half is observed at one path, the second at another */
    BATCH = 32,         /* datagrams, or commands, of one turn of the loop */
    DATAGRAM_MAX = 1280,
    IDLE_MAX = 1000, /* turns in which nothing comes back: something is broken */
    FIRST_ADDRESS = 0x7f400000,
    DEVICE_PORT = 5683,
};

/* --- what is measured --- */

enum action { ACTION_MESSAGE, ACTION_COMMAND };

struct step {
    const char *name;    /* of the figure; NULL: only done */
    const char *content; /* what the devices have to say from here on; NULL: as before */
    enum action action;
    enum kind kind;      /* ACTION_MESSAGE */
    const char *command; /* ACTION_COMMAND: msgType; its path is the content's */
    uint32_t first;
    uint32_t count;
    uint32_t publishes; /* that come of each message */
};

static const struct step steps[] = {
    /* The first half warms the tables up. */
    { NULL, "float-tlv", ACTION_MESSAGE, KIND_REGISTER, NULL, 0, HALF, 1 },
    { "register", NULL, ACTION_MESSAGE, KIND_REGISTER, NULL, HALF, HALF, 1 },
    { "update", NULL, ACTION_MESSAGE, KIND_UPDATE, NULL, 0, DEVICES, 0 },
    { "observe", NULL, ACTION_COMMAND, KIND_COUNT, "observe", 0, HALF, 1 },
    { "read", NULL, ACTION_COMMAND, KIND_COUNT, "read", 0, HALF, 1 },
    { "notify-con-float-tlv", NULL, ACTION_MESSAGE, KIND_NOTIFY_CON, NULL, 0, HALF, 1 },
    { "notify-non-float-tlv", NULL, ACTION_MESSAGE, KIND_NOTIFY_NON, NULL, 0, HALF, 1 },
    { NULL, "device-tlv", ACTION_COMMAND, KIND_COUNT, "observe", HALF, HALF, 1 },
    { "notify-con-device-tlv", NULL, ACTION_MESSAGE, KIND_NOTIFY_CON, NULL, HALF, HALF, 1 },
    { "notify-con-device-senml-json", "device-senml", ACTION_MESSAGE, KIND_NOTIFY_CON, NULL, HALF,
      HALF, 1 },
    { "notify-con-device-senml-cbor", "device-cbor", ACTION_MESSAGE, KIND_NOTIFY_CON, NULL, HALF,
      HALF, 1 },
    { "deregister", NULL, ACTION_MESSAGE, KIND_DEREGISTER, NULL, 0, DEVICES, 1 },
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

struct datagram {
    uint32_t index;
    size_t len;
    uint8_t data[DATAGRAM_MAX];
};

/* The one world there is: libc's functions, which it stands in for, have no context either. */
static struct world {
    struct fleet fleet;
    struct mqtt_link *link;
    uint16_t port;
    size_t step;
    uint32_t begun; /* messages of the step */
    uint32_t ended; /* answered, or commands carried out */
    uint32_t published;
    unsigned idle;
    uint64_t now_ms;
    struct random random;
    unsigned queued; /* datagrams on their way to the gateway */
    struct datagram queue[2 * BATCH];
} world;

static void give_up(const char *why)
{
    fprintf(stderr, "bench-guard: step %zu (%s): %s\n", world.step,
            world.step < STEPS && steps[world.step].name ? steps[world.step].name : "-", why);
    _exit(1);
}

/* --- marks --- */

/* Callgrind writes its figures whenever this is entered. */
__attribute__((noinline)) static void guard_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

static void begin_step(void)
{
    const struct step *step = &steps[world.step];
    if (step->content != NULL) {
        world.fleet.content = content_find(step->content);
    }
    world.begun = world.ended = world.published = 0;
    if (step->name != NULL) {
        guard_mark();
    }
}

/* Prints the row's name and the number of its messages, in the order of callgrind's files. */
static void end_step(void)
{
    const struct step *step = &steps[world.step];
    if (step->name != NULL) {
        guard_mark();
        printf("%s %u\n", step->name, (unsigned)step->count);
    }
    if (++world.step == STEPS) {
        fflush(stdout);
        _exit(0); /* how a gateway ends is not measured */
    }
    begin_step();
}

static bool step_is_done(void)
{
    const struct step *step = &steps[world.step];
    return world.ended == step->count && world.published == step->count * step->publishes;
}

/* --- the devices --- */

static struct datagram *next_datagram(uint32_t index)
{
    if (world.queued == sizeof(world.queue) / sizeof(world.queue[0])) {
        give_up("the gateway sends more than it was asked to");
    }
    struct datagram *datagram = &world.queue[world.queued++];
    datagram->index = index;
    return datagram;
}

static void send_message(const struct step *step, uint32_t index)
{
    struct device *device = &world.fleet.devices[index];
    device->message_id++;
    device->sequence += step->kind == KIND_NOTIFY_CON || step->kind == KIND_NOTIFY_NON;
    struct datagram *datagram = next_datagram(index);
    datagram->len = kind_compose(step->kind, &world.fleet, index, datagram->data);
    world.ended += !kind_is_confirmable(step->kind);
}

static void send_command(const struct step *step, uint32_t index)
{
    char endpoint[FLEET_ENDPOINT_MAX];
    char topic[FLEET_ENDPOINT_MAX + 4];
    char payload[128];
    fleet_endpoint(&world.fleet, index, endpoint);
    (void)snprintf(topic, sizeof(topic), "dn/%s", endpoint);
    int len = snprintf(payload, sizeof(payload),
                       "{\"msgType\":\"%s\",\"reqID\":%u,\"data\":{\"path\":\"%s\"}}",
                       step->command, (unsigned)index, world.fleet.content->path);
    const struct mqtt_message message = { .topic = topic, .payload = { payload, (size_t)len } };
    mqtt_link_deliver(world.link, &message);
}

/* One batch at a time; the next one leaves when all of it is done. */
static void send_batch(void)
{
    const struct step *step = &steps[world.step];
    for (unsigned i = 0; i < BATCH && world.begun < step->count; i++) {
        uint32_t index = step->first + world.begun++;
        if (step->action == ACTION_COMMAND) {
            send_command(step, index);
        } else {
            send_message(step, index);
        }
    }
}

static bool batch_is_done(void)
{
    const struct step *step = &steps[world.step];
    return world.ended == world.begun && world.published == world.begun * step->publishes;
}

static void take_datagram(uint32_t index, const uint8_t *data, size_t len)
{
    const struct step *step = &steps[world.step];
    struct message message;
    if (index >= DEVICES || !message_parse(data, len, &message)) {
        give_up("the gateway sent rubbish");
    }
    if (message.code > 0 && message.code < 0x20) {
        struct datagram *answer = next_datagram(index);
        answer->len = respond(&world.fleet, index, &message, answer->data);
        world.ended++;
    } else if (kind_answered(step->kind, &world.fleet, index, &message) == KIND_DONE) {
        world.ended++;
    } else {
        give_up("the gateway refused a message");
    }
}

/* --- the broker: what mqtt/worker.c and paho do --- */

static void serve_requests(void)
{
    struct mqtt_link *link = world.link;
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
        give_up("a payload was not decoded");
    }
    world.published++;
}

static void confirm_publishes(void)
{
    struct mqtt_link *link = world.link;
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

static void *end_at_once(void *link)
{
    return link;
}

/* Called when the listeners are open. One datagram that nobody ever reads keeps the socket
 * readable, so that the loop asks recvmmsg() below in every turn. */
int mqtt_worker_start(struct mqtt_link *link)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(world.port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    world.link = link;
    if (fd < 0 || sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)) != 1) {
        return -EAGAIN;
    }
    close(fd);
    return pthread_create(&link->worker, NULL, end_at_once, link) ? -EAGAIN : 0;
}

/* --- the kernel --- */

static void fill_slot(const struct datagram *datagram, struct mmsghdr *slot)
{
    struct msghdr *header = &slot->msg_hdr;
    const struct sockaddr_in from = { .sin_family = AF_INET,
                                      .sin_port = htons(DEVICE_PORT),
                                      .sin_addr.s_addr = htonl(FIRST_ADDRESS + datagram->index) };
    const struct in_pktinfo info = { .ipi_ifindex = 1,
                                     .ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK),
                                     .ipi_addr.s_addr = htonl(INADDR_LOOPBACK) };
    memcpy(header->msg_name, &from, sizeof(from));
    header->msg_namelen = sizeof(from);
    memcpy(header->msg_iov[0].iov_base, datagram->data, datagram->len);
    header->msg_flags = 0;
    header->msg_controllen = CMSG_SPACE(sizeof(info));
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = IPPROTO_IP;
    cmsg->cmsg_type = IP_PKTINFO;
    cmsg->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
    slot->msg_len = (unsigned)datagram->len;
}

/* A turn of the world: the broker, then the devices. */
__attribute__((noinline)) static int guard_world_receive(struct mmsghdr *slots, unsigned room)
{
    world.now_ms++;
    serve_requests();
    confirm_publishes();
    if (world.link->accepting && world.queued == 0 && batch_is_done()) {
        if (step_is_done()) {
            end_step();
        }
        send_batch();
        world.idle = 0;
    }
    if (++world.idle > IDLE_MAX) {
        give_up("no answer");
    }
    unsigned count = world.queued < room ? world.queued : room;
    for (unsigned i = 0; i < count; i++) {
        fill_slot(&world.queue[i], &slots[i]);
    }
    world.queued = 0;
    return (int)count;
}

__attribute__((noinline)) static void guard_world_send(const struct mmsghdr *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct msghdr *header = &slots[i].msg_hdr;
        const struct sockaddr_in *to = header->msg_name;
        take_datagram(ntohl(to->sin_addr.s_addr) - FIRST_ADDRESS, header->msg_iov[0].iov_base,
                      header->msg_iov[0].iov_len);
    }
}

int recvmmsg(int fd, struct mmsghdr *slots, unsigned room, int flags, struct timespec *timeout)
{
    (void)fd;
    (void)flags;
    (void)timeout;
    return guard_world_receive(slots, room);
}

int sendmmsg(int fd, struct mmsghdr *slots, unsigned count, int flags)
{
    (void)fd;
    (void)flags;
    guard_world_send(slots, count);
    return (int)count;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    uint64_t ms = 1000000 + world.now_ms;
    *now =
        (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000) };
    return 0;
}

ssize_t getrandom(void *buffer, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buffer)[i] = (uint8_t)random_next(&world.random);
    }
    return (ssize_t)len;
}

/* --- the program --- */

static uint16_t free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        give_up("no port to be had");
    }
    close(fd);
    return ntohs(address.sin_port);
}

static int load_config(struct config *config, const char *xml_dir)
{
    static const char format[] = "mqtt: {broker: 'mqtt://127.0.0.1:1883'}\n"
                                 "lwm2m:\n"
                                 "  listeners: [{transport: udp, bind: '127.0.0.1:%u'}]\n"
                                 "  xml_dir: '%s'\n"
                                 "  update_publish: object_list_changed\n"
                                 "store: {path: ''}\n"
                                 "log: {level: warn}\n";
    char text[1024];
    struct config_error error = { 0 };
    int len = snprintf(text, sizeof(text), format, (unsigned)world.port, xml_dir);
    int err =
        config_load_text("guard", text, (size_t)len, &config_environment_process, config, &error);
    for (size_t i = 0; i < error.count; i++) {
        fprintf(stderr, "bench-guard: %s\n", error.messages[i]);
    }
    return err;
}

int main(int argc, char **argv)
{
    struct config config;
    if (argc != 2) {
        fputs("usage: bench-guard DIRECTORY-OF-DEFINITIONS\n", stderr);
        return 2;
    }
    world.random = random_of(1);
    world.port = free_port();
    if (fleet_init(&world.fleet, DEVICES, content_at(0), 1) || load_config(&config, argv[1])) {
        return 1;
    }
    begin_step();
    (void)gateway_run(&config, "guard");
    fputs("bench-guard: the gateway ended\n", stderr);
    return 1;
}
