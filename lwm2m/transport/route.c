#include "lwm2m/transport/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

int transport_address_from_sockaddr(const struct sockaddr *from, struct transport_address *address)
{
    *address = (struct transport_address){ 0 };
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof(in));
        memcpy(address->ip, v4_mapped, sizeof(v4_mapped));
        memcpy(address->ip + sizeof(v4_mapped), &in.sin_addr, sizeof(in.sin_addr));
        address->port = ntohs(in.sin_port);
        return 0;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof(in6));
        memcpy(address->ip, &in6.sin6_addr, sizeof(address->ip));
        address->port = ntohs(in6.sin6_port);
        if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr)) {
            address->scope_id = in6.sin6_scope_id;
        }
        return 0;
    }
    return -EINVAL;
}

bool transport_address_equal(const struct transport_address *a, const struct transport_address *b)
{
    return a->port == b->port && a->scope_id == b->scope_id &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static bool is_v4(const struct transport_address *address)
{
    return memcmp(address->ip, v4_mapped, sizeof(v4_mapped)) == 0;
}

/* Appends what `snprintf` would; the longest address fits, so the text is never cut. */
[[gnu::format(printf, 3, 4)]] static size_t append(char *text, size_t len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text + len, TRANSPORT_ADDRESS_TEXT_MAX - len, format, args);
    va_end(args);
    return len + (size_t)written;
}

size_t transport_address_format_ip(const struct transport_address *address,
                                   char text[TRANSPORT_ADDRESS_TEXT_MAX])
{
    if (is_v4(address)) {
        inet_ntop(AF_INET, address->ip + sizeof(v4_mapped), text, TRANSPORT_ADDRESS_TEXT_MAX);
    } else {
        inet_ntop(AF_INET6, address->ip, text, TRANSPORT_ADDRESS_TEXT_MAX);
    }
    size_t len = strlen(text);
    return address->scope_id ? append(text, len, "%%%u", address->scope_id) : len;
}

size_t transport_address_format(const struct transport_address *address,
                                char text[TRANSPORT_ADDRESS_TEXT_MAX])
{
    char ip[TRANSPORT_ADDRESS_TEXT_MAX];
    transport_address_format_ip(address, ip);
    return append(text, 0, is_v4(address) ? "%s:%u" : "[%s]:%u", ip, address->port);
}

bool transport_route_same_peer(const struct transport_route *a, const struct transport_route *b)
{
    if (a->listener != b->listener || a->session != b->session) {
        return false;
    }
    return a->session != 0 || transport_address_equal(&a->remote, &b->remote);
}
