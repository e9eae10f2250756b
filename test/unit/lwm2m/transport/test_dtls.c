/* Handshakes of every suite and credential, and what is told about the peers. */
#include "test_dtls_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = world_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

static const struct transport_dtls_counters *counters(const struct world *world)
{
    return transport_dtls_counters(world->dtls);
}

static void every_suite_carries_data_both_ways(void **state)
{
    struct world *world = *state;
    const char *names[32];
    size_t len = transport_dtls_suites(names, 32);

    assert_int_equal(len, 9);
    world->echo = true;
    for (size_t i = 0; i < len; i++) {
        bool psk = strstr(names[i], "PSK");
        const struct client_setup setup = { .suite = names[i],
                                            .identity = psk ? "urn:dev:psk" : NULL,
                                            .certificate = psk ? NULL : "device" };
        struct client *client = world_client(world, &setup);
        assert_true(client_connect(client));
        const struct world_event *event = world_last(world, EVENT_ESTABLISHED);
        assert_string_equal(event->suite, names[i]);
        assert_int_equal(event->kind, psk ? TRANSPORT_DTLS_PSK : TRANSPORT_DTLS_CERTIFICATE);
        assert_string_equal(event->name, psk ? "urn:dev:psk" : "urn:dev:1");
        client_send(client, "hello");
        world_settle(world);
        event = world_last(world, EVENT_RECEIVED);
        assert_int_equal(event->len, 5);
        assert_memory_equal(event->data, "hello", 5);
        assert_string_equal((const char *)client->received, "hello");
    }
    assert_int_equal(counters(world)->handshakes_completed, len);
}

static void a_certificate_is_told_with_all_its_names(void **state)
{
    struct world *world = *state;
    const struct client_setup setup = { .certificate = "device" };
    struct transport_dtls_info info;

    assert_true(client_connect(world_client(world, &setup)));
    const struct world_event *event = world_last(world, EVENT_ESTABLISHED);
    assert_string_equal(event->name, "urn:dev:1");
    assert_string_equal(event->dns_names, "urn-dev-1.example meter-1.example ");
    assert_true(transport_dtls_find(world->dtls, event->session, &info));
    assert_non_null(info.fingerprint);
    assert_null(info.identity);
    assert_false(transport_dtls_find(world->dtls, event->session + 1, &info));
}

static void who_is_not_welcome_gets_no_session(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *what;
        struct client_setup setup;
        const char *fault;
    } cases[] = {
        { "wrong key",
          { .identity = "urn:dev:1", .key = "0123456789abcdef" },
          "its key is another" },
        { "unknown identity", { .identity = "unknown-1" }, "its key is another" },
        { "key too long for this mbedtls", { .identity = "longkey" }, "its key is another" },
        { "expired certificate", { .certificate = "expired" }, "its certificate is not accepted" },
        { "certificate of another CA",
          { .certificate = "stranger" },
          "its certificate is not accepted" },
        { "revoked certificate", { .certificate = "revoked" }, "its certificate is not accepted" },
        { "no certificate",
          { .suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" },
          "it has no certificate" },
        { "suite that is not configured",
          { .suite = "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8" },
          "no cipher suite in common" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *client = world_client(world, &cases[i].setup);
        if (client_connect(client)) {
            fail_msg("%s: connected", cases[i].what);
        }
        assert_int_equal(counters(world)->handshakes_failed, i + 1);
        assert_string_equal(world->fault, cases[i].fault);
        assert_int_equal(transport_dtls_half_open(world->dtls), 0);
    }
    assert_int_equal(world_count(world, EVENT_ESTABLISHED), 0);
    assert_int_equal(transport_dtls_sessions(world->dtls), 0);
}

/* RFC 4279, 2: then an identity cannot be found by trying. */
static void an_unknown_identity_fails_like_a_wrong_key(void **state)
{
    struct world *world = *state;
    const struct client_setup wrong = { .identity = "urn:dev:1", .key = "0123456789abcdef" };
    const struct client_setup unknown = { .identity = "unknown-1" };
    struct client *first = world_client(world, &wrong), *second = world_client(world, &unknown);

    client_connect(first);
    size_t bytes = world->sent_bytes, datagrams = world->sent_datagrams;
    client_connect(second);
    assert_int_equal(world->sent_bytes - bytes, bytes);
    assert_int_equal(world->sent_datagrams - datagrams, datagrams);
    assert_int_equal(first->result, second->result);
}

static void identities_may_be_long_and_binary(void **state)
{
    struct world *world = *state;
    char identity[130];

    memset(identity, 0x80, sizeof identity);
    identity[128] = 0;
    identity[1] = 0x01;
    uint32_t session;
    world_device(world, identity, &session);
    assert_string_equal(world_last(world, EVENT_ESTABLISHED)->name, identity);

    identity[128] = 'x';
    identity[129] = 0;
    const struct client_setup longer = { .identity = identity };
    assert_false(client_connect(world_client(world, &longer)));
}

static void a_key_that_is_taken_away_in_the_midst_of_a_handshake_ends_it(void **state)
{
    struct world *world = *state;
    const struct client_setup setup = { .identity = "fleeting" };

    client_connect(world_client(world, &setup));
    assert_int_equal(world->keys_asked, 2); /* at the key exchange, and at the end */
    assert_int_equal(world_count(world, EVENT_ESTABLISHED), 0);
    assert_int_equal(counters(world)->handshakes_failed, 1);
}

static bool new_credentials_at_the_end(struct world *world, struct world_datagram *datagram)
{
    if (!datagram->to_server && datagram->data[0] == 22 && datagram->data[13] == 2 &&
        world->spent++ == 0) { /* the ServerHello is on its way */
        world_set_credentials(world);
    }
    return true;
}

static void new_credentials_end_handshakes_that_rest_on_certificates(void **state)
{
    struct world *world = *state;
    const struct client_setup by_certificate = { .certificate = "device" };
    const struct client_setup by_key = { .identity = "urn:dev:1" };

    world->filter = new_credentials_at_the_end;
    client_connect(world_client(world, &by_certificate));
    assert_int_equal(world_count(world, EVENT_ESTABLISHED), 0);
    assert_int_equal(counters(world)->handshakes_failed, 1);

    world->spent = 0;
    assert_true(client_connect(world_client(world, &by_key)));
    world->filter = NULL;
    assert_true(client_connect(world_client(world, &by_certificate)));
}

static void sessions_outlive_the_credentials_that_they_began_with(void **state)
{
    struct world *world = *state;
    struct client *client = world_device(world, "urn:dev:1", NULL);
    const struct transport_dtls_credentials other = { .psk = true };
    const char *fault;

    assert_int_equal(transport_dtls_set_credentials(world->dtls, &other, &fault), 0);
    world->echo = true;
    client_send(client, "still here");
    world_settle(world);
    assert_string_equal((const char *)client->received, "still here");
    const struct client_setup by_certificate = { .certificate = "device" };
    assert_false(client_connect(world_client(world, &by_certificate)));
}

static char *vector(const char *name, struct transport_dtls_text *text)
{
    char path[128];
    char *bytes = calloc(1, 4096);

    snprintf(path, sizeof path, "test/vectors/dtls-test-%s.pem", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(bytes);
    *text = (struct transport_dtls_text){ bytes, fread(bytes, 1, 4096, file) };
    fclose(file);
    return bytes;
}

static void credentials_that_make_no_sense_are_refused_with_a_reason(void **state)
{
    struct world *world = *state;
    const char *unknown[] = { "TLS_PSK_WITH_AES_128_CCM_8", "TLS_PSK_WITH_ROT13" };
    const char *certificate[] = { "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" };
    struct transport_dtls_text server, server_key, device_key, ca, crl;
    char *owned[] = { vector("server", &server), vector("server-key", &server_key),
                      vector("device-key", &device_key), vector("ca", &ca), vector("crl", &crl) };
    const struct transport_dtls_text junk = { "junk", 4 }, empty = { "", 0 };
    const struct {
        struct transport_dtls_credentials credentials;
        int err;
        const char *fault;
    } cases[] = {
        { { .psk = true, .suites = unknown, .suites_len = 2 }, -EBADMSG, "unknown suite" },
        { { .psk = true, .suites = certificate, .suites_len = 1 },
          -EINVAL,
          "no suite for these credentials" },
        { { .psk = false }, -EINVAL, "no suite for these credentials" },
        { { .chain = server },
          -EINVAL,
          "certificate, key, CA and revocation list belong together" },
        { { .chain = server, .key = server_key, .crl = crl },
          -EINVAL,
          "certificate, key, CA and revocation list belong together" },
        { { .chain = server, .key = device_key }, -EBADMSG, "key of another certificate" },
        { { .chain = junk, .key = server_key }, -EBADMSG, "certificate" },
        { { .chain = empty, .key = server_key }, -EBADMSG, "certificate" },
        { { .chain = server, .key = junk }, -EBADMSG, "key" },
        { { .chain = server, .key = server_key, .ca = crl }, -EBADMSG, "CA certificates" },
        { { .chain = server, .key = server_key, .ca = ca, .crl = ca },
          -EBADMSG,
          "revocation list" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fault = NULL;
        assert_int_equal(transport_dtls_set_credentials(world->dtls, &cases[i].credentials, &fault),
                         cases[i].err);
        assert_string_equal(fault, cases[i].fault);
    }
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        free(owned[i]);
    }
    world_device(world, "urn:dev:1", NULL); /* the old ones stayed */
}

static void without_a_ca_clients_stay_anonymous(void **state)
{
    struct world *world = *state;
    struct transport_dtls_credentials credentials = { .psk = false };
    char *chain = vector("server", &credentials.chain),
         *key = vector("server-key", &credentials.key);
    const struct client_setup setup = { .suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" };
    const char *fault;

    assert_int_equal(transport_dtls_set_credentials(world->dtls, &credentials, &fault), 0);
    assert_true(client_connect(world_client(world, &setup)));
    assert_int_equal(world_last(world, EVENT_ESTABLISHED)->kind, TRANSPORT_DTLS_ANONYMOUS);
    assert_true(client_connect(world_client(world, &setup)));
    assert_int_equal(transport_dtls_sessions(world->dtls), 2); /* nobody replaces nobody */
    free(chain);
    free(key);
}

static void suites_are_known_by_their_iana_names(void **state)
{
    (void)state;
    assert_true(transport_dtls_suite_known("TLS_PSK_WITH_AES_128_CCM_8"));
    assert_true(transport_dtls_suite_known("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
    assert_false(transport_dtls_suite_known("TLS-PSK-WITH-AES-128-CCM-8"));
    assert_false(transport_dtls_suite_known("TLS_PSK_WITH_NULL_SHA256"));
    assert_false(transport_dtls_suite_known("TLS_AES_128_GCM_SHA256")); /* of 1.3 */
    assert_false(transport_dtls_suite_known(""));
    assert_in_range(transport_dtls_key_max(), 16, TRANSPORT_DTLS_KEY_MAX);
}

static void settings_out_of_range_are_refused(void **state)
{
    struct world *world = *state;
    const struct transport_dtls_events none = { .send = NULL };
    struct transport_dtls_settings settings[8];
    struct transport_dtls *dtls;

    for (size_t i = 0; i < 8; i++) {
        settings[i] = transport_dtls_defaults;
    }
    settings[0].sessions_max = 0;
    settings[1].live_max = 0;
    settings[2].half_open_max = 0;
    settings[3].handshake_ms = 0;
    settings[4].retransmit_max_ms = settings[4].retransmit_min_ms - 1;
    settings[5].mtu = 255;
    settings[6].mtu = TRANSPORT_DTLS_DATAGRAM_MAX + 1;
    settings[7].reserve = UINT32_MAX;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(transport_dtls_new(&settings[i], &world->callbacks, world, 0, &dtls),
                         -EINVAL);
    }

    assert_int_equal(transport_dtls_new(&transport_dtls_defaults, &none, world, 0, &dtls), -EINVAL);
    transport_dtls_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_suite_carries_data_both_ways),
        TEST(a_certificate_is_told_with_all_its_names),
        TEST(who_is_not_welcome_gets_no_session),
        TEST(an_unknown_identity_fails_like_a_wrong_key),
        TEST(identities_may_be_long_and_binary),
        TEST(a_key_that_is_taken_away_in_the_midst_of_a_handshake_ends_it),
        TEST(new_credentials_end_handshakes_that_rest_on_certificates),
        TEST(sessions_outlive_the_credentials_that_they_began_with),
        TEST(credentials_that_make_no_sense_are_refused_with_a_reason),
        TEST(without_a_ca_clients_stay_anonymous),
        TEST(suites_are_known_by_their_iana_names),
        TEST(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
