/* CoAP messages: which datagrams are one, what is read from them, and what is written. */
#include "lwm2m/coap/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t len = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        bytes[len++] = (uint8_t)byte;
    }
    return len;
}

static void datagrams_are_accepted_or_refused(void **state)
{
    static const struct {
        const char *name, *hex;
        int err;
        bool header_ok;
    } cases[] = {
        { "nothing", "", -EBADMSG, false },
        { "three bytes", "400000", -EBADMSG, false },
        { "version 0", "00010001", -EBADMSG, false },
        { "version 2", "80010001", -EBADMSG, false },
        { "version 3", "c0010001", -EBADMSG, false },
        { "ping", "40000001", 0, true },
        { "empty with a token", "410000010a", -EBADMSG, true },
        { "empty with more bytes", "40000001ff00", -EBADMSG, true },
        { "GET", "40010001", 0, true },
        { "GET with 8 byte token", "480100010102030405060708", 0, true },
        { "token length 9", "49010001010203040506070809", -EBADMSG, true },
        { "token length 15", "4f010001010203040506070809", -EBADMSG, true },
        { "token cut off", "4401000101", -EBADMSG, true },
        { "option", "40010001b27264", 0, true },
        { "option value cut off", "40010001b272", -EBADMSG, true },
        { "option length 15", "40010001bf7264", -EBADMSG, true },
        { "option delta 15", "40010001f07264", -EBADMSG, true },
        { "one byte delta missing", "40010001d0", -EBADMSG, true },
        { "two byte delta missing", "40010001e000", -EBADMSG, true },
        { "two byte length missing", "400100011e00", -EBADMSG, true },
        { "one byte length missing", "400100011d", -EBADMSG, true },
        { "delta of 65535", "40010001e0fef2", 0, true },
        { "delta of 65536", "40010001e0fef3", -EBADMSG, true },
        { "delta of 65804", "40010001e0ffff", -EBADMSG, true },
        { "deltas add up to more than 65535", "40010001e0fef210", -EBADMSG, true },
        { "payload", "40020001ff00", 0, true },
        { "payload marker without a payload", "40020001ff", -EBADMSG, true },
        { "marker without a payload after an option", "40020001b172ff", -EBADMSG, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        struct lwcoap_message message;
        bool header_ok;
        size_t len = unhex(cases[i].hex, bytes);

        int err = lwcoap_message_parse(bytes, len, &message, &header_ok);
        if (err != cases[i].err || header_ok != cases[i].header_ok) {
            fail_msg("%s: %d, header %d", cases[i].name, err, header_ok);
        }
    }
}

static void every_field_is_read(void **state)
{
    uint8_t bytes[64];
    struct lwcoap_message message;
    struct lwcoap_option option;
    struct lwcoap_option_reader reader;
    bool header_ok;

    (void)state;
    size_t len = unhex("5202abcd1122b2726401351128ff616263", bytes);
    assert_int_equal(lwcoap_message_parse(bytes, len, &message, &header_ok), 0);
    assert_int_equal(message.type, LWCOAP_NON);
    assert_int_equal(message.code, LWCOAP_POST);
    assert_int_equal(message.message_id, 0xabcd);
    assert_int_equal(message.token_len, 2);
    assert_memory_equal(message.token, "\x11\x22", 2);
    assert_int_equal(message.payload_len, 3);
    assert_memory_equal(message.payload, "abc", 3);

    lwcoap_option_reader_init(&reader, &message);
    assert_true(lwcoap_option_next(&reader, &option));
    assert_int_equal(option.number, LWCOAP_OPTION_URI_PATH);
    assert_int_equal(option.len, 2);
    assert_true(lwcoap_option_next(&reader, &option));
    assert_int_equal(option.number, LWCOAP_OPTION_URI_PATH);
    assert_int_equal(option.len, 1);
    assert_false(lwcoap_option_find(&message, LWCOAP_OPTION_ACCEPT, &option));
    assert_true(lwcoap_option_find(&message, LWCOAP_OPTION_URI_PATH, &option));
    assert_memory_equal(option.value, "rd", 2);
}

static void unsigned_integers_have_any_length(void **state)
{
    static const struct {
        const char *hex;
        uint32_t value;
    } cases[] = { { "", 0 },         { "00", 0 },         { "28", 40 },
                  { "2d16", 11542 }, { "010000", 65536 }, { "ffffffff", UINT32_MAX },
                  { "00000001", 1 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[8];
        struct lwcoap_option option = { .value = bytes, .len = unhex(cases[i].hex, bytes) };
        assert_int_equal(lwcoap_option_uint(&option), cases[i].value);
    }
}

static void what_is_written_is_read_back(void **state)
{
    uint8_t bytes[1200], long_value[300], payload[500];
    struct lwcoap_writer writer;
    struct lwcoap_message message;
    struct lwcoap_option option;
    bool header_ok;

    (void)state;
    memset(long_value, 'x', sizeof long_value);
    memset(payload, 'p', sizeof payload);
    lwcoap_writer_init(&writer, bytes, sizeof bytes, LWCOAP_ACK, LWCOAP_CODE(2, 5), 77,
                       (const uint8_t *)"token", 5);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_LOCATION_PATH, "rd", 2);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_LOCATION_PATH, long_value, sizeof long_value);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, 0);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_SIZE1, 70000);
    lwcoap_writer_option(&writer, 65000, NULL, 0);
    lwcoap_writer_payload(&writer, payload, sizeof payload);
    assert_int_equal(writer.err, 0);

    assert_int_equal(lwcoap_message_parse(bytes, writer.len, &message, &header_ok), 0);
    assert_int_equal(message.type, LWCOAP_ACK);
    assert_int_equal(message.code, LWCOAP_CODE(2, 5));
    assert_int_equal(message.message_id, 77);
    assert_int_equal(message.payload_len, sizeof payload);
    assert_true(lwcoap_option_find(&message, LWCOAP_OPTION_CONTENT_FORMAT, &option));
    assert_int_equal(option.len, 0);
    assert_true(lwcoap_option_find(&message, LWCOAP_OPTION_SIZE1, &option));
    assert_int_equal(lwcoap_option_uint(&option), 70000);
    assert_true(lwcoap_option_find(&message, 65000, &option));
}

static void the_first_error_of_a_writer_sticks(void **state)
{
    uint8_t bytes[16];
    struct lwcoap_writer writer;

    (void)state;
    lwcoap_writer_init(&writer, bytes, 3, LWCOAP_CON, LWCOAP_GET, 1, NULL, 0);
    assert_int_equal(writer.err, -ENOSPC);
    lwcoap_writer_init(&writer, bytes, sizeof bytes, LWCOAP_CON, LWCOAP_GET, 1, NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "1", 1);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_OBSERVE, NULL, 0);
    assert_int_equal(writer.err, -EINVAL);
    lwcoap_writer_payload(&writer, (const uint8_t *)"0123456789abcdef", 16);
    assert_int_equal(writer.err, -EINVAL);
    assert_int_equal(writer.len, 6);

    lwcoap_writer_init(&writer, bytes, sizeof bytes, LWCOAP_CON, LWCOAP_GET, 1, NULL, 0);
    lwcoap_writer_payload(&writer, (const uint8_t *)"0123456789ab", 12);
    assert_int_equal(writer.err, -ENOSPC);
    lwcoap_writer_init(&writer, bytes, sizeof bytes, LWCOAP_CON, LWCOAP_GET, 1, NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "0123456789ab", 12);
    assert_int_equal(writer.err, -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_accepted_or_refused),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(unsigned_integers_have_any_length),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_first_error_of_a_writer_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
