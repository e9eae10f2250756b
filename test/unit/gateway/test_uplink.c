/* Where a message goes: topics, QoS, what happens when there is no room. */
#include "fake_device.h"
#include "fake_outlet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "";

static struct lwm2m_device device = {
    .endpoint = "urn:a/b",
    .list = { .root = root },
    .parameters = { { "ep", "urn:a/b" } },
    .route = { .remote = { .ip = { [10] = 0xff, 0xff, 192, 0, 2, 1 }, .port = 5683 } },
};

static struct lwm2m_event event_of(enum lwm2m_event_type type)
{
    return fake_event(type, &device);
}

static const struct command_text no_echo = { "", 0 };

static void each_event_has_its_topic(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_event_type type;
        const char *start;
    } cases[] = {
        { LWM2M_EVENT_REGISTERED, "up/register {\"msgType\":\"register\",\"ep\":\"urn:a/b\"," },
        { LWM2M_EVENT_UPDATED, "up/update {\"msgType\":\"update\"," },
        { LWM2M_EVENT_DEREGISTERED, "up/deregister {\"msgType\":\"deregister\"," },
        { LWM2M_EVENT_NOTIFICATION, "up/notify {\"msgType\":\"notify\"," },
        { LWM2M_EVENT_SEND, "up/send {\"msgType\":\"send\"," },
    };
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    fake_outlet_open(&outlet);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_event event = event_of(cases[i].type);
        if (cases[i].type < LWM2M_EVENT_NOTIFICATION) {
            uplink_registration(outlet.uplink, &event);
        } else {
            assert_true(uplink_report(outlet.uplink, &event, &no_echo));
        }
        assert_int_equal(outlet.count, i + 1);
        assert_memory_equal(outlet.last, cases[i].start, strlen(cases[i].start));
        assert_int_equal(outlet.qos, 1);
    }
    fake_outlet_deinit(&outlet);
}

static void topics_name_device_and_address(void **state)
{
    (void)state;
    static char mountpoint[] = "lwm2m/${endpoint_name}/";
    static char topic[] = "n/${peerhost}/%e/${client_id}";
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    outlet.config.mqtt.mountpoint = mountpoint;
    outlet.config.mqtt.topics[CONFIG_TOPIC_NOTIFY] = (struct config_topic){ topic, 2 };
    fake_outlet_open(&outlet);
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    const char start[] = "lwm2m/urn:a%2Fb/n/192.0.2.1/urn:a%2Fb/gw {";
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_memory_equal(outlet.last, start, strlen(start));
    assert_int_equal(outlet.qos, 2);
    fake_outlet_deinit(&outlet);
}

static void updates_can_be_restricted_to_changes(void **state)
{
    (void)state;
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    outlet.config.lwm2m.update_publish = CONFIG_UPDATE_OBJECT_LIST_CHANGED;
    fake_outlet_open(&outlet);
    struct lwm2m_event event = event_of(LWM2M_EVENT_UPDATED);
    uplink_registration(outlet.uplink, &event);
    assert_int_equal(outlet.count, 0);
    event.object_list_changed = true;
    uplink_registration(outlet.uplink, &event);
    assert_int_equal(outlet.count, 1);
    event.type = LWM2M_EVENT_REGISTERED;
    event.object_list_changed = false;
    uplink_registration(outlet.uplink, &event);
    assert_int_equal(outlet.count, 2);
    fake_outlet_deinit(&outlet);
}

static void a_receipt_goes_with_its_report(void **state)
{
    (void)state;
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    fake_outlet_open(&outlet);
    struct lwm2m_receipt receipt = { .device = 1 };
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_false(outlet.has_receipt);
    event.receipt = &receipt;
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_false(outlet.has_receipt); /* a NON notification */
    receipt.coap.confirmable = true;
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_true(outlet.has_receipt);
    receipt.coap.confirmable = false;
    event.type = LWM2M_EVENT_SEND; /* always answered */
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_true(outlet.has_receipt);
    fake_outlet_deinit(&outlet);
}

static void a_report_that_was_acknowledged_already_is_kept(void **state)
{
    (void)state;
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    fake_outlet_open(&outlet);
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_false(outlet.keep);
    event.acknowledged = true;
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_true(outlet.keep);
    fake_outlet_deinit(&outlet);
}

static void what_finds_no_room_is_told(void **state)
{
    (void)state;
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    fake_outlet_open(&outlet);
    outlet.stuck = true;
    struct lwm2m_receipt receipt = { .device = 1, .coap.confirmable = true };
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_true(uplink_report(outlet.uplink, &event, &no_echo));
    assert_false(uplink_report(outlet.uplink, &event, &no_echo));
    assert_non_null(strstr(outlet.logged, " warn message-dropped endpoint=urn:a/b "
                                          "reason=\"the backlog is full\""));
    event.receipt = &receipt;
    assert_false(uplink_report(outlet.uplink, &event, &no_echo));
    assert_non_null(strstr(outlet.logged, " warn report-refused "));
    assert_int_equal(uplink_dropped(outlet.uplink), 2);

    /* An answer still finds its reserved room. */
    const char json[] = "{\"msgType\":\"read\",\"data\":{\"path\":\"/3\"}}";
    struct command_context context = { .max_records = 1 };
    struct command *command = NULL;
    struct command_refusal refusal;
    assert_int_equal(command_parse(json, strlen(json), &context, &command, &refusal), 0);
    uplink_state(outlet.uplink, &device, command, "coap_timeout", "");
    assert_int_equal(uplink_dropped(outlet.uplink), 2);
    assert_int_equal(backlog_waiting(outlet.backlog), 3);
    command_free(command);
    fake_outlet_deinit(&outlet);
}

static void content_names_are_a_setting(void **state)
{
    (void)state;
    struct lwm2m_record item = { .path = { .ids = { 3, 0, 1 }, .depth = 3 } };
    struct lwm2m_records records = { .items = &item, .count = 1 };
    for (int on = 0; on < 2; on++) {
        struct fake_outlet outlet;
        fake_outlet_init(&outlet);
        outlet.config.mqtt.content_names = on == 1;
        fake_outlet_open(&outlet);
        struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
        event.records = &records;
        assert_true(uplink_report(outlet.uplink, &event, &no_echo));
        assert_int_equal(strstr(outlet.last, "\"name\":\"name\"") != NULL, on);
        fake_outlet_deinit(&outlet);
    }
}

static void a_topic_that_is_none_is_refused(void **state)
{
    (void)state;
    static char wrong[] = "up/${nonsense}";
    struct fake_outlet outlet;
    fake_outlet_init(&outlet);
    outlet.config.mqtt.topics[CONFIG_TOPIC_SEND].topic = wrong;
    const struct uplink_settings settings = { .config = &outlet.config };
    struct uplink *uplink = NULL;
    const char *reason = NULL;
    assert_int_equal(uplink_new(&settings, &uplink, &reason), -EINVAL);
    assert_non_null(reason);
    assert_null(uplink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_topic),
        cmocka_unit_test(topics_name_device_and_address),
        cmocka_unit_test(updates_can_be_restricted_to_changes),
        cmocka_unit_test(a_receipt_goes_with_its_report),
        cmocka_unit_test(a_report_that_was_acknowledged_already_is_kept),
        cmocka_unit_test(what_finds_no_room_is_told),
        cmocka_unit_test(content_names_are_a_setting),
        cmocka_unit_test(a_topic_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
