/* The backlog against a broker that does what each test wants. */
#include "gateway/backlog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A broker: takes messages in its order and keeps their ids. */
struct fake {
    struct backlog *backlog;
    int answer;        /* what publish returns */
    bool confirm;      /* confirms from within publish, as QoS 0 may be */
    char taken[1000];  /* topics, one after the other */
    uint64_t ids[100]; /* of the messages taken */
    size_t count;
    char settled[1000]; /* "+5" kept, "-5" not; the number is the receipt's */
    char given_up[1000];
    size_t correlation_len;
    char payload[20];
};

static void append(char text[1000], const char *more)
{
    assert_true(strlen(text) + strlen(more) < 1000);
    strcat(text, more);
}

static int publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct fake *fake = ctx;
    if (fake->answer != 0) {
        return fake->answer;
    }
    append(fake->taken, message->topic);
    fake->ids[fake->count++] = id;
    fake->correlation_len = message->correlation_len;
    (void)snprintf(fake->payload, sizeof(fake->payload), "%.*s", (int)message->payload_len,
                   (const char *)message->payload);
    if (fake->confirm) {
        backlog_published(fake->backlog, id, BACKLOG_CONFIRMED);
    }
    return 0;
}

static void settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    struct fake *fake = ctx;
    char text[30];
    (void)snprintf(text, sizeof(text), "%c%u", kept ? '+' : '-', (unsigned)receipt->device);
    append(fake->settled, text);
}

static void given_up(void *ctx, const struct backlog_message *message, int err)
{
    struct fake *fake = ctx;
    char text[100];
    (void)snprintf(text, sizeof(text), "%s:%d ", message->topic, err);
    append(fake->given_up, text);
}

static void begin(struct fake *fake, size_t max_waiting, size_t max_inflight)
{
    struct backlog_settings settings = {
        .max_waiting = max_waiting,
        .max_inflight = max_inflight,
        .ctx = fake,
        .publish = publish,
        .settled = settled,
        .given_up = given_up,
    };
    assert_int_equal(backlog_new(&settings, &fake->backlog), 0);
}

/* Puts a message; its topic is one letter, its receipt (if not 0) a number. */
static int put(struct fake *fake, char topic, unsigned receipt, bool answer)
{
    char text[2] = { topic, '\0' };
    struct lwm2m_receipt is = { .device = receipt };
    struct backlog_message message = {
        .topic = text,
        .endpoint = "ep",
        .payload = text,
        .payload_len = 1,
        .qos = 1,
        .answer = answer,
        .receipt = receipt != 0 ? &is : NULL,
    };
    return backlog_put(fake->backlog, &message);
}

static void put_all(struct fake *fake, const char *topics)
{
    for (; *topics != '\0'; topics++) {
        assert_int_equal(put(fake, *topics, 0, false), 0);
    }
}

static void messages_wait_in_order_until_there_is_a_broker(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 10);
    put_all(&fake, "abc");
    assert_string_equal(fake.taken, "");
    assert_int_equal(backlog_waiting(fake.backlog), 3);
    backlog_open(fake.backlog);
    assert_string_equal(fake.taken, "abc");
    assert_int_equal(backlog_waiting(fake.backlog), 0);
    assert_int_equal(backlog_inflight(fake.backlog), 3);
    put_all(&fake, "d");
    assert_string_equal(fake.taken, "abcd");
    assert_string_equal(fake.payload, "d");
    backlog_free(fake.backlog);
}

static void unconfirmed_messages_are_bounded(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 2);
    backlog_open(fake.backlog);
    put_all(&fake, "abcde");
    assert_string_equal(fake.taken, "ab");
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abc");
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED); /* once is enough */
    assert_string_equal(fake.taken, "abc");
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    backlog_published(fake.backlog, fake.ids[2], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abcde");
    assert_int_equal(backlog_inflight(fake.backlog), 2);
    backlog_free(fake.backlog);
}

static void a_receipt_is_settled_when_the_broker_confirms(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 10);
    assert_int_equal(put(&fake, 'a', 1, false), 0);
    assert_int_equal(put(&fake, 'b', 2, false), 0);
    assert_int_equal(put(&fake, 'c', 3, false), 0);
    backlog_open(fake.backlog);
    assert_string_equal(fake.settled, "");
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    assert_string_equal(fake.settled, "+2");
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_REFUSED);
    assert_string_equal(fake.settled, "+2-1");
    assert_string_equal(fake.given_up, "a:0 ");
    backlog_published(fake.backlog, fake.ids[2], BACKLOG_LOST);
    assert_string_equal(fake.settled, "+2-1");
    backlog_free(fake.backlog);
}

static void a_confirmation_may_come_from_within(void **state)
{
    (void)state;
    struct fake fake = { .confirm = true };
    begin(&fake, 10, 1);
    put_all(&fake, "abc");
    assert_int_equal(put(&fake, 'd', 4, false), 0);
    backlog_open(fake.backlog);
    assert_string_equal(fake.taken, "abcd");
    assert_string_equal(fake.settled, "+4");
    assert_int_equal(backlog_inflight(fake.backlog) + backlog_waiting(fake.backlog), 0);
    put_all(&fake, "e");
    assert_string_equal(fake.taken, "abcde");
    backlog_free(fake.backlog);
}

static void what_is_lost_is_sent_again_in_its_old_place(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 4);
    backlog_open(fake.backlog);
    put_all(&fake, "abcdef");
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abcde");
    backlog_close(fake.backlog);
    backlog_published(fake.backlog, fake.ids[3], BACKLOG_LOST);
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_LOST);
    backlog_published(fake.backlog, fake.ids[4], BACKLOG_LOST);
    backlog_published(fake.backlog, fake.ids[2], BACKLOG_LOST);
    put_all(&fake, "g");
    assert_string_equal(fake.taken, "abcde");
    backlog_open(fake.backlog);
    assert_string_equal(fake.taken, "abcdeacde");
    for (size_t i = 0; i < 4; i++) {
        backlog_published(fake.backlog, fake.ids[i], BACKLOG_CONFIRMED); /* of before: ignored */
    }
    assert_string_equal(fake.taken, "abcdeacde");
    backlog_published(fake.backlog, fake.ids[5], BACKLOG_CONFIRMED);
    backlog_published(fake.backlog, fake.ids[6], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abcdeacdefg");
    backlog_free(fake.backlog);
}

static void a_loss_while_others_wait_keeps_the_order(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 2);
    backlog_open(fake.backlog);
    put_all(&fake, "abcd");
    backlog_close(fake.backlog);
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_LOST); /* a stays unconfirmed */
    backlog_open(fake.backlog);
    assert_string_equal(fake.taken, "abb");
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    backlog_published(fake.backlog, fake.ids[2], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abbcd");
    backlog_free(fake.backlog);
}

static void a_publish_put_off_is_tried_again(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 10, 10);
    backlog_open(fake.backlog);
    put_all(&fake, "a");
    fake.answer = -EAGAIN;
    put_all(&fake, "bc");
    assert_string_equal(fake.taken, "a");
    assert_int_equal(backlog_waiting(fake.backlog), 2);
    assert_int_equal(backlog_inflight(fake.backlog), 1);
    fake.answer = 0;
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    assert_string_equal(fake.taken, "abc");
    backlog_free(fake.backlog);
}

static void what_cannot_be_sent_at_all_is_given_up(void **state)
{
    (void)state;
    struct fake fake = { .answer = -EINVAL };
    begin(&fake, 10, 10);
    assert_int_equal(put(&fake, 'a', 7, false), 0);
    backlog_open(fake.backlog);
    assert_string_equal(fake.settled, "-7");
    assert_int_equal(strncmp(fake.given_up, "a:-22", 5), 0);
    assert_int_equal(backlog_waiting(fake.backlog), 0);
    fake.answer = 0;
    put_all(&fake, "b");
    assert_string_equal(fake.taken, "b");
    backlog_free(fake.backlog);
}

static void answers_find_room_when_nothing_else_does(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 8, 10);
    put_all(&fake, "aaaaaaaa");
    assert_int_equal(put(&fake, 'b', 5, false), -ENOSPC);
    assert_string_equal(fake.settled, ""); /* the caller knows */
    unsigned answers = 0;
    while (put(&fake, 'r', 0, true) == 0) {
        answers++;
    }
    assert_int_equal(answers, 8 / 4 + 16);
    backlog_open(fake.backlog);
    assert_int_equal(fake.count, 10);
    backlog_free(fake.backlog);
}

static void a_busy_broker_slows_devices_down_before_an_outage_would(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 40, 2);
    backlog_open(fake.backlog);
    put_all(&fake, "aabbbbbbb"); /* two are handed over */
    assert_false(backlog_is_congested(fake.backlog));
    put_all(&fake, "c");
    assert_true(backlog_is_congested(fake.backlog)); /* 8 wait: four rounds of two */
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    assert_true(backlog_is_congested(fake.backlog));
    backlog_published(fake.backlog, fake.ids[2], BACKLOG_CONFIRMED);
    assert_int_equal(backlog_waiting(fake.backlog), 5);
    assert_false(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void what_waited_through_an_outage_does_not_stop_the_devices(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 40, 2);
    put_all(&fake, "aaaaaaaaaabbbbbbbbbb");
    backlog_open(fake.backlog);
    assert_int_equal(backlog_waiting(fake.backlog), 18);
    assert_false(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void congestion_has_hysteresis(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 8, 1);
    put_all(&fake, "abcde");
    backlog_open(fake.backlog);
    put_all(&fake, "f"); /* one is handed over, five wait */
    assert_false(backlog_is_congested(fake.backlog));
    put_all(&fake, "g");
    assert_true(backlog_is_congested(fake.backlog));
    backlog_close(fake.backlog);
    assert_false(backlog_is_congested(fake.backlog)); /* waiting would not help */
    backlog_open(fake.backlog);
    assert_true(backlog_is_congested(fake.backlog));
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    assert_int_equal(backlog_waiting(fake.backlog), 5);
    assert_true(backlog_is_congested(fake.backlog));
    backlog_published(fake.backlog, fake.ids[1], BACKLOG_CONFIRMED);
    assert_int_equal(backlog_waiting(fake.backlog), 4);
    assert_false(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void put_patient(struct fake *fake, size_t count)
{
    const struct backlog_message message = {
        .topic = "p", .endpoint = "ep", .payload = "", .patient = true
    };
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(backlog_put(fake->backlog, &message), 0);
    }
}

static void what_no_device_waits_for_slows_none_down_until_there_is_too_much(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 40, 2);
    backlog_open(fake.backlog);
    put_patient(&fake, 2 + 29); /* two are handed over */
    assert_false(backlog_is_congested(fake.backlog));
    put_all(&fake, "a");
    assert_true(backlog_is_congested(fake.backlog)); /* three quarters of what may wait */
    for (size_t i = 0; i < 10; i++) {
        assert_true(backlog_is_congested(fake.backlog));
        backlog_published(fake.backlog, fake.ids[i], BACKLOG_CONFIRMED);
    }
    assert_int_equal(backlog_waiting(fake.backlog), 20);
    assert_false(backlog_is_congested(fake.backlog));
    put_all(&fake, "aaaaaaa"); /* eight of them wait: four rounds of two */
    assert_true(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void confirm(struct fake *fake, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        backlog_published(fake->backlog, fake->ids[i], BACKLOG_CONFIRMED);
    }
}

static void what_no_device_waits_for_does_not_draw_congestion_out(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 40, 2);
    backlog_open(fake.backlog);
    put_all(&fake, "aabbbbbbbb"); /* two are handed over, eight wait: four rounds of two */
    put_patient(&fake, 18);
    assert_true(backlog_is_congested(fake.backlog));
    confirm(&fake, 0, 2);
    assert_true(backlog_is_congested(fake.backlog));
    confirm(&fake, 2, 1);
    assert_int_equal(backlog_waiting(fake.backlog), 5 + 18); /* more than half of what may */
    assert_false(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void congestion_by_all_messages_ends_at_half_of_what_may_wait(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 40, 2);
    backlog_open(fake.backlog);
    put_patient(&fake, 2 + 23); /* two are handed over */
    put_all(&fake, "aaaaaaa");  /* one less than four rounds of two */
    assert_true(backlog_is_congested(fake.backlog));
    confirm(&fake, 0, 9);
    assert_int_equal(backlog_waiting(fake.backlog), 21);
    assert_true(backlog_is_congested(fake.backlog));
    confirm(&fake, 9, 1);
    assert_false(backlog_is_congested(fake.backlog));
    backlog_free(fake.backlog);
}

static void it_is_crowded_from_half_of_what_may_wait_until_a_third(void **state)
{
    (void)state;
    struct fake fake = { 0 };
    begin(&fake, 12, 1);
    put_all(&fake, "abcde");
    assert_false(backlog_is_crowded(fake.backlog));
    put_patient(&fake, 1);
    assert_true(backlog_is_crowded(fake.backlog)); /* without a broker as well */
    backlog_open(fake.backlog);
    assert_int_equal(backlog_waiting(fake.backlog), 5);
    assert_true(backlog_is_crowded(fake.backlog));
    backlog_published(fake.backlog, fake.ids[0], BACKLOG_CONFIRMED);
    assert_int_equal(backlog_waiting(fake.backlog), 4);
    assert_false(backlog_is_crowded(fake.backlog));
    backlog_free(fake.backlog);
}

static void bounds_of_zero_are_refused(void **state)
{
    (void)state;
    struct backlog *backlog = NULL;
    struct backlog_settings no_room = { .max_inflight = 1 };
    struct backlog_settings no_window = { .max_waiting = 1 };
    assert_int_equal(backlog_new(&no_room, &backlog), -EINVAL);
    assert_int_equal(backlog_new(&no_window, &backlog), -EINVAL);
    assert_null(backlog);
    backlog_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_wait_in_order_until_there_is_a_broker),
        cmocka_unit_test(unconfirmed_messages_are_bounded),
        cmocka_unit_test(a_receipt_is_settled_when_the_broker_confirms),
        cmocka_unit_test(a_confirmation_may_come_from_within),
        cmocka_unit_test(what_is_lost_is_sent_again_in_its_old_place),
        cmocka_unit_test(a_loss_while_others_wait_keeps_the_order),
        cmocka_unit_test(a_publish_put_off_is_tried_again),
        cmocka_unit_test(what_cannot_be_sent_at_all_is_given_up),
        cmocka_unit_test(answers_find_room_when_nothing_else_does),
        cmocka_unit_test(a_busy_broker_slows_devices_down_before_an_outage_would),
        cmocka_unit_test(what_waited_through_an_outage_does_not_stop_the_devices),
        cmocka_unit_test(congestion_has_hysteresis),
        cmocka_unit_test(what_no_device_waits_for_slows_none_down_until_there_is_too_much),
        cmocka_unit_test(what_no_device_waits_for_does_not_draw_congestion_out),
        cmocka_unit_test(congestion_by_all_messages_ends_at_half_of_what_may_wait),
        cmocka_unit_test(it_is_crowded_from_half_of_what_may_wait_until_a_third),
        cmocka_unit_test(bounds_of_zero_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
