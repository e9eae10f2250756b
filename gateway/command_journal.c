#include "gateway/command_journal.h"

#include "gateway/json_text.h"
#include "gateway/store/commands.h"

#include "lwm2m/hash/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_MAX ((size_t)64 * 1024 * 1024) /* bytes of a command that is written anew */
#define NO_DEADLINE UINT64_MAX

/* A command that was taken lately. */
struct recent {
    uint64_t id; /* 0: none */
    uint64_t digest;
    uint16_t packet_id;
    bool ended; /* only the row that remembers it is left */
};

struct command_journal {
    struct command_journal_settings settings;
    struct recent recent[COMMAND_JOURNAL_RECENT];
    size_t next;      /* place of the next one, and of the oldest */
    uint64_t last_id; /* without a store */
};

struct command_journal *command_journal_new(const struct command_journal_settings *settings)
{
    struct command_journal *journal = calloc(1, sizeof(*journal));
    if (journal != NULL) {
        journal->settings = *settings;
    }
    return journal;
}

void command_journal_free(struct command_journal *journal)
{
    free(journal);
}

/* --- rows; without a store there are none --- */

static uint64_t next_id(struct command_journal *journal)
{
    struct store *store = journal->settings.store;
    return store != NULL ? store_command_next_id(store) : ++journal->last_id;
}

static void put_row(struct command_journal *journal, const struct store_command *row)
{
    if (journal->settings.store != NULL) {
        store_command_put(journal->settings.store, row);
    }
}

static void delete_row(struct command_journal *journal, uint64_t id)
{
    if (journal->settings.store != NULL) {
        store_command_delete(journal->settings.store, id);
    }
}

/* Puts a row and makes it durable, or leaves nothing of it. */
static int keep_row(struct command_journal *journal, const struct store_command *row)
{
    struct store *store = journal->settings.store;
    if (store == NULL) {
        return 0;
    }
    if (store_health(store) != STORE_WELL) {
        return -ENOSPC; /* what is left of it is for the ends of commands */
    }
    size_t mark = store_mark(store);
    store_command_put(store, row);
    if (store_health(store) != STORE_WELL) {
        return -ENOSPC; /* there was no room for it among the changes: it is not one of them */
    }
    int err = journal->settings.commit(journal->settings.ctx);
    if (err != 0) {
        store_rewind(store, mark);
    }
    return err;
}

/* --- what was taken lately --- */

/* The key is no secret: the digest must be the same in the next process. */
static uint64_t digest_of(const struct mqtt_message *message)
{
    const uint64_t key[2] = { 0x6c776d326d717474, message->correlation.len };
    const uint64_t parts[3] = {
        lwm2m_siphash(key, message->topic, strlen(message->topic)),
        lwm2m_siphash(key, message->payload.data != NULL ? message->payload.data : "",
                      message->payload.len),
        lwm2m_siphash(key, message->correlation.data != NULL ? message->correlation.data : "",
                      message->correlation.len),
    };
    return lwm2m_siphash(key, parts, sizeof(parts));
}

static bool is_recent(const struct command_journal *journal, const struct mqtt_message *message)
{
    uint64_t digest = digest_of(message);
    for (size_t i = 0; i < COMMAND_JOURNAL_RECENT; i++) {
        const struct recent *recent = &journal->recent[i];
        if (recent->id != 0 && recent->packet_id == message->packet_id &&
            recent->digest == digest) {
            return true;
        }
    }
    return false;
}

bool command_journal_knows(const struct command_journal *journal,
                           const struct mqtt_message *message)
{
    return journal != NULL && message->duplicate && message->packet_id != 0 &&
           is_recent(journal, message);
}

static void remember(struct command_journal *journal, const struct recent *recent)
{
    struct recent *place = &journal->recent[journal->next];
    if (place->id != 0 && place->ended) {
        delete_row(journal, place->id);
    }
    *place = *recent;
    journal->next = (journal->next + 1) % COMMAND_JOURNAL_RECENT;
}

static struct recent *find_recent(struct command_journal *journal, uint64_t id)
{
    for (size_t i = 0; i < COMMAND_JOURNAL_RECENT; i++) {
        if (journal->recent[i].id == id) {
            return &journal->recent[i];
        }
    }
    return NULL;
}

/* --- the life of a command --- */

/* The request's deadline on the clock of the wall, which goes on while no gateway runs. */
static uint64_t deadline_of(const struct command_journal *journal, const struct command *command,
                            uint64_t wall_ms)
{
    uint64_t now_ms = journal->settings.now_ms(journal->settings.ctx);
    uint64_t expires_ms = command->request.expires_ms;
    if (command->request.send_now) {
        return wall_ms;
    }
    if (expires_ms == LWM2M_TIMERS_NEVER) {
        return NO_DEADLINE;
    }
    return wall_ms + (expires_ms > now_ms ? expires_ms - now_ms : 0);
}

static bool changes(const struct command *command)
{
    return lwm2m_request_changes(&command->request);
}

/* Packet identifiers are 16 bits; a message of QoS 0 has none, and is never repeated. */
int command_journal_take(struct command_journal *journal, const char *endpoint,
                         const struct mqtt_message *message, struct command *command, bool at_once)
{
    if (journal == NULL) {
        return 0;
    }
    uint64_t wall_ms = journal->settings.wall_ms(journal->settings.ctx);
    struct store_command row = {
        .id = next_id(journal),
        .endpoint = endpoint,
        .topic = message->topic,
        .payload = message->payload.data,
        .payload_len = message->payload.len,
        .response_topic = command->response_topic,
        .correlation = command->correlation,
        .correlation_len = command->correlation_len,
        .arrived_wall_ms = wall_ms,
        .deadline_wall_ms = deadline_of(journal, command, wall_ms),
        .packet_id = message->packet_id,
        .digest = message->packet_id != 0 ? digest_of(message) : 0,
        .maybe_executed = at_once && changes(command),
    };
    int err = keep_row(journal, &row);
    if (err != 0) {
        return err;
    }
    command->stored_id = row.id;
    command->stored_as_sent = row.maybe_executed;
    if (message->packet_id != 0) {
        const struct recent recent = { row.id, row.digest, message->packet_id, false };
        remember(journal, &recent);
    }
    return 0;
}

void command_journal_sent(struct command_journal *journal, struct command *command)
{
    if (journal == NULL || journal->settings.store == NULL || command->stored_id == 0 ||
        command->stored_as_sent || !changes(command)) {
        return;
    }
    store_command_attempted(journal->settings.store, command->stored_id);
    command->stored_as_sent = true;
}

/* What is left of a command that ended: enough to know it again. */
static void put_ended(struct command_journal *journal, const struct recent *recent)
{
    const struct store_command row = {
        .id = recent->id,
        .endpoint = "",
        .topic = "",
        .deadline_wall_ms = NO_DEADLINE,
        .packet_id = recent->packet_id,
        .digest = recent->digest,
    };
    put_row(journal, &row);
}

void command_journal_note(struct command_journal *journal, const struct mqtt_message *message)
{
    if (journal == NULL || message->packet_id == 0 || is_recent(journal, message)) {
        return;
    }
    const struct recent recent = { next_id(journal), digest_of(message), message->packet_id, true };
    remember(journal, &recent);
    put_ended(journal, &recent);
}

void command_journal_end(struct command_journal *journal, const struct command *command)
{
    if (journal == NULL || command->stored_id == 0) {
        return;
    }
    struct recent *recent = find_recent(journal, command->stored_id);
    if (recent == NULL) {
        delete_row(journal, command->stored_id);
        return;
    }
    recent->ended = true;
    put_ended(journal, recent);
}

void command_journal_forget(struct command_journal *journal)
{
    for (size_t i = 0; journal != NULL && i < COMMAND_JOURNAL_RECENT; i++) {
        struct recent *recent = &journal->recent[i];
        if (recent->id != 0 && recent->ended) {
            delete_row(journal, recent->id);
        }
        *recent = (struct recent){ 0 };
    }
}

/* --- the start --- */

bool command_journal_restore(struct command_journal *journal, const struct store_command *row,
                             struct mqtt_message *message)
{
    bool ended = row->payload_len == 0;
    const struct recent recent = { row->id, row->digest, (uint16_t)row->packet_id, ended };
    if (row->packet_id != 0) {
        remember(journal, &recent);
    }
    *message = (struct mqtt_message){
        .topic = row->topic,
        .payload = { row->payload, row->payload_len },
        .response_topic = { row->response_topic,
                            row->response_topic != NULL ? strlen(row->response_topic) : 0 },
        .correlation = { row->correlation, row->correlation_len },
    };
    return !ended;
}

void command_journal_resume(const struct command_journal *journal, const struct store_command *row,
                            struct command *command)
{
    uint64_t now_ms = journal->settings.now_ms(journal->settings.ctx);
    uint64_t wall_ms = journal->settings.wall_ms(journal->settings.ctx);
    uint64_t age_ms = wall_ms > row->arrived_wall_ms ? wall_ms - row->arrived_wall_ms : 0;
    command->stored_id = row->id;
    command->stored_as_sent = row->maybe_executed;
    command->taken_ms = now_ms > age_ms ? now_ms - age_ms : 0;
    command->request.maybe_executed = row->maybe_executed && changes(command);
    command->request.expires_ms = LWM2M_TIMERS_NEVER;
    if (row->deadline_wall_ms != NO_DEADLINE) {
        command->request.expires_ms =
            now_ms + (row->deadline_wall_ms > wall_ms ? row->deadline_wall_ms - wall_ms : 0);
    }
}

/* --- a lost file --- */

/* The command as it would have been sent: all its members are kept for its answer. */
static void write_command(struct lwm2m_buffer *text, const struct command *command)
{
    JSON_LITERAL(text, "{\"msgType\":");
    json_string(text, command->msg_type);
    lwm2m_buffer_append(text, command->echo.text, command->echo.len);
    JSON_LITERAL(text, ",\"data\":");
    lwm2m_buffer_append(text, command->data.text, command->data.len);
    JSON_LITERAL(text, "}");
}

void command_journal_rewrite(struct command_journal *journal, const char *endpoint,
                             const struct command *command)
{
    struct lwm2m_buffer text;
    if (journal == NULL || command->stored_id == 0) {
        return;
    }
    uint64_t wall_ms = journal->settings.wall_ms(journal->settings.ctx);
    const struct recent *recent = find_recent(journal, command->stored_id);
    lwm2m_buffer_init(&text, COMMAND_MAX);
    write_command(&text, command);
    const struct store_command row = {
        .id = command->stored_id,
        .endpoint = endpoint,
        .topic = "",
        .payload = text.data,
        .payload_len = text.len,
        .response_topic = command->response_topic,
        .correlation = command->correlation,
        .correlation_len = command->correlation_len,
        .arrived_wall_ms = wall_ms,
        .deadline_wall_ms = deadline_of(journal, command, wall_ms),
        .packet_id = recent != NULL ? recent->packet_id : 0,
        .digest = recent != NULL ? recent->digest : 0,
        .maybe_executed = command->stored_as_sent,
    };
    if (text.err == 0) {
        put_row(journal, &row);
    }
    lwm2m_buffer_deinit(&text);
}

void command_journal_rewrite_ended(struct command_journal *journal)
{
    for (size_t i = 0; journal != NULL && i < COMMAND_JOURNAL_RECENT; i++) {
        if (journal->recent[i].id != 0 && journal->recent[i].ended) {
            put_ended(journal, &journal->recent[i]);
        }
    }
}
