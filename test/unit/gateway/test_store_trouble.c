/* The store when the disk is full, and when its file is damaged. */
#include "fake_disk.h"
#include "store_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { MIB = 1024 * 1024, PAYLOAD = 900 };

static void put_message(struct store *store, uint64_t id)
{
    char payload[PAYLOAD];
    memset(payload, 'x', sizeof(payload));
    store_message_put(store, &(struct store_message){
                                 .id = id,
                                 .topic = "up/notify",
                                 .endpoint = "urn:a",
                                 .payload = payload,
                                 .payload_len = sizeof(payload),
                                 .qos = 1,
                             });
}

/* Puts messages from `first` on, ten a commit, until a commit finds the store full; returns the
 * first one behind those that are durable. */
static uint64_t fill(struct store *store, uint64_t first)
{
    for (uint64_t id = first;; id += 10) {
        assert_true(id < 20000);
        for (uint64_t i = 0; i < 10; i++) {
            put_message(store, id + i);
        }
        int err = store_commit(store);
        if (store_health(store) != STORE_WELL) {
            assert_true(err == 0 || err == -ENOSPC);
            return err == 0 ? id + 10 : id;
        }
    }
}

static void count_message(void *ctx, const struct store_message *message)
{
    (void)message;
    ++*(size_t *)ctx;
}

static size_t messages(struct store *store)
{
    size_t count = 0;
    assert_true(store_messages_survey(store, count_message, &count) >= 0);
    return count;
}

static void put_many(struct store *store)
{
    char name[20];
    for (uint64_t i = 1; i <= 300; i++) {
        (void)snprintf(name, sizeof(name), "urn:%d", (int)i);
        put_message(store, i);
        store_device_put(store, &(struct store_device){ .id = i, .endpoint = name, .number = i });
        store_session_put(store, &(struct store_session){ .number = i });
    }
    assert_int_equal(store_commit(store), 0);
}

/* --- a full disk --- */

static void test_a_full_store_still_takes_the_ends_of_commands(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.max_bytes = 6 * MIB;
    fixture_open(fixture);
    uint64_t next = fill(fixture->store, 1);
    assert_int_equal(store_health(fixture->store), STORE_FULL);
    assert_non_null(strstr(fixture->logged, "store-full"));
    for (uint64_t i = 0; i < 300; i++) { /* from the reserve */
        put_message(fixture->store, next + i);
        store_command_delete(fixture->store, i);
        assert_int_equal(store_commit(fixture->store), 0);
    }
    assert_int_equal(store_health(fixture->store), STORE_FULL);
    fixture_reopen(fixture);
    assert_int_equal(messages(fixture->store), next - 1 + 300);
    assert_int_equal(store_health(fixture->store), STORE_FULL);
}

static void test_what_a_full_store_did_not_take_stays_pending(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.max_bytes = 6 * MIB;
    fixture_open(fixture);
    uint64_t next = fill(fixture->store, 1);
    while (store_commit(fixture->store) == 0) { /* the reserve as well */
        put_message(fixture->store, next++);
    }
    uint64_t kept = messages(fixture->store);
    assert_true(store_is_pending(fixture->store));
    assert_int_equal(store_commit(fixture->store), -ENOSPC);
    size_t mark = store_mark(fixture->store);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_int_equal(store_commit(fixture->store), -ENOSPC);
    store_rewind(fixture->store, mark);

    for (uint64_t id = 1; id < next / 2; id++) { /* the broker confirms: that makes room */
        store_message_delete(fixture->store, id);
    }
    fixture->now_ms += 1000;
    assert_int_equal(store_commit(fixture->store), 0);
    fixture->now_ms += 1000;
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(store_health(fixture->store), STORE_WELL);
    assert_non_null(strstr(fixture->logged, "store-recovered"));
    assert_int_equal(messages(fixture->store), kept + 1 - (next / 2 - 1));
    assert_int_equal(store_sessions_visit(fixture->store, fixture_see_no_session, NULL), 0);
}

static void test_a_full_store_recovers_when_rows_leave(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.max_bytes = 6 * MIB;
    fixture_open(fixture);
    uint64_t next = fill(fixture->store, 1);
    for (uint64_t id = 1; id < next; id++) {
        store_message_delete(fixture->store, id);
    }
    assert_int_equal(store_commit(fixture->store), 0);
    fixture->now_ms += 1000;
    assert_int_equal(store_commit(fixture->store), 0); /* nothing is pending, but it looks again */
    assert_int_equal(store_health(fixture->store), STORE_WELL);
    assert_true(fill(fixture->store, 1) > next / 2);
}

/* Whether another process could look into the open file. */
static bool is_shared(struct store_fixture *fixture)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, "SELECT * FROM message LIMIT 1", NULL, NULL, NULL);
    assert_true(code == SQLITE_OK || code == SQLITE_BUSY);
    (void)sqlite3_close(db);
    return code == SQLITE_OK;
}

/* Somebody took the room of the log's index, which is emptied by the first to open it. */
static void test_a_start_on_a_full_disk_needs_no_room(void **state)
{
    struct store_fixture *fixture = *state;
    static struct fake_disk disk; /* a test that fails leaves it inserted */
    fake_disk_insert(&disk);
    fixture_open(fixture);
    put_many(fixture->store);
    fixture_close(fixture);

    disk.full = true;
    fixture_open(fixture);
    store_recovered(fixture->store);
    assert_true(disk.failed > 0);
    assert_int_equal(messages(fixture->store), 300);
    assert_false(is_shared(fixture));
    uint64_t next = fill(fixture->store, 1000);
    for (int i = 0; i < 600; i++) { /* from the reserve, and through more than the log holds */
        put_message(fixture->store, next++);
        assert_int_equal(store_commit(fixture->store), 0);
    }
    fixture->now_ms += 61000;
    (void)store_commit(fixture->store); /* it looks, and there is still none */
    assert_false(is_shared(fixture));
    assert_int_equal(store_health(fixture->store), STORE_FULL);

    disk.full = false;
    fixture->now_ms += 61000;
    put_message(fixture->store, 20000);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_true(is_shared(fixture));
    put_message(fixture->store, 20001);
    fixture->now_ms += 1000;
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(store_health(fixture->store), STORE_WELL);
    fixture_reopen(fixture);
    assert_true(messages(fixture->store) >= 300 + next - 1000 + 2);
    fixture_close(fixture);
    fake_disk_remove();
}

static void test_trouble_is_reported_once_a_minute(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.max_bytes = 6 * MIB;
    fixture_open(fixture);
    (void)fill(fixture->store, 1);
    for (int i = 0; i < 50; i++) {
        fixture->now_ms += 1000;
        store_command_delete(fixture->store, 1);
        (void)store_commit(fixture->store);
    }
    char *first = strstr(fixture->logged, "store-full");
    assert_non_null(first);
    assert_null(strstr(first + 1, "store-full"));
    fixture->now_ms += 11000;
    store_command_delete(fixture->store, 1);
    (void)store_commit(fixture->store);
    assert_non_null(strstr(first + 1, "store-full"));
}

static void test_a_large_change_grows_the_file_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.max_pending = 64 * MIB;
    fixture_open(fixture);
    for (uint64_t id = 1; id <= 20000; id++) {
        put_message(fixture->store, id);
    }
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(store_health(fixture->store), STORE_WELL);
    assert_int_equal(messages(fixture->store), 20000);
}

/* --- changes that find no room in memory --- */

static void rebuild(void *ctx)
{
    struct store_fixture *fixture = ctx;
    store_session_put(fixture->store, &(struct store_session){ .number = 99 });
}

static void open_with_little_room(struct store_fixture *fixture)
{
    fixture->settings.max_pending = 100000;
    fixture->settings.rebuild = rebuild;
    fixture_open(fixture);
    store_session_put(fixture->store, &(struct store_session){ .number = 1 });
    assert_int_equal(store_commit(fixture->store), 0);
}

static void test_too_many_pending_changes_end_in_a_rebuild(void **state)
{
    struct store_fixture *fixture = *state;
    open_with_little_room(fixture);
    store_recovered(fixture->store);
    for (uint64_t id = 1; id <= 200; id++) {
        put_message(fixture->store, id);
    }
    assert_int_equal(store_health(fixture->store), STORE_FAILING);
    assert_int_equal(store_commit(fixture->store), 0);
    struct fixture_seen seen = fixture_visit(fixture->store);
    assert_string_equal(seen.text, "session 99 - - -;");
    assert_int_equal(store_health(fixture->store), STORE_WELL);
}

static void see_session(void *ctx, const struct store_session *session)
{
    *(uint64_t *)ctx = session->number;
}

static uint64_t session_of(struct store *store)
{
    uint64_t number = 0;
    assert_int_equal(store_sessions_visit(store, see_session, &number), 0);
    return number;
}

/* Until then the file says more than the process holds. */
static void test_the_rebuild_comes_after_everything_was_recovered(void **state)
{
    struct store_fixture *fixture = *state;
    open_with_little_room(fixture);
    for (uint64_t id = 1; id <= 200; id++) {
        put_message(fixture->store, id);
    }
    fixture_reopen(fixture); /* the start failed */
    assert_int_equal(session_of(fixture->store), 1);
    for (uint64_t id = 1; id <= 200; id++) {
        put_message(fixture->store, id);
    }
    store_recovered(fixture->store);
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(session_of(fixture->store), 99);
}

/* --- damage --- */

static void count_device(void *ctx, const struct store_device *device)
{
    (void)device;
    ++*(size_t *)ctx;
}

static size_t devices(struct store *store)
{
    size_t count = 0;
    assert_int_equal(store_devices_visit(store, count_device, &count), 0);
    return count;
}

/* Whichever page is damaged, the store opens, can be read and written, and most of it is saved. */
static void test_damage_to_any_page(void **state)
{
    enum { PAGE = 4096 };
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    put_many(fixture->store);
    fixture_close(fixture);
    size_t len;
    char *whole = fixture_read(fixture, &len);
    size_t saved = 0, rounds = 0;
    for (size_t page = 0; page < len / PAGE; page += page < 200 ? 1 : 50) {
        char *damaged = malloc(len);
        assert_non_null(damaged);
        memcpy(damaged, whole, len);
        memset(damaged + page * PAGE, (int)page * 37 + 1, PAGE);
        fixture_write(fixture, damaged, len);
        free(damaged);
        fixture->wall_ms++;
        fixture_open(fixture);
        saved += devices(fixture->store) + messages(fixture->store);
        rounds++;
        put_message(fixture->store, 100000);
        store_device_put(fixture->store, &(struct store_device){ .id = 301, .endpoint = "new" });
        assert_int_equal(store_commit(fixture->store), 0);
        fixture_reopen(fixture);
        fixture_visit_all(fixture->store);
        fixture_close(fixture);
        fixture_remove(fixture, ".damaged-");
        fixture_remove(fixture, "store.db");
    }
    free(whole);
    assert_true(saved > rounds * 300); /* of 600 each */
}

static void test_damage_that_is_found_while_writing(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.rebuild = rebuild;
    fixture_open(fixture);
    put_many(fixture->store);
    fixture_close(fixture);
    fixture_remove(fixture, "store.db-"); /* the log could mend everything */
    fixture_open(fixture);
    store_recovered(fixture->store);
    fixture_damage(fixture);
    store_session_put(fixture->store, &(struct store_session){ .number = 7 });
    for (int i = 0; i < 5; i++) {
        put_message(fixture->store, (uint64_t)i + 500);
        store_device_put(fixture->store, &(struct store_device){ .id = 301, .endpoint = "new" });
        assert_int_equal(store_commit(fixture->store), 0);
    }
    assert_non_null(strstr(fixture->logged, "store-damaged"));
    fixture_reopen(fixture);
    assert_true(messages(fixture->store) >= 5);
}

/* Nothing is in memory yet: the devices before and behind the damage are taken over. */
static void test_damage_that_is_found_while_the_state_is_read(void **state)
{
    struct store_fixture *fixture = *state;
    fixture->settings.rebuild = rebuild;
    fixture_open(fixture);
    put_many(fixture->store);
    fixture_close(fixture);
    fixture_damage_page_of(fixture, "urn:250"); /* on a leaf of the table of devices */
    fixture_open(fixture);
    size_t count = devices(fixture->store);
    assert_int_equal(devices(fixture->store), count); /* none of them twice */
    assert_in_range(count, 100, 299);
    assert_non_null(strstr(fixture->logged, "store-damaged"));
    assert_int_equal(messages(fixture->store), 300);
    store_recovered(fixture->store);
    put_message(fixture->store, 1000);
    assert_int_equal(store_commit(fixture->store), 0);
    fixture_reopen(fixture);
    assert_int_equal(devices(fixture->store), count); /* nothing was rebuilt from nothing */
}

static void count_observation(void *ctx, const struct store_observation *observation)
{
    (*(size_t *)ctx)++;
    assert_string_not_equal(observation->endpoint, ""); /* none is without its device */
}

/* A file of an older gateway, damaged where the step to the present one finds it. */
static void test_damage_to_an_older_file(void **state)
{
    struct store_fixture *fixture = *state;
    size_t observations = 0;
    fixture_older(fixture);
    fixture_sql(fixture, "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i+1 FROM n WHERE i<300)"
                         " INSERT INTO device (endpoint, number) SELECT 'urn:'||i, i FROM n;"
                         "INSERT INTO observation (endpoint, token) SELECT endpoint, X'01'"
                         " FROM device WHERE endpoint GLOB 'urn:[0-9]*'");
    fixture_damage_page_of(fixture, "urn:250");
    fixture_open(fixture);
    assert_non_null(strstr(fixture->logged, "store-damaged"));
    size_t count = devices(fixture->store);
    assert_in_range(count, 100, 299);
    assert_int_equal(store_observations_visit(fixture->store, count_observation, &observations), 0);
    assert_int_equal(observations, count);
}

/* The damaged file is as large as it may be, most of it is not used. */
static void test_damage_to_a_file_that_was_full(void **state)
{
    enum { KEPT = 3000 };
    struct store_fixture *fixture = *state;
    uint64_t id = 1000;
    fixture->settings.max_bytes = 8 * (size_t)MIB;
    fixture_open(fixture);
    put_many(fixture->store);
    do {
        put_message(fixture->store, ++id);
    } while (store_commit(fixture->store) == 0 && store_health(fixture->store) == STORE_WELL);
    for (; id > 1000 + KEPT; id--) {
        store_message_delete(fixture->store, id);
    }
    assert_int_equal(store_commit(fixture->store), 0);
    fixture_close(fixture);
    fixture_damage_page_of(fixture, "urn:250");
    fixture_open(fixture);
    (void)devices(fixture->store);
    assert_in_range(devices(fixture->store), 100, 299);
    assert_int_equal(messages(fixture->store), 300 + KEPT);
}

/* Rows of which few fit into one transaction. */
static void test_damage_to_a_full_file_of_long_messages(void **state)
{
    enum { LONG = 180000 };
    struct store_fixture *fixture = *state;
    struct store_message message = { .topic = "t", .endpoint = "e", .payload_len = LONG };
    char *payload = calloc(1, LONG);
    assert_non_null(payload);
    message.payload = payload;
    fixture->settings.max_bytes = 16 * (size_t)MIB;
    fixture_open(fixture);
    put_many(fixture->store);
    do {
        message.id = message.id > 0 ? message.id + 1 : 1000;
        store_message_put(fixture->store, &message);
    } while (store_commit(fixture->store) == 0 && store_health(fixture->store) == STORE_WELL);
    size_t before = messages(fixture->store);
    assert_true(before > 350);
    fixture_close(fixture);
    free(payload);
    fixture_damage_page_of(fixture, "urn:250");
    fixture_open(fixture);
    (void)devices(fixture->store);
    assert_in_range(devices(fixture->store), 100, 299);
    assert_in_range(messages(fixture->store), before - 6, before); /* a MiB may be the reserve's */
}

/* The key of observations has two parts. */
static void test_damage_in_the_middle_of_the_observations(void **state)
{
    struct store_fixture *fixture = *state;
    size_t count = 0;
    char token[20];
    fixture_open(fixture);
    put_many(fixture->store);
    for (uint64_t i = 0; i < 3000; i++) {
        int len = snprintf(token, sizeof(token), "token %d", (int)i);
        store_observation_put(fixture->store,
                              &(struct store_observation){
                                  .device = 1 + i / 10, .token = token, .token_len = (size_t)len });
        assert_int_equal(i % 500 == 0 ? store_commit(fixture->store) : 0, 0);
    }
    assert_int_equal(store_commit(fixture->store), 0);
    fixture_close(fixture);
    fixture_damage_page_of(fixture, "token 1500");
    fixture_open(fixture);
    assert_int_equal(store_observations_visit(fixture->store, count_observation, &count), 0);
    assert_in_range(count, 2500, 2999);
    size_t before = count;
    count = 0;
    assert_int_equal(store_observations_visit(fixture->store, count_observation, &count), 0);
    assert_int_equal(count, before);
}

/* A sector that the disk cannot read any more, beneath the header or a row of a device. */
static void test_a_file_that_cannot_be_read_everywhere(void **state)
{
    static const struct {
        const char *at; /* within the unreadable page; NULL: the first */
        size_t saved_min;
    } cases[] = { { NULL, 0 }, { "urn:250", 100 } };
    struct store_fixture *fixture = *state;
    static struct fake_disk disk;
    fake_disk_insert(&disk);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len;
        struct stat status;
        disk = (struct fake_disk){ 0 };
        fixture_open(fixture);
        put_many(fixture->store);
        fixture_close(fixture);
        fixture_remove(fixture, "store.db-"); /* the log could mend everything */
        char *bytes = fixture_read(fixture, &len);
        char *row = cases[i].at != NULL ? memmem(bytes, len, cases[i].at, 7) : bytes;
        assert_non_null(row);
        assert_int_equal(stat(fixture->path, &status), 0);
        disk.broken = status.st_ino;
        disk.broken_from = (row - bytes) & ~(int64_t)4095;
        disk.broken_to = disk.broken_from + 4096;
        free(bytes);

        fixture_open(fixture);
        (void)devices(fixture->store);
        assert_true(disk.failed > 0);
        assert_non_null(strstr(fixture->logged, "store-damaged"));
        assert_in_range(devices(fixture->store), cases[i].saved_min, 299);
        assert_int_equal(fixture_count_files(fixture, ".damaged-"), 1);
        store_recovered(fixture->store);
        put_message(fixture->store, 1000);
        assert_int_equal(store_commit(fixture->store), 0);
        fixture_close(fixture);
        fixture_remove(fixture, "store.db");
    }
    fake_disk_remove();
}

/* What is no damage is no reason to put the file aside: the next start may find it well. */
static void test_a_disk_that_fails_at_the_start_ends_it(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store = NULL;
    static struct fake_disk disk;
    fixture_open(fixture);
    put_many(fixture->store);
    fixture_close(fixture);
    fixture_older(fixture); /* to be brought up to date, which writes */
    disk.write_fails = true;
    fake_disk_insert(&disk);
    assert_int_equal(store_open(&fixture->settings, &store), -EIO);
    assert_non_null(strstr(fixture->logged, "store-not-opened"));
    assert_int_equal(fixture_count_files(fixture, ".damaged-"), 0);
    fake_disk_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_full_store_still_takes_the_ends_of_commands),
        STORE_TEST(test_what_a_full_store_did_not_take_stays_pending),
        STORE_TEST(test_a_full_store_recovers_when_rows_leave),
        STORE_TEST(test_a_start_on_a_full_disk_needs_no_room),
        STORE_TEST(test_trouble_is_reported_once_a_minute),
        STORE_TEST(test_a_large_change_grows_the_file_at_once),
        STORE_TEST(test_too_many_pending_changes_end_in_a_rebuild),
        STORE_TEST(test_the_rebuild_comes_after_everything_was_recovered),
        STORE_TEST(test_damage_to_any_page),
        STORE_TEST(test_damage_to_an_older_file),
        STORE_TEST(test_damage_to_a_file_that_was_full),
        STORE_TEST(test_damage_to_a_full_file_of_long_messages),
        STORE_TEST(test_damage_in_the_middle_of_the_observations),
        STORE_TEST(test_damage_that_is_found_while_writing),
        STORE_TEST(test_damage_that_is_found_while_the_state_is_read),
        STORE_TEST(test_a_file_that_cannot_be_read_everywhere),
        STORE_TEST(test_a_disk_that_fails_at_the_start_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
