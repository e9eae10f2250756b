/*
 * DTLS sessions in the store, so that a device that slept through a restart needs no handshake.
 *
 * A session is exported in the turn in which the engine says that its stored form is out of date,
 * and may use what that reserves once the commit is done. So no number of a record is ever used
 * twice with the same key, whatever is lost with the process. What is stored are the keys of
 * sessions, never those of devices; the file is readable by its owner alone.
 *
 * A row with the number 0 counts the starts of the program and says up to where numbers of sessions
 * were given out: registrations remember the session of their device, and must not meet another one
 * behind its number. It is there even when sessions are not stored.
 *
 * Without a store there is no journal: every function accepts NULL.
 */
#pragma once

#include "gateway/log.h"

#include "lwm2m/transport/dtls.h"

struct session_journal;
struct store;

struct session_journal_settings {
    struct store *store;
    bool sessions; /* false: only numbers are kept */
    struct log *log;
    void *ctx;
    int (*commit)(void *ctx); /* makes durable what is pending: 0 or a negative errno */
};

/**
 * Counts this start, which is durable when this returns 0 and the store is well.
 *
 * @return 0, -EIO (the store cannot be read), -ENOMEM
 */
[[nodiscard]] int session_journal_new(const struct session_journal_settings *settings,
                                      struct session_journal **journal);
void session_journal_free(struct session_journal *journal);

/** What the engine is to be set up with. */
void session_journal_prepare(const struct session_journal *journal,
                             struct transport_dtls_settings *settings);

/** Takes the stored sessions back into the engine, which is borrowed from now on. */
[[nodiscard]] int session_journal_restore(struct session_journal *journal,
                                          struct transport_dtls *dtls);

/** A session has a number. */
void session_journal_numbered(struct session_journal *journal, uint32_t session);

/** The stored form of a session is out of date. */
void session_journal_changed(struct session_journal *journal, uint32_t session);

/** A session is gone. */
void session_journal_closed(struct session_journal *journal, uint32_t session);

/** Before a commit: writes what changed. */
void session_journal_export(struct session_journal *journal);

/** A commit made everything durable. */
void session_journal_committed(struct session_journal *journal);

/** A commit failed, and changes were taken back since: writes what it exported once more. */
void session_journal_taken_back(struct session_journal *journal);

/** A session used up what its stored form reserves: makes a new one durable at once. @return
 * whether it may send again */
bool session_journal_renew(struct session_journal *journal, uint32_t session);

/** Writes everything: the store lost what it had. */
void session_journal_write_all(struct session_journal *journal);
