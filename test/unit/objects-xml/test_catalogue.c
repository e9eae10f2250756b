/*
 * Look-up: which version answers for which question.
 */
#include "objects-xml/catalogue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

static struct catalogue_object *new_object(uint16_t id, struct catalogue_version version,
                                           const char *name)
{
    const struct catalogue_resource resource = {
        .id = 1, .operations = CATALOGUE_READ, .name = "Only", .range = "", .units = ""
    };
    struct catalogue_object *object = catalogue_object_new(&(struct catalogue_object){
        .id = id,
        .version = version,
        .lwm2m_version = { 1, 0 },
        .name = name,
        .urn = "",
        .resources_count = 1,
        .resources = &resource,
    });
    assert_non_null(object);
    return object;
}

static const struct {
    uint16_t id;
    struct catalogue_version version;
} given[] = {
    { 3, { 1, 1 } }, { 3, { 2, 0 } }, { 3, { 1, 0 } },     { 3, { 2, 1 } },
    { 3, { 1, 3 } }, { 4, { 1, 0 } }, { 65535, { 1, 0 } }, { 0, { 1, 0 } },
};

static const struct {
    uint16_t id;
    struct catalogue_version asked;
    struct catalogue_version found; /* 0.0: nothing */
} questions[] = {
    { 3, { 1, 0 }, { 1, 0 } },
    { 3, { 1, 1 }, { 1, 1 } },
    { 3, { 1, 3 }, { 1, 3 } },
    { 3, { 2, 0 }, { 2, 0 } },
    { 3, { 2, 1 }, { 2, 1 } },
    { 3, { 1, 2 }, { 1, 3 } }, /* unknown minor: the highest of that major */
    { 3, { 1, 255 }, { 1, 3 } },
    { 3, { 2, 7 }, { 2, 1 } },
    { 3, { 3, 0 }, { 2, 1 } }, /* unknown major: the highest of all */
    { 3, { 0, 1 }, { 2, 1 } },
    { 3, { 0, 0 }, { 2, 1 } }, /* none */
    { 4, { 0, 0 }, { 1, 0 } },
    { 4, { 9, 9 }, { 1, 0 } },
    { 65535, { 1, 0 }, { 1, 0 } },
    { 0, { 1, 0 }, { 1, 0 } },
    { 5, { 1, 0 }, { 0, 0 } },       /* unknown object, on a page with known ones */
    { 256 + 3, { 1, 0 }, { 0, 0 } }, /* and on a page of its own */
    { 65534, { 0, 0 }, { 0, 0 } },
};

static void test_versions_are_chosen(void **state)
{
    (void)state;
    struct catalogue *catalogue = catalogue_new();
    assert_non_null(catalogue);
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        assert_int_equal(
            catalogue_take(catalogue, new_object(given[i].id, given[i].version, "Thing")), 0);
    }
    assert_int_equal(catalogue_count(catalogue), ARRAY_LEN(given));
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        const struct catalogue_object *object =
            catalogue_find(catalogue, questions[i].id, questions[i].asked);
        struct catalogue_version found = object ? object->version : CATALOGUE_VERSION_NONE;
        if (catalogue_version_compare(found, questions[i].found) != 0) {
            fail_msg("question %zu: found %u.%u", i, found.major, found.minor);
        }
        assert_true(!object || object->id == questions[i].id);
    }
    catalogue_free(catalogue);
}

static void test_an_empty_catalogue_knows_nothing(void **state)
{
    (void)state;
    struct catalogue *catalogue = catalogue_new();
    assert_non_null(catalogue);
    assert_int_equal(catalogue_count(catalogue), 0);
    assert_null(catalogue_find(catalogue, 3, CATALOGUE_VERSION_NONE));
    catalogue_free(catalogue);
    catalogue_free(NULL);
}

static void test_a_duplicate_changes_nothing(void **state)
{
    (void)state;
    struct catalogue *catalogue = catalogue_new();
    assert_non_null(catalogue);
    struct catalogue_object *first = new_object(7, (struct catalogue_version){ 1, 0 }, "Meter");
    assert_int_equal(catalogue_take(catalogue, first), 0);
    assert_int_equal(
        catalogue_take(catalogue, new_object(7, (struct catalogue_version){ 1, 0 }, "Meter")), 0);
    assert_int_equal(catalogue_count(catalogue), 1);
    assert_ptr_equal(catalogue_find(catalogue, 7, CATALOGUE_VERSION_NONE), first);
    catalogue_free(catalogue);
}

static void test_a_contradiction_is_left_to_the_caller(void **state)
{
    (void)state;
    struct catalogue *catalogue = catalogue_new();
    assert_non_null(catalogue);
    struct catalogue_object *first = new_object(7, (struct catalogue_version){ 1, 0 }, "Meter");
    struct catalogue_object *other = new_object(7, (struct catalogue_version){ 1, 0 }, "Gauge");
    assert_int_equal(catalogue_take(catalogue, first), 0);
    assert_int_equal(catalogue_take(catalogue, other), -EEXIST);
    assert_string_equal(other->name, "Gauge");
    assert_int_equal(catalogue_count(catalogue), 1);
    assert_ptr_equal(catalogue_find(catalogue, 7, CATALOGUE_VERSION_NONE), first);
    catalogue_object_free(other);
    catalogue_free(catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_are_chosen),
        cmocka_unit_test(test_an_empty_catalogue_knows_nothing),
        cmocka_unit_test(test_a_duplicate_changes_nothing),
        cmocka_unit_test(test_a_contradiction_is_left_to_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
