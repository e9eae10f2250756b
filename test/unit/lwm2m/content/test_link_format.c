/* Links and their attributes. */
#include "lwm2m/content/link_format.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(FILE *out, struct lwm2m_bytes bytes)
{
    fwrite(bytes.data, 1, bytes.len, out);
}

/* `target{name=value,name}` for each link, and "!" for a mistake. */
static void describe(const char *payload, char *text, size_t size)
{
    size_t len = strlen(payload);
    uint8_t *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, payload, len);
    FILE *out = fmemopen(text, size, "w");
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    lwm2m_link_reader_init(&reader, copy, len);
    while (lwm2m_link_reader_next(&reader, &link)) {
        struct lwm2m_bytes rest = link.attributes;
        struct lwm2m_link_attribute attribute;
        put(out, link.target);
        fputc('{', out);
        while (lwm2m_link_attribute_next(&rest, &attribute)) {
            put(out, attribute.name);
            if (attribute.value.data != NULL) {
                fputc('=', out);
                put(out, attribute.value);
            }
            fputc(' ', out);
        }
        fputc('}', out);
    }
    fputs(reader.err == 0 ? "" : "!", out);
    assert_true(reader.err == 0 || reader.err == -EBADMSG);
    assert_false(lwm2m_link_reader_next(&reader, &link)); /* the end stays the end */
    fclose(out);
    free(copy);
}

static void links_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *payload, *expected;
    } cases[] = {
        { "", "" },
        { "  ", "" },
        { "</>", "/{}" },
        { "<>", "{}" },
        { "</1/0>,</3/0>,</5>", "/1/0{}/3/0{}/5{}" },
        { "</3>;ver=1.1,</3/0>;pmin=10,</3/0/6>;dim=2;lt=1;gt=6;st=1,</3/0/7/0>",
          "/3{ver=1.1 }/3/0{pmin=10 }/3/0/6{dim=2 lt=1 gt=6 st=1 }/3/0/7/0{}" },
        { "</lwm2m>;rt=\"oma.lwm2m\";ct=\"110 112 60\",</lwm2m/1/0>",
          "/lwm2m{rt=oma.lwm2m ct=110 112 60 }/lwm2m/1/0{}" },
        { "</3/0> , </4/0> ;pmin=1 ; pmax = 2 ,\r\n</5>", "/3/0{}/4/0{pmin=1 pmax=2 }/5{}" },
        { "</a,b;c>;t=\"x,y;z\",</d>", "/a,b;c{t=x,y;z }/d{}" },
        { "</a>;t=\"x\\\"y,z\",</b>", "/a{t=x\\\"y,z }/b{}" },
        { "</a>;pmin;q=;r=\"\"", "/a{pmin q= r= }" },
        { "</a>;;x;", "/a{x }" },
        { "</a>;=1;x", "/a{x }" },
        { "</a>,", "/a{}" },
        { "</>;lwm2m=1.1,</0/0>;ssid=101;uri=\"coaps://server:5684\"",
          "/{lwm2m=1.1 }/0/0{ssid=101 uri=coaps://server:5684 }" },
        { "</3/>", "/3/{}" },
        { "</a>;x=\"1\"2", "/a{x=\"1\"2 }" },
        { "3/0", "!" },
        { "</3/0", "!" },
        { ",</3/0>", "!" },
        { "</3/0>,,</4/0>", "/3/0{}!" },
        { "</3/0></4/0>", "!" },
        { "</3/0>x", "!" },
        { "</3/0>;a=\"b", "!" },
        { "</3/0>;a=\"b\\\"", "!" },
        { "</3/0>,rubbish", "/3/0{}!" },
        { "<", "!" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1000] = "";
        print_message("%s\n", cases[i].payload);
        describe(cases[i].payload, text, sizeof(text));
        assert_string_equal(text, cases[i].expected);
    }
}

static void the_text_of_a_link_is_as_written(void **state)
{
    (void)state;
    static const char payload[] = " </3/0> ; dim=8 , </4> ";
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    lwm2m_link_reader_init(&reader, (const uint8_t *)payload, strlen(payload));
    assert_true(lwm2m_link_reader_next(&reader, &link));
    assert_int_equal(link.text.len, strlen("</3/0> ; dim=8"));
    assert_memory_equal(link.text.data, "</3/0> ; dim=8", link.text.len);
    assert_memory_equal(link.attributes.data, "dim=8", link.attributes.len);
    assert_int_equal(link.attributes.len, 5);
    assert_true(lwm2m_link_reader_next(&reader, &link));
    assert_int_equal(link.text.len, 4);
    assert_int_equal(link.attributes.len, 0);
    assert_false(lwm2m_link_reader_next(&reader, &link));
    lwm2m_link_reader_init(&reader, NULL, 0);
    assert_false(lwm2m_link_reader_next(&reader, &link));
    assert_int_equal(reader.err, 0);
}

static void attributes_are_found_by_name(void **state)
{
    (void)state;
    static const char payload[] = "</3>;ver=\"1.1\";pmin;rt=\"oma.lwm2m\"";
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    struct lwm2m_link_attribute attribute;
    lwm2m_link_reader_init(&reader, (const uint8_t *)payload, strlen(payload));
    assert_true(lwm2m_link_reader_next(&reader, &link));
    assert_true(lwm2m_link_attribute_find(&link, "rt", &attribute));
    assert_int_equal(attribute.value.len, 9);
    assert_true(lwm2m_link_attribute_find(&link, "pmin", &attribute));
    assert_null(attribute.value.data);
    assert_false(lwm2m_link_attribute_find(&link, "ve", &attribute));
    assert_false(lwm2m_link_attribute_find(&link, "", &attribute));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_taken_apart),
        cmocka_unit_test(the_text_of_a_link_is_as_written),
        cmocka_unit_test(attributes_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
