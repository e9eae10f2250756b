#include "mqtt/socket.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static int get_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static bool is_connected_tcp(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    return get_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
           getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool set_nodelay(int fd)
{
    const int on = 1;
    return is_connected_tcp(fd) && get_option(fd, IPPROTO_TCP, TCP_NODELAY) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

size_t mqtt_socket_set_nodelay(int *fd)
{
    *fd = -1;
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return 0;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && set_nodelay((int)number)) {
            *fd = (int)number;
            count++;
        }
    }
    (void)closedir(directory);
    return count;
}

uint32_t mqtt_socket_round_trip_us(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_rtt : 0;
}

void mqtt_socket_acknowledge(int fd)
{
    const int on = 1;
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    }
}
