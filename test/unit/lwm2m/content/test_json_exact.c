/* JSON without loss: what is kept as text, what is refused. */
#include "lwm2m/content/json_exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static void numbers_are_printed_as_they_came(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "12345678901234567890",
        "-12345678901234567890",
        "0.12345678901234567890123456789",
        "1e400",
        "[1,12345678901234567,\"12345678901234567\",{\"a\":98765432109876543}]",
        "{\"12345678901234567890\":12345678901234567890,\"b\":\"\\\"12345678901234567890\"}",
        "[[[[12345678901234567]]],[],{},\"\",12345678901234568]",
        "{\"a\":{\"b\":{\"c\":10000000000000001}},\"d\":null,\"e\":true}",
        "3.14159265358979",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cJSON *tree = lwm2m_json_parse(cases[i], strlen(cases[i]), NULL);
        assert_non_null(tree);
        char *text = cJSON_PrintUnformatted(tree);
        assert_string_equal(text, cases[i]);
        cJSON_free(text);
        cJSON_Delete(tree);
    }
}

/* A number of more digits than cJSON reads. */
static void numbers_may_be_long(void **state)
{
    (void)state;
    char text[900];
    memset(text, '7', sizeof(text));
    cJSON *tree = lwm2m_json_parse(text, 300, NULL);
    assert_true(cJSON_IsRaw(tree));
    assert_int_equal(strlen(tree->valuestring), 300);
    struct lwm2m_value value;
    assert_int_equal(lwm2m_json_number(tree, &value), 0);
    assert_int_equal(value.type, LWM2M_TYPE_FLOAT);
    cJSON_Delete(tree);

    memset(text, '0', sizeof(text));
    text[0] = '0';
    text[1] = '.';
    text[899] = '1';
    tree = lwm2m_json_parse(text, 900, NULL);
    assert_true(lwm2m_json_is_number(tree));
    cJSON_Delete(tree);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct lwm2m_value value;
    } cases[] = {
        { "0", { .type = LWM2M_TYPE_INTEGER, .integer = 0 } },
        { "-7", { .type = LWM2M_TYPE_INTEGER, .integer = -7 } },
        { "25.0", { .type = LWM2M_TYPE_INTEGER, .integer = 25 } },
        { "1.5", { .type = LWM2M_TYPE_FLOAT, .number = 1.5 } },
        { "-0.0", { .type = LWM2M_TYPE_FLOAT, .number = -0.0 } },
        { "1e18", { .type = LWM2M_TYPE_FLOAT, .number = 1e18 } },
        { "9007199254740993", { .type = LWM2M_TYPE_INTEGER, .integer = 9007199254740993 } },
        { "9223372036854775807", { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MAX } },
        { "-9223372036854775808", { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MIN } },
        { "18446744073709551615", { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = UINT64_MAX } },
        { "18446744073709551616", { .type = LWM2M_TYPE_FLOAT, .number = 0x1p64 } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_value value;
        cJSON *tree = lwm2m_json_parse(cases[i].text, strlen(cases[i].text), NULL);
        assert_true(lwm2m_json_is_number(tree));
        assert_int_equal(lwm2m_json_number(tree, &value), 0);
        print_message("%s\n", cases[i].text);
        assert_true(lwm2m_value_equal(&value, &cases[i].value));
        cJSON_Delete(tree);
    }
    static const char *const others[] = {
        "\"1\"", "null", "true", "[1]", "\"12345678901234567890\"", "1e400"
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct lwm2m_value value;
        double number;
        cJSON *tree = lwm2m_json_parse(others[i], strlen(others[i]), NULL);
        assert_non_null(tree);
        assert_true(lwm2m_json_number(tree, &value) < 0);
        assert_true(lwm2m_json_double(tree, &number) < 0);
        cJSON_Delete(tree);
    }
}

static void rubbish_is_refused_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        { "", 0 },
        { "  ", 2 },
        { "{\"a\":1", 6 },
        { "{\"a\":1} x", 8 },
        { "[1,2]]", 5 },
        { "[01]", 2 },
        { "[012345678901234567890]", 2 },
        { "[1.]", 2 },
        { "[.5]", 1 },
        { "[1e]", 2 },
        { "[+1]", 1 },
        { "[-]", 1 },
        { "[0x10]", 2 },
        { "[NaN]", 1 },
        { "{12345678901234567890:1}", 1 },
        { "{\"a\":1,12345678901234567890:1}", 7 },
        { "[\"a\\u0000b\"]", 3 },
        { "[\"a\\u00g0b\"]", 3 },
        { "[\"a\\u12\"]", 3 },
        { "[\"a\\u12", 3 },
        { "[\"abc]", 6 },
        { "[\"abc\\\"]", 8 },
        { "['a']", 1 },
        { "[tru]", 1 },
        { "[\"\\x\"]", 1 },
        { "[\"\\ud800\"]", 1 },
        { "[1,]", 3 },
        { "[12345678901234567890 1]", 22 },
        { "[12345678901234567890,x]", 22 },
        { "[98765432109876543,12345678901234567890,]", 40 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t offset = 999;
        size_t len = strlen(cases[i].text);
        char *copy = malloc(len > 0 ? len : 1); /* no byte behind it */
        memcpy(copy, cases[i].text, len);
        print_message("%s\n", cases[i].text);
        assert_null(lwm2m_json_parse(copy, len, &offset));
        /* cJSON says where it stopped, which may be short of the mistake by a token. */
        assert_true(offset <= len);
        assert_in_range(offset + 24, cases[i].offset, cases[i].offset + 48);
        free(copy);
    }
    assert_null(lwm2m_json_parse("[\"a\0b\"]", 7, NULL));
    assert_null(lwm2m_json_parse("[1]\0", 4, NULL));
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *text = malloc(2 * DEPTH + 20);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    assert_null(lwm2m_json_parse(text, 2 * DEPTH, NULL));
    memset(text, '[', 500);
    memcpy(text + 500, "12345678901234567890", 20);
    memset(text + 520, ']', 500);
    cJSON *tree = lwm2m_json_parse(text, 1020, NULL);
    assert_non_null(tree);
    cJSON_Delete(tree);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_printed_as_they_came),
        cmocka_unit_test(numbers_may_be_long),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(rubbish_is_refused_where_it_is),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
