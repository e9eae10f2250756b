/*
 * Loading a directory: good and broken files beside each other, in a directory made for the test.
 */
#include "objects-xml/catalogue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "objects-xml/ddf.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

#define OBJECT(id, version, name)                                                                  \
    "<Object><Name>" name "</Name><ObjectID>" id "</ObjectID><ObjectVersion>" version              \
    "</ObjectVersion><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory>" \
    "<Resources><Item ID=\"0\"><Name>Value</Name><Operations>R</Operations><MultipleInstances>"    \
    "Single</MultipleInstances><Mandatory>Optional</Mandatory><Type>Float</Type></Item>"           \
    "</Resources></Object>\n"

enum { PROBLEMS_MAX = 8 };

struct fixture {
    char directory[64];
    struct catalogue *catalogue;
    unsigned problems_count;
    struct {
        char name[32]; /* of the file, without the directory */
        unsigned line;
        char reason[100];
    } problems[PROBLEMS_MAX];
};

static void on_problem(void *context, const struct catalogue_problem *problem)
{
    struct fixture *fixture = context;
    assert_true(fixture->problems_count < PROBLEMS_MAX);
    size_t directory_len = strlen(fixture->directory);
    assert_memory_equal(problem->path, fixture->directory, directory_len);
    assert_int_equal(problem->path[directory_len], '/');
    unsigned i = fixture->problems_count++;
    (void)snprintf(fixture->problems[i].name, sizeof fixture->problems[i].name, "%s",
                   problem->path + directory_len + 1);
    (void)snprintf(fixture->problems[i].reason, sizeof fixture->problems[i].reason, "%s",
                   problem->reason);
    fixture->problems[i].line = problem->line;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s",
                   "/tmp/test_catalogue_load.XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture->catalogue = catalogue_new();
    assert_non_null(fixture->catalogue);
    *state = fixture;
    return 0;
}

static const char *path_of(const struct fixture *fixture, const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    return path;
}

static void put_file(const struct fixture *fixture, const char *name, const char *text)
{
    FILE *out = fopen(path_of(fixture, name), "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static const char *const names[] = {
    "10.xml",      "2.xml",      "3.XML",    "3.xml",     "again.xml",
    "both.xml",    "broken.xml", "z.xml",    "empty.xml", "notes.txt",
    ".hidden.xml", "xml",        "pipe.xml", "link.xml",  "large.xml",
};

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)unlink(path_of(fixture, names[i]));
    }
    (void)rmdir(path_of(fixture, "folder.xml"));
    assert_int_equal(rmdir(fixture->directory), 0);
    catalogue_free(fixture->catalogue);
    free(fixture);
    return 0;
}

static void load(struct fixture *fixture)
{
    assert_int_equal(
        catalogue_load_dir(fixture->catalogue, fixture->directory, on_problem, fixture), 0);
}

static void expect_problem(const struct fixture *fixture, unsigned i, const char *name,
                           unsigned line, const char *reason)
{
    assert_true(i < fixture->problems_count);
    assert_string_equal(fixture->problems[i].name, name);
    assert_string_equal(fixture->problems[i].reason, reason);
    assert_int_equal(fixture->problems[i].line, line);
}

static void test_an_empty_directory_is_fine(void **state)
{
    struct fixture *fixture = *state;
    load(fixture);
    assert_int_equal(catalogue_count(fixture->catalogue), 0);
    assert_int_equal(fixture->problems_count, 0);
}

static void test_a_missing_directory_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        catalogue_load_dir(fixture->catalogue, path_of(fixture, "nowhere"), on_problem, fixture),
        -ENOENT);
    put_file(fixture, "2.xml", "");
    assert_int_equal(
        catalogue_load_dir(fixture->catalogue, path_of(fixture, "2.xml"), on_problem, fixture),
        -ENOTDIR);
    assert_int_equal(fixture->problems_count, 0);
}

static void test_only_xml_files_are_read(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "2.xml", "<LWM2M>" OBJECT("2", "1.0", "Two") "</LWM2M>");
    put_file(fixture, "3.XML", "<LWM2M>" OBJECT("3", "1.0", "Three") "</LWM2M>");
    put_file(fixture, "notes.txt", "no XML");
    put_file(fixture, ".hidden.xml", "no XML");
    put_file(fixture, "xml", "no XML");
    load(fixture);
    assert_int_equal(catalogue_count(fixture->catalogue), 2);
    assert_int_equal(fixture->problems_count, 0);
}

static void test_broken_files_are_reported_and_the_others_load(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "10.xml", "<LWM2M>" OBJECT("10", "1.0", "Ten") "</LWM2M>");
    put_file(fixture, "both.xml",
             "<LWM2M>\n" OBJECT("11", "1.0", "Eleven") OBJECT("70000", "1.0", "No") "</LWM2M>");
    put_file(fixture, "broken.xml", "<LWM2M>\n\n<Object></LWM2M>");
    put_file(fixture, "empty.xml", "");
    put_file(fixture, "z.xml", "<LWM2M>" OBJECT("12", "1.0", "Twelve") "</LWM2M>");
    load(fixture);
    assert_int_equal(fixture->problems_count, 3);
    expect_problem(fixture, 0, "both.xml", 3, "ObjectID \"70000\": expected a number 0..65535");
    expect_problem(fixture, 1, "broken.xml", 3, "malformed XML: mismatched tag");
    expect_problem(fixture, 2, "empty.xml", 1, "malformed XML: no element found");
    assert_int_equal(catalogue_count(fixture->catalogue), 2);
    assert_non_null(catalogue_find(fixture->catalogue, 10, CATALOGUE_VERSION_NONE));
    assert_non_null(catalogue_find(fixture->catalogue, 12, CATALOGUE_VERSION_NONE));
    /* A file counts as a whole: its sound object is left out too. */
    assert_null(catalogue_find(fixture->catalogue, 11, CATALOGUE_VERSION_NONE));
}

static void test_the_first_of_two_contradicting_files_wins(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "z.xml",
             "<LWM2M>" OBJECT("4", "1.0", "Four") "\n" OBJECT("3", "1.0", "Drei") "</LWM2M>");
    put_file(fixture, "10.xml", "<LWM2M>" OBJECT("3", "1.0", "Three") "</LWM2M>");
    put_file(fixture, "again.xml", "<LWM2M>" OBJECT("3", "1.0", "Three") "</LWM2M>");
    put_file(fixture, "2.xml", "<LWM2M>" OBJECT("3", "1.1", "Trois") "</LWM2M>");
    load(fixture);
    assert_int_equal(fixture->problems_count, 1);
    expect_problem(fixture, 0, "z.xml", 3,
                   "object 3 version 1.0 was defined differently by an earlier file");
    assert_int_equal(catalogue_count(fixture->catalogue), 2);
    assert_string_equal(
        catalogue_find(fixture->catalogue, 3, (struct catalogue_version){ 1, 0 })->name, "Three");
    assert_string_equal(
        catalogue_find(fixture->catalogue, 3, (struct catalogue_version){ 1, 1 })->name, "Trois");
    assert_null(catalogue_find(fixture->catalogue, 4, CATALOGUE_VERSION_NONE));
}

static void test_what_is_no_regular_file_is_reported(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdir(path_of(fixture, "folder.xml"), 0700), 0);
    assert_int_equal(mkfifo(path_of(fixture, "pipe.xml"), 0600), 0);
    assert_int_equal(symlink("nowhere", path_of(fixture, "link.xml")), 0);
    load(fixture);
    assert_int_equal(fixture->problems_count, 3);
    expect_problem(fixture, 0, "folder.xml", 0, "not a regular file");
    expect_problem(fixture, 1, "link.xml", 0, "No such file or directory");
    expect_problem(fixture, 2, "pipe.xml", 0, "not a regular file");
}

static void test_a_huge_file_is_reported_without_reading_it_all(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "large.xml", "");
    assert_int_equal(truncate(path_of(fixture, "large.xml"), 1L << 40), 0);
    load(fixture);
    assert_int_equal(fixture->problems_count, 1);
    expect_problem(fixture, 0, "large.xml", 1, "file is larger than 4194304 bytes");
}

static void test_nobody_needs_to_listen(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "broken.xml", "<");
    put_file(fixture, "2.xml", "<LWM2M>" OBJECT("2", "1.0", "Two") "</LWM2M>");
    assert_int_equal(catalogue_load_dir(fixture->catalogue, fixture->directory, NULL, NULL), 0);
    assert_int_equal(catalogue_count(fixture->catalogue), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_empty_directory_is_fine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_directory_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_xml_files_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_files_are_reported_and_the_others_load, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_first_of_two_contradicting_files_wins, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_regular_file_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_huge_file_is_reported_without_reading_it_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nobody_needs_to_listen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
