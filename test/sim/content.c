/** See content.h. */
#include "test/sim/content.h"

#include <string.h>

static const struct content_format formats[] = {
    { "text", 0, 10, 12, true, text_encode, text_decode },
    { "opaque", 42, 10, 12, true, opaque_encode, opaque_decode },
    { "cbor", 60, 11, 12, true, plain_cbor_encode, plain_cbor_decode },
    { "senml-json", 110, 11, 12, false, senml_json_encode, senml_json_decode },
    { "senml-cbor", 112, 11, 12, false, senml_cbor_encode, senml_cbor_decode },
    { "tlv", 11542, 10, 12, false, tlv_encode, tlv_decode },
    { "json", 11543, 10, 10, false, old_json_encode, old_json_decode },
    { "lwm2m-cbor", 11544, 12, 12, false, lwm2m_cbor_encode, lwm2m_cbor_decode },
};

const struct content_format *content_formats(size_t *count)
{
    *count = sizeof formats / sizeof formats[0];
    return formats;
}

const struct content_format *content_format_find(int number)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].number == number) {
            return &formats[i];
        }
    }
    return NULL;
}

const struct content_format *content_format_find_name(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}
