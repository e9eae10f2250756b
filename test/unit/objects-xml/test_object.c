/*
 * Versions, and definitions in one block.
 */
#include "objects-xml/object.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int err;
    struct catalogue_version version;
} versions[] = {
    { "1.0", 0, { 1, 0 } },       { "1.2", 0, { 1, 2 } },        { "2", 0, { 2, 0 } },
    { "1.10", 0, { 1, 10 } },     { "0.1", 0, { 0, 1 } },        { "255.255", 0, { 255, 255 } },
    { "", -EBADMSG, { 0 } },      { "0.0", -EBADMSG, { 0 } },    { "256.0", -EBADMSG, { 0 } },
    { "1.256", -EBADMSG, { 0 } }, { "1.", -EBADMSG, { 0 } },     { ".1", -EBADMSG, { 0 } },
    { "1.1.1", -EBADMSG, { 0 } }, { "1.0001", -EBADMSG, { 0 } }, { "-1.0", -EBADMSG, { 0 } },
    { " 1.0", -EBADMSG, { 0 } },  { "1.0 ", -EBADMSG, { 0 } },   { "1.x", -EBADMSG, { 0 } },
};

static void test_versions_are_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct catalogue_version version = { 77, 77 };
        int err = catalogue_version_parse(versions[i].text, &version);
        if (err != versions[i].err) {
            fail_msg("\"%s\": %d", versions[i].text, err);
        }
        struct catalogue_version expected =
            err ? (struct catalogue_version){ 77, 77 } : versions[i].version;
        assert_int_equal(catalogue_version_compare(version, expected), 0);
    }
}

static void test_versions_compare_major_first(void **state)
{
    (void)state;
    struct catalogue_version low = { 1, 9 };
    struct catalogue_version high = { 2, 0 };
    struct catalogue_version higher = { 2, 1 };
    assert_true(catalogue_version_compare(low, high) < 0);
    assert_true(catalogue_version_compare(high, low) > 0);
    assert_true(catalogue_version_compare(high, higher) < 0);
    assert_true(catalogue_version_compare(high, high) == 0);
}

/* A draft whose strings are in memory that the test can spoil. */
struct sample {
    char name[8];
    char units[4];
    struct catalogue_resource resources[3];
    struct catalogue_object object;
};

static void sample_init(struct sample *sample)
{
    *sample = (struct sample){ .name = "Lamp", .units = "lx" };
    static const uint16_t ids[] = { 0, 5, 65535 };
    for (size_t i = 0; i < 3; i++) {
        sample->resources[i] = (struct catalogue_resource){
            .id = ids[i],
            .operations = CATALOGUE_READ,
            .type = CATALOGUE_TYPE_FLOAT,
            .name = sample->name,
            .range = "",
            .units = sample->units,
        };
    }
    sample->object = (struct catalogue_object){
        .id = 42,
        .version = { 1, 1 },
        .lwm2m_version = { 1, 0 },
        .name = sample->name,
        .urn = "",
        .resources_count = 3,
        .resources = sample->resources,
    };
}

static void test_a_copy_borrows_nothing(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample);
    struct catalogue_object *copy = catalogue_object_new(&sample.object);
    assert_non_null(copy);
    assert_true(catalogue_object_equal(copy, &sample.object));
    memset(&sample, 'x', sizeof sample);
    assert_string_equal(copy->name, "Lamp");
    assert_string_equal(copy->urn, "");
    assert_int_equal(copy->resources_count, 3);
    assert_int_equal(copy->resources[2].id, 65535);
    assert_string_equal(copy->resources[2].name, "Lamp");
    assert_string_equal(copy->resources[2].units, "lx");
    catalogue_object_free(copy);
    catalogue_object_free(NULL);
}

static void test_resources_are_found_by_id(void **state)
{
    (void)state;
    struct sample sample;
    sample_init(&sample);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(catalogue_object_resource(&sample.object, sample.resources[i].id),
                         &sample.resources[i]);
    }
    static const uint16_t absent[] = { 1, 4, 6, 65534 };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_null(catalogue_object_resource(&sample.object, absent[i]));
    }
    sample.object.resources_count = 0;
    assert_null(catalogue_object_resource(&sample.object, 0));
}

static void change_id(struct sample *sample)
{
    sample->object.id++;
}
static void change_version(struct sample *sample)
{
    sample->object.version.minor++;
}
static void change_lwm2m_version(struct sample *sample)
{
    sample->object.lwm2m_version.minor++;
}
static void change_multiple(struct sample *sample)
{
    sample->object.multiple = true;
}
static void change_mandatory(struct sample *sample)
{
    sample->object.mandatory = true;
}
static void change_name(struct sample *sample)
{
    sample->object.name = "Bulb";
}
static void change_urn(struct sample *sample)
{
    sample->object.urn = "urn:x";
}
static void change_count(struct sample *sample)
{
    sample->object.resources_count--;
}
static void change_resource_id(struct sample *sample)
{
    sample->resources[2].id--;
}
static void change_operations(struct sample *sample)
{
    sample->resources[2].operations = 0;
}
static void change_type(struct sample *sample)
{
    sample->resources[2].type = CATALOGUE_TYPE_TIME;
}
static void change_range(struct sample *sample)
{
    sample->resources[2].range = "0..1";
}
static void change_units(struct sample *sample)
{
    sample->resources[2].units = "";
}
static void change_resource_name(struct sample *sample)
{
    sample->resources[2].name = "Bulb";
}
static void change_resource_multiple(struct sample *sample)
{
    sample->resources[2].multiple = true;
}
static void change_resource_mandatory(struct sample *sample)
{
    sample->resources[2].mandatory = true;
}

static void test_any_difference_makes_objects_unequal(void **state)
{
    (void)state;
    static void (*const changes[])(struct sample *) = {
        change_id,
        change_version,
        change_lwm2m_version,
        change_multiple,
        change_mandatory,
        change_name,
        change_urn,
        change_count,
        change_resource_id,
        change_operations,
        change_type,
        change_range,
        change_units,
        change_resource_name,
        change_resource_multiple,
        change_resource_mandatory,
    };
    struct sample original;
    sample_init(&original);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct sample changed;
        sample_init(&changed);
        assert_true(catalogue_object_equal(&original.object, &changed.object));
        changes[i](&changed);
        if (catalogue_object_equal(&original.object, &changed.object)) {
            fail_msg("change %zu goes unseen", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_parsed),
        cmocka_unit_test(test_versions_compare_major_first),
        cmocka_unit_test(test_a_copy_borrows_nothing),
        cmocka_unit_test(test_resources_are_found_by_id),
        cmocka_unit_test(test_any_difference_makes_objects_unequal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
