/*
 * Which names the peer of a session may use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/config.h"
#include "gateway/credentials.h"
#include "gateway/identity.h"
#include "lwm2m/transport/dtls.h"

static const char psk_file[] = "dev1 01\n"
                               "id2 02 urn:2\n"
                               "fleet 03 meter-*\n"
                               "hex:0001 04 bin\n";

static struct credentials *load(void)
{
    static const struct credentials_settings settings = { .max_count = 10, .max_key_len = 32 };
    struct credentials *credentials = NULL;
    struct config_error error = { 0 };
    assert_int_equal(
        credentials_parse("psk", psk_file, strlen(psk_file), &settings, &credentials, &error), 0);
    return credentials;
}

static struct transport_dtls_info by_key(const char *identity, size_t len)
{
    return (struct transport_dtls_info){ .kind = TRANSPORT_DTLS_PSK,
                                         .identity = (const uint8_t *)identity,
                                         .identity_len = len,
                                         .common_name = "",
                                         .dns_names = "" };
}

static struct transport_dtls_info by_certificate(const char *common_name, const char *dns_names,
                                                 size_t len)
{
    return (struct transport_dtls_info){ .kind = TRANSPORT_DTLS_CERTIFICATE,
                                         .common_name = common_name,
                                         .dns_names = dns_names,
                                         .dns_names_len = len };
}

static const struct {
    const char *identity;
    size_t len;
    const char *covers; /* "" for nothing */
    const char *name;   /* NULL: no name of its own */
} keys[] = {
    { "dev1", 4, "dev1", "dev1" },   { "id2", 3, "urn:2", "urn:2" },
    { "fleet", 5, "meter-7", NULL }, { "\x00\x01", 2, "bin", "bin" },
    { "nobody", 6, "", NULL },
};

static void a_key_stands_for_its_line(void **state)
{
    (void)state;
    struct credentials *credentials = load();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct transport_dtls_info info = by_key(keys[i].identity, keys[i].len);
        char name[64];
        assert_int_equal(identity_covers(&info, credentials, keys[i].covers),
                         *keys[i].covers != '\0');
        assert_false(identity_covers(&info, credentials, "other"));
        assert_false(identity_covers(&info, NULL, keys[i].covers));
        assert_int_equal(identity_name(&info, credentials, name, sizeof(name)),
                         keys[i].name != NULL);
        if (keys[i].name != NULL) {
            assert_string_equal(name, keys[i].name);
            assert_false(identity_name(&info, credentials, name, strlen(keys[i].name)));
        }
    }
    credentials_free(credentials);
}

static const struct {
    const char *common_name, *dns_names;
    size_t dns_names_len;
    const char *covers[3]; /* up to NULL */
    const char *name;
} certificates[] = {
    { "dev1", "", 0, { "dev1" }, "dev1" }, { "dev1", "a\0b", 4, { "dev1", "a", "b" }, "dev1" },
    { "", "a", 2, { "a" }, "a" },          { "", "a\0b", 4, { "a", "b" }, NULL },
    { "", "", 0, { NULL }, NULL },
};

static void a_certificate_stands_for_its_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        struct transport_dtls_info info = by_certificate(
            certificates[i].common_name, certificates[i].dns_names, certificates[i].dns_names_len);
        char name[64];
        for (size_t j = 0; j < 3 && certificates[i].covers[j] != NULL; j++) {
            assert_true(identity_covers(&info, NULL, certificates[i].covers[j]));
        }
        assert_false(identity_covers(&info, NULL, ""));
        assert_false(identity_covers(&info, NULL, "dev"));
        assert_false(identity_covers(&info, NULL, "dev11"));
        assert_int_equal(identity_name(&info, NULL, name, sizeof(name)),
                         certificates[i].name != NULL);
        if (certificates[i].name != NULL) {
            assert_string_equal(name, certificates[i].name);
        }
    }
}

static void nobody_stands_for_nothing(void **state)
{
    (void)state;
    struct credentials *credentials = load();
    struct transport_dtls_info info = by_certificate("dev1", "", 0);
    char name[64];
    info.kind = TRANSPORT_DTLS_ANONYMOUS;
    assert_false(identity_covers(&info, credentials, "dev1"));
    assert_false(identity_name(&info, credentials, name, sizeof(name)));
    credentials_free(credentials);
}

static void texts_for_the_log(void **state)
{
    static const struct {
        const char *identity;
        size_t len;
        const char *text;
    } cases[] = {
        { "dev1", 4, "dev1" },
        { "a b", 3, "hex:612062" },
        { "\xff\x00\n", 3, "hex:ff000a" },
        { "", 0, "" },
    };
    char text[IDENTITY_TEXT_SIZE], longest[129];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(identity_text((const uint8_t *)cases[i].identity, cases[i].len, text),
                            cases[i].text);
    }
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(strlen(identity_text((const uint8_t *)longest, 128, text)),
                     IDENTITY_TEXT_SIZE - 1);
    memset(longest, '\1', sizeof(longest));
    assert_true(strlen(identity_text((const uint8_t *)longest, 128, text)) < IDENTITY_TEXT_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_stands_for_its_line),
        cmocka_unit_test(a_certificate_stands_for_its_names),
        cmocka_unit_test(nobody_stands_for_nothing),
        cmocka_unit_test(texts_for_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
