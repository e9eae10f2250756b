#include "store_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static uint64_t now_ms(void *ctx)
{
    return ((struct store_fixture *)ctx)->now_ms;
}

static uint64_t wall_ms(void *ctx)
{
    return ((struct store_fixture *)ctx)->wall_ms;
}

static void keep_line(void *ctx, const char *line, size_t len)
{
    struct store_fixture *fixture = ctx;
    size_t used = strlen(fixture->logged);
    (void)snprintf(fixture->logged + used, sizeof(fixture->logged) - used, "%.*s", (int)len, line);
}

int fixture_set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* memory is faster */
    (void)snprintf(fixture->directory, sizeof(fixture->directory), "%s/lwm2mqtt-store-XXXXXX",
                   place);
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/store.db", fixture->directory);
    fixture->wall_ms = 1700000000000;
    fixture->now_ms = 1000000;
    const struct log_settings log = {
        .level = LOG_LEVEL_DEBUG, .ctx = fixture, .wall_ms = wall_ms, .write = keep_line
    };
    fixture->log = log_new(&log);
    fixture->settings = (struct store_settings){
        .path = fixture->path,
        .max_pending = 1024 * 1024,
        .log = fixture->log,
        .ctx = fixture,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
    };
    *state = fixture;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct store_fixture *fixture = *state;
    char path[400];
    store_close(fixture->store);
    log_free(fixture->log);
    DIR *directory = opendir(fixture->directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(directory);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

void fixture_open(struct store_fixture *fixture)
{
    assert_int_equal(store_open(&fixture->settings, &fixture->store), 0);
}

void fixture_close(struct store_fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

void fixture_reopen(struct store_fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

void fixture_open_other(struct store_fixture *fixture, const char *name)
{
    char path[200];
    struct store *left = fixture->store;
    struct store_settings settings = fixture->settings;
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
    settings.path = path;
    assert_int_equal(store_open(&settings, &fixture->store), 0);
    store_close(left);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        return;
    }
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    for (size_t len; (len = fread(bytes, 1, sizeof(bytes), in)) > 0;) {
        assert_int_equal(fwrite(bytes, 1, len, out), len);
    }
    (void)fclose(in);
    (void)fclose(out);
}

void fixture_copy(struct store_fixture *fixture, const char *name)
{
    static const char *const parts[] = { "", "-wal" };
    char from[200], to[200];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(from, sizeof(from), "%s%s", fixture->path, parts[i]);
        (void)snprintf(to, sizeof(to), "%s/%s%s", fixture->directory, name, parts[i]);
        copy_file(from, to);
    }
}

void fixture_write(struct store_fixture *fixture, const void *data, size_t len)
{
    fixture_remove(fixture, "store.db-");
    FILE *out = fopen(fixture->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    (void)fclose(out);
}

char *fixture_read(struct store_fixture *fixture, size_t *len)
{
    FILE *in = fopen(fixture->path, "rb");
    assert_non_null(in);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    *len = (size_t)ftell(in);
    rewind(in);
    char *bytes = malloc(*len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, in), *len);
    (void)fclose(in);
    return bytes;
}

void fixture_damage(struct store_fixture *fixture)
{
    enum { PAGE = 4096 };
    char rubbish[PAGE];
    memset(rubbish, 0x55, sizeof(rubbish));
    FILE *out = fopen(fixture->path, "r+b");
    assert_non_null(out);
    assert_int_equal(fseek(out, 0, SEEK_END), 0);
    long len = ftell(out);
    for (long at = PAGE; at < len; at += PAGE) {
        assert_int_equal(fseek(out, at, SEEK_SET), 0);
        assert_int_equal(fwrite(rubbish, 1, PAGE, out), PAGE);
    }
    (void)fclose(out);
}

void fixture_damage_page_of(struct store_fixture *fixture, const char *text)
{
    size_t len;
    char *bytes = fixture_read(fixture, &len);
    char *found = memmem(bytes, len, text, strlen(text));
    assert_non_null(found);
    memset(bytes + ((size_t)(found - bytes) & ~(size_t)4095), 0x77, 4096);
    fixture_write(fixture, bytes, len);
    free(bytes);
}

void fixture_remove(struct store_fixture *fixture, const char *part)
{
    char path[400];
    DIR *directory = opendir(fixture->directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strstr(entry->d_name, part) != NULL) {
            (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, entry->d_name);
            (void)unlink(path);
        }
    }
    (void)closedir(directory);
}

void fixture_sql(struct store_fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The schema is spelt out: it is what was once written, whatever becomes of the steps. */
void fixture_older(struct store_fixture *fixture)
{
    fixture_remove(fixture, "store.db");
    fixture_sql(
        fixture,
        "CREATE TABLE reserve (id INTEGER PRIMARY KEY, bytes BLOB);"
        "CREATE TABLE device (endpoint TEXT PRIMARY KEY, number INTEGER, version INTEGER,"
        " lifetime_s INTEGER, expires_ms INTEGER, flags INTEGER, formats INTEGER, session INTEGER,"
        " route BLOB, parameters BLOB, links BLOB) WITHOUT ROWID;"
        "CREATE TABLE observation (endpoint TEXT NOT NULL, token BLOB NOT NULL, sequence INTEGER,"
        " target BLOB, query TEXT, accept INTEGER, flags INTEGER, echo TEXT, pmax_s INTEGER,"
        " pmax_depth INTEGER, PRIMARY KEY (endpoint, token)) WITHOUT ROWID;"
        "CREATE TABLE command (id INTEGER PRIMARY KEY, endpoint TEXT, topic TEXT, payload BLOB,"
        " response_topic TEXT, correlation BLOB, arrived_ms INTEGER, deadline_ms INTEGER,"
        " packet_id INTEGER, digest INTEGER, maybe_executed INTEGER);"
        "CREATE TABLE message (id INTEGER PRIMARY KEY, endpoint TEXT, topic TEXT, qos INTEGER,"
        " answer INTEGER, correlation BLOB, payload BLOB);"
        "CREATE TABLE session (number INTEGER PRIMARY KEY, identity BLOB, route BLOB, bytes BLOB);"
        "INSERT INTO device (endpoint, number, links) VALUES ('urn:c', 18, NULL),"
        " ('urn:a', 17, X'3C2F312F303E');"
        "INSERT INTO observation (endpoint, token, accept, pmax_s, pmax_depth) VALUES"
        " ('urn:c', X'746F6B', 113, 0, 0), ('urn:a', X'746F6B', 112, 60, 2),"
        " ('urn:nobody', X'746F6B', 112, 60, 2);"
        "INSERT INTO command (id, endpoint) VALUES (4, 'urn:b');"
        "PRAGMA application_id=0x6c774d32; PRAGMA user_version=3");
}

size_t fixture_count_files(struct store_fixture *fixture, const char *part)
{
    size_t count = 0;
    DIR *directory = opendir(fixture->directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t len = strlen(entry->d_name);
        bool is_wal = len > 4 && strcmp(entry->d_name + len - 4, "-wal") == 0;
        bool is_shm = len > 4 && strcmp(entry->d_name + len - 4, "-shm") == 0;
        count += !is_wal && !is_shm && strstr(entry->d_name, part) != NULL;
    }
    (void)closedir(directory);
    return count;
}

/* --- rows --- */

void fixture_put_one_of_each(struct store *store)
{
    store_device_put(store, &(struct store_device){
                                .id = 1,
                                .endpoint = "urn:a",
                                .number = 17,
                                .version = 257,
                                .lifetime_s = 300,
                                .expires_wall_ms = 1234567890123,
                                .flags = 3,
                                .formats = 6,
                                .session = 9,
                                .route = "r",
                                .route_len = 1,
                                .parameters = "lt=300",
                                .parameters_len = 6,
                                .links = "</1/0>",
                                .links_len = 6,
                            });
    store_observation_put(store, &(struct store_observation){
                                     .device = 1,
                                     .token = "tok",
                                     .token_len = 3,
                                     .order = 2,
                                     .target = "/3/0",
                                     .target_len = 4,
                                     .query = "pmin=1",
                                     .accept = 112,
                                     .flags = 1,
                                     .echo = ",\"reqID\":1",
                                     .pmax_s = 60,
                                     .pmax_depth = 2,
                                 });
    store_command_put(store, &(struct store_command){
                                 .id = 3,
                                 .endpoint = "urn:a",
                                 .topic = "dn/urn:a",
                                 .payload = "{}",
                                 .payload_len = 2,
                                 .response_topic = "resp",
                                 .arrived_wall_ms = 11,
                                 .deadline_wall_ms = 22,
                                 .packet_id = 4,
                                 .digest = 55,
                             });
    store_message_put(store, &(struct store_message){
                                 .id = 5,
                                 .topic = "up/resp",
                                 .endpoint = "urn:a",
                                 .payload = "{\"x\":1}",
                                 .payload_len = 7,
                                 .correlation = "corr",
                                 .correlation_len = 4,
                                 .qos = 1,
                                 .answer = true,
                             });
    store_session_put(store, &(struct store_session){
                                 .number = 9,
                                 .identity = "id",
                                 .identity_len = 2,
                                 .route = "r",
                                 .route_len = 1,
                                 .bytes = "secret",
                                 .bytes_len = 6,
                             });
}

static void add(struct fixture_seen *seen, const char *text)
{
    assert_true(strlen(seen->text) + strlen(text) < sizeof(seen->text));
    strcat(seen->text, text);
}

static void add_text(struct fixture_seen *seen, const char *text)
{
    add(seen, " ");
    add(seen, text == NULL ? "-" : *text == '\0' ? "''" : text);
}

static void add_blob(struct fixture_seen *seen, const void *data, size_t len)
{
    char text[200];
    (void)snprintf(text, sizeof(text), "%.*s", (int)len, data != NULL ? (const char *)data : "");
    add_text(seen, data != NULL ? text : NULL);
}

static void add_number(struct fixture_seen *seen, uint64_t number)
{
    char text[30];
    (void)snprintf(text, sizeof(text), " %lld", (long long)number);
    add(seen, number == UINT64_MAX ? " max" : text);
}

static void see_device(void *ctx, const struct store_device *device)
{
    struct fixture_seen *seen = ctx;
    add(seen, "device");
    add_number(seen, device->id);
    add_text(seen, device->endpoint);
    add_number(seen, device->number);
    add_number(seen, device->version);
    add_number(seen, device->lifetime_s);
    add_number(seen, device->expires_wall_ms);
    add_number(seen, device->flags);
    add_number(seen, device->formats);
    add_number(seen, device->session);
    add_blob(seen, device->route, device->route_len);
    add_blob(seen, device->parameters, device->parameters_len);
    add_blob(seen, device->links, device->links_len);
    add(seen, ";");
}

static void see_observation(void *ctx, const struct store_observation *observation)
{
    struct fixture_seen *seen = ctx;
    add(seen, "observation");
    add_number(seen, observation->device);
    add_text(seen, observation->endpoint);
    add_blob(seen, observation->token, observation->token_len);
    add_number(seen, observation->order);
    add_blob(seen, observation->target, observation->target_len);
    add_text(seen, observation->query);
    add_number(seen, observation->accept);
    add_number(seen, observation->flags);
    add_text(seen, observation->echo);
    add_number(seen, observation->pmax_s);
    add_number(seen, observation->pmax_depth);
    add(seen, ";");
}

static void see_command(void *ctx, const struct store_command *command)
{
    struct fixture_seen *seen = ctx;
    add(seen, "command");
    add_number(seen, command->id);
    add_text(seen, command->endpoint);
    add_text(seen, command->topic);
    add_blob(seen, command->payload, command->payload_len);
    add_text(seen, command->response_topic);
    if (command->correlation != NULL) {
        add_blob(seen, command->correlation, command->correlation_len);
    }
    add_number(seen, command->arrived_wall_ms);
    add_number(seen, command->deadline_wall_ms);
    add_number(seen, command->packet_id);
    add_number(seen, command->digest);
    add_number(seen, command->maybe_executed);
    add(seen, ";");
}

static void see_message(void *ctx, const struct store_message *message)
{
    struct fixture_seen *seen = ctx;
    add(seen, "message");
    add_number(seen, message->id);
    add_text(seen, message->endpoint);
    add_text(seen, message->topic);
    add_blob(seen, message->payload, message->payload_len);
    add_blob(seen, message->correlation, message->correlation_len);
    add_number(seen, message->qos);
    add_number(seen, message->answer);
    add(seen, ";");
}

static void see_session(void *ctx, const struct store_session *session)
{
    struct fixture_seen *seen = ctx;
    add(seen, "session");
    add_number(seen, session->number);
    add_blob(seen, session->identity, session->identity_len);
    add_blob(seen, session->route, session->route_len);
    add_blob(seen, session->bytes, session->bytes_len);
    add(seen, ";");
}

void fixture_see_message_id(void *ctx, const struct store_message *message)
{
    struct fixture_seen *seen = ctx;
    char text[30];
    (void)snprintf(text, sizeof(text), "%llu ", (unsigned long long)message->id);
    add(seen, text);
}

void fixture_see_no_session(void *ctx, const struct store_session *session)
{
    (void)ctx;
    fail_msg("session %d", (int)session->number);
}

static void pass_device(void *ctx, const struct store_device *device)
{
    (void)ctx;
    (void)device;
}

static void pass_observation(void *ctx, const struct store_observation *observation)
{
    (void)ctx;
    (void)observation;
}

static void pass_command(void *ctx, const struct store_command *command)
{
    (void)ctx;
    (void)command;
}

static void pass_message(void *ctx, const struct store_message *message)
{
    (void)ctx;
    (void)message;
}

static void pass_session(void *ctx, const struct store_session *session)
{
    (void)ctx;
    (void)session;
}

void fixture_visit_all(struct store *store)
{
    assert_int_equal(store_commands_visit(store, pass_command, NULL), 0);
    assert_int_equal(store_devices_visit(store, pass_device, NULL), 0);
    assert_true(store_messages_visit(store, 0, 100000, pass_message, NULL) >= 0);
    assert_int_equal(store_observations_visit(store, pass_observation, NULL), 0);
    assert_int_equal(store_sessions_visit(store, pass_session, NULL), 0);
}

struct fixture_seen fixture_visit(struct store *store)
{
    struct fixture_seen seen = { 0 };
    assert_int_equal(store_commands_visit(store, see_command, &seen), 0);
    assert_int_equal(store_devices_visit(store, see_device, &seen), 0);
    assert_true(store_messages_visit(store, 0, 1000, see_message, &seen) >= 0);
    assert_int_equal(store_observations_visit(store, see_observation, &seen), 0);
    assert_int_equal(store_sessions_visit(store, see_session, &seen), 0);
    return seen;
}

void fixture_expect_one_of_each(struct store *store)
{
    struct fixture_seen seen = fixture_visit(store);
    assert_string_equal(seen.text, "command 3 urn:a dn/urn:a {} resp 11 22 4 55 0;"
                                   "device 1 urn:a 17 257 300 1234567890123 3 6 9 r lt=300 </1/0>;"
                                   "message 5 urn:a up/resp {\"x\":1} corr 1 1;"
                                   "observation 1 urn:a tok 2 /3/0 pmin=1 112 1 ,\"reqID\":1 60 2;"
                                   "session 9 id r secret;");
}
