#include "test/bench/commander.h"

#include "test/bench/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GIVE_UP_NS 15000000000U

struct slot {
    uint64_t id; /* of the command under way: slot number plus a multiple of the number of slots */
    uint64_t sent_ns;
    uint64_t asked_ns; /* 0: the device was not asked yet */
    uint64_t free_ns;  /* when the next one may leave */
    bool waiting;
    uint32_t index;
    uint32_t round; /* COMMANDER_OBSERVE: how many devices had their turn */
};

struct commander {
    enum commander_mix mix;
    uint32_t slot_count;
    uint64_t pause_ns;
    double rate;
    uint64_t began_ns;
    uint32_t next_slot; /* open loop: where the search for a free one begins */
    uint64_t sent;
    uint64_t answered; /* with a code of class 2 */
    uint64_t failed;   /* another code, or the gateway says that there is no answer */
    uint64_t lost;     /* nothing came */
    uint32_t under_way;
    struct histogram down;
    struct histogram up;
    struct histogram whole;
    struct slot slots[];
};

enum { OBSERVE_ROW = 1 };

/* What is sent of each mix; "%s" are the device's path, or none. */
static const struct {
    const char *type;
    const char *data; /* with one %s for the path that the devices report */
} operations[] = {
    { "read", "{\"path\":\"%s\"}" },
    [OBSERVE_ROW] = { "observe", "{\"path\":\"%s\"}" },
    { "write", "{\"path\":\"/3303/0/5750\",\"type\":\"String\",\"value\":\"roof\"}" },
    { "cancel-observe", "{\"path\":\"%s\"}" },
    { "observe", "{\"path\":\"%s\"}" },
};

struct commander *commander_new(struct load *load, const struct commander_settings *settings)
{
    uint32_t slots = settings->slots;
    struct commander *made = calloc(1, sizeof(*made) + slots * sizeof(made->slots[0]));
    if (!made) {
        return NULL;
    }
    made->mix = settings->mix;
    made->slot_count = slots;
    made->pause_ns = (uint64_t)(settings->pause_ms * 1e6);
    made->rate = settings->rate;
    made->began_ns = clock_ns();
    for (uint32_t i = 0; i < slots; i++) {
        made->slots[i].id = i;
    }
    broker_subscribe(load->broker, settings->mix == COMMANDER_PING ? "bench/ping" : "up/resp");
    return made;
}

void commander_free(struct commander *commander)
{
    free(commander);
}

/* Data with the path put in; none of the rows has more than one %s. */
static void fill_data(char *out, size_t size, const char *data, const char *path)
{
    const char *gap = strstr(data, "%s");
    if (gap) {
        snprintf(out, size, "%.*s%s%s", (int)(gap - data), data, path, gap + 2);
    } else {
        snprintf(out, size, "%s", data);
    }
}

static void publish_command(const struct commander *commander, struct load *load,
                            const struct slot *slot)
{
    char data[128];
    char payload[256];
    char endpoint[FLEET_ENDPOINT_MAX];
    char topic[FLEET_ENDPOINT_MAX + 4];
    size_t rows = sizeof(operations) / sizeof(operations[0]);
    size_t row = commander->mix == COMMANDER_ALL       ? random_below(&load->random, (uint32_t)rows)
                 : commander->mix == COMMANDER_OBSERVE ? OBSERVE_ROW
                                                       : 0;
    fill_data(data, sizeof(data), operations[row].data, load->fleet.content->path);
    snprintf(payload, sizeof(payload), "{\"msgType\":\"%s\",\"reqID\":%" PRIu64 ",\"data\":%s}",
             operations[row].type, slot->id, data);
    fleet_endpoint(&load->fleet, slot->index, endpoint);
    snprintf(topic, sizeof(topic), "dn/%s", endpoint);
    broker_publish(load->broker, topic, payload);
}

static void publish_ping(struct load *load, const struct slot *slot)
{
    char payload[64];
    snprintf(payload, sizeof(payload), "{\"reqID\":%" PRIu64 ",\"code\":\"2.00\"}", slot->id);
    broker_publish(load->broker, "bench/ping", payload);
}

/* A registered device that is this slot's to command; false when a few tries found none. */
static bool choose_device(const struct commander *commander, struct load *load, struct slot *slot)
{
    uint32_t number = (uint32_t)(slot - commander->slots);
    uint32_t rows =
        (load->fleet.count - number + commander->slot_count - 1) / commander->slot_count;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t row = commander->mix == COMMANDER_OBSERVE ? slot->round++ % rows
                                                           : random_below(&load->random, rows);
        slot->index = number + commander->slot_count * row;
        if (load->fleet.devices[slot->index].registered && slot->index >= load->fleet.control) {
            return true;
        }
    }
    return false;
}

static void send_command(struct commander *commander, struct load *load, struct slot *slot,
                         uint64_t due_ns)
{
    bool ping = commander->mix == COMMANDER_PING;
    if (!ping && !choose_device(commander, load, slot)) {
        return;
    }
    slot->id += commander->slot_count;
    slot->sent_ns = due_ns;
    slot->asked_ns = 0;
    slot->waiting = true;
    commander->sent++;
    commander->under_way++;
    load->counters.commands++;
    if (ping) {
        publish_ping(load, slot);
    } else {
        publish_command(commander, load, slot);
    }
}

static void end_command(struct commander *commander, struct slot *slot, uint64_t now_ns)
{
    slot->waiting = false;
    slot->free_ns = now_ns + commander->pause_ns;
    commander->under_way--;
}

static struct slot *free_slot(struct commander *commander)
{
    for (uint32_t i = 0; i < commander->slot_count; i++) {
        uint32_t at = (commander->next_slot + i) % commander->slot_count;
        if (!commander->slots[at].waiting) {
            commander->next_slot = at + 1;
            return &commander->slots[at];
        }
    }
    return NULL;
}

/* What is due leaves; when no slot is free it leaves later, but its delay counts already. */
static void send_due(struct commander *commander, struct load *load, uint64_t now_ns)
{
    for (unsigned i = 0; i < commander->slot_count; i++) {
        uint64_t due_ns =
            commander->began_ns + (uint64_t)((double)commander->sent * 1e9 / commander->rate);
        struct slot *slot = due_ns <= now_ns ? free_slot(commander) : NULL;
        if (!slot) {
            return;
        }
        send_command(commander, load, slot, due_ns);
    }
}

void commander_pump(struct commander *commander, struct load *load, uint64_t now_ns, bool stop)
{
    if (commander->rate > 0 && !stop) {
        send_due(commander, load, now_ns);
    }
    for (uint32_t i = 0; i < commander->slot_count; i++) {
        struct slot *slot = &commander->slots[i];
        if (slot->waiting && now_ns - slot->sent_ns > GIVE_UP_NS) {
            commander->lost++;
            end_command(commander, slot, now_ns);
        } else if (!slot->waiting && !stop && commander->rate <= 0 && now_ns >= slot->free_ns) {
            send_command(commander, load, slot, now_ns);
        }
    }
}

void commander_asked(struct commander *commander, uint32_t index, uint64_t now_ns)
{
    struct slot *slot = &commander->slots[index % commander->slot_count];
    if (slot->waiting && slot->index == index && slot->asked_ns == 0) {
        slot->asked_ns = now_ns;
        histogram_add(&commander->down, now_ns - slot->sent_ns);
    }
}

void commander_published(struct commander *commander, const char *payload, uint64_t now_ns)
{
    const char *id_text = strstr(payload, "\"reqID\":");
    uint64_t id = id_text ? strtoull(id_text + strlen("\"reqID\":"), NULL, 10) : UINT64_MAX;
    struct slot *slot = &commander->slots[id % commander->slot_count];
    if (!id_text || !slot->waiting || slot->id != id || strstr(payload, "\"msgType\":\"ack\"")) {
        return;
    }
    bool success = strstr(payload, "\"code\":\"2.") != NULL;
    commander->answered += success;
    commander->failed += !success;
    if (success) {
        histogram_add(&commander->whole, now_ns - slot->sent_ns);
    }
    if (success && slot->asked_ns > 0) {
        histogram_add(&commander->up, now_ns - slot->asked_ns);
    }
    end_command(commander, slot, now_ns);
}

uint64_t commander_sent(const struct commander *commander)
{
    return commander->sent;
}

uint32_t commander_under_way(const struct commander *commander)
{
    return commander->under_way;
}

static double percentile_us(const struct histogram *histogram, double percent)
{
    return (double)histogram_percentile(histogram, percent) / 1000;
}

void commander_report(const struct commander *commander, struct report *report)
{
    report_number(report, "commands", (double)commander->sent);
    report_number(report, "commands_answered", (double)commander->answered);
    report_number(report, "commands_failed", (double)commander->failed);
    report_number(report, "commands_lost", (double)commander->lost);
    report_number(report, "command_p50_us", percentile_us(&commander->whole, 50));
    report_number(report, "command_p99_us", percentile_us(&commander->whole, 99));
    report_number(report, "command_down_p50_us", percentile_us(&commander->down, 50));
    report_number(report, "command_down_p99_us", percentile_us(&commander->down, 99));
    report_number(report, "command_up_p50_us", percentile_us(&commander->up, 50));
    report_number(report, "command_up_p99_us", percentile_us(&commander->up, 99));
}
