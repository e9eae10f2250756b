/* The backlog with a store behind it, against a broker that does what each test wants. */
#include "fake_disk.h"
#include "gateway/backlog.h"
#include "store_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 2000, IDS_MAX = 5000 };

struct fake {
    struct store_fixture *fixture;
    struct backlog_settings settings;
    struct backlog *backlog;
    char taken[TEXT_MAX]; /* payloads, one after the other */
    uint64_t ids[IDS_MAX];
    size_t count;
    size_t answered;
    char settled[TEXT_MAX]; /* "+5" kept, "-5" not; the number is the receipt's */
};

static void append(char text[TEXT_MAX], const char *more, size_t len)
{
    size_t used = strlen(text);
    assert_true(used + len < TEXT_MAX);
    memcpy(text + used, more, len);
    text[used + len] = '\0';
}

static int publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct fake *fake = ctx;
    assert_true(fake->count < IDS_MAX);
    append(fake->taken, message->payload, message->payload_len);
    fake->ids[fake->count++] = id;
    return 0;
}

static void settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    struct fake *fake = ctx;
    char text[30];
    int len = snprintf(text, sizeof(text), "%c%u", kept ? '+' : '-', (unsigned)receipt->device);
    append(fake->settled, text, (size_t)len);
}

static void given_up(void *ctx, const struct backlog_message *message, int err)
{
    (void)ctx;
    (void)message;
    (void)err;
}

static void begin(struct fake *fake, struct store_fixture *fixture)
{
    fixture_open(fixture);
    *fake = (struct fake){ .fixture = fixture };
    fake->settings = (struct backlog_settings){
        .max_waiting = 1000,
        .max_inflight = 100,
        .store = fixture->store,
        .max_stored = 1024 * 1024,
        .ctx = fake,
        .publish = publish,
        .settled = settled,
        .given_up = given_up,
    };
    assert_int_equal(backlog_new(&fake->settings, &fake->backlog), 0);
}

/* The process dies and starts again. */
static void crash(struct fake *fake)
{
    backlog_free(fake->backlog);
    size_t nothing = 0;
    store_rewind(fake->fixture->store, nothing);
    fixture_reopen(fake->fixture);
    fake->settings.store = fake->fixture->store;
    assert_int_equal(backlog_new(&fake->settings, &fake->backlog), 0);
    fake->taken[0] = fake->settled[0] = '\0';
    fake->count = fake->answered = 0;
}

static void turn(struct fake *fake)
{
    backlog_turn(fake->backlog, fake->fixture->now_ms, store_commit(fake->fixture->store) == 0);
    (void)store_commit(fake->fixture->store);
}

struct wanted {
    const char *endpoint;
    const char *payload;
    unsigned receipt; /* 0: none */
    bool answer, keep;
};

static int put(struct fake *fake, const struct wanted *wanted)
{
    struct lwm2m_receipt receipt = { .device = wanted->receipt };
    const struct backlog_message message = {
        .topic = "t",
        .endpoint = wanted->endpoint,
        .payload = wanted->payload,
        .payload_len = strlen(wanted->payload),
        .qos = 1,
        .answer = wanted->answer,
        .keep = wanted->keep,
        .receipt = wanted->receipt != 0 ? &receipt : NULL,
    };
    return backlog_put(fake->backlog, &message);
}

#define PUT(fake_, ...) assert_int_equal(put((fake_), &(struct wanted){ __VA_ARGS__ }), 0)

/* The broker's word on everything that it has not judged yet. */
static void judge(struct fake *fake, enum backlog_outcome outcome)
{
    while (fake->answered < fake->count) {
        backlog_published(fake->backlog, fake->ids[fake->answered++], outcome);
    }
}

static void end(struct fake *fake)
{
    backlog_free(fake->backlog);
}

/* --- an outage --- */

static void in_an_outage_a_receipt_is_settled_by_the_commit(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    PUT(&fake, .endpoint = "a", .payload = "1", .receipt = 1);
    assert_string_equal(fake.settled, "");
    turn(&fake);
    assert_string_equal(fake.settled, "+1");
    assert_int_equal(backlog_waiting(fake.backlog), 0);
    assert_int_equal(backlog_stored(fake.backlog), 1);
    backlog_open(fake.backlog);
    assert_string_equal(fake.taken, "");
    turn(&fake);
    assert_string_equal(fake.taken, "1");
    judge(&fake, BACKLOG_CONFIRMED);
    assert_string_equal(fake.settled, "+1");
    assert_int_equal(backlog_stored(fake.backlog), 0);
    end(&fake);
}

static void what_waits_when_the_broker_goes_moves_into_the_store_in_order(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "1", .receipt = 1);
    PUT(&fake, .endpoint = "a", .payload = "2");
    PUT(&fake, .endpoint = "a", .payload = "3", .receipt = 3);
    turn(&fake);
    assert_string_equal(fake.taken, "123");
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    backlog_close(fake.backlog);
    fake.answered = 0;
    judge(&fake, BACKLOG_LOST);
    assert_string_equal(fake.settled, "");
    turn(&fake);
    assert_string_equal(fake.settled, "+1+3");
    PUT(&fake, .endpoint = "a", .payload = "4");
    turn(&fake);
    assert_int_equal(backlog_unsafe(fake.backlog), 0);
    crash(&fake);
    assert_int_equal(backlog_stored(fake.backlog), 3);
    backlog_open(fake.backlog);
    turn(&fake);
    assert_string_equal(fake.taken, "134");
    end(&fake);
}

static void a_loss_after_the_commit_settles_as_well(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "1", .receipt = 1);
    backlog_close(fake.backlog);
    turn(&fake);
    assert_string_equal(fake.settled, "+1"); /* its row is durable, whatever the broker says */
    judge(&fake, BACKLOG_LOST);
    assert_string_equal(fake.settled, "+1");
    backlog_open(fake.backlog);
    turn(&fake);
    assert_string_equal(fake.taken, "11");
    end(&fake);
}

static void memory_holds_none_of_a_long_outage(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    char payload[2] = "x";
    for (unsigned i = 0; i < 5000; i++) {
        PUT(&fake, .endpoint = "a", .payload = payload, .receipt = 0);
        if (i % 100 == 99) {
            turn(&fake);
            assert_int_equal(backlog_waiting(fake.backlog), 0);
        }
    }
    assert_int_equal(backlog_stored(fake.backlog), 5000);
    end(&fake);
}

/* --- order and rate --- */

static void newer_messages_of_a_device_go_behind_its_stored_ones(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    PUT(&fake, .endpoint = "a", .payload = "1");
    PUT(&fake, .endpoint = "a", .payload = "2");
    turn(&fake);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "3");
    PUT(&fake, .endpoint = "b", .payload = "B");
    PUT(&fake, .endpoint = "a", .payload = "!", .answer = true);
    assert_string_equal(fake.taken, "");
    turn(&fake);
    assert_string_equal(fake.taken, "123B!");
    judge(&fake, BACKLOG_CONFIRMED);
    PUT(&fake, .endpoint = "a", .payload = "4");
    assert_string_equal(fake.taken, "123B!4"); /* nothing of it is stored any more */
    end(&fake);
}

static void stored_messages_leave_at_a_bounded_rate(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_free(fake.backlog);
    fake.settings.drain_rate = 100;
    assert_int_equal(backlog_new(&fake.settings, &fake.backlog), 0);
    for (int i = 0; i < 50; i++) {
        PUT(&fake, .endpoint = "a", .payload = ".");
    }
    turn(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    size_t burst = fake.count;
    assert_true(burst >= 1 && burst <= 10); /* a tenth of a second's worth */
    for (int i = 0; i < 10; i++) {
        assert_true(backlog_next_ms(fake.backlog) <= fake.fixture->now_ms + 10);
        fake.fixture->now_ms += 10;
        turn(&fake);
        judge(&fake, BACKLOG_CONFIRMED);
    }
    assert_int_equal(fake.count, burst + 10);
    PUT(&fake, .endpoint = "b", .payload = "live");
    assert_int_equal(fake.count, burst + 11);
    end(&fake);
}

static void stored_messages_take_half_of_the_slots_at_most(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    for (int i = 0; i < 300; i++) {
        PUT(&fake, .endpoint = "a", .payload = ".");
    }
    turn(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    assert_int_equal(fake.count, 50);
    for (int i = 0; i < 100; i++) {
        judge(&fake, BACKLOG_CONFIRMED);
        turn(&fake);
    }
    assert_int_equal(fake.count, 300);
    assert_int_equal(backlog_next_ms(fake.backlog), UINT64_MAX);
    end(&fake);
}

static void a_loss_while_the_store_is_worked_off(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    PUT(&fake, .endpoint = "a", .payload = "1");
    PUT(&fake, .endpoint = "a", .payload = "2");
    PUT(&fake, .endpoint = "a", .payload = "3");
    turn(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    PUT(&fake, .endpoint = "b",
        .payload = "B"); /* the usual way: its number is above the stored ones */
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    backlog_close(fake.backlog);
    fake.answered = 1;
    judge(&fake, BACKLOG_LOST);
    PUT(&fake, .endpoint = "a", .payload = "4");
    turn(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    turn(&fake);
    assert_string_equal(fake.taken, "123B23B4");
    end(&fake);
}

/* --- what must survive while the broker is there --- */

static void a_message_to_keep_leaves_after_the_commit(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "1");
    PUT(&fake, .endpoint = "a", .payload = "k", .keep = true);
    PUT(&fake, .endpoint = "a", .payload = "2");
    assert_string_equal(fake.taken, "1");
    turn(&fake);
    assert_string_equal(fake.taken, "1k2");
    crash(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    assert_string_equal(fake.taken, "k");
    judge(&fake, BACKLOG_CONFIRMED);
    turn(&fake);
    crash(&fake);
    assert_int_equal(backlog_stored(fake.backlog), 0);
    end(&fake);
}

static void a_kept_message_among_stored_ones_is_not_read_twice(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    PUT(&fake, .endpoint = "a", .payload = "1");
    turn(&fake);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "b", .payload = "k", .keep = true);
    PUT(&fake, .endpoint = "a", .payload = "2");
    turn(&fake);
    turn(&fake);
    turn(&fake);
    assert_string_equal(fake.taken, "12k");
    judge(&fake, BACKLOG_CONFIRMED);
    turn(&fake);
    assert_int_equal(backlog_stored(fake.backlog), 0);
    crash(&fake);
    assert_int_equal(backlog_stored(fake.backlog), 0);
    end(&fake);
}

/* --- bounds --- */

static void count_message(void *ctx, const struct store_message *message)
{
    (void)message;
    (*(size_t *)ctx)++;
}

/* The file is mended while its rows are counted, which begins anew. */
static void rows_that_are_read_twice_are_counted_once(void **state)
{
    struct store_fixture *fixture = *state;
    struct fake fake;
    char payload[20];
    begin(&fake, fixture);
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(payload, sizeof(payload), "message %u.", i);
        PUT(&fake, .endpoint = "a", .payload = payload);
    }
    turn(&fake);
    backlog_free(fake.backlog);
    fixture_close(fixture);
    fixture_damage_page_of(fixture, "message 300.");
    fixture_open(fixture);
    fake.settings.store = fixture->store;
    assert_int_equal(backlog_new(&fake.settings, &fake.backlog), 0);
    size_t rows = 0;
    assert_true(store_messages_visit(fixture->store, 0, 1000, count_message, &rows) > 0);
    assert_in_range(rows, 400, 599);
    assert_int_equal(backlog_stored(fake.backlog), rows);
    end(&fake);
}

static void a_full_store_refuses(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_free(fake.backlog);
    fake.settings.max_stored = 1000;
    assert_int_equal(backlog_new(&fake.settings, &fake.backlog), 0);
    int accepted = 0;
    while (put(&fake, &(struct wanted){ .endpoint = "a", .payload = "0123456789", .receipt = 1 }) ==
           0) {
        accepted++;
        turn(&fake);
    }
    assert_in_range(accepted, 20, 40);
    assert_int_equal(
        put(&fake, &(struct wanted){ .endpoint = "a", .payload = "answer", .answer = true }), 0);
    turn(&fake);
    assert_int_equal(backlog_dropped(fake.backlog), 0);
    assert_int_equal(backlog_stored(fake.backlog), accepted + 1);
    end(&fake);
}

static void the_oldest_make_room_but_for_answers(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    backlog_free(fake.backlog);
    fake.settings.max_stored = 10000;
    fake.settings.drop_oldest = true;
    assert_int_equal(backlog_new(&fake.settings, &fake.backlog), 0);
    PUT(&fake, .endpoint = "a", .payload = "answer;", .answer = true);
    for (int i = 0; i < 1000; i++) {
        char payload[20];
        (void)snprintf(payload, sizeof(payload), "%d;", i);
        PUT(&fake, .endpoint = "a", .payload = payload);
        turn(&fake);
    }
    assert_in_range(backlog_stored(fake.backlog), 200, 400);
    assert_int_equal(backlog_stored(fake.backlog) + backlog_dropped(fake.backlog), 1001);
    crash(&fake);
    backlog_open(fake.backlog);
    for (int i = 0; i < 50; i++) {
        turn(&fake);
        judge(&fake, BACKLOG_CONFIRMED);
    }
    assert_int_equal(strncmp(fake.taken, "answer;", 7), 0);
    assert_string_equal(fake.taken + strlen(fake.taken) - 8, "998;999;");
    end(&fake);
}

static void the_oldest_make_room_when_the_file_is_full(void **state)
{
    struct store_fixture *fixture = *state;
    struct fake fake;
    char payload[1100];
    fixture->settings.max_bytes = 4 * 1024 * 1024;
    begin(&fake, fixture);
    backlog_free(fake.backlog);
    fake.settings.max_stored = 3 * 1024 * 1024;
    fake.settings.drop_oldest = true;
    assert_int_equal(backlog_new(&fake.settings, &fake.backlog), 0);
    memset(payload, 'x', sizeof(payload));
    payload[sizeof(payload) - 1] = '\0';
    int refused = 0;
    for (int i = 0; i < 6000; i++) {
        refused += put(&fake, &(struct wanted){ .endpoint = "a", .payload = payload }) != 0;
        if (i % 20 == 0) {
            fixture->now_ms += 1; /* much faster than a commit is tried again */
            turn(&fake);
        }
    }
    for (int i = 0; i < 100; i++) {
        fixture->now_ms += 20;
        turn(&fake);
    }
    PUT(&fake, .endpoint = "a", .payload = "last", .receipt = 9);
    turn(&fake);
    assert_string_equal(fake.settled, "+9");
    assert_true(refused < 5000);
    assert_in_range(backlog_stored(fake.backlog), 1000, 4000);
    end(&fake);
}

static void without_a_working_store_messages_wait_in_memory(void **state)
{
    struct fake fake;
    begin(&fake, *state);
    PUT(&fake, .endpoint = "a", .payload = "1", .receipt = 1);
    backlog_turn(fake.backlog, fake.fixture->now_ms, false); /* the commit failed */
    assert_string_equal(fake.settled, "");
    assert_int_equal(backlog_waiting(fake.backlog), 1);
    assert_int_equal(backlog_unsafe(fake.backlog), 1);
    turn(&fake);
    assert_string_equal(fake.settled, "+1");
    end(&fake);
}

/* The writes of the store fail from here on, until the disk says otherwise. */
static void begin_on(struct fake *fake, struct store_fixture *fixture, struct fake_disk *disk)
{
    *disk = (struct fake_disk){ 0 };
    fake_disk_insert(disk);
    begin(fake, fixture);
}

static void end_on(struct fake *fake)
{
    end(fake);
    fixture_close(fake->fixture);
    fake_disk_remove();
}

static void turn_later(struct fake *fake)
{
    fake->fixture->now_ms += 1000;
    turn(fake);
}

static void newer_messages_do_not_overtake_in_a_failing_store(void **state)
{
    struct fake fake;
    static struct fake_disk disk;
    begin_on(&fake, *state, &disk);
    PUT(&fake, .endpoint = "a", .payload = "1");
    PUT(&fake, .endpoint = "a", .payload = "2");
    turn(&fake);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "3", .receipt = 3);
    PUT(&fake, .endpoint = "b", .payload = "B", .keep = true);
    PUT(&fake, .endpoint = "a", .payload = "4", .keep = true);
    PUT(&fake, .endpoint = "c", .payload = "C");
    disk.write_fails = true;
    turn(&fake); /* 1 and 2 cannot be read now: the file does not say what is gone */
    assert_int_equal(store_health(fake.fixture->store), STORE_FAILING);
    assert_string_equal(fake.taken, "BC");
    turn_later(&fake);
    judge(&fake, BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "BC");
    assert_string_equal(fake.settled, "");
    disk.write_fails = false;
    turn_later(&fake);
    turn_later(&fake);
    assert_string_equal(fake.taken, "BC1234");
    judge(&fake, BACKLOG_CONFIRMED);
    assert_string_equal(fake.settled, "+3");
    assert_int_equal(backlog_stored(fake.backlog), 0);
    end_on(&fake);
}

/* Those that were read before the trouble began still go, and make way for newer ones. */
static void newer_messages_follow_the_confirmation_of_older_ones_in_a_failing_store(void **state)
{
    struct fake fake;
    static struct fake_disk disk;
    begin_on(&fake, *state, &disk);
    PUT(&fake, .endpoint = "a", .payload = "1");
    turn(&fake);
    backlog_open(fake.backlog);
    turn(&fake);
    PUT(&fake, .endpoint = "a", .payload = "2", .receipt = 2);
    disk.write_fails = true;
    turn(&fake);
    assert_string_equal(fake.taken, "1");
    judge(&fake, BACKLOG_CONFIRMED);
    turn(&fake);
    assert_string_equal(fake.taken, "12");
    judge(&fake, BACKLOG_CONFIRMED);
    assert_string_equal(fake.settled, "+2");
    PUT(&fake, .endpoint = "a", .payload = "3");
    assert_string_equal(fake.taken, "123");
    disk.write_fails = false;
    turn_later(&fake);
    end_on(&fake);
}

/* The row of a kept message is there already, those of others come with the end of the connection.
 */
static void what_is_durable_already_does_not_overtake_either(void **state)
{
    struct fake fake;
    static struct fake_disk disk;
    begin_on(&fake, *state, &disk);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "a", .payload = "1");
    PUT(&fake, .endpoint = "a", .payload = "k", .keep = true);
    turn(&fake);
    assert_string_equal(fake.taken, "1k");
    disk.write_fails = true;
    backlog_close(fake.backlog);
    judge(&fake, BACKLOG_LOST);
    turn_later(&fake);
    backlog_open(fake.backlog);
    turn_later(&fake);
    assert_string_equal(fake.taken, "1k1k");
    disk.write_fails = false;
    turn_later(&fake);
    end_on(&fake);
}

/* Else they would fill the memory, and no device could be served. */
static void what_is_stuck_behind_a_failing_store_is_refused(void **state)
{
    struct fake fake;
    static struct fake_disk disk;
    begin_on(&fake, *state, &disk);
    PUT(&fake, .endpoint = "a", .payload = "1");
    turn(&fake);
    backlog_open(fake.backlog);
    PUT(&fake, .endpoint = "b", .payload = "B", .keep = true);
    disk.write_fails = true;
    turn(&fake);
    assert_int_equal(put(&fake, &(struct wanted){ .endpoint = "a", .payload = "2", .receipt = 2 }),
                     -ENOSPC);
    PUT(&fake, .endpoint = "a", .payload = "k", .keep = true); /* nobody repeats this one */
    PUT(&fake, .endpoint = "a", .payload = "!", .answer = true);
    PUT(&fake, .endpoint = "b", .payload = "2");
    turn_later(&fake);
    assert_string_equal(fake.taken, "B!2");
    disk.write_fails = false;
    turn_later(&fake);
    turn_later(&fake);
    assert_string_equal(fake.taken, "B!21k");
    judge(&fake, BACKLOG_CONFIRMED);
    turn_later(&fake);
    PUT(&fake, .endpoint = "a", .payload = "2");
    assert_string_equal(fake.taken, "B!21k2");
    end_on(&fake);
}

/* --- at random --- */

enum { DEVICES = 5, STEPS = 4000 };

struct promise {
    int last[DEVICES]; /* number of the last message of each device */
    bool settled[DEVICES][STEPS];
    bool confirmed[DEVICES][STEPS];
};

struct random_run {
    struct fake fake;
    struct fake_disk disk;
    bool fails; /* the disk does at times */
    struct promise promise;
    int device_of[IDS_MAX], number_of[IDS_MAX];
    bool judged[IDS_MAX];
    int order[DEVICES]; /* the last number seen on this connection */
};

static int random_publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct random_run *run = ctx;
    struct fake *fake = &run->fake;
    int device = message->endpoint[0] - 'a';
    char text[12] = "";
    memcpy(text, message->payload, message->payload_len);
    int number = atoi(text);
    if (fake->count == IDS_MAX) {
        return -EAGAIN;
    }
    assert_true(number > run->order[device]); /* in order on one connection */
    run->order[device] = number;
    run->device_of[fake->count] = device;
    run->number_of[fake->count] = number;
    run->judged[fake->count] = false;
    fake->ids[fake->count++] = id;
    return 0;
}

static void random_settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    struct random_run *run = ctx;
    int device = (int)(receipt->device % DEVICES);
    int number = (int)(receipt->device / DEVICES);
    assert_true(kept);
    run->promise.settled[device][number] = true;
}

static void random_judge(struct random_run *run, enum backlog_outcome outcome, size_t most)
{
    struct fake *fake = &run->fake;
    for (size_t i = 0; i < fake->count && most > 0; i++) {
        if (run->judged[i]) {
            continue;
        }
        run->judged[i] = true;
        most--;
        if (outcome == BACKLOG_CONFIRMED) {
            run->promise.confirmed[run->device_of[i]][run->number_of[i]] = true;
        }
        backlog_published(fake->backlog, fake->ids[i], outcome);
    }
}

static void forget_connection(struct random_run *run)
{
    run->fake.count = 0;
    memset(run->order, 0, sizeof(run->order));
}

static void random_put(struct random_run *run, int device)
{
    struct promise *promise = &run->promise;
    char endpoint[2] = { (char)('a' + device), '\0' };
    char payload[12];
    int number = promise->last[device] + 1;
    (void)snprintf(payload, sizeof(payload), "%d", number);
    int err = put(&run->fake, &(struct wanted){ .endpoint = endpoint,
                                                .payload = payload,
                                                .receipt = (unsigned)(number * DEVICES + device),
                                                .keep = rand() % 4 == 0 });
    assert_true(err == 0 || (err == -ENOSPC && run->fails));
    promise->last[device] += err == 0;
}

static void random_step(struct random_run *run, bool *open)
{
    struct fake *fake = &run->fake;
    switch (rand() % 16) {
    case 0:
        if (*open) {
            backlog_close(fake->backlog);
            random_judge(run, BACKLOG_LOST, SIZE_MAX);
        } else {
            forget_connection(run);
            backlog_open(fake->backlog);
        }
        *open = !*open;
        return;
    case 1:
        if (rand() % 8 == 0) {
            forget_connection(run);
            *open = false;
            run->disk.write_fails = false;
            crash(fake);
        } else if (run->fails) {
            run->disk.write_fails = !run->disk.write_fails;
        }
        return;
    case 2:
    case 3:
        random_judge(run, BACKLOG_CONFIRMED, (size_t)rand() % 10);
        return;
    case 4:
    case 5:
    case 6:
        fake->fixture->now_ms += (unsigned)rand() % (run->fails ? 600 : 20);
        turn(fake);
        return;
    default:
        random_put(run, rand() % DEVICES);
    }
}

static void run_at_random(struct store_fixture *fixture, unsigned seed, bool fails)
{
    struct random_run *run = calloc(1, sizeof(*run));
    assert_non_null(run);
    run->fails = fails;
    begin_on(&run->fake, fixture, &run->disk);
    backlog_free(run->fake.backlog);
    run->fake.settings.max_inflight = 7;
    run->fake.settings.drain_rate = 1000;
    run->fake.settings.ctx = run;
    run->fake.settings.publish = random_publish;
    run->fake.settings.settled = random_settled;
    assert_int_equal(backlog_new(&run->fake.settings, &run->fake.backlog), 0);
    srand(seed);
    bool open = false;
    for (int i = 0; i < STEPS; i++) {
        random_step(run, &open);
        if (run->fake.count > IDS_MAX - 100) {
            break;
        }
    }
    run->disk.write_fails = false;
    if (!open) {
        forget_connection(run);
        backlog_open(run->fake.backlog);
    }
    for (int i = 0; i < 3000; i++) {
        run->fake.fixture->now_ms += 10;
        turn(&run->fake);
        random_judge(run, BACKLOG_CONFIRMED, SIZE_MAX);
    }
    assert_int_equal(backlog_stored(run->fake.backlog), 0);
    assert_int_equal(backlog_waiting(run->fake.backlog), 0);
    for (int device = 0; device < DEVICES; device++) {
        assert_true(run->promise.last[device] > 50);
        for (int number = 1; number <= run->promise.last[device]; number++) {
            assert_true(run->promise.confirmed[device][number] ||
                        !run->promise.settled[device][number]);
        }
    }
    assert_int_equal(run->disk.failed > 0, fails);
    end_on(&run->fake);
    free(run);
}

/* Every message whose receipt was settled reaches the broker, in each device's order. */
static void nothing_that_was_settled_is_lost_whatever_happens(void **state)
{
    run_at_random(*state, 1, false);
}

static void nothing_that_was_settled_is_lost_when_the_disk_fails_as_well(void **state)
{
    for (unsigned seed = 1; seed <= 5; seed++) {
        run_at_random(*state, seed, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(in_an_outage_a_receipt_is_settled_by_the_commit),
        STORE_TEST(what_waits_when_the_broker_goes_moves_into_the_store_in_order),
        STORE_TEST(a_loss_after_the_commit_settles_as_well),
        STORE_TEST(memory_holds_none_of_a_long_outage),
        STORE_TEST(newer_messages_of_a_device_go_behind_its_stored_ones),
        STORE_TEST(stored_messages_leave_at_a_bounded_rate),
        STORE_TEST(stored_messages_take_half_of_the_slots_at_most),
        STORE_TEST(a_loss_while_the_store_is_worked_off),
        STORE_TEST(a_message_to_keep_leaves_after_the_commit),
        STORE_TEST(a_kept_message_among_stored_ones_is_not_read_twice),
        STORE_TEST(rows_that_are_read_twice_are_counted_once),
        STORE_TEST(a_full_store_refuses),
        STORE_TEST(the_oldest_make_room_but_for_answers),
        STORE_TEST(the_oldest_make_room_when_the_file_is_full),
        STORE_TEST(without_a_working_store_messages_wait_in_memory),
        STORE_TEST(newer_messages_do_not_overtake_in_a_failing_store),
        STORE_TEST(newer_messages_follow_the_confirmation_of_older_ones_in_a_failing_store),
        STORE_TEST(what_is_durable_already_does_not_overtake_either),
        STORE_TEST(what_is_stuck_behind_a_failing_store_is_refused),
        STORE_TEST(nothing_that_was_settled_is_lost_whatever_happens),
        STORE_TEST(nothing_that_was_settled_is_lost_when_the_disk_fails_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
