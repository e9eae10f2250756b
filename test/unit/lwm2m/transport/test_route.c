/* Addresses and routes: text form, comparison, IPv4 as IPv4-mapped. */
#include "lwm2m/transport/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct transport_address address(const char *ip, uint16_t port, uint32_t scope)
{
    struct transport_address made;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_scope_id = scope };
    if (inet_pton(AF_INET, ip, &in.sin_addr) == 1) {
        assert_int_equal(transport_address_from_sockaddr((struct sockaddr *)&in, &made), 0);
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
        assert_int_equal(transport_address_from_sockaddr((struct sockaddr *)&in6, &made), 0);
    }
    return made;
}

static void addresses_have_their_usual_text(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        uint16_t port;
        uint32_t scope;
        const char *text, *ip_text;
    } cases[] = {
        { "192.0.2.1", 5683, 0, "192.0.2.1:5683", "192.0.2.1" },
        { "0.0.0.0", 0, 0, "0.0.0.0:0", "0.0.0.0" },
        { "255.255.255.255", 65535, 0, "255.255.255.255:65535", "255.255.255.255" },
        { "::ffff:192.0.2.1", 1, 0, "192.0.2.1:1", "192.0.2.1" },
        { "2001:db8::1", 5683, 0, "[2001:db8::1]:5683", "2001:db8::1" },
        { "::", 5683, 0, "[::]:5683", "::" },
        { "fe80::1", 5683, 7, "[fe80::1%7]:5683", "fe80::1%7" },
        { "fe80:1111:2222:3333:4444:5555:6666:7777", 65535, 4294967295,
          "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535",
          "fe80:1111:2222:3333:4444:5555:6666:7777%4294967295" },
        { "2001:db8::1", 5683, 7, "[2001:db8::1]:5683", "2001:db8::1" }, /* scope has no meaning */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transport_address a = address(cases[i].ip, cases[i].port, cases[i].scope);
        char text[TRANSPORT_ADDRESS_TEXT_MAX];
        assert_int_equal(transport_address_format(&a, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        assert_int_equal(transport_address_format_ip(&a, text), strlen(cases[i].ip_text));
        assert_string_equal(text, cases[i].ip_text);
    }
}

static void other_families_are_refused(void **state)
{
    (void)state;
    struct sockaddr unix_address = { .sa_family = AF_UNIX };
    struct transport_address made;
    assert_int_equal(transport_address_from_sockaddr(&unix_address, &made), -EINVAL);
}

static void an_address_is_ip_port_and_scope(void **state)
{
    (void)state;
    struct transport_address a = address("fe80::1", 1, 2);
    struct transport_address others[] = {
        address("fe80::2", 1, 2),
        address("fe80::1", 2, 2),
        address("fe80::1", 1, 3),
    };
    struct transport_address same = address("fe80::1", 1, 2);
    assert_true(transport_address_equal(&a, &same));
    for (size_t i = 0; i < 3; i++) {
        assert_false(transport_address_equal(&a, &others[i]));
    }
}

static void a_session_outlives_its_address(void **state)
{
    (void)state;
    struct transport_address here = address("192.0.2.1", 1, 0);
    struct transport_address there = address("192.0.2.2", 2, 0);
    const struct {
        struct transport_route a, b;
        bool same;
    } cases[] = {
        { { .remote = here }, { .remote = here, .local_ifindex = 3 }, true },
        { { .remote = here }, { .remote = there }, false },
        { { .remote = here }, { .remote = here, .listener = 1 }, false },
        { { .remote = here, .session = 5 }, { .remote = there, .session = 5 }, true },
        { { .remote = here, .session = 5 }, { .remote = here, .session = 6 }, false },
        { { .remote = here, .session = 5 }, { .remote = here }, false },
        { { .remote = here, .session = 5 },
          { .remote = here, .session = 5, .listener = 1 },
          false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(transport_route_same_peer(&cases[i].a, &cases[i].b), cases[i].same);
        assert_int_equal(transport_route_same_peer(&cases[i].b, &cases[i].a), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_their_usual_text),
        cmocka_unit_test(other_families_are_refused),
        cmocka_unit_test(an_address_is_ip_port_and_scope),
        cmocka_unit_test(a_session_outlives_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
