/* JSON item by item: what is read, and what is refused. */
#include "lwm2m/content/json_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lwm2m_records records;

static int read_one(const char *text, struct lwm2m_json_item *item)
{
    struct lwm2m_json_reader reader;
    lwm2m_json_reader_init(&reader, (const uint8_t *)text, strlen(text), &records);
    if (lwm2m_json_read(&reader, item)) {
        lwm2m_json_skip(&reader, item);
    }
    return lwm2m_json_reader_end(&reader);
}

static void strings_are_read_with_their_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        { "\"\"", "" },
        { " \"plain\" ", "plain" },
        { "\"tab\there\"", "tab\there" }, /* as devices send it */
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac" },
        { "\"\\uD83D\\ude00!\"", "\xf0\x9f\x98\x80!" },
        { "\"\\u0001\"", "\x01" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_json_item item;
        assert_int_equal(read_one(cases[i].json, &item), 0);
        assert_int_equal(item.kind, LWM2M_JSON_STRING);
        assert_int_equal(item.text.len, strlen(cases[i].text));
        assert_memory_equal(item.text.data, cases[i].text, item.text.len);
    }
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        struct lwm2m_value value;
    } cases[] = {
        { "0", { .type = LWM2M_TYPE_INTEGER, .integer = 0 } },
        { "-7", { .type = LWM2M_TYPE_INTEGER, .integer = -7 } },
        { "999999999999999999", { .type = LWM2M_TYPE_INTEGER, .integer = 999999999999999999 } },
        { "9223372036854775807", { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MAX } },
        { "-9223372036854775808", { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MIN } },
        { "18446744073709551615", { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = UINT64_MAX } },
        { "25.0", { .type = LWM2M_TYPE_INTEGER, .integer = 25 } },
        { "1e3", { .type = LWM2M_TYPE_INTEGER, .integer = 1000 } },
        { "1.5", { .type = LWM2M_TYPE_FLOAT, .number = 1.5 } },
        { "-0", { .type = LWM2M_TYPE_FLOAT, .number = -0.0 } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_json_item item;
        assert_int_equal(read_one(cases[i].json, &item), 0);
        assert_int_equal(item.kind, LWM2M_JSON_NUMBER);
        assert_int_equal(item.number.type, cases[i].value.type);
        assert_memory_equal(&item.number.integer, &cases[i].value.integer, sizeof(int64_t));
    }
}

static void everything_is_passed_over(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "[]",
        "{}",
        "[ 1 , [ ] , { \"a\" : [ null, true ,false ] } ]\r\n",
        "null",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "{\"\":{\"\":\"]}\"}}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_json_item item;
        assert_int_equal(read_one(cases[i], &item), 0);
    }
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "  ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "[]x",
        "nul",
        "nullx",
        "True",
        "\"open",
        "\"open\\",
        "\"open\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "01",
        "-",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
        "1e400",
        "--1",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
        "\xef\xbb\xbf[]",
        "[1]\v",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_json_item item;
        if (read_one(cases[i], &item) != -EBADMSG) {
            fail_msg("%s was not refused", cases[i]);
        }
    }
}

/* The payload is not terminated, and ends where a careless reader would go on. */
static void no_byte_behind_the_end_is_read(void **state)
{
    (void)state;
    static const char text[] = "[\"\\ud83d\\ude00\",-1.5e+10,true,{\"a\":null}]";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy + 1, text, len);
        struct lwm2m_json_reader reader;
        struct lwm2m_json_item item;
        lwm2m_json_reader_init(&reader, copy + 1, len, &records);
        if (lwm2m_json_read(&reader, &item)) {
            lwm2m_json_skip(&reader, &item);
        }
        assert_int_equal(lwm2m_json_reader_end(&reader), -EBADMSG);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_read_with_their_escapes),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(everything_is_passed_over),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(no_byte_behind_the_end_is_read),
    };
    lwm2m_records_init(&records, 10);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lwm2m_records_deinit(&records);
    return failed;
}
