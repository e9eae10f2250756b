#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lwm2m/gate/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define UNLIMITED 1000000000

static const uint64_t hash_key[2] = { 1, 2 };

/* 10 a second from a source, 20 from a network, 5 from a device, two seconds saved up. */
static const struct lwm2m_gate_limits usual = {
    .per_source = 10, .per_prefix = 20, .per_device = 5, .burst_ms = 2000, .tracked = 1024
};

static struct transport_address address_of(const char *text, uint16_t port)
{
    struct transport_address address = { .port = port };
    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, address.ip), 1);
    } else {
        memcpy(address.ip, (const uint8_t[]){ [10] = 0xff, [11] = 0xff }, 12);
        assert_int_equal(inet_pton(AF_INET, text, address.ip + 12), 1);
    }
    return address;
}

static struct lwm2m_gate *gate_of(struct lwm2m_gate_limits limits)
{
    struct lwm2m_gate *gate;
    assert_int_equal(lwm2m_gate_new(&limits, hash_key, 1000, &gate), 0);
    return gate;
}

/* How many of `count` datagrams are let in at once. */
static unsigned burst(struct lwm2m_gate *gate, const char *source, uint16_t port, bool known,
                      uint64_t now_ms, unsigned count)
{
    struct transport_address address = address_of(source, port);
    unsigned admitted = 0;
    for (unsigned i = 0; i < count; i++) {
        admitted += lwm2m_gate_admit(gate, &address, known, now_ms);
    }
    return admitted;
}

static const struct {
    const char *name;
    const char *source[2]; /* the second speaks when the first has used up what it had */
    uint16_t port[2];
    bool known[2];
    unsigned admitted[2]; /* of 100 datagrams each, all at once */
} cases[] = {
    { "a source has its burst", { "192.0.2.1", "192.0.2.1" }, { 1, 1 }, { 0, 0 }, { 20, 0 } },
    { "another port is the same source",
      { "192.0.2.1", "192.0.2.1" },
      { 1, 2 },
      { 0, 0 },
      { 20, 0 } },
    { "a network has its burst", { "192.0.2.1", "192.0.2.254" }, { 1, 1 }, { 0, 0 }, { 20, 20 } },
    { "another network", { "192.0.2.1", "192.0.3.1" }, { 1, 1 }, { 0, 0 }, { 20, 20 } },
    { "another address of a /64",
      { "2001:db8::1", "2001:db8::2:1" },
      { 1, 1 },
      { 0, 0 },
      { 20, 0 } },
    { "another /64 of a /56",
      { "2001:db8::1", "2001:db8:0:1::1" },
      { 1, 1 },
      { 0, 0 },
      { 20, 20 } },
    { "another /56", { "2001:db8::1", "2001:db8:0:100::1" }, { 1, 1 }, { 0, 0 }, { 20, 20 } },
    { "a device has its burst", { "192.0.2.1", "192.0.2.1" }, { 1, 1 }, { 1, 1 }, { 10, 0 } },
    { "a device behind the same NAT",
      { "192.0.2.1", "192.0.2.1" },
      { 1, 2 },
      { 1, 1 },
      { 10, 10 } },
    { "a stranger beside a device", { "192.0.2.1", "192.0.2.1" }, { 1, 1 }, { 1, 0 }, { 10, 20 } },
    { "a device beside a stranger", { "192.0.2.1", "192.0.2.1" }, { 1, 1 }, { 0, 1 }, { 20, 10 } },
};

static void sources_and_devices_have_what_is_theirs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lwm2m_gate *gate = gate_of(usual);
        for (size_t turn = 0; turn < 2; turn++) {
            unsigned admitted = burst(gate, cases[i].source[turn], cases[i].port[turn],
                                      cases[i].known[turn], 1000, 100);
            if (admitted != cases[i].admitted[turn]) {
                print_error("%s: %u in turn %zu\n", cases[i].name, admitted, turn);
                fail();
            }
        }
        lwm2m_gate_free(gate);
    }
}

static void a_network_is_limited_however_many_speak_from_it(void **state)
{
    (void)state;
    struct lwm2m_gate *gate = gate_of(usual);
    unsigned admitted = 0;
    for (unsigned host = 1; host < 255; host++) {
        struct transport_address address = address_of("198.51.100.0", 1);
        address.ip[15] = (uint8_t)host;
        admitted += lwm2m_gate_admit(gate, &address, false, 1000);
    }
    assert_int_equal(admitted, 40);
    assert_int_equal(lwm2m_gate_counters(gate)->prefix, 254 - 40);
    assert_int_equal(lwm2m_gate_counters(gate)->source, 0);
    assert_int_equal(burst(gate, "198.51.100.7", 1, true, 1000, 10), 10); /* a device there */
    lwm2m_gate_free(gate);
}

static void what_was_used_up_comes_back_with_time(void **state)
{
    static const struct {
        uint64_t now_ms;
        unsigned admitted;
    } steps[] = { { 1000, 20 }, { 1050, 0 },  { 1100, 1 },   { 1350, 2 },
                  { 1400, 1 },  { 2400, 10 }, { 60000, 20 }, { 59000, 0 } };
    (void)state;
    struct lwm2m_gate *gate = gate_of(usual);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(burst(gate, "192.0.2.1", 1, false, steps[i].now_ms, 100),
                         steps[i].admitted);
    }
    lwm2m_gate_free(gate);
}

static void without_limits_all_are_let_in(void **state)
{
    (void)state;
    struct lwm2m_gate *gate = gate_of((struct lwm2m_gate_limits){ .tracked = 1 });
    assert_int_equal(burst(gate, "192.0.2.1", 1, false, 1000, 10000), 10000);
    assert_int_equal(burst(gate, "192.0.2.1", 1, true, 1000, 10000), 10000);
    lwm2m_gate_free(gate);
}

static void more_sources_than_buckets_share_and_let_in_no_more(void **state)
{
    (void)state;
    struct lwm2m_gate_limits limits = {
        .per_source = 10, .per_device = 10, .burst_ms = 1000, .tracked = 64
    };
    struct lwm2m_gate *gate = gate_of(limits);
    struct transport_address address = address_of("10.0.0.0", 1);
    unsigned admitted = 0;
    for (unsigned source = 0; source < 100000; source++) {
        address.ip[13] = (uint8_t)(source >> 16);
        address.ip[14] = (uint8_t)(source >> 8);
        address.ip[15] = (uint8_t)source;
        admitted += lwm2m_gate_admit(gate, &address, false, 1000);
    }
    assert_int_equal(admitted, 64 * 10);
    assert_int_equal(lwm2m_gate_counters(gate)->source, 100000 - 640);
    assert_int_equal(burst(gate, "10.0.0.1", 1, true, 1000, 10), 10); /* devices do not share */
    lwm2m_gate_free(gate);
}

/* Eight sources in one set: none of them is made to pay for the others. */
static void as_many_sources_as_buckets_are_told_apart(void **state)
{
    (void)state;
    struct lwm2m_gate_limits limits = { .per_source = 10, .burst_ms = 1000, .tracked = 8 };
    struct lwm2m_gate *gate = gate_of(limits);
    for (unsigned source = 0; source < 8; source++) {
        struct transport_address address = address_of("10.0.0.0", 1);
        address.ip[13] = (uint8_t)source;
        for (unsigned i = 0; i < 20; i++) {
            assert_int_equal(lwm2m_gate_admit(gate, &address, false, 1000), i < 10);
        }
    }
    lwm2m_gate_free(gate);
}

static void extreme_limits_are_kept(void **state)
{
    static const struct {
        uint32_t per_source, burst_ms;
        unsigned admitted; /* of 20000 at once */
    } rows[] = {
        { 1, 0, 1 },          { 1, 1000, 1 },          { 1, 3500, 3 },          { 3, 1000, 3 },
        { 1000000, 1, 1000 }, { UINT32_MAX, 5, 5000 }, { 1, UINT32_MAX, 20000 }
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lwm2m_gate *gate = gate_of((struct lwm2m_gate_limits){
            .per_source = rows[i].per_source, .burst_ms = rows[i].burst_ms, .tracked = 8 });
        assert_int_equal(burst(gate, "192.0.2.1", 1, false, 1000, 20000), rows[i].admitted);
        lwm2m_gate_free(gate);
    }
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct lwm2m_gate *gate = NULL;
    struct lwm2m_gate_limits limits = usual;
    limits.tracked = 0;
    assert_int_equal(lwm2m_gate_new(&limits, hash_key, 0, &gate), -EINVAL);
    limits.tracked = UNLIMITED;
    assert_int_equal(lwm2m_gate_new(&limits, hash_key, 0, &gate), -EINVAL);
    lwm2m_gate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_and_devices_have_what_is_theirs),
        cmocka_unit_test(a_network_is_limited_however_many_speak_from_it),
        cmocka_unit_test(what_was_used_up_comes_back_with_time),
        cmocka_unit_test(without_limits_all_are_let_in),
        cmocka_unit_test(more_sources_than_buckets_share_and_let_in_no_more),
        cmocka_unit_test(as_many_sources_as_buckets_are_told_apart),
        cmocka_unit_test(extreme_limits_are_kept),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
