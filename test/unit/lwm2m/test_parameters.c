#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/parameters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int set(struct lwm2m_parameters *parameters, const char *name, const char *value)
{
    return lwm2m_parameters_set(parameters, (const uint8_t *)name, strlen(name),
                                (const uint8_t *)value, value ? strlen(value) : 0);
}

static void assert_text(const struct lwm2m_parameters *parameters, const char *expected)
{
    struct lwm2m_parameter parameter;
    char text[256] = "";
    size_t at = 0;
    for (size_t i = 0; lwm2m_parameters_at(parameters, i, &parameter); i++) {
        at +=
            (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s%s", i ? "&" : "", parameter.name,
                             parameter.value ? "=" : "", parameter.value ? parameter.value : "");
    }
    assert_string_equal(text, expected);
}

static void parameters_keep_their_order_when_they_change(void **state)
{
    struct lwm2m_parameters parameters = { 0 };
    (void)state;
    assert_text(&parameters, "");
    assert_int_equal(set(&parameters, "lt", "300"), 0);
    assert_int_equal(set(&parameters, "Q", NULL), 0);
    assert_int_equal(set(&parameters, "b", "U"), 0);
    assert_text(&parameters, "lt=300&Q&b=U");
    assert_int_equal(set(&parameters, "lt", "86400"), 0);
    assert_int_equal(set(&parameters, "b", ""), 0);
    assert_text(&parameters, "lt=86400&Q&b=");
    lwm2m_parameters_deinit(&parameters);
}

static void a_value_may_be_missing_or_empty(void **state)
{
    struct lwm2m_parameters parameters = { 0 };
    const char *value = "x";
    (void)state;
    assert_int_equal(set(&parameters, "Q", NULL), 0);
    assert_int_equal(set(&parameters, "sms", ""), 0);
    assert_true(lwm2m_parameters_find(&parameters, "Q", &value));
    assert_null(value);
    assert_true(lwm2m_parameters_find(&parameters, "sms", &value));
    assert_string_equal(value, "");
    assert_false(lwm2m_parameters_find(&parameters, "b", &value));
    lwm2m_parameters_deinit(&parameters);
}

static void bad_and_endless_parameters_are_refused(void **state)
{
    struct lwm2m_parameters parameters = { 0 };
    char name[16];
    char value[201];
    int rc = 0;
    (void)state;
    assert_int_equal(set(&parameters, "", "x"), -EINVAL);
    assert_int_equal(
        lwm2m_parameters_set(&parameters, (const uint8_t *)"a\0b", 3, (const uint8_t *)"", 0),
        -EINVAL);
    assert_int_equal(
        lwm2m_parameters_set(&parameters, (const uint8_t *)"a", 1, (const uint8_t *)"\0", 1),
        -EINVAL);
    memset(value, 'v', 200);
    value[200] = '\0';
    for (int i = 0; i < 1000 && rc == 0; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        rc = set(&parameters, name, value);
    }
    assert_int_equal(rc, -ENOSPC);
    lwm2m_parameters_deinit(&parameters);

    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        assert_int_equal(set(&parameters, name, ""), 0);
    }
    assert_int_equal(set(&parameters, "p63", "changed"), 0);
    assert_int_equal(set(&parameters, "p64", ""), -ENOSPC);
    lwm2m_parameters_deinit(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_keep_their_order_when_they_change),
        cmocka_unit_test(a_value_may_be_missing_or_empty),
        cmocka_unit_test(bad_and_endless_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
