/*
 * Hostile datagrams at full speed while a control group on the same socket goes on updating. The
 * control group sets the pace: each of its answers lets `per` mutants go, so the gateway's socket
 * does not overflow, and an answer that stays away stops everything. Fails when a member of the
 * control group is refused or gets no answer, or when the gateway is gone.
 */
#include "test/bench/mutate.h"
#include "test/bench/phase.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

enum { DEFAULT_COUNT = 1000000, DEFAULT_PER = 16, FIRST_CREDIT = 1024, BURST = 128 };

struct mutate_state {
    uint64_t wanted;
    uint64_t sent;
    uint64_t credit;
    uint64_t bytes;
    uint64_t control_refused;
    uint64_t replies;   /* to mutants */
    uint64_t longer;    /* of them, those longer than the mutant */
    size_t worst_extra; /* bytes by which the worst of those was longer */
    uint8_t worst_code;
    uint32_t next; /* device, in turn: then none has two mutants under way, and replies match */
    uint64_t spoilt_answers; /* to requests of the gateway */
    uint16_t last_len[];     /* of each device's mutants */
};

static int begin(struct load *load)
{
    uint32_t count = load->fleet.count;
    if (load->fleet.control == 0 || load->fleet.control >= count) {
        return -EINVAL; /* no control group, or nobody else */
    }
    struct mutate_state *state = calloc(1, sizeof(*state) + count * sizeof(state->last_len[0]));
    if (!state) {
        return -ENOMEM;
    }
    state->wanted = load->settings.count > 0 ? load->settings.count : DEFAULT_COUNT;
    state->credit = FIRST_CREDIT;
    load->settings.count = 0; /* counts mutants, not Updates */
    load->settings.per = load->settings.per > 0 ? load->settings.per : DEFAULT_PER;
    load->state = state;
    return 0;
}

static enum choice choose(struct load *load, uint32_t *index, enum kind *kind)
{
    const struct mutate_state *state = load->state;
    if (state->sent >= state->wanted || state->control_refused > 0) {
        return CHOICE_DONE;
    }
    *kind = KIND_UPDATE;
    *index = random_below(&load->random, load->fleet.control);
    return load->fleet.devices[*index].under_way ? CHOICE_LATER : CHOICE_MADE;
}

static void send_mutant(struct load *load, struct mutate_state *state)
{
    uint32_t others = load->fleet.count - load->fleet.control;
    uint32_t index = load->fleet.control + state->next++ % others;
    size_t len = mutate_message(&load->random, &load->fleet, index, wire_slot(load->wire));
    wire_commit(load->wire, index, len);
    state->last_len[index] = (uint16_t)len;
    state->bytes += len;
    state->sent++;
    state->credit--;
}

static void between(struct load *load, uint64_t now_ns)
{
    struct mutate_state *state = load->state;
    (void)now_ns;
    for (unsigned i = 0; i < BURST && state->credit > 0 && state->sent < state->wanted; i++) {
        send_mutant(load, state);
    }
}

static void answered(struct load *load, uint32_t index, enum kind_verdict verdict)
{
    struct mutate_state *state = load->state;
    (void)index;
    state->credit += load->settings.per;
    state->control_refused += verdict != KIND_DONE;
}

/* Replies to mutants. One that registered moved the device: its next mutants shall go there. */
static void unmatched(struct load *load, uint32_t index, const struct message *message, size_t len)
{
    struct mutate_state *state = load->state;
    if (message->code == MESSAGE_CREATED) {
        (void)kind_answered(KIND_REGISTER, &load->fleet, index, message);
    }
    state->replies++;
    if (len > state->last_len[index]) {
        state->longer++;
        if (len - state->last_len[index] > state->worst_extra) {
            state->worst_extra = len - state->last_len[index];
            state->worst_code = message->code;
        }
    }
}

/* Half of the answers to the gateway's own requests are spoilt, but not the control group's. */
static size_t rewrite(struct load *load, uint32_t index, uint8_t *answer, size_t len)
{
    struct mutate_state *state = load->state;
    if (index < load->fleet.control || random_below(&load->random, 2) == 0) {
        return len;
    }
    state->spoilt_answers++;
    return mutate_bytes(&load->random, answer, len);
}

/* A mutant may have used any message id, and what comes next must not look like its duplicate: all
 * go on from one that differs in many bits. */
static void move_message_ids(struct load *load)
{
    for (uint32_t i = load->fleet.control; i < load->fleet.count; i++) {
        load->fleet.devices[i].message_id ^= 0x5a5a;
    }
}

static int end(struct load *load, struct report *report)
{
    struct mutate_state *state = load->state;
    bool gone = load->server_pid > 0 && kill(load->server_pid, 0) != 0;
    bool failed = gone || state->control_refused > 0 || load->counters.lost > 0 ||
                  state->sent < state->wanted;
    report_number(report, "mutants", (double)state->sent);
    report_number(report, "mutant_bytes", (double)state->bytes);
    report_number(report, "mutant_replies", (double)state->replies);
    report_number(report, "mutant_replies_longer", (double)state->longer);
    report_number(report, "mutant_reply_worst_extra", (double)state->worst_extra);
    report_number(report, "spoilt_answers", (double)state->spoilt_answers);
    report_number(report, "control_refused", (double)state->control_refused);
    report_number(report, "server_gone", gone);
    printf("mutate: %" PRIu64 " mutants (%" PRIu64 " bytes), %" PRIu64 " replies, %" PRIu64
           " of them longer than the mutant (by up to %zu bytes, code %u.%02u), %" PRIu64
           " answers spoilt; control group: %" PRIu64 " Updates answered, %" PRIu64
           " refused, %" PRIu64 " lost%s\n",
           state->sent, state->bytes, state->replies, state->longer, state->worst_extra,
           (unsigned)state->worst_code >> 5, (unsigned)state->worst_code & 31,
           state->spoilt_answers, load->counters.answered, state->control_refused,
           load->counters.lost, gone ? "; the server is gone" : "");
    move_message_ids(load);
    free(state);
    load->state = NULL;
    return failed ? -EPROTO : 0;
}

const struct phase phase_mutate = {
    .name = "mutate",
    .help = "`count` hostile datagrams, `per` for each Update of the control group (--control)",
    .begin = begin,
    .choose = choose,
    .between = between,
    .answered = answered,
    .unmatched = unmatched,
    .rewrite = rewrite,
    .end = end,
};
