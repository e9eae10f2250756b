/* What counts the starts and the numbers of sessions, and rows that are none. */
#include "store_fixture.h"

#include "gateway/session_journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int commit_result;

static int commit(void *ctx)
{
    return commit_result != 0 ? commit_result : store_commit(((struct store_fixture *)ctx)->store);
}

static struct session_journal *open_journal(struct store_fixture *fixture, bool sessions)
{
    const struct session_journal_settings settings = {
        .store = fixture->store,
        .sessions = sessions,
        .log = fixture->log,
        .ctx = fixture,
        .commit = commit,
    };
    struct session_journal *journal = NULL;
    assert_int_equal(session_journal_new(&settings, &journal), 0);
    return journal;
}

static struct transport_dtls_settings prepared(const struct session_journal *journal)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    session_journal_prepare(journal, &settings);
    return settings;
}

/* The next start of the program. */
static struct session_journal *start_again(struct store_fixture *fixture,
                                           struct session_journal *journal, bool sessions)
{
    assert_int_equal(store_commit(fixture->store), 0);
    session_journal_free(journal);
    fixture_reopen(fixture);
    return open_journal(fixture, sessions);
}

static void put_session(struct store_fixture *fixture, uint64_t number)
{
    const struct store_session row = { .number = number, .bytes = "rubbish", .bytes_len = 7 };
    store_session_put(fixture->store, &row);
}

static void count_row(void *ctx, const struct store_session *row)
{
    *(size_t *)ctx += row->number != 0;
}

static size_t stored_sessions(struct store_fixture *fixture)
{
    size_t count = 0;
    assert_int_equal(store_commit(fixture->store), 0);
    assert_int_equal(store_sessions_visit(fixture->store, count_row, &count), 0);
    return count;
}

static void every_start_has_a_higher_number(void **state)
{
    struct store_fixture *fixture = *state;
    struct session_journal *journal = open_journal(fixture, true);
    for (uint32_t run = 1; run <= 3; run++) {
        assert_int_equal(prepared(journal).run, run);
        journal = start_again(fixture, journal, true);
    }
    session_journal_free(journal);
}

static void numbers_of_sessions_do_not_come_back(void **state)
{
    struct store_fixture *fixture = *state;
    struct session_journal *journal = open_journal(fixture, false);
    uint32_t first = prepared(journal).first_session, last = first;
    assert_int_equal(first, 1);
    for (; last < 100000; last++) {
        session_journal_numbered(journal, last);
    }
    journal = start_again(fixture, journal, false);
    assert_true(prepared(journal).first_session > last);
    assert_int_equal(prepared(journal).reserve, 0); /* sessions are not stored */
    session_journal_free(journal);
}

static void stored_sessions_count_without_the_row_that_counts(void **state)
{
    struct store_fixture *fixture = *state;
    put_session(fixture, 70000);
    assert_int_equal(store_commit(fixture->store), 0);
    struct session_journal *journal = open_journal(fixture, true);
    assert_int_equal(prepared(journal).first_session, 70001);
    session_journal_free(journal);
}

static void a_start_that_is_not_durable_has_no_number(void **state)
{
    struct store_fixture *fixture = *state;
    commit_result = -ENOSPC;
    struct session_journal *journal = open_journal(fixture, true);
    commit_result = 0;
    assert_int_equal(prepared(journal).run, 0);
    assert_true(prepared(journal).reserve > 0);
    session_journal_free(journal);
}

static void on_data(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    (void)ctx, (void)route, (void)data, (void)len;
    fail();
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    (void)ctx, (void)route, (void)data, (void)len;
    fail();
}

static void on_established(void *ctx, const struct transport_dtls_info *info)
{
    (void)ctx, (void)info;
    fail();
}

static void on_closed(void *ctx, const struct transport_dtls_info *info,
                      enum transport_dtls_reason reason)
{
    (void)ctx, (void)info, (void)reason;
    fail();
}

static int on_find_key(void *ctx, const uint8_t *identity, size_t len,
                       struct transport_dtls_key *key)
{
    (void)ctx, (void)identity, (void)len, (void)key;
    return -ENOENT;
}

static void rows_that_are_no_sessions_are_deleted(void **state)
{
    static const struct transport_dtls_events events = {
        .send = on_send,
        .receive = on_data,
        .established = on_established,
        .closed = on_closed,
        .find_key = on_find_key,
    };
    struct store_fixture *fixture = *state;
    struct transport_dtls *dtls = NULL;
    put_session(fixture, 7);
    put_session(fixture, (uint64_t)1 << 40);
    assert_int_equal(stored_sessions(fixture), 2);
    struct session_journal *journal = open_journal(fixture, true);
    struct transport_dtls_settings settings = prepared(journal);
    assert_int_equal(transport_dtls_new(&settings, &events, NULL, 1000, &dtls), 0);
    assert_int_equal(session_journal_restore(journal, dtls), 0);
    assert_int_equal(stored_sessions(fixture), 0);
    assert_int_equal(transport_dtls_sessions(dtls), 0);

    session_journal_changed(journal, 99); /* one that is gone by now */
    session_journal_export(journal);
    session_journal_committed(journal);
    assert_int_equal(stored_sessions(fixture), 0);
    session_journal_write_all(journal);
    session_journal_free(journal);
    transport_dtls_free(dtls);
}

static void without_a_store_nothing_is_kept(void **state)
{
    struct transport_dtls_settings settings = transport_dtls_defaults;
    (void)state;
    settings.reserve = 0;
    session_journal_prepare(NULL, &settings);
    assert_int_equal(settings.reserve, 0);
    assert_int_equal(session_journal_restore(NULL, NULL), 0);
    session_journal_numbered(NULL, 1);
    session_journal_changed(NULL, 1);
    session_journal_closed(NULL, 1);
    session_journal_export(NULL);
    session_journal_committed(NULL);
    session_journal_taken_back(NULL);
    session_journal_write_all(NULL);
    assert_false(session_journal_renew(NULL, 1));
    session_journal_free(NULL);
}

static int set_up(void **state)
{
    int result = fixture_set_up(state);
    commit_result = 0;
    if (result == 0) {
        fixture_open(*state);
    }
    return result;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_start_has_a_higher_number),
        TEST(numbers_of_sessions_do_not_come_back),
        TEST(stored_sessions_count_without_the_row_that_counts),
        TEST(a_start_that_is_not_durable_has_no_number),
        TEST(rows_that_are_no_sessions_are_deleted),
        TEST(without_a_store_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
