/*
 * Files as the process sees them: first lines, and what counts as readable.
 */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const struct config_environment *const process = &config_environment_process;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
    static char directory[] = "/tmp/lwm2mqtt-test-XXXXXX";
    *state = mkdtemp(directory);
    return *state != NULL ? chdir(*state) : -1;
}

static int remove_directory(void **state)
{
    return chdir("/") || rmdir(*state) ? -1 : 0;
}

static void first_lines(void **state)
{
    static const struct {
        const char *content, *line; /* NULL: too long for 8 bytes */
    } cases[] = {
        { "secret\n", "secret" },
        { "secret", "secret" },
        { "secret\r\n", "secret" },
        { "a\nb\n", "a" },
        { "", "" },
        { "\n", "" },
        { " a \n", " a " },
        { "1234567\n", "1234567" },
        { "1234567", "1234567" },
        { "12345678\n", NULL },
        { "12345678", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[8];
        write_file("secret", cases[i].content);
        int err = process->first_line("secret", line, sizeof line);
        assert_int_equal(err, cases[i].line != NULL ? 0 : -ENOSPC);
        if (err == 0) {
            assert_string_equal(line, cases[i].line);
        }
    }
    assert_int_equal(unlink("secret"), 0);
}

static void what_is_readable(void **state)
{
    char line[8];
    (void)state;
    write_file("file", "x");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(process->readable("file", false), 0);
    assert_int_equal(process->readable(".", true), 0);
    assert_int_equal(process->readable("file", true), -ENOTDIR);
    assert_int_equal(process->readable(".", false), -EISDIR);
    assert_int_equal(process->readable("missing", false), -ENOENT);
    assert_int_equal(process->readable("pipe", false), -EINVAL);
    assert_int_equal(process->first_line("pipe", line, sizeof line), -EINVAL);
    assert_int_equal(process->first_line(".", line, sizeof line), -EISDIR);
    assert_int_equal(process->first_line("missing", line, sizeof line), -ENOENT);
    assert_int_equal(unlink("file"), 0);
    assert_int_equal(unlink("pipe"), 0);
}

static void variables(void **state)
{
    (void)state;
    assert_int_equal(setenv("LWM2MQTT_TEST", "value", 1), 0);
    assert_string_equal(process->variable("LWM2MQTT_TEST"), "value");
    assert_int_equal(unsetenv("LWM2MQTT_TEST"), 0);
    assert_null(process->variable("LWM2MQTT_TEST"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines),
        cmocka_unit_test(what_is_readable),
        cmocka_unit_test(variables),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
