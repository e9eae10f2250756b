/*
 * Lines of a psk_file: what they mean, and where a mistake is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/psk_line.h"

#define K16  "000102030405060708090a0b0c0d0e0f"
#define K64  K16 K16 K16 K16
#define A32  "abcdefghijklmnopqrstuvwxyz012345"
#define A128 A32 A32 A32 A32

static const struct {
    const char *text;
    const char *identity;
    size_t key_len;
    uint8_t last_key_byte;
    const char *endpoint;
    bool is_pattern;
} good[] = {
    { "dev1 " K16, "dev1", 16, 0x0f, "dev1", false },
    { " \tdev1\t" K16 " \r", "dev1", 16, 0x0f, "dev1", false },
    { "dev1 0AfF", "dev1", 2, 0xff, "dev1", false },
    { "dev1 base64:AQIDBA==", "dev1", 4, 4, "dev1", false },
    { "dev1 base64:AQIDBA", "dev1", 4, 4, "dev1", false },
    { "dev1 base64:-_8=", "dev1", 2, 0xff, "dev1", false },
    { "dev1 " K16 " urn:imei:1", "dev1", 16, 0x0f, "urn:imei:1", false },
    { "dev1 " K16 " meter-*", "dev1", 16, 0x0f, "meter-*", true },
    { "dev1 " K16 " [ab]?", "dev1", 16, 0x0f, "[ab]?", true },
    { "meter-* " K16, "meter-*", 16, 0x0f, "meter-*", false }, /* a name, not a pattern */
    { "dev1 " K16 " hex:6d2a", "dev1", 16, 0x0f, "m*", false },
    { "hex:612062 " K16, "a b", 16, 0x0f, "a b", false },
    { "hex:ff00 " K16 " dev1", NULL, 16, 0x0f, "dev1", false },
    { "hex:c3a9 " K16, "\xc3\xa9", 16, 0x0f, "\xc3\xa9", false },
    { "dev#1 " K16 " e#1 # the third", "dev#1", 16, 0x0f, "e#1", false },
    { "dev1 " K16 " # dev2", "dev1", 16, 0x0f, "dev1", false },
    { A128 " " K64 " " A128, A128, 64, 0x0f, A128, false },
};

static void test_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct psk_line line;
        assert_int_equal(psk_line_read(good[i].text, strlen(good[i].text), &line), 0);
        if (good[i].identity != NULL) {
            assert_int_equal(line.identity_len, strlen(good[i].identity));
            assert_memory_equal(line.identity, good[i].identity, line.identity_len);
        }
        assert_int_equal(line.key_len, good[i].key_len);
        assert_int_equal(line.key[line.key_len - 1], good[i].last_key_byte);
        assert_string_equal(line.endpoint, good[i].endpoint);
        assert_int_equal(line.is_pattern, good[i].is_pattern);
    }
}

static void test_says_nothing(void **state)
{
    static const char *const lines[] = { "", "  \t", "\r", "# dev1 00", "  # dev1 00", "#" };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct psk_line line;
        assert_int_equal(psk_line_read(lines[i], strlen(lines[i]), &line), 0);
        assert_int_equal(line.identity_len, 0);
    }
}

static const struct {
    const char *text;
    size_t column;
    const char *mistake; /* a part of it */
} bad[] = {
    { "dev1", 5, "no key" },
    { "dev1 # no key", 6, "no key" },
    { "dev1 0", 6, "what is no key" },
    { "dev1 0g", 6, "what is no key" },
    { "dev1 0x00", 6, "what is no key" },
    { "dev1 base64:", 6, "what is no key" },
    { "dev1 base64:A", 6, "what is no key" },
    { "dev1 base64:A!==", 6, "what is no key" },
    { "dev1 " K64 "00", 6, "what is no key" },
    { " \xc3\xa9 00", 2, "no identity" },
    { "\x01 00", 1, "no identity" },
    { "hex: 00", 1, "no identity" },
    { "hex:0 00", 1, "no identity" },
    { "hex:zz 00", 1, "no identity" },
    { A128 "x 00", 1, "no identity" },
    { "hex:00 00", 1, "no endpoint" },
    { "hex:ff 00", 1, "no endpoint" },
    { "dev1 00 hex:ff", 9, "what is no endpoint" },
    { "dev1 00 hex:00", 9, "what is no endpoint" },
    { "dev1 00 \xff", 9, "what is no endpoint" },
    { "dev1 00 " A128 A128, 9, "what is no endpoint" },
    { "dev1 00 dev1 dev2", 14, "more than three fields" },
};

static void test_names_the_mistake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct psk_line line;
        assert_int_equal(psk_line_read(bad[i].text, strlen(bad[i].text), &line), -EBADMSG);
        assert_int_equal(line.column, bad[i].column);
        if (strstr(line.mistake, bad[i].mistake) == NULL) {
            fail_msg("\"%s\": %s", bad[i].text, line.mistake);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_says_nothing),
        cmocka_unit_test(test_names_the_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
