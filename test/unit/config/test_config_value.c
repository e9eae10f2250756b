/*
 * The texts of single values.
 */
#include "config/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static void amounts_are_read(void **state)
{
    static const struct {
        const struct config_scale *scale;
        const char *text;
        int err;
        uint64_t amount;
    } cases[] = {
        { &config_scale_duration, "500ms", 0, 500 },
        { &config_scale_duration, "22s", 0, 22000 },
        { &config_scale_duration, "5m", 0, 300000 },
        { &config_scale_duration, "24h", 0, 86400000 },
        { &config_scale_duration, "0s", 0, 0 },
        { &config_scale_duration, "18446744073709551615ms", 0, UINT64_MAX },
        { &config_scale_duration, "18446744073709551616ms", -ERANGE, 0 },
        { &config_scale_duration, "18446744073709551615s", -ERANGE, 0 },
        { &config_scale_duration, "22", -EBADMSG, 0 },
        { &config_scale_duration, "s", -EBADMSG, 0 },
        { &config_scale_duration, "", -EBADMSG, 0 },
        { &config_scale_duration, "-1s", -EBADMSG, 0 },
        { &config_scale_duration, "+1s", -EBADMSG, 0 },
        { &config_scale_duration, "1.5s", -EBADMSG, 0 },
        { &config_scale_duration, "1 s", -EBADMSG, 0 },
        { &config_scale_duration, " 1s", -EBADMSG, 0 },
        { &config_scale_duration, "1S", -EBADMSG, 0 },
        { &config_scale_duration, "1d", -EBADMSG, 0 },
        { &config_scale_size, "4096", 0, 4096 },
        { &config_scale_size, "4KiB", 0, 4096 },
        { &config_scale_size, "4MiB", 0, 4194304 },
        { &config_scale_size, "1GiB", 0, 1073741824 },
        { &config_scale_size, "17179869184GiB", -ERANGE, 0 },
        { &config_scale_size, "4kb", -EBADMSG, 0 },
        { &config_scale_size, "4K", -EBADMSG, 0 },
        { &config_scale_size, "4096B", -EBADMSG, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t amount = 0;
        int err = config_value_amount(cases[i].scale, cases[i].text, &amount);
        if (err != cases[i].err || amount != cases[i].amount) {
            fail_msg("\"%s\": %d", cases[i].text, err);
        }
    }
}

static void amounts_are_written_with_their_largest_unit(void **state)
{
    static const struct {
        const struct config_scale *scale;
        uint64_t amount;
        const char *text;
    } cases[] = {
        { &config_scale_duration, 0, "0s" },        { &config_scale_duration, 1, "1ms" },
        { &config_scale_duration, 1500, "1500ms" }, { &config_scale_duration, 90000, "90s" },
        { &config_scale_duration, 3600000, "1h" },  { &config_scale_size, 0, "0" },
        { &config_scale_size, 1000, "1000" },       { &config_scale_size, 4096, "4KiB" },
        { &config_scale_size, 1073741824, "1GiB" },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[CONFIG_VALUE_SIZE];
        uint64_t again = 1;
        assert_string_equal(config_value_amount_text(cases[i].scale, cases[i].amount, text),
                            cases[i].text);
        assert_int_equal(config_value_amount(cases[i].scale, text, &again), 0);
        assert_int_equal(again, cases[i].amount);
    }
}

static void amounts_are_guessed(void **state)
{
    static const struct {
        const struct config_scale *scale;
        const char *text, *guess; /* NULL: no guess */
    } cases[] = {
        { &config_scale_duration, "60", "60s" },       { &config_scale_duration, "60 s", "60s" },
        { &config_scale_duration, "60sec", "60s" },    { &config_scale_duration, "5min", "5m" },
        { &config_scale_duration, "2 hours", "2h" },   { &config_scale_duration, "10MS", "10ms" },
        { &config_scale_duration, "3 millis", "3ms" }, { &config_scale_duration, "1d", NULL },
        { &config_scale_duration, "soon", NULL },      { &config_scale_duration, "1.5s", NULL },
        { &config_scale_size, "4K", "4KiB" },          { &config_scale_size, "4 MB", "4MiB" },
        { &config_scale_size, "4gib", "4GiB" },        { &config_scale_size, "100B", "100" },
        { &config_scale_size, "big", NULL },           { &config_scale_size, "4x", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char guess[CONFIG_VALUE_SIZE] = "";
        bool guessed = config_value_amount_guess(cases[i].scale, cases[i].text, guess);
        assert_int_equal(guessed, cases[i].guess != NULL);
        if (guessed) {
            assert_string_equal(guess, cases[i].guess);
        }
    }
}

static void decimals_are_read_in_thousandths(void **state)
{
    static const struct {
        const char *text;
        int err;
        uint64_t value;
    } cases[] = {
        { "1", 0, 1000 },         { "1.5", 0, 1500 },
        { "1.05", 0, 1050 },      { "0.001", 0, 1 },
        { "10.999", 0, 10999 },   { "1.", -EBADMSG, 0 },
        { ".5", -EBADMSG, 0 },    { "1.0001", -EBADMSG, 0 },
        { "1,5", -EBADMSG, 0 },   { "1e3", -EBADMSG, 0 },
        { "-1", -EBADMSG, 0 },    { "1.5s", -EBADMSG, 0 },
        { "nan", -EBADMSG, 0 },   { "18446744073709551615", -ERANGE, 0 },
        { "1.5.5", -EBADMSG, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t value = 0;
        int err = config_value_thousandths(cases[i].text, &value);
        if (err != cases[i].err || value != cases[i].value) {
            fail_msg("\"%s\": %d", cases[i].text, err);
        }
    }
}

static void distance_counts_small_mistakes(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance; /* SIZE_MAX: too different */
    } cases[] = {
        { "keepalive", "keepalive", 0 },
        { "keepalve", "keepalive", 1 },
        { "keepailve", "keepalive", 1 },
        { "brokers", "broker", 1 },
        { "kepalvie", "keepalive", 2 },
        { "qos", "cos", 1 },
        { "WARN", "warn", 0 },
        { "4", "5", SIZE_MAX },
        { "3.1", "3.1.1", 2 },
        { "abc", "xyz", SIZE_MAX },
        { "level", "password", SIZE_MAX },
        { "", "a", SIZE_MAX },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", SIZE_MAX },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(
            config_value_distance(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)),
            cases[i].distance);
    }
}

static void paths_have_one_to_four_numbers(void **state)
{
    static const char *const good[] = { "/3", "/3/0", "/3/0/9", "/3/0/9/1", "/65534/65534" };
    static const char *const bad[] = { "",
                                       "/",
                                       "3",
                                       "/3/",
                                       "//3",
                                       "/65535",
                                       "/3/a",
                                       "/1/2/3/4/5",
                                       "/03",
                                       "/-1",
                                       "/3/0 ",
                                       "/3?x",
                                       "/99999999999999999999" };
    (void)state;
    for (size_t i = 0; i < LENGTH(good); i++) {
        assert_true(config_value_is_path(good[i]));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_false(config_value_is_path(bad[i]));
    }
}

static void utf8_is_checked(void **state)
{
    static const char *const good[] = { "", "abc", "ü", "€", "😀", "\xf4\x8f\xbf\xbf" };
    static const char *const bad[] = {
        "\xe4", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80",
        "a\tb", "\x7f",     "\xc2\x85",     "\xf0\x80\x80\x80", "\xff"
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(good); i++) {
        assert_true(config_value_is_clean_utf8(good[i]));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_false(config_value_is_clean_utf8(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read),
        cmocka_unit_test(amounts_are_written_with_their_largest_unit),
        cmocka_unit_test(amounts_are_guessed),
        cmocka_unit_test(decimals_are_read_in_thousandths),
        cmocka_unit_test(distance_counts_small_mistakes),
        cmocka_unit_test(paths_have_one_to_four_numbers),
        cmocka_unit_test(utf8_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
