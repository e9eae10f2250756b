/** See network.h. */
#include "test/sim/network.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char secure[] = "coaps://";

static bool is_secure(const char *server)
{
    return strncmp(server, secure, strlen(secure)) == 0;
}

/** libcoap refuses coaps:// when it was built without DTLS: it gets to see coap://. */
static int resolve(const char *server, coap_address_t *address)
{
    coap_uri_t uri;
    char host[256];
    char port[8];
    char plain[300];
    struct addrinfo *found = NULL;
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    const char *prefix = is_secure(server) ? "coap://" : "";
    snprintf(plain, sizeof plain, "%s%s", prefix, server + (*prefix ? strlen(secure) : 0));
    if (coap_split_uri((const uint8_t *)plain, strlen(plain), &uri) != 0 ||
        uri.scheme != COAP_URI_SCHEME_COAP || uri.host.length >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, uri.host.s, uri.host.length);
    host[uri.host.length] = 0;
    bool usual = is_secure(server) && uri.port == COAP_DEFAULT_PORT;
    snprintf(port, sizeof port, "%u", usual ? COAPS_DEFAULT_PORT : uri.port);
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -EHOSTUNREACH;
    }
    coap_address_init(address);
    memcpy(&address->addr, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static void set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    }
}

static uint16_t get_port(const struct sockaddr *address)
{
    return ntohs(address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

/** The address from which @p server is reached, with a free port unless @p port names one. */
static int find_local(const coap_address_t *server, uint16_t port, coap_address_t *local)
{
    int probe = socket(server->addr.sa.sa_family, SOCK_DGRAM, 0);
    socklen_t size = sizeof local->addr;
    coap_address_init(local);
    if (probe < 0 || connect(probe, &server->addr.sa, server->size) != 0 ||
        getsockname(probe, &local->addr.sa, &size) != 0) {
        int err = -errno;
        if (probe >= 0) {
            close(probe);
        }
        return err;
    }
    close(probe);
    local->size = size;
    if (port != 0) {
        set_port(&local->addr.sa, port);
    }
    return 0;
}

/** Descriptors are given lowest first, so libcoap's lie shortly after @p first. */
static void find_sockets(struct network *network, int first)
{
    network->socket_count = 0;
    for (int fd = first; fd < first + 64 && network->socket_count < NETWORK_SOCKETS_MAX; fd++) {
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof address;
        if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
            get_port((struct sockaddr *)&address) == network->port) {
            network->sockets[network->socket_count++] = fd;
        }
    }
}

static int open_sockets(struct network *network, const coap_address_t *server,
                        const coap_address_t *local)
{
    network->context = coap_new_context(NULL);
    if (network->context == NULL) {
        return -ENOMEM;
    }
    coap_context_set_block_mode(network->context, COAP_BLOCK_USE_LIBCOAP | COAP_BLOCK_SINGLE_BODY);
    if (coap_context_get_coap_fd(network->context) < 0) {
        return -ENOTSUP; /* this libcoap was built without epoll */
    }
    if (coap_new_endpoint(network->context, local, COAP_PROTO_UDP) == NULL) {
        return -EADDRINUSE;
    }
    network->session = coap_new_client_session(network->context, local, server, COAP_PROTO_UDP);
    return network->session == NULL ? -EADDRINUSE : 0;
}

/** Puts the tunnel in the server's place. */
static int open_tunnel(struct network *network, coap_address_t *remote, uint16_t port,
                       const struct tunnel_settings *security)
{
    int err = tunnel_open(&network->tunnel, &remote->addr.sa, remote->size, port, security);
    if (err != 0) {
        return err;
    }
    coap_address_init(remote);
    remote->addr.sin =
        (struct sockaddr_in){ .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(tunnel_inner_port(network->tunnel)) };
    remote->size = sizeof remote->addr.sin;
    return 0;
}

static int watch_both(struct network *network)
{
    struct epoll_event event = { .events = EPOLLIN };
    network->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (network->epoll < 0 ||
        epoll_ctl(network->epoll, EPOLL_CTL_ADD, coap_context_get_coap_fd(network->context),
                  &event) != 0 ||
        epoll_ctl(network->epoll, EPOLL_CTL_ADD, tunnel_descriptor(network->tunnel), &event) != 0) {
        return -errno;
    }
    return 0;
}

int network_open(struct network *network, const char *server, uint16_t port,
                 const struct tunnel_settings *security)
{
    coap_address_t remote;
    coap_address_t local;
    *network = (struct network){ .epoll = -1 };
    int err = resolve(server, &remote);
    if (err == 0 && is_secure(server)) {
        err = open_tunnel(network, &remote, port, security);
        port = 0;
    }
    if (err == 0) {
        err = find_local(&remote, port, &local);
    }
    if (err != 0) {
        network_close(network);
        return err;
    }
    network->port = get_port(&local.addr.sa);
    int first = dup(STDERR_FILENO);
    if (first < 0) {
        network_close(network);
        return -EMFILE;
    }
    close(first);
    err = open_sockets(network, &remote, &local);
    err = err == 0 && network->tunnel != NULL ? watch_both(network) : err;
    if (err != 0) {
        network_close(network);
        return err;
    }
    find_sockets(network, first);
    return 0;
}

void network_close(struct network *network)
{
    if (network->context != NULL) { /* what is under way now has no outcome to report */
        coap_register_nack_handler(network->context, NULL);
    }
    if (network->session != NULL) {
        coap_session_disconnected(network->session, COAP_NACK_NOT_DELIVERABLE);
        coap_session_release(network->session);
    }
    if (network->context != NULL) {
        coap_free_context(network->context);
    }
    tunnel_close(network->tunnel);
    if (network->epoll >= 0) {
        close(network->epoll);
    }
    *network = (struct network){ .port = network->port, .epoll = -1 };
}

static void discard_errors(const struct network *network)
{
    for (size_t i = 0; i < network->socket_count; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(network->sockets[i], SOL_SOCKET, SO_ERROR, &error, &size);
    }
}

static void process_libcoap(struct network *network)
{
    struct epoll_event events[16];
    coap_tick_t now = 0;
    coap_ticks(&now);
    /* coap_io_process() in its three steps: what it sends first may already be answered by an
       ICMP error, which must not be there any more when it looks for what arrived. */
    coap_io_prepare_epoll(network->context, now);
    discard_errors(network);
    int count = epoll_wait(coap_context_get_coap_fd(network->context), events, 16, 0);
    if (count > 0) {
        coap_io_do_epoll(network->context, events, (size_t)count);
    }
    discard_errors(network);
}

void network_process(struct network *network)
{
    if (network->tunnel != NULL) {
        tunnel_process(network->tunnel);
    }
    process_libcoap(network);
    if (network->tunnel != NULL) {
        tunnel_process(network->tunnel); /* what libcoap has just said */
    }
}

int network_descriptor(const struct network *network)
{
    return network->tunnel != NULL ? network->epoll : coap_context_get_coap_fd(network->context);
}

uint16_t network_port(const struct network *network)
{
    return network->tunnel != NULL ? tunnel_outer_port(network->tunnel) : network->port;
}

void network_set_deaf(struct network *network, bool deaf)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = { .len = 1, .filter = &nothing };
    if (network->deaf == deaf) {
        return;
    }
    network->deaf = deaf;
    for (size_t i = 0; i < network->socket_count; i++) {
        setsockopt(network->sockets[i], SOL_SOCKET, deaf ? SO_ATTACH_FILTER : SO_DETACH_FILTER,
                   &program, sizeof program);
    }
}
