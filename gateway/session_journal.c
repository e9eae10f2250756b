#include "gateway/session_journal.h"

#include "gateway/store/sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBERS = 0,     /* the row that counts */
    NUMBERS_LEN = 8, /* two numbers of 32 bits, the least significant byte first */
    STEP = 4096,     /* numbers of sessions that are given out between two writes of it */
    RESERVE = 256,   /* records that a session may send beyond its stored form */
    FIRST_CHANGED = 64,
};

struct session_journal {
    struct session_journal_settings settings;
    struct transport_dtls *dtls; /* borrowed; NULL before it is there */
    uint32_t run;                /* of the program; 0: could not be made durable */
    uint32_t bound;              /* numbers below it may have been given out */
    uint32_t first;              /* of the sessions of this run */
    uint32_t *changed;           /* to be exported, the first ones are and wait for the commit */
    size_t changed_count;
    size_t changed_capacity;
    size_t exported;
    bool look_at_all; /* memory was short: some that changed are not in the list */
};

/* --- the row that counts --- */

static void put_number(uint8_t bytes[4], uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

static uint32_t get_number(const uint8_t bytes[4])
{
    uint32_t number = 0;
    for (int i = 0; i < 4; i++) {
        number |= (uint32_t)bytes[i] << (8 * i);
    }
    return number;
}

static void put_numbers(struct session_journal *journal)
{
    uint8_t bytes[NUMBERS_LEN];
    put_number(bytes, journal->run);
    put_number(bytes + 4, journal->bound);
    const struct store_session row = { .number = NUMBERS,
                                       .bytes = bytes,
                                       .bytes_len = sizeof(bytes) };
    store_session_put(journal->settings.store, &row);
}

/* Also without the row that counts no number of a stored session comes twice. */
static void on_number(void *ctx, const struct store_session *row)
{
    struct session_journal *journal = ctx;
    if (row->number == NUMBERS && row->bytes_len == NUMBERS_LEN) {
        const uint8_t *bytes = row->bytes;
        uint32_t bound = get_number(bytes + 4);
        journal->run = get_number(bytes);
        journal->bound = bound > journal->bound ? bound : journal->bound;
    } else if (row->number < UINT32_MAX && row->number >= journal->bound) {
        journal->bound = (uint32_t)row->number + 1;
    }
}

int session_journal_new(const struct session_journal_settings *settings,
                        struct session_journal **out)
{
    struct session_journal *journal = calloc(1, sizeof(*journal));
    if (journal == NULL) {
        return -ENOMEM;
    }
    journal->settings = *settings;
    journal->bound = 1;
    int err = store_sessions_visit(settings->store, on_number, journal);
    if (err != 0) {
        free(journal);
        return err;
    }
    journal->run++;
    journal->first = journal->bound;
    journal->bound += STEP;
    put_numbers(journal);
    if (settings->commit(settings->ctx) != 0) {
        journal->run = 0; /* it may come once more: the engine is careful then */
    }
    *out = journal;
    return 0;
}

void session_journal_free(struct session_journal *journal)
{
    if (journal != NULL) {
        free(journal->changed);
        free(journal);
    }
}

void session_journal_prepare(const struct session_journal *journal,
                             struct transport_dtls_settings *settings)
{
    if (journal != NULL) {
        settings->reserve = journal->settings.sessions ? RESERVE : 0;
        settings->run = journal->run;
        settings->first_session = journal->first;
    }
}

void session_journal_numbered(struct session_journal *journal, uint32_t session)
{
    if (journal != NULL && session + STEP / 2 > journal->bound) {
        journal->bound = session + STEP;
        put_numbers(journal);
    }
}

/* --- the start --- */

struct restoring {
    struct session_journal *journal;
    size_t restored;
    size_t refused;
};

static void on_session(void *ctx, const struct store_session *row)
{
    struct restoring *restoring = ctx;
    struct session_journal *journal = restoring->journal;
    uint32_t session = 0;
    if (row->number == NUMBERS) {
        return;
    }
    int err = journal->settings.sessions
                  ? transport_dtls_import(journal->dtls, row->bytes, row->bytes_len, &session)
                  : -ENOTSUP;
    if (err == 0 && session == row->number) {
        restoring->restored++;
        return;
    }
    if (err == -EEXIST && transport_dtls_payload_max(journal->dtls, (uint32_t)row->number) > 0) {
        return; /* seen before: the file was mended on the way */
    }
    if (err == 0) {
        transport_dtls_close(journal->dtls, session);
    }
    store_session_delete(journal->settings.store, row->number);
    restoring->refused++;
}

int session_journal_restore(struct session_journal *journal, struct transport_dtls *dtls)
{
    struct restoring restoring = { .journal = journal };
    if (journal == NULL) {
        return 0;
    }
    journal->dtls = dtls;
    int err = store_sessions_visit(journal->settings.store, on_session, &restoring);
    if (err == 0) {
        log_info(journal->settings.log, "sessions-restored",
                 LOG_NUMBER("sessions", restoring.restored),
                 LOG_NUMBER("refused", restoring.refused));
    }
    return err;
}

/* --- what changes --- */

static bool make_room(struct session_journal *journal)
{
    if (journal->changed_count < journal->changed_capacity) {
        return true;
    }
    size_t capacity = journal->changed_capacity > 0 ? journal->changed_capacity * 2 : FIRST_CHANGED;
    uint32_t *changed = realloc(journal->changed, capacity * sizeof(*changed));
    if (changed == NULL) {
        return false;
    }
    journal->changed = changed;
    journal->changed_capacity = capacity;
    return true;
}

void session_journal_changed(struct session_journal *journal, uint32_t session)
{
    if (journal == NULL || !journal->settings.sessions) {
        return;
    }
    if (make_room(journal)) {
        journal->changed[journal->changed_count++] = session;
    } else {
        journal->look_at_all = true;
    }
}

void session_journal_closed(struct session_journal *journal, uint32_t session)
{
    if (journal != NULL && journal->settings.sessions) {
        store_session_delete(journal->settings.store, session);
    }
}

/* One that is gone by now had its row deleted. */
static void export_one(struct session_journal *journal, uint32_t session)
{
    uint8_t bytes[TRANSPORT_DTLS_EXPORT_MAX];
    struct transport_dtls_info info;
    int len = transport_dtls_export(journal->dtls, session, bytes, sizeof(bytes));
    if (len <= 0 || !transport_dtls_find(journal->dtls, session, &info)) {
        return;
    }
    const struct store_session row = {
        .number = session,
        .identity = info.identity != NULL ? (const void *)info.identity : info.common_name,
        .identity_len = info.identity != NULL ? info.identity_len : strlen(info.common_name),
        .bytes = bytes,
        .bytes_len = (size_t)len,
    };
    store_session_put(journal->settings.store, &row);
}

static void note_changed(void *ctx, const struct transport_dtls_info *info)
{
    if (info->changed) {
        session_journal_changed(ctx, info->route.session);
    }
}

void session_journal_export(struct session_journal *journal)
{
    if (journal == NULL || journal->dtls == NULL) {
        return;
    }
    if (journal->look_at_all) {
        journal->look_at_all = false;
        transport_dtls_each(journal->dtls, note_changed, journal);
    }
    while (journal->exported < journal->changed_count) {
        export_one(journal, journal->changed[journal->exported++]);
    }
}

void session_journal_committed(struct session_journal *journal)
{
    if (journal == NULL || journal->exported == 0) {
        return;
    }
    for (size_t i = 0; i < journal->exported; i++) {
        transport_dtls_stored(journal->dtls, journal->changed[i]);
    }
    size_t left = journal->changed_count - journal->exported;
    memmove(journal->changed, journal->changed + journal->exported,
            left * sizeof(*journal->changed));
    journal->changed_count = left;
    journal->exported = 0;
}

void session_journal_taken_back(struct session_journal *journal)
{
    if (journal != NULL) {
        journal->exported = 0;
    }
}

bool session_journal_renew(struct session_journal *journal, uint32_t session)
{
    if (journal == NULL) {
        return false;
    }
    session_journal_changed(journal, session);
    session_journal_export(journal);
    if (journal->settings.commit(journal->settings.ctx) != 0) {
        return false;
    }
    session_journal_committed(journal);
    return true;
}

/* --- a lost file --- */

static void note_all(void *ctx, const struct transport_dtls_info *info)
{
    session_journal_changed(ctx, info->route.session);
}

void session_journal_write_all(struct session_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    put_numbers(journal);
    if (journal->dtls != NULL) {
        journal->exported = 0; /* what was, went with the file */
        transport_dtls_each(journal->dtls, note_all, journal);
        session_journal_export(journal);
    }
}
