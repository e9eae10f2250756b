/* Members of an object, as they stand in its text. */
#include "gateway/json_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void members_come_as_they_were_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *members; /* name=value; */
    } cases[] = {
        { "{}", "" },
        { " { } ", "" },
        { "{\"a\":1}", "\"a\"=1;" },
        { "{ \"a\" : 1 , \"b\" : \"x\" }", "\"a\"=1;\"b\"=\"x\";" },
        { "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":null}", "\"a\"={\"b\":[1,{\"c\":2}]};\"d\"=null;" },
        { "{\"a\":\"}]\\\",:{\",\"b\":[]}", "\"a\"=\"}]\\\",:{\";\"b\"=[];" },
        { "{\"a\\\"b\":1}", "\"a\\\"b\"=1;" },
        { "{\"a\":\"\\\\\",\"b\":2}", "\"a\"=\"\\\\\";\"b\"=2;" },
        { "{\"n\":12345678901234567890.5e-3\n}", "\"n\"=12345678901234567890.5e-3;" },
        { "[1]", "" },
        { "", "" },
        { "{\"a\"", "" },
        { "{\"a", "" },
        { "{\"a\":", "\"a\"=;" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_members members;
        struct json_member member;
        char all[200] = "";
        json_members_init(&members, cases[i].text, strlen(cases[i].text));
        while (json_members_next(&members, &member)) {
            size_t len = strlen(all);
            (void)snprintf(all + len, sizeof(all) - len, "%.*s=%.*s;", (int)member.name_len,
                           member.name, (int)member.value_len, member.value);
        }
        assert_string_equal(all, cases[i].members);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
