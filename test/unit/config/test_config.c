/*
 * What a good file becomes: defaults, every kind of setting, secrets.
 */
#include "config/config.h"
#include "config/error.h"
#include "test/unit/config/fake_environment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Loads a text that must be right. */
static void load(const char *text, struct config *config)
{
    struct config_error error;
    int err = config_load_text("test.yaml", text, strlen(text), &fake_environment, config, &error);
    if (err) {
        fail_msg("%d: %s", err, error.count > 0 ? error.messages[0] : "no message");
    }
    assert_int_equal(error.count, 0);
}

static void empty_file_gives_the_defaults_of_the_contract(void **state)
{
    static const char *const texts[] = { "", "# nothing\n", "---\n", "{}",
                                         "mqtt:\nlwm2m:\n  coap:\n" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config config;
        load(texts[i], &config);
        assert_int_equal(config.mqtt.brokers.count, 1);
        assert_string_equal(config.mqtt.brokers.items[0].host, "127.0.0.1");
        assert_int_equal(config.mqtt.brokers.items[0].port, 1883);
        assert_false(config.mqtt.brokers.items[0].tls);
        assert_int_equal(config.mqtt.version, CONFIG_MQTT_5);
        assert_string_equal(config.mqtt.client_id, "lwm2mqtt");
        assert_string_equal(config.mqtt.username, "");
        assert_string_equal(config.mqtt.password, "");
        assert_true(config.mqtt.tls.verify);
        assert_int_equal(config.mqtt.keepalive_ms, 60000);
        assert_int_equal(config.mqtt.session_expiry_ms, 24 * 3600 * 1000);
        assert_false(config.mqtt.clean_start);
        assert_int_equal(config.mqtt.reconnect_min_ms, 1000);
        assert_int_equal(config.mqtt.reconnect_max_ms, 60000);
        assert_int_equal(config.mqtt.max_inflight, 1000);
        assert_int_equal(config.mqtt.max_backlog, 100000);
        assert_string_equal(config.mqtt.mountpoint, "");
        assert_false(config.mqtt.content_names);
        assert_int_equal(config.lwm2m.listeners.count, 1);
        assert_int_equal(config.lwm2m.listeners.items[0].transport, CONFIG_TRANSPORT_UDP);
        assert_string_equal(config.lwm2m.listeners.items[0].host, "::");
        assert_int_equal(config.lwm2m.listeners.items[0].port, 5783);
        assert_int_equal(config.lwm2m.socket_buffer, 4 << 20);
        assert_int_equal(config.lwm2m.max_devices, 1000000);
        assert_int_equal(config.lwm2m.limits.requests_per_source, 0);
        assert_int_equal(config.lwm2m.limits.requests_per_prefix, 0);
        assert_int_equal(config.lwm2m.limits.requests_per_device, 0);
        assert_int_equal(config.lwm2m.limits.registrations_per_second, 0);
        assert_int_equal(config.lwm2m.limits.burst_ms, 10000);
        assert_int_equal(config.lwm2m.limits.tracked_sources, 65536);
        assert_int_equal(config.lwm2m.limits.registration_data, 1 << 30);
        assert_int_equal(config.lwm2m.limits.auto_observations, 256);
        assert_false(config.lwm2m.require_echo);
        assert_int_equal(config.lwm2m.lifetime_min_ms, 15000);
        assert_int_equal(config.lwm2m.lifetime_max_ms, 86400000);
        assert_int_equal(config.lwm2m.qmode_time_window_ms, 93000);
        assert_int_equal(config.lwm2m.qmode_overrides.count, 0);
        assert_int_equal(config.lwm2m.queue_length, 32);
        assert_int_equal(config.lwm2m.queue_attempts, 10);
        assert_int_equal(config.lwm2m.observe_grace_ms, 300000);
        assert_int_equal(config.lwm2m.observe_pmax_ms, 0);
        assert_int_equal(config.lwm2m.response_timeout_ms, 93000);
        assert_int_equal(config.lwm2m.auto_observe.mode, CONFIG_AUTO_OBSERVE_OFF);
        assert_int_equal(config.lwm2m.update_publish, CONFIG_UPDATE_ALWAYS);
        assert_false(config.lwm2m.report_queued);
        assert_int_equal(config.lwm2m.coap.ack_timeout_ms, 2000);
        assert_true(config.lwm2m.coap.ack_random_factor == 1.5);
        assert_int_equal(config.lwm2m.coap.max_retransmit, 4);
        assert_int_equal(config.lwm2m.coap.exchange_lifetime_ms, 247000);
        assert_int_equal(config.lwm2m.coap.max_block_size, 1024);
        assert_int_equal(config.lwm2m.coap.max_body_size, 4 << 20);
        assert_int_equal(config.lwm2m.coap.max_transfers, 1024);
        assert_int_equal(config.lwm2m.coap.max_bodies_size, 256 << 20);
        assert_string_equal(config.security.psk_file, "");
        assert_string_equal(config.store.path, "");
        assert_int_equal(config.store.sync, CONFIG_STORE_SYNC_PROCESS);
        assert_int_equal(config.store.max_bytes, 1024 * 1024 * 1024);
        assert_true(config.store.dtls_sessions);
        assert_int_equal(config.mqtt.backlog_full, CONFIG_BACKLOG_REFUSE);
        assert_int_equal(config.mqtt.drain_rate, 2000);
        assert_int_equal(config.log.level, CONFIG_LOG_INFO);
        assert_int_equal(config.log.format, CONFIG_LOG_TEXT);
        config_deinit(&config);
    }
}

static void default_topics_are_those_of_the_contract(void **state)
{
    static const char *const topics[CONFIG_TOPICS] = {
        [CONFIG_TOPIC_COMMAND] = "dn/${endpoint_name}",
        [CONFIG_TOPIC_RESPONSE] = "up/resp",
        [CONFIG_TOPIC_REGISTER] = "up/register",
        [CONFIG_TOPIC_UPDATE] = "up/update",
        [CONFIG_TOPIC_DEREGISTER] = "up/deregister",
        [CONFIG_TOPIC_NOTIFY] = "up/notify",
        [CONFIG_TOPIC_SEND] = "up/send",
        [CONFIG_TOPIC_STATUS] = "lwm2mqtt/${client_id}/status",
    };
    struct config config;
    (void)state;
    load("", &config);
    for (size_t i = 0; i < CONFIG_TOPICS; i++) {
        assert_string_equal(config.mqtt.topics[i].topic, topics[i]);
        assert_int_equal(config.mqtt.topics[i].qos, 1);
    }
    config_deinit(&config);
}

static void every_kind_of_setting_is_read(void **state)
{
    struct config config;
    (void)state;
    load("mqtt:\n"
         "  broker: [mqtts://a.example, 'ssl://[2001:db8::1]:18883', tcp://10.0.0.1]\n"
         "  version: 3.1.1\n"
         "  client_id: 'gw 1'\n"
         "  tls: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, verify: false}\n"
         "  keepalive: 5m\n"
         "  session_expiry: 0s\n"
         "  reconnect_min: 500ms\n"
         "  mountpoint: lwm2m/%e/\n"
         "  topics:\n"
         "    command: {topic: dn/#, qos: 2}\n"
         "    notify: {qos: 0}\n"
         "    send: {topic: 'up/${peerhost}/send'}\n"
         "lwm2m:\n"
         "  listeners:\n"
         "    - {transport: udp, bind: '*:5683'}\n"
         "    - {transport: dtls, bind: '127.0.0.1:5684'}\n"
         "    - {transport: udp, bind: '[fe80::1%eth0]:5683'}\n"
         "  qmode_overrides:\n"
         "    - {endpoint: 'urn:imei:86*', time_window: 10s}\n"
         "    - {endpoint: '*', time_window: 22s}\n"
         "  auto_observe: [/3/0, 3303, /4/0/1/2]\n"
         "  update_publish: object_list_changed\n"
         "  coap: {ack_random_factor: 2.25, max_block_size: 64, max_body_size: 16KiB}\n"
         "security: {psk_file: /etc/psk}\n"
         "store: {path: lwm2mqtt.db}\n"
         "log: {level: trace, format: json}\n",
         &config);
    assert_int_equal(config.mqtt.brokers.count, 3);
    assert_string_equal(config.mqtt.brokers.items[0].host, "a.example");
    assert_int_equal(config.mqtt.brokers.items[0].port, 8883);
    assert_true(config.mqtt.brokers.items[0].tls);
    assert_string_equal(config.mqtt.brokers.items[1].host, "2001:db8::1");
    assert_int_equal(config.mqtt.brokers.items[1].port, 18883);
    assert_true(config.mqtt.brokers.items[1].tls);
    assert_string_equal(config.mqtt.brokers.items[2].host, "10.0.0.1");
    assert_false(config.mqtt.brokers.items[2].tls);
    assert_int_equal(config.mqtt.version, CONFIG_MQTT_3_1_1);
    assert_string_equal(config.mqtt.client_id, "gw 1");
    assert_string_equal(config.mqtt.tls.ca_file, "ca.pem");
    assert_false(config.mqtt.tls.verify);
    assert_int_equal(config.mqtt.keepalive_ms, 300000);
    assert_int_equal(config.mqtt.session_expiry_ms, 0);
    assert_int_equal(config.mqtt.reconnect_min_ms, 500);
    assert_string_equal(config.mqtt.mountpoint, "lwm2m/%e/");
    assert_string_equal(config.mqtt.topics[CONFIG_TOPIC_COMMAND].topic, "dn/#");
    assert_int_equal(config.mqtt.topics[CONFIG_TOPIC_COMMAND].qos, 2);
    assert_string_equal(config.mqtt.topics[CONFIG_TOPIC_NOTIFY].topic, "up/notify");
    assert_int_equal(config.mqtt.topics[CONFIG_TOPIC_NOTIFY].qos, 0);
    assert_string_equal(config.mqtt.topics[CONFIG_TOPIC_SEND].topic, "up/${peerhost}/send");
    assert_int_equal(config.mqtt.topics[CONFIG_TOPIC_SEND].qos, 1);
    assert_int_equal(config.lwm2m.listeners.count, 3);
    assert_string_equal(config.lwm2m.listeners.items[0].host, "*");
    assert_int_equal(config.lwm2m.listeners.items[0].port, 5683);
    assert_int_equal(config.lwm2m.listeners.items[1].transport, CONFIG_TRANSPORT_DTLS);
    assert_string_equal(config.lwm2m.listeners.items[2].host, "fe80::1%eth0");
    assert_int_equal(config.lwm2m.qmode_overrides.count, 2);
    assert_string_equal(config.lwm2m.qmode_overrides.items[0].endpoint, "urn:imei:86*");
    assert_int_equal(config.lwm2m.qmode_overrides.items[1].time_window_ms, 22000);
    assert_int_equal(config.lwm2m.auto_observe.mode, CONFIG_AUTO_OBSERVE_PATHS);
    assert_int_equal(config.lwm2m.auto_observe.count, 3);
    assert_string_equal(config.lwm2m.auto_observe.paths[1], "/3303");
    assert_string_equal(config.lwm2m.auto_observe.paths[2], "/4/0/1/2");
    assert_int_equal(config.lwm2m.update_publish, CONFIG_UPDATE_OBJECT_LIST_CHANGED);
    assert_true(config.lwm2m.coap.ack_random_factor == 2.25);
    assert_int_equal(config.lwm2m.coap.max_block_size, 64);
    assert_int_equal(config.lwm2m.coap.max_body_size, 16384);
    assert_string_equal(config.security.psk_file, "/etc/psk");
    assert_string_equal(config.store.path, "lwm2mqtt.db");
    assert_int_equal(config.log.level, CONFIG_LOG_TRACE);
    assert_int_equal(config.log.format, CONFIG_LOG_JSON);
    config_deinit(&config);
}

static void auto_observe_true_observes_all(void **state)
{
    struct config config;
    (void)state;
    load("lwm2m: {auto_observe: true}", &config);
    assert_int_equal(config.lwm2m.auto_observe.mode, CONFIG_AUTO_OBSERVE_ALL);
    config_deinit(&config);
}

static void environment_variables_are_put_in(void **state)
{
    struct config config;
    (void)state;
    load("mqtt:\n"
         "  broker: mqtt://${env:HOST}:1884\n"
         "  username: '<${env:EMPTY}${env:HOST}>'\n"
         "  password: ${env:MQTT_PASSWORD}\n"
         "  keepalive: ${env:KEEPALIVE}\n",
         &config);
    assert_string_equal(config.mqtt.brokers.items[0].host, "broker.example");
    assert_int_equal(config.mqtt.brokers.items[0].port, 1884);
    assert_string_equal(config.mqtt.username, "<broker.example>");
    assert_string_equal(config.mqtt.password, "hunter2");
    assert_int_equal(config.mqtt.keepalive_ms, 45000);
    config_deinit(&config);
}

static void password_comes_from_its_file(void **state)
{
    struct config config;
    (void)state;
    load("mqtt: {version: 3.1.1, username: gw, password_file: /run/secret}", &config);
    assert_string_equal(config.mqtt.password, "from-file");
    config_deinit(&config);
}

static void accepted_topics(void **state)
{
    static const char *const texts[] = {
        "mqtt: {mountpoint: 'lwm2m/${endpoint_name}/', topics: {command: {topic: 'dn/#'}}}",
        "mqtt: {mountpoint: '%e/', topics: {command: {topic: dn}}}",
        "mqtt: {topics: {command: {topic: 'a/%e/b/#'}}}",
        "mqtt: {topics: {command: {topic: '%e'}}}",
        "mqtt: {topics: {notify: {topic: '${endpoint_name}/${peerhost}-x/notify'}}}",
        "mqtt: {topics: {response: {topic: '100%/$x/ü'}}}",
        "mqtt: {topics: {status: {topic: gateway/status}}}",
        "mqtt: {client_id: 'a+b', topics: {status: {topic: gateway/status}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config config;
        load(texts[i], &config);
        config_deinit(&config);
    }
}

static void nothing_is_left_after_deinit(void **state)
{
    struct config config;
    const struct config empty = { 0 };
    (void)state;
    load("lwm2m: {auto_observe: [/3], qmode_overrides: [{endpoint: a, time_window: 1s}]}", &config);
    config_deinit(&config);
    assert_memory_equal(&config, &empty, sizeof config);
    config_deinit(&config);
}

static void missing_file_is_reported(void **state)
{
    struct config config;
    struct config_error error;
    (void)state;
    assert_int_equal(config_load_file("/nonexistent/x.yaml", &config, &error), -ENOENT);
    assert_int_equal(error.count, 1);
    assert_string_equal(error.messages[0],
                        "/nonexistent/x.yaml: the file cannot be read: No such file or directory");
}

static void file_is_loaded(void **state)
{
    char path[] = "/tmp/lwm2mqtt-test-config-XXXXXX";
    static const char text[] = "mqtt: {client_id: from-disk}\nlwm2m: {xml_dir: ''}\n";
    struct config config;
    struct config_error error;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    int err = config_load_file(path, &config, &error);
    assert_int_equal(remove(path), 0);
    assert_int_equal(err, 0);
    assert_string_equal(config.mqtt.client_id, "from-disk");
    config_deinit(&config);
}

static void too_large_a_text_is_refused(void **state)
{
    struct config config;
    struct config_error error;
    size_t len = CONFIG_TEXT_MAX + 1;
    char *text = malloc(len);
    (void)state;
    assert_non_null(text);
    memset(text, '\n', len);
    assert_int_equal(config_load_text("f", text, len, &fake_environment, &config, &error),
                     -EBADMSG);
    assert_string_equal(error.messages[0], "f: the file is larger than 1MiB");
    free(text);
}

static void quotations_are_cut_between_characters_and_escaped(void **state)
{
    char quote[CONFIG_QUOTE_SIZE];
    char text[200];
    (void)state;
    assert_string_equal(config_error_quote("a\x1b[2J\n", 6, quote), "\"a\\x1b[2J\\x0a\"");
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 1 < sizeof text; i += 2) {
            memcpy(text + i, "ü", 2);
        }
        const char *made = config_error_quote(text, sizeof text, quote);
        size_t len = strlen(made);
        assert_true(len < CONFIG_QUOTE_SIZE);
        assert_string_equal(made + len - 4, "…\"");
        assert_int_equal((len - 5 - shift) % 2, 0); /* only whole characters of two bytes */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file_gives_the_defaults_of_the_contract),
        cmocka_unit_test(default_topics_are_those_of_the_contract),
        cmocka_unit_test(every_kind_of_setting_is_read),
        cmocka_unit_test(auto_observe_true_observes_all),
        cmocka_unit_test(environment_variables_are_put_in),
        cmocka_unit_test(password_comes_from_its_file),
        cmocka_unit_test(accepted_topics),
        cmocka_unit_test(nothing_is_left_after_deinit),
        cmocka_unit_test(missing_file_is_reported),
        cmocka_unit_test(file_is_loaded),
        cmocka_unit_test(too_large_a_text_is_refused),
        cmocka_unit_test(quotations_are_cut_between_characters_and_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
