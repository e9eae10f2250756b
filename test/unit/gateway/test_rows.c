/* Registrations and observations as rows, and rows that a file made up. */
#include "gateway/rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WALL 1700000000000u

static const struct config_listeners listeners = {
    .items = { { CONFIG_TRANSPORT_UDP, "*", 5783 },
               { CONFIG_TRANSPORT_UDP, "*", 5785 },
               { CONFIG_TRANSPORT_DTLS, "*", 5784 } },
    .count = 3,
};
static const struct command_text no_echo = { "", 0 };

static struct lwm2m_durable_device device(void)
{
    static const uint8_t links[] = "</3/0>";
    return (struct lwm2m_durable_device){
        .endpoint = "urn:imei:86",
        .number = 0x8000000000000001,
        .version = { 1, 2 },
        .lifetime_s = 300,
        .remaining_ms = 200000,
        .queue_mode = true,
        .refuses_accept = true,
        .write_format = 110,
        .route = { .remote = { .ip = { 0x20, 1, [15] = 9 }, .scope_id = 7, .port = 4711 },
                   .local_ip = { [15] = 2 },
                   .local_ifindex = 3,
                   .listener = 2,
                   .session = 77 },
        .parameters = "b\0=U\0",
        .parameters_len = 5,
        .links = links,
        .links_len = sizeof(links) - 1,
    };
}

static void a_registration_comes_back_from_its_row(void **state)
{
    uint8_t route[ROWS_ROUTE_LEN];
    struct store_device row;
    struct lwm2m_durable_device before = device(), after;
    (void)state;
    rows_from_device(&before, &listeners, WALL, route, &row);
    assert_int_equal(row.route_len, ROWS_ROUTE_LEN);
    assert_int_equal(rows_to_device(&row, &listeners, WALL + 50000, &after), 0);

    assert_string_equal(after.endpoint, before.endpoint);
    assert_true(after.number == before.number);
    assert_int_equal(after.version.major << 8 | after.version.minor, 0x102);
    assert_int_equal(after.lifetime_s, 300);
    assert_int_equal(after.remaining_ms, 150000 + 150000); /* and half a lifetime */
    assert_true(after.queue_mode && after.refuses_accept && !after.gave_object_list);
    assert_int_equal(after.write_format, 110);
    assert_true(transport_address_equal(&after.route.remote, &before.route.remote));
    assert_memory_equal(after.route.local_ip, before.route.local_ip, 16);
    assert_int_equal(after.route.local_ifindex, 3);
    assert_int_equal(after.route.listener, 2);
    assert_int_equal(after.route.session, 77);
    assert_int_equal(after.parameters_len, 5);
    assert_int_equal(after.links_len, 6);
}

static void the_rest_of_a_lifetime(void **state)
{
    static const struct {
        const char *what;
        uint32_t lifetime_s;
        uint64_t expires_wall_ms, remaining_ms;
    } cases[] = {
        { "half is over", 100, WALL + 50000, 100000 },
        { "just over: a late Update may not be in the row", 100, WALL - 1, 49999 },
        { "over, with the half", 100, WALL - 50000, 0 },
        { "long over", 100, 5, 0 },
        { "the clock was set back: no more than a whole one", 100, WALL + 90000000, 150000 },
        { "it never ends", 0, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t route[ROWS_ROUTE_LEN];
        struct store_device row;
        struct lwm2m_durable_device before = device(), after;
        rows_from_device(&before, &listeners, WALL, route, &row);
        row.lifetime_s = cases[i].lifetime_s;
        row.expires_wall_ms = cases[i].expires_wall_ms;
        assert_int_equal(rows_to_device(&row, &listeners, WALL, &after), 0);
        if (after.remaining_ms != cases[i].remaining_ms) {
            fail_msg("%s: %lu", cases[i].what, (unsigned long)after.remaining_ms);
        }
    }
}

static void a_device_is_looked_for_at_the_listener_that_suits_it(void **state)
{
    static const struct {
        const char *what;
        struct config_listeners now;
        int listener; /* or a negative errno */
    } cases[] = {
        { "the same port in another place",
          { { { CONFIG_TRANSPORT_DTLS, "*", 5784 }, { CONFIG_TRANSPORT_UDP, "*", 5785 } }, 2 },
          1 },
        { "another port in the same place",
          { { { CONFIG_TRANSPORT_UDP, "*", 1 }, { CONFIG_TRANSPORT_UDP, "*", 2 } }, 2 },
          1 },
        { "any of the same transport",
          { { { CONFIG_TRANSPORT_UDP, "*", 1 }, { CONFIG_TRANSPORT_DTLS, "*", 5785 } }, 2 },
          0 },
        { "none of the same transport", { { { CONFIG_TRANSPORT_DTLS, "*", 5785 } }, 1 }, -ENOENT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t route[ROWS_ROUTE_LEN];
        struct store_device row;
        struct lwm2m_durable_device before = device(), after;
        before.route.listener = 1;
        rows_from_device(&before, &listeners, WALL, route, &row);
        int err = rows_to_device(&row, &cases[i].now, WALL, &after);
        if ((err != 0 ? err : after.route.listener) != cases[i].listener) {
            fail_msg("%s: %d, listener %u", cases[i].what, err, after.route.listener);
        }
    }
}

static void damaged_registrations_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        uint8_t route[ROWS_ROUTE_LEN];
        struct store_device row;
        struct lwm2m_durable_device before = device(), after;
        rows_from_device(&before, &listeners, WALL, route, &row);
        switch (i) {
        case 0:
            row.version = 0x10000;
            break;
        case 1:
            row.formats = 0x10000;
            break;
        case 2:
            row.session = (uint64_t)1 << 32;
            break;
        case 3:
            row.route_len--;
            break;
        case 4:
            row.route = NULL;
            row.route_len = 0;
            break;
        default:
            route[0] = 99;
        }
        assert_int_equal(rows_to_device(&row, &listeners, WALL, &after), -EBADMSG);
    }
}

static struct lwm2m_records records;

static int set_up(void **state)
{
    (void)state;
    lwm2m_records_init(&records, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lwm2m_records_deinit(&records);
    return 0;
}

static void an_observation_comes_back_from_its_row(void **state)
{
    const struct command_text echo = { ",\"a\":1", 6 };
    struct lwm2m_durable_observation before = {
        .token = { 1, 0, 3, 4, 5, 6, 7, 8 },
        .state = LWM2M_OBSERVATION_LOST,
        .path = { { 3303, 0, 5700 }, 3 },
        .query = "pmin=1",
        .accept = 112,
        .pmax_s = 60,
        .pmax_depth = 2,
    };
    struct lwm2m_durable_observation after;
    struct store_observation row;
    struct lwm2m_buffer target;
    (void)state;
    lwm2m_buffer_init(&target, 1000);
    assert_int_equal(rows_from_observation(&before, &echo, &target, &row), 0);
    assert_string_equal(row.echo, ",\"a\":1");
    assert_int_equal(row.target_len, 12);
    assert_memory_equal(row.target, "/3303/0/5700", 12);
    assert_int_equal(rows_to_observation(&row, &records, &after), 0);
    assert_memory_equal(after.token, before.token, sizeof(after.token));
    assert_int_equal(after.state, LWM2M_OBSERVATION_LOST);
    assert_true(lwm2m_path_equal(&after.path, &before.path));
    assert_string_equal(after.query, "pmin=1");
    assert_int_equal(after.accept, 112);
    assert_int_equal(after.pmax_s, 60);
    assert_int_equal(after.pmax_depth, 2);
    assert_false(after.automatic);

    before.automatic = true;
    before.state = LWM2M_OBSERVATION_ESTABLISHED;
    lwm2m_buffer_clear(&target);
    lwm2m_records_clear(&records);
    assert_int_equal(rows_from_observation(&before, &echo, &target, &row), 0);
    assert_null(row.echo); /* all automatic ones have the same */
    assert_int_equal(rows_to_observation(&row, &records, &after), 0);
    assert_true(after.automatic);
    assert_int_equal(after.state, LWM2M_OBSERVATION_ESTABLISHED);
    lwm2m_buffer_deinit(&target);
}

static void a_composite_observation_comes_back_from_its_row(void **state)
{
    const struct lwm2m_record paths[] = { { .path = { { 3, 0, 9 }, 3 } },
                                          { .path = { { 4 }, 1 } } };
    const struct lwm2m_durable_observation before = { .paths = paths, .path_count = 2 };
    struct lwm2m_durable_observation after;
    struct store_observation row;
    struct lwm2m_buffer target;
    (void)state;
    lwm2m_buffer_init(&target, 1000);
    assert_int_equal(rows_from_observation(&before, &no_echo, &target, &row), 0);
    assert_int_equal(rows_to_observation(&row, &records, &after), 0);
    assert_int_equal(after.path_count, 2);
    assert_int_equal(after.path.depth, 0);
    assert_true(lwm2m_path_equal(&after.paths[0].path, &paths[0].path));
    assert_true(lwm2m_path_equal(&after.paths[1].path, &paths[1].path));
    lwm2m_buffer_deinit(&target);
}

static void damaged_observations_are_refused(void **state)
{
    static const uint8_t token[8];
    static const struct {
        const char *what;
        struct store_observation row;
    } cases[] = {
        { "a short token", { .token = token, .token_len = 7, .target = "/3", .target_len = 2 } },
        { "no target", { .token = token, .token_len = 8 } },
        { "no path", { .token = token, .token_len = 8, .target = "abc", .target_len = 3 } },
        { "five levels",
          { .token = token, .token_len = 8, .target = "/1/2/3/4/5", .target_len = 10 } },
        { "two paths of one",
          { .token = token, .token_len = 8, .target = "/3 /4", .target_len = 5 } },
        { "a blank too many",
          { .token = token, .token_len = 8, .target = "/3  /4", .target_len = 6, .flags = 4 } },
        { "more paths than are kept",
          { .token = token,
            .token_len = 8,
            .target = "/1 /2 /3 /4",
            .target_len = 11,
            .flags = 4 } },
        { "a path of too many segments",
          { .token = token, .token_len = 8, .target = "/3", .target_len = 2, .pmax_depth = 256 } },
        { "a format of more bits",
          { .token = token, .token_len = 8, .target = "/3", .target_len = 2, .accept = 65536 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_durable_observation after;
        lwm2m_records_clear(&records);
        if (rows_to_observation(&cases[i].row, &records, &after) == 0) {
            fail_msg("%s", cases[i].what);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_registration_comes_back_from_its_row),
        TEST(the_rest_of_a_lifetime),
        TEST(a_device_is_looked_for_at_the_listener_that_suits_it),
        TEST(damaged_registrations_are_refused),
        TEST(an_observation_comes_back_from_its_row),
        TEST(a_composite_observation_comes_back_from_its_row),
        TEST(damaged_observations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
