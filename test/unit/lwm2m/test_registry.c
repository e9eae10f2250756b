/* Devices are found by name, by number and by location, and by nothing that they were before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/registry.h"

#include <string.h>

static struct lwm2m_device *find_location(const struct lwm2m_registry *registry, const char *text)
{
    return lwm2m_registry_find_location(registry, (const uint8_t *)text, strlen(text));
}

static void a_device_is_found_where_it_was_placed_last(void **state)
{
    struct lwm2m_registry registry = { .hash_key = { 0x0123456789abcdef, 42 } };
    struct lwm2m_device *device = lwm2m_device_new("meter-1");
    char first[LWM2M_LOCATION_LEN + 1];
    size_t cursor = 0;
    (void)state;
    assert_non_null(device);
    assert_int_equal(lwm2m_registry_place(&registry, device, 7), 0);
    memcpy(first, lwm2m_device_location(device), sizeof(first));
    assert_int_equal(lwm2m_registry_place(&registry, device, UINT64_C(1) << 63), 0);

    assert_ptr_equal(lwm2m_registry_find(&registry, "meter-1"), device);
    assert_null(lwm2m_registry_find(&registry, "meter-"));
    assert_ptr_equal(lwm2m_registry_find_number(&registry, UINT64_C(1) << 63), device);
    assert_null(lwm2m_registry_find_number(&registry, 7));
    assert_ptr_equal(find_location(&registry, lwm2m_device_location(device)), device);
    assert_null(find_location(&registry, first));
    assert_int_equal(lwm2m_registry_count(&registry), 1);
    assert_ptr_equal(lwm2m_registry_next(&registry, &cursor), device);
    assert_null(lwm2m_registry_next(&registry, &cursor));

    lwm2m_registry_remove(&registry, device);
    assert_null(lwm2m_registry_find(&registry, "meter-1"));
    assert_int_equal(lwm2m_registry_count(&registry), 0);
    lwm2m_device_free(device);
    lwm2m_registry_deinit(&registry);
}

/* 11 digits hold 66 bits, and other characters hold none. */
static void only_the_spelling_that_was_given_out_is_a_location(void **state)
{
    static const char *const others[] = { "", "AAAAAAAAAA", "AAAAAAAAAAAA", "AAAAAAAAAA/",
                                          "QAAAAAAAAAH" };
    struct lwm2m_registry registry = { .hash_key = { 1, 2 } };
    struct lwm2m_device *device = lwm2m_device_new("a");
    (void)state;
    assert_non_null(device);
    assert_int_equal(lwm2m_registry_place(&registry, device, 7), 0);
    assert_ptr_equal(find_location(&registry, "AAAAAAAAAAH"), device);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_null(find_location(&registry, others[i]));
    }
    lwm2m_registry_remove(&registry, device);
    lwm2m_device_free(device);
    lwm2m_registry_deinit(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_found_where_it_was_placed_last),
        cmocka_unit_test(only_the_spelling_that_was_given_out_is_a_location),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
