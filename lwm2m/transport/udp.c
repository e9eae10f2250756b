/*
 * All memory is taken at the start: 64 slots to receive into, and one block in which the datagrams
 * of a batch lie packed one after the other until they are sent. In between nothing is allocated.
 *
 * A socket of AF_INET6 serves both families; only where the kernel has no IPv6, or an IPv4 address
 * was asked for, it is one of AF_INET. The two differ in how addresses and the ancillary data that
 * carries the local address look, nowhere else.
 */
#include "lwm2m/transport/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = TRANSPORT_UDP_BATCH,
    /* Slots lie this far apart, not a power of two: their first bytes share no cache set. */
    SLOT_STRIDE = TRANSPORT_UDP_DATAGRAM_MAX + 3 * 64,
    OUT_ROOM = 256 * 1024,
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Room for one pktinfo of either family, aligned as CMSG_FIRSTHDR wants it. */
union control {
    size_t align; /* of struct cmsghdr, which ends in a flexible array and cannot stand here */
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    union socket_address addresses[BATCH];
    union control controls[BATCH];
};

struct transport_udp {
    int fd;
    int family;
    uint16_t port;
    uint16_t listener;
    uint64_t dropped;
    uint64_t oversized;
    unsigned out_count;
    size_t out_len;
    struct batch in;
    struct {
        struct transport_route routes[BATCH];
        uint8_t slots[BATCH];
    } received; /* of `in`, what is handed over */
    struct batch out;
    uint8_t *in_data;  /* BATCH slots */
    uint8_t *out_data; /* OUT_ROOM bytes */
};

static_assert(TRANSPORT_UDP_DATAGRAM_MAX <= OUT_ROOM);

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* --- opening --- */

static int read_host(const char *host, union socket_address *address, socklen_t *len)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found = NULL;
    if (strcmp(host, "*") == 0) {
        host = "::";
    }
    switch (getaddrinfo(host, NULL, &hints, &found)) {
    case 0:
        break;
    case EAI_MEMORY:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
    *len = found->ai_addrlen;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

static void set_buffer(int fd, int option, int forced_option, size_t bytes)
{
    int size = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    if (size > 0 && setsockopt(fd, SOL_SOCKET, forced_option, &size, sizeof(size)) != 0) {
        /* Without CAP_NET_ADMIN the kernel's limit holds; less room is no reason to give up. */
        (void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
    }
}

static int set_options(int fd, int family, size_t socket_buffer)
{
    int on = 1;
    int off = 0;
    set_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, socket_buffer);
    set_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, socket_buffer);
    if (family == AF_INET) {
        return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ? -errno : 0;
    }
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))) {
        return -errno;
    }
    return 0;
}

static int bind_socket(struct transport_udp *udp, union socket_address *address, socklen_t len,
                       const struct transport_udp_settings *settings)
{
    udp->family = address->any.sa_family;
    udp->fd = socket(udp->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0) {
        return -errno;
    }
    int err = set_options(udp->fd, udp->family, settings->socket_buffer);
    if (err) {
        return err;
    }
    if (udp->family == AF_INET) {
        address->in.sin_port = htons(settings->port);
    } else {
        address->in6.sin6_port = htons(settings->port);
    }
    if (bind(udp->fd, &address->any, len) || getsockname(udp->fd, &address->any, &len)) {
        return -errno;
    }
    udp->port = ntohs(udp->family == AF_INET ? address->in.sin_port : address->in6.sin6_port);
    return 0;
}

static int open_socket(struct transport_udp *udp, const struct transport_udp_settings *settings)
{
    union socket_address address = { 0 };
    socklen_t len = 0;
    int err = read_host(settings->host, &address, &len);
    if (err) {
        return err;
    }
    bool all = address.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address.in6.sin6_addr);
    err = bind_socket(udp, &address, len, settings);
    if (err == -EAFNOSUPPORT && all) { /* a kernel without IPv6 */
        address.in = (struct sockaddr_in){ .sin_family = AF_INET };
        err = bind_socket(udp, &address, sizeof(address.in), settings);
    }
    return err;
}

static void wire_batches(struct transport_udp *udp)
{
    for (size_t i = 0; i < BATCH; i++) {
        udp->in.parts[i] = (struct iovec){ .iov_base = udp->in_data + i * SLOT_STRIDE,
                                           .iov_len = TRANSPORT_UDP_DATAGRAM_MAX };
        udp->in.messages[i].msg_hdr = (struct msghdr){
            .msg_name = &udp->in.addresses[i],
            .msg_iov = &udp->in.parts[i],
            .msg_iovlen = 1,
            .msg_control = udp->in.controls[i].room,
        };
        udp->out.messages[i].msg_hdr = (struct msghdr){
            .msg_name = &udp->out.addresses[i],
            .msg_iov = &udp->out.parts[i],
            .msg_iovlen = 1,
        };
    }
}

int transport_udp_new(const struct transport_udp_settings *settings, struct transport_udp **udp)
{
    struct transport_udp *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    made->fd = -1;
    made->listener = settings->listener;
    made->in_data = malloc((size_t)BATCH * SLOT_STRIDE);
    made->out_data = malloc(OUT_ROOM);
    int err = made->in_data && made->out_data ? open_socket(made, settings) : -ENOMEM;
    if (err) {
        transport_udp_free(made);
        return err;
    }
    wire_batches(made);
    *udp = made;
    return 0;
}

void transport_udp_free(struct transport_udp *udp)
{
    if (!udp) {
        return;
    }
    if (udp->fd >= 0) {
        close(udp->fd);
    }
    free(udp->in_data);
    free(udp->out_data);
    free(udp);
}

int transport_udp_fd(const struct transport_udp *udp)
{
    return udp->fd;
}

uint16_t transport_udp_port(const struct transport_udp *udp)
{
    return udp->port;
}

/* --- receiving --- */

/* An address that an answer cannot leave from: then the kernel chooses. */
static bool is_many(const uint8_t ip[16])
{
    if (memcmp(ip, v4_mapped, sizeof(v4_mapped)) == 0) {
        return ip[12] >= 224; /* multicast, and the limited broadcast address */
    }
    return ip[0] == 0xff;
}

static void read_local_address(struct msghdr *header, struct transport_route *route)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
        if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
            memcpy(route->local_ip, v4_mapped, sizeof(v4_mapped));
            /* ipi_spec_dst is ours even when the datagram went to a broadcast address. */
            memcpy(route->local_ip + sizeof(v4_mapped), &info.ipi_spec_dst, 4);
        } else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
            memcpy(route->local_ip, &info.ipi6_addr, sizeof(route->local_ip));
            /* Elsewhere the routing table knows better than the interface it came in on. */
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
                route->local_ifindex = (uint32_t)info.ipi6_ifindex;
            }
        }
    }
    if (is_many(route->local_ip)) {
        memset(route->local_ip, 0, sizeof(route->local_ip));
    }
}

/* Puts what can be handed over to the front of the batch. @return how many those are */
static size_t sort_out(struct transport_udp *udp, size_t received)
{
    size_t count = 0;
    for (size_t i = 0; i < received; i++) {
        struct msghdr *header = &udp->in.messages[i].msg_hdr;
        struct transport_route route = { .listener = udp->listener };
        if (header->msg_flags & MSG_TRUNC) {
            udp->oversized++;
        } else if (transport_address_from_sockaddr(header->msg_name, &route.remote) == 0) {
            read_local_address(header, &route);
            udp->received.routes[count] = route;
            udp->received.slots[count++] = (uint8_t)i;
        }
    }
    return count;
}

int transport_udp_receive(struct transport_udp *udp, transport_udp_coming *coming,
                          transport_udp_receiver *receiver, void *ctx)
{
    for (size_t i = 0; i < BATCH; i++) {
        udp->in.messages[i].msg_hdr.msg_namelen = sizeof(udp->in.addresses[i]);
        udp->in.messages[i].msg_hdr.msg_controllen = sizeof(udp->in.controls[i].room);
    }
    int received = recvmmsg(udp->fd, udp->in.messages, BATCH, MSG_DONTWAIT, NULL);
    if (received < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
    }
    size_t count = sort_out(udp, (size_t)received);
    if (coming && count > 0) {
        coming(ctx, udp->received.routes, count);
    }
    for (size_t i = 0; i < count; i++) {
        struct mmsghdr *message = &udp->in.messages[udp->received.slots[i]];
        receiver(ctx, &udp->received.routes[i], message->msg_hdr.msg_iov->iov_base,
                 message->msg_len);
    }
    return received;
}

unsigned transport_udp_full_percent(const struct transport_udp *udp)
{
    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(memory);
    if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0 ||
        memory[SK_MEMINFO_RCVBUF] == 0) {
        return 0;
    }
    uint64_t percent = (uint64_t)memory[SK_MEMINFO_RMEM_ALLOC] * 100 / memory[SK_MEMINFO_RCVBUF];
    return percent < 100 ? (unsigned)percent : 100;
}

uint64_t transport_udp_oversized(const struct transport_udp *udp)
{
    return udp->oversized;
}

/* --- sending --- */

static void write_control(struct msghdr *header, union control *control, int level, int type,
                          const void *info, size_t len)
{
    header->msg_control = control->room;
    header->msg_controllen = CMSG_SPACE(len);
    memset(control, 0, sizeof(*control));
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = level;
    cmsg->cmsg_type = type;
    cmsg->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(cmsg), info, len);
}

static bool has_local(const struct transport_route *route)
{
    static const uint8_t none[16];
    return memcmp(route->local_ip, none, sizeof(none)) != 0;
}

static bool address_v4(struct transport_udp *udp, unsigned slot,
                       const struct transport_route *route)
{
    struct msghdr *header = &udp->out.messages[slot].msg_hdr;
    if (memcmp(route->remote.ip, v4_mapped, sizeof(v4_mapped)) != 0) {
        return false;
    }
    struct sockaddr_in *to = &udp->out.addresses[slot].in;
    *to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(route->remote.port) };
    memcpy(&to->sin_addr, route->remote.ip + sizeof(v4_mapped), sizeof(to->sin_addr));
    header->msg_namelen = sizeof(*to);
    if (has_local(route)) {
        struct in_pktinfo info = { .ipi_ifindex = (int)route->local_ifindex };
        memcpy(&info.ipi_spec_dst, route->local_ip + sizeof(v4_mapped), 4);
        write_control(header, &udp->out.controls[slot], IPPROTO_IP, IP_PKTINFO, &info,
                      sizeof(info));
    }
    return true;
}

static bool address_v6(struct transport_udp *udp, unsigned slot,
                       const struct transport_route *route)
{
    struct msghdr *header = &udp->out.messages[slot].msg_hdr;
    struct sockaddr_in6 *to = &udp->out.addresses[slot].in6;
    *to = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                 .sin6_port = htons(route->remote.port),
                                 .sin6_scope_id = route->remote.scope_id };
    memcpy(&to->sin6_addr, route->remote.ip, sizeof(to->sin6_addr));
    header->msg_namelen = sizeof(*to);
    if (has_local(route)) {
        struct in6_pktinfo info = { .ipi6_ifindex = route->local_ifindex };
        memcpy(&info.ipi6_addr, route->local_ip, sizeof(info.ipi6_addr));
        write_control(header, &udp->out.controls[slot], IPPROTO_IPV6, IPV6_PKTINFO, &info,
                      sizeof(info));
    }
    return true;
}

void transport_udp_send(struct transport_udp *udp, const struct transport_route *route,
                        const uint8_t *data, size_t len)
{
    if (len > OUT_ROOM - udp->out_len) {
        transport_udp_flush(udp);
    }
    unsigned slot = udp->out_count;
    struct msghdr *header = &udp->out.messages[slot].msg_hdr;
    header->msg_control = NULL;
    header->msg_controllen = 0;
    bool fits = len <= TRANSPORT_UDP_DATAGRAM_MAX;
    if (!fits || !(udp->family == AF_INET ? address_v4 : address_v6)(udp, slot, route)) {
        udp->dropped++;
        return;
    }
    udp->out.parts[slot] =
        (struct iovec){ .iov_base = udp->out_data + udp->out_len, .iov_len = len };
    if (len > 0) {
        memcpy(udp->out_data + udp->out_len, data, len);
    }
    udp->out_len += len;
    udp->out_count++;
    if (udp->out_count == BATCH) {
        transport_udp_flush(udp);
    }
}

void transport_udp_flush(struct transport_udp *udp)
{
    unsigned sent = 0;
    while (sent < udp->out_count) {
        int count =
            sendmmsg(udp->fd, udp->out.messages + sent, udp->out_count - sent, MSG_DONTWAIT);
        if (count > 0) {
            sent += (unsigned)count;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            udp->dropped += udp->out_count - sent; /* no room: waiting would hold up everybody */
            break;
        } else if (errno != EINTR) {
            udp->dropped++; /* this one alone cannot go: no route, a forbidden address */
            sent++;
        }
    }
    udp->out_count = 0;
    udp->out_len = 0;
}

uint64_t transport_udp_dropped(const struct transport_udp *udp)
{
    return udp->dropped;
}
