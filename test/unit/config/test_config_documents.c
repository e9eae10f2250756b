/*
 * The default file and the manual page against the table: neither may forget a setting, and
 * what the default file shows must be true. Run from the root of the sources.
 */
#include "config/config.h"
#include "config/error.h"
#include "config/reader.h"
#include "config/setting.h"
#include "config/tree.h"
#include "test/unit/config/fake_environment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char default_file[] = "config/lwm2mqtt.yaml";
static const char manual_page[] = "config/lwm2mqtt.yaml.5";

static char *read_whole(const char *path)
{
    enum { SIZE = 1 << 17 };
    char *text = calloc(1, SIZE);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, SIZE - 1, file) > 0);
    assert_true(feof(file));
    assert_int_equal(fclose(file), 0);
    return text;
}

/* Takes the # away that hides a setting or a list item, leaves the comments for people. */
static void uncomment(char *text)
{
    char *to = text;
    bool at_start = true;
    for (const char *from = text; *from != '\0'; from++) {
        bool hidden = at_start && *from == '#' && (from[1] >= 'a' && from[1] <= 'z');
        hidden = hidden || (at_start && *from == '#' && from[1] == '-');
        at_start = *from == '\n' || (at_start && *from == ' ');
        if (!hidden) {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void defaults(struct config *config)
{
    struct config_error error;
    if (config_load_text("none", "", 0, &fake_environment, config, &error)) {
        fail_msg("%s", error.messages[0]);
    }
}

/* Kinds whose member is plain memory, equal when its bytes are. */
static size_t plain_size(const struct config_setting *setting)
{
    static const struct {
        const struct config_kind *kind;
        size_t size;
    } kinds[] = {
        { &config_kind_boolean, sizeof(bool) },   { &config_kind_integer, sizeof(uint32_t) },
        { &config_kind_decimal, sizeof(double) }, { &config_kind_duration, sizeof(uint64_t) },
        { &config_kind_size, sizeof(uint64_t) },  { &config_kind_choice, sizeof(unsigned) },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == setting->kind) {
            return kinds[i].size;
        }
    }
    return 0;
}

static void default_file_is_right_as_it_is(void **state)
{
    struct config config, expected;
    struct config_error error;
    char *text = read_whole(default_file);
    (void)state;
    int err =
        config_load_text(default_file, text, strlen(text), &fake_environment, &config, &error);
    if (err) {
        fail_msg("%s", error.messages[0]);
    }
    assert_string_equal(config.lwm2m.xml_dir, "objects-xml/oma");
    assert_string_equal(config.store.path, "lwm2mqtt.db");
    defaults(&expected);
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        bool is_text = setting->kind->clear == config_kind_text.clear;
        bool differs =
            strcmp(setting->name, "lwm2m.xml_dir") == 0 || strcmp(setting->name, "store.path") == 0;
        if (is_text && !differs) {
            assert_string_equal(*(char **)config_setting_member(setting, &config),
                                *(char **)config_setting_member(setting, &expected));
        }
    }
    for (size_t i = 0; i < CONFIG_TOPICS; i++) {
        assert_string_equal(config.mqtt.topics[i].topic, expected.mqtt.topics[i].topic);
        assert_int_equal(config.mqtt.topics[i].qos, expected.mqtt.topics[i].qos);
    }
    assert_memory_equal(&config.mqtt.brokers, &expected.mqtt.brokers, sizeof config.mqtt.brokers);
    assert_memory_equal(&config.lwm2m.listeners, &expected.lwm2m.listeners,
                        sizeof config.lwm2m.listeners);
    config_deinit(&config);
    config_deinit(&expected);
    free(text);
}

static void default_file_shows_every_setting_with_its_default(void **state)
{
    char *text = read_whole(default_file);
    struct config_error error = { .count = 0 };
    struct config_tree tree;
    struct config config = { 0 }, expected;
    struct config_reader reader = { .file = default_file,
                                    .environment = &fake_environment,
                                    .error = &error };
    (void)state;
    uncomment(text);
    int err = config_tree_parse(&tree, default_file, text, strlen(text), &error);
    if (err == 0) {
        config_reader_defaults(&reader, &config);
        config_reader_tree(&reader, &tree, &config);
    }
    if (error.count > 0) {
        fail_msg("%s", error.messages[0]);
    }
    defaults(&expected);
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        if (config_tree_find(&tree, setting->name) == NULL) {
            fail_msg("%s does not show %s", default_file, setting->name);
        }
        if (memcmp(config_setting_member(setting, &config),
                   config_setting_member(setting, &expected), plain_size(setting)) != 0) {
            fail_msg("%s shows another default of %s", default_file, setting->name);
        }
    }
    assert_int_equal(config.lwm2m.listeners.count, 2);
    assert_int_equal(config.lwm2m.qmode_overrides.count, 1);
    config_tree_deinit(&tree);
    config_deinit(&config);
    config_deinit(&expected);
    free(text);
}

static void manual_page_describes_every_setting(void **state)
{
    char *text = read_whole(manual_page);
    (void)state;
    for (size_t i = 0; i < config_settings_count; i++) {
        char item[80];
        snprintf(item, sizeof item, "\n.It Cm %s ", config_settings[i].name);
        if (strstr(text, item) == NULL) {
            fail_msg("%s has no item for %s", manual_page, config_settings[i].name);
        }
    }
    free(text);
}

/* An item of the page ends in the default: ".It Cm mqtt.keepalive Ar duration Pq Li 60s". */
static void manual_page_gives_the_defaults_of_the_table(void **state)
{
    char *text = read_whole(manual_page);
    (void)state;
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        char begin[80], end[80];
        snprintf(begin, sizeof begin, "\n.It Cm %s ", setting->name);
        int len = snprintf(end, sizeof end, "Pq Li %s\n", setting->preset);
        const char *line = strstr(text, begin);
        assert_non_null(line);
        size_t line_len = strcspn(line + 1, "\n") + 2;
        if (plain_size(setting) > 0 &&
            strncmp(line + line_len - (size_t)len, end, (size_t)len) != 0) {
            fail_msg("%s gives another default of %s", manual_page, setting->name);
        }
    }
    free(text);
}

static void reference_prints_every_row(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    assert_non_null(out);
    config_print_reference(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < config_settings_count; i++) {
        assert_non_null(strstr(text, config_settings[i].name));
        assert_non_null(strstr(text, config_settings[i].help));
        assert_non_null(strstr(text, config_settings[i].preset));
    }
    assert_non_null(strstr(text, "mqtt.keepalive: 60s\n"
                                 "    longest silence before the broker is pinged\n"
                                 "    duration: a duration with its unit (500ms, 22s, 5m, 24h), "
                                 "1s to 65535s\n"));
    free(text);
}

static void rows_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        assert_non_null(setting->kind);
        assert_non_null(setting->preset);
        assert_true(setting->kind->parse != NULL || setting->kind->read != NULL);
        assert_ptr_equal(config_setting_find(setting->name), setting);
        assert_null(strchr(setting->help, '\n'));
        assert_true(setting->min <= setting->max);
        if (setting->kind == &config_kind_integer) {
            assert_true(setting->max <= UINT32_MAX);
        }
        assert_int_equal(setting->kind == &config_kind_choice, setting->choices != NULL);
    }
    assert_null(config_setting_find("mqtt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_file_is_right_as_it_is),
        cmocka_unit_test(default_file_shows_every_setting_with_its_default),
        cmocka_unit_test(manual_page_describes_every_setting),
        cmocka_unit_test(manual_page_gives_the_defaults_of_the_table),
        cmocka_unit_test(reference_prints_every_row),
        cmocka_unit_test(rows_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
