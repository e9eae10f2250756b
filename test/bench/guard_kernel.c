/*
 * The kernel of bench-guard: recvmmsg() and sendmmsg() reach the fleet without a socket, which in
 * return sends through the two functions of wire.h that it needs; the clock goes on by 1 ms with
 * each turn; random numbers are always the same.
 */
#include "test/bench/guard.h"

#include <mbedtls/entropy.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    QUEUE = 2 * GUARD_BATCH,
    IDLE_MAX = 1000, /* turns in which nothing comes back: something is broken */
    FIRST_ADDRESS = 0x7f400000,
    DEVICE_PORT = 5683,
};

struct datagram {
    uint32_t index;
    size_t len;
    uint8_t data[WIRE_DATAGRAM_MAX];
};

/* Datagrams on their way to the gateway. */
struct wire {
    unsigned queued;
    unsigned idle;
    struct datagram queue[QUEUE];
};

static struct wire the_wire;

struct wire *guard_wire(void)
{
    return &the_wire;
}

uint8_t *wire_slot(struct wire *wire)
{
    if (wire->queued == QUEUE) {
        guard_give_up("the gateway sends more than it was asked to");
    }
    return wire->queue[wire->queued].data;
}

void wire_commit(struct wire *wire, uint32_t index, size_t len)
{
    struct datagram *datagram = &wire->queue[wire->queued++];
    datagram->index = index;
    datagram->len = len;
}

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
    struct wire *wire = &the_wire;
    guard_world.now_ms++;
    guard_broker_turn();
    if (guard_broker_is_ready() && wire->queued == 0 && guard_batch_is_done()) {
        guard_go_on();
        wire->idle = 0;
    }
    if (++wire->idle > IDLE_MAX) {
        guard_give_up("no answer");
    }
    unsigned count = wire->queued < room ? wire->queued : room;
    for (unsigned i = 0; i < count; i++) {
        fill_slot(&wire->queue[i], &slots[i]);
    }
    wire->queued = 0;
    return (int)count;
}

__attribute__((noinline)) static void guard_world_send(const struct mmsghdr *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct msghdr *header = &slots[i].msg_hdr;
        const struct sockaddr_in *to = header->msg_name;
        guard_devices_receive(ntohl(to->sin_addr.s_addr) - FIRST_ADDRESS,
                              header->msg_iov[0].iov_base, header->msg_iov[0].iov_len);
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
    uint64_t ms = 1000000 + guard_world.now_ms;
    *now =
        (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000) };
    return 0;
}

static void fill_random(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_next(&guard_world.random);
    }
}

ssize_t getrandom(void *buffer, size_t len, unsigned flags)
{
    (void)flags;
    fill_random(buffer, len);
    return (ssize_t)len;
}

/* mbedtls asks the kernel, and the processor's clock, past libc. */
int mbedtls_entropy_func(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    fill_random(out, len);
    return 0;
}

uint16_t guard_free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        guard_give_up("no port to be had");
    }
    close(fd);
    return ntohs(address.sin_port);
}
