/* Types by name, values from text, conversions, UTF-8, the table of formats. */
#include "lwm2m/content/content.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void types_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err;
        enum lwm2m_type type;
    } cases[] = {
        { "String", 0, LWM2M_TYPE_STRING },
        { "integer", 0, LWM2M_TYPE_INTEGER },
        { "Unsigned Integer", 0, LWM2M_TYPE_UNSIGNED },
        { "UNSIGNED_INTEGER", 0, LWM2M_TYPE_UNSIGNED },
        { "unsignedinteger", 0, LWM2M_TYPE_UNSIGNED },
        { "unsigned", 0, LWM2M_TYPE_UNSIGNED },
        { "float", 0, LWM2M_TYPE_FLOAT },
        { "Boolean", 0, LWM2M_TYPE_BOOLEAN },
        { "Opaque", 0, LWM2M_TYPE_OPAQUE },
        { "TIME", 0, LWM2M_TYPE_TIME },
        { "Objlnk", 0, LWM2M_TYPE_OBJLNK },
        { "Corelnk", 0, LWM2M_TYPE_CORELNK },
        { "none", 0, LWM2M_TYPE_NONE },
        { "", -ENOENT, LWM2M_TYPE_NONE },
        { "Strin", -ENOENT, LWM2M_TYPE_NONE },
        { "Strings", -ENOENT, LWM2M_TYPE_NONE },
        { "double", -ENOENT, LWM2M_TYPE_NONE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum lwm2m_type type;
        assert_int_equal(lwm2m_type_by_name(cases[i].name, &type), cases[i].err);
        if (cases[i].err == 0) {
            assert_int_equal(type, cases[i].type);
        }
    }
    for (int type = LWM2M_TYPE_NONE; type <= LWM2M_TYPE_UNTYPED; type++) {
        enum lwm2m_type back;
        assert_int_equal(lwm2m_type_by_name(lwm2m_type_name((enum lwm2m_type)type), &back), 0);
        assert_int_equal(back, type);
    }
}

static void text_is_read_by_type(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_type type;
        const char *text;
        int err;
        const char *formatted; /* for types that have a text of their own */
    } cases[] = {
        { LWM2M_TYPE_INTEGER, "-12", 0, "-12" },
        { LWM2M_TYPE_INTEGER, " 12\n", 0, "12" },
        { LWM2M_TYPE_INTEGER, "+5", 0, "5" },
        { LWM2M_TYPE_INTEGER, "+-5", -EINVAL, NULL },
        { LWM2M_TYPE_INTEGER, "1.5e3", 0, "1500" },
        { LWM2M_TYPE_INTEGER, "1.5", -EINVAL, NULL },
        { LWM2M_TYPE_INTEGER, "", -EINVAL, NULL },
        { LWM2M_TYPE_INTEGER, "true", -EINVAL, NULL },
        { LWM2M_TYPE_INTEGER, "9223372036854775808", -ERANGE, NULL },
        { LWM2M_TYPE_INTEGER, "1e30", -ERANGE, NULL },
        { LWM2M_TYPE_UNSIGNED, "18446744073709551615", 0, "18446744073709551615" },
        { LWM2M_TYPE_UNSIGNED, "18446744073709551616", -ERANGE, NULL },
        { LWM2M_TYPE_UNSIGNED, "-1", -ERANGE, NULL },
        { LWM2M_TYPE_TIME, "1700000000", 0, "1700000000" },
        { LWM2M_TYPE_FLOAT, "1.5e3", 0, "1500" },
        { LWM2M_TYPE_FLOAT, "9007199254740993", 0, "9007199254740992" },
        { LWM2M_TYPE_FLOAT, "18446744073709551615", 0, "1.8446744073709552e19" },
        { LWM2M_TYPE_FLOAT, "NaN", 0, "NaN" },
        { LWM2M_TYPE_FLOAT, "-Infinity", 0, "-Infinity" },
        { LWM2M_TYPE_FLOAT, "1e400", -ERANGE, NULL },
        { LWM2M_TYPE_FLOAT, "1,5", -EINVAL, NULL },
        { LWM2M_TYPE_BOOLEAN, "1", 0, "1" },
        { LWM2M_TYPE_BOOLEAN, "TRUE", 0, "1" },
        { LWM2M_TYPE_BOOLEAN, "false", 0, "0" },
        { LWM2M_TYPE_BOOLEAN, "yes", -EINVAL, NULL },
        { LWM2M_TYPE_BOOLEAN, "", -EINVAL, NULL },
        { LWM2M_TYPE_OBJLNK, "65:0", 0, "65:0" },
        { LWM2M_TYPE_OBJLNK, "65535:65535", 0, "65535:65535" },
        { LWM2M_TYPE_OBJLNK, "65", -EINVAL, NULL },
        { LWM2M_TYPE_OBJLNK, ":", -EINVAL, NULL },
        { LWM2M_TYPE_OBJLNK, "1:2:3", -EINVAL, NULL },
        { LWM2M_TYPE_OBJLNK, "", -EINVAL, NULL },
        { LWM2M_TYPE_OPAQUE, "AA==", 0, "" },
        { LWM2M_TYPE_OPAQUE, "A", -EINVAL, NULL },
        { LWM2M_TYPE_STRING, " a ", 0, "" },
        { LWM2M_TYPE_NONE, "", 0, "" },
        { LWM2M_TYPE_NONE, "x", -EINVAL, NULL },
    };
    struct lwm2m_records records;
    lwm2m_records_init(&records, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_value value;
        char text[LWM2M_NUMBER_TEXT_MAX];
        print_message("%s\n", cases[i].text);
        assert_int_equal(lwm2m_value_from_text(cases[i].type, cases[i].text, strlen(cases[i].text),
                                               &records, &value),
                         cases[i].err);
        if (cases[i].err == 0) {
            assert_int_equal(value.type, cases[i].type);
            assert_int_equal(lwm2m_value_format(&value, text), strlen(cases[i].formatted));
            assert_string_equal(text, cases[i].formatted);
        }
    }
    struct lwm2m_value value;
    assert_int_equal(lwm2m_value_from_text(LWM2M_TYPE_STRING, " a ", 3, &records, &value), 0);
    assert_memory_equal(value.bytes.data, " a ", 3); /* blanks belong to a string */
    lwm2m_records_deinit(&records);
}

static struct lwm2m_value integer(int64_t number)
{
    return (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = number };
}

static struct lwm2m_value number(double number)
{
    return (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = number };
}

static struct lwm2m_value text(const char *text)
{
    return (struct lwm2m_value){ .type = LWM2M_TYPE_STRING,
                                 .bytes = { (const uint8_t *)text, strlen(text) } };
}

static void values_are_converted_where_nothing_is_lost(void **state)
{
    (void)state;
    const struct lwm2m_value largest = { .type = LWM2M_TYPE_UNSIGNED,
                                         .unsigned_integer = UINT64_MAX };
    const struct lwm2m_value yes = { .type = LWM2M_TYPE_BOOLEAN, .boolean = true };
    const struct lwm2m_value opaque = { .type = LWM2M_TYPE_OPAQUE,
                                        .bytes = { (const uint8_t *)"ab", 2 } };
    const struct lwm2m_value binary = { .type = LWM2M_TYPE_OPAQUE,
                                        .bytes = { (const uint8_t *)"\xff", 1 } };
    const struct {
        struct lwm2m_value value;
        enum lwm2m_type type;
        int err;
        const char *formatted;
    } cases[] = {
        { integer(5), LWM2M_TYPE_INTEGER, 0, "5" },
        { integer(5), LWM2M_TYPE_UNSIGNED, 0, "5" },
        { integer(-5), LWM2M_TYPE_UNSIGNED, -EINVAL, "-5" },
        { integer(-5), LWM2M_TYPE_TIME, 0, "-5" },
        { integer(INT64_MIN), LWM2M_TYPE_FLOAT, 0, "-9.223372036854776e18" },
        { integer(INT64_MAX), LWM2M_TYPE_FLOAT, 0, "9.223372036854776e18" },
        { integer(1), LWM2M_TYPE_BOOLEAN, 0, "1" },
        { integer(2), LWM2M_TYPE_BOOLEAN, -EINVAL, "2" },
        { integer(-1), LWM2M_TYPE_BOOLEAN, -EINVAL, "-1" },
        { integer(5), LWM2M_TYPE_STRING, -EINVAL, "5" },
        { integer(5), LWM2M_TYPE_OPAQUE, -EINVAL, "5" },
        { integer(5), LWM2M_TYPE_OBJLNK, -EINVAL, "5" },
        { integer(5), LWM2M_TYPE_NONE, -EINVAL, "5" },
        { integer(5), LWM2M_TYPE_UNTYPED, 0, "5" },
        { largest, LWM2M_TYPE_INTEGER, -EINVAL, "18446744073709551615" },
        { largest, LWM2M_TYPE_FLOAT, 0, "1.8446744073709552e19" },
        { number(25), LWM2M_TYPE_INTEGER, 0, "25" },
        { number(-25), LWM2M_TYPE_TIME, 0, "-25" },
        { number(25.5), LWM2M_TYPE_INTEGER, -EINVAL, "25.5" },
        { number(0x1p63), LWM2M_TYPE_INTEGER, -EINVAL, "9.223372036854776e18" },
        { number(-0x1p63), LWM2M_TYPE_INTEGER, 0, "-9223372036854775808" },
        { number(0x1p63), LWM2M_TYPE_UNSIGNED, 0, "9223372036854775808" },
        { number(0x1p64), LWM2M_TYPE_UNSIGNED, -EINVAL, "1.8446744073709552e19" },
        { number(-0.0), LWM2M_TYPE_UNSIGNED, 0, "0" },
        { number((double)__builtin_nanf("")), LWM2M_TYPE_INTEGER, -EINVAL, "NaN" },
        { number((double)__builtin_inff()), LWM2M_TYPE_INTEGER, -EINVAL, "Infinity" },
        { number(1), LWM2M_TYPE_BOOLEAN, 0, "1" },
        { yes, LWM2M_TYPE_INTEGER, 0, "1" },
        { text("12"), LWM2M_TYPE_INTEGER, 0, "12" },
        { text("x"), LWM2M_TYPE_INTEGER, -EINVAL, "" },
        { text("99999999999999999999"), LWM2M_TYPE_INTEGER, -EINVAL, "" },
        { text("true"), LWM2M_TYPE_BOOLEAN, 0, "1" },
        { text("66:1"), LWM2M_TYPE_OBJLNK, 0, "66:1" },
        { text("YWI="), LWM2M_TYPE_OPAQUE, 0, "" },
        { text("</3>"), LWM2M_TYPE_CORELNK, 0, "" },
        { opaque, LWM2M_TYPE_STRING, 0, "" },
        { opaque, LWM2M_TYPE_INTEGER, -EINVAL, "" },
        { binary, LWM2M_TYPE_STRING, -EINVAL, "" },
        { { .type = LWM2M_TYPE_NONE }, LWM2M_TYPE_INTEGER, 0, "" },
    };
    struct lwm2m_records records;
    lwm2m_records_init(&records, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_value value = cases[i].value;
        char formatted[LWM2M_NUMBER_TEXT_MAX];
        print_message("%s to %s\n", lwm2m_type_name(value.type), lwm2m_type_name(cases[i].type));
        assert_int_equal(lwm2m_value_convert(&value, cases[i].type, &records), cases[i].err);
        bool stays = cases[i].err != 0 || value.type == LWM2M_TYPE_NONE ||
                     cases[i].type == LWM2M_TYPE_UNTYPED;
        assert_int_equal(value.type, stays ? cases[i].value.type : cases[i].type);
        if (stays) {
            assert_true(lwm2m_value_equal(&value, &cases[i].value));
        }
        lwm2m_value_format(&value, formatted);
        assert_string_equal(formatted, cases[i].formatted);
    }
    lwm2m_records_deinit(&records);
}

static void utf8_is_told_from_rubbish(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "", true },
        { "abc", true },
        { "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\xed\x9f\xbf\xee\x80\x80", true },
        { "\x80", false },
        { "\xc3", false },
        { "a\xe2\x82", false },
        { "\xc0\x80", false },         /* overlong */
        { "\xc1\xbf", false },         /* overlong */
        { "\xe0\x9f\xbf", false },     /* overlong */
        { "\xf0\x8f\xbf\xbf", false }, /* overlong */
        { "\xed\xa0\x80", false },     /* surrogate */
        { "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "\xe2\x82\xe2", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].text);
        assert_int_equal(lwm2m_utf8_valid((const uint8_t *)cases[i].text, len), cases[i].valid);
    }
}

static void formats_are_found_by_number_and_name(void **state)
{
    (void)state;
    static const struct {
        uint16_t number;
        const char *name;
    } cases[] = {
        { 0, "text" },
        { 1541, "text" },
        { 42, "opaque" },
        { 1544, "OPAQUE" },
        { 11542, "tlv" },
        { 1542, "TLV" },
        { 110, "senml-json" },
        { 11543, "json" },
        { 1543, "Json" },
        { 60, "cbor" },
        { 112, "senml-cbor" },
        { 320, "senml-etch-json" },
        { 322, "senml-etch-cbor" },
        { 11544, "lwm2m-cbor" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct lwm2m_content_format *format = lwm2m_content_find(cases[i].number);
        assert_non_null(format);
        assert_ptr_equal(format, lwm2m_content_find_name(cases[i].name));
    }
    assert_null(lwm2m_content_find(LWM2M_FORMAT_LINK));
    assert_null(lwm2m_content_find(LWM2M_FORMAT_NONE));
    assert_null(lwm2m_content_find_name("xml"));
    size_t rows = 0;
    for (; lwm2m_content_row(rows) != NULL; rows++) {
        const struct lwm2m_content_format *row = lwm2m_content_row(rows);
        assert_ptr_equal(lwm2m_content_find(row->number), row);
        assert_non_null(row->decode);
    }
    assert_int_equal(rows, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(text_is_read_by_type),
        cmocka_unit_test(values_are_converted_where_nothing_is_lost),
        cmocka_unit_test(utf8_is_told_from_rubbish),
        cmocka_unit_test(formats_are_found_by_number_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
