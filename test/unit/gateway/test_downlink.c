/* Commands on their way to a server that does what each test wants, and what comes of them. */
#include "fake_device.h"
#include "fake_outlet.h"
#include "store_fixture.h"

#include "gateway/downlink.h"

#include "mqtt/topic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "";

/* --- the fake server --- */

struct lwm2m_observation {
    void *context;
    struct lwm2m_observation_info info;
    struct lwm2m_observation *next;
};

struct lwm2m_server {
    struct lwm2m_device device;
    struct lwm2m_request *request;    /* the last one */
    struct lwm2m_request *waiting[4]; /* all, in their order */
    size_t waiting_count;
    struct lwm2m_observation *observations;
    bool under_way; /* the first */
    bool kicked;
    int answer; /* of lwm2m_server_request */
    bool awake;
    bool ends; /* the final event comes at once */
    struct downlink *downlink;
};

struct lwm2m_device *lwm2m_server_find(struct lwm2m_server *server, const char *endpoint)
{
    return strcmp(server->device.endpoint, endpoint) == 0 ? &server->device : NULL;
}

static struct lwm2m_event event_of(struct lwm2m_server *server, enum lwm2m_event_type type)
{
    struct lwm2m_event event = fake_event(type, &server->device);
    event.request = server->request;
    return event;
}

int lwm2m_server_request(struct lwm2m_server *server, struct lwm2m_device *device,
                         struct lwm2m_request *request, uint64_t now_ms)
{
    assert_ptr_equal(device, &server->device);
    assert_int_equal(now_ms, 5000);
    server->request = request;
    if (server->answer != 0) {
        return server->answer;
    }
    if (server->waiting_count < 4) {
        server->waiting[server->waiting_count++] = request;
    }
    if (server->ends) {
        struct lwm2m_event event = event_of(server, LWM2M_EVENT_RESPONSE);
        downlink_event(server->downlink, &event);
    }
    return 0;
}

bool lwm2m_request_changes(const struct lwm2m_request *request)
{
    return request->operation == LWM2M_EXECUTE;
}

bool lwm2m_server_is_awake(const struct lwm2m_server *server, const struct lwm2m_device *device,
                           uint64_t now_ms)
{
    (void)now_ms;
    assert_ptr_equal(device, &server->device);
    return !device->queue_mode || server->awake;
}

void lwm2m_observation_set_context(struct lwm2m_server *server,
                                   struct lwm2m_observation *observation, void *context)
{
    (void)server;
    if (observation->context != NULL && observation->context != context) {
        downlink_echo_free(observation->context);
    }
    observation->context = context;
}

void *lwm2m_observation_context(const struct lwm2m_observation *observation)
{
    return observation->context;
}

static struct lwm2m_server *server_of(const struct lwm2m_device *device)
{
    return (struct lwm2m_server *)(uintptr_t)device; /* its first member */
}

struct lwm2m_request *lwm2m_device_request_after(const struct lwm2m_device *device,
                                                 const struct lwm2m_request *request)
{
    const struct lwm2m_server *server = server_of(device);
    size_t i = 0;
    while (request != NULL && server->waiting[i++] != request) {
    }
    return i < server->waiting_count ? server->waiting[i] : NULL;
}

bool lwm2m_request_is_under_way(const struct lwm2m_request *request)
{
    const struct lwm2m_server *server = server_of(request->device);
    return server->under_way && request == server->waiting[0];
}

size_t lwm2m_server_clear_queue(struct lwm2m_server *server, struct lwm2m_device *device,
                                const char *reason, uint64_t now_ms)
{
    assert_ptr_equal(device, &server->device);
    assert_int_equal(now_ms, 5000);
    for (size_t i = 0; i < server->waiting_count; i++) {
        server->request = server->waiting[i];
        struct lwm2m_event event = event_of(server, LWM2M_EVENT_DROPPED);
        event.reason = reason;
        downlink_event(server->downlink, &event);
    }
    return server->waiting_count;
}

void lwm2m_server_kick(struct lwm2m_server *server, struct lwm2m_device *device, uint64_t now_ms)
{
    assert_ptr_equal(device, &server->device);
    assert_int_equal(now_ms, 5000);
    server->kicked = true;
}

struct lwm2m_observation *lwm2m_device_observation_after(const struct lwm2m_device *device,
                                                         const struct lwm2m_observation *before)
{
    return before != NULL ? before->next : server_of(device)->observations;
}

struct lwm2m_observation_info lwm2m_observation_info_of(const struct lwm2m_observation *observation)
{
    return observation->info;
}

/* --- the bench --- */

struct bench {
    struct fake_outlet outlet;
    struct lwm2m_server server;
    struct definitions *definitions;
    struct mqtt_topic *topic;
    struct downlink *downlink;
    struct command_journal *journal; /* NULL: without a store */
    struct store *store;
    int commit_result;
    size_t commits; /* those that were to happen before anything came of a command */
};

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return 5000;
}

static void start(struct bench *bench)
{
    const char *reason = NULL;
    fake_outlet_init(&bench->outlet);
    fake_outlet_open(&bench->outlet);
    bench->server.device = (struct lwm2m_device){
        .endpoint = "dev",
        .version = { 1, 1 },
        .list = { .root = root },
    };
    bench->definitions = definitions_new(bench->outlet.log);
    assert_non_null(bench->definitions);
    assert_int_equal(
        mqtt_topic_compile(MQTT_TOPIC_COMMAND, "", "dn/%e", "gw", &bench->topic, &reason), 0);
    const struct downlink_settings settings = {
        .server = &bench->server,
        .uplink = bench->outlet.uplink,
        .definitions = bench->definitions,
        .log = bench->outlet.log,
        .topic = bench->topic,
        .journal = bench->journal,
        .report_queued = true,
        .ctx = bench,
        .now_ms = now_ms,
    };
    bench->downlink = downlink_new(&settings);
    assert_non_null(bench->downlink);
    bench->server.downlink = bench->downlink;
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ 0 };
    start(bench);
}

static void tear_down(struct bench *bench)
{
    downlink_free(bench->downlink);
    mqtt_topic_free(bench->topic);
    definitions_free(bench->definitions);
    command_journal_free(bench->journal);
    fake_outlet_deinit(&bench->outlet);
}

static struct mqtt_message message_of(const char *topic, const char *json)
{
    return (struct mqtt_message){ .topic = topic, .payload = { json, strlen(json) } };
}

static void send(struct bench *bench, const char *topic, const char *json)
{
    struct mqtt_message message = message_of(topic, json);
    downlink_message(bench->downlink, &message);
}

static void ends(struct bench *bench, enum lwm2m_event_type type)
{
    struct lwm2m_event event = event_of(&bench->server, type);
    event.reason = "why";
    downlink_event(bench->downlink, &event);
}

#define READ        "{\"msgType\":\"read\",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}"
#define HEAD(type_) "up/resp {\"msgType\":\"" type_ "\",\"ep\":\"dev\",\"ts\":1700000000000"

/* --- tests --- */

static void a_command_becomes_a_request_and_its_answer_a_message(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, "dn/dev", READ);
    assert_int_equal(bench.server.request->operation, LWM2M_READ);
    assert_int_equal(bench.server.request->expires_ms, LWM2M_TIMERS_NEVER);
    assert_false(bench.server.request->send_now);
    assert_int_equal(bench.outlet.count, 0);
    assert_int_equal(downlink_under_way(bench.downlink), 1);
    ends(&bench, LWM2M_EVENT_RESPONSE);
    assert_string_equal(
        bench.outlet.last,
        HEAD("read") ",\"reqID\":1,\"data\":{\"reqPath\":\"/3/0\",\"code\":\"2.05\","
                     "\"codeMsg\":\"content\",\"content\":[]}}");
    assert_int_equal(downlink_under_way(bench.downlink), 0);
    tear_down(&bench);
}

static void an_answer_may_come_at_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.server.ends = true;
    send(&bench, "dn/dev", READ);
    assert_int_equal(bench.outlet.count, 1);
    assert_int_equal(downlink_under_way(bench.downlink), 0);
    tear_down(&bench);
}

static void every_end_has_its_message(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_event_type type;
        const char *expected;
    } cases[] = {
        { LWM2M_EVENT_TIMEOUT, HEAD("coap_timeout") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}" },
        { LWM2M_EVENT_RESET, HEAD("coap_reset") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}" },
        { LWM2M_EVENT_EXPIRED, HEAD("expired") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}" },
        { LWM2M_EVENT_DROPPED,
          HEAD("dropped") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\",\"reason\":\"why\"}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench);
        send(&bench, "dn/dev", READ);
        ends(&bench, LWM2M_EVENT_ACKNOWLEDGED);
        assert_string_equal(bench.outlet.last,
                            HEAD("ack") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}");
        assert_int_equal(downlink_under_way(bench.downlink), 1);
        ends(&bench, cases[i].type);
        assert_string_equal(bench.outlet.last, cases[i].expected);
        assert_int_equal(bench.outlet.count, 2);
        assert_int_equal(downlink_under_way(bench.downlink), 0);
        tear_down(&bench);
    }
}

static void what_cannot_be_carried_out_is_answered_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *json;
        int err;
        const char *expected;
    } cases[] = {
        { "dn/nobody", READ, 0,
          "up/resp "
          "{\"msgType\":\"read\",\"ep\":\"nobody\",\"ts\":1700000000000,\"reqID\":1,\"data\":"
          "{\"reqPath\":\"/3/0\",\"code\":\"4.04\",\"codeMsg\":\"not_found\",\"reason\":\"no "
          "device "
          "with this endpoint name is registered\"}}" },
        { "dn/nobody", "x", 0,
          "up/resp "
          "{\"msgType\":\"error\",\"ep\":\"nobody\",\"ts\":1700000000000,\"data\":{\"code\":"
          "\"4.00\",\"codeMsg\":\"bad_request\",\"reason\":\"the payload is not JSON (mistake at "
          "byte 0)\"}}" },
        { "dn/dev", READ, -EINVAL,
          HEAD("read") ",\"reqID\":1,\"data\":{\"reqPath\":\"/3/0\",\"code\":\"4.00\",\"codeMsg\":"
                       "\"bad_request\",\"reason\":\"the content format cannot carry these values, "
                       "or "
                       "path and query are too long\"}}" },
        { "dn/dev", READ, -ENOSPC,
          HEAD("dropped") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\",\"reason\":\"the device's "
                          "queue is "
                          "full\"}}" },
        { "dn/dev", READ, -ENOENT,
          HEAD("dropped") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\",\"reason\":\"the device "
                          "left\"}}" },
        { "dn/dev", READ, -ENOMEM,
          HEAD("dropped") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\",\"reason\":\"out of "
                          "memory\"}}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench);
        bench.server.answer = cases[i].err;
        send(&bench, cases[i].topic, cases[i].json);
        assert_string_equal(bench.outlet.last, cases[i].expected);
        assert_int_equal(bench.outlet.count, 1);
        assert_int_equal(downlink_under_way(bench.downlink), 0);
        tear_down(&bench);
    }
}

static void a_foreign_topic_is_logged_and_left_alone(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, "other/dev", READ);
    assert_int_equal(bench.outlet.count, 0);
    assert_null(bench.server.request);
    assert_non_null(strstr(bench.outlet.logged, "command-topic-unknown topic=other/dev"));
    tear_down(&bench);
}

static void the_answer_goes_where_the_command_says(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct mqtt_message message = message_of("dn/dev", READ);
    message.response_topic = (struct mqtt_bytes){ "my/answersXX", 10 };
    message.correlation = (struct mqtt_bytes){ "c-1XX", 3 };
    downlink_message(bench.downlink, &message);
    ends(&bench, LWM2M_EVENT_RESPONSE);
    assert_memory_equal(bench.outlet.last, "my/answers {", 12);
    assert_string_equal(bench.outlet.correlation, "c-1");

    struct mqtt_message refused = message_of("dn/dev", "x");
    refused.response_topic = message.response_topic;
    refused.correlation = message.correlation;
    downlink_message(bench.downlink, &refused);
    assert_memory_equal(bench.outlet.last, "my/answers {\"msgType\":\"error\"", 29);
    assert_string_equal(bench.outlet.correlation, "c-1");
    tear_down(&bench);
}

static void an_answer_topic_that_is_none_does_not_cost_the_answer(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct mqtt_message message = message_of("dn/dev", READ);
    message.response_topic = (struct mqtt_bytes){ "my/#", 4 };
    downlink_message(bench.downlink, &message);
    ends(&bench, LWM2M_EVENT_RESPONSE);
    assert_memory_equal(bench.outlet.last, "up/resp {", 9);
    tear_down(&bench);
}

static void the_time_to_live_comes_from_either_side(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool has_expiry;
        uint32_t expiry_s;
        uint64_t expires_ms;
        bool send_now;
    } cases[] = {
        { READ, false, 0, LWM2M_TIMERS_NEVER, false },
        { READ, true, 10, 15000, false },
        { "{\"msgType\":\"read\",\"data\":{\"path\":\"/3\",\"ttl\":3}}", true, 10, 8000, false },
        { "{\"msgType\":\"read\",\"data\":{\"path\":\"/3\",\"ttl\":30}}", true, 10, 15000, false },
        { "{\"msgType\":\"read\",\"mheaders\":{\"ttl\":0},\"data\":{\"path\":\"/3\"}}", true, 10,
          LWM2M_TIMERS_NEVER, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up(&bench);
        struct mqtt_message message = message_of("dn/dev", cases[i].json);
        message.has_expiry = cases[i].has_expiry;
        message.expiry_s = cases[i].expiry_s;
        downlink_message(bench.downlink, &message);
        assert_int_equal(bench.server.request->expires_ms, cases[i].expires_ms);
        assert_int_equal(bench.server.request->send_now, cases[i].send_now);
        tear_down(&bench);
    }
}

static void waiting_for_a_sleeping_device_is_reported(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.server.device.queue_mode = true;
    send(&bench, "dn/dev", READ);
    assert_string_equal(bench.outlet.last,
                        HEAD("queued") ",\"reqID\":1,\"data\":{\"path\":\"/3/0\"}}");
    assert_int_equal(downlink_under_way(bench.downlink), 0);
    bench.server.awake = true;
    send(&bench, "dn/dev", READ);
    assert_int_equal(bench.outlet.count, 1);
    assert_int_equal(downlink_under_way(bench.downlink), 1);
    tear_down(&bench);
}

static void notifications_send_back_what_observe_had(void **state)
{
    (void)state;
    static const struct {
        const char *json, *echo;
    } cases[] = {
        { "{\"msgType\":\"observe\",\"reqID\":1,\"a\":[],\"data\":{\"path\":\"/3/0\"}}",
          ",\"reqID\":1,\"a\":[]" },
        { "{\"msgType\":\"observe\",\"data\":{\"path\":\"/3/0\"}}", "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        struct lwm2m_observation observation = { 0 };
        set_up(&bench);
        send(&bench, "dn/dev", cases[i].json);
        struct lwm2m_event event = event_of(&bench.server, LWM2M_EVENT_RESPONSE);
        event.observation = &observation;
        downlink_event(bench.downlink, &event);
        const struct command_text *echo = downlink_echo(&observation);
        assert_int_equal(echo->len, strlen(cases[i].echo));
        assert_memory_equal(echo->text, cases[i].echo, echo->len);
        assert_int_equal(observation.context == NULL, echo->len == 0);
        lwm2m_observation_set_context(&bench.server, &observation, NULL);
        tear_down(&bench);
    }
    assert_int_equal(downlink_echo(NULL)->len, 0);
}

static void the_gateway_observes_without_memory_per_observation(void **state)
{
    (void)state;
    struct bench bench;
    struct lwm2m_observation observations[2] = { 0 };
    struct lwm2m_path path = { .ids = { 3, 0 }, .depth = 2 };
    set_up(&bench);
    bench.server.device.queue_mode = true;
    for (size_t i = 0; i < 2; i++) {
        downlink_observe(bench.downlink, &bench.server.device, &path);
        assert_true(bench.server.request->automatic);
        struct lwm2m_event event = event_of(&bench.server, LWM2M_EVENT_RESPONSE);
        event.observation = &observations[i];
        downlink_event(bench.downlink, &event);
        assert_int_equal(bench.outlet.count, i + 1); /* no "queued": nobody asked */
        assert_string_equal(bench.outlet.last,
                            HEAD("observe") ",\"is_auto_observe\":true,\"data\":{\"reqPath\":"
                                            "\"/3/0\",\"code\":\"2.05\",\"codeMsg\":\"content\","
                                            "\"content\":[]}}");
    }
    assert_ptr_equal(observations[0].context, observations[1].context);
    const struct command_text *echo = downlink_echo(&observations[0]);
    assert_memory_equal(echo->text, ",\"is_auto_observe\":true", echo->len);
    lwm2m_observation_set_context(&bench.server, &observations[0], NULL);
    tear_down(&bench);
}

static void commands_that_never_ended_are_freed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (int i = 0; i < 3; i++) {
        send(&bench, "dn/dev", READ);
    }
    ends(&bench, LWM2M_EVENT_RESPONSE); /* the last; the others are left */
    assert_int_equal(downlink_under_way(bench.downlink), 2);
    tear_down(&bench); /* the sanitizer would tell */
}

#define WAITS_FOR(msg_type, members, path_)                                                        \
    "{\"msgType\":\"" msg_type "\"," members "\"data\":{\"path\":\"" path_ "\"}}"
#define LISTED(msg_type) "{\"msgType\":\"" msg_type "\",\"reqID\":9}"
#define CONTENT          ",\"reqID\":9,\"data\":{\"code\":\"2.05\",\"codeMsg\":\"content\",\"content\":["

static void what_waits_for_a_device_is_listed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, "dn/dev", LISTED("queue-list"));
    assert_string_equal(bench.outlet.last, HEAD("queue-list") CONTENT "]}}");
    send(&bench, "dn/dev", WAITS_FOR("read", "\"reqID\":1,\"mheaders\":{\"ttl\":7.5},", "3/0?a=b"));
    send(&bench, "dn/dev", WAITS_FOR("delete", "\"age\":\"x\",\"n\":[1,2],", "/3/1"));
    send(&bench, "dn/dev",
         "{\"msgType\":\"read-composite\",\"data\":{\"paths\":[\"/3/0\",\"/4/0/1\"]}}");
    for (size_t i = 0; i < 3; i++) {
        bench.server.waiting[i]->device = &bench.server.device;
    }
    bench.server.under_way = true;
    bench.server.waiting[1]->unanswered = 2;
    bench.server.waiting[1]->maybe_executed = true;
    send(&bench, "dn/dev", LISTED("queue-list"));
    assert_string_equal(
        bench.outlet.last, HEAD("queue-list") CONTENT
        "{\"msgType\":\"read\",\"reqID\":1,\"mheaders\":{\"ttl\":7.5},\"path\":\"3/0\","
        "\"state\":\"sent\",\"age\":0,\"ttl\":8},"
        "{\"msgType\":\"delete\",\"n\":[1,2],\"path\":\"/3/1\",\"state\":\"waiting\",\"age\":0,"
        "\"unanswered\":2,\"maybeExecuted\":true},"
        "{\"msgType\":\"read-composite\",\"paths\":[\"/3/0\",\"/4/0/1\"],\"state\":\"waiting\","
        "\"age\":0}]}}");
    tear_down(&bench);
}

static void a_cleared_queue_ends_each_command_and_is_counted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, "dn/dev", READ);
    send(&bench, "dn/dev", READ);
    send(&bench, "dn/dev", LISTED("queue-clear"));
    assert_string_equal(bench.outlet.last,
                        HEAD("queue-clear") ",\"reqID\":9,\"data\":{\"code\":\"2.04\",\"codeMsg\":"
                                            "\"changed\",\"dropped\":2}}");
    assert_int_equal(bench.outlet.count, 3);
    assert_int_equal(downlink_under_way(bench.downlink), 0);
    tear_down(&bench);
}

static void what_is_observed_is_listed(void **state)
{
    (void)state;
    struct bench bench;
    struct command_text echo = { ",\"reqID\":4,\"path\":1", 19 };
    struct lwm2m_record paths[] = { { .path = { .ids = { 3 }, .depth = 1 } },
                                    { .path = { .ids = { 4, 0 }, .depth = 2 } } };
    struct lwm2m_observation composite = {
        .info = { .paths = paths, .path_count = 2, .state = LWM2M_OBSERVATION_ASKED }
    };
    struct lwm2m_observation single = {
        .info = { .path = { .ids = { 3, 0, 9 }, .depth = 3 },
                  .query = "pmin=1",
                  .state = LWM2M_OBSERVATION_ESTABLISHED,
                  .heard = true,
                  .heard_ms = 2000 },
        .context = &echo,
        .next = &composite,
    };
    set_up(&bench);
    bench.server.observations = &single;
    send(&bench, "dn/dev", LISTED("observe-list"));
    assert_string_equal(
        bench.outlet.last, HEAD("observe-list") CONTENT
        "{\"state\":\"established\",\"path\":\"/3/0/9\",\"query\":\"pmin=1\",\"age\":3,"
        "\"reqID\":4},{\"state\":\"requested\",\"paths\":[\"/3\",\"/4/0\"]}]}}");
    tear_down(&bench);
}

static void a_kick_is_answered_and_done(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    send(&bench, "dn/dev", LISTED("kick"));
    assert_string_equal(bench.outlet.last,
                        HEAD("kick") ",\"reqID\":9,\"data\":{\"code\":\"2.02\",\"codeMsg\":"
                                     "\"deleted\"}}");
    assert_true(bench.server.kicked);
    assert_null(bench.server.request);
    send(&bench, "dn/nobody", LISTED("kick"));
    assert_non_null(strstr(bench.outlet.last, "\"code\":\"4.04\""));
    tear_down(&bench);
}

/* --- with a store --- */

static uint64_t wall_ms(void *ctx)
{
    (void)ctx;
    return 1700000000000;
}

static int commit(void *ctx)
{
    struct bench *bench = ctx;
    assert_int_equal(bench->outlet.count, 0);
    assert_false(bench->server.kicked);
    bench->commits++;
    return bench->commit_result != 0 ? bench->commit_result : store_commit(bench->store);
}

static void set_up_stored(struct bench *bench, struct store_fixture *fixture)
{
    *bench = (struct bench){ .store = fixture->store };
    const struct command_journal_settings settings = {
        .store = bench->store,
        .ctx = bench,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .commit = commit,
    };
    bench->journal = command_journal_new(&settings);
    assert_non_null(bench->journal);
    start(bench);
}

static void restore_row(void *ctx, const struct store_command *row)
{
    struct bench *bench = ctx;
    (void)downlink_restore(bench->downlink, row);
}

static void count_row(void *ctx, const struct store_command *row)
{
    (void)row;
    ++*(size_t *)ctx;
}

static size_t rows(struct store_fixture *fixture)
{
    size_t count = 0;
    assert_int_equal(store_commands_visit(fixture->store, count_row, &count), 0);
    return count;
}

/* Whatever the broker is told, a kill at this moment does not lose it. */
static void what_the_gateway_changes_itself_is_durable_before(void **state)
{
    static const char *const commands[] = { LISTED("kick"), LISTED("queue-clear") };
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct bench bench;
        set_up_stored(&bench, fixture);
        send(&bench, "dn/dev", commands[i]);
        assert_int_equal(bench.commits, 1);
        assert_int_equal(bench.outlet.count, 1);
        assert_int_equal(bench.server.kicked, i == 0);
        assert_int_equal(rows(fixture), 1); /* its end is not committed yet */
        tear_down(&bench);
        store_rewind(fixture->store, 0); /* the process dies */
        fixture_reopen(fixture);

        set_up_stored(&bench, fixture);
        assert_int_equal(store_commands_visit(fixture->store, restore_row, &bench), 0);
        assert_int_equal(bench.outlet.count, 1);
        assert_int_equal(bench.server.kicked, i == 0);
        assert_int_equal(store_commit(fixture->store), 0);
        assert_int_equal(rows(fixture), 0);
        tear_down(&bench);
    }
}

static void what_the_store_does_not_take_is_refused_and_not_done(void **state)
{
    static const struct {
        const char *json;
        bool refused;
    } cases[] = {
        { READ, true },
        { LISTED("kick"), true },
        { LISTED("queue-clear"), true },
        { LISTED("queue-list"), false },
        { LISTED("observe-list"), false },
    };
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        set_up_stored(&bench, fixture);
        bench.commit_result = -EIO;
        send(&bench, "dn/dev", cases[i].json);
        assert_int_equal(strstr(bench.outlet.last, "\"code\":\"5.03\"") != NULL, cases[i].refused);
        assert_int_equal(bench.outlet.count, 1);
        assert_false(bench.server.kicked);
        assert_null(bench.server.request);
        assert_false(store_is_pending(fixture->store));
        tear_down(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_becomes_a_request_and_its_answer_a_message),
        cmocka_unit_test(an_answer_may_come_at_once),
        cmocka_unit_test(every_end_has_its_message),
        cmocka_unit_test(what_cannot_be_carried_out_is_answered_at_once),
        cmocka_unit_test(a_foreign_topic_is_logged_and_left_alone),
        cmocka_unit_test(the_answer_goes_where_the_command_says),
        cmocka_unit_test(an_answer_topic_that_is_none_does_not_cost_the_answer),
        cmocka_unit_test(the_time_to_live_comes_from_either_side),
        cmocka_unit_test(waiting_for_a_sleeping_device_is_reported),
        cmocka_unit_test(what_waits_for_a_device_is_listed),
        cmocka_unit_test(a_cleared_queue_ends_each_command_and_is_counted),
        cmocka_unit_test(what_is_observed_is_listed),
        cmocka_unit_test(a_kick_is_answered_and_done),
        cmocka_unit_test(notifications_send_back_what_observe_had),
        cmocka_unit_test(the_gateway_observes_without_memory_per_observation),
        cmocka_unit_test(commands_that_never_ended_are_freed),
        STORE_TEST(what_the_gateway_changes_itself_is_durable_before),
        STORE_TEST(what_the_store_does_not_take_is_refused_and_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
