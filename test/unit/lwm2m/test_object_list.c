#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/object_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A list as text: root, announced formats, then every entry with its version. */
static void describe(const struct lwm2m_object_list *list, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "root=%s ct=", list->root);
    for (size_t i = 0; i < list->format_count; i++) {
        at += (size_t)snprintf(text + at, size - at, "%s%u", i ? "," : "", list->formats[i]);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        at += (size_t)snprintf(text + at, size - at, " /%u", entry->object);
        if (entry->instance != LWM2M_INSTANCE_NONE) {
            at += (size_t)snprintf(text + at, size - at, "/%u", entry->instance);
        }
        if (entry->version.major) {
            at += (size_t)snprintf(text + at, size - at, "v%u.%u", entry->version.major,
                                   entry->version.minor);
        }
    }
}

static const uint64_t hash_key[2] = { 1, 2 };

static const struct {
    const char *name, *payload, *list;
    int err;
} cases[] = {
    { "nothing", "", "root= ct=", 0 },
    { "instances", "</1/0>,</3/0>", "root= ct= /1/0 /3/0", 0 },
    { "objects without instances", "</1>,</1/0>,</5>", "root= ct= /1 /1/0 /5", 0 },
    { "versions, quoted and not", "</3>;ver=1.1,</3/0>,</19>;ver=\"2.0\"",
      "root= ct= /3v1.1 /3/0 /19v2.0", 0 },
    { "an alternate path with formats in quotes",
      "</lwm2m>;rt=\"oma.lwm2m\";ct=\"110 112 60\",</lwm2m/1/0>,</lwm2m/3/0>",
      "root=/lwm2m ct=110,112,60 /1/0 /3/0", 0 },
    { "the root link last", "</a/3/0>,</a>;rt=\"oma.lwm2m\"", "root=/a ct= /3/0", 0 },
    { "a root of several segments", "</a/b/>;rt=\"oma.lwm2m\",</a/b/3/0>", "root=/a/b ct= /3/0",
      0 },
    { "the plain root with one format", "</>;ct=11543,</3/0>", "root= ct=11543 /3/0", 0 },
    { "legacy form of the root", "</>;rt=\"oma.lwm2m\";ct=11543,</3/0>", "root= ct=11543 /3/0", 0 },
    { "commas and brackets in quotes", "</3/0>;title=\"a,</4/0>;b\",</5/0>", "root= ct= /3/0 /5/0",
      0 },
    { "blanks after commas", "</1/0>, </3/0> , </5/0>", "root= ct= /1/0 /3/0 /5/0", 0 },
    { "security and OSCORE are left out", "</0/0>,</21/0>,</23/0>,</3/0>", "root= ct= /3/0", 0 },
    { "links of something else", "</.well-known/core>,</x>,</3/0/1>,</3/0>", "root= ct= /3/0", 0 },
    { "an id that is none", "</65535/0>,</70000/0>,</3/0>", "root= ct= /3/0", 0 },
    { "not closed", "</1/0", "", -EBADMSG },
    { "no link at all", "hello", "", -EBADMSG },
};

static void payloads_are_read(void **state)
{
    struct lwm2m_object_lists *lists = lwm2m_object_lists_new(hash_key);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct lwm2m_object_list *list = NULL;
        char text[512] = "";
        int rc = lwm2m_object_list_hold(lists, (const uint8_t *)cases[i].payload,
                                        strlen(cases[i].payload), &list);
        if (rc == 0) {
            describe(list, text, sizeof(text));
        }
        if (rc != cases[i].err || strcmp(text, cases[i].list) != 0) {
            print_error("%s: rc %d, \"%s\"\n", cases[i].name, rc, text);
            fail();
        }
        lwm2m_object_list_release(lists, list);
    }
    assert_int_equal(lwm2m_object_lists_count(lists), 0);
    lwm2m_object_lists_free(lists);
}

static void identical_payloads_share_one_list(void **state)
{
    struct lwm2m_object_lists *lists = lwm2m_object_lists_new(hash_key);
    const struct lwm2m_object_list *a, *b, *c;
    (void)state;
    assert_int_equal(lwm2m_object_list_hold(lists, (const uint8_t *)"</3/0>", 6, &a), 0);
    assert_int_equal(lwm2m_object_list_hold(lists, (const uint8_t *)"</3/0>", 6, &b), 0);
    assert_int_equal(lwm2m_object_list_hold(lists, (const uint8_t *)"</3/1>", 6, &c), 0);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    lwm2m_object_list_release(lists, a);
    assert_true(lwm2m_object_list_has(b, 3));
    assert_false(lwm2m_object_list_has(b, 5));
    lwm2m_object_list_release(lists, b);
    assert_int_equal(lwm2m_object_lists_count(lists), 1);
    lwm2m_object_list_release(lists, c);
    lwm2m_object_lists_free(lists);
}

static const struct {
    struct lwm2m_version enabler;
    uint16_t object;
    struct lwm2m_version version;
} implied[] = {
    { { 1, 0 }, 3, { 1, 0 } }, { { 1, 1 }, 3, { 1, 1 } },  { { 1, 2 }, 3, { 1, 2 } },
    { { 1, 1 }, 4, { 1, 2 } }, { { 1, 2 }, 5, { 1, 1 } },  { { 1, 2 }, 3303, { 1, 0 } },
    { { 1, 1 }, 6, { 1, 0 } }, { { 1, 2 }, 19, { 2, 3 } }, /* 19 is registered with its version */
};

static void versions_are_registered_or_implied(void **state)
{
    static const char payload[] = "</3/0>,</19>;ver=2.3";
    struct lwm2m_object_lists *lists = lwm2m_object_lists_new(hash_key);
    const struct lwm2m_object_list *list;
    (void)state;
    assert_int_equal(
        lwm2m_object_list_hold(lists, (const uint8_t *)payload, strlen(payload), &list), 0);
    for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++) {
        struct lwm2m_version version =
            lwm2m_object_list_version(list, implied[i].object, implied[i].enabler);
        assert_int_equal(version.major, implied[i].version.major);
        assert_int_equal(version.minor, implied[i].version.minor);
    }
    lwm2m_object_list_release(lists, list);
    lwm2m_object_lists_free(lists);
}

static void objects_are_found_wherever_they_stand(void **state)
{
    static const char payload[] =
        "</9/1>,</3/0>,</9>;ver=2.1,</1/0>;ver=1.1,</65534>,</9/0>,</5/0>";
    static const struct {
        uint16_t object;
        struct lwm2m_version version;
        bool has;
    } objects[] = { { 1, { 1, 1 }, true },  { 2, { 1, 0 }, false },   { 3, { 1, 0 }, true },
                    { 5, { 1, 0 }, true },  { 9, { 2, 1 }, true },    { 10, { 1, 0 }, false },
                    { 0, { 1, 0 }, false }, { 65534, { 1, 0 }, true } };
    struct lwm2m_object_lists *lists = lwm2m_object_lists_new(hash_key);
    const struct lwm2m_object_list *list;
    (void)state;
    assert_int_equal(
        lwm2m_object_list_hold(lists, (const uint8_t *)payload, strlen(payload), &list), 0);
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        struct lwm2m_version version =
            lwm2m_object_list_version(list, objects[i].object, (struct lwm2m_version){ 1, 0 });
        assert_int_equal(lwm2m_object_list_has(list, objects[i].object), objects[i].has);
        assert_int_equal(version.major, objects[i].version.major);
        assert_int_equal(version.minor, objects[i].version.minor);
    }
    lwm2m_object_list_release(lists, list);
    lwm2m_object_lists_free(lists);
}

/* Every link is compared with others at every Register: a list has its bounds. */
static void endless_lists_are_refused(void **state)
{
    static char payload[70000];
    struct lwm2m_object_lists *lists = lwm2m_object_lists_new(hash_key);
    const struct lwm2m_object_list *list = NULL;
    size_t len = 0;
    (void)state;
    for (unsigned i = 0; i <= 2048; i++) {
        len +=
            (size_t)snprintf(payload + len, sizeof(payload) - len, "%s</3303/%u>", i ? "," : "", i);
        if (i == 2047) {
            assert_int_equal(lwm2m_object_list_hold(lists, (uint8_t *)payload, len, &list), 0);
            assert_int_equal(list->count, 2048);
            lwm2m_object_list_release(lists, list);
        }
    }
    assert_int_equal(lwm2m_object_list_hold(lists, (uint8_t *)payload, len, &list), -EBADMSG);
    memset(payload, ' ', sizeof(payload));
    memcpy(payload + 65536 - 6, "</3/0>", 6);
    assert_int_equal(lwm2m_object_list_hold(lists, (uint8_t *)payload, 65537, &list), -EBADMSG);
    assert_int_equal(lwm2m_object_list_hold(lists, (uint8_t *)payload, 65536, &list), 0);
    lwm2m_object_list_release(lists, list);
    assert_int_equal(lwm2m_object_lists_count(lists), 0);
    lwm2m_object_lists_free(lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_are_read),
        cmocka_unit_test(identical_payloads_share_one_list),
        cmocka_unit_test(versions_are_registered_or_implied),
        cmocka_unit_test(objects_are_found_wherever_they_stand),
        cmocka_unit_test(endless_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
