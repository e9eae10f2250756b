/* The text of numbers: exact both ways. */
#include "lwm2m/content/decimal.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void doubles_are_written_as_short_as_can_be(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 25, "25" },
        { -25, "-25" },
        { 21.5, "21.5" },
        { 0.1, "0.1" },
        { -0.3, "-0.3" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" },
        { 100, "100" },
        { 1e14, "100000000000000" },
        { 1e15, "1e15" },
        { 123456789012345, "123456789012345" },
        { 1234567890123456, "1234567890123456" },
        { 0x1p53, "9007199254740992" },
        { 0.00001, "0.00001" },
        { 0.000012345, "0.000012345" },
        { 0.000001, "1e-6" },
        { 1e-7, "1e-7" },
        { 1e21, "1e21" },
        { 1.7976931348623157e308, "1.7976931348623157e308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 5e-324, "5e-324" },
        { 0x1p-24, "5.9604644775390625e-8" },
        { 0x1p64, "1.8446744073709552e19" },
        { 9.5367431640625e-07, "9.5367431640625e-7" },
        { 3.14159265358979, "3.14159265358979" },
        { 1367491215.25, "1367491215.25" },
        { 0.05, "0.05" },
        { 1.005, "1.005" },
        { (double)0.1f, "0.10000000149011612" },
        { (double)NAN, "NaN" },
        { (double)INFINITY, "Infinity" },
        { (double)-INFINITY, "-Infinity" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[LWM2M_NUMBER_TEXT_MAX];
        size_t len = lwm2m_value_format_double(cases[i].number, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(text));
    }
}

static size_t digits_of(const char *text)
{
    size_t digits = 0;
    size_t zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            zeros += digits > 0 ? 1 : 0;
        } else if (*text >= '1' && *text <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

/* Against the C library, over bit patterns and over decimals of every length. */
static void every_double_reads_back_and_none_is_longer_than_needed(void **state)
{
    (void)state;
    uint64_t seed = 0x2545f4914f6cdd1d;
    for (int i = 0; i < 200000; i++) {
        char text[LWM2M_NUMBER_TEXT_MAX];
        char shortest[40];
        double number;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if (i % 2 == 0) {
            memcpy(&number, &seed, sizeof(number));
        } else {
            number = (double)(int64_t)(seed >> (seed % 60)) / pow(10, (double)(seed >> 32 & 15));
        }
        if (!isfinite(number)) {
            continue;
        }
        size_t len = lwm2m_value_format_double(number, text);
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &number, sizeof(number));
        assert_int_equal(lwm2m_decimal_scan(text, len).len, len); /* it is JSON */
        for (int precision = 1; precision <= 17; precision++) {
            snprintf(shortest, sizeof(shortest), "%.*e", precision - 1, number);
            if (memcmp(&(double){ strtod(shortest, NULL) }, &number, sizeof(number)) == 0) {
                break;
            }
        }
        assert_true(digits_of(text) <= digits_of(shortest));
    }
}

static void numbers_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        struct lwm2m_value value;
    } cases[] = {
        { "0", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 0 } },
        { "-1", 0, { .type = LWM2M_TYPE_INTEGER, .integer = -1 } },
        { "-0", 0, { .type = LWM2M_TYPE_FLOAT, .number = -0.0 } },
        { "1e3", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 1000 } },
        { "25.0", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 25 } },
        { "2500e-2", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 25 } },
        { "1.23E+2", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 123 } },
        { "0.00e5", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 0 } },
        { "0e99999999999", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 0 } },
        { "1.5", 0, { .type = LWM2M_TYPE_FLOAT, .number = 1.5 } },
        { "1e-400", 0, { .type = LWM2M_TYPE_FLOAT, .number = 0 } },
        { "9223372036854775807", 0, { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MAX } },
        { "-9223372036854775808", 0, { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MIN } },
        { "9223372036854775807.000", 0, { .type = LWM2M_TYPE_INTEGER, .integer = INT64_MAX } },
        { "922337203685477580.7e1", 0, { .type = LWM2M_TYPE_FLOAT, .number = 0x1p63 } },
        { "9007199254740992e0", 0, { .type = LWM2M_TYPE_INTEGER, .integer = 9007199254740992 } },
        { "1.1204185347269976e18",
          0,
          { .type = LWM2M_TYPE_FLOAT, .number = 1.1204185347269976e18 } },
        { "9223372036854775808",
          0,
          { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = (uint64_t)INT64_MAX + 1 } },
        { "18446744073709551615",
          0,
          { .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = UINT64_MAX } },
        { "18446744073709551616", 0, { .type = LWM2M_TYPE_FLOAT, .number = 0x1p64 } },
        { "-9223372036854775809", 0, { .type = LWM2M_TYPE_FLOAT, .number = -0x1p63 } },
        { "1e19", 0, { .type = LWM2M_TYPE_FLOAT, .number = 1e19 } },
        { "1e20", 0, { .type = LWM2M_TYPE_FLOAT, .number = 1e20 } },
        { "1e400", -ERANGE, { 0 } },
        { "-1e400", -ERANGE, { 0 } },
        { "", -EINVAL, { 0 } },
        { "-", -EINVAL, { 0 } },
        { "+1", -EINVAL, { 0 } },
        { "01", -EINVAL, { 0 } },
        { "1.", -EINVAL, { 0 } },
        { ".5", -EINVAL, { 0 } },
        { "1e", -EINVAL, { 0 } },
        { "1e+", -EINVAL, { 0 } },
        { "1 ", -EINVAL, { 0 } },
        { "0x1", -EINVAL, { 0 } },
        { "NaN", -EINVAL, { 0 } },
        { "1.5.5", -EINVAL, { 0 } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_value value;
        print_message("%s\n", cases[i].text);
        assert_int_equal(lwm2m_decimal_parse(cases[i].text, strlen(cases[i].text), &value),
                         cases[i].err);
        if (cases[i].err == 0) {
            assert_true(lwm2m_value_equal(&value, &cases[i].value));
        }
    }
    struct lwm2m_value value;
    char digits[2000];
    memset(digits, '1', sizeof(digits));
    assert_int_equal(lwm2m_decimal_parse(digits, 1001, &value), -ERANGE);
    assert_int_equal(lwm2m_decimal_parse(digits, 300, &value), 0);
    assert_int_equal(value.type, LWM2M_TYPE_FLOAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_written_as_short_as_can_be),
        cmocka_unit_test(every_double_reads_back_and_none_is_longer_than_needed),
        cmocka_unit_test(numbers_are_read_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
