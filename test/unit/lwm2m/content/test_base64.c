/* Base64 of both alphabets. */
#include "lwm2m/content/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void both_forms_are_written_and_read(void **state)
{
    (void)state;
    /* RFC 4648, 10, and the digits in which the alphabets differ. */
    static const struct {
        const char *data, *standard, *url;
    } cases[] = {
        { "", "", "" },
        { "f", "Zg==", "Zg" },
        { "fo", "Zm8=", "Zm8" },
        { "foo", "Zm9v", "Zm9v" },
        { "foob", "Zm9vYg==", "Zm9vYg" },
        { "fooba", "Zm9vYmE=", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/", "-_-_" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *texts[] = { cases[i].standard, cases[i].url };
        for (int form = LWM2M_BASE64_STANDARD; form <= LWM2M_BASE64_URL; form++) {
            struct lwm2m_buffer buffer;
            lwm2m_buffer_init(&buffer, 100);
            lwm2m_base64_append(&buffer, (const uint8_t *)cases[i].data, strlen(cases[i].data),
                                (enum lwm2m_base64_form)form);
            assert_int_equal(buffer.len, strlen(texts[form]));
            if (buffer.len > 0) {
                assert_memory_equal(buffer.data, texts[form], buffer.len);
            }
            lwm2m_buffer_deinit(&buffer);

            uint8_t data[LWM2M_BASE64_DECODED_MAX(16)];
            size_t len;
            assert_int_equal(lwm2m_base64_decode(texts[form], strlen(texts[form]), data, &len), 0);
            assert_int_equal(len, strlen(cases[i].data));
            assert_memory_equal(data, cases[i].data, len);
        }
    }
}

static void rubbish_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = { "A",    "AAAAA", "A===", "====", "=",       "AA=",
                                         "AA=A", "A A=",  "AA\n", "AA*=", "AAA\xc3", "Zg==Zg==" };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t data[LWM2M_BASE64_DECODED_MAX(16)];
        size_t len;
        print_message("%s\n", cases[i]);
        assert_int_equal(lwm2m_base64_decode(cases[i], strlen(cases[i]), data, &len), -EINVAL);
    }
}

static void every_byte_survives(void **state)
{
    (void)state;
    uint8_t data[256];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 167);
    }
    for (size_t len = 0; len <= sizeof(data); len++) {
        for (int form = LWM2M_BASE64_STANDARD; form <= LWM2M_BASE64_URL; form++) {
            char text[400];
            uint8_t back[LWM2M_BASE64_DECODED_MAX(400)];
            size_t back_len;
            lwm2m_base64_encode(data, len, (enum lwm2m_base64_form)form, text);
            size_t text_len = lwm2m_base64_encoded_len(len, (enum lwm2m_base64_form)form);
            assert_int_equal(lwm2m_base64_decode(text, text_len, back, &back_len), 0);
            assert_int_equal(back_len, len);
            assert_memory_equal(back, data, len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_written_and_read),
        cmocka_unit_test(rubbish_is_refused),
        cmocka_unit_test(every_byte_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
