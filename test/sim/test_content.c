/**
 * Tests of the simulated device's own codecs, against payloads printed in the
 * specifications: it can only be a second opinion if it is right itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/sim/content.h"
#include "test/sim/store.h"

static void add_hex(const char *hex, struct bytes *out)
{
    unsigned int byte = 0;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        bytes_add_byte(out, (uint8_t)byte);
    }
}

static struct path path_of(const char *text)
{
    struct path path;
    assert_int_equal(path_parse(text, strlen(text), &path), 0);
    return path;
}

/** "/3/0/9=100 /3/0/6/0=1": easy to compare. */
static void describe(const struct records *records, struct bytes *out)
{
    for (size_t i = 0; i < records->count; i++) {
        char path[PATH_TEXT_SIZE];
        bytes_printf(out, "%s%s=", i == 0 ? "" : " ", path_format(&records->list[i].path, path));
        value_format(&records->list[i].value, out);
    }
}

struct payload {
    const char *name;
    const char *format;
    const char *base;
    const char *text; /* or NULL, then */
    const char *hex;
    const char *records; /* NULL: must be refused */
};

/* clang-format off */
static const struct payload payloads[] = {
    /* LwM2M 1.0, 6.4.3.1: the Device object instance */
    { "device", "tlv", "/3/0", NULL,
      "C800144F70656E204D6F62696C6520416C6C69616E6365C801164C69676874776569676874204D324D20436C"
      "69656E74C80209333435303030313233C303312E30860641000141010588070842000ED842011388870841007D"
      "42010384C10964C10A0F830B410000C40D5182428FC60E2B30323A3030C11055",
      "/3/0/0=Open Mobile Alliance /3/0/1=Lightweight M2M Client /3/0/2=345000123 /3/0/3=1.0 "
      "/3/0/6/0=1 /3/0/6/1=5 /3/0/7/0=3800 /3/0/7/1=5000 /3/0/8/0=125 /3/0/8/1=900 /3/0/9=100 "
      "/3/0/10=15 /3/0/11/0=0 /3/0/13=1367491215 /3/0/14=+02:00 /3/0/16=U" },
    { "instance wrapper", "tlv", "/1", NULL, "08000FC10001C40100015180C10601C10755",
      "/1/0/0=1 /1/0/1=86400 /1/0/6=1 /1/0/7=U" },
    { "instance left to the device", "tlv", "/3303", NULL, "E31676616263",
      "/3303/65535/5750=abc" },
    { "negative number", "tlv", "/4/0/2", NULL, "C102A4", "/4/0/2=-92" },
    { "double", "tlv", "/3303/0/5700", NULL, "E816440840091EB851EB851F", "/3303/0/5700=3.14" },
    { "link", "tlv", "/3442/0/170", NULL, "C4AA00420000", "/3442/0/170=66:0" },
    { "length past the end", "tlv", "/3/0", NULL, "C80014", NULL },
    { "integer of three bytes", "tlv", "/4/0/2", NULL, "C302010203", NULL },
    { "boolean of two", "tlv", "/1/0/6", NULL, "C10602", NULL },
    { "wrappers without end", "tlv", "/3", NULL, "080008080006080004080002", NULL },

    { "SenML names", "senml-json", "/3/0",
      "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"A\"},{\"n\":\"9\",\"v\":95},{\"bn\":\"/1/0/1\",\"v\":1e2}]",
      NULL, "/3/0/0=A /3/0/9=95 /1/0/1=100" },
    { "SenML values", "senml-json", "/3442/0",
      "[{\"bn\":\"3442/0/\",\"n\":\"140\",\"vb\":true},{\"n\":\"150\",\"vd\":\"_-8\"},"
      "{\"n\":\"170\",\"vlo\":\"3:0\"},{\"n\":\"125\",\"v\":18446744073709551615}]",
      NULL, "/3442/0/140=1 /3442/0/150=/+8= /3442/0/170=3:0 /3442/0/125=18446744073709551615" },
    { "empty pack", "senml-json", "/3", " [ ] ", NULL, "" },
    { "wrong type", "senml-json", "/3/0", "[{\"n\":\"/3/0/9\",\"vs\":\"95\"}]", NULL, NULL },
    { "two values", "senml-json", "/3/0", "[{\"n\":\"/3/0/9\",\"v\":1,\"vb\":true}]", NULL, NULL },
    { "rubbish after it", "senml-json", "/3/0", "[]]", NULL, NULL },
    { "number with a leading zero", "senml-json", "/3/0", "[{\"n\":\"/3/0/9\",\"v\":01}]", NULL, NULL },
    { "half a surrogate pair", "senml-json", "/3/0",
      "[{\"n\":\"/3/0/14\",\"vs\":\"\\ud83d\"}]", NULL, NULL },

    { "OMA JSON", "json", "/3/0",
      "{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"A\"},{\"n\":\"6/0\",\"v\":1},"
      "{\"n\":\"13\",\"v\":1367491215,\"t\":-5}],\"bt\":0}", NULL,
      "/3/0/0=A /3/0/6/0=1 /3/0/13=1367491215" },
    { "OMA JSON without a base name", "json", "/3/0", "{\"e\":[{\"n\":\"9\",\"v\":1}]}", NULL, "/3/0/9=1" },
    { "OMA JSON of one resource", "json", "/3/0/9", "{\"bn\":\"/3/0/9\",\"e\":[{\"v\":1}]}", NULL,
      "/3/0/9=1" },
    { "OMA JSON opaque", "json", "/3442/0", "{\"bn\":\"/3442/0/\",\"e\":[{\"n\":\"150\",\"sv\":\"/+8=\"}]}",
      NULL, "/3442/0/150=/+8=" },

    /* ETS of LwM2M 1.1, int-257 */
    { "SenML CBOR", "senml-cbor", "/", NULL,
      "83A321612F0065312F302F32021865A20065312F302F3604F5A20066332F302F31330200",
      "/1/0/2=101 /1/0/6=1 /3/0/13=0" },
    { "indefinite lengths", "senml-cbor", "/", NULL, "9FBF00662F332F302F39" "021864FFFF", "/3/0/9=100" },
    { "half float", "senml-cbor", "/", NULL, "81A2006C2F333330332F302F3537303002F93E00", "/3303/0/5700=1.5" },
    { "cut off", "senml-cbor", "/", NULL, "81A200662F332F302F390218", NULL },
    { "count without items", "senml-cbor", "/", NULL, "9B00FFFFFFFFFFFFFF", NULL },

    { "LwM2M CBOR of arrays", "lwm2m-cbor", "/3/0/9", NULL, "BF83030009185FFF", "/3/0/9=95" },
    { "LwM2M CBOR of maps", "lwm2m-cbor", "/3/0", NULL, "A103A100A200614106A200010105",
      "/3/0/0=A /3/0/6/0=1 /3/0/6/1=5" },
    { "empty key", "lwm2m-cbor", "/3/0", NULL, "A18000", NULL },
    { "five ids", "lwm2m-cbor", "/3/0", NULL, "A185010203040500", NULL },
    { "tagged time", "cbor", "/3/0/13", NULL, "C11A5182428F", "/3/0/13=1367491215" },
    { "text", "text", "/3/0/14", "+02:00", NULL, "/3/0/14=+02:00" },
    { "base64", "text", "/3442/0/150", "/+8=", NULL, "/3442/0/150=/+8=" },
    { "text that is no number", "text", "/1/0/1", "60s", NULL, NULL },
    { "opaque for a string", "opaque", "/3/0/14", "x", NULL, NULL },
};
/* clang-format on */

static void decode_one(const struct payload *payload)
{
    const struct content_format *format = content_format_find_name(payload->format);
    struct path base = path_of(payload->base);
    struct bytes data = { 0 };
    struct bytes text = { 0 };
    struct records records = { 0 };
    if (payload->text != NULL) {
        bytes_add_text(&data, payload->text);
    } else {
        add_hex(payload->hex, &data);
    }
    print_message("%s: %s\n", payload->format, payload->name);
    int err = format->decode(&base, data.data, data.len, &records);
    describe(&records, &text);
    if (payload->records == NULL) {
        assert_int_equal(err, -EBADMSG);
    } else {
        assert_int_equal(err, 0);
        assert_string_equal(bytes_text(&text), payload->records);
    }
    records_deinit(&records);
    bytes_deinit(&text);
    bytes_deinit(&data);
}

static void payloads_of_the_specifications_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        decode_one(&payloads[i]);
    }
}

static void reading_stops_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        const struct content_format *format = content_format_find_name(payloads[i].format);
        struct path base = path_of(payloads[i].base);
        struct bytes data = { 0 };
        if (payloads[i].hex != NULL) {
            add_hex(payloads[i].hex, &data);
        } else {
            bytes_add_text(&data, payloads[i].text);
        }
        for (size_t len = 1; len < data.len; len++) {
            uint8_t *part = malloc(len); /* of exactly that size: reading on is noticed */
            struct records records = { 0 };
            assert_non_null(part);
            memcpy(part, data.data, len);
            int err = format->decode(&base, part, len, &records);
            assert_true(err == 0 || err == -EBADMSG);
            records_deinit(&records);
            free(part);
        }
        bytes_deinit(&data);
    }
}

static void every_type_survives_every_format(void **state)
{
    static const char *const formats[] = { "tlv", "json", "senml-json", "senml-cbor",
                                           "lwm2m-cbor" };
    static const char *const bases[] = { "/3442", "/3442/0", "/3442/0/1120", "/3442/0/1120/2" };
    struct store store = { 0 };
    (void)state;
    store_add_initial(&store, 3442, 0);
    for (size_t i = 0; i < 5 * 4; i++) {
        const struct content_format *format = content_format_find_name(formats[i / 4]);
        struct path base = path_of(bases[i % 4]);
        struct records sent = { 0 };
        struct records received = { 0 };
        struct bytes payload = { 0 };
        struct bytes before = { 0 };
        struct bytes after = { 0 };
        store_read(&store, &base, &sent);
        assert_true(sent.count > 0);
        struct content content = { .base = base, .records = sent.list, .count = sent.count };
        format->encode(&content, &payload);
        assert_int_equal(format->decode(&base, payload.data, payload.len, &received), 0);
        describe(&sent, &before);
        describe(&received, &after);
        assert_string_equal(bytes_text(&after), bytes_text(&before));
        records_deinit(&sent);
        records_deinit(&received);
        bytes_deinit(&payload);
        bytes_deinit(&before);
        bytes_deinit(&after);
    }
    store_deinit(&store);
}

static void numbers_in_tlv_have_the_right_size(void **state)
{
    static const struct {
        const char *path, *text, *hex;
    } cases[] = {
        { "/4/0/2", "127", "C1027F" },
        { "/4/0/2", "128", "C2020080" },
        { "/4/0/2", "-129", "C202FF7F" },
        { "/4/0/2", "2147483648", "C802080000000080000000" },
        { "/3442/0/125", "200", "C17DC8" },
        { "/3303/0/5700", "20.5", "E4164441A40000" },
        { "/3303/0/5700", "0.1", "E81644083FB999999999999A" },
        { "/3442/0/170", "65535:65535", "C4AAFFFFFFFF" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record = { .path = path_of(cases[i].path) };
        struct bytes out = { 0 };
        struct bytes expected = { 0 };
        const struct content_format *text = content_format_find_name("text");
        struct records records = { 0 };
        assert_int_equal(text->decode(&record.path, (const uint8_t *)cases[i].text,
                                      strlen(cases[i].text), &records),
                         0);
        struct content content = { .base = record.path, .records = records.list, .count = 1 };
        tlv_encode(&content, &out);
        add_hex(cases[i].hex, &expected);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.data, expected.data, out.len);
        records_deinit(&records);
        bytes_deinit(&out);
        bytes_deinit(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_of_the_specifications_are_read),
        cmocka_unit_test(reading_stops_at_every_cut),
        cmocka_unit_test(every_type_survives_every_format),
        cmocka_unit_test(numbers_in_tlv_have_the_right_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
