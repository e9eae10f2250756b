#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/socket.h"
#include "mqtt/window.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int nodelay_of(int fd)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    return value != 0;
}

struct pair {
    int listener;
    int client;
    int accepted;
};

static struct pair connect_pair(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    struct pair pair = { .listener = socket(AF_INET, SOCK_STREAM, 0),
                         .client = socket(AF_INET, SOCK_STREAM, 0) };
    assert_int_equal(bind(pair.listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(pair.listener, 1), 0);
    assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(pair.client, (struct sockaddr *)&address, len), 0);
    pair.accepted = accept(pair.listener, NULL, NULL);
    assert_true(pair.accepted >= 0);
    return pair;
}

static void close_pair(const struct pair *pair)
{
    (void)close(pair->accepted);
    (void)close(pair->client);
    (void)close(pair->listener);
}

static void connected_sockets_of_tcp_get_it_and_no_others(void **state)
{
    struct pair pair = connect_pair();
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    int found = -1;
    (void)state;

    assert_int_equal(nodelay_of(pair.client), 0);
    assert_int_equal(mqtt_socket_set_nodelay(&found), 2); /* both ends live in this process */
    assert_true(found == pair.client || found == pair.accepted);
    assert_int_equal(nodelay_of(pair.client), 1);
    assert_int_equal(nodelay_of(pair.accepted), 1);
    assert_int_equal(nodelay_of(pair.listener), 0);
    assert_int_equal(mqtt_socket_set_nodelay(&found), 0);
    assert_int_equal(found, -1);
    (void)close(udp);
    close_pair(&pair);
}

/* Segments that the other side has not acknowledged. */
static unsigned unacknowledged(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_unacked;
}

static void what_was_received_is_acknowledged_at_once(void **state)
{
    struct pair pair = connect_pair();
    const int off = 0;
    char byte = 'x';
    (void)state;
    /* A fresh connection acknowledges quickly by itself; from now on this one does not. */
    assert_int_equal(setsockopt(pair.accepted, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)), 0);
    assert_int_equal(send(pair.client, &byte, 1, 0), 1);
    assert_int_equal(recv(pair.accepted, &byte, 1, 0), 1);
    assert_int_equal(unacknowledged(pair.client), 1);
    mqtt_socket_acknowledge(pair.accepted);
    assert_int_equal(unacknowledged(pair.client), 0);
    mqtt_socket_acknowledge(-1);
    close_pair(&pair);
}

static void the_round_trip_is_the_kernels(void **state)
{
    struct pair pair = connect_pair();
    (void)state;
    assert_in_range(mqtt_socket_round_trip_us(pair.client), 1, 10000000);
    assert_int_equal(mqtt_socket_round_trip_us(-1), 0);
    close_pair(&pair);
}

static void the_window_holds_what_is_under_way_at_full_rate(void **state)
{
    (void)state;
    assert_int_equal(mqtt_window_for(0), 256);
    assert_int_equal(mqtt_window_for(5000), 256);
    assert_int_equal(mqtt_window_for(20000), 1000);
    assert_int_equal(mqtt_window_for(UINT32_MAX), 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connected_sockets_of_tcp_get_it_and_no_others),
        cmocka_unit_test(what_was_received_is_acknowledged_at_once),
        cmocka_unit_test(the_round_trip_is_the_kernels),
        cmocka_unit_test(the_window_holds_what_is_under_way_at_full_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
