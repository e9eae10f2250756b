/* Devices choose their endpoint names, but not where in the table they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/registry.h"

#include <stdlib.h>
#include <string.h>

#define NAMES     1000
#define COLLISION 0x12345678u

/* Undoes the mixing step of uthash's own hash (Jenkins). */
static void unmix(uint32_t *a, uint32_t *b, uint32_t *c)
{
    *c = (*c ^ *b >> 15) + *b + *a;
    *b = (*b ^ *a << 10) + *a + *c;
    *a = (*a ^ *c >> 3) + *c + *b;
    *c = (*c ^ *b >> 5) + *b + *a;
    *b = (*b ^ *a << 16) + *a + *c;
    *a = (*a ^ *c >> 12) + *c + *b;
    *c = (*c ^ *b >> 13) + *b + *a;
    *b = (*b ^ *a << 8) + *a + *c;
    *a = (*a ^ *c >> 13) + *c + *b;
}

/* A name of twelve bytes whose hash would be COLLISION if it had no key; false if it holds a zero.
 */
static bool make_name(uint32_t number, char name[13])
{
    uint32_t words[3] = { number, number * 2654435761u, COLLISION };
    unmix(&words[0], &words[1], &words[2]);
    words[2] -= 12;
    unmix(&words[0], &words[1], &words[2]);
    words[0] -= 0x9e3779b9u;
    words[1] -= 0x9e3779b9u;
    words[2] -= 0xfeedbeefu;
    memcpy(name, words, 12);
    name[12] = '\0';
    return strlen(name) == 12;
}

static size_t longest_chain(const struct lwm2m_registry *registry)
{
    const struct UT_hash_table *table = registry->by_endpoint->by_endpoint.tbl;
    size_t longest = 0;
    for (size_t i = 0; i < table->num_buckets; i++) {
        longest = table->buckets[i].count > longest ? table->buckets[i].count : longest;
    }
    return longest;
}

/* uthash's own hash; its cases fall through on purpose. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
static unsigned unkeyed_hash(const char *name)
{
    unsigned hash;
    HASH_VALUE(name, 12, hash);
    return hash;
}
#pragma GCC diagnostic pop

static void names_that_are_made_to_collide_do_not(void **state)
{
    struct lwm2m_registry registry = { .hash_key = { 0x0123456789abcdef, 42 } };
    struct lwm2m_device *device, *next;
    char name[13];
    uint64_t number = 0;
    (void)state;
    for (uint32_t seed = 1; number < NAMES; seed++) {
        if (make_name(seed, name)) {
            assert_int_equal(unkeyed_hash(name), COLLISION);
            device = lwm2m_device_new(name);
            assert_non_null(device);
            lwm2m_registry_place(&registry, device, ++number);
            assert_ptr_equal(lwm2m_registry_find(&registry, name), device);
        }
    }
    assert_true(longest_chain(&registry) < 40);
    HASH_ITER(by_location, registry.by_location, device, next)
    {
        lwm2m_registry_remove(&registry, device);
        lwm2m_device_free(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_made_to_collide_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
