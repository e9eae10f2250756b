/*
 * One parser takes "host:port" apart; brokers add a scheme and a default port, listeners
 * insist on a numeric address.
 */
#include "config/address.h"

#include "config/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

/* The two sides of "host:port"; of "[host]:port" when bracketed. */
struct parts {
    char host[256];
    bool bracketed;
    uint16_t port; /* 0: none given */
};

static int read_port(const char *text, uint16_t *port)
{
    uint64_t number;
    if (config_value_integer(text, &number) || number == 0 || number > UINT16_MAX) {
        return -EBADMSG;
    }
    *port = (uint16_t)number;
    return 0;
}

static int split(const char *text, struct parts *parts)
{
    *parts = (struct parts){ .bracketed = text[0] == '[' };
    const char *host = parts->bracketed ? text + 1 : text;
    size_t len = strcspn(host, parts->bracketed ? "]" : ":");
    if (len == 0 || len >= sizeof parts->host) {
        return -EBADMSG;
    }
    memcpy(parts->host, host, len);
    const char *rest = host + len;
    if (parts->bracketed) {
        if (*rest != ']') {
            return -EBADMSG;
        }
        rest++;
    }
    if (*rest == '\0') {
        return 0;
    }
    return *rest == ':' ? read_port(rest + 1, &parts->port) : -EBADMSG;
}

/* An IPv6 address, perhaps with a zone (fe80::1%eth0: RFC 4007, 11). */
static bool is_ipv6(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "%");
    if (len >= sizeof address || (text[len] == '%' && text[len + 1] == '\0')) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    struct in6_addr binary;
    return inet_pton(AF_INET6, address, &binary) == 1;
}

static bool is_ipv4(const char *text)
{
    struct in_addr binary;
    return inet_pton(AF_INET, text, &binary) == 1;
}

static bool is_host_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    return text[0] != '-' && text[0] != '.' && text[strspn(text, letters)] == '\0';
}

int config_address_broker(const char *text, struct config_broker *broker)
{
    static const struct {
        const char *scheme;
        uint16_t port;
        bool tls;
    } schemes[] = {
        { "mqtt://", 1883, false },
        { "mqtts://", 8883, true },
        { "tcp://", 1883, false },
        { "ssl://", 8883, true },
    };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (strncasecmp(text, schemes[i].scheme, len) != 0) {
            continue;
        }
        struct parts parts;
        if (split(text + len, &parts)) {
            return -EBADMSG;
        }
        if (parts.bracketed ? !is_ipv6(parts.host) : !is_host_name(parts.host)) {
            return -EBADMSG;
        }
        *broker = (struct config_broker){ .tls = schemes[i].tls };
        memcpy(broker->host, parts.host, sizeof broker->host);
        broker->port = parts.port != 0 ? parts.port : schemes[i].port;
        return 0;
    }
    return -EBADMSG;
}

int config_address_bind(const char *text, struct config_listener *listener)
{
    struct parts parts;
    if (split(text, &parts) || parts.port == 0) {
        return -EBADMSG;
    }
    bool any = !parts.bracketed && strcmp(parts.host, "*") == 0;
    bool known = any || (parts.bracketed ? is_ipv6(parts.host) : is_ipv4(parts.host));
    size_t len = strlen(parts.host);
    if (!known || len >= sizeof listener->host) {
        return -EBADMSG;
    }
    memcpy(listener->host, parts.host, len + 1);
    listener->port = parts.port;
    return 0;
}
