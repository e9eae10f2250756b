/*
 * A directory for one test with a store in it, and rows to put into it.
 */
#pragma once

#include "gateway/store/commands.h"
#include "gateway/store/devices.h"
#include "gateway/store/messages.h"
#include "gateway/store/observations.h"
#include "gateway/store/sessions.h"

struct store_fixture {
    char directory[64];
    char path[100];
    char logged[4000]; /* all lines since the start of the test, as far as they fit */
    uint64_t now_ms;
    uint64_t wall_ms;
    struct log *log;
    struct store_settings settings;
    struct store *store;
};

/* What a visit saw, as text. */
struct fixture_seen {
    char text[4000];
};

int fixture_set_up(void **state);
int fixture_tear_down(void **state);

#define STORE_TEST(test_) cmocka_unit_test_setup_teardown(test_, fixture_set_up, fixture_tear_down)

void fixture_open(struct store_fixture *fixture); /* asserts that it opens */
void fixture_close(struct store_fixture *fixture);
void fixture_reopen(struct store_fixture *fixture);

/** Opens another file of the directory in place of the store, which is left open till the end. */
void fixture_open_other(struct store_fixture *fixture, const char *name);

/** Copies the file and its log, as they are, to another name. */
void fixture_copy(struct store_fixture *fixture, const char *name);

/** Overwrites the file, and removes its log. */
void fixture_write(struct store_fixture *fixture, const void *data, size_t len);

/** The file's bytes; the caller's. */
char *fixture_read(struct store_fixture *fixture, size_t *len);

/** Overwrites the file with rubbish from its second page on, while it is open. */
void fixture_damage(struct store_fixture *fixture);

/** Overwrites the first page of the closed file that has this text. */
void fixture_damage_page_of(struct store_fixture *fixture, const char *text);

/** Removes the files whose names hold this. */
void fixture_remove(struct store_fixture *fixture, const char *part);

/** Makes a file as a gateway of schema 3 left it: devices, observations and a command. */
void fixture_older(struct store_fixture *fixture);

/** Runs SQL on the closed file. */
void fixture_sql(struct store_fixture *fixture, const char *sql);

/** Files of the directory whose names hold this. */
size_t fixture_count_files(struct store_fixture *fixture, const char *part);

void fixture_put_one_of_each(struct store *store);
void fixture_expect_one_of_each(struct store *store);

/** All rows but none of devices without rows: kinds in alphabetical order. */
struct fixture_seen fixture_visit(struct store *store);

/** Visits all rows, whatever they are. */
void fixture_visit_all(struct store *store);

void fixture_see_no_session(void *ctx, const struct store_session *session);
void fixture_see_message_id(void *ctx, const struct store_message *message);
