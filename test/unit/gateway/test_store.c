/* The store against real files in a directory of its own. */
#include "store_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- rows --- */

static void test_every_kind_of_row_comes_back_after_reopening(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    fixture_put_one_of_each(fixture->store);
    assert_int_equal(store_commit(fixture->store), 0);
    fixture_reopen(fixture);
    fixture_expect_one_of_each(fixture->store);
}

static void test_rows_without_optional_members(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    store_command_put(fixture->store, &(struct store_command){
                                          .id = 7,
                                          .endpoint = "a",
                                          .topic = "dn/a",
                                          .deadline_wall_ms = UINT64_MAX,
                                          .digest = UINT64_MAX - 1,
                                      });
    store_message_put(fixture->store,
                      &(struct store_message){ .id = 1, .topic = "t", .endpoint = "" });
    store_observation_put(fixture->store,
                          &(struct store_observation){ .device = 2, .token = "", .token_len = 0 });
    fixture_reopen(fixture);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "command 7 a dn/a - - 0 max 0 -2 0;"
                                   "message 1 '' t - - 0 0;"
                                   "observation 2 '' '' 0 - - 0 0 - 0 0;");
}

static void test_changes_and_deletions_in_one_commit(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    fixture_put_one_of_each(fixture->store);
    assert_int_equal(store_commit(fixture->store), 0);
    store_device_touch(fixture->store, 1, 99, "r2", 2);
    store_command_attempted(fixture->store, 3);
    store_message_delete(fixture->store, 5);
    store_session_delete(fixture->store, 9);
    store_observations_forget(fixture->store, 1);
    assert_int_equal(store_commit(fixture->store), 0);
    fixture_reopen(fixture);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "command 3 urn:a dn/urn:a {} resp 11 22 4 55 1;"
                                   "device 1 urn:a 17 257 300 99 3 6 9 r2 lt=300 </1/0>;");
}

static void test_messages_are_visited_in_order_and_by_the_piece(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    for (uint64_t id = 10; id > 0; id--) {
        store_message_put(fixture->store, &(struct store_message){
                                              .id = id,
                                              .topic = "t",
                                              .endpoint = "e",
                                              .payload = "xyz",
                                              .payload_len = 3,
                                              .answer = id % 2 == 0,
                                          });
    }
    assert_int_equal(store_commit(fixture->store), 0);
    struct fixture_seen seen = { 0 };
    assert_int_equal(store_messages_visit(fixture->store, 3, 2, fixture_see_message_id, &seen), 2);
    assert_string_equal(seen.text, "4 5 ");
    seen = (struct fixture_seen){ 0 };
    assert_int_equal(store_messages_oldest(fixture->store, 0, 3, fixture_see_message_id, &seen), 3);
    assert_string_equal(seen.text, "1 3 5 ");
    seen = (struct fixture_seen){ 0 };
    assert_int_equal(store_messages_survey(fixture->store, fixture_see_message_id, &seen), 10);
    assert_int_equal(store_message_last_id(fixture->store), 10);
}

static void test_numbers_go_on_after_reopening(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    assert_int_equal(store_command_next_id(fixture->store), 1);
    assert_int_equal(store_command_next_id(fixture->store), 2);
    assert_int_equal(store_device_next_id(fixture->store), 1);
    store_command_put(fixture->store,
                      &(struct store_command){ .id = 2, .endpoint = "a", .topic = "t" });
    store_device_put(fixture->store, &(struct store_device){ .id = 7, .endpoint = "a" });
    store_device_put(fixture->store,
                     &(struct store_device){ .id = UINT64_C(1) << 62, .endpoint = "made up" });
    fixture_reopen(fixture);
    fixture_visit_all(fixture->store);
    assert_int_equal(store_command_next_id(fixture->store), 3);
    assert_int_equal(store_device_next_id(fixture->store), 8);
    assert_int_equal(store_device_next_id(fixture->store), 9);
}

/* --- transactions --- */

static void test_what_was_not_committed_is_gone_after_a_crash(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_true(store_is_pending(fixture->store));
    assert_int_equal(store_commit(fixture->store), 0);
    assert_false(store_is_pending(fixture->store));
    store_session_put(fixture->store, &(struct store_session){ .number = 2 });
    fixture_copy(fixture, "crashed.db"); /* as a process that is killed leaves it */
    fixture_open_other(fixture, "crashed.db");
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "session 1 - - -;");
}

static void test_a_change_that_is_taken_back_is_never_written(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    size_t mark = store_mark(fixture->store);
    store_session_put(fixture->store, &(struct store_session){ .number = 2 });
    store_session_put(fixture->store, &(struct store_session){ .number = 3 });
    store_rewind(fixture->store, mark);
    store_session_put(fixture->store, &(struct store_session){ .number = 4 });
    fixture_reopen(fixture);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "session 1 - - -;session 4 - - -;");
}

static void test_a_row_without_its_key_does_not_hold_up_others(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    store_device_put(fixture->store, &(struct store_device){ .endpoint = NULL });
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_int_equal(store_commit(fixture->store), 0);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "session 1 - - -;");
}

/* --- the file --- */

static void test_the_file_is_its_owners_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct stat status;
    fixture_open(fixture);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_a_second_gateway_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *second = NULL;
    fixture_open(fixture);
    assert_int_equal(store_open(&fixture->settings, &second), -EBUSY);
    assert_non_null(strstr(fixture->logged, "another process uses it"));
    assert_null(second);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_int_equal(store_commit(fixture->store), 0); /* and does not disturb the first */
}

static void test_a_file_of_a_newer_version_is_refused_and_left_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *refused = NULL;
    fixture_open(fixture);
    fixture_close(fixture);
    fixture_sql(fixture, "PRAGMA user_version=1000");
    assert_int_equal(store_open(&fixture->settings, &refused), -ENOTSUP);
    assert_non_null(strstr(fixture->logged, "store-too-new"));
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 0);
}

static const char older[] = "command 4 urn:b '' - - 0 0 0 0 0;"
                            "device 1 urn:a 17 0 0 0 0 0 0 - - </1/0>;"
                            "device 2 urn:c 18 0 0 0 0 0 0 - - -;"
                            "observation 1 urn:a tok 0 - - 112 0 - 60 2;"
                            "observation 2 urn:c tok 0 - - 113 0 - 0 0;";

static void test_a_file_of_an_older_gateway_is_brought_up_to_date(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_older(fixture);
    fixture_open(fixture);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, older);
    assert_int_equal(store_device_next_id(fixture->store), 3);
}

static void test_a_file_of_version_1_is_brought_up_to_date(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_older(fixture);
    fixture_sql(fixture, "ALTER TABLE observation DROP COLUMN pmax_s;"
                         "ALTER TABLE observation DROP COLUMN pmax_depth;"
                         "DROP TABLE session; PRAGMA user_version=1");
    fixture_open(fixture);
    store_session_put(fixture->store, &(struct store_session){ .number = 77 });
    assert_int_equal(store_commit(fixture->store), 0);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_non_null(strstr(seen.text, "device 1 urn:a"));
    assert_non_null(strstr(seen.text, "observation 1 urn:a"));
    assert_non_null(strstr(seen.text, "session 77"));
}

/* Its tables cannot be brought up to date, what is in them is read all the same. */
static void test_a_file_of_an_older_gateway_is_saved(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_older(fixture);
    fixture_sql(fixture, "PRAGMA application_id=5");
    fixture_open(fixture);
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 1);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, older);
}

static void test_a_path_that_cannot_be_opened(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store = NULL;
    fixture->settings.path = "/nowhere/at/all/store.db";
    assert_int_equal(store_open(&fixture->settings, &store), -ENOENT);
    assert_non_null(strstr(fixture->logged, "store-not-opened"));
}

/* --- damage --- */

static void test_a_file_that_is_no_database_is_put_aside(void **state)
{
    static const char text[] = "not a database, but long enough for SQLite to look at: it wants a "
                               "header of a hundred bytes at the least before it says anything";
    struct store_fixture *fixture = *state;
    fixture_write(fixture, text, sizeof(text));
    fixture_open(fixture);
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 1);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_int_equal(store_commit(fixture->store), 0);
}

static void test_a_database_of_another_program_is_put_aside(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_sql(fixture, "CREATE TABLE theirs (x); PRAGMA application_id=5");
    fixture_open(fixture);
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 1);
    assert_non_null(strstr(fixture->logged, "store-damaged"));
}

static void test_an_empty_file_is_a_fresh_one(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_write(fixture, "", 0);
    fixture_open(fixture);
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_every_kind_of_row_comes_back_after_reopening),
        STORE_TEST(test_rows_without_optional_members),
        STORE_TEST(test_changes_and_deletions_in_one_commit),
        STORE_TEST(test_messages_are_visited_in_order_and_by_the_piece),
        STORE_TEST(test_numbers_go_on_after_reopening),
        STORE_TEST(test_what_was_not_committed_is_gone_after_a_crash),
        STORE_TEST(test_a_change_that_is_taken_back_is_never_written),
        STORE_TEST(test_a_row_without_its_key_does_not_hold_up_others),
        STORE_TEST(test_the_file_is_its_owners_alone),
        STORE_TEST(test_a_second_gateway_is_refused),
        STORE_TEST(test_a_file_of_a_newer_version_is_refused_and_left_alone),
        STORE_TEST(test_a_file_of_an_older_gateway_is_brought_up_to_date),
        STORE_TEST(test_a_file_of_version_1_is_brought_up_to_date),
        STORE_TEST(test_a_file_of_an_older_gateway_is_saved),
        STORE_TEST(test_a_path_that_cannot_be_opened),
        STORE_TEST(test_a_file_that_is_no_database_is_put_aside),
        STORE_TEST(test_a_database_of_another_program_is_put_aside),
        STORE_TEST(test_an_empty_file_is_a_fresh_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
