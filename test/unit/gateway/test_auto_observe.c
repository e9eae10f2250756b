/* Which paths are observed without a command. */
#include "fake_device.h"

#include "gateway/auto_observe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES(...)                                                                               \
    (struct lwm2m_object_entry[]){ __VA_ARGS__ },                                                  \
        sizeof((struct lwm2m_object_entry[]){ __VA_ARGS__ }) / sizeof(struct lwm2m_object_entry)

static bool defined(void *ctx, uint16_t object)
{
    (void)ctx;
    return object != 30000;
}

static void want(void *ctx, struct lwm2m_device *device, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_MAX];
    (void)device;
    lwm2m_path_format(path, text);
    strcat(strcat(ctx, text), " ");
}

static void selects(struct config_auto_observe config, struct lwm2m_object_entry *entries,
                    size_t count, const char *observed, const char *expected)
{
    struct lwm2m_device device = {
        .list = { .entries = entries, .count = count },
        .observed = { observed },
    };
    struct auto_observe *auto_observe = NULL;
    char wanted[200] = "";
    assert_int_equal(auto_observe_new(&config, 4, &auto_observe), 0);
    auto_observe_select(auto_observe, &device, defined, want, wanted);
    assert_string_equal(wanted, expected);
    auto_observe_free(auto_observe);
}

static void nothing_is_observed_when_it_is_off(void **state)
{
    (void)state;
    struct config_auto_observe off = { .mode = CONFIG_AUTO_OBSERVE_OFF };
    selects(off, ENTRIES({ 3, 0, { 0, 0 } }), NULL, "");
}

static void all_means_every_instance_that_makes_sense(void **state)
{
    (void)state;
    struct config_auto_observe all = { .mode = CONFIG_AUTO_OBSERVE_ALL };
    selects(all,
            ENTRIES({ 0, 0, { 0 } }, { 1, 0, { 0 } }, { 2, 0, { 0 } }, { 3, 0, { 0 } },
                    { 4, 0, { 0 } }, { 5, 0, { 0 } }, { 6, 0, { 0 } }, { 7, 0, { 0 } },
                    { 9, 0, { 0 } }, { 15, 0, { 0 } }, { 8, 0, { 0 } },
                    { 3303, LWM2M_INSTANCE_NONE, { 0 } }, { 3303, 0, { 0 } }, { 3303, 7, { 0 } },
                    { 30000, 0, { 0 } }),
            NULL, "/3/0 /8/0 /3303/0 /3303/7 ");
}

static void what_is_observed_already_is_left_alone(void **state)
{
    (void)state;
    char path[] = "/3303";
    char *paths[] = { path };
    struct config_auto_observe all = { .mode = CONFIG_AUTO_OBSERVE_ALL };
    struct config_auto_observe list = { CONFIG_AUTO_OBSERVE_PATHS, paths, 1 };
    selects(all, ENTRIES({ 3, 0, { 0 } }, { 3303, 0, { 0 } }), "/3/0", "/3303/0 ");
    selects(list, ENTRIES({ 3, 0, { 0 } }, { 3303, 0, { 0 } }), "/3303", "");
}

static void of_very_many_instances_only_the_first_ones(void **state)
{
    (void)state;
    struct config_auto_observe all = { .mode = CONFIG_AUTO_OBSERVE_ALL };
    selects(all,
            ENTRIES({ 1, 0, { 0 } }, { 3, 0, { 0 } }, { 3303, 0, { 0 } }, { 3303, 1, { 0 } },
                    { 3303, 2, { 0 } }, { 3303, 3, { 0 } }, { 3303, 4, { 0 } }),
            "/3303/1", "/3/0 /3303/0 /3303/2 ");
}

static void of_a_list_only_what_the_device_has(void **state)
{
    (void)state;
    char first[] = "/3303";
    char second[] = "/4/0/2";
    char third[] = "/3/1";
    char fourth[] = "/5/0";
    char *paths[] = { first, second, third, fourth };
    struct config_auto_observe list = { CONFIG_AUTO_OBSERVE_PATHS, paths, 4 };
    selects(list, ENTRIES({ 3, 0, { 0 } }, { 4, 0, { 0 } }, { 3303, LWM2M_INSTANCE_NONE, { 0 } }),
            NULL, "/3303 /4/0/2 ");
}

static void a_path_that_is_none_is_refused(void **state)
{
    (void)state;
    char wrong[] = "/a";
    char root[] = "/";
    char *paths[] = { wrong };
    struct config_auto_observe list = { CONFIG_AUTO_OBSERVE_PATHS, paths, 1 };
    struct auto_observe *auto_observe = NULL;
    assert_int_equal(auto_observe_new(&list, 4, &auto_observe), -EINVAL);
    paths[0] = root;
    assert_int_equal(auto_observe_new(&list, 4, &auto_observe), -EINVAL);
    assert_null(auto_observe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_observed_when_it_is_off),
        cmocka_unit_test(all_means_every_instance_that_makes_sense),
        cmocka_unit_test(what_is_observed_already_is_left_alone),
        cmocka_unit_test(of_very_many_instances_only_the_first_ones),
        cmocka_unit_test(of_a_list_only_what_the_device_has),
        cmocka_unit_test(a_path_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
