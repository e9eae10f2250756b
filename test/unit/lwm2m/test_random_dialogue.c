/*
 * Random dialogues of a few devices with the server, under sanitizers and a fake clock. Devices
 * register, notify, answer in every way and fall silent; the caller requests, acknowledges and
 * disregards, also from within events. What must hold whatever happens:
 *
 * - every accepted request ends in exactly one final event (its memory is freed there);
 * - no event comes for a device between its DEREGISTERED and its next REGISTERED;
 * - no request leaves before the answer to the device's own message, and no second one while one
 *   is under way (RFC 7252, 4.7), but for the rest of a long notification;
 * - a confirmable notification is acknowledged only when the caller said so;
 * - a duplicate raises no event, and what was disregarded raises its event once more;
 * - nothing happens before lwm2m_server_next_ms().
 *
 * The alternate path of each device is its name, and its message ids are a range of their own: so
 * every datagram shows whose it is, although two devices share an address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES        6
#define MESSAGE_IDS    10000 /* of one device, then it starts over */
#define SILENCE_MS     14000 /* of all transmissions of a request */
#define TIMES          3
#define LAST_MS        8000 /* after the last of them, which may come early */
#define SEPARATE_MS    93000
#define RECEIPTS       8
#define STEPS_PER_SEED 10000
#define SEEDS          20

/* What became of a device's message. */
enum fate { UNKNOWN = 0, PENDING, TOLD, SUPERSEDED };

/* A request of the server that the device has seen. */
struct asked {
    bool known;
    bool acknowledged;
    bool observe;
    uint8_t code;
    uint8_t times; /* that it was sent */
    uint16_t message_id;
    uint8_t token[8];
    uint32_t block2;
};

struct sim_device {
    char name[4];
    struct transport_route route;
    bool registered; /* as the events tell */
    char location[16];
    bool awaits_answer;
    uint16_t next_id, awaited_id;
    uint64_t silent_until_ms; /* a request is under way until then, if it is not answered */
    struct asked asked[2];    /* the last one; the last that fetches the rest of something */
    uint8_t observed[8];
    uint32_t sequence;
    uint8_t fates[MESSAGE_IDS];
};

struct sim_request {
    struct lwm2m_request request;
    bool *live;
};

struct dialogue {
    struct lwm2m_server *server;
    uint64_t now_ms;
    uint64_t random;
    struct sim_device devices[DEVICES];
    struct lwm2m_receipt receipts[RECEIPTS];
    size_t receipt_count;
    unsigned live, contexts; /* requests and contexts that are the server's */
    unsigned events, sent;
    unsigned finals, reports; /* of requests; of what devices say */
    bool calm;                /* the caller does nothing from within events */
    bool keeps_all;           /* reports are left alone */
    bool disregarded;         /* some report was, since this was reset */
};

static unsigned pick(struct dialogue *d, unsigned count)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return (unsigned)(d->random >> 33) % count;
}

static struct sim_device *pick_device(struct dialogue *d)
{
    return &d->devices[pick(d, DEVICES)];
}

static struct sim_device *device_of_id(struct dialogue *d, uint16_t message_id)
{
    assert_true(message_id / MESSAGE_IDS < DEVICES);
    return &d->devices[message_id / MESSAGE_IDS];
}

static uint8_t *fate_of(struct dialogue *d, uint16_t message_id)
{
    return &device_of_id(d, message_id)->fates[message_id % MESSAGE_IDS];
}

/* --- what the server sends --- */

static struct sim_device *device_of_path(struct dialogue *d, const struct lwcoap_message *message)
{
    struct lwcoap_option option;
    assert_true(lwcoap_option_find(message, LWCOAP_OPTION_URI_PATH, &option));
    assert_true(option.len == 2 && option.value[0] == 'd' && option.value[1] < '0' + DEVICES);
    return &d->devices[option.value[1] - '0'];
}

static void sent_request(struct dialogue *d, const struct lwcoap_message *message)
{
    struct sim_device *device = device_of_path(d, message);
    struct lwcoap_option option;
    struct asked asked = { .known = true, .code = message->code, .times = 1 };
    bool goes_on = memcmp(message->token, device->asked[0].token, 8) == 0;

    assert_false(device->awaits_answer);
    asked.message_id = message->message_id;
    memcpy(asked.token, message->token, sizeof(asked.token));
    asked.observe = lwcoap_option_find(message, LWCOAP_OPTION_OBSERVE, &option) && option.len == 0;
    asked.block2 = lwcoap_option_find(message, LWCOAP_OPTION_BLOCK2, &option)
                       ? lwcoap_option_uint(&option)
                       : 0;
    if (asked.block2 >> 4 > 0 && !goes_on) {
        device->asked[1] = asked;
        return;
    }
    bool again = device->asked[0].known && asked.message_id == device->asked[0].message_id;
    if (!again) {
        assert_true(device->silent_until_ms <= d->now_ms);
        device->silent_until_ms = d->now_ms + SILENCE_MS;
        device->asked[0] = asked;
    } else if (++device->asked[0].times == TIMES) {
        device->silent_until_ms = d->now_ms + LAST_MS;
    }
}

static void sent_acknowledgement(struct dialogue *d, const struct lwcoap_message *message)
{
    struct sim_device *device = device_of_id(d, message->message_id);
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;

    if (message->code == LWCOAP_EMPTY) {
        assert_int_not_equal(*fate_of(d, message->message_id), PENDING);
        return;
    }
    if (message->message_id == device->awaited_id) {
        device->awaits_answer = false;
    }
    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_LOCATION_PATH && option.len > 2) {
            snprintf(device->location, sizeof(device->location), "%.*s", (int)option.len,
                     (const char *)option.value);
        }
    }
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct dialogue *d = ctx;
    struct lwcoap_message message;
    bool header_ok;

    (void)route;
    d->sent++;
    assert_int_equal(lwcoap_message_parse(data, len, &message, &header_ok), 0);
    if (message.type == LWCOAP_CON) {
        sent_request(d, &message);
    } else if (message.type == LWCOAP_ACK) {
        sent_acknowledgement(d, &message);
    }
}

/* --- the caller --- */

static void request_something(struct dialogue *d, struct sim_device *device)
{
    static const char *const paths[] = { "/3/0", "/3/0/9", "/5/0/1", "/3303/0/5700" };
    static struct lwm2m_record records[] = {
        { .path = { { 3, 0, 9 }, 3 }, .value = { .type = LWM2M_TYPE_INTEGER, .integer = 1 } },
        { .path = { { 3, 0, 15 }, 3 }, .value = { .type = LWM2M_TYPE_OPAQUE } },
    };
    static const uint8_t bytes[300];
    struct lwm2m_device *to = lwm2m_server_find(d->server, device->name);
    struct sim_request *made = to ? calloc(1, sizeof(*made)) : NULL;

    if (!made) {
        return;
    }
    struct lwm2m_request *request = &made->request;
    const char *path = paths[pick(d, 4)];
    request->operation = (enum lwm2m_operation)pick(d, LWM2M_CANCEL_OBSERVE_COMPOSITE + 1);
    if (request->operation < LWM2M_READ_COMPOSITE) {
        assert_int_equal(lwm2m_path_parse(path, strlen(path), &request->path), 0);
    }
    records[1].value.bytes = (struct lwm2m_bytes){ bytes, sizeof(bytes) };
    request->records = records;
    request->record_count =
        request->operation >= LWM2M_READ_COMPOSITE || request->operation == LWM2M_WRITE_UPDATE
            ? 1 + pick(d, 2)
            : 0;
    request->query = pick(d, 4) ? NULL : pick(d, 2) ? "pmin=1" : "pmin=2&pmax=9";
    request->format = request->accept = LWM2M_FORMAT_NONE;
    request->expires_ms = pick(d, 3) ? LWM2M_TIMERS_NEVER : d->now_ms + pick(d, 60000);
    request->send_now = pick(d, 8) == 0;
    request->automatic = pick(d, 8) == 0;
    bool live = true;
    made->live = &live;
    d->live++;
    int rc = lwm2m_server_request(d->server, to, request, d->now_ms);
    if (rc) {
        assert_true(live); /* no event came */
        d->live--;
        free(made);
    } else if (live) {
        made->live = NULL;
    }
}

static void settle(struct dialogue *d, const struct lwm2m_receipt *receipt, bool kept)
{
    uint8_t *fate = fate_of(d, receipt->coap.message_id);
    if (kept) {
        *fate = *fate == PENDING ? TOLD : *fate;
        lwm2m_server_acknowledge(d->server, receipt, d->now_ms);
    } else {
        d->disregarded = true;
        lwm2m_server_disregard(d->server, receipt);
    }
}

static void take_report(struct dialogue *d, const struct lwm2m_event *event)
{
    if (event->observation && pick(d, 2) == 0) {
        d->contexts++;
        lwm2m_observation_set_context(d->server, event->observation, malloc(1));
    }
    if (!event->receipt || !event->receipt->coap.confirmable || d->keeps_all) {
        return;
    }
    if (pick(d, 2) == 0) {
        settle(d, event->receipt, pick(d, 4) > 0);
    } else if (d->receipt_count < RECEIPTS) {
        d->receipts[d->receipt_count++] = *event->receipt;
    } else {
        d->receipts[pick(d, RECEIPTS)] = *event->receipt;
    }
}

static void finished(struct dialogue *d, struct lwm2m_request *request)
{
    struct sim_request *made = (struct sim_request *)request;
    if (made->live) {
        *made->live = false;
    }
    d->live--;
    d->finals++;
    free(made);
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct dialogue *d = ctx;
    struct sim_device *device = &d->devices[lwm2m_device_endpoint(event->device)[1] - '0'];

    d->events++;
    d->reports += !event->request;
    assert_true(device->registered || event->type == LWM2M_EVENT_REGISTERED);
    assert_string_equal(lwm2m_device_endpoint(event->device), device->name);
    if (event->request && event->type != LWM2M_EVENT_ACKNOWLEDGED) {
        finished(d, event->request);
    } else if (event->type == LWM2M_EVENT_NOTIFICATION || event->type == LWM2M_EVENT_SEND) {
        take_report(d, event);
    }
    device->registered = event->type != LWM2M_EVENT_DEREGISTERED;
    if (!d->calm && pick(d, 4) == 0) {
        request_something(d, pick(d, 4) ? device : pick_device(d));
    }
}

/* --- what devices send --- */

static uint16_t next_id(struct dialogue *d, struct sim_device *device)
{
    uint16_t base = (uint16_t)((device - d->devices) * MESSAGE_IDS);
    device->next_id = (uint16_t)((device->next_id + 1) % MESSAGE_IDS);
    device->fates[device->next_id] = UNKNOWN;
    return (uint16_t)(base + device->next_id);
}

static void deliver(struct dialogue *d, struct sim_device *device,
                    const struct lwcoap_writer *writer)
{
    assert_int_equal(writer->err, 0);
    lwm2m_server_receive(d->server, &device->route, writer->buffer, writer->len, d->now_ms);
}

/* Delivers a message of the device's own and perhaps repeats it. */
static void say(struct dialogue *d, struct sim_device *device, const struct lwcoap_writer *writer)
{
    d->disregarded = false;
    deliver(d, device, writer);
    if (pick(d, 8) == 0 && !d->disregarded) {
        unsigned before = d->reports;
        deliver(d, device, writer);
        assert_int_equal(d->reports, before);
    }
}

static void start_request(struct dialogue *d, struct sim_device *device, uint8_t code,
                          struct lwcoap_writer *writer, uint8_t buffer[1400])
{
    uint16_t id = next_id(d, device);
    lwcoap_writer_init(writer, buffer, 1400, LWCOAP_CON, code, id, (const uint8_t *)"t", 1);
    device->awaited_id = id;
    device->awaits_answer = true;
}

static void do_register(struct dialogue *d, struct sim_device *device)
{
    uint8_t buffer[1400];
    char links[128], query[64];
    struct lwcoap_writer writer;
    bool queue_mode = (device - d->devices) % 2 == 0;

    if (pick(d, 6) == 0 && device->route.remote.port < 2000) {
        device->route.remote.port ^= 256; /* those behind one address keep it */
        device->route.remote.ip[15] ^= (uint8_t)pick(d, 2);
    }
    start_request(d, device, LWCOAP_POST, &writer, buffer);
    device->silent_until_ms = 0; /* what was under way may be started anew */
    snprintf(links, sizeof(links), "</%s>;rt=\"oma.lwm2m\";ct=%u,</%s/3/0>,</%s/5/0>,</%s/3303/0>",
             device->name, pick(d, 2) ? 110 : 112, device->name, device->name, device->name);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_LINK);
    snprintf(query, sizeof(query), "ep=%s", device->name);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, query, strlen(query));
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, "lwm2m=1.1", 9);
    snprintf(query, sizeof(query), "lt=%u", pick(d, 300));
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, query, strlen(query));
    if (queue_mode) {
        lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, "Q", 1);
    }
    lwcoap_writer_payload(&writer, (const uint8_t *)links, strlen(links));
    say(d, device, &writer);
    assert_false(device->awaits_answer);
}

static void do_update(struct dialogue *d, struct sim_device *device, uint8_t code)
{
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    char links[64];

    start_request(d, device, code, &writer, buffer);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, device->location,
                         strlen(device->location));
    if (code == LWCOAP_POST && pick(d, 4) == 0) {
        snprintf(links, sizeof(links), "</%s>;rt=\"oma.lwm2m\",</%s/%u/0>", device->name,
                 device->name, pick(d, 2) ? 3 : 5);
        lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, "lt=60", 5);
        lwcoap_writer_payload(&writer, (const uint8_t *)links, strlen(links));
    }
    if (code == LWCOAP_DELETE) {
        device->silent_until_ms = 0;
    }
    say(d, device, &writer);
    assert_false(device->awaits_answer);
}

/* A part of a body in SenML JSON: block `num` of blocks of 64 bytes, three in all. */
static void add_block(struct lwcoap_writer *writer, uint32_t num)
{
    char body[193];
    uint32_t at = num > 2 ? 2 : num;
    memset(body, ' ', sizeof(body));
    memcpy(body, "[{\"n\":\"/3/0/9\",\"v\":1}", 22);
    body[191] = ']';
    lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK2, at << 4 | (at < 2 ? 8u : 0) | 2);
    lwcoap_writer_payload(writer, (const uint8_t *)body + (size_t)at * 64, 64);
}

static void add_content(struct dialogue *d, struct lwcoap_writer *writer)
{
    static const char body[] = "[{\"n\":\"/3/0/9\",\"v\":1}]";
    lwcoap_writer_option_uint(writer, LWCOAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_SENML_JSON);
    if (pick(d, 6) == 0) {
        add_block(writer, 0);
    } else {
        lwcoap_writer_payload(writer, (const uint8_t *)body, sizeof(body) - 1);
    }
}

/* While an OBSERVE is under way, a notification with its token may be its answer, which is
 * acknowledged at once: the two look the same. */
static bool answers_observe(const struct sim_device *device)
{
    return memcmp(device->observed, device->asked[0].token, 8) == 0;
}

/* A report that was disregarded counts as new when it comes again. */
static void repeat_disregarded(struct dialogue *d, struct sim_device *device,
                               const struct lwcoap_writer *writer)
{
    unsigned before = d->reports;
    d->keeps_all = true;
    deliver(d, device, writer);
    d->keeps_all = false;
    if (d->reports == before + 1 && !answers_observe(device)) {
        struct lwm2m_receipt receipt = {
            .coap = { .route = device->route, .confirmable = true, .code = writer->buffer[1] }
        };
        receipt.coap.message_id = (uint16_t)(writer->buffer[2] << 8 | writer->buffer[3]);
        settle(d, &receipt, false);
        deliver(d, device, writer);
        assert_int_equal(d->reports, before + 2);
    }
}

static void do_notify(struct dialogue *d, struct sim_device *device)
{
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    enum lwcoap_type type = pick(d, 3) ? LWCOAP_CON : LWCOAP_NON;
    bool fails = pick(d, 16) == 0;
    uint16_t id = next_id(d, device);
    uint8_t *fate = fate_of(d, id);

    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type,
                       fails ? LWCOAP_CODE(4, 4) : LWCOAP_CODE(2, 5), id, device->observed, 8);
    device->sequence += pick(d, 3);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, device->sequence);
    bool answers = answers_observe(device);
    if (!fails) {
        add_content(d, &writer);
    }
    bool is_long = !fails && writer.len > 70;
    *fate = type == LWCOAP_NON ? UNKNOWN : is_long || answers ? SUPERSEDED : PENDING;
    device->silent_until_ms = answers ? 0 : device->silent_until_ms;
    if (*fate == PENDING && pick(d, 4) == 0) {
        repeat_disregarded(d, device, &writer);
    } else {
        say(d, device, &writer);
    }
}

static void do_send(struct dialogue *d, struct sim_device *device)
{
    static const char body[] = "[{\"n\":\"/3/0/9\",\"v\":1}]";
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    uint16_t id = next_id(d, device);

    lwcoap_writer_init(&writer, buffer, sizeof(buffer), pick(d, 4) ? LWCOAP_CON : LWCOAP_NON,
                       LWCOAP_POST, id, (const uint8_t *)"t", 1);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "dp", 2);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_SENML_JSON);
    lwcoap_writer_payload(&writer, (const uint8_t *)body, sizeof(body) - 1);
    say(d, device, &writer);
}

static uint8_t pick_code(struct dialogue *d, const struct asked *asked)
{
    static const uint8_t refusals[] = { LWCOAP_CODE(4, 4), LWCOAP_CODE(4, 6),  LWCOAP_CODE(4, 15),
                                        LWCOAP_CODE(4, 8), LWCOAP_CODE(2, 31), LWCOAP_CODE(4, 13) };
    bool reads = asked->code == LWCOAP_GET || asked->code == LWCOAP_FETCH;
    return pick(d, 4) == 0 ? refusals[pick(d, sizeof(refusals))]
           : reads         ? LWCOAP_CODE(2, 5)
                           : LWCOAP_CODE(2, 4);
}

static void do_answer(struct dialogue *d, struct sim_device *device)
{
    uint8_t buffer[1400];
    struct lwcoap_writer writer;
    unsigned which = pick(d, 2);
    struct asked asked = device->asked[which];
    enum lwcoap_type type = (enum lwcoap_type)pick(d, 3); /* CON, NON, ACK */
    uint8_t code = pick_code(d, &asked);
    uint16_t id = type == LWCOAP_ACK ? asked.message_id : next_id(d, device);

    if (!asked.known) {
        return;
    }
    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type, code, id, asked.token, 8);
    if (asked.observe && code >> 5 == 2) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, device->sequence);
        memcpy(device->observed, asked.token, 8);
    }
    if (code == LWCOAP_CODE(2, 5) && asked.block2 >> 4 > 0) {
        add_block(&writer, asked.block2 >> 4);
    } else if (code == LWCOAP_CODE(2, 5)) {
        add_content(d, &writer);
    }
    if (which == 0) {
        device->silent_until_ms = 0;
    }
    deliver(d, device, &writer);
}

static void do_empty(struct dialogue *d, struct sim_device *device)
{
    uint8_t buffer[4];
    struct lwcoap_writer writer;
    enum lwcoap_type type = pick(d, 4) ? LWCOAP_ACK : LWCOAP_RST;

    if (!device->asked[0].known) {
        return;
    }
    lwcoap_writer_init(&writer, buffer, sizeof(buffer), type, LWCOAP_EMPTY,
                       device->asked[0].message_id, NULL, 0);
    if (type == LWCOAP_RST) {
        device->silent_until_ms = 0;
    } else if (device->silent_until_ms > d->now_ms && !device->asked[0].acknowledged) {
        device->asked[0].acknowledged = true;
        device->silent_until_ms = d->now_ms + SEPARATE_MS;
    }
    deliver(d, device, &writer);
}

/* --- time --- */

static void pass(struct dialogue *d, uint64_t ms)
{
    uint64_t end = d->now_ms + ms, next;
    unsigned runs = 0;

    while ((next = lwm2m_server_next_ms(d->server)) <= end) {
        if (next > d->now_ms + 1) {
            unsigned before = d->events + d->sent;
            d->now_ms = next - 1;
            lwm2m_server_run(d->server, d->now_ms);
            assert_int_equal(d->events + d->sent, before);
        }
        d->now_ms = next > d->now_ms ? next : d->now_ms;
        lwm2m_server_run(d->server, d->now_ms);
        assert_true(++runs < 100000);
    }
    d->now_ms = end;
}

/* --- the dialogue --- */

static void kick(struct dialogue *d, struct sim_device *device)
{
    struct lwm2m_device *found = lwm2m_server_find(d->server, device->name);
    if (found) {
        device->silent_until_ms = 0;
        lwm2m_server_kick(d->server, found, d->now_ms);
        assert_null(lwm2m_server_find(d->server, device->name));
    }
}

static void clear(struct dialogue *d, struct sim_device *device)
{
    struct lwm2m_device *found = lwm2m_server_find(d->server, device->name);
    if (found) {
        unsigned before = d->events;
        size_t dropped = lwm2m_server_clear_queue(d->server, found, "cleared", d->now_ms);
        assert_true(d->events >= before + dropped);
    }
}

static void do_keep_alive(struct dialogue *d, struct sim_device *device)
{
    do_update(d, device, LWCOAP_POST);
}

static void do_leave(struct dialogue *d, struct sim_device *device)
{
    do_update(d, device, LWCOAP_DELETE);
}

static void settle_one(struct dialogue *d, struct sim_device *device)
{
    (void)device;
    if (d->receipt_count > 0) {
        struct lwm2m_receipt receipt = d->receipts[pick(d, (unsigned)d->receipt_count)];
        settle(d, &receipt, pick(d, 4) > 0);
    }
}

static void wait_a_little(struct dialogue *d, struct sim_device *device)
{
    static const unsigned pauses[] = { 1, 10, 100, 500, 3000, 10000, 100000 };
    (void)device;
    pass(d, pick(d, pauses[pick(d, sizeof(pauses) / sizeof(pauses[0]))]));
}

static const struct {
    unsigned weight;
    void (*act)(struct dialogue *d, struct sim_device *device);
} actions[] = {
    { 16, do_register }, { 28, do_keep_alive }, { 4, do_leave },
    { 32, do_notify },   { 8, do_send },        { 64, do_answer },
    { 16, do_empty },    { 1, kick },           { 40, request_something },
    { 16, settle_one },  { 30, wait_a_little }, { 1, clear },
};
#define WEIGHTS 256

static void step(struct dialogue *d)
{
    unsigned chosen = pick(d, WEIGHTS);
    size_t i = 0;
    while (chosen >= actions[i].weight) {
        chosen -= actions[i++].weight;
    }
    actions[i].act(d, pick_device(d));
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)pick(ctx, 256);
    }
}

static double on_wall_clock(void *ctx)
{
    return 1700000000.0 + (double)((struct dialogue *)ctx)->now_ms / 1000.0;
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 20000;
}

static bool on_definition(void *ctx, uint16_t object, struct lwm2m_version version,
                          uint16_t resource, struct lwm2m_definition *definition)
{
    (void)ctx;
    (void)object;
    (void)version;
    (void)resource;
    (void)definition;
    return false;
}

static void on_context_free(void *ctx, void *context)
{
    ((struct dialogue *)ctx)->contexts--;
    free(context);
}

/* Bounds that are reached all the time. */
static const struct lwm2m_server_settings tight = {
    .coap = { .ack_timeout_ms = 2000,
              .ack_random_factor = 1.0,
              .max_retransmit = 2,
              .exchange_lifetime_ms = 247000,
              .response_timeout_ms = SEPARATE_MS,
              .max_block_size = 64,
              .max_body_size = 4096,
              .max_transfers = 2,
              .max_exchanges = 3 },
    .lifetime_min_s = 15,
    .lifetime_max_s = 300,
    .max_devices = DEVICES - 1,
    .queue_length = 3,
    .queue_attempts = 4,
    .observe_grace_ms = 1000,
    .observe_pmax_s = 20,
    .max_records = 100,
};

static void begin(struct dialogue *d, uint64_t seed)
{
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = d,
        .send = on_send,
        .event = on_event,
        .random = on_random,
        .wall_clock_s = on_wall_clock,
        .awake_window_ms = on_awake_window,
        .definition = on_definition,
        .observation_context_free = on_context_free,
    };
    d->random = seed * UINT64_C(0x9e3779b97f4a7c15);
    d->now_ms = 1000;
    assert_int_equal(lwm2m_server_new(&tight, &callbacks, d->now_ms, &d->server), 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        struct sim_device *device = &d->devices[i];
        snprintf(device->name, sizeof(device->name), "d%u", i % DEVICES);
        device->route.remote.ip[15] = 2;
        device->route.remote.port = (uint16_t)(i < 4 ? 1000 + i : 3000);
    }
}

static void end(struct dialogue *d)
{
    d->calm = true;
    if (pick(d, 2)) {
        lwm2m_server_drop_requests(d->server, "the end");
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        kick(d, &d->devices[i]);
    }
    assert_int_equal(d->live, 0);
    assert_int_equal(lwm2m_server_device_count(d->server), 0);
    lwm2m_server_free(d->server);
    assert_int_equal(d->contexts, 0);
}

static void what_must_hold_holds_in_every_dialogue(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dialogue *d = calloc(1, sizeof(*d));
        assert_non_null(d);
        begin(d, seed);
        for (unsigned i = 0; i < STEPS_PER_SEED; i++) {
            step(d);
        }
        end(d);
        assert_true(d->finals > 500 && d->reports > 100); /* they did talk */
        free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_hold_holds_in_every_dialogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
