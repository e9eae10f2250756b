/* The hash against the vectors of its authors: key 00…0f, messages 00, 00 01, … */
#include "lwm2m/hash/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
static const uint8_t message[15] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

static void proofs_are_siphash_2_4(void **state)
{
    (void)state;
    assert_true(lwm2m_siphash_proof(key, message, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(lwm2m_siphash_proof(key, message, 8) == UINT64_C(0x93f5f5799a932462));
    assert_true(lwm2m_siphash_proof(key, message, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void tables_get_siphash_1_3(void **state)
{
    (void)state;
    assert_true(lwm2m_siphash(key, message, 0) == UINT64_C(0xabac0158050fc4dc));
    assert_true(lwm2m_siphash(key, message, 8) == UINT64_C(0x369095118d299a8e));
    assert_true(lwm2m_siphash(key, message, 15) == UINT64_C(0xd320d86d2a519956));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_siphash_2_4),
        cmocka_unit_test(tables_get_siphash_1_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
