/*
 * The schema and every statement of the store. A version of the schema is a step here; a file of
 * an older version goes through the steps that it lacks, in one transaction. A step that was ever
 * released is never changed.
 */
#include "gateway/store/store_internal.h"

#include <stdio.h>

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE reserve (id INTEGER PRIMARY KEY, bytes BLOB);"
    "CREATE TABLE device ("
    " endpoint TEXT PRIMARY KEY, number INTEGER, version INTEGER,"
    " lifetime_s INTEGER, expires_ms INTEGER, flags INTEGER,"
    " formats INTEGER, session INTEGER, route BLOB, parameters BLOB, links BLOB"
    ") WITHOUT ROWID;"
    "CREATE TABLE observation ("
    " endpoint TEXT NOT NULL, token BLOB NOT NULL, sequence INTEGER,"
    " target BLOB, query TEXT, accept INTEGER, flags INTEGER, echo TEXT,"
    " PRIMARY KEY (endpoint, token)) WITHOUT ROWID;"
    "CREATE TABLE command ("
    " id INTEGER PRIMARY KEY, endpoint TEXT, topic TEXT, payload BLOB,"
    " response_topic TEXT, correlation BLOB, arrived_ms INTEGER,"
    " deadline_ms INTEGER, packet_id INTEGER, digest INTEGER,"
    " maybe_executed INTEGER);"
    "CREATE TABLE message ("
    " id INTEGER PRIMARY KEY, endpoint TEXT, topic TEXT, qos INTEGER,"
    " answer INTEGER, correlation BLOB, payload BLOB);",
    /* 2 */
    "CREATE TABLE session ("
    " number INTEGER PRIMARY KEY, identity BLOB, route BLOB, bytes BLOB);",
    /* 3 */
    "ALTER TABLE observation ADD COLUMN pmax_s INTEGER;"
    "ALTER TABLE observation ADD COLUMN pmax_depth INTEGER;",
    /* 4: keys that ascend. Names are at random places among those of a large fleet. */
    "ALTER TABLE device RENAME TO device_by_name;"
    "ALTER TABLE observation RENAME TO observation_by_name;"
    "CREATE TABLE device ("
    " id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, number INTEGER, version INTEGER,"
    " lifetime_s INTEGER, expires_ms INTEGER, flags INTEGER,"
    " formats INTEGER, session INTEGER, route BLOB, parameters BLOB, links BLOB);"
    "CREATE TABLE observation ("
    " device INTEGER NOT NULL, token BLOB NOT NULL, sequence INTEGER,"
    " target BLOB, query TEXT, accept INTEGER, flags INTEGER, echo TEXT,"
    " pmax_s INTEGER, pmax_depth INTEGER, PRIMARY KEY (device, token)) WITHOUT ROWID;"
    "INSERT INTO device SELECT NULL, * FROM device_by_name ORDER BY endpoint;"
    "CREATE INDEX device_endpoint ON device (endpoint);"
    "INSERT INTO observation SELECT id, token, sequence, target, query, accept, o.flags, echo,"
    " pmax_s, pmax_depth FROM observation_by_name AS o JOIN device USING (endpoint);"
    "DROP INDEX device_endpoint;"
    "DROP TABLE observation_by_name;"
    "DROP TABLE device_by_name;",
};

/* The columns of each ALL are those of its PUT, in the same order: store_salvage.c copies them. */
static const char *const statements[STORE_STATEMENTS] = {
    [STORE_DEVICE_PUT] = "INSERT OR REPLACE INTO device (id, endpoint, number, version, lifetime_s,"
                         " expires_ms, flags, formats, session, route, parameters, links)"
                         " VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    [STORE_DEVICE_TOUCH] = "UPDATE device SET expires_ms=?2, route=?3 WHERE id=?1",
    [STORE_DEVICE_DELETE] = "DELETE FROM device WHERE id=?",
    [STORE_DEVICE_ALL] = "SELECT id, endpoint, number, version, lifetime_s, expires_ms, flags,"
                         " formats, session, route, parameters, links FROM device ORDER BY id",

    [STORE_OBSERVATION_PUT] = "INSERT OR REPLACE INTO observation (device, token, sequence,"
                              " target, query, accept, flags, echo, pmax_s, pmax_depth)"
                              " VALUES (?,?,?,?,?,?,?,?,?,?)",
    [STORE_OBSERVATION_DELETE] = "DELETE FROM observation WHERE device=? AND token=?",
    [STORE_OBSERVATION_FORGET] = "DELETE FROM observation WHERE device=?",
    [STORE_OBSERVATION_ALL] = "SELECT device, token, sequence, target, query, accept, flags,"
                              " echo, pmax_s, pmax_depth FROM observation"
                              " ORDER BY device, token",
    [STORE_OBSERVATION_NAMED] = "SELECT device, token, sequence, target, query, accept, o.flags,"
                                " echo, pmax_s, pmax_depth, endpoint FROM observation AS o"
                                " LEFT JOIN device ON id=device ORDER BY device, token",

    [STORE_COMMAND_PUT] = "INSERT OR REPLACE INTO command (id, endpoint, topic, payload,"
                          " response_topic, correlation, arrived_ms, deadline_ms, packet_id,"
                          " digest, maybe_executed) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    [STORE_COMMAND_ATTEMPTED] = "UPDATE command SET maybe_executed=1 WHERE id=?",
    [STORE_COMMAND_DELETE] = "DELETE FROM command WHERE id=?",
    [STORE_COMMAND_ALL] = "SELECT id, endpoint, topic, payload, response_topic, correlation,"
                          " arrived_ms, deadline_ms, packet_id, digest, maybe_executed"
                          " FROM command ORDER BY id",

    [STORE_MESSAGE_PUT] = "INSERT OR REPLACE INTO message (id, endpoint, topic, qos, answer,"
                          " correlation, payload) VALUES (?,?,?,?,?,?,?)",
    [STORE_MESSAGE_DELETE] = "DELETE FROM message WHERE id=?",
    [STORE_MESSAGE_ALL] = "SELECT id, endpoint, topic, qos, answer, correlation, payload"
                          " FROM message ORDER BY id",
    [STORE_MESSAGE_AFTER] = "SELECT id, endpoint, topic, qos, answer, correlation, payload"
                            " FROM message WHERE id>? ORDER BY id LIMIT ?",
    [STORE_MESSAGE_SURVEY] = "SELECT id, endpoint, topic, qos, answer, length(correlation),"
                             " length(payload) FROM message ORDER BY id",
    [STORE_MESSAGE_OLDEST] = "SELECT id, endpoint, topic, qos, answer, length(correlation),"
                             " length(payload) FROM message WHERE id>? AND answer=0"
                             " ORDER BY id LIMIT ?",
    [STORE_MESSAGE_LAST] = "SELECT max(id) FROM message WHERE id < 1 << 62",

    [STORE_SESSION_PUT] = "INSERT OR REPLACE INTO session (number, identity, route, bytes)"
                          " VALUES (?,?,?,?)",
    [STORE_SESSION_DELETE] = "DELETE FROM session WHERE number=?",
    [STORE_SESSION_ALL] = "SELECT number, identity, route, bytes FROM session ORDER BY number",

    [STORE_DEVICE_CLEAR] = "DELETE FROM device",
    [STORE_OBSERVATION_CLEAR] = "DELETE FROM observation",
    [STORE_COMMAND_CLEAR] = "DELETE FROM command",
    [STORE_SESSION_CLEAR] = "DELETE FROM session",
};

const char *store_statement_text(enum store_statement statement)
{
    return statements[statement];
}

int store_schema_version(void)
{
    return (int)(sizeof(steps) / sizeof(steps[0]));
}

int store_schema_migrate(sqlite3 *db, int version)
{
    char mark[100];
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (int step = version; step < store_schema_version() && code == SQLITE_OK; step++) {
        code = sqlite3_exec(db, steps[step], NULL, NULL, NULL);
    }
    (void)snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                   STORE_APPLICATION_ID, store_schema_version());
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, mark, NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return code;
}
