/* Paths: text to ids and back, and what is within what. */
#include "lwm2m/content/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void paths_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        struct lwm2m_path path;
    } cases[] = {
        { "", 0, { { 0 }, 0 } },
        { "/", 0, { { 0 }, 0 } },
        { "/3", 0, { { 3 }, 1 } },
        { "3/0", 0, { { 3, 0 }, 2 } },
        { "/3/0/1/", 0, { { 3, 0, 1 }, 3 } },
        { "/65534/65534/65534/65534", 0, { { 65534, 65534, 65534, 65534 }, 4 } },
        { "/0/0/0/0/", 0, { { 0, 0, 0, 0 }, 4 } },
        { "//", -EINVAL, { { 0 }, 0 } },
        { "/3//1", -EINVAL, { { 0 }, 0 } },
        { "/3/0//", -EINVAL, { { 0 }, 0 } },
        { "/65535", -EINVAL, { { 0 }, 0 } },
        { "/123456", -EINVAL, { { 0 }, 0 } },
        { "/1/2/3/4/5", -EINVAL, { { 0 }, 0 } },
        { "/03", -EINVAL, { { 0 }, 0 } },
        { "/-1", -EINVAL, { { 0 }, 0 } },
        { "/+1", -EINVAL, { { 0 }, 0 } },
        { "/3 ", -EINVAL, { { 0 }, 0 } },
        { "/x", -EINVAL, { { 0 }, 0 } },
        { "/3/0x", -EINVAL, { { 0 }, 0 } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_path path = { { 9 }, 1 };
        print_message("%s\n", cases[i].text);
        assert_int_equal(lwm2m_path_parse(cases[i].text, strlen(cases[i].text), &path),
                         cases[i].err);
        if (cases[i].err == 0) {
            assert_true(lwm2m_path_equal(&path, &cases[i].path));
        } else {
            assert_int_equal(path.ids[0], 9); /* unchanged after a failure */
        }
    }
    struct lwm2m_path path;
    assert_int_equal(lwm2m_path_parse(NULL, 0, &path), 0);
    assert_int_equal(lwm2m_path_parse("/3/0/9", 4, &path), 0);
    assert_int_equal(path.depth, 2);
}

static void paths_are_written(void **state)
{
    (void)state;
    static const struct {
        struct lwm2m_path path;
        const char *text;
    } cases[] = {
        { { { 0 }, 0 }, "/" },
        { { { 3 }, 1 }, "/3" },
        { { { 3, 0, 10 }, 3 }, "/3/0/10" },
        { { { 65535, 65535, 65535, 65535 }, 4 }, "/65535/65535/65535/65535" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[LWM2M_PATH_TEXT_MAX];
        assert_int_equal(lwm2m_path_format(&cases[i].path, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void a_path_is_within_itself_and_its_ancestors(void **state)
{
    (void)state;
    static const struct {
        struct lwm2m_path path, ancestor;
        bool within;
    } cases[] = {
        { { { 3, 0 }, 2 }, { { 0 }, 0 }, true },     { { { 3, 0 }, 2 }, { { 3 }, 1 }, true },
        { { { 3, 0 }, 2 }, { { 3, 0 }, 2 }, true },  { { { 3, 0 }, 2 }, { { 3, 0, 0 }, 3 }, false },
        { { { 3, 0 }, 2 }, { { 3, 1 }, 2 }, false }, { { { 3, 0 }, 2 }, { { 4 }, 1 }, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(lwm2m_path_is_within(&cases[i].path, &cases[i].ancestor), cases[i].within);
    }
    struct lwm2m_path a = { { 3, 0, 1 }, 2 };
    struct lwm2m_path b = { { 3, 0, 2 }, 2 };
    assert_true(lwm2m_path_equal(&a, &b)); /* ids beyond the depth do not count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read),
        cmocka_unit_test(paths_are_written),
        cmocka_unit_test(a_path_is_within_itself_and_its_ancestors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
