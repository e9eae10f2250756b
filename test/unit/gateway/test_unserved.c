#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/unserved.h"

static const uint64_t key[2] = { 1, 2 };

static void a_row_is_taken_once(void **state)
{
    struct unserved unserved;
    (void)state;
    unserved_init(&unserved, key);
    assert_int_equal(unserved_take(&unserved, "a"), 0);
    assert_int_equal(unserved_add(&unserved, "a", 7), 0);
    assert_int_equal(unserved_add(&unserved, "b", 8), 0);
    assert_int_equal(unserved_take(&unserved, "c"), 0);
    assert_int_equal(unserved_take(&unserved, "a"), 7);
    assert_int_equal(unserved_take(&unserved, "a"), 0);
    unserved_clear(&unserved);
    assert_int_equal(unserved_take(&unserved, "b"), 0);
    assert_int_equal(unserved_add(&unserved, "c", 9), 0);
    unserved_clear(&unserved); /* with one left */
}

static void the_last_row_of_an_endpoint_counts(void **state)
{
    struct unserved unserved;
    (void)state;
    unserved_init(&unserved, key);
    assert_int_equal(unserved_add(&unserved, "a", 7), 0);
    assert_int_equal(unserved_add(&unserved, "a", 8), 0);
    assert_int_equal(unserved_take(&unserved, "a"), 8);
    assert_int_equal(unserved_take(&unserved, "a"), 0);
    unserved_clear(&unserved);
}

static void many_are_told_apart(void **state)
{
    struct unserved unserved;
    char name[20];
    (void)state;
    unserved_init(&unserved, key);
    for (uint64_t i = 1; i <= 5000; i++) {
        (void)snprintf(name, sizeof(name), "urn:%u", (unsigned)i);
        assert_int_equal(unserved_add(&unserved, name, i), 0);
    }
    for (uint64_t i = 1; i <= 5000; i++) {
        (void)snprintf(name, sizeof(name), "urn:%u", (unsigned)i);
        assert_int_equal(unserved_take(&unserved, name), i);
    }
    unserved_clear(&unserved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_taken_once),
        cmocka_unit_test(the_last_row_of_an_endpoint_counts),
        cmocka_unit_test(many_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
