/* Values and texts as JSON. */
#include "gateway/json_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(struct lwm2m_buffer *buffer, const char *expected)
{
    lwm2m_buffer_append_byte(buffer, '\0');
    assert_int_equal(buffer->err, 0);
    assert_string_equal((const char *)buffer->data, expected);
    lwm2m_buffer_clear(buffer);
}

static void strings_are_escaped_and_always_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *json;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain", 5, "\"plain\"" },
        { "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
        { "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
        { "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "a\xff"
          "b",
          3,
          "\"a\xef\xbf\xbd"
          "b\"" },
        { "\xff", 1, "\"\xef\xbf\xbd\"" },
        { "\xc3", 1, "\"\xef\xbf\xbd\"" },
        { "\"\xc3\"", 3, "\"\\\"\xef\xbf\xbd\\\"\"" },
        { "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
        { "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
        { "\xf0\x9f\x98", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* cut off */
    };
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_text(&buffer, cases[i].bytes, cases[i].len);
        assert_text(&buffer, cases[i].json);
    }
    lwm2m_buffer_deinit(&buffer);
}

static void values_have_the_json_type_of_their_lwm2m_type(void **state)
{
    (void)state;
    const struct {
        struct lwm2m_value value;
        const char *json;
    } cases[] = {
        { { .type = LWM2M_TYPE_NONE }, "null" },
        { { .type = LWM2M_TYPE_STRING, .bytes = { (const uint8_t *)"a\n", 2 } }, "\"a\\n\"" },
        { { .type = LWM2M_TYPE_CORELNK, .bytes = { (const uint8_t *)"</3>", 4 } }, "\"</3>\"" },
        { { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MIN }, "-9223372036854775808" },
        { { .type = LWM2M_TYPE_INTEGER, .integer = 9007199254740993 }, "9007199254740993" },
        { { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = UINT64_MAX }, "18446744073709551615" },
        { { .type = LWM2M_TYPE_TIME, .integer = -1 }, "-1" },
        { { .type = LWM2M_TYPE_FLOAT, .number = 0.1 }, "0.1" },
        { { .type = LWM2M_TYPE_FLOAT, .number = 25 }, "25" },
        { { .type = LWM2M_TYPE_FLOAT, .number = 1.0 / 3 }, "0.3333333333333333" },
        { { .type = LWM2M_TYPE_FLOAT, .number = (double)NAN }, "\"NaN\"" },
        { { .type = LWM2M_TYPE_FLOAT, .number = (double)INFINITY }, "\"Infinity\"" },
        { { .type = LWM2M_TYPE_FLOAT, .number = -(double)INFINITY }, "\"-Infinity\"" },
        { { .type = LWM2M_TYPE_BOOLEAN, .boolean = true }, "true" },
        { { .type = LWM2M_TYPE_BOOLEAN, .boolean = false }, "false" },
        { { .type = LWM2M_TYPE_OPAQUE, .bytes = { (const uint8_t *)"\0\xff", 2 } }, "\"AP8=\"" },
        { { .type = LWM2M_TYPE_UNTYPED, .bytes = { (const uint8_t *)"", 0 } }, "\"\"" },
        { { .type = LWM2M_TYPE_OBJLNK, .link = { 3, 65535 } }, "\"3:65535\"" },
    };
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_value(&buffer, &cases[i].value);
        assert_text(&buffer, cases[i].json);
    }
    lwm2m_buffer_deinit(&buffer);
}

static void an_object_is_put_together(void **state)
{
    (void)state;
    struct lwm2m_path path = { .ids = { 3, 0, 1 }, .depth = 3 };
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 4096);
    JSON_LITERAL(&buffer, "{");
    json_name(&buffer, "path");
    json_path(&buffer, &path);
    json_name(&buffer, "n");
    json_integer(&buffer, -5);
    json_name(&buffer, "u");
    json_unsigned(&buffer, 5);
    json_name(&buffer, "b");
    json_base64(&buffer, (const uint8_t *)"abc", 3);
    JSON_LITERAL(&buffer, "}");
    assert_text(&buffer, "{\"path\":\"/3/0/1\",\"n\":-5,\"u\":5,\"b\":\"YWJj\"}");
    lwm2m_buffer_deinit(&buffer);
}

static void a_bound_is_kept(void **state)
{
    (void)state;
    struct lwm2m_buffer buffer;
    lwm2m_buffer_init(&buffer, 5);
    json_string(&buffer, "abc");
    assert_int_equal(buffer.err, 0);
    json_text(&buffer, "\xff", 1);
    assert_int_not_equal(buffer.err, 0);
    lwm2m_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_and_always_utf8),
        cmocka_unit_test(values_have_the_json_type_of_their_lwm2m_type),
        cmocka_unit_test(an_object_is_put_together),
        cmocka_unit_test(a_bound_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
