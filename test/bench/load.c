#include "test/bench/load.h"

#include "test/bench/clock.h"
#include "test/bench/respond.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000U

/* What counts as quiet: so little CPU time for so long; and how long that is waited for. */
#define QUIET_US 20000U
#define QUIET_NS (SECOND_NS / 10 * 2)
#define DRAIN_NS (60ULL * SECOND_NS)
#define SAID_NS  (SECOND_NS / 10 * 13)

/* Devices that are looked at to find one that may send, before the loop goes on receiving. */
enum { LOOKS = 64 };

/* --- messages of the devices --- */

static uint8_t *slot(struct load *load)
{
    return load->secure ? secure_slot(load->secure) : wire_slot(load->wire);
}

static void commit(struct load *load, uint32_t index, size_t len)
{
    if (load->secure) {
        secure_commit(load->secure, index, len);
    } else {
        wire_commit(load->wire, index, len);
    }
}

static void transmit(struct load *load, uint32_t index, enum kind kind)
{
    if (kind == KIND_HANDSHAKE) {
        secure_shake(load->secure, index);
    } else {
        commit(load, index, kind_compose(kind, &load->fleet, index, slot(load)));
    }
}

static void start_message(struct load *load, uint32_t index, enum kind kind, uint64_t due_ns,
                          uint64_t now_ns)
{
    struct device *device = &load->fleet.devices[index];
    device->message_id++;
    if (kind == KIND_NOTIFY_CON || kind == KIND_NOTIFY_NON) {
        device->sequence++;
    }
    load->counters.sent++;
    load->counters.by_kind[kind]++;
    if (kind_is_confirmable(kind)) {
        device->kind = (uint8_t)kind;
        device->due_ns = due_ns;
        exchanges_begin(&load->exchanges, index, now_ns);
    }
    transmit(load, index, kind);
}

static void end_message(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    exchanges_end(&load->exchanges, index);
    if (load->settings.pause_ms > 0) {
        load->pause_until_ns = clock_ns() + (uint64_t)(load->settings.pause_ms * 1e6);
    }
    if (load->phase->answered) {
        load->phase->answered(load, index, verdict);
    }
}

static void give_up_message(struct load *load, uint32_t index)
{
    exchanges_end(&load->exchanges, index);
    if (load->phase->lost) {
        load->phase->lost(load, index);
    } else if (load->phase->answered) {
        load->phase->answered(load, index, KIND_REFUSED);
    }
}

static void repeat_overdue(struct load *load, uint64_t now_ns)
{
    uint32_t index;
    while ((index = exchanges_overdue(&load->exchanges, now_ns)) != FLEET_NONE) {
        if (exchanges_repeat(&load->exchanges, index, now_ns)) {
            load->counters.repeated++;
            transmit(load, index, load->fleet.devices[index].kind);
        } else {
            load->counters.lost++;
            give_up_message(load, index);
        }
    }
}

enum choice load_next_device(struct load *load, bool again,
                             bool (*eligible)(const struct device *device), uint32_t *index)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (!again && load->cursor >= load->fleet.count) {
            return CHOICE_DONE;
        }
        *index = fleet_shuffled(&load->fleet, load->cursor++);
        const struct device *device = &load->fleet.devices[*index];
        if (!device->under_way && eligible(device)) {
            return CHOICE_MADE;
        }
    }
    return CHOICE_LATER;
}

/* When the next message is due: now in a closed loop whose window has room. */
static bool is_due(const struct load *load, uint64_t now_ns, uint64_t *due_ns)
{
    if (load->settings.rate > 0) {
        double since = (double)(load->counters.sent - load->schedule_sent);
        *due_ns = load->schedule_ns + (uint64_t)(since * SECOND_NS / load->settings.rate);
        return *due_ns <= now_ns;
    }
    *due_ns = now_ns;
    return load->exchanges.under_way < load->settings.window && now_ns >= load->pause_until_ns;
}

static void check_limits(struct load *load, uint64_t now_ns)
{
    const struct phase_settings *settings = &load->settings;
    bool out_of_time =
        settings->seconds > 0 && (double)(now_ns - load->began_ns) >= settings->seconds * SECOND_NS;
    bool out_of_messages = settings->count > 0 && load->counters.sent >= settings->count;
    load->done = load->done || out_of_time || out_of_messages || *load->interrupted;
}

void load_set_rate(struct load *load, double rate, uint64_t now_ns)
{
    load->settings.rate = rate;
    load->schedule_ns = now_ns;
    load->schedule_sent = load->counters.sent;
}

void load_abandon(struct load *load)
{
    for (unsigned i = 0; i < EXCHANGES_ATTEMPTS; i++) {
        while (load->exchanges.lists[i].oldest != FLEET_NONE) {
            exchanges_end(&load->exchanges, load->exchanges.lists[i].oldest);
        }
    }
}

/* A few batches at a time, so that answers are read while a burst leaves. */
static void send_what_is_due(struct load *load, uint64_t now_ns)
{
    for (unsigned i = 0; i < 4 * LOOKS; i++) {
        uint32_t index;
        enum kind kind;
        uint64_t due_ns;
        check_limits(load, now_ns);
        if (load->done || !is_due(load, now_ns, &due_ns)) {
            return;
        }
        load->due_now = false;
        switch (load->phase->choose(load, &index, &kind)) {
        case CHOICE_MADE:
            start_message(load, index, kind, load->due_now ? now_ns : due_ns, now_ns);
            load->sent_until_ns = now_ns;
            break;
        case CHOICE_LATER:
            return;
        case CHOICE_DONE:
            load->done = true;
            return;
        }
    }
}

/* --- what comes back --- */

static bool answers(const struct device *device, uint32_t index, const struct message *message)
{
    uint8_t token[KIND_TOKEN_LEN];
    if (!device->under_way) {
        return false;
    }
    if (message->type == MESSAGE_ACK || message->type == MESSAGE_RST) {
        return message->id == device->message_id;
    }
    kind_token(index, token);
    return message->token_len == sizeof(token) && memcmp(message->token, token, sizeof(token)) == 0;
}

static void take_answer(struct load *load, uint32_t index, const struct message *message)
{
    struct device *device = &load->fleet.devices[index];
    if (message->type == MESSAGE_CON) { /* a separate response */
        commit(load, index, respond_empty(MESSAGE_ACK, message, slot(load)));
    }
    enum kind_verdict verdict = kind_answered(device->kind, &load->fleet, index, message);
    load->counters.answered += verdict == KIND_DONE;
    load->counters.refused += verdict == KIND_REFUSED;
    load->counters.deferred += verdict == KIND_LATER;
    load->max_age_s = message->max_age_s;
    load->latency_ns = clock_ns() - device->due_ns;
    histogram_add(&load->latency, load->latency_ns);
    end_message(load, index, verdict);
}

static void take_request(struct load *load, uint32_t index, const struct message *message)
{
    uint8_t *answer = slot(load);
    uint64_t now_ns = clock_ns();
    load->counters.asked++;
    size_t len = respond(&load->fleet, index, message, answer);
    if (load->phase->rewrite) {
        len = load->phase->rewrite(load, index, answer, len);
    }
    commit(load, index, len);
    if (load->phase->asked) {
        load->phase->asked(load, index, now_ns);
    }
}

static void on_message(struct load *load, uint32_t index, const uint8_t *data, size_t len)
{
    struct message message;
    if (!message_parse(data, len, &message)) {
        load->counters.unmatched++;
        return;
    }
    bool confirms = message.type == MESSAGE_ACK || message.type == MESSAGE_RST;
    if (!confirms && message.code > 0 && message.code < 0x20) {
        take_request(load, index, &message);
    } else if (answers(&load->fleet.devices[index], index, &message)) {
        take_answer(load, index, &message);
    } else {
        load->counters.unmatched++;
        if (load->phase->unmatched) {
            load->phase->unmatched(load, index, &message, len);
        }
    }
}

static void end_handshake(struct load *load, uint32_t index, bool good)
{
    struct device *device = &load->fleet.devices[index];
    device->connected = good;
    load->counters.answered += good;
    load->counters.refused += !good;
    histogram_add(&load->latency, clock_ns() - device->due_ns);
    end_message(load, index, good ? KIND_DONE : KIND_REFUSED);
}

static void on_record(struct load *load, uint32_t index, const uint8_t *data, size_t len)
{
    struct device *device = &load->fleet.devices[index];
    const uint8_t *message;
    size_t message_len;
    enum secure_state state =
        secure_receive(load->secure, index, data, len, &message, &message_len);
    if (message_len > 0) {
        on_message(load, index, message, message_len);
    } else if (device->under_way && device->kind == KIND_HANDSHAKE && state != SECURE_SHAKING) {
        end_handshake(load, index, state == SECURE_OPEN);
    } else if (state == SECURE_CLOSED) {
        device->connected = false;
    }
}

static void on_datagram(void *ctx, uint32_t index, const uint8_t *data, size_t len)
{
    struct load *load = ctx;
    if (index >= load->fleet.count) {
        load->counters.unmatched++;
    } else if (load->secure) {
        on_record(load, index, data, len);
    } else {
        on_message(load, index, data, len);
    }
}

static void on_publish(void *ctx, const char *topic, const char *payload)
{
    struct load *load = ctx;
    if (strcmp(topic, "$SYS/broker/publish/messages/received") == 0) {
        load->publishes = strtoull(payload, NULL, 10); /* said only when it has changed */
        published_note(&load->published, clock_ns(), load->publishes);
    } else if (strcmp(topic, "$SYS/broker/uptime") == 0) {
        load->uptime_said_ns = clock_ns(); /* said every second, just before the rest */
    } else if (load->phase->published) {
        load->phase->published(load, topic, payload, clock_ns());
    }
}

/* --- the loop --- */

/* How long there is nothing to do but to listen, in ns. */
static uint64_t time_to_wait(const struct load *load, uint64_t now_ns)
{
    uint64_t due_ns;
    if (load->done || load->settings.rate <= 0 || is_due(load, now_ns, &due_ns)) {
        return SECOND_NS / 1000;
    }
    return due_ns - now_ns < SECOND_NS / 100 ? due_ns - now_ns : SECOND_NS / 100;
}

static void listen_for(struct load *load, uint64_t ns)
{
    struct pollfd inputs[2] = {
        { .fd = wire_fd(load->wire), .events = POLLIN },
        { .fd = load->broker && !load->broker_gone ? broker_fd(load->broker) : -1,
          .events = POLLIN },
    };
    struct timespec timeout = { .tv_sec = (time_t)(ns / SECOND_NS),
                                .tv_nsec = (long)(ns % SECOND_NS) };
    (void)ppoll(inputs, 2, &timeout, NULL);
}

static void take_sample(struct load *load, uint64_t now_ns)
{
    if (!load->settings.samples || now_ns < load->sample_due_ns ||
        load->sample_count == LOAD_SAMPLES_MAX) {
        return;
    }
    load->sample_due_ns = now_ns + SECOND_NS;
    load->samples[load->sample_count++] = process_usage_of(load->server_pid).rss_kib;
}

static void turn(struct load *load, uint64_t now_ns)
{
    repeat_overdue(load, now_ns);
    if (!load->done) {
        send_what_is_due(load, now_ns);
    }
    if (load->phase->between) {
        load->phase->between(load, now_ns);
    }
    wire_flush(load->wire);
    unsigned came = wire_receive(load->wire, on_datagram, load);
    wire_flush(load->wire); /* answers of devices do not wait for the next turn */
    if (load->broker && !load->broker_gone) {
        load->broker_gone =
            broker_receive(load->broker, on_publish, load) || broker_flush(load->broker);
    }
    take_sample(load, now_ns);
    if (came == 0) {
        listen_for(load, time_to_wait(load, now_ns));
    }
}

int load_run(struct load *load)
{
    load->counters = (struct counters){ 0 };
    load->latency = (struct histogram){ 0 };
    load->cursor = 0;
    load->done = false;
    load->sample_count = 0;
    load->pause_until_ns = 0;
    load->began_ns = load->sent_until_ns = clock_ns();
    load_set_rate(load, load->settings.rate, load->began_ns);
    int err = load->phase->begin ? load->phase->begin(load) : 0;
    if (err) {
        return err;
    }
    while (!load->done || load->exchanges.under_way > 0) {
        uint64_t now_ns = clock_ns();
        check_limits(load, now_ns);
        turn(load, now_ns);
        if (*load->interrupted) {
            break;
        }
    }
    return 0;
}

void load_serve(struct load *load, double seconds)
{
    uint64_t until_ns = clock_ns() + (uint64_t)(seconds * SECOND_NS);
    load->done = true;
    while (clock_ns() < until_ns && !*load->interrupted) {
        turn(load, clock_ns());
    }
}

/* How much CPU time gateway and broker have used; what they get from it is not seen. */
static uint64_t work_done_us(const struct load *load)
{
    return process_usage_of(load->server_pid).cpu_us + process_usage_of(load->broker_pid).cpu_us;
}

/* The gateway has nothing left to publish when neither it nor the broker has used any CPU time to
 * speak of for a while; then the broker, which tells once a second how much it received, has its
 * say. */
void load_drain(struct load *load)
{
    uint64_t began_ns = clock_ns();
    uint64_t quiet_since_ns = began_ns;
    uint64_t work_us = load->broker ? work_done_us(load) : 0;
    if (!load->broker) {
        return;
    }
    while (clock_ns() - quiet_since_ns < QUIET_NS && clock_ns() - began_ns < DRAIN_NS &&
           !*load->interrupted) {
        load_serve(load, 0.1);
        uint64_t now_us = work_done_us(load);
        if (now_us > work_us + QUIET_US) {
            quiet_since_ns = clock_ns();
            work_us = now_us;
        }
    }
    uint64_t quiet_ns = clock_ns();
    while (load->uptime_said_ns < quiet_ns && clock_ns() - quiet_ns < SAID_NS &&
           !*load->interrupted) {
        load_serve(load, 0.05);
    }
    load_serve(load, 0.05);
}
