/* Topic templates: compiling, expansion with encoding, subscription filters, matching. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mqtt/topic.h"

static struct mqtt_topic *compiled(enum mqtt_topic_use use, const char *mountpoint,
                                   const char *text)
{
    struct mqtt_topic *topic = NULL;
    const char *reason = "";
    int err = mqtt_topic_compile(use, mountpoint, text, "gw/1", &topic, &reason);
    if (err) {
        fail_msg("%s%s: %s", mountpoint, text, reason);
    }
    return topic;
}

static void templates_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum mqtt_topic_use use;
        const char *mountpoint, *text, *reason;
    } cases[] = {
        { MQTT_TOPIC_COMMAND, "", "dn", "no endpoint" },
        { MQTT_TOPIC_COMMAND, "", "dn/#", "no endpoint" },
        { MQTT_TOPIC_COMMAND, "gw/${client_id}/", "dn/#", "no endpoint" },
        { MQTT_TOPIC_COMMAND, "", "dn/+/${endpoint_name}", "wildcard" },
        { MQTT_TOPIC_COMMAND, "", "#/${endpoint_name}", "wildcard" },
        { MQTT_TOPIC_COMMAND, "", "dn/${endpoint_name}#", "wildcard" },
        { MQTT_TOPIC_COMMAND, "", "${endpoint_name}/a#", "wildcard" },
        { MQTT_TOPIC_COMMAND, "${peerhost}/", "dn/${endpoint_name}", "peerhost" },
        { MQTT_TOPIC_COMMAND, "", "dn/${endpoint_name}-%e", "two placeholders" },
        { MQTT_TOPIC_UPLINK, "", "", "empty" },
        { MQTT_TOPIC_UPLINK, "", "up/#", "wildcard" },
        { MQTT_TOPIC_UPLINK, "+/", "up", "wildcard" },
        { MQTT_TOPIC_UPLINK, "", "up/${endpoint}", "unknown placeholder" },
        { MQTT_TOPIC_UPLINK, "", "up/${endpoint_name", "unknown placeholder" },
        { MQTT_TOPIC_UPLINK, "", "up/\t", "control" },
        { MQTT_TOPIC_UPLINK, "", "up/\xff", "UTF-8" },
        { MQTT_TOPIC_UPLINK, "", "%e%e%e%e%e%e%e%e%e%e%e%e%e", "too many" },
        { MQTT_TOPIC_UPLINK, "%e/%e/%e/%e/%e/%e/", "x", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqtt_topic *topic = NULL;
        const char *reason = "";
        int err = mqtt_topic_compile(cases[i].use, cases[i].mountpoint, cases[i].text, "gw", &topic,
                                     &reason);
        if (err != (cases[i].reason ? -EINVAL : 0)) {
            fail_msg("%s%s: %d %s", cases[i].mountpoint, cases[i].text, err, reason);
        }
        if (cases[i].reason && strstr(reason, cases[i].reason) == NULL) {
            fail_msg("%s%s: \"%s\"", cases[i].mountpoint, cases[i].text, reason);
        }
        mqtt_topic_free(topic);
    }
}

static void values_are_put_in_place_and_encoded(void **state)
{
    (void)state;
    static const struct {
        const char *mountpoint, *text, *endpoint, *want;
    } cases[] = {
        { "", "up/register", "dev", "up/register" },
        { "", "up/${endpoint_name}", "dev", "up/dev" },
        { "lwm2m/%e/", "up/resp", "dev", "lwm2m/dev/up/resp" },
        { "lwm2m/${endpoint_name}/", "up/%e", "dev", "lwm2m/dev/up/dev" },
        { "", "${peerhost}/%e", "dev", "10.0.0.1/dev" },
        { "", "lwm2mqtt/${client_id}/status", "dev", "lwm2mqtt/gw%2F1/status" },
        { "", "up/%e", "urn:a/b", "up/urn:a%2Fb" },
        { "", "up/%e", "+", "up/%2B" },
        { "", "up/%e", "#/%", "up/%23%2F%25" },
        { "", "up/%e",
          "a\x01"
          "b\x7f",
          "up/a%01b%7F" },
        { "", "up/%e", "%2F", "up/%252F" },
        { "", "up/%e", "ger\xc3\xa4t", "up/ger\xc3\xa4t" },
        { "", "up/%e", "\xe2\x82\xac\xf0\x9f\x98\x80", "up/\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "", "up/%e", "\xc2\x85", "up/%C2%85" },        /* C1 control */
        { "", "up/%e", "\xc3", "up/%C3" },               /* cut off */
        { "", "up/%e", "\xc3(", "up/%C3(" },             /* not UTF-8 */
        { "", "up/%e", "\xc0\xaf", "up/%C0%AF" },        /* overlong slash */
        { "", "up/%e", "\xed\xa0\x80", "up/%ED%A0%80" }, /* surrogate */
        { "", "up/%e", "\xef\xbf\xbe", "up/%EF%BF%BE" }, /* U+FFFE */
        { "", "up/%e", "\xef\xb7\x90", "up/%EF%B7%90" }, /* U+FDD0 */
        { "", "up/%e", "\xf4\x90\x80\x80", "up/%F4%90%80%80" },
        { "", "up/%e", "$SYS", "up/$SYS" },
        { "", "%e/up", "$SYS", "%24SYS/up" },
        { "", "%e/up", "", "/up" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqtt_topic *topic = compiled(MQTT_TOPIC_UPLINK, cases[i].mountpoint, cases[i].text);
        struct mqtt_topic_values values = { .endpoint = cases[i].endpoint,
                                            .endpoint_len = strlen(cases[i].endpoint),
                                            .peerhost = "10.0.0.1",
                                            .peerhost_len = 8 };
        char buffer[256];
        size_t len = 0;
        assert_int_equal(mqtt_topic_expand(topic, &values, buffer, sizeof(buffer), &len), 0);
        assert_string_equal(buffer, cases[i].want);
        assert_int_equal(len, strlen(cases[i].want));
        assert_true(mqtt_topic_room(topic, values.endpoint_len, values.peerhost_len) > len);
        assert_int_equal(mqtt_topic_expand(topic, &values, buffer, len + 1, NULL), 0);
        assert_int_equal(mqtt_topic_expand(topic, &values, buffer, len, NULL), -ENOSPC);
        mqtt_topic_free(topic);
    }
}

static void room_is_enough_for_the_worst_name(void **state)
{
    (void)state;
    struct mqtt_topic *topic = compiled(MQTT_TOPIC_UPLINK, "a/%e/", "b/%e/${peerhost}");
    struct mqtt_topic_values values = { "////", 4, "#", 1 };
    char buffer[64];
    size_t room = mqtt_topic_room(topic, 4, 1);
    assert_int_equal(mqtt_topic_expand(topic, &values, buffer, room, NULL), 0);
    assert_string_equal(buffer, "a/%2F%2F%2F%2F/b/%2F%2F%2F%2F/%23");
    assert_int_equal(room, strlen(buffer) + 1);
    mqtt_topic_free(topic);
}

static void topics_beyond_what_mqtt_carries_are_refused(void **state)
{
    (void)state;
    static char endpoint[MQTT_TOPIC_MAX];
    static char buffer[2 * MQTT_TOPIC_MAX];
    memset(endpoint, 'x', sizeof(endpoint));
    struct mqtt_topic *topic = compiled(MQTT_TOPIC_UPLINK, "", "a%e");
    struct mqtt_topic_values values = { .endpoint = endpoint, .endpoint_len = MQTT_TOPIC_MAX - 1 };
    assert_int_equal(mqtt_topic_expand(topic, &values, buffer, sizeof(buffer), NULL), 0);
    values.endpoint_len++;
    assert_int_equal(mqtt_topic_expand(topic, &values, buffer, sizeof(buffer), NULL), -ENOSPC);
    mqtt_topic_free(topic);
}

static void filters_have_a_plus_for_the_endpoint(void **state)
{
    (void)state;
    static const struct {
        const char *mountpoint, *text, *want;
    } cases[] = {
        { "", "dn/${endpoint_name}", "dn/+" },
        { "", "dn/%e/cmd", "dn/+/cmd" },
        { "", "%e", "+" },
        { "lwm2m/%e/", "dn/#", "lwm2m/+/dn/#" },
        { "%e/", "#", "+/#" },
        { "lwm2m/%e/", "dn/%e", "lwm2m/+/dn/+" },
        { "", "dev-%e-x/dn", "+/dn" },
        { "", "gw/${client_id}/%e", "gw/gw%2F1/+" },
        { "/", "%e//dn/", "/+//dn/" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqtt_topic *topic = compiled(MQTT_TOPIC_COMMAND, cases[i].mountpoint, cases[i].text);
        assert_string_equal(mqtt_topic_filter(topic), cases[i].want);
        mqtt_topic_free(topic);
    }
}

static void incoming_topics_give_their_endpoint(void **state)
{
    (void)state;
    static const struct {
        const char *mountpoint, *text, *name, *endpoint;
        int err;
    } cases[] = {
        { "", "dn/%e", "dn/dev", "dev", 0 },
        { "", "dn/%e", "dn/urn:a%2Fb", "urn:a/b", 0 },
        { "", "dn/%e", "dn/urn:a%2fb", "urn:a/b", 0 },
        { "", "dn/%e", "dn/%252F", "%2F", 0 },
        { "", "dn/%e", "dn/", NULL, -ENOENT },
        { "", "dn/%e", "dn", NULL, -ENOENT },
        { "", "dn/%e", "dn/a/b", NULL, -ENOENT },
        { "", "dn/%e", "up/dev", NULL, -ENOENT },
        { "", "dn/%e", "", NULL, -ENOENT },
        { "", "dn/%e", "dn/%2", NULL, -EBADMSG },
        { "", "dn/%e", "dn/100%", NULL, -EBADMSG },
        { "", "dn/%e", "dn/%zz", NULL, -EBADMSG },
        { "", "dn/%e", "dn/%00", NULL, -EBADMSG },
        { "", "dn/%e/cmd", "dn/dev/cmd", "dev", 0 },
        { "", "dn/%e/cmd", "dn/dev/cm", NULL, -ENOENT },
        { "", "dn/%e/cmd", "dn/dev/cmd/", NULL, -ENOENT },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/dn/x", "dev", 0 },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/dn/x/y", "dev", 0 },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/dn/", "dev", 0 },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/dn", "dev", 0 },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/dnx", NULL, -ENOENT },
        { "lwm2m/%e/", "dn/#", "lwm2m/dev/d", NULL, -ENOENT },
        { "%e/", "#", "dev", "dev", 0 },
        { "%e/", "#", "dev/x", "dev", 0 },
        { "%e/", "#", "/x", NULL, -ENOENT },
        { "lwm2m/%e/", "dn/%e", "lwm2m/dev/dn/dev", "dev", 0 },
        { "lwm2m/%e/", "dn/%e", "lwm2m/d%65v/dn/dev", "dev", 0 },
        { "lwm2m/%e/", "dn/%e", "lwm2m/dev/dn/other", NULL, -ENOENT },
        { "lwm2m/%e/", "dn/%e", "lwm2m/dev/dn/devx", NULL, -ENOENT },
        { "lwm2m/%e/", "dn/%e", "lwm2m/dev/dn/de", NULL, -ENOENT },
        { "", "dev-%e-x/dn", "dev-a-x-x/dn", "a-x", 0 },
        { "", "dev-%e-x/dn", "dev-a-y/dn", NULL, -ENOENT },
        { "", "dev-%e-x", "dev-x", NULL, -ENOENT },
        { "", "dn/%e", "dn/12345678", NULL, -ENOSPC },
        { "", "dn/%e", "dn/1234567", "1234567", 0 },
        { "", "%e/dn", "%24SYS/dn", "$SYS", 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqtt_topic *topic = compiled(MQTT_TOPIC_COMMAND, cases[i].mountpoint, cases[i].text);
        char endpoint[8];
        size_t len = 99;
        int err = mqtt_topic_match(topic, cases[i].name, strlen(cases[i].name), endpoint,
                                   sizeof(endpoint), &len);
        if (err != cases[i].err) {
            fail_msg("%s%s against %s: %d", cases[i].mountpoint, cases[i].text, cases[i].name, err);
        }
        if (!err) {
            assert_string_equal(endpoint, cases[i].endpoint);
            assert_int_equal(len, strlen(cases[i].endpoint));
        }
        mqtt_topic_free(topic);
    }
}

static void every_byte_survives_the_way_out_and_back(void **state)
{
    (void)state;
    struct mqtt_topic *topic = compiled(MQTT_TOPIC_COMMAND, "lwm2m/%e/", "dn/x%ey/#");
    for (unsigned first = 1; first < 256; first++) {
        char endpoint[3] = { (char)first, (char)(first ^ 0x55 ? first ^ 0x55 : 1), 0 };
        struct mqtt_topic_values values = { .endpoint = endpoint, .endpoint_len = 2 };
        char name[64];
        char back[8];
        size_t len = 0;
        assert_int_equal(mqtt_topic_expand(topic, &values, name, sizeof(name), &len), 0);
        assert_int_equal(mqtt_topic_match(topic, name, len, back, sizeof(back), &len), 0);
        assert_string_equal(back, endpoint);
    }
    mqtt_topic_free(topic);
}

static void names_that_a_broker_takes_offence_at_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_name, is_clean;
    } rows[] = {
        { "up/resp", true, true },
        { "\u00fc/\u2603", true, true },
        { "$share", true, true },
        { "", false, true },
        { "a/+", false, true },
        { "#", false, true },
        { "$share/group/topic", false, true },
        { "line\nend", false, false },
        { "\x7f", false, false },
        { "\xc2\x80", false, false },
        { "\xef\xb7\x90", false, false },
        { "\xff", false, false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(mqtt_topic_is_name(rows[i].name, strlen(rows[i].name)), rows[i].is_name);
        assert_int_equal(mqtt_text_is_clean(rows[i].name, strlen(rows[i].name)), rows[i].is_clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_that_make_no_sense_are_refused),
        cmocka_unit_test(values_are_put_in_place_and_encoded),
        cmocka_unit_test(room_is_enough_for_the_worst_name),
        cmocka_unit_test(topics_beyond_what_mqtt_carries_are_refused),
        cmocka_unit_test(filters_have_a_plus_for_the_endpoint),
        cmocka_unit_test(incoming_topics_give_their_endpoint),
        cmocka_unit_test(names_that_a_broker_takes_offence_at_are_known),
        cmocka_unit_test(every_byte_survives_the_way_out_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
