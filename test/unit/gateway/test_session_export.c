/* When the stored form of a session counts as durable; the engine is a fake. */
#include "store_fixture.h"

#include "gateway/session_journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- the fake engine --- */

struct transport_dtls {
    uint32_t session; /* the only one */
    size_t stored;    /* times that it was told so */
};

int transport_dtls_export(struct transport_dtls *dtls, uint32_t session, uint8_t *bytes,
                          size_t size)
{
    assert_int_equal(session, dtls->session);
    assert_true(size >= 6);
    memcpy(bytes, "secret", 6);
    return 6;
}

bool transport_dtls_find(const struct transport_dtls *dtls, uint32_t session,
                         struct transport_dtls_info *info)
{
    assert_int_equal(session, dtls->session);
    *info = (struct transport_dtls_info){ .common_name = "meter" };
    return true;
}

void transport_dtls_stored(struct transport_dtls *dtls, uint32_t session)
{
    assert_int_equal(session, dtls->session);
    dtls->stored++;
}

void transport_dtls_each(struct transport_dtls *dtls, transport_dtls_visitor *visit, void *ctx)
{
    (void)dtls, (void)visit, (void)ctx;
}

int transport_dtls_import(struct transport_dtls *dtls, const uint8_t *bytes, size_t len,
                          uint32_t *session)
{
    (void)dtls, (void)bytes, (void)len, (void)session;
    return -ENOTSUP;
}

size_t transport_dtls_payload_max(const struct transport_dtls *dtls, uint32_t session)
{
    (void)dtls, (void)session;
    return 0;
}

void transport_dtls_close(struct transport_dtls *dtls, uint32_t session)
{
    (void)dtls, (void)session;
}

/* --- tests --- */

static int commit(void *ctx)
{
    return store_commit(((struct store_fixture *)ctx)->store);
}

static void count_row(void *ctx, const struct store_session *row)
{
    *(size_t *)ctx += row->number == 7;
}

static size_t rows(struct store_fixture *fixture)
{
    size_t count = 0;
    assert_int_equal(store_sessions_visit(fixture->store, count_row, &count), 0);
    return count;
}

/* A refused command takes back all that came after it, the rows of sessions among it. */
static void a_session_whose_row_was_taken_back_is_written_once_more(void **state)
{
    struct store_fixture *fixture = *state;
    struct transport_dtls dtls = { .session = 7 };
    struct session_journal *journal = NULL;
    fixture_open(fixture);
    const struct session_journal_settings settings = {
        .store = fixture->store,
        .sessions = true,
        .log = fixture->log,
        .ctx = fixture,
        .commit = commit,
    };
    assert_int_equal(session_journal_new(&settings, &journal), 0);
    assert_int_equal(session_journal_restore(journal, &dtls), 0);

    size_t mark = store_mark(fixture->store);
    session_journal_changed(journal, 7);
    session_journal_export(journal); /* then the commit fails */
    session_journal_taken_back(journal);
    store_rewind(fixture->store, mark);
    assert_int_equal(dtls.stored, 0);

    session_journal_export(journal);
    assert_int_equal(commit(fixture), 0);
    session_journal_committed(journal);
    assert_int_equal(dtls.stored, 1);
    assert_int_equal(rows(fixture), 1);
    session_journal_free(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_session_whose_row_was_taken_back_is_written_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
