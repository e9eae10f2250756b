#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/nodelay.h"

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

static void connected_sockets_of_tcp_get_it_and_no_others(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, len), 0);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0 && udp >= 0);

    assert_int_equal(nodelay_of(client), 0);
    assert_int_equal(mqtt_nodelay_apply(), 2); /* both ends live in this process */
    assert_int_equal(nodelay_of(client), 1);
    assert_int_equal(nodelay_of(accepted), 1);
    assert_int_equal(nodelay_of(listener), 0);
    assert_int_equal(mqtt_nodelay_apply(), 0);
    (void)close(udp);
    (void)close(accepted);
    (void)close(client);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connected_sockets_of_tcp_get_it_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
