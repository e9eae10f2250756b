/* Log lines: their form, what is escaped, what is held back. */
#include "gateway/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sink {
    uint64_t now_ms;
    char text[8192];
    unsigned lines;
};

static uint64_t wall_ms(void *ctx)
{
    return ((struct sink *)ctx)->now_ms;
}

static void keep(void *ctx, const char *line, size_t len)
{
    struct sink *sink = ctx;
    assert_true(len < sizeof(sink->text));
    assert_int_equal(line[len - 1], '\n');
    memcpy(sink->text, line, len - 1);
    sink->text[len - 1] = '\0';
    sink->lines++;
}

static struct log *new_log(struct sink *sink, enum log_level level, enum log_format format)
{
    struct log_settings settings = { level, format, sink, wall_ms, keep };
    struct log *log = log_new(&settings);
    assert_non_null(log);
    return log;
}

static void lines_have_time_level_event_and_fields(void **state)
{
    (void)state;
    struct sink sink = { .now_ms = 1700000000123 };
    struct log *text = new_log(&sink, LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    struct log *json = new_log(&sink, LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
    log_info(text, "listening", LOG_TEXT("address", "127.0.0.1"), LOG_NUMBER("port", 5783));
    assert_string_equal(sink.text,
                        "2023-11-14T22:13:20.123Z info listening address=127.0.0.1 port=5783");
    log_error(text, "listen-failed", LOG_TEXT("reason", "Address already in use"));
    assert_string_equal(
        sink.text,
        "2023-11-14T22:13:20.123Z error listen-failed reason=\"Address already in use\"");
    log_info(json, "listening", LOG_TEXT("address", "127.0.0.1"), LOG_NUMBER("port", -1));
    assert_string_equal(sink.text,
                        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"event\":"
                        "\"listening\",\"address\":\"127.0.0.1\",\"port\":-1}");
    log_free(text);
    log_free(json);
}

static void what_a_device_says_cannot_forge_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *value, *text;
    } cases[] = {
        { "", "endpoint=\"\"" },
        { "a b", "endpoint=\"a b\"" },
        { "a\nerror forged", "endpoint=\"a\\nerror forged\"" },
        { "a=b", "endpoint=\"a=b\"" },
        { "a\"b\\", "endpoint=\"a\\\"b\\\\\"" },
        { "\xff\x1b", "endpoint=\"\xef\xbf\xbd\\u001b\"" },
        { "urn:imei:1", "endpoint=urn:imei:1" },
    };
    struct sink sink = { 0 };
    struct log *log = new_log(&sink, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[100];
        log_info(log, "registered", LOG_TEXT("endpoint", cases[i].value));
        (void)snprintf(expected, sizeof(expected), "1970-01-01T00:00:00.000Z info registered %s",
                       cases[i].text);
        assert_string_equal(sink.text, expected);
    }
    log_free(log);
}

static void lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    struct sink sink = { 0 };
    struct log *log = new_log(&sink, LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
    log_info(log, "quiet", LOG_NUMBER("n", 1));
    log_debug(log, "quiet", LOG_NUMBER("n", 1));
    assert_int_equal(sink.lines, 0);
    assert_false(log_enabled(log, LOG_LEVEL_INFO));
    log_warn(log, "heard", LOG_NUMBER("n", 1));
    assert_int_equal(sink.lines, 1);
    log_set_level(log, LOG_LEVEL_DEBUG);
    log_debug(log, "heard", LOG_NUMBER("n", 1));
    assert_int_equal(sink.lines, 2);
    log_free(log);
}

static void repeated_warnings_are_held_back_and_counted(void **state)
{
    (void)state;
    struct sink sink = { .now_ms = 1000000 };
    struct log *log = new_log(&sink, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 100; i++) {
        log_warn(log, "flood", LOG_NUMBER("n", i));
    }
    assert_int_equal(sink.lines, LOG_BURST);
    log_warn(log, "other", LOG_NUMBER("n", 0)); /* counted by itself */
    assert_int_equal(sink.lines, LOG_BURST + 1);
    for (int i = 0; i < 30; i++) {
        log_info(log, "information", LOG_NUMBER("n", i)); /* never held back */
    }
    assert_int_equal(sink.lines, LOG_BURST + 31);

    sink.now_ms += LOG_PERIOD_MS;
    log_warn(log, "flood", LOG_NUMBER("n", 100));
    assert_non_null(strstr(sink.text, " n=100 held_back=90"));
    log_warn(log, "flood", LOG_NUMBER("n", 101));
    assert_null(strstr(sink.text, "held_back"));
    log_free(log);
}

static void a_clock_set_back_silences_nothing_for_long(void **state)
{
    (void)state;
    struct sink sink = { .now_ms = 1000000 };
    struct log *log = new_log(&sink, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 20; i++) {
        log_warn(log, "flood", LOG_NUMBER("n", i));
    }
    sink.now_ms = 10;
    unsigned before = sink.lines;
    log_warn(log, "flood", LOG_NUMBER("n", 20));
    assert_int_equal(sink.lines, before + 1);
    log_free(log);
}

static void a_long_line_loses_fields_but_stays_a_line(void **state)
{
    (void)state;
    static char long_text[5000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct sink sink = { 0 };
    struct log *log = new_log(&sink, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info(log, "long", LOG_NUMBER("before", 1), LOG_TEXT("value", long_text));
    assert_string_equal(sink.text, "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\","
                                   "\"event\":\"long\",\"before\":1}");
    log_info(log, "short", LOG_NUMBER("after", 2));
    assert_non_null(strstr(sink.text, "\"after\":2}"));
    log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_time_level_event_and_fields),
        cmocka_unit_test(what_a_device_says_cannot_forge_a_line),
        cmocka_unit_test(lines_below_the_level_are_left_out),
        cmocka_unit_test(repeated_warnings_are_held_back_and_counted),
        cmocka_unit_test(a_clock_set_back_silences_nothing_for_long),
        cmocka_unit_test(a_long_line_loses_fields_but_stays_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
