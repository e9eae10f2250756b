/* Uplink messages, word for word. */
#include "fake_device.h"

#include "gateway/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(type_) "{\"msgType\":\"" type_ "\",\"ep\":\"urn:a\",\"ts\":1700000000000"

static struct lwm2m_device device = { .endpoint = "urn:a" };

static const struct message_context context = { .ts_ms = 1700000000000 };

static const struct command_text no_echo = { "", 0 };

static struct lwm2m_event event_of(enum lwm2m_event_type type)
{
    return fake_event(type, &device);
}

static void assert_message(struct lwm2m_buffer *buffer, const char *expected)
{
    lwm2m_buffer_append_byte(buffer, '\0');
    assert_int_equal(buffer->err, 0);
    assert_string_equal((const char *)buffer->data, expected);
    lwm2m_buffer_deinit(buffer);
}

/* --- registrations --- */

static void registers(struct lwm2m_device *registered, const struct lwm2m_event *like,
                      const char *expected)
{
    struct lwm2m_buffer buffer;
    struct lwm2m_event event = *like;
    event.device = registered;
    lwm2m_buffer_init(&buffer, 100000);
    message_write_registration(&buffer, &context, &event);
    assert_message(&buffer, expected);
}

static void a_registration_has_its_parameters_and_objects(void **state)
{
    (void)state;
    struct lwm2m_object_entry entries[] = { { 1, 65535, { 0 } },
                                            { 1, 0, { 0 } },
                                            { 3, 65535, { 1, 1 } },
                                            { 3, 0, { 1, 2 } },
                                            { 3303, 7, { 1, 0 } } };
    char root[] = "/lwm2m";
    struct lwm2m_device full = {
        .endpoint = "urn:a",
        .gave_object_list = true,
        .list = { .entries = entries, .count = 5, .root = root },
        .parameters = { { "ep", "urn:a" },
                        { "lt", "300" },
                        { "lwm2m", "1.1" },
                        { "b", "U" },
                        { "Q", NULL },
                        { "Token", "x" },
                        { "password", "x" },
                        { "apikey", "x" },
                        { "objectList", "forged" },
                        { "at", "\"5\"" } },
    };
    struct lwm2m_event event = event_of(LWM2M_EVENT_REGISTERED);
    registers(
        &full, &event,
        HEAD("register") ",\"data\":{\"ep\":\"urn:a\",\"lt\":300,\"lwm2m\":\"1.1\",\"b\":\"U\","
                         "\"Q\":true,\"at\":\"\\\"5\\\"\",\"alternatePath\":\"/lwm2m\","
                         "\"objectList\":[\"/1\",\"/1/0\",\"/3\",\"/3/0\",\"/3303/7\"],"
                         "\"objectVersions\":{\"/3\":\"1.1\",\"/3303\":\"1.0\"}}}");
}

static void an_empty_payload_publishes_no_objects(void **state)
{
    (void)state;
    char root[] = "";
    struct lwm2m_device bare = {
        .endpoint = "urn:a",
        .list = { .root = root },
        .parameters = { { "ep", "urn:a" }, { "lt", "007" } },
    };
    struct lwm2m_event event = event_of(LWM2M_EVENT_UPDATED);
    registers(&bare, &event, HEAD("update") ",\"data\":{\"ep\":\"urn:a\",\"lt\":\"007\"}}");
    bare.gave_object_list = true;
    registers(&bare, &event,
              HEAD("update") ",\"data\":{\"ep\":\"urn:a\",\"lt\":\"007\",\"alternatePath\":\"/\","
                             "\"objectList\":[]}}");
}

static void a_registration_tells_whether_it_follows_another(void **state)
{
    (void)state;
    struct lwm2m_device again = {
        .endpoint = "urn:a",
        .parameters = { { "ep", "urn:a" }, { "reRegistration", "forged" } },
    };
    struct lwm2m_event event = event_of(LWM2M_EVENT_REGISTERED);
    registers(&again, &event, HEAD("register") ",\"data\":{\"ep\":\"urn:a\"}}");
    event.registered_again = true;
    registers(&again, &event,
              HEAD("register") ",\"data\":{\"ep\":\"urn:a\",\"reRegistration\":true}}");
}

static void a_device_that_left_says_why(void **state)
{
    (void)state;
    struct lwm2m_device gone = {
        .endpoint = "urn:a",
        .parameters = { { "ep", "urn:a" }, { "lt", "0" }, { "reason", "forged" } },
    };
    struct lwm2m_event event = event_of(LWM2M_EVENT_DEREGISTERED);
    event.reason = LWM2M_LEFT_BY_LIFETIME;
    registers(&gone, &event,
              HEAD("deregister") ",\"data\":{\"ep\":\"urn:a\",\"lt\":0,"
                                 "\"reason\":\"lifetime_expired\"}}");
}

/* --- content --- */

static struct lwm2m_record record(uint16_t resource, struct lwm2m_value value)
{
    return (struct lwm2m_record){ .path = { .ids = { 3, 0, resource }, .depth = 3 },
                                  .value = value };
}

static struct lwm2m_value text_value(enum lwm2m_type type, const char *text)
{
    return (struct lwm2m_value){ .type = type, .bytes = { (const uint8_t *)text, strlen(text) } };
}

static void reports(const struct lwm2m_event *event, const struct command_text *echo,
                    const char *expected)
{
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 100000);
    message_write_report(&buffer, &context, event, echo);
    assert_message(&buffer, expected);
}

static void a_notification_has_its_values_and_number(void **state)
{
    (void)state;
    struct lwm2m_record items[] = {
        record(0, text_value(LWM2M_TYPE_STRING, "x")),
        record(9, (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = 95 }),
        record(20, text_value(LWM2M_TYPE_UNTYPED, "ab")),
    };
    items[1].has_time = true;
    items[1].time_s = 1700000000.25;
    struct lwm2m_records records = { .items = items, .count = 3 };
    const struct command_text echo = { ",\"reqID\":7", 10 };
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    event.path = (struct lwm2m_path){ .ids = { 3, 0 }, .depth = 2 };
    event.records = &records;
    event.sequence = 16777215;
    reports(&event, &echo,
            HEAD("notify") ",\"reqID\":7,\"seqNum\":16777215,\"data\":{\"reqPath\":\"/3/0\","
                           "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
                           "{\"path\":\"/3/0/0\",\"value\":\"x\"},"
                           "{\"path\":\"/3/0/9\",\"value\":95,\"time\":1700000000.25},"
                           "{\"path\":\"/3/0/20\",\"value\":\"YWI=\",\"encoding\":\"base64\"}]}}");
    event.outdated = true;
    event.sequence = 0;
    records.count = 1;
    reports(&event, &no_echo,
            HEAD("notify") ",\"seqNum\":0,\"outdated\":true,\"data\":{\"reqPath\":\"/3/0\","
                           "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
                           "{\"path\":\"/3/0/0\",\"value\":\"x\"}]}}");
}

static void the_end_of_an_observation_is_a_notification(void **state)
{
    (void)state;
    struct lwm2m_event event = event_of(LWM2M_EVENT_NOTIFICATION);
    event.path = (struct lwm2m_path){ .ids = { 3303, 5 }, .depth = 2 };
    event.code = LWCOAP_CODE(4, 4);
    event.reason = "the device registered without it";
    reports(&event, &no_echo,
            HEAD("notify") ",\"data\":{\"reqPath\":\"/3303/5\",\"code\":\"4.04\",\"codeMsg\":"
                           "\"not_found\",\"reason\":\"the device registered without it\"}}");
}

static void a_send_has_no_path_of_its_own(void **state)
{
    (void)state;
    struct lwm2m_record items[] = {
        record(9, (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = 0.5 }),
    };
    struct lwm2m_records records = { .items = items, .count = 1 };
    struct lwm2m_event event = event_of(LWM2M_EVENT_SEND);
    event.code = LWCOAP_POST;
    event.records = &records;
    reports(&event, &no_echo,
            HEAD("send") ",\"data\":{\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
                         "{\"path\":\"/3/0/9\",\"value\":0.5}]}}");
    event.records = NULL;
    event.decode_err = -EBADMSG;
    event.body = (const uint8_t *)"\xff";
    event.body_len = 1;
    event.content_format = 112;
    reports(&event, &no_echo,
            HEAD("send") ",\"data\":{\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
                         "{\"value\":\"/w==\",\"encoding\":\"base64\",\"contentFormat\":112}],"
                         "\"reason\":\"the payload is not what its content format says\"}}");
}

/* --- answers --- */

static struct command *command_of(const char *json)
{
    struct command_context parsing = { .max_records = 10 };
    struct command *command = NULL;
    struct command_refusal refusal;
    assert_int_equal(command_parse(json, strlen(json), &parsing, &command, &refusal), 0);
    return command;
}

static void answers(const char *json, const struct lwm2m_event *event, const char *expected)
{
    struct lwm2m_buffer buffer;
    struct command *command = command_of(json);
    lwm2m_buffer_init(&buffer, 100000);
    message_write_answer(&buffer, &context, event, command);
    assert_message(&buffer, expected);
    command_free(command);
}

#define READ      "{\"msgType\":\"read\",\"reqID\":1,\"data\":{\"path\":\"3/0/\"}}"
#define READ_HEAD HEAD("read") ",\"reqID\":1,\"data\":{\"reqPath\":\"3/0/\","

static void answers_follow_their_code_and_content(void **state)
{
    (void)state;
    struct lwm2m_record items[] = {
        record(3, text_value(LWM2M_TYPE_STRING, "1.0")),
    };
    struct lwm2m_records one = { .items = items, .count = 1 };
    struct lwm2m_records none = { 0 };
    const struct {
        uint8_t code;
        uint16_t format;
        const char *body;
        const struct lwm2m_records *records;
        int decode_err;
        const char *location, *expected;
    } cases[] = {
        { LWCOAP_CODE(2, 5), 11542, "", &one, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
          "{\"path\":\"/3/0/3\",\"value\":\"1.0\"}]}}" },
        { LWCOAP_CODE(2, 5), 11542, "", &none, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[]}}" },
        { LWCOAP_CODE(2, 5), LWM2M_FORMAT_NONE, "", NULL, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[]}}" },
        { LWCOAP_CODE(2, 4), LWM2M_FORMAT_NONE, "", &none, 0, "",
          "\"code\":\"2.04\",\"codeMsg\":\"changed\"}}" },
        { LWCOAP_CODE(2, 1), LWM2M_FORMAT_NONE, "", &none, 0, "/3303/2",
          "\"code\":\"2.01\",\"codeMsg\":\"created\",\"location\":\"/3303/2\"}}" },
        { LWCOAP_CODE(4, 4), LWM2M_FORMAT_NONE, "no \"such\" thing\xff", NULL, 0, "",
          "\"code\":\"4.04\",\"codeMsg\":\"not_found\",\"reason\":\"no \\\"such\\\" "
          "thing\xef\xbf\xbd\"}}" },
        { LWCOAP_CODE(5, 0), 60, "\xa0", NULL, 0, "",
          "\"code\":\"5.00\",\"codeMsg\":\"internal_server_error\"}}" },
        { LWCOAP_CODE(2, 5), 12345, "xyz", NULL, -ENOTSUP, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[{\"path\":\"3/0/\",\"value\":"
          "\"eHl6\",\"encoding\":\"base64\",\"contentFormat\":12345}],\"reason\":\"the content "
          "format is not known\"}}" },
        { LWCOAP_CODE(2, 5), LWM2M_FORMAT_NONE, "xyz", NULL, -EBADMSG, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[{\"path\":\"3/0/\",\"value\":"
          "\"eHl6\",\"encoding\":\"base64\",\"contentFormat\":0}],\"reason\":\"the payload is not "
          "what its content format says\"}}" },
        { LWCOAP_CODE(2, 5), 40, "</3/0>;dim=8,</3/0/1>;x=\"a,b\"", NULL, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[\"</3/0>;dim=8\","
          "\"</3/0/1>;x=\\\"a,b\\\"\"]}}" },
        { LWCOAP_CODE(2, 5), 40, "", NULL, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[]}}" },
        { LWCOAP_CODE(2, 5), 40, "</3/0>,broken", NULL, 0, "",
          "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":[{\"path\":\"3/0/\",\"value\":"
          "\"PC8zLzA+LGJyb2tlbg==\",\"encoding\":\"base64\",\"contentFormat\":40}],\"reason\":"
          "\"the "
          "payload is not what its content format says\"}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_event event = event_of(LWM2M_EVENT_RESPONSE);
        char expected[500] = READ_HEAD;
        event.code = cases[i].code;
        event.content_format = cases[i].format;
        event.body = (const uint8_t *)cases[i].body;
        event.body_len = strlen(cases[i].body);
        event.records = cases[i].records;
        event.decode_err = cases[i].decode_err;
        event.location = cases[i].location;
        answers(READ, &event, strcat(expected, cases[i].expected));
    }
}

static bool names(void *ctx, const struct lwm2m_device *of, uint16_t object, uint16_t resource,
                  const char **name, const char **units)
{
    (void)ctx;
    assert_ptr_equal(of, &device);
    *name = resource == 9 ? "Battery Level" : "Serial";
    *units = resource == 9 ? "%" : "";
    return object == 3 && resource != 20;
}

static void content_may_carry_names(void **state)
{
    (void)state;
    const struct message_context named = { .ts_ms = 1700000000000, .names = names };
    struct lwm2m_record items[] = {
        record(9, (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = 5 }),
        record(2, text_value(LWM2M_TYPE_STRING, "x")),
        record(20, (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = 1 }),
    };
    struct lwm2m_records records = { .items = items, .count = 3 };
    struct lwm2m_event event = event_of(LWM2M_EVENT_RESPONSE);
    struct command *command = command_of(READ);
    struct lwm2m_buffer buffer;
    event.records = &records;
    lwm2m_buffer_init(&buffer, 100000);
    message_write_answer(&buffer, &named, &event, command);
    assert_message(&buffer, READ_HEAD
                   "\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["
                   "{\"path\":\"/3/0/9\",\"value\":5,\"name\":\"Battery Level\",\"units\":"
                   "\"%\"},{\"path\":\"/3/0/2\",\"value\":\"x\",\"name\":\"Serial\"},"
                   "{\"path\":\"/3/0/20\",\"value\":1}]}}");
    command_free(command);
}

static void a_repeated_change_is_marked(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool maybe_executed;
        const char *expected;
    } cases[] = {
        { "{\"msgType\":\"delete\",\"data\":{\"path\":\"/3/1\"}}", true,
          HEAD("delete") ",\"maybeExecuted\":true,\"data\":{\"reqPath\":\"/3/1\",\"code\":\"2.02\","
                         "\"codeMsg\":\"deleted\"}}" },
        { "{\"msgType\":\"delete\",\"data\":{\"path\":\"/3/1\"}}", false,
          HEAD("delete") ",\"data\":{\"reqPath\":\"/3/1\",\"code\":\"2.02\",\"codeMsg\":"
                         "\"deleted\"}}" },
        { "{\"msgType\":\"write-attr\",\"data\":{\"path\":\"/3/1\",\"pmin\":1}}", true,
          HEAD("write-attr") ",\"maybeExecuted\":true,\"data\":{\"reqPath\":\"/3/1\","
                             "\"code\":\"2.02\",\"codeMsg\":\"deleted\"}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_event event = event_of(LWM2M_EVENT_RESPONSE);
        struct command *command = command_of(cases[i].json);
        struct lwm2m_buffer buffer;
        event.code = LWCOAP_CODE(2, 2);
        command->request.maybe_executed = cases[i].maybe_executed;
        lwm2m_buffer_init(&buffer, 100000);
        message_write_answer(&buffer, &context, &event, command);
        assert_message(&buffer, cases[i].expected);
        command_free(command);
    }
}

static void what_became_of_a_command_repeats_it(void **state)
{
    (void)state;
    static const struct {
        const char *json, *msg_type, *reason, *expected;
    } cases[] = {
        { READ, "ack", "", HEAD("ack") ",\"reqID\":1,\"data\":{\"path\":\"3/0/\"}}" },
        { READ, "coap_timeout", "",
          HEAD("coap_timeout") ",\"reqID\":1,\"data\":{\"path\":\"3/0/\"}}" },
        { READ, "dropped", "the device left",
          HEAD("dropped") ",\"reqID\":1,\"data\":{\"path\":\"3/0/\",\"reason\":\"the device "
                          "left\"}}" },
        { "{\"msgType\":\"read\",\"data\":{ \"path\":\"/3\", \"reason\":5 } }", "dropped", "x",
          HEAD("dropped") ",\"data\":{ \"path\":\"/3\", \"reason\":5 }}" },
        { "{\"msgType\":\"kick\"}", "ack", "", HEAD("ack") ",\"data\":{}}" },
        { "{\"msgType\":\"kick\"}", "dropped", "x",
          HEAD("dropped") ",\"data\":{\"reason\":\"x\"}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command *command = command_of(cases[i].json);
        struct lwm2m_buffer buffer;
        lwm2m_buffer_init(&buffer, 100000);
        message_write_state(&buffer, &context, "urn:a", command, cases[i].msg_type,
                            cases[i].reason);
        assert_message(&buffer, cases[i].expected);
        command_free(command);
    }
}

static void a_refusal_names_the_mistake(void **state)
{
    (void)state;
    static const struct {
        const char *json, *expected;
    } cases[] = {
        { "{\"msgType\":\"read\",\"reqID\":1,\"data\":{\"path\":\"x\"}}",
          HEAD("read") ",\"reqID\":1,\"data\":{\"reqPath\":\"x\",\"code\":\"4.00\",\"codeMsg\":"
                       "\"bad_request\",\"reason\":\"data.path \\\"x\\\" is not a path such as "
                       "\\\"/3/0/1\\\"\"}}" },
        { "{", HEAD("error") ",\"data\":{\"code\":\"4.00\",\"codeMsg\":\"bad_request\",\"reason\":"
                             "\"the payload is not JSON (mistake at byte 0)\"}}" },
    };
    struct command_context parsing = { .max_records = 10 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command *command = NULL;
        struct command_refusal refusal;
        struct lwm2m_buffer buffer;
        assert_int_equal(
            command_parse(cases[i].json, strlen(cases[i].json), &parsing, &command, &refusal),
            -EBADMSG);
        lwm2m_buffer_init(&buffer, 100000);
        message_write_refusal(&buffer, &context, "urn:a", command, &refusal);
        assert_message(&buffer, cases[i].expected);
        command_free(command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_has_its_parameters_and_objects),
        cmocka_unit_test(an_empty_payload_publishes_no_objects),
        cmocka_unit_test(a_registration_tells_whether_it_follows_another),
        cmocka_unit_test(a_device_that_left_says_why),
        cmocka_unit_test(a_notification_has_its_values_and_number),
        cmocka_unit_test(the_end_of_an_observation_is_a_notification),
        cmocka_unit_test(a_send_has_no_path_of_its_own),
        cmocka_unit_test(answers_follow_their_code_and_content),
        cmocka_unit_test(content_may_carry_names),
        cmocka_unit_test(a_repeated_change_is_marked),
        cmocka_unit_test(what_became_of_a_command_repeats_it),
        cmocka_unit_test(a_refusal_names_the_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
