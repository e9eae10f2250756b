/* Dates to seconds. */
#include "lwm2m/content/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void dates_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t seconds;
    } cases[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "1969-12-31T23:59:59Z", true, -1 },
        { "2013-03-21T20:04:00Z", true, 1363896240 }, /* RFC 8949, 3.4.1 */
        { "2000-02-29t12:00:00z", true, 951825600 },
        { "2038-01-19T03:14:08Z", true, 2147483648 },
        { "0000-03-01T00:00:00Z", true, -62162035200 },
        { "9999-12-31T23:59:59Z", true, 253402300799 },
        { "2013-03-21T21:04:00+01:00", true, 1363896240 },
        { "2013-03-21T16:34:00.123456-03:30", true, 1363896240 },
        { "2016-12-31T23:59:60Z", true, 1483228800 },
        { "", false, 0 },
        { "2013-03-21", false, 0 },
        { "2013-03-21T20:04:00", false, 0 },
        { "2013-03-21T20:04:00.Z", false, 0 },
        { "2013-03-21T20:04:00Zx", false, 0 },
        { "2013-03-21T20:04:00+0100", false, 0 },
        { "2013-03-21 20:04:00Z", false, 0 },
        { "2013-00-21T20:04:00Z", false, 0 },
        { "2013-03-32T20:04:00Z", false, 0 },
        { "2013-03-21T24:04:00Z", false, 0 },
        { "-013-03-21T20:04:00Z", false, 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = 0;
        print_message("%s\n", cases[i].text);
        assert_int_equal(lwm2m_rfc3339_parse(cases[i].text, strlen(cases[i].text), &seconds),
                         cases[i].ok);
        if (cases[i].ok) {
            assert_true(seconds == cases[i].seconds);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dates_are_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
