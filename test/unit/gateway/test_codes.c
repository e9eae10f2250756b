/* Codes as they are published. */
#include "gateway/codes.h"

#include "lwm2m/coap/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void codes_have_their_published_spelling(void **state)
{
    (void)state;
    static const struct {
        unsigned class_, detail;
        const char *text, *name;
    } cases[] = {
        { 2, 1, "2.01", "created" },
        { 2, 2, "2.02", "deleted" },
        { 2, 3, "2.03", "valid" },
        { 2, 4, "2.04", "changed" },
        { 2, 5, "2.05", "content" },
        { 2, 31, "2.31", "continue" },
        { 4, 0, "4.00", "bad_request" },
        { 4, 1, "4.01", "unauthorized" },
        { 4, 2, "4.02", "bad_option" },
        { 4, 3, "4.03", "forbidden" },
        { 4, 4, "4.04", "not_found" },
        { 4, 5, "4.05", "method_not_allowed" },
        { 4, 6, "4.06", "not_acceptable" },
        { 4, 8, "4.08", "request_entity_incomplete" },
        { 4, 9, "4.09", "conflict" },
        { 4, 12, "4.12", "precondition_failed" },
        { 4, 13, "4.13", "request_entity_too_large" },
        { 4, 15, "4.15", "unsupported_content_format" },
        { 4, 22, "4.22", "unprocessable_entity" },
        { 4, 29, "4.29", "too_many_requests" },
        { 5, 0, "5.00", "internal_server_error" },
        { 5, 1, "5.01", "not_implemented" },
        { 5, 2, "5.02", "bad_gateway" },
        { 5, 3, "5.03", "service_unavailable" },
        { 5, 4, "5.04", "gateway_timeout" },
        { 5, 5, "5.05", "proxying_not_supported" },
        { 2, 30, "2.30", "unknown" },
        { 7, 31, "7.31", "unknown" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t code = LWCOAP_CODE(cases[i].class_, cases[i].detail);
        char text[5];
        code_format(code, text);
        assert_string_equal(text, cases[i].text);
        assert_string_equal(code_name(code), cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_published_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
