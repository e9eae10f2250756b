/* Real sockets on the loopback interface: families, batches, source addresses, limits. */
#include "lwm2m/transport/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEEP = 200 };

/* What arrived, and what to do with it. */
struct inbox {
    struct transport_udp *udp;
    bool echo;
    size_t count;
    size_t lens[KEEP];
    struct transport_route last;
    uint8_t data[TRANSPORT_UDP_DATAGRAM_MAX];
    struct transport_route coming[TRANSPORT_UDP_BATCH]; /* of the batch under way */
    size_t first;                                       /* its place among the others */
};

static void keep(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct inbox *inbox = ctx;
    assert_true(inbox->count < KEEP);
    inbox->lens[inbox->count++] = len;
    inbox->last = *route;
    memcpy(inbox->data, data, len);
    if (inbox->echo) {
        transport_udp_send(inbox->udp, route, data, len);
    }
}

/* All of a batch are announced before the first of them is handed over. */
static void announce(void *ctx, const struct transport_route routes[], size_t count)
{
    struct inbox *inbox = ctx;
    memcpy(inbox->coming, routes, count * sizeof(*routes));
    inbox->first = inbox->count;
}

static void keep_announced(void *ctx, const struct transport_route *route, uint8_t *data,
                           size_t len)
{
    struct inbox *inbox = ctx;
    assert_memory_equal(route, &inbox->coming[inbox->count - inbox->first], sizeof(*route));
    keep(ctx, route, data, len);
}

static struct transport_udp *bound(const char *host, uint16_t listener)
{
    struct transport_udp_settings settings = { .host = host,
                                               .listener = listener,
                                               .socket_buffer = 1 << 20 };
    struct transport_udp *udp = NULL;
    assert_int_equal(transport_udp_new(&settings, &udp), 0);
    assert_int_not_equal(transport_udp_port(udp), 0);
    return udp;
}

/* A device: a socket that is connected to `to`, so that it hears answers from there alone. */
static int device(const char *to, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool v4 = inet_pton(AF_INET, to, &in.sin_addr) == 1;
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    if (v4) {
        assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    } else {
        assert_int_equal(inet_pton(AF_INET6, to, &in6.sin6_addr), 1);
        assert_int_equal(connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in own;
    socklen_t len = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    return ntohs(own.sin_port);
}

static void await(int fd)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&ready, 1, 2000), 1);
}

/* A datagram to the listener and its echo back, from exactly the address that was written to. */
static void exchanges(const char *bind_to, const char *write_to, const char *local_text)
{
    struct transport_udp *udp = bound(bind_to, 7);
    struct inbox inbox = { .udp = udp, .echo = true };
    int fd = device(write_to, transport_udp_port(udp));
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, NULL, keep, &inbox), 1);
    transport_udp_flush(udp);
    assert_int_equal(inbox.lens[0], 5);
    assert_int_equal(inbox.last.listener, 7);
    assert_int_equal(inbox.last.session, 0);

    struct transport_address local = { 0 };
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    memcpy(local.ip, inbox.last.local_ip, sizeof(local.ip));
    transport_address_format_ip(&local, text);
    assert_string_equal(text, local_text);

    char answer[16];
    await(fd);
    assert_int_equal(recv(fd, answer, sizeof(answer), 0), 5);
    assert_memory_equal(answer, "hello", 5);
    assert_int_equal(transport_udp_dropped(udp), 0);
    close(fd);
    transport_udp_free(udp);
}

static void answers_leave_from_the_address_that_was_written_to(void **state)
{
    (void)state;
    static const struct {
        const char *bind_to, *write_to;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1" },
        { "0.0.0.0", "127.0.0.1" },
        { "0.0.0.0", "127.0.0.2" },
        { "::1", "::1" },
        { "::", "::1" },
        { "::", "127.0.0.2" },
        { "*", "127.0.0.3" },
        { "*", "::1" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        exchanges(cases[i].bind_to, cases[i].write_to, cases[i].write_to);
    }
}

static void it_tells_how_full_its_buffer_is(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct inbox inbox = { .udp = udp };
    int fd = device("127.0.0.1", transport_udp_port(udp));
    char datagram[1000] = { 0 };
    assert_int_equal(transport_udp_full_percent(udp), 0);
    for (int i = 0; i < 10000; i++) { /* far more than fits */
        (void)send(fd, datagram, sizeof(datagram), 0);
    }
    assert_in_range(transport_udp_full_percent(udp), 90, 100);
    while (transport_udp_receive(udp, NULL, keep, &inbox) > 0) {
        inbox.count = 0;
    }
    assert_int_equal(transport_udp_full_percent(udp), 0);
    close(fd);
    transport_udp_free(udp);
}

static void the_remote_address_is_the_device(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("*", 0);
    struct inbox inbox = { .udp = udp };
    int fd = device("127.0.0.1", transport_udp_port(udp));
    struct sockaddr_in own;
    socklen_t own_len = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &own_len), 0);
    assert_int_equal(send(fd, "", 0, 0), 0);
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, NULL, keep, &inbox), 1);

    struct transport_address expected;
    assert_int_equal(transport_address_from_sockaddr((struct sockaddr *)&own, &expected), 0);
    assert_true(transport_address_equal(&inbox.last.remote, &expected));
    assert_int_equal(inbox.lens[0], 0);
    close(fd);
    transport_udp_free(udp);
}

static void datagrams_come_in_batches_of_64(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct inbox inbox = { .udp = udp, .echo = true };
    int fd = device("127.0.0.1", transport_udp_port(udp));
    for (uint8_t i = 0; i < 150; i++) {
        assert_int_equal(send(fd, &i, 1, 0), 1);
    }
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, announce, keep_announced, &inbox), 64);
    assert_int_equal(transport_udp_receive(udp, announce, keep_announced, &inbox), 64);
    assert_int_equal(transport_udp_receive(udp, announce, keep_announced, &inbox), 22);
    assert_int_equal(transport_udp_receive(udp, NULL, keep, &inbox), 0);
    transport_udp_flush(udp);
    for (uint8_t i = 0; i < 150; i++) {
        uint8_t answer = 255;
        await(fd);
        assert_int_equal(recv(fd, &answer, 1, 0), 1);
        assert_int_equal(answer, i);
    }
    assert_int_equal(transport_udp_dropped(udp), 0);
    close(fd);
    transport_udp_free(udp);
}

static void a_datagram_too_long_is_dropped_whole(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct inbox inbox = { .udp = udp };
    static const uint8_t zeros[TRANSPORT_UDP_DATAGRAM_MAX + 1];
    int fd = device("127.0.0.1", transport_udp_port(udp));
    int other = device("127.0.0.1", transport_udp_port(udp));
    assert_int_equal(send(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
    assert_int_equal(send(other, zeros, sizeof(zeros) - 1, 0), sizeof(zeros) - 1);
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, announce, keep_announced, &inbox), 2);
    assert_int_equal(inbox.count, 1);
    assert_int_equal(inbox.lens[0], TRANSPORT_UDP_DATAGRAM_MAX);
    assert_int_equal(inbox.last.remote.port, port_of(other));
    assert_int_equal(transport_udp_oversized(udp), 1);

    transport_udp_send(udp, &inbox.last, zeros, sizeof(zeros));
    assert_int_equal(transport_udp_dropped(udp), 1);
    close(other);
    close(fd);
    transport_udp_free(udp);
}

static void long_datagrams_fill_a_batch_before_it_is_full(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct inbox inbox = { .udp = udp };
    static uint8_t data[TRANSPORT_UDP_DATAGRAM_MAX];
    int fd = device("127.0.0.1", transport_udp_port(udp));
    assert_int_equal(send(fd, "x", 1, 0), 1);
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, NULL, keep, &inbox), 1);
    int room = 1 << 20;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) &&
                         setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)),
                     0);
    for (uint8_t i = 0; i < 40; i++) {
        memset(data, i, sizeof(data));
        transport_udp_send(udp, &inbox.last, data, sizeof(data));
    }
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&ready, 1, 2000), 1); /* 256 KiB were full: those went by themselves */
    transport_udp_flush(udp);
    for (uint8_t i = 0; i < 40; i++) {
        await(fd);
        assert_int_equal(recv(fd, data, sizeof(data), 0), sizeof(data));
        assert_int_equal(data[sizeof(data) - 1], i);
    }
    assert_int_equal(transport_udp_dropped(udp), 0);
    close(fd);
    transport_udp_free(udp);
}

static void what_cannot_go_is_counted_and_the_rest_goes(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct inbox inbox = { .udp = udp };
    int fd = device("127.0.0.1", transport_udp_port(udp));
    assert_int_equal(send(fd, "x", 1, 0), 1);
    await(transport_udp_fd(udp));
    assert_int_equal(transport_udp_receive(udp, NULL, keep, &inbox), 1);

    struct transport_route v6 = inbox.last;
    v6.remote.ip[0] = 0x20; /* not an IPv4 address: this socket cannot reach it */
    struct transport_route foreign = inbox.last;
    const uint8_t not_ours[] = { 192, 0, 2, 1 };
    memcpy(foreign.local_ip + 12, not_ours, sizeof(not_ours));
    transport_udp_send(udp, &v6, (const uint8_t *)"a", 1);
    transport_udp_send(udp, &foreign, (const uint8_t *)"b", 1);
    transport_udp_send(udp, &inbox.last, (const uint8_t *)"c", 1);
    transport_udp_flush(udp);
    assert_int_equal(transport_udp_dropped(udp), 2);

    char answer = 0;
    await(fd);
    assert_int_equal(recv(fd, &answer, 1, 0), 1);
    assert_int_equal(answer, 'c');
    close(fd);
    transport_udp_free(udp);
}

static void a_listener_that_cannot_be_bound_says_why(void **state)
{
    (void)state;
    struct transport_udp *udp = bound("127.0.0.1", 0);
    struct transport_udp *second = NULL;
    struct transport_udp_settings taken = { .host = "127.0.0.1", .port = transport_udp_port(udp) };
    assert_int_equal(transport_udp_new(&taken, &second), -EADDRINUSE);
    static const char *const wrong[] = { "", "localhost", "1.2.3.4.5", "[::1]", ":::" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct transport_udp_settings settings = { .host = wrong[i] };
        assert_int_equal(transport_udp_new(&settings, &second), -EINVAL);
    }
    struct transport_udp_settings foreign = { .host = "192.0.2.1" };
    assert_int_equal(transport_udp_new(&foreign, &second), -EADDRNOTAVAIL);
    assert_null(second);
    transport_udp_free(NULL);
    transport_udp_free(udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_leave_from_the_address_that_was_written_to),
        cmocka_unit_test(the_remote_address_is_the_device),
        cmocka_unit_test(datagrams_come_in_batches_of_64),
        cmocka_unit_test(a_datagram_too_long_is_dropped_whole),
        cmocka_unit_test(long_datagrams_fill_a_batch_before_it_is_full),
        cmocka_unit_test(what_cannot_go_is_counted_and_the_rest_goes),
        cmocka_unit_test(it_tells_how_full_its_buffer_is),
        cmocka_unit_test(a_listener_that_cannot_be_bound_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
