/*
 * The table of pre-shared keys: who is found, what is refused as a whole, and which files are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "gateway/credentials.h"

#define K16 "000102030405060708090a0b0c0d0e0f"

static const struct credentials_settings settings = {
    .max_count = 10000,
    .max_key_len = 32,
    .hash_key = { 1, 2 },
};

static struct credentials *parse(const char *text)
{
    struct credentials *credentials = NULL;
    struct config_error error = { 0 };
    int err = credentials_parse("psk", text, strlen(text), &settings, &credentials, &error);
    if (err != 0) {
        fail_msg("%s", error.messages[0]);
    }
    return credentials;
}

static bool find(const struct credentials *credentials, const char *identity,
                 struct credential *credential)
{
    return credentials_find(credentials, (const uint8_t *)identity, strlen(identity), credential);
}

static void test_finds_by_identity(void **state)
{
    (void)state;
    struct credential found;
    struct credentials *credentials = parse("# fleet\n"
                                            "dev1 01\n"
                                            "\n"
                                            "dev2 0202 urn:2\n"
                                            "dev3 030303 meter-*"); /* no newline at the end */
    assert_int_equal(credentials_count(credentials), 3);
    assert_int_equal(credentials_short_keys(credentials), 3);
    assert_true(find(credentials, "dev1", &found));
    assert_int_equal(found.key_len, 1);
    assert_int_equal(found.key[0], 1);
    assert_string_equal(found.endpoint, "dev1");
    assert_true(find(credentials, "dev2", &found));
    assert_string_equal(found.endpoint, "urn:2");
    assert_true(find(credentials, "dev3", &found));
    assert_true(credential_covers(&found, "meter-7"));
    assert_false(credential_covers(&found, "dev3"));
    assert_false(find(credentials, "dev4", &found));
    assert_false(find(credentials, "dev", &found));
    assert_false(find(credentials, "", &found));
    assert_false(credentials_find(NULL, (const uint8_t *)"dev1", 4, &found));
    credentials_free(credentials);
}

static void test_names_endpoints(void **state)
{
    static const struct {
        const char *endpoint;
        bool named;
    } cases[] = {
        { "dev1", true },   { "dev2", false },   { "urn:2", true }, { "meter-1", true },
        { "meter", false }, { "meter-*", true }, { "", false },
    };
    (void)state;
    struct credentials *credentials =
        parse("dev1 01\ndev2 02 urn:2\nold2 03 urn:2\nm 04 meter-*\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(credentials_name(credentials, cases[i].endpoint), cases[i].named);
    }
    assert_false(credentials_name(NULL, "dev1"));
    credentials_free(credentials);
}

static void test_an_empty_file_holds_nobody(void **state)
{
    (void)state;
    struct credential found;
    struct credentials *credentials = parse("");
    assert_int_equal(credentials_count(credentials), 0);
    assert_false(find(credentials, "dev1", &found));
    assert_false(credentials_at(credentials, 0, &found));
    assert_false(credentials_name(credentials, "dev1"));
    credentials_free(credentials);
}

static void test_many_are_found(void **state)
{
    enum { COUNT = 5000 };
    (void)state;
    char *text = malloc(COUNT * 32), *at = text;
    assert_non_null(text);
    for (unsigned i = 0; i < COUNT; i++) {
        at += sprintf(at, "dev%u %08x\n", i, i);
    }
    struct credentials *credentials = parse(text);
    free(text);
    for (unsigned i = 0; i < COUNT; i++) {
        char identity[16];
        struct credential found, same;
        (void)snprintf(identity, sizeof(identity), "dev%u", i);
        assert_true(find(credentials, identity, &found));
        assert_int_equal(found.key[2] << 8 | found.key[3], i);
        assert_true(credentials_at(credentials, i, &same));
        assert_true(credential_equal(&found, &same));
    }
    credentials_free(credentials);
}

static void test_sees_what_changed(void **state)
{
    static const struct {
        const char *other;
        bool equal;
    } cases[] = {
        { "dev1 01 e*\n", true },    { "dev1 01 e*#\n", false },      { "dev1 02 e*\n", false },
        { "dev1 0101 e*\n", false }, { "dev1 01 hex:652a\n", false },
    };
    (void)state;
    struct credential a, b;
    struct credentials *credentials = parse("dev1 01 e*\n");
    assert_true(find(credentials, "dev1", &a));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct credentials *other = parse(cases[i].other);
        assert_true(find(other, "dev1", &b));
        assert_int_equal(credential_equal(&a, &b), cases[i].equal);
        credentials_free(other);
    }
    credentials_free(credentials);
}

static const struct {
    const char *text;
    const char *message; /* the start of the first */
    size_t messages;
} refused[] = {
    { "dev1 01\ndev2\n", "psk:2:5: found no key", 1 },
    { "dev1 01\n\ndev1 02\n", "psk:3:1: found the identity of line 1 again; allowed: each once",
      1 },
    { "dev1 01\nhex:64657631 02\n", "psk:2:1: found the identity of line 1 again", 1 },
    { "dev1 " K16 K16 "00\n", "psk:1:1: found a key of 33 bytes; allowed: up to 32", 1 },
    { "a\nb\nc 0\n", "psk:1:2: found no key", 3 },
    { "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n", "psk:1:2: found no key", CONFIG_ERRORS_MAX },
};

static void test_a_mistake_refuses_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct credentials *credentials = NULL;
        struct config_error error = { 0 };
        assert_int_equal(credentials_parse("psk", refused[i].text, strlen(refused[i].text),
                                           &settings, &credentials, &error),
                         -EBADMSG);
        assert_null(credentials);
        assert_int_equal(error.count, refused[i].messages);
        if (strncmp(error.messages[0], refused[i].message, strlen(refused[i].message)) != 0) {
            fail_msg("%s", error.messages[0]);
        }
    }
}

static void test_messages_quote_nothing(void **state)
{
    static const char *const texts[] = {
        "dev1 5ec2e7\ndev1 5ec2e7\n", "5ec2e7 dev1\n",        "dev1 5ec2e7zz\n",
        "dev1 base64:5ec2e7!\n",      "dev1 00 5ec2e7\xff\n", "dev1 00 x 5ec2e7\n",
        "dev1 5ec2e7" K16 K16 "\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct credentials *credentials = NULL;
        struct config_error error = { 0 };
        assert_int_equal(
            credentials_parse("psk", texts[i], strlen(texts[i]), &settings, &credentials, &error),
            -EBADMSG);
        assert_null(strstr(error.messages[0], "5ec2e7"));
    }
}

static void test_bounds(void **state)
{
    (void)state;
    struct credentials *credentials = NULL;
    struct config_error error = { 0 };
    struct credentials_settings small = settings;
    small.max_count = 2;
    const char *text = "a 01\n# b\n\nb 02\nc 03\n";
    assert_int_equal(credentials_parse("psk", text, strlen(text), &small, &credentials, &error),
                     -EFBIG);
    assert_string_equal(error.messages[0], "psk: found 3 lines; allowed: 2");
    error.count = 0;

    char *many = malloc((CREDENTIALS_PATTERNS_MAX + 1) * 16), *at = many;
    assert_non_null(many);
    for (int i = 0; i <= CREDENTIALS_PATTERNS_MAX; i++) {
        at += sprintf(at, "d%d 01 e*\n", i);
    }
    assert_int_equal(credentials_parse("psk", many, strlen(many), &settings, &credentials, &error),
                     -EBADMSG);
    assert_string_equal(error.messages[0],
                        "psk:1001:1: found one more endpoint with a pattern; allowed: 1000 lines");
    free(many);
}

/* --- files --- */

static char path[] = "/tmp/test-credentials-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 && write(fd, "dev1 01\n", 8) == 8 && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_permissions(void **state)
{
    static const struct {
        mode_t mode;
        int err;
    } cases[] = {
        { 0600, 0 },       { 0400, 0 },       { 0640, 0 },       { 0644, -EACCES },
        { 0604, -EACCES }, { 0602, -EACCES }, { 0660, -EACCES },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct credentials *credentials = NULL;
        struct config_error error = { 0 };
        assert_int_equal(chmod(path, cases[i].mode), 0);
        assert_int_equal(credentials_load(path, &settings, &credentials, &error), cases[i].err);
        assert_int_equal(error.count, cases[i].err ? 1 : 0);
        credentials_free(credentials);
    }
}

static void test_other_files_are_refused(void **state)
{
    struct credentials *credentials = NULL;
    struct config_error error = { 0 };
    (void)state;
    assert_int_equal(credentials_load("/nonexistent/psk", &settings, &credentials, &error),
                     -ENOENT);
    assert_string_equal(error.messages[0], "/nonexistent/psk: No such file or directory");
    error.count = 0;
    assert_int_equal(credentials_load("/", &settings, &credentials, &error), -EACCES);
    assert_string_equal(error.messages[0], "/: found something else; allowed: a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_identity),
        cmocka_unit_test(test_names_endpoints),
        cmocka_unit_test(test_an_empty_file_holds_nobody),
        cmocka_unit_test(test_many_are_found),
        cmocka_unit_test(test_sees_what_changed),
        cmocka_unit_test(test_a_mistake_refuses_all),
        cmocka_unit_test(test_messages_quote_nothing),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test_setup_teardown(test_permissions, make_file, remove_file),
        cmocka_unit_test(test_other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
