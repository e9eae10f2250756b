/* Commands in the store: until when, what a repetition is, and how they come back. */
#include "store_fixture.h"

#include "gateway/command_journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a journal on the store of the fixture --- */

static int commit_result;

static uint64_t now_ms(void *ctx)
{
    return ((struct store_fixture *)ctx)->now_ms;
}

static uint64_t wall_ms(void *ctx)
{
    return ((struct store_fixture *)ctx)->wall_ms;
}

static int commit(void *ctx)
{
    return commit_result != 0 ? commit_result : store_commit(((struct store_fixture *)ctx)->store);
}

static struct command_journal *open_journal(struct store_fixture *fixture)
{
    const struct command_journal_settings settings = {
        .store = fixture->store,
        .ctx = fixture,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .commit = commit,
    };
    struct command_journal *journal = command_journal_new(&settings);
    commit_result = 0;
    assert_non_null(journal);
    return journal;
}

static struct mqtt_message message_of(const char *payload, uint16_t packet_id)
{
    return (struct mqtt_message){
        .topic = "dn/meter",
        .payload = { payload, strlen(payload) },
        .packet_id = packet_id,
    };
}

static struct command *command_of(const char *payload)
{
    const struct command_context context = { .max_records = 10 };
    struct command *command = NULL;
    struct command_refusal refusal;
    assert_int_equal(command_parse(payload, strlen(payload), &context, &command, &refusal), 0);
    return command;
}

#define READ    "{\"msgType\":\"read\",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}"
#define EXECUTE "{\"msgType\":\"execute\",\"reqID\":2,\"data\":{\"path\":\"/3/0/4\"}}"

static struct command *taken(struct command_journal *journal, const char *payload,
                             uint16_t packet_id, bool at_once)
{
    struct command *command = command_of(payload);
    const struct mqtt_message message = message_of(payload, packet_id);
    assert_int_equal(command_journal_take(journal, "meter", &message, command, at_once), 0);
    return command;
}

struct seen {
    struct command_journal *journal; /* what is read goes there */
    size_t alive;
    size_t ended;
    bool maybe_executed;
    uint64_t deadline_wall_ms;
    char payload[200];
};

static void see(void *ctx, const struct store_command *row)
{
    struct seen *seen = ctx;
    struct mqtt_message message;
    if (!command_journal_restore(seen->journal, row, &message)) {
        seen->ended++;
        return;
    }
    seen->alive++;
    seen->maybe_executed = row->maybe_executed;
    seen->deadline_wall_ms = row->deadline_wall_ms;
    snprintf(seen->payload, sizeof(seen->payload), "%.*s", (int)message.payload.len,
             message.payload.data);
}

/* What the next start finds; its journal is the caller's. */
static struct seen restart(struct store_fixture *fixture, struct command_journal *journal)
{
    assert_int_equal(store_commit(fixture->store), 0);
    command_journal_free(journal);
    fixture_reopen(fixture);
    struct seen seen = { .journal = open_journal(fixture) };
    assert_int_equal(store_commands_visit(fixture->store, see, &seen), 0);
    return seen;
}

/* --- tests --- */

static void a_command_is_there_until_its_end(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = taken(journal, READ, 0, true);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive, 1);
    assert_string_equal(seen.payload, READ);
    command_journal_end(seen.journal, command);
    seen = restart(fixture, seen.journal);
    assert_int_equal(seen.alive, 0);
    assert_int_equal(seen.ended, 0); /* QoS 0: nobody repeats it */
    command_journal_free(seen.journal);
    command_free(command);
}

static void what_cannot_be_committed_is_not_taken(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = command_of(READ);
    const struct mqtt_message message = message_of(READ, 7);
    commit_result = -ENOSPC;
    assert_int_equal(command_journal_take(journal, "meter", &message, command, true), -ENOSPC);
    assert_false(store_is_pending(fixture->store));
    assert_int_equal(command->stored_id, 0);
    command_free(command);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive + seen.ended, 0);
    command_journal_free(seen.journal);
}

/* Changes that find no room are written from what the process holds: this it does not hold yet. */
static void what_finds_no_room_among_the_changes_is_not_taken(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_close(fixture);
    fixture->settings.max_pending = 100;
    fixture_open(fixture);
    struct command_journal *journal = open_journal(fixture);
    struct command *command = command_of(READ);
    const struct mqtt_message message = message_of(READ, 7);
    assert_int_equal(command_journal_take(journal, "meter", &message, command, true), -ENOSPC);
    assert_int_equal(command->stored_id, 0);
    command_free(command);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive + seen.ended, 0);
    command_journal_free(seen.journal);
}

static void a_repetition_is_known(void **state)
{
    static const struct {
        const char *what, *payload;
        uint16_t packet_id;
        bool duplicate, known;
    } cases[] = {
        { "the same", READ, 7, true, true },
        { "the same, but not marked", READ, 7, false, false },
        { "of another identifier", READ, 8, true, false },
        { "of other content", EXECUTE, 7, true, false },
        { "without an identifier", READ, 0, true, false },
    };
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = taken(journal, READ, 7, true);
    for (int round = 0; round < 3; round++) { /* under way, after its end, after a restart */
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct mqtt_message message = message_of(cases[i].payload, cases[i].packet_id);
            message.duplicate = cases[i].duplicate;
            if (command_journal_knows(journal, &message) != cases[i].known) {
                fail_msg("round %d: %s", round, cases[i].what);
            }
        }
        if (round == 0) {
            command_journal_end(journal, command);
        } else if (round == 1) {
            struct seen seen = restart(fixture, journal);
            assert_int_equal(seen.alive, 0);
            assert_int_equal(seen.ended, 1);
            journal = seen.journal;
        }
    }
    command_journal_forget(journal);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive + seen.ended, 0);
    command_journal_free(seen.journal);
    command_free(command);
}

static bool repetition_is_known(const struct command_journal *journal, const char *payload,
                                uint16_t packet_id)
{
    struct mqtt_message message = message_of(payload, packet_id);
    message.duplicate = true;
    return command_journal_knows(journal, &message);
}

static void what_was_answered_at_once_is_known(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    const struct mqtt_message message = message_of("nonsense", 7);
    command_journal_note(journal, &message);
    command_journal_note(journal, &message);
    assert_true(repetition_is_known(journal, "nonsense", 7));
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive, 0);
    assert_int_equal(seen.ended, 1);
    assert_true(repetition_is_known(seen.journal, "nonsense", 7));
    assert_false(repetition_is_known(seen.journal, "nonsense", 8));
    command_journal_free(seen.journal);
}

static void a_taken_command_is_not_noted_again(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = taken(journal, READ, 7, true);
    const struct mqtt_message message = message_of(READ, 7);
    command_journal_note(journal, &message);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive, 1);
    assert_int_equal(seen.ended, 0);
    command_journal_free(seen.journal);
    command_free(command);
}

static void a_correlation_makes_another_command(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = taken(journal, READ, 7, true);
    struct mqtt_message message = message_of(READ, 7);
    message.duplicate = true;
    message.correlation = (struct mqtt_bytes){ "x", 1 };
    assert_false(command_journal_knows(journal, &message));
    command_free(command);
    command_journal_free(journal);
}

static void only_the_last_ones_are_remembered(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *waiting = taken(journal, READ, 1, false);
    for (uint16_t id = 2; id <= 3 + COMMAND_JOURNAL_RECENT; id++) {
        struct command *command = taken(journal, READ, id, true);
        command_journal_end(journal, command);
        command_free(command);
    }
    struct mqtt_message message = message_of(READ, 3);
    message.duplicate = true;
    assert_false(command_journal_knows(journal, &message));
    message.packet_id = 4;
    assert_true(command_journal_knows(journal, &message));
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive, 1); /* it waits, however long ago it came */
    assert_int_equal(seen.ended, COMMAND_JOURNAL_RECENT);
    command_journal_end(seen.journal, waiting);
    seen = restart(fixture, seen.journal);
    assert_int_equal(seen.alive, 0);
    assert_int_equal(seen.ended, COMMAND_JOURNAL_RECENT);
    command_journal_free(seen.journal);
    command_free(waiting);
}

static void an_attempt_to_change_something_is_on_record(void **state)
{
    static const struct {
        const char *payload;
        bool at_once, sent, maybe_executed;
    } cases[] = {
        { EXECUTE, false, false, false }, { EXECUTE, false, true, true },
        { EXECUTE, true, false, true },   { READ, false, true, false },
        { READ, true, true, false },
    };
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command *command = taken(journal, cases[i].payload, 0, cases[i].at_once);
        if (cases[i].sent) {
            command_journal_sent(journal, command);
        }
        struct seen seen = restart(fixture, journal);
        journal = seen.journal;
        assert_int_equal(seen.alive, 1);
        assert_int_equal(seen.maybe_executed, cases[i].maybe_executed);
        command_journal_end(journal, command);
        command_free(command);
    }
    command_journal_free(journal);
}

static void deadlines_go_on_by_the_clock_of_the_wall(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = command_of(EXECUTE);
    const struct mqtt_message message = message_of(EXECUTE, 0);
    command->request.expires_ms = fixture->now_ms + 60000;
    assert_int_equal(command_journal_take(journal, "meter", &message, command, true), 0);
    struct store_command row = {
        .id = command->stored_id,
        .arrived_wall_ms = fixture->wall_ms,
        .deadline_wall_ms = fixture->wall_ms + 60000,
        .maybe_executed = true,
    };
    struct seen seen = restart(fixture, journal);
    assert_true(seen.deadline_wall_ms == row.deadline_wall_ms);

    fixture->now_ms = 1000000;
    fixture->wall_ms += 20000;
    command_journal_resume(seen.journal, &row, command);
    assert_int_equal(command->request.expires_ms, 1040000);
    assert_int_equal(command->taken_ms, 980000);
    assert_true(command->request.maybe_executed);
    fixture->wall_ms += 100000;
    command_journal_resume(seen.journal, &row, command);
    assert_int_equal(command->request.expires_ms, 1000000);
    row.deadline_wall_ms = UINT64_MAX;
    command_journal_resume(seen.journal, &row, command);
    assert_true(command->request.expires_ms == LWM2M_TIMERS_NEVER);
    command_journal_free(seen.journal);
    command_free(command);
}

static void what_is_to_be_sent_now_does_not_outlive_a_restart(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = command_of(READ);
    const struct mqtt_message message = message_of(READ, 0);
    command->request.send_now = true;
    assert_int_equal(command_journal_take(journal, "meter", &message, command, true), 0);
    struct seen seen = restart(fixture, journal);
    assert_true(seen.deadline_wall_ms == fixture->wall_ms);
    command_journal_free(seen.journal);
    command_free(command);
}

static void a_command_is_written_anew_with_all_its_members(void **state)
{
    struct store_fixture *fixture = *state;
    struct command_journal *journal = open_journal(fixture);
    struct command *command = taken(journal, EXECUTE, 7, true);
    command_journal_rewrite(journal, "meter", command);
    command_journal_rewrite_ended(journal);
    struct seen seen = restart(fixture, journal);
    assert_int_equal(seen.alive, 1);
    assert_true(seen.maybe_executed);
    struct command *again = command_of(seen.payload);
    assert_string_equal(again->msg_type, "execute");
    assert_int_equal(again->echo.len, command->echo.len);
    assert_memory_equal(again->echo.text, ",\"reqID\":2", 10);
    struct mqtt_message message = message_of(EXECUTE, 7);
    message.duplicate = true;
    assert_true(command_journal_knows(seen.journal, &message));
    command_journal_free(seen.journal);
    command_free(again);
    command_free(command);
}

static void without_a_store_repetitions_are_known_all_the_same(void **state)
{
    struct store_fixture fixture = { 0 };
    struct command_journal *journal = open_journal(&fixture);
    struct command *command = taken(journal, EXECUTE, 7, true);
    const struct mqtt_message nonsense = message_of("nonsense", 8);
    (void)state;
    command_journal_sent(journal, command);
    command_journal_note(journal, &nonsense);
    command_journal_end(journal, command);
    assert_true(repetition_is_known(journal, EXECUTE, 7));
    assert_true(repetition_is_known(journal, "nonsense", 8));
    command_journal_forget(journal);
    assert_false(repetition_is_known(journal, EXECUTE, 7));
    command_journal_free(journal);
    command_free(command);
}

static void without_a_journal_nothing_is_kept(void **state)
{
    struct command *command = command_of(READ);
    struct mqtt_message message = message_of(READ, 7);
    (void)state;
    message.duplicate = true;
    assert_int_equal(command_journal_take(NULL, "meter", &message, command, true), 0);
    assert_false(command_journal_knows(NULL, &message));
    command_journal_note(NULL, &message);
    command_journal_sent(NULL, command);
    command_journal_end(NULL, command);
    command_journal_forget(NULL);
    command_journal_rewrite(NULL, "meter", command);
    command_journal_rewrite_ended(NULL);
    command_free(command);
}

static int set_up(void **state)
{
    int result = fixture_set_up(state);
    if (result == 0) {
        fixture_open(*state);
    }
    return result;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_is_there_until_its_end),
        TEST(what_cannot_be_committed_is_not_taken),
        TEST(what_finds_no_room_among_the_changes_is_not_taken),
        TEST(a_repetition_is_known),
        TEST(what_was_answered_at_once_is_known),
        TEST(a_taken_command_is_not_noted_again),
        TEST(a_correlation_makes_another_command),
        TEST(only_the_last_ones_are_remembered),
        TEST(an_attempt_to_change_something_is_on_record),
        TEST(deadlines_go_on_by_the_clock_of_the_wall),
        TEST(what_is_to_be_sent_now_does_not_outlive_a_restart),
        TEST(a_command_is_written_anew_with_all_its_members),
        TEST(without_a_store_repetitions_are_known_all_the_same),
        TEST(without_a_journal_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
