#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/flood.h"

static void it_lasts_from_a_half_until_a_quarter(void **state)
{
    struct flood flood = { 0 };
    (void)state;
    flood_note(&flood, 49);
    assert_false(flood.lasts);
    flood_note(&flood, 50);
    assert_true(flood.lasts);
    flood_note(&flood, 25);
    assert_true(flood.lasts);
    flood_note(&flood, 24);
    assert_false(flood.lasts);
    flood_note(&flood, 49);
    assert_false(flood.lasts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lasts_from_a_half_until_a_quarter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
