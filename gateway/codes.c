#include "gateway/codes.h"

#include "lwm2m/coap/message.h"

#include <stddef.h>

static const char *const names[256] = {
    [LWCOAP_CODE(2, 1)] = "created",
    [LWCOAP_CODE(2, 2)] = "deleted",
    [LWCOAP_CODE(2, 3)] = "valid",
    [LWCOAP_CODE(2, 4)] = "changed",
    [LWCOAP_CODE(2, 5)] = "content",
    [LWCOAP_CODE(2, 31)] = "continue",
    [LWCOAP_CODE(4, 0)] = "bad_request",
    [LWCOAP_CODE(4, 1)] = "unauthorized",
    [LWCOAP_CODE(4, 2)] = "bad_option",
    [LWCOAP_CODE(4, 3)] = "forbidden",
    [LWCOAP_CODE(4, 4)] = "not_found",
    [LWCOAP_CODE(4, 5)] = "method_not_allowed",
    [LWCOAP_CODE(4, 6)] = "not_acceptable",
    [LWCOAP_CODE(4, 8)] = "request_entity_incomplete",
    [LWCOAP_CODE(4, 9)] = "conflict",
    [LWCOAP_CODE(4, 12)] = "precondition_failed",
    [LWCOAP_CODE(4, 13)] = "request_entity_too_large",
    [LWCOAP_CODE(4, 15)] = "unsupported_content_format",
    [LWCOAP_CODE(4, 22)] = "unprocessable_entity",
    [LWCOAP_CODE(4, 29)] = "too_many_requests",
    [LWCOAP_CODE(5, 0)] = "internal_server_error",
    [LWCOAP_CODE(5, 1)] = "not_implemented",
    [LWCOAP_CODE(5, 2)] = "bad_gateway",
    [LWCOAP_CODE(5, 3)] = "service_unavailable",
    [LWCOAP_CODE(5, 4)] = "gateway_timeout",
    [LWCOAP_CODE(5, 5)] = "proxying_not_supported",
};

void code_format(uint8_t code, char text[5])
{
    uint8_t detail = code & 0x1f;
    text[0] = (char)('0' + (code >> 5));
    text[1] = '.';
    text[2] = (char)('0' + detail / 10);
    text[3] = (char)('0' + detail % 10);
    text[4] = '\0';
}

const char *code_name(uint8_t code)
{
    return names[code] != NULL ? names[code] : "unknown";
}
