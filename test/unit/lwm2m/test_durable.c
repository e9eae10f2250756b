/* A server that starts again with what was described of its devices and observations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/unit/lwm2m/harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT LWCOAP_CODE(2, 5)
#define CHANGED LWCOAP_CODE(2, 4)
#define LINKS   "</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3/0>"

/* --- a store of one device --- */

struct store {
    struct lwm2m_durable_device device;
    char endpoint[32];
    char parameters[128];
    uint8_t links[128];
};

static void keep(struct harness *h, struct store *store)
{
    struct lwm2m_durable_device *kept = &store->device;
    struct lwm2m_device *device = lwm2m_server_find(h->server, "a");
    assert_non_null(device);
    lwm2m_device_describe(device, h->now_ms, kept);
    strcpy(store->endpoint, kept->endpoint);
    memcpy(store->parameters, kept->parameters, kept->parameters_len);
    memcpy(store->links, kept->links, kept->links_len);
    kept->endpoint = store->endpoint;
    kept->parameters = store->parameters;
    kept->links = store->links;
}

static struct lwm2m_device *restore(struct harness *h, const struct store *store)
{
    struct lwm2m_server_settings settings = harness_settings();
    struct lwm2m_device *device = NULL;
    harness_restart(h, &settings);
    assert_int_equal(lwm2m_server_restore_device(h->server, &store->device, h->now_ms, &device), 0);
    assert_ptr_equal(lwm2m_server_find(h->server, "a"), device);
    h->count = 0;
    return device;
}

/* A device that registers, with an observation, and a server that starts again. */
static struct lwm2m_device *restart_observed(struct harness *h, const char *parameters)
{
    struct store store;
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    observe.query = "pmin=1";
    device_register(h, parameters, LINKS);
    send_request(h, "a", &observe);
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &h->kept), 0);
    return device;
}

/* --- registrations --- */

static void a_registration_comes_back_as_it_was(void **state)
{
    struct harness *h = *state;
    struct store store, again;
    device_register(h, "ep=a&lt=300&lwm2m=1.1&b=U&Q&imei=86", LINKS);
    pass(h, 100000);
    keep(h, &store);
    restore(h, &store);
    keep(h, &again);

    assert_int_equal(again.device.number, store.device.number);
    assert_int_equal(again.device.version.minor, 1);
    assert_int_equal(again.device.lifetime_s, 300);
    assert_int_equal(again.device.remaining_ms, 200000);
    assert_true(again.device.queue_mode);
    assert_true(again.device.gave_object_list);
    assert_int_equal(again.device.parameters_len, store.device.parameters_len);
    assert_memory_equal(again.parameters, store.parameters, store.device.parameters_len);
    assert_int_equal(again.device.links_len, strlen(LINKS));
    assert_memory_equal(again.links, LINKS, strlen(LINKS));
    assert_true(transport_route_same_peer(&again.device.route, &h->route));
}

static void an_update_after_a_restart_is_answered(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    restore(h, &store);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    expect(h, "< ACK 2.02 ", "deregistered a: deregister", NULL);
}

static void a_lifetime_goes_on_after_a_restart(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    pass(h, 100000);
    keep(h, &store);
    restore(h, &store);
    pass(h, 199000);
    expect(h, NULL);
    pass(h, 2000);
    expect(h, "deregistered a: lifetime_expired", NULL);
}

static void a_lifetime_that_ended_meanwhile_is_told_with_the_first_run(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    store.device.remaining_ms = 0;
    restore(h, &store);
    expect(h, NULL);
    pass(h, 1);
    expect(h, "deregistered a: lifetime_expired", NULL);
    assert_int_equal(lwm2m_server_device_count(h->server), 0);
}

static void a_lifetime_of_zero_never_ends(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=0&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    assert_true(lwm2m_device_expires_ms(device) == LWM2M_TIMERS_NEVER);
    pass(h, 1000000000);
    expect(h, NULL);
}

static void a_sleeping_device_is_sent_to_when_it_speaks(void **state)
{
    struct harness *h = *state;
    struct store store;
    struct lwm2m_request first = request_of(LWM2M_READ, "/3/0/9");
    struct lwm2m_request second = request_of(LWM2M_READ, "/3/0/0");
    device_register(h, "ep=a&lt=300&lwm2m=1.1&Q", LINKS);
    keep(h, &store);
    restore(h, &store);
    send_request(h, "a", &first);
    send_request(h, "a", &second);
    expect(h, NULL);
    h->route.remote.port++;
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01 /3/0/9 accept=110", NULL);
    assert_int_equal(h->moves, 1);
    assert_int_equal(h->sent, 1);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "90", 2);
    expect(h, "response a /3/0/9 2.05 /3/0/9=90", "< CON 0.01 /3/0/0 accept=110", NULL);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "x", 1);
    expect(h, "response a /3/0/0 2.05 /3/0/0=x", NULL);
}

static void a_device_that_does_not_sleep_is_sent_to_at_once(void **state)
{
    struct harness *h = *state;
    struct store store;
    struct lwm2m_request read = request_of(LWM2M_READ, "/3/0/9");
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    restore(h, &store);
    send_request(h, "a", &read);
    expect(h, "< CON 0.01 /3/0/9 accept=110", NULL);
}

static void an_attempt_before_the_restart_is_remembered(void **state)
{
    struct harness *h = *state;
    struct store store;
    struct lwm2m_request execute = request_of(LWM2M_EXECUTE, "/3/0/4");
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    restore(h, &store);
    execute.maybe_executed = true;
    send_request(h, "a", &execute);
    device_answer(h, CHANGED, -1, LWCOAP_FORMAT_NONE, NULL, 0);
    expect(h, "< CON 0.02 /3/0/4", "response a /3/0/4 2.04 maybe executed", NULL);
}

static void identical_object_lists_stay_shared(void **state)
{
    struct harness *h = *state;
    struct store store;
    struct lwm2m_device *other = NULL;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    store.device.endpoint = "b";
    store.device.number++;
    assert_int_equal(lwm2m_server_restore_device(h->server, &store.device, h->now_ms, &other), 0);
    assert_ptr_equal(lwm2m_device_object_list(device), lwm2m_device_object_list(other));
}

static void what_was_restored_is_not_there_twice(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    restore(h, &store);
    struct lwm2m_durable_device other = store.device;
    other.number++;
    assert_int_equal(lwm2m_server_restore_device(h->server, &other, h->now_ms, NULL), -EEXIST);
    other = store.device;
    other.endpoint = "b";
    assert_int_equal(lwm2m_server_restore_device(h->server, &other, h->now_ms, NULL), -EEXIST);
    for (uint64_t i = 1; i <= 3; i++) { /* the server of the tests holds four */
        char endpoint[] = { (char)('a' + i), '\0' };
        other.endpoint = endpoint;
        other.number = store.device.number + i;
        assert_int_equal(lwm2m_server_restore_device(h->server, &other, h->now_ms, NULL), 0);
    }
    other.endpoint = "e";
    other.number++;
    assert_int_equal(lwm2m_server_restore_device(h->server, &other, h->now_ms, NULL), -ENOSPC);
}

static void the_callers_numbers_stay_with_their_device(void **state)
{
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    struct lwm2m_device *device = lwm2m_server_find(h->server, "a");
    assert_int_equal(lwm2m_device_note(device), 0);
    assert_int_equal(lwm2m_device_key(device), 0);
    lwm2m_device_set_note(device, 7);
    lwm2m_device_set_key(device, (uint64_t)8 << 40);
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    assert_int_equal(lwm2m_device_note(device), 7);
    assert_true(lwm2m_device_key(device) == (uint64_t)8 << 40);
    assert_true(lwm2m_device_expires_ms(device) == h->now_ms + 300000);
}

/* --- damage --- */

static void damaged_registrations_are_refused(void **state)
{
    static char too_long[300];
    static const uint8_t no_links[] = "</3/0";
    static const struct {
        const char *what;
        struct lwm2m_durable_device device;
    } cases[] = {
        { "no endpoint", { .endpoint = NULL } },
        { "an empty endpoint", { .endpoint = "" } },
        { "an endpoint longer than an option", { .endpoint = too_long } },
        { "an endpoint that is no text", { .endpoint = "\xff\xfe" } },
        { "no location", { .endpoint = "b", .number = 0 } },
        { "a version of the future", { .endpoint = "b", .version = { 2, 0 } } },
        { "version nothing", { .endpoint = "b", .version = { 0, 0 } } },
        { "a format nobody knows", { .endpoint = "b", .write_format = 12345 } },
        { "links that are none",
          { .endpoint = "b", .links = no_links, .links_len = sizeof(no_links) - 1 } },
        { "parameters without an end",
          { .endpoint = "b", .parameters = "lt", .parameters_len = 2 } },
        { "a parameter without a value",
          { .endpoint = "b", .parameters = "lt\0=3", .parameters_len = 5 } },
        { "a value without '='",
          { .endpoint = "b", .parameters = "lt\0003\0", .parameters_len = 5 } },
        { "a parameter without a name",
          { .endpoint = "b", .parameters = "\0=3\0", .parameters_len = 4 } },
    };
    struct harness *h = *state;
    memset(too_long, 'x', sizeof(too_long) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_durable_device device = cases[i].device;
        print_message("%s\n", cases[i].what);
        bool names_number = strstr(cases[i].what, "location") != NULL;
        bool names_version = strstr(cases[i].what, "version") != NULL;
        device.number = names_number ? 0 : 1;
        device.version = names_version ? device.version : (struct lwm2m_version){ 1, 1 };
        device.write_format = device.write_format ? device.write_format : LWM2M_FORMAT_NONE;
        assert_int_equal(lwm2m_server_restore_device(h->server, &device, h->now_ms, NULL),
                         -EBADMSG);
    }
    assert_int_equal(lwm2m_server_device_count(h->server), 0);
}

static void damaged_observations_are_refused(void **state)
{
    struct harness *h = *state;
    struct lwm2m_device *device = restart_observed(h, "ep=a&lt=300&lwm2m=1.1");
    const struct lwm2m_record deep = { .path = { { 1, 2, 3, 4 }, 5 } };
    const struct {
        struct lwm2m_durable_observation observation;
        int err;
    } cases[] = {
        { { .state = LWM2M_OBSERVATION_ASKED, .path = { { 3 }, 1 } }, -EBADMSG },
        { { .state = LWM2M_OBSERVATION_ENDED, .path = { { 3 }, 1 } }, -EBADMSG },
        { { .state = LWM2M_OBSERVATION_LOST, .path = { { 3 }, 5 } }, -EBADMSG },
        { { .state = LWM2M_OBSERVATION_LOST, .paths = &deep, .path_count = 1 }, -EBADMSG },
        { { .state = LWM2M_OBSERVATION_LOST, .path = { { 4 }, 1 }, .pmax_depth = 2 }, -EBADMSG },
        { { .state = LWM2M_OBSERVATION_LOST, .path = { { 3, 0, 9 }, 3 } }, -EEXIST },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(lwm2m_server_restore_observation(h->server, device, &cases[i].observation),
                         cases[i].err);
    }
    struct lwm2m_durable_observation same_token = h->kept;
    same_token.path.ids[2] = 0;
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &same_token), -EEXIST);
}

/* --- observations --- */

static void every_change_of_an_observation_is_told(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    send_request(h, "a", &observe);
    assert_int_equal(h->changes, 0); /* the command is kept by whoever sent it */
    device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
    assert_int_equal(h->changes, 1);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_ESTABLISHED);
    device_notify(h, LWCOAP_NON, CONTENT, 6, LWM2M_FORMAT_TEXT, "89", 2);
    assert_int_equal(h->changes, 1);
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_LOST);
    device_answer(h, CONTENT, 7, LWM2M_FORMAT_TEXT, "88", 2);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_ESTABLISHED);
    device_notify(h, LWCOAP_NON, LWCOAP_CODE(4, 4), 8, LWM2M_FORMAT_TEXT, "", 0);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_ENDED);
    assert_int_equal(h->changes, 4);
}

static void a_notification_after_a_restart_is_understood(void **state)
{
    struct harness *h = *state;
    struct lwm2m_device *device = restart_observed(h, "ep=a&lt=300&lwm2m=1.1&Q");
    assert_true(lwm2m_device_observes(device, &h->kept.path));
    h->route.remote.port++;
    /* older than what was seen before the restart: it counts as fresh */
    device_notify(h, LWCOAP_CON, CONTENT, 3, LWM2M_FORMAT_TEXT, "77", 2);
    expect(h, "notification a /3/0/9 2.05 seq=3 /3/0/9=77", NULL);
    lwm2m_server_acknowledge(h->server, &h->receipt, h->now_ms);
    expect(h, "< ACK 0.00 ", NULL);
    device_notify(h, LWCOAP_NON, CONTENT, 2, LWM2M_FORMAT_TEXT, "76", 2);
    expect(h, "notification a /3/0/9 2.05 seq=2 outdated /3/0/9=76", NULL);
}

/* Block 0 of a notification: the rest is fetched with the request that established it. */
static void a_long_notification_after_a_restart_is_fetched(void **state)
{
    struct harness *h = *state;
    uint8_t buffer[64];
    struct lwcoap_writer writer;
    restart_observed(h, "ep=a&lt=300&lwm2m=1.1");
    lwcoap_writer_init(&writer, buffer, sizeof(buffer), LWCOAP_NON, CONTENT, 900, h->kept.token,
                       LWCOAP_TOKEN_LEN);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, 9);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_TEXT);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_BLOCK2, 8); /* 0, more, 16 bytes */
    lwcoap_writer_payload(&writer, (const uint8_t *)"0000000000000000", 16);
    lwm2m_server_receive(h->server, &h->route, buffer, writer.len, h->now_ms);
    assert_int_equal(h->count, 1);
    assert_string_equal(h->lines[0], "< CON 0.01 /3/0/9 ?pmin=1 accept=110 o23=16");
}

static void an_observation_can_be_cancelled_after_a_restart(void **state)
{
    struct harness *h = *state;
    struct lwm2m_request cancel = request_of(LWM2M_CANCEL_OBSERVE, "/3/0/9");
    restart_observed(h, "ep=a&lt=300&lwm2m=1.1");
    send_request(h, "a", &cancel);
    expect(h, "< CON 0.01  observe=1/3/0/9 accept=110", NULL);
    assert_memory_equal(h->request_token, h->kept.token, LWCOAP_TOKEN_LEN);
    device_answer(h, CONTENT, -1, LWM2M_FORMAT_TEXT, "90", 2);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_ENDED);
}

static void an_observation_is_set_up_again_when_the_device_registers(void **state)
{
    struct harness *h = *state;
    restart_observed(h, "ep=a&lt=300&lwm2m=1.1");
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    expect(h, "registered a again", "< ACK 2.01  location=rd location=*",
           "< CON 0.01  observe=0/3/0/9 ?pmin=1 accept=110", NULL);
}

static void a_lost_observation_is_set_up_again_after_an_update(void **state)
{
    struct harness *h = *state;
    struct store store;
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    const struct lwm2m_durable_observation lost = {
        .state = LWM2M_OBSERVATION_LOST,
        .path = { { 3, 0, 9 }, 3 },
        .accept = LWM2M_FORMAT_NONE,
    };
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &lost), 0);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01  observe=0/3/0/9 accept=110", NULL);
}

/* Nothing was heard since the restart for longer than the device promised. */
static void an_observation_that_falls_silent_after_a_restart_is_noticed(void **state)
{
    struct harness *h = *state;
    struct store store;
    const struct lwm2m_durable_observation kept = {
        .state = LWM2M_OBSERVATION_ESTABLISHED,
        .path = { { 3, 0, 9 }, 3 },
        .query = "pmax=60",
        .accept = LWM2M_FORMAT_NONE,
    };
    device_register(h, "ep=a&lt=3000&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_server_settings settings = harness_settings();
    settings.observe_grace_ms = 10000;
    harness_restart(h, &settings);
    struct lwm2m_device *device = NULL;
    assert_int_equal(lwm2m_server_restore_device(h->server, &store.device, h->now_ms, &device), 0);
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &kept), 0);
    h->count = 0;
    pass(h, 60000);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", NULL);
    pass(h, 11000);
    device_update(h, NULL, NULL);
    expect(h, "updated a", "< ACK 2.04 ", "< CON 0.01  observe=0/3/0/9 ?pmax=60 accept=110", NULL);
}

/* Attributes are the device's: what was learned of them comes back with what they are about. */
static void a_learned_pmax_comes_back_with_its_observation(void **state)
{
    static const struct {
        const char *written, *query, *written_after;
        uint8_t depth;
        uint32_t pmax_s, after_s;
    } cases[] = {
        { "/3/0/9", "pmax=60", NULL, 3, 60, 60 }, { "/3", "pmax=60", NULL, 1, 60, 60 },
        { "/3", "pmax=60", "/3", 1, 60, 7 }, /* the same path: the newer one holds */
        { "/3", "pmax=60", "/3/0/9", 1, 60, 7 },  { "/3/0/9", "pmax=60", "/3", 3, 60, 60 },
        { "/3/0/9", "pmax=60", "/4", 3, 60, 60 }, /* what makes all be settled anew */
        { "/3/0/9", "pmax", NULL, 3, 0, 0 },      { "/4", "pmax=60", NULL, 0, 0, 0 },
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store store;
        struct lwm2m_server_settings settings = harness_settings();
        struct lwm2m_request observe = request_of(LWM2M_OBSERVE, "/3/0/9");
        struct lwm2m_request write = request_of(LWM2M_WRITE_ATTRIBUTES, cases[i].written);
        harness_restart(h, &settings);
        h->changes = 0;
        device_register(h, "ep=a&lt=3000&lwm2m=1.1", LINKS);
        send_request(h, "a", &observe);
        device_answer(h, CONTENT, 5, LWM2M_FORMAT_TEXT, "90", 2);
        write.query = cases[i].query;
        send_request(h, "a", &write);
        device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
        assert_int_equal(h->changes, cases[i].depth > 0 ? 2 : 1);
        assert_int_equal(h->kept.pmax_depth, cases[i].depth);
        assert_int_equal(h->kept.pmax_s, cases[i].pmax_s);

        keep(h, &store);
        struct lwm2m_device *device = restore(h, &store);
        assert_int_equal(lwm2m_server_restore_observation(h->server, device, &h->kept), 0);
        const struct lwm2m_observation *back = lwm2m_device_observation_after(device, NULL);
        assert_int_equal(lwm2m_observation_info_of(back).pmax_s, cases[i].pmax_s);
        if (cases[i].written_after) {
            struct lwm2m_request again = request_of(LWM2M_WRITE_ATTRIBUTES, cases[i].written_after);
            again.query = "pmax=7";
            send_request(h, "a", &again);
            device_answer(h, CHANGED, -1, LWM2M_FORMAT_NONE, NULL, 0);
        }
        assert_int_equal(lwm2m_observation_info_of(back).pmax_s, cases[i].after_s);
    }
}

static void a_composite_observation_comes_back_with_its_paths(void **state)
{
    struct harness *h = *state;
    struct store store;
    const struct lwm2m_record paths[] = {
        { .path = { { 3, 0, 9 }, 3 } },
        { .path = { { 3, 0, 0 }, 3 } },
    };
    struct lwm2m_durable_observation composite = {
        .token = { 1, 2, 3, 4, 5, 6, 7, 8 },
        .state = LWM2M_OBSERVATION_ESTABLISHED,
        .paths = paths,
        .path_count = 2,
        .accept = LWM2M_FORMAT_NONE,
    };
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &composite), 0);
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    assert_int_equal(h->kept.state, LWM2M_OBSERVATION_LOST);
    assert_int_equal(h->kept.path_count, 2);
    assert_memory_equal(h->kept.token, composite.token, LWCOAP_TOKEN_LEN);
}

static void the_context_of_an_observation_comes_back(void **state)
{
    struct harness *h = *state;
    struct store store;
    int context;
    struct lwm2m_durable_observation kept = {
        .state = LWM2M_OBSERVATION_ESTABLISHED,
        .path = { { 3, 0, 9 }, 3 },
        .accept = LWM2M_FORMAT_NONE,
        .context = &context,
    };
    device_register(h, "ep=a&lt=300&lwm2m=1.1", LINKS);
    keep(h, &store);
    struct lwm2m_device *device = restore(h, &store);
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &kept), 0);
    kept.token[0] = 1;
    assert_int_equal(lwm2m_server_restore_observation(h->server, device, &kept), -EEXIST);
    assert_int_equal(h->contexts_freed, 0);
    device_request(h, LWCOAP_CON, LWCOAP_DELETE, h->location, NULL, LWCOAP_FORMAT_NONE, NULL);
    assert_int_equal(h->contexts_freed, 1);
}

static void an_update_tells_whether_it_changed_anything(void **state)
{
    static const struct {
        const char *query, *links;
        bool changed;
    } cases[] = {
        { NULL, NULL, false },           { "lt=300", NULL, false }, { "lt=400", NULL, true },
        { "lt=400", NULL, false },       { "b=UQ", NULL, true },    { NULL, LINKS, false },
        { NULL, "</3/0>,</4/0>", true },
    };
    struct harness *h = *state;
    device_register(h, "ep=a&lt=300&lwm2m=1.0&b=U", LINKS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        h->terms_changed = !cases[i].changed;
        device_update(h, cases[i].query, cases[i].links);
        assert_int_equal(h->terms_changed, cases[i].changed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_registration_comes_back_as_it_was),
        TEST(an_update_after_a_restart_is_answered),
        TEST(a_lifetime_goes_on_after_a_restart),
        TEST(a_lifetime_that_ended_meanwhile_is_told_with_the_first_run),
        TEST(a_lifetime_of_zero_never_ends),
        TEST(a_sleeping_device_is_sent_to_when_it_speaks),
        TEST(a_device_that_does_not_sleep_is_sent_to_at_once),
        TEST(an_attempt_before_the_restart_is_remembered),
        TEST(identical_object_lists_stay_shared),
        TEST(what_was_restored_is_not_there_twice),
        TEST(the_callers_numbers_stay_with_their_device),
        TEST(damaged_registrations_are_refused),
        TEST(damaged_observations_are_refused),
        TEST(every_change_of_an_observation_is_told),
        TEST(a_notification_after_a_restart_is_understood),
        TEST(a_long_notification_after_a_restart_is_fetched),
        TEST(an_observation_can_be_cancelled_after_a_restart),
        TEST(an_observation_is_set_up_again_when_the_device_registers),
        TEST(a_lost_observation_is_set_up_again_after_an_update),
        TEST(an_observation_that_falls_silent_after_a_restart_is_noticed),
        TEST(a_learned_pmax_comes_back_with_its_observation),
        TEST(a_composite_observation_comes_back_with_its_paths),
        TEST(the_context_of_an_observation_comes_back),
        TEST(an_update_tells_whether_it_changed_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
