/*
 * The definitions that are shipped: all of them load, and well-known facts are in them.
 */
#include "objects-xml/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

enum {
    R = CATALOGUE_READ,
    W = CATALOGUE_WRITE,
    RW = CATALOGUE_READ | CATALOGUE_WRITE,
    E = CATALOGUE_EXECUTE,
};

static void on_problem(void *context, const struct catalogue_problem *problem)
{
    (void)context;
    fail_msg("%s:%u:%u: %s", problem->path, problem->line, problem->column, problem->reason);
}

static int load(void **state)
{
    struct catalogue *catalogue = catalogue_new();
    assert_non_null(catalogue);
    assert_int_equal(catalogue_load_dir(catalogue, "objects-xml/oma", on_problem, NULL), 0);
    *state = catalogue;
    return 0;
}

static int unload(void **state)
{
    catalogue_free(*state);
    return 0;
}

static void test_all_definitions_load(void **state)
{
    assert_int_equal(catalogue_count(*state), 424);
}

static const struct {
    uint16_t id;
    struct catalogue_version asked;
    struct catalogue_version version;
    struct catalogue_version lwm2m_version;
    const char *name;
    const char *urn;
    bool multiple;
    bool mandatory;
    size_t resources_count;
} objects[] = {
    /* clang-format off */
    { 0, { 0, 0 }, { 1, 2 }, { 1, 1 }, "LWM2M Security", "urn:oma:lwm2m:oma:0:1.2", true, true, 31 },
    { 3, { 1, 0 }, { 1, 0 }, { 1, 0 }, "Device", "urn:oma:lwm2m:oma:3", false, true, 23 },
    { 3, { 1, 2 }, { 1, 2 }, { 1, 1 }, "Device", "urn:oma:lwm2m:oma:3:1.2", false, true, 23 },
    { 5, { 1, 0 }, { 1, 0 }, { 1, 0 }, "Firmware Update", "urn:oma:lwm2m:oma:5", false, false, 9 },
    { 21, { 0, 0 }, { 2, 0 }, { 1, 1 }, "LWM2M OSCORE", "urn:oma:lwm2m:oma:21:2.0", true, false, 7 },
    { 3303, { 1, 0 }, { 1, 0 }, { 1, 0 }, "Temperature", "urn:oma:lwm2m:ext:3303", true, false, 7 },
    { 10308, { 2, 0 }, { 2, 0 }, { 1, 0 }, "AT&T Connectivity Extension", "urn:oma:lwm2m:x:10308:2.0",
      true, false, 9 },
    /* clang-format on */
};

static void test_objects_are_as_oma_says(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        const struct catalogue_object *object =
            catalogue_find(*state, objects[i].id, objects[i].asked);
        assert_non_null(object);
        assert_int_equal(catalogue_version_compare(object->version, objects[i].version), 0);
        assert_int_equal(catalogue_version_compare(object->lwm2m_version, objects[i].lwm2m_version),
                         0);
        assert_string_equal(object->name, objects[i].name);
        assert_string_equal(object->urn, objects[i].urn);
        assert_int_equal(object->multiple, objects[i].multiple);
        assert_int_equal(object->mandatory, objects[i].mandatory);
        assert_int_equal(object->resources_count, objects[i].resources_count);
    }
}

static const struct {
    uint16_t object;
    struct catalogue_version version;
    struct catalogue_resource resource;
} resources[] = {
    /* clang-format off */
    { 0, { 1, 2 }, { 3, 0, false, true, false, CATALOGUE_TYPE_OPAQUE, 0, 0, "Public Key or Identity", "", "" } },
    { 3, { 1, 0 }, { 7, R, true, false, false, CATALOGUE_TYPE_INTEGER, 0, 0, "Power Source Voltage", "", "mV" } },
    { 3, { 1, 0 }, { 9, R, false, false, false, CATALOGUE_TYPE_INTEGER, 0, 0, "Battery Level", "0-100", "%" } },
    { 3, { 1, 1 }, { 9, R, false, false, true, CATALOGUE_TYPE_INTEGER, 0, 100, "Battery Level", "0..100", "%" } },
    { 3, { 1, 2 }, { 9, R, false, false, true, CATALOGUE_TYPE_INTEGER, 0, 100, "Battery Level", "0..100", "/100" } },
    { 3, { 1, 2 }, { 4, E, false, true, false, CATALOGUE_TYPE_NONE, 0, 0, "Reboot", "", "" } },
    { 3, { 1, 2 }, { 13, RW, false, false, false, CATALOGUE_TYPE_TIME, 0, 0, "Current Time", "", "" } },
    { 5, { 1, 0 }, { 0, W, false, true, false, CATALOGUE_TYPE_OPAQUE, 0, 0, "Package", "", "" } },
    { 5, { 1, 0 }, { 3, R, false, true, true, CATALOGUE_TYPE_INTEGER, 0, 3, "State", "0..3", "" } },
    { 3303, { 1, 0 }, { 5700, R, false, true, false, CATALOGUE_TYPE_FLOAT, 0, 0, "Sensor Value", "", "" } },
    /* clang-format on */
};

static void test_resources_are_as_oma_says(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        const struct catalogue_resource *expected = &resources[i].resource;
        const struct catalogue_object *object =
            catalogue_find(*state, resources[i].object, resources[i].version);
        assert_non_null(object);
        const struct catalogue_resource *resource = catalogue_object_resource(object, expected->id);
        assert_non_null(resource);
        assert_string_equal(resource->name, expected->name);
        assert_int_equal(resource->operations, expected->operations);
        assert_int_equal(resource->multiple, expected->multiple);
        assert_int_equal(resource->mandatory, expected->mandatory);
        assert_int_equal(resource->type, expected->type);
        assert_string_equal(resource->range, expected->range);
        assert_string_equal(resource->units, expected->units);
        assert_int_equal(resource->has_bounds, expected->has_bounds);
        assert_true(resource->min == expected->min && resource->max == expected->max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_definitions_load),
        cmocka_unit_test(test_objects_are_as_oma_says),
        cmocka_unit_test(test_resources_are_as_oma_says),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
