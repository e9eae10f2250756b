/*
 * Broker URLs and socket addresses.
 */
#include "config/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static void good_brokers(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool tls;
    } cases[] = {
        { "mqtt://127.0.0.1", "127.0.0.1", 1883, false },
        { "mqtt://127.0.0.1:1", "127.0.0.1", 1, false },
        { "mqtts://mqtt.example.org", "mqtt.example.org", 8883, true },
        { "tcp://a_b-c:65535", "a_b-c", 65535, false },
        { "ssl://[::1]", "::1", 8883, true },
        { "MQTT://[fe80::1%eth0]:1883", "fe80::1%eth0", 1883, false },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct config_broker broker;
        assert_int_equal(config_address_broker(cases[i].text, &broker), 0);
        assert_string_equal(broker.host, cases[i].host);
        assert_int_equal(broker.port, cases[i].port);
        assert_int_equal(broker.tls, cases[i].tls);
    }
}

static void bad_brokers(void **state)
{
    static const char *const cases[] = {
        "",
        "127.0.0.1:1883",
        "mqtt:/127.0.0.1",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://a:",
        "mqtt://a:0",
        "mqtt://a:65536",
        "mqtt://a:1883/",
        "mqtt://a/topic",
        "mqtt://a:18x",
        "mqtt://user:secret@a",
        "mqtt://user@a",
        "mqtt://[::1",
        "mqtt://[::1]x",
        "mqtt://[127.0.0.1]",
        "mqtt://[a]",
        "mqtt://::1",
        "mqtt://-a",
        "mqtt://a b",
        "ws://a",
        "http://a:1883",
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct config_broker broker;
        if (config_address_broker(cases[i], &broker) != -EBADMSG) {
            fail_msg("accepted \"%s\"", cases[i]);
        }
    }
}

static void hosts_are_bounded(void **state)
{
    char text[300] = "mqtt://";
    struct config_broker broker;
    (void)state;
    memset(text + 7, 'a', 255);
    assert_int_equal(config_address_broker(text, &broker), 0);
    assert_int_equal(strlen(broker.host), 255);
    text[7 + 255] = 'a';
    assert_int_equal(config_address_broker(text, &broker), -EBADMSG);
}

static void binds(void **state)
{
    static const struct {
        const char *text, *host; /* NULL: refused */
        uint16_t port;
    } cases[] = {
        { "[::]:5783", "::", 5783 },
        { "0.0.0.0:5783", "0.0.0.0", 5783 },
        { "*:1", "*", 1 },
        { "[::ffff:10.0.0.1]:65535", "::ffff:10.0.0.1", 65535 },
        { "[fe80::1%eth0]:5683", "fe80::1%eth0", 5683 },
        { "[fe80::1%]:5683", NULL, 0 },
        { "[*]:5683", NULL, 0 },
        { "[::]", NULL, 0 },
        { "::5783", NULL, 0 },
        { "[::]5783", NULL, 0 },
        { ":5783", NULL, 0 },
        { "5783", NULL, 0 },
        { "localhost:5783", NULL, 0 },
        { "256.0.0.1:5783", NULL, 0 },
        { "1.2.3:5783", NULL, 0 },
        { "*:0", NULL, 0 },
        { "*:65536", NULL, 0 },
        { "*: 1", NULL, 0 },
        { "", NULL, 0 },
        { "[::1%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:1", NULL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct config_listener listener = { .port = 0 };
        int err = config_address_bind(cases[i].text, &listener);
        if (err != (cases[i].host != NULL ? 0 : -EBADMSG)) {
            fail_msg("\"%s\": %d", cases[i].text, err);
        }
        if (err == 0) {
            assert_string_equal(listener.host, cases[i].host);
            assert_int_equal(listener.port, cases[i].port);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_brokers),
        cmocka_unit_test(bad_brokers),
        cmocka_unit_test(hosts_are_bounded),
        cmocka_unit_test(binds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
