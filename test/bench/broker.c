#include "test/bench/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OUT_ROOM = 1 << 20,
    IN_ROOM = 1 << 20,
    CONNECT = 0x10,
    PUBLISH = 0x30,
    SUBSCRIBE = 0x82,
};

struct broker {
    int fd;
    size_t out_len;
    size_t in_len;
    uint8_t out[OUT_ROOM];
    uint8_t in[IN_ROOM + 1];
};

/* --- sending --- */

static size_t put_text(uint8_t *at, const char *text, bool with_len)
{
    size_t len = strlen(text);
    if (with_len) {
        at[0] = (uint8_t)(len >> 8);
        at[1] = (uint8_t)len;
        at += 2;
    }
    memcpy(at, text, len);
    return len + (with_len ? 2 : 0);
}

/* Fixed header: type, then the length in groups of seven bits (MQTT 3.1.1, 2.2.3). */
static uint8_t *begin_packet(struct broker *broker, uint8_t type, size_t body_len)
{
    if (broker->out_len + body_len + 5 > OUT_ROOM && broker_flush(broker)) {
        broker->out_len = 0; /* the loop finds the connection gone */
    }
    uint8_t *at = broker->out + broker->out_len;
    *at++ = type;
    for (size_t rest = body_len;;) {
        *at = (uint8_t)(rest & 127);
        rest >>= 7;
        *at++ |= rest > 0 ? 128 : 0;
        if (rest == 0) {
            break;
        }
    }
    broker->out_len = (size_t)(at - broker->out) + body_len;
    return at;
}

static void put_connect(struct broker *broker, const char *client_id)
{
    static const uint8_t head[] = { 0, 4, 'M', 'Q', 'T', 'T', 4, 2 /* clean */, 0, 0 };
    uint8_t *at = begin_packet(broker, CONNECT, sizeof(head) + 2 + strlen(client_id));
    memcpy(at, head, sizeof(head));
    put_text(at + sizeof(head), client_id, true);
}

void broker_subscribe(struct broker *broker, const char *filter)
{
    size_t len = strlen(filter);
    uint8_t *at = begin_packet(broker, SUBSCRIBE, 2 + 2 + len + 1);
    at[0] = 0;
    at[1] = 1;
    put_text(at + 2, filter, true);
    at[4 + len] = 0;
}

void broker_publish(struct broker *broker, const char *topic, const char *payload)
{
    uint8_t *at = begin_packet(broker, PUBLISH, 2 + strlen(topic) + strlen(payload));
    at += put_text(at, topic, true);
    put_text(at, payload, false);
}

int broker_flush(struct broker *broker)
{
    size_t sent = 0;
    while (sent < broker->out_len) {
        ssize_t count = send(broker->fd, broker->out + sent, broker->out_len - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += (size_t)count;
        } else if (errno == EAGAIN) {
            struct pollfd room = { .fd = broker->fd, .events = POLLOUT };
            (void)poll(&room, 1, 100);
        } else if (errno != EINTR) {
            return -EPIPE;
        }
    }
    broker->out_len = 0;
    return 0;
}

/* --- receiving --- */

struct packet {
    uint8_t type;
    uint8_t *body;
    size_t body_len;
};

/* The packet at the start of `at`; its whole length, 0 while it is not complete. */
static size_t read_packet(uint8_t *at, size_t len, struct packet *packet)
{
    size_t body_len = 0;
    size_t used = 1;
    bool more = true;
    while (more && used < len && used <= 4) {
        body_len |= (size_t)(at[used] & 127) << (7 * (used - 1));
        more = at[used++] & 128;
    }
    if (more || len - used < body_len) {
        return 0;
    }
    *packet = (struct packet){ .type = at[0], .body = at + used, .body_len = body_len };
    return used + body_len;
}

/* Makes texts of topic and payload where they lie: the topic moves over its length, and the byte
 * behind the payload is put back by the caller. */
static void hand_over(const struct packet *packet, broker_receiver *receiver, void *ctx)
{
    size_t topic_len = packet->body_len < 2 ? 0 : (size_t)packet->body[0] << 8 | packet->body[1];
    if ((packet->type & 0xf0) != PUBLISH || packet->body_len < 2 + topic_len) {
        return;
    }
    memmove(packet->body, packet->body + 2, topic_len);
    packet->body[topic_len] = '\0';
    uint8_t behind = packet->body[packet->body_len];
    packet->body[packet->body_len] = '\0';
    receiver(ctx, (char *)packet->body, (char *)packet->body + 2 + topic_len);
    packet->body[packet->body_len] = behind;
}

int broker_receive(struct broker *broker, broker_receiver *receiver, void *ctx)
{
    ssize_t got =
        recv(broker->fd, broker->in + broker->in_len, IN_ROOM - broker->in_len, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
    }
    /* Else a broker with Nagle's algorithm keeps the next message for up to 40 ms. */
    const int on = 1;
    (void)setsockopt(broker->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    broker->in_len += (size_t)got;
    size_t used = 0;
    struct packet packet;
    for (;;) {
        size_t len = read_packet(broker->in + used, broker->in_len - used, &packet);
        if (len == 0) {
            break;
        }
        hand_over(&packet, receiver, ctx);
        used += len;
    }
    memmove(broker->in, broker->in + used, broker->in_len - used);
    broker->in_len -= used;
    return 0;
}

/* --- connecting --- */

static int open_connection(struct broker *broker, uint16_t port, const char *client_id)
{
    int on = 1;
    uint8_t answer[4];
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    broker->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (broker->fd < 0 || connect(broker->fd, (struct sockaddr *)&address, sizeof(address)) ||
        setsockopt(broker->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))) {
        return -errno;
    }
    put_connect(broker, client_id);
    if (broker_flush(broker) ||
        recv(broker->fd, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer) || answer[3] != 0) {
        return -ECONNREFUSED; /* a CONNACK is four bytes, the last of them 0 */
    }
    return fcntl(broker->fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

int broker_connect(uint16_t port, const char *client_id, struct broker **broker)
{
    struct broker *made = calloc(1, sizeof(*made));
    if (!made) {
        return -ENOMEM;
    }
    int err = open_connection(made, port, client_id);
    if (err) {
        broker_free(made);
        return err;
    }
    *broker = made;
    return 0;
}

void broker_free(struct broker *broker)
{
    if (!broker) {
        return;
    }
    if (broker->fd >= 0) {
        close(broker->fd);
    }
    free(broker);
}

int broker_fd(const struct broker *broker)
{
    return broker->fd;
}
