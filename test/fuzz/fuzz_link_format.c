/* Object lists of a Register, answers to Discover. */
#include "lwm2m/content/link_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct lwm2m_bytes part, struct lwm2m_bytes whole)
{
    if (part.data != NULL &&
        (part.data < whole.data || part.data + part.len > whole.data + whole.len)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    struct lwm2m_link_attribute attribute;
    lwm2m_link_reader_init(&reader, data, size);
    while (lwm2m_link_reader_next(&reader, &link)) {
        struct lwm2m_bytes rest = link.attributes;
        check_within(link.text, (struct lwm2m_bytes){ data, size });
        check_within(link.target, link.text);
        check_within(link.attributes, link.text);
        while (lwm2m_link_attribute_next(&rest, &attribute)) {
            check_within(attribute.name, link.attributes);
            check_within(attribute.value, link.attributes);
        }
        (void)lwm2m_link_attribute_find(&link, "ver", &attribute);
    }
    return 0;
}
