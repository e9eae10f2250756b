/*
 * bench-echo: what the kernel allows. Reads batches of datagrams and sends each back, made an
 * acknowledgement (type and code are overwritten, options and payload left out), so that the load
 * generator runs against it exactly as against a gateway. Nothing is looked up, nothing remembered.
 */
#include "test/bench/acknowledge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, DATAGRAM_MAX = 1500, SOCKET_BUFFER = 4 << 20 };

static int open_socket(uint16_t *port)
{
    int size = SOCKET_BUFFER;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(*port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void echo(int fd)
{
    static uint8_t data[BATCH][DATAGRAM_MAX + 100];
    static struct sockaddr_in from[BATCH];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    unsigned answers = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){ .iov_base = data[i], .iov_len = DATAGRAM_MAX };
        messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
                                               .msg_namelen = sizeof(from[i]),
                                               .msg_iov = &parts[i],
                                               .msg_iovlen = 1 };
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
        parts[i].iov_len = acknowledge(data[i], messages[i].msg_len);
        if (parts[i].iov_len > 0) {
            messages[answers++].msg_hdr = messages[i].msg_hdr;
        }
    }
    for (unsigned sent = 0; sent < answers;) {
        int done = sendmmsg(fd, messages + sent, answers - sent, 0);
        sent += done > 0 ? (unsigned)done : 1;
    }
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0;
    int fd = open_socket(&port);
    if (fd < 0) {
        perror("bench-echo");
        return 1;
    }
    printf("port %u\n", (unsigned)port);
    fflush(stdout);
    for (;;) {
        echo(fd);
    }
}
