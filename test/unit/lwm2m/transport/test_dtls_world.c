/* The devices, the network and the clock around an engine under test. */
#include "test_dtls_world.h"

#include "lwm2m/timers/timers.h"
#include "lwm2m/transport/dtls_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/version.h>

/* ---- network ---- */

static void put_datagram(struct world *world, const struct transport_route *route, bool to_server,
                         const uint8_t *data, size_t len)
{
    assert_true(world->len < WORLD_DATAGRAMS);
    struct world_datagram *datagram =
        &world->datagrams[(world->first + world->len) % WORLD_DATAGRAMS];
    *datagram = (struct world_datagram){ .route = *route, .to_server = to_server, .len = len };
    assert_true(len <= sizeof datagram->data);
    memcpy(datagram->data, data, len);
    world->len++;
}

void world_put(struct world *world, const struct world_datagram *datagram)
{
    put_datagram(world, &datagram->route, datagram->to_server, datagram->data, datagram->len);
}

static struct client *client_at(struct world *world, const struct transport_route *route)
{
    for (size_t i = 0; i < WORLD_CLIENTS; i++) {
        if (world->clients[i].used && !world->clients[i].deaf &&
            transport_address_equal(&world->clients[i].route.remote, &route->remote)) {
            return &world->clients[i];
        }
    }
    return NULL;
}

static void client_take(struct client *client, const struct world_datagram *datagram)
{
    client->inbox = datagram;
    client_step(client);
    client->inbox = NULL;
}

static void deliver(struct world *world, struct world_datagram *datagram)
{
    if (datagram->to_server) {
        transport_dtls_receive(world->dtls, &datagram->route, datagram->data, datagram->len,
                               world->now_ms);
        return;
    }
    struct client *client = client_at(world, &datagram->route);
    if (client) {
        client_take(client, datagram);
    }
}

void world_settle(struct world *world)
{
    while (world->len > 0) {
        struct world_datagram datagram = world->datagrams[world->first];
        world->first = (world->first + 1) % WORLD_DATAGRAMS;
        world->len--;
        world->seen++;
        if (!world->filter || world->filter(world, &datagram)) {
            deliver(world, &datagram);
        }
    }
}

void world_advance(struct world *world, uint64_t ms)
{
    world->now_ms += ms;
    transport_dtls_run(world->dtls, world->now_ms);
    for (size_t i = 0; i < WORLD_CLIENTS; i++) {
        struct client *client = &world->clients[i];
        if (client->used && client->timing && client->final_ms <= world->now_ms) {
            client_step(client);
        }
    }
    world_settle(world);
}

/* ---- events ---- */

static struct world_event *add_event(struct world *world, int what, uint32_t session)
{
    struct world_event *event = &world->events[world->events_len++ % WORLD_EVENTS];

    *event = (struct world_event){ .session = session };
    event->what = (typeof(event->what))what;
    return event;
}

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct world *world = ctx;

    world->sent_bytes += len;
    world->sent_datagrams++;
    world->longest_sent = len > world->longest_sent ? len : world->longest_sent;
    if (client_at(world, route)) {
        put_datagram(world, route, false, data, len);
    }
}

static void on_receive(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct world *world = ctx;
    struct world_event *event = add_event(world, EVENT_RECEIVED, route->session);

    event->route = *route;
    event->len = len < sizeof event->data ? len : sizeof event->data;
    memcpy(event->data, data, event->len);
    if (world->echo) {
        (void)!transport_dtls_send(world->dtls, route, data, len);
    }
    if (world->close_in == EVENT_RECEIVED) {
        transport_dtls_close(world->dtls, route->session);
    }
}

static void describe(struct world_event *event, const struct transport_dtls_info *info)
{
    event->route = info->route;
    event->kind = info->kind;
    snprintf(event->suite, sizeof event->suite, "%s", info->suite);
    if (info->kind == TRANSPORT_DTLS_PSK) {
        memcpy(event->name, info->identity, info->identity_len);
    } else {
        snprintf(event->name, sizeof event->name, "%s", info->common_name);
    }
    for (size_t i = 0; i < info->dns_names_len; i++) {
        event->dns_names[i] = info->dns_names[i] ? info->dns_names[i] : ' ';
    }
}

static void on_established(void *ctx, const struct transport_dtls_info *info)
{
    struct world *world = ctx;

    describe(add_event(world, EVENT_ESTABLISHED, info->route.session), info);
    if (world->close_in == EVENT_ESTABLISHED) {
        transport_dtls_close(world->dtls, info->route.session);
    }
}

static void on_failed(void *ctx, const struct transport_route *route, const uint8_t *identity,
                      size_t len, const char *reason)
{
    struct world *world = ctx;

    assert_int_equal(route->session, 0);
    assert_int_equal(identity != NULL, len > 0);
    world->fault = reason;
}

static void on_closed(void *ctx, const struct transport_dtls_info *info,
                      enum transport_dtls_reason reason)
{
    struct world_event *event = add_event(ctx, EVENT_CLOSED, info->route.session);

    describe(event, info);
    event->reason = reason;
}

static void on_changed(void *ctx, uint32_t session)
{
    struct world *world = ctx;

    add_event(world, EVENT_CHANGED, session);
    if (world->export_on_change) {
        world->exported_len =
            transport_dtls_export(world->dtls, session, world->exported, sizeof world->exported);
        transport_dtls_stored(world->dtls, session);
    }
    if (world->close_in == EVENT_CHANGED) {
        transport_dtls_close(world->dtls, session);
    }
}

/* The key of an identity is made of it, so that any number of devices has one. */
static size_t key_of(const uint8_t *identity, size_t len, uint8_t key[16])
{
    memset(key, 0x5a, 16);
    for (size_t i = 0; i < len; i++) {
        key[i % 16] ^= (uint8_t)(identity[i] + i);
    }
    return 16;
}

static int on_find_key(void *ctx, const uint8_t *identity, size_t len,
                       struct transport_dtls_key *key)
{
    struct world *world = ctx;

    world->keys_asked++;
    if (len >= 7 && memcmp(identity, "unknown", 7) == 0) {
        return -2;
    }
    if (len == 8 && memcmp(identity, "fleeting", 8) == 0 && world->keys_asked > 1) {
        return -2;
    }
    key->len = key_of(identity, len, key->bytes);
    if (len == 7 && memcmp(identity, "longkey", 7) == 0) {
        key->len = transport_dtls_key_max() + 1;
    }
    key->shared = len >= 6 && memcmp(identity, "shared", 6) == 0;
    return 0;
}

size_t world_count(const struct world *world, int what)
{
    size_t count = 0;

    for (size_t i = 0; i < WORLD_EVENTS && i < world->events_len; i++) {
        count += world->events[i].what == (unsigned)what;
    }
    return count;
}

const struct world_event *world_last(const struct world *world, int what)
{
    for (size_t i = world->events_len; i > 0 && world->events_len - i < WORLD_EVENTS; i--) {
        if (world->events[(i - 1) % WORLD_EVENTS].what == (unsigned)what) {
            return &world->events[(i - 1) % WORLD_EVENTS];
        }
    }
    return NULL;
}

/* ---- engine ---- */

static void make_engine(struct world *world, const struct transport_dtls_settings *settings)
{
    world->callbacks = (struct transport_dtls_events){ .send = on_send,
                                                       .receive = on_receive,
                                                       .established = on_established,
                                                       .failed = on_failed,
                                                       .closed = on_closed,
                                                       .changed = on_changed,
                                                       .find_key = on_find_key };

    assert_int_equal(transport_dtls_new(settings ? settings : &transport_dtls_defaults,
                                        &world->callbacks, world, world->now_ms, &world->dtls),
                     0);
    /* Which sources share a counter must not be another thing in every run. */
    memcpy(world->dtls->table_key, (const uint64_t[2]){ 3, 7 }, sizeof world->dtls->table_key);
    world_set_credentials(world);
}

static char *read_file(const char *name, size_t *len)
{
    char path[128];
    char *text = calloc(1, 4096);

    snprintf(path, sizeof path, "test/vectors/dtls-test-%s.pem", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(text);
    *len = fread(text, 1, 4095, file);
    fclose(file);
    return text;
}

void world_set_credentials(struct world *world)
{
    struct transport_dtls_credentials credentials = { .psk = true };
    struct transport_dtls_text *texts[] = { &credentials.chain, &credentials.key, &credentials.ca,
                                            &credentials.crl };
    const char *names[] = { "server", "server-key", "ca", "crl" };
    char *owned[4];
    const char *fault;

    for (size_t i = 0; i < 4; i++) {
        owned[i] = read_file(names[i], &texts[i]->len);
        texts[i]->text = owned[i];
    }
    assert_int_equal(transport_dtls_set_credentials(world->dtls, &credentials, &fault), 0);
    for (size_t i = 0; i < 4; i++) {
        free(owned[i]);
    }
}

struct world *world_new(const struct transport_dtls_settings *settings)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->datagrams = calloc(WORLD_DATAGRAMS, sizeof *world->datagrams);
    assert_non_null(world->datagrams);
    world->now_ms = 1000000;
    world->last_port = 10000;
    mbedtls_entropy_init(&world->entropy);
    mbedtls_ctr_drbg_init(&world->random);
    assert_int_equal(
        mbedtls_ctr_drbg_seed(&world->random, mbedtls_entropy_func, &world->entropy, NULL, 0), 0);
    make_engine(world, settings);
    return world;
}

void world_restart(struct world *world, const struct transport_dtls_settings *settings)
{
    transport_dtls_free(world->dtls);
    make_engine(world, settings);
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < WORLD_CLIENTS; i++) {
        if (world->clients[i].used) {
            world_remove(&world->clients[i]);
        }
    }
    transport_dtls_free(world->dtls);
    mbedtls_ctr_drbg_free(&world->random);
    mbedtls_entropy_free(&world->entropy);
    free(world->datagrams);
    free(world);
}

int world_send(struct world *world, uint32_t session, const char *text)
{
    struct transport_route route = { .session = session };

    return transport_dtls_send(world->dtls, &route, (const uint8_t *)text, strlen(text));
}

/* ---- clients ---- */

static int client_output(void *ctx, const unsigned char *data, size_t len)
{
    struct client *client = ctx;

    put_datagram(client->world, &client->route, true, data, len);
    return (int)len;
}

static int client_input(void *ctx, unsigned char *buffer, size_t size)
{
    struct client *client = ctx;

    const struct world_datagram *datagram = client->inbox;
    if (!datagram) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    client->inbox = NULL;
    assert_true(datagram->len <= size);
    memcpy(buffer, datagram->data, datagram->len);
    return (int)datagram->len;
}

static void client_set_timer(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    struct client *client = ctx;

    client->timing = final_ms > 0;
    client->intermediate_ms = client->world->now_ms + intermediate_ms;
    client->final_ms = client->world->now_ms + final_ms;
}

static int client_get_timer(void *ctx)
{
    const struct client *client = ctx;
    uint64_t now_ms = client->world->now_ms;

    if (!client->timing) {
        return -1;
    }
    return now_ms >= client->final_ms ? 2 : now_ms >= client->intermediate_ms ? 1 : 0;
}

static void show_certificate(struct client *client, const char *name)
{
    size_t len;
    char *text = read_file(name, &len);

    assert_int_equal(mbedtls_x509_crt_parse(&client->certificate, (const uint8_t *)text, len + 1),
                     0);
    free(text);
    text = read_file("device-key", &len);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(mbedtls_pk_parse_key(&client->key, (const uint8_t *)text, len + 1, NULL, 0,
                                          mbedtls_ctr_drbg_random, &client->world->random),
                     0);
#else
    assert_int_equal(mbedtls_pk_parse_key(&client->key, (const uint8_t *)text, len + 1, NULL, 0),
                     0);
#endif
    free(text);
    assert_int_equal(mbedtls_ssl_conf_own_cert(&client->config, &client->certificate, &client->key),
                     0);
}

static void trust_server(struct client *client)
{
    size_t len;
    char *text = read_file("ca", &len);

    assert_int_equal(mbedtls_x509_crt_parse(&client->ca, (const uint8_t *)text, len + 1), 0);
    free(text);
    mbedtls_ssl_conf_ca_chain(&client->config, &client->ca, NULL);
}

static void configure(struct client *client, const struct client_setup *setup)
{
    mbedtls_ssl_config *config = &client->config;
    uint8_t key[16];

    assert_int_equal(mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &client->world->random);
    mbedtls_ssl_conf_handshake_timeout(config, 1000, 60000);
    if (!setup->identity) {
        trust_server(client);
    }
    if (setup->suite) {
        char name[64];
        snprintf(name, sizeof name, "%s", setup->suite);
        for (char *at = name; *at; at++) {
            *at = *at == '_' ? '-' : *at;
        }
        client->suites[0] = mbedtls_ssl_get_ciphersuite_id(name);
        mbedtls_ssl_conf_ciphersuites(config, client->suites);
    }
    if (setup->identity) {
        const uint8_t *identity = (const uint8_t *)setup->identity;
        size_t key_len =
            setup->key ? strlen(setup->key) : key_of(identity, strlen(setup->identity), key);
        assert_int_equal(mbedtls_ssl_conf_psk(config,
                                              setup->key ? (const uint8_t *)setup->key : key,
                                              key_len, identity, strlen(setup->identity)),
                         0);
    }
    if (setup->certificate) {
        show_certificate(client, setup->certificate);
    }
    if (setup->mfl_code > 0) {
        assert_int_equal(mbedtls_ssl_conf_max_frag_len(config, setup->mfl_code), 0);
    }
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    if (setup->cid) {
        assert_int_equal(mbedtls_ssl_conf_cid(config, 3, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), 0);
    }
#endif
}

struct client *world_client(struct world *world, const struct client_setup *setup)
{
    size_t i = 0;

    while (i < WORLD_CLIENTS && world->clients[i].used) {
        i++;
    }
    assert_true(i < WORLD_CLIENTS);
    struct client *client = &world->clients[i];
    *client = (struct client){ .world = world, .used = true };
    client->route.remote.ip[10] = client->route.remote.ip[11] = 0xff;
    client->route.remote.ip[12] = 10;
    client->route.remote.ip[15] = 1;
    client->route.remote.port = ++world->last_port;
    client->route.listener = 1;
    mbedtls_ssl_init(&client->ssl);
    mbedtls_ssl_config_init(&client->config);
    mbedtls_x509_crt_init(&client->ca);
    mbedtls_x509_crt_init(&client->certificate);
    mbedtls_pk_init(&client->key);
    configure(client, setup);
    assert_int_equal(mbedtls_ssl_setup(&client->ssl, &client->config), 0);
    assert_int_equal(mbedtls_ssl_set_hostname(&client->ssl, "localhost"), 0);
    mbedtls_ssl_set_bio(&client->ssl, client, client_output, client_input, NULL);
    mbedtls_ssl_set_timer_cb(&client->ssl, client, client_set_timer, client_get_timer);
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    if (setup->cid) {
        const uint8_t cid[3] = { 0xc1, 0xd0, (uint8_t)i };
        assert_int_equal(mbedtls_ssl_set_cid(&client->ssl, MBEDTLS_SSL_CID_ENABLED, cid, 3), 0);
    }
#endif
    return client;
}

void world_remove(struct client *client)
{
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->config);
    mbedtls_x509_crt_free(&client->ca);
    mbedtls_x509_crt_free(&client->certificate);
    mbedtls_pk_free(&client->key);
    client->used = false;
}

static bool waits(int result)
{
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

void client_step(struct client *client)
{
    if (client->result != 0) {
        return; /* it has failed */
    }
    if (!client->established) {
        int result = mbedtls_ssl_handshake(&client->ssl);
        client->established = result == 0;
        client->result = waits(result) ? 0 : result;
        return;
    }
    int result = mbedtls_ssl_read(&client->ssl, client->received, sizeof client->received - 1);
    if (result >= 0) {
        client->received_len = (size_t)result;
        client->received[result] = 0;
        client->received_count++;
    } else if (!waits(result)) {
        client->result = result;
    }
}

bool client_connect(struct client *client)
{
    client_step(client);
    world_settle(client->world);
    for (int i = 0; i < 200 && !client->established && client->result == 0; i++) {
        world_advance(client->world, 500);
    }
    return client->established;
}

void client_send(struct client *client, const char *text)
{
    assert_int_equal(mbedtls_ssl_write(&client->ssl, (const uint8_t *)text, strlen(text)),
                     (int)strlen(text));
}

void client_send_raw(struct client *client, const uint8_t *bytes, size_t len)
{
    put_datagram(client->world, &client->route, true, bytes, len);
}

struct client *world_device(struct world *world, const char *identity, uint32_t *session)
{
    const struct client_setup setup = { .suite = "TLS_PSK_WITH_AES_128_CCM_8",
                                        .identity = identity };
    struct client *client = world_client(world, &setup);

    assert_true(client_connect(client));
    const struct world_event *event = world_last(world, EVENT_ESTABLISHED);
    assert_non_null(event);
    if (session) {
        *session = event->session;
    }
    return client;
}

void world_park_all(struct world *world, unsigned live_max)
{
    for (unsigned i = 0; i < live_max; i++) {
        char name[32];
        snprintf(name, sizeof name, "urn:stranger:%u", world->strangers++);
        world_remove(world_device(world, name, NULL));
    }
}
