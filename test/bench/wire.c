#include "test/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 64,
    STRIDE = WIRE_DATAGRAM_MAX + 100, /* not a power of two: slots share no cache set */
    SOCKET_BUFFER = 32 << 20,
    FIRST_ADDRESS = 0x7f400000, /* 127.64.0.0 */
};

union control {
    size_t align;
    char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    union control controls[BATCH];
    uint8_t data[BATCH][STRIDE];
};

struct wire {
    int fd;
    struct sockaddr_in server;
    struct sockaddr_in from[BATCH];
    unsigned queued;
    struct batch in;
    struct batch out;
};

static void set_buffer(int fd, int forced, int option)
{
    int size = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)); /* as far as is allowed */
    }
}

static int open_socket(struct wire *wire)
{
    int on = 1;
    struct sockaddr_in any = { .sin_family = AF_INET };
    wire->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || setsockopt(wire->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
        bind(wire->fd, (struct sockaddr *)&any, sizeof(any))) {
        return -errno;
    }
    set_buffer(wire->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(wire->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    return 0;
}

static void prepare_slot(struct wire *wire, unsigned i)
{
    wire->in.parts[i] =
        (struct iovec){ .iov_base = wire->in.data[i], .iov_len = WIRE_DATAGRAM_MAX };
    wire->in.messages[i].msg_hdr = (struct msghdr){ .msg_name = &wire->from[i],
                                                    .msg_iov = &wire->in.parts[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = &wire->in.controls[i] };
    struct msghdr *out = &wire->out.messages[i].msg_hdr;
    wire->out.parts[i].iov_base = wire->out.data[i];
    *out = (struct msghdr){ .msg_name = &wire->server,
                            .msg_namelen = sizeof(wire->server),
                            .msg_iov = &wire->out.parts[i],
                            .msg_iovlen = 1,
                            .msg_control = &wire->out.controls[i],
                            .msg_controllen = sizeof(wire->out.controls[i].room) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(out);
    cmsg->cmsg_level = IPPROTO_IP;
    cmsg->cmsg_type = IP_PKTINFO;
    cmsg->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
}

int wire_new(uint16_t server_port, struct wire **wire)
{
    struct wire *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    made->server = (struct sockaddr_in){ .sin_family = AF_INET,
                                         .sin_port = htons(server_port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int err = open_socket(made);
    if (err) {
        wire_free(made);
        return err;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        prepare_slot(made, i);
    }
    *wire = made;
    return 0;
}

void wire_free(struct wire *wire)
{
    if (!wire) {
        return;
    }
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    free(wire);
}

int wire_fd(const struct wire *wire)
{
    return wire->fd;
}

uint16_t wire_port(const struct wire *wire)
{
    struct sockaddr_in own = { 0 };
    socklen_t len = sizeof(own);
    return getsockname(wire->fd, (struct sockaddr *)&own, &len) == 0 ? ntohs(own.sin_port) : 0;
}

uint8_t *wire_slot(struct wire *wire)
{
    return wire->out.data[wire->queued];
}

void wire_commit(struct wire *wire, uint32_t index, size_t len)
{
    struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(FIRST_ADDRESS + index) };
    unsigned slot = wire->queued++;
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&wire->out.messages[slot].msg_hdr)), &info, sizeof(info));
    wire->out.parts[slot].iov_len = len;
    if (wire->queued == BATCH) {
        wire_flush(wire);
    }
}

void wire_flush(struct wire *wire)
{
    unsigned sent = 0;
    while (sent < wire->queued) {
        int count = sendmmsg(wire->fd, wire->out.messages + sent, wire->queued - sent, 0);
        if (count > 0) {
            sent += (unsigned)count;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            struct pollfd room = { .fd = wire->fd, .events = POLLOUT };
            (void)poll(&room, 1, 10);
        } else if (errno != EINTR) {
            sent++; /* lost, as on any network; ECONNREFUSED tells of an earlier one */
        }
    }
    wire->queued = 0;
}

/* The address that a datagram was sent to; false when it is none of the devices'. */
static bool read_index(struct msghdr *header, uint32_t *index)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    struct in_pktinfo info;
    if (!cmsg || cmsg->cmsg_level != IPPROTO_IP || cmsg->cmsg_type != IP_PKTINFO) {
        return false;
    }
    memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
    *index = ntohl(info.ipi_addr.s_addr) - FIRST_ADDRESS;
    return *index < WIRE_DEVICES_MAX;
}

unsigned wire_receive(struct wire *wire, wire_receiver *receiver, void *ctx)
{
    for (unsigned i = 0; i < BATCH; i++) {
        wire->in.messages[i].msg_hdr.msg_namelen = sizeof(wire->from[i]);
        wire->in.messages[i].msg_hdr.msg_controllen = sizeof(wire->in.controls[i].room);
    }
    int count = recvmmsg(wire->fd, wire->in.messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        uint32_t index;
        if (read_index(&wire->in.messages[i].msg_hdr, &index)) {
            receiver(ctx, index, wire->in.data[i], wire->in.messages[i].msg_len);
        }
    }
    return count > 0 ? (unsigned)count : 0;
}
