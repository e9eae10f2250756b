/* The connection against a real mosquitto: confirmation, loss, return, sessions, TLS. */
#include "broker.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

#define OPEN_BROKER "allow_anonymous true\n"

static bool a_connected(struct client *a, struct client *b)
{
    (void)b;
    return a->connected > 0;
}

static bool both_connected(struct client *a, struct client *b)
{
    return a->connected > 0 && b->connected > 0;
}

static bool a_received(struct client *a, struct client *b)
{
    (void)b;
    return a->received_count > 0;
}

static bool a_down(struct client *a, struct client *b)
{
    (void)b;
    return a->disconnected + a->failed > 0;
}

static bool all_reported(struct client *a, struct client *b)
{
    (void)b;
    return mqtt_connection_unconfirmed(a->connection) == 0;
}

static void count_reports(struct client *client, size_t ids)
{
    client->reported = calloc(ids, 1);
    client->reported_size = ids;
}

static void each_was_reported_once(struct client *client, size_t ids)
{
    for (size_t i = 0; i < ids; i++) {
        if (client->reported[i] != 1) {
            fail_msg("id %zu was reported %u times", i, client->reported[i]);
        }
    }
    free(client->reported);
    client->reported = NULL;
}

static struct mqtt_message text_message(const char *topic, const char *payload, uint8_t qos)
{
    return (
        struct mqtt_message){ .topic = topic, .payload = { payload, strlen(payload) }, .qos = qos };
}

static void publish_one(struct client *client, const char *topic, const char *payload, uint8_t qos)
{
    struct mqtt_message out = text_message(topic, payload, qos);
    assert_int_equal(mqtt_connection_publish(client->connection, &out, 0), 0);
}

static bool room_again(struct client *a, struct client *b)
{
    (void)b;
    return mqtt_connection_unconfirmed(a->connection) < 500;
}

/* Publishes `count` messages as fast as they are accepted. */
static void publish_many(struct client *client, size_t count, uint8_t qos)
{
    struct mqtt_user_property user = { { "ep", 2 }, { "dev", 3 } };
    for (size_t i = 0; i < count;) {
        struct mqtt_message out = text_message("up/notify", "{\"msgType\":\"notify\"}", qos);
        out.content_type = (struct mqtt_bytes){ "application/json", 16 };
        out.user_properties = &user;
        out.user_property_count = 1;
        int err = mqtt_connection_publish(client->connection, &out, i);
        if (err == -EAGAIN) {
            run_until(client, NULL, room_again, "room for publishes");
            continue;
        }
        assert_int_equal(err, 0);
        i++;
    }
}

static void ten_thousand_publishes_are_confirmed_once_each(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER); /* Receive Maximum 20, as mosquitto comes */
    broker_start(&broker);
    static const struct {
        unsigned version;
        uint8_t qos;
    } cases[] = { { 5, 0 }, { 5, 1 }, { 5, 2 }, { 4, 0 }, { 4, 1 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client client = { 0 };
        struct mqtt_settings settings = client_settings((const char *[]){ broker.uri }, "many");
        settings.version = cases[i].version;
        count_reports(&client, COUNT);
        client_start(&client, &settings);
        run_until(&client, NULL, a_connected, "connected");
        publish_many(&client, COUNT, cases[i].qos);
        run_until(&client, NULL, all_reported, "all confirmed");
        assert_int_equal(client.confirmed, COUNT);
        each_was_reported_once(&client, COUNT);
        client_end(&client);
    }
    broker_end(&broker);
}

static void properties_arrive_as_they_were_sent(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    for (unsigned version = 4; version <= 5; version++) {
        struct client app = { 0 };
        struct client gateway = { 0 };
        const char *const uri[] = { broker.uri };
        struct mqtt_settings settings = client_settings(uri, "gateway");
        settings.version = version;
        settings.subscriptions = &(struct mqtt_subscription){ "dn/+", 1 };
        settings.subscription_count = 1;
        client_start(&gateway, &settings);
        settings = client_settings(uri, "app");
        settings.version = version;
        client_start(&app, &settings);
        run_until(&gateway, &app, both_connected, "both connected");
        struct mqtt_user_property user = { { "ep", 2 }, { "dev", 3 } };
        struct mqtt_message out = text_message("dn/dev", "{}", 1);
        out.response_topic = (struct mqtt_bytes){ "app/1/answers", 13 };
        out.correlation = (struct mqtt_bytes){ "c-17", 4 };
        out.content_type = (struct mqtt_bytes){ "application/json", 16 };
        out.has_expiry = true;
        out.expiry_s = 60;
        out.user_properties = &user;
        out.user_property_count = 1;
        assert_int_equal(mqtt_connection_publish(app.connection, &out, 0), 0);
        run_until(&gateway, &app, a_received, "the message");
        const struct received *got = &gateway.received[0];
        assert_string_equal(got->topic, "dn/dev");
        assert_string_equal(got->payload, "{}");
        assert_int_equal(got->qos, 1);
        bool with = version == 5;
        assert_string_equal(got->response_topic, with ? "app/1/answers" : "");
        assert_string_equal(got->correlation, with ? "c-17" : "");
        assert_string_equal(got->content_type, with ? "application/json" : "");
        assert_string_equal(got->key, with ? "ep" : "");
        assert_string_equal(got->value, with ? "dev" : "");
        assert_int_equal(got->has_expiry, with);
        assert_true(!with || (got->expiry_s <= 60 && got->expiry_s > 50));
        client_end(&app);
        client_end(&gateway);
    }
    broker_end(&broker);
}

static void what_a_broker_would_take_offence_at_is_refused_here(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER "max_packet_size 2000\n");
    broker_start(&broker);
    struct client client = { 0 };
    struct mqtt_settings settings = client_settings((const char *[]){ broker.uri }, "careful");
    client_start(&client, &settings);
    struct mqtt_message out = text_message("up", "x", 1);
    assert_int_equal(mqtt_connection_publish(client.connection, &out, 0), -ENOTCONN);
    run_until(&client, NULL, a_connected, "connected");
    static const char *const topics[] = { "", "up/+", "#", "up/\x01", "up/\xff" };
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        out = text_message(topics[i], "x", 1);
        assert_int_equal(mqtt_connection_publish(client.connection, &out, 0), -EINVAL);
    }
    out = text_message("up", "x", 3);
    assert_int_equal(mqtt_connection_publish(client.connection, &out, 0), -EINVAL);
    static char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    publish_one(&client, "up", large, 1);
    run_until(&client, NULL, all_reported, "the report");
    assert_int_equal(client.last_status, -EMSGSIZE);
    publish_one(&client, "up", "", 1);
    run_until(&client, NULL, all_reported, "the report");
    assert_int_equal(client.confirmed, 1);
    assert_int_equal(client.disconnected, 0);
    client_end(&client);
    broker_end(&broker);
}

static void reasons_are_readable(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, "allow_anonymous false\npassword_file %s/passwords\n");
    char command[TEXT_MAX];
    snprintf(command, sizeof(command), "mosquitto_passwd -b -c %s/passwords gateway right",
             broker.directory);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "chmod 644 %s/passwords", broker.directory);
    assert_int_equal(system(command), 0);
    broker_start(&broker);
    static const struct {
        unsigned version;
        const char *password, *reason;
    } cases[] = {
        { 5, "wrong", "not authorized (135)" },
        { 4, "wrong", "not authorized (5)" },
        { 5, "right", NULL },
        { 4, "right", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client client = { 0 };
        struct mqtt_settings settings = client_settings((const char *[]){ broker.uri }, "user");
        settings.version = cases[i].version;
        settings.username = "gateway";
        settings.password = cases[i].password;
        client_start(&client, &settings);
        run_until(&client, NULL, cases[i].reason ? a_down : a_connected, "an end of the attempt");
        if (cases[i].reason) {
            assert_non_null(strstr(client.reason, cases[i].reason));
            assert_string_equal(client.broker, broker.uri);
        }
        client_end(&client);
    }
    broker_end(&broker);
}

static bool some_confirmed(struct client *a, struct client *b)
{
    (void)b;
    return a->confirmed > 200;
}

static bool connected_again(struct client *a, struct client *b)
{
    return a->connected > 1 && b->connected > 1;
}

static bool lost_and_reported(struct client *a, struct client *b)
{
    (void)b;
    return a->disconnected > 0;
}

static void a_killed_broker_loses_nothing_unreported(void **state)
{
    (void)state;
    enum { COUNT = 900 };
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    struct client gateway = { 0 };
    struct client app = { 0 };
    const char *const uri[] = { broker.uri };
    struct mqtt_settings settings = client_settings(uri, "gateway");
    settings.subscriptions = (struct mqtt_subscription[]){ { "dn/+", 1 }, { "dn2/+", 1 } };
    settings.subscription_count = 2;
    count_reports(&gateway, COUNT);
    client_start(&gateway, &settings);
    settings = client_settings(uri, "app");
    client_start(&app, &settings);
    run_until(&gateway, &app, both_connected, "both connected");
    publish_many(&gateway, COUNT, 1);
    run_until(&gateway, NULL, some_confirmed, "some confirmations");
    broker_stop(&broker, SIGKILL);
    run_until(&gateway, NULL, lost_and_reported, "the loss");
    assert_int_equal(mqtt_connection_unconfirmed(gateway.connection), 0);
    assert_int_equal(gateway.confirmed + gateway.lost, COUNT);
    each_was_reported_once(&gateway, COUNT);
    broker_start(&broker);
    run_until(&gateway, &app, connected_again, "both connected again");
    publish_one(&app, "dn2/dev", "after", 1);
    run_until(&gateway, &app, a_received, "a command after the return");
    assert_string_equal(gateway.received[0].payload, "after");
    client_end(&app);
    client_end(&gateway);
    broker_end(&broker);
}

static void a_broker_that_never_answers_is_given_up(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    kill(broker.pid, SIGSTOP); /* the kernel still accepts connections */
    struct client client = { 0 };
    struct mqtt_settings settings = client_settings((const char *[]){ broker.uri }, "patient");
    settings.connect_timeout_ms = 2000;
    client_start(&client, &settings);
    run_until(&client, NULL, a_down, "given up");
    assert_string_equal(client.reason, "no answer in time");
    kill(broker.pid, SIGCONT);
    run_until(&client, NULL, a_connected, "connected at last");
    client_end(&client);
    broker_end(&broker);
}

static void the_next_broker_is_used_when_the_first_is_down(void **state)
{
    (void)state;
    struct broker down;
    struct broker up;
    broker_prepare(&down, OPEN_BROKER);
    broker_prepare(&up, OPEN_BROKER);
    broker_start(&up);
    struct client client = { 0 };
    struct mqtt_settings settings = client_settings((const char *[]){ down.uri, up.uri }, "choosy");
    settings.broker_count = 2;
    settings.reconnect_min_ms = settings.reconnect_max_ms = 60000; /* no delay between brokers */
    client_start(&client, &settings);
    run_until(&client, NULL, a_connected, "connected");
    assert_string_equal(client.broker, up.uri);
    assert_int_equal(client.failed, 1);
    client_end(&client);
    broker_end(&up);
    broker_end(&down);
}

static void a_persistent_session_keeps_messages_meanwhile(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    for (unsigned version = 4; version <= 5; version++) {
        struct client app = { 0 };
        struct mqtt_settings settings = client_settings(uri, "app");
        client_start(&app, &settings);
        settings = client_settings(uri, version == 4 ? "old" : "new");
        settings.version = version;
        settings.clean_start = false;
        settings.session_expiry_s = 3600;
        settings.subscriptions = &(struct mqtt_subscription){ "dn/+", 1 };
        settings.subscription_count = 1;
        struct client first = { 0 };
        client_start(&first, &settings);
        run_until(&first, &app, both_connected, "both connected");
        assert_false(first.session_present);
        client_end(&first);
        publish_one(&app, "dn/dev", "meanwhile", 1);
        run_until(&app, NULL, all_reported, "confirmed");
        struct client second = { 0 };
        client_start(&second, &settings);
        run_until(&second, NULL, a_received, "the message");
        run_until(&second, NULL, a_connected, "connected");
        assert_true(second.session_present);
        assert_string_equal(second.received[0].payload, "meanwhile");
        client_end(&second);
        client_end(&app);
    }
    broker_end(&broker);
}

/* ---- another process, to die without a word ---- */

static struct mqtt_settings victim_settings(const char *const *uri)
{
    struct mqtt_settings settings = client_settings(uri, "victim");
    settings.clean_start = false;
    settings.session_expiry_s = 3600;
    settings.acknowledge_when_taken = true;
    static const struct mqtt_subscription commands = { "dn/+", 1 };
    settings.subscriptions = &commands;
    settings.subscription_count = 1;
    settings.status.topic = "lwm2mqtt/victim/status";
    settings.status.online = "online";
    settings.status.offline = "offline";
    settings.status.qos = 1;
    settings.status.retain = true;
    return settings;
}

static void die(void)
{
    raise(SIGKILL);
}

static bool never(struct client *a, struct client *b)
{
    (void)a;
    (void)b;
    return false;
}

/* Connects and dies when it is offered a message. */
static int be_victim(const char *uri)
{
    struct client client = { .refuse = 1, .on_offer = die };
    struct mqtt_settings settings = victim_settings(&uri);
    client_start(&client, &settings);
    run_until(&client, NULL, never, "death");
    return 1;
}

static pid_t start_victim(const char *uri)
{
    char copy[TEXT_MAX];
    snprintf(copy, sizeof(copy), "%s", uri);
    char *argv[] = { (char[]){ "victim" }, copy, NULL };
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
    return pid;
}

static bool saw_status(struct client *client, const char *text)
{
    for (size_t i = 0; i < client->received_count; i++) {
        if (strcmp(client->received[i].payload, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool saw_online(struct client *a, struct client *b)
{
    (void)b;
    return saw_status(a, "online");
}

static bool saw_offline(struct client *a, struct client *b)
{
    (void)b;
    return saw_status(a, "offline");
}

static void a_death_shows_the_will_and_loses_no_command(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    struct client app = { 0 };
    struct mqtt_settings settings = client_settings(uri, "app");
    settings.subscriptions = &(struct mqtt_subscription){ "lwm2mqtt/+/status", 1 };
    settings.subscription_count = 1;
    client_start(&app, &settings);
    run_until(&app, NULL, a_connected, "connected");
    pid_t victim = start_victim(broker.uri);
    run_until(&app, NULL, saw_online, "online");
    publish_one(&app, "dn/dev", "command", 1);
    run_until(&app, NULL, saw_offline, "the last will");
    waitpid(victim, NULL, 0);
    /* It was offered the command, did not take it, so did not acknowledge it: it comes again. */
    struct client heir = { 0 };
    settings = victim_settings(uri);
    client_start(&heir, &settings);
    run_until(&heir, NULL, a_received, "the command again");
    assert_string_equal(heir.received[0].payload, "command");
    assert_true(heir.received[0].duplicate);
    client_end(&heir);
    client_end(&app);
    broker_end(&broker);
}

static void an_orderly_close_says_offline_and_waits_for_publishes(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    struct client app = { 0 };
    struct mqtt_settings settings = client_settings(uri, "app");
    settings.subscriptions = &(struct mqtt_subscription){ "lwm2mqtt/+/status", 1 };
    settings.subscription_count = 1;
    client_start(&app, &settings);
    struct client gateway = { 0 };
    settings = victim_settings(uri);
    client_start(&gateway, &settings);
    run_until(&app, &gateway, both_connected, "both connected");
    publish_many(&gateway, COUNT, 1);
    client_end(&gateway);
    assert_int_equal(gateway.confirmed, COUNT);
    assert_string_equal(gateway.reason, "closed");
    run_until(&app, NULL, saw_offline, "offline");
    assert_int_equal(app.received_count, 2); /* online, offline: no will besides */
    client_end(&app);
    struct client late = { 0 };
    settings = client_settings(uri, "late");
    settings.subscriptions = &(struct mqtt_subscription){ "lwm2mqtt/+/status", 1 };
    settings.subscription_count = 1;
    client_start(&late, &settings);
    run_until(&late, NULL, a_received, "the retained status");
    assert_string_equal(late.received[0].payload, "offline");
    assert_true(late.received[0].retain);
    client_end(&late);
    broker_end(&broker);
}

static bool eight_received(struct client *a, struct client *b)
{
    (void)b;
    return a->received_count == 8;
}

static void refused_messages_are_offered_again_in_order(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    for (int when_taken = 0; when_taken <= 1; when_taken++) {
        struct client gateway = { .refuse = 3 };
        struct client app = { 0 };
        struct mqtt_settings settings = client_settings(uri, "gateway");
        settings.subscriptions = &(struct mqtt_subscription){ "dn/+", 1 };
        settings.subscription_count = 1;
        settings.acknowledge_when_taken = when_taken;
        settings.max_inbox = 2; /* so that paho has to wait as well */
        client_start(&gateway, &settings);
        settings = client_settings(uri, "app");
        client_start(&app, &settings);
        run_until(&gateway, &app, both_connected, "both connected");
        for (unsigned i = 0; i < 8; i++) {
            publish_one(&app, "dn/dev", (char[]){ (char)('a' + i), 0 }, 1);
        }
        run_until(&gateway, &app, eight_received, "all messages");
        assert_int_equal(gateway.offered, 8 + 3);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(gateway.received[i].payload[0], 'a' + i);
        }
        client_end(&app);
        client_end(&gateway);
    }
    broker_end(&broker);
}

enum { COMMANDS = 1000 };

static bool all_answered(struct client *a, struct client *b)
{
    return b->received_count == COMMANDS && mqtt_connection_unconfirmed(a->connection) == 0;
}

/* The loop publishes while paho's thread waits for the loop: must not lock up. */
static void answers_go_out_while_commands_wait_to_be_taken(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    struct client gateway = { .answer_to = "up/resp" };
    struct client app = { 0 };
    struct mqtt_settings settings = client_settings(uri, "gateway");
    settings.subscriptions = &(struct mqtt_subscription){ "dn/+", 1 };
    settings.subscription_count = 1;
    settings.acknowledge_when_taken = true;
    settings.max_unconfirmed = COMMANDS;
    client_start(&gateway, &settings);
    settings = client_settings(uri, "app");
    settings.subscriptions = &(struct mqtt_subscription){ "up/resp", 1 };
    settings.subscription_count = 1;
    client_start(&app, &settings);
    run_until(&gateway, &app, both_connected, "both connected");
    for (unsigned i = 0; i < COMMANDS; i++) {
        publish_one(&app, "dn/dev", "read", 1);
    }
    run_until(&gateway, &app, all_answered, "all answers");
    assert_int_equal(gateway.received_count, COMMANDS);
    client_end(&app);
    client_end(&gateway);
    broker_end(&broker);
}

static bool a_offered(struct client *a, struct client *b)
{
    (void)b;
    return a->offered > 0;
}

static void free_leaves_an_untaken_message_unacknowledged(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker, OPEN_BROKER);
    broker_start(&broker);
    const char *const uri[] = { broker.uri };
    static struct client first = { .refuse = INT32_MAX };
    static struct client app; /* cannot be ended any more, as it shares paho's lock */
    struct mqtt_settings settings = victim_settings(uri);
    client_start(&first, &settings);
    struct mqtt_settings other = client_settings(uri, "app");
    client_start(&app, &other);
    run_until(&first, &app, both_connected, "both connected");
    publish_one(&app, "dn/dev", "command", 1);
    run_until(&first, &app, a_offered, "an offer");
    uint64_t now = now_ms();
    mqtt_connection_close(first.connection, now, now + 200);
    while (!mqtt_connection_is_closed(first.connection)) {
        run_until(&first, NULL, a_offered, "time");
    }
    mqtt_connection_free(first.connection); /* leaves paho's thread and lock as they are */
    broker_end(&broker);
}

/* ---- TLS ---- */

static void make_certificates(const char *directory)
{
    char command[2048];
    snprintf(command, sizeof(command),
             "cd %s && for ca in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
             "-subj /CN=$ca -keyout $ca.key -out $ca.pem; done && "
             "openssl req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key "
             "-out broker.csr && printf 'subjectAltName=IP:127.0.0.1\\n' > san && "
             "openssl x509 -req -days 2 -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
             "-extfile san -out broker.pem && chmod 644 * >/dev/null",
             directory);
    char quiet[2200];
    snprintf(quiet, sizeof(quiet), "{ %s; } >/dev/null 2>&1", command);
    assert_int_equal(system(quiet), 0);
}

static void tls_accepts_the_right_broker_only(void **state)
{
    (void)state;
    struct broker broker;
    broker_prepare(&broker,
                   OPEN_BROKER "cafile %s/ca.pem\ncertfile %s/broker.pem\nkeyfile %s/broker.key\n");
    make_certificates(broker.directory);
    broker_start(&broker);
    char uri[TEXT_MAX];
    char name[TEXT_MAX];
    snprintf(uri, sizeof(uri), "mqtts://127.0.0.1:%u", broker.port);
    snprintf(name, sizeof(name), "mqtts://localhost:%u", broker.port);
    const struct {
        const char *uri, *ca;
        bool verify, good;
        const char *reason;
    } cases[] = {
        { uri, "ca.pem", true, true, NULL },
        { uri, "other.pem", true, false, "TLS: certificate verify failed" },
        { uri, "other.pem", false, true, NULL },
        { name, "ca.pem", true, false,
          "cannot connect" }, /* the certificate has the address only */
        { broker.uri, "ca.pem", true, false, "cannot connect" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client client = { 0 };
        char ca[TEXT_MAX];
        snprintf(ca, sizeof(ca), "%s/%s", broker.directory, cases[i].ca);
        struct mqtt_settings settings = client_settings(&cases[i].uri, "secret");
        settings.tls.ca_file = ca;
        settings.tls.verify = cases[i].verify;
        settings.connect_timeout_ms = 2000;
        client_start(&client, &settings);
        run_until(&client, NULL, cases[i].good ? a_connected : a_down, "an end of the attempt");
        if (cases[i].good) {
            publish_one(&client, "up", "secret", 1);
            run_until(&client, NULL, all_reported, "confirmed");
            assert_int_equal(client.confirmed, 1);
        } else {
            assert_non_null(strstr(client.reason, cases[i].reason));
        }
        assert_int_equal(client.failed == 0, cases[i].good);
        client_end(&client);
    }
    broker_end(&broker);
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const char *const good[] = { "mqtt://127.0.0.1:1" };
    const char *const bare[] = { "127.0.0.1:1883" };
    const struct mqtt_callbacks callbacks = { 0 };
    struct mqtt_connection *connection = NULL;
    for (int i = 0; i < 9; i++) {
        struct mqtt_settings settings = client_settings(good, "id");
        switch (i) {
        case 0:
            settings.broker_count = 0;
            break;
        case 1:
            settings.version = 3;
            break;
        case 2:
            settings.client_id = NULL;
            break;
        case 3:
            settings.max_unconfirmed = 0;
            break;
        case 4:
            settings.max_inbox = 0;
            break;
        case 5:
            settings.reconnect_max_ms = 1;
            break;
        case 6:
            settings.brokers = bare;
            break;
        case 7:
            settings.status.topic = "status";
            break;
        default:
            settings.max_unconfirmed = 65535;
            break;
        }
        assert_int_equal(mqtt_connection_new(&settings, &callbacks, &connection), -EINVAL);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[0], "victim") == 0) {
        return be_victim(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(ten_thousand_publishes_are_confirmed_once_each),
        cmocka_unit_test(properties_arrive_as_they_were_sent),
        cmocka_unit_test(what_a_broker_would_take_offence_at_is_refused_here),
        cmocka_unit_test(reasons_are_readable),
        cmocka_unit_test(a_killed_broker_loses_nothing_unreported),
        cmocka_unit_test(a_broker_that_never_answers_is_given_up),
        cmocka_unit_test(the_next_broker_is_used_when_the_first_is_down),
        cmocka_unit_test(a_persistent_session_keeps_messages_meanwhile),
        cmocka_unit_test(a_death_shows_the_will_and_loses_no_command),
        cmocka_unit_test(an_orderly_close_says_offline_and_waits_for_publishes),
        cmocka_unit_test(refused_messages_are_offered_again_in_order),
        cmocka_unit_test(answers_go_out_while_commands_wait_to_be_taken),
        cmocka_unit_test(tls_accepts_the_right_broker_only),
        cmocka_unit_test(
            free_leaves_an_untaken_message_unacknowledged), /* last: its threads stay */
    };
    const char *only = getenv("TEST_FILTER");
    if (only) {
        cmocka_set_test_filter(only);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
