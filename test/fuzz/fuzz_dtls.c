/*
 * The way of a datagram through the DTLS engine: as a stranger's, in the midst of a handshake, and
 * from a device with a session, live or parked. Input: records of one byte that says what happens,
 * one with a length, and that many bytes.
 *
 * A device with an honest mbedtls client shook hands once, before the first input; each input
 * begins with its session imported, and may let it speak. The bytes of an input are sent as they
 * are, or change a datagram of a client on its way.
 */
#include "lwm2m/transport/dtls.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DATAGRAM_MAX 2048
#define QUEUE_MAX    8

struct datagram {
    uint8_t bytes[DATAGRAM_MAX];
    size_t len;
};

struct device {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    struct transport_route route;
    struct datagram inbox[QUEUE_MAX], outbox[QUEUE_MAX];
    size_t inbox_len, outbox_len;
};

/* All that outlives an input: the device with the session, and the stored form of that. */
static struct {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    struct device device;
    uint8_t form[TRANSPORT_DTLS_EXPORT_MAX];
    size_t form_len;
    uint32_t session;
} honest;

struct harness {
    struct transport_dtls *dtls;
    struct device *device; /* to which datagrams go */
    uint64_t now_ms;
    size_t sum;
};

static const uint8_t key[16] = "fuzz test key 01";

static void put(struct datagram *queue, size_t *queue_len, const uint8_t *bytes, size_t len)
{
    if (*queue_len < QUEUE_MAX && len <= DATAGRAM_MAX) {
        memcpy(queue[*queue_len].bytes, bytes, len);
        queue[(*queue_len)++].len = len;
    }
}

/* ---- engine ---- */

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct harness *harness = ctx;

    for (size_t i = 0; i < len; i++) {
        harness->sum += data[i];
    }
    if (harness->device && route->remote.port == harness->device->route.remote.port) {
        put(harness->device->inbox, &harness->device->inbox_len, data, len);
    }
}

static void on_receive(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct harness *harness = ctx;

    if (len > 0 && data[0] % 2 == 0) {
        (void)!transport_dtls_send(harness->dtls, route, data, len);
    } else if (len > 0 && data[0] == 0xff) {
        transport_dtls_close(harness->dtls, route->session);
    }
}

static void on_established(void *ctx, const struct transport_dtls_info *info)
{
    struct harness *harness = ctx;

    harness->sum += info->identity_len;
    honest.session = info->route.session;
}

static void on_closed(void *ctx, const struct transport_dtls_info *info,
                      enum transport_dtls_reason reason)
{
    struct harness *harness = ctx;

    harness->sum += info->identity_len + reason;
}

static void on_changed(void *ctx, uint32_t session)
{
    struct harness *harness = ctx;
    uint8_t form[TRANSPORT_DTLS_EXPORT_MAX];

    (void)!transport_dtls_export(harness->dtls, session, form, sizeof form);
    transport_dtls_stored(harness->dtls, session);
}

static int find_key(void *ctx, const uint8_t *identity, size_t len,
                    struct transport_dtls_key *found)
{
    (void)ctx;
    if (len == 0 || identity[0] != 'f') {
        return -2;
    }
    memcpy(found->bytes, key, sizeof key);
    found->len = sizeof key;
    return 0;
}

static void make_engine(struct harness *harness, uint32_t run)
{
    const struct transport_dtls_events events = { .send = on_send,
                                                  .receive = on_receive,
                                                  .established = on_established,
                                                  .closed = on_closed,
                                                  .changed = on_changed,
                                                  .find_key = find_key };
    const struct transport_dtls_credentials credentials = { .psk = true };
    struct transport_dtls_settings settings = transport_dtls_defaults;
    const char *fault;

    settings.live_max = 1;
    settings.half_open_max = 2;
    settings.sessions_max = 3;
    settings.reserve = 8;
    settings.run = run;
    if (transport_dtls_new(&settings, &events, harness, harness->now_ms, &harness->dtls) != 0 ||
        transport_dtls_set_credentials(harness->dtls, &credentials, &fault) != 0) {
        abort();
    }
}

/* ---- clients ---- */

static int client_output(void *ctx, const unsigned char *bytes, size_t len)
{
    struct device *device = ctx;

    put(device->outbox, &device->outbox_len, bytes, len);
    return (int)len;
}

static int client_input(void *ctx, unsigned char *buffer, size_t size)
{
    struct device *device = ctx;
    size_t len = device->inbox_len > 0 ? device->inbox[0].len : 0;

    if (len == 0 || len > size) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(buffer, device->inbox[0].bytes, len);
    memmove(&device->inbox[0], &device->inbox[1], sizeof device->inbox - sizeof device->inbox[0]);
    device->inbox_len--;
    return (int)len;
}

static void set_timer(void *ctx, uint32_t intermediate_ms, uint32_t final_ms)
{
    (void)ctx;
    (void)intermediate_ms;
    (void)final_ms;
}

static int get_timer(void *ctx)
{
    (void)ctx;
    return 0;
}

static void device_init(struct device *device, uint16_t port)
{
    const uint8_t identity[] = "fuzzed";

    memset(device, 0, sizeof *device);
    device->route.remote.port = port;
    mbedtls_ssl_init(&device->ssl);
    mbedtls_ssl_config_init(&device->config);
    if (mbedtls_ssl_config_defaults(&device->config, MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_conf_psk(&device->config, key, sizeof key, identity, sizeof identity - 1) !=
            0) {
        abort();
    }
    mbedtls_ssl_conf_rng(&device->config, mbedtls_ctr_drbg_random, &honest.random);
    if (mbedtls_ssl_setup(&device->ssl, &device->config) != 0) {
        abort();
    }
    mbedtls_ssl_set_bio(&device->ssl, device, client_output, client_input, NULL);
    mbedtls_ssl_set_timer_cb(&device->ssl, device, set_timer, get_timer);
}

static void device_deinit(struct device *device)
{
    mbedtls_ssl_free(&device->ssl);
    mbedtls_ssl_config_free(&device->config);
}

/* Hands over what a client sent, `spoil` changing the n-th datagram of it. */
static void deliver(struct harness *harness, struct device *device, unsigned n,
                    const uint8_t *spoil, size_t spoil_len)
{
    size_t count = device->outbox_len;

    device->outbox_len = 0;
    for (size_t i = 0; i < count; i++) {
        struct datagram datagram = device->outbox[i];
        if (i == n && spoil_len > 1) {
            size_t at = spoil[0] % (datagram.len + 1);
            for (size_t k = 1; k < spoil_len && at < datagram.len; k++, at++) {
                datagram.bytes[at] ^= spoil[k];
            }
            datagram.len -= spoil[0] > 0xf0 ? datagram.len / 3 : 0;
        }
        transport_dtls_receive(harness->dtls, &device->route, datagram.bytes, datagram.len,
                               harness->now_ms);
    }
}

/* A handshake of a client, the step-th exchange spoilt. */
static int shake_hands(struct harness *harness, struct device *device, unsigned step,
                       const uint8_t *spoil, size_t spoil_len)
{
    int result = MBEDTLS_ERR_SSL_WANT_READ;

    harness->device = device;
    for (unsigned i = 0; i < 8 && result == MBEDTLS_ERR_SSL_WANT_READ; i++) {
        do {
            result = mbedtls_ssl_handshake(&device->ssl);
        } while (result == MBEDTLS_ERR_SSL_WANT_READ && device->inbox_len > 0);
        deliver(harness, device, step / 4 % 2, spoil, i == step % 4 ? spoil_len : 0);
    }
    harness->device = NULL;
    return result;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct harness harness = { .now_ms = 1000 };

    (void)argc;
    (void)argv;
    mbedtls_entropy_init(&honest.entropy);
    mbedtls_ctr_drbg_init(&honest.random);
    if (mbedtls_ctr_drbg_seed(&honest.random, mbedtls_entropy_func, &honest.entropy, NULL, 0) !=
        0) {
        abort();
    }
    make_engine(&harness, 1);
    device_init(&honest.device, 1);
    if (shake_hands(&harness, &honest.device, 0, NULL, 0) != 0) {
        abort();
    }
    int len = transport_dtls_export(harness.dtls, honest.session, honest.form, sizeof honest.form);
    if (len <= 0) {
        abort();
    }
    honest.form_len = (size_t)len;
    transport_dtls_free(harness.dtls);
    return 0;
}

/* ---- what an input does ---- */

static void as_it_is(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len)
{
    struct transport_route route = { .remote.port = (uint16_t)(how % 4) };

    transport_dtls_receive(harness->dtls, &route, bytes, len, harness->now_ms);
}

static void speak(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len)
{
    struct device *device = &honest.device;

    if (how % 4 == 0 && len > 1) {
        (void)!mbedtls_ssl_send_alert_message(&device->ssl, bytes[0], bytes[1]);
    } else if (mbedtls_ssl_write(&device->ssl, bytes, len) < 0) {
        return;
    }
    deliver(harness, device, how % 4 == 1 ? 0 : QUEUE_MAX, bytes, len);
}

static void shake(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len)
{
    static struct device device; /* big, and made anew each time */

    device_init(&device, (uint16_t)(how % 4));
    (void)shake_hands(harness, &device, how / 4, bytes, len);
    device_deinit(&device);
}

static void pass_time(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    harness->now_ms += how * how;
    transport_dtls_run(harness->dtls, harness->now_ms);
    harness->sum += transport_dtls_next_ms(harness->dtls) != 0;
}

static void take_in(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len)
{
    (void)how;
    (void)!transport_dtls_import(harness->dtls, bytes, len, NULL);
}

typedef void action(struct harness *harness, unsigned how, const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static action *const actions[] = { as_it_is, as_it_is, as_it_is,  speak,
                                       speak,    shake,    pass_time, take_in };
    struct harness harness = { .now_ms = 1000 };

    make_engine(&harness, 2);
    if (transport_dtls_import(harness.dtls, honest.form, honest.form_len, NULL) != 0) {
        abort();
    }
    for (unsigned n = 0; len >= 2 && n < 32; n++) {
        size_t bytes = data[1] < len - 2 ? data[1] : len - 2;
        actions[data[0] % 8](&harness, data[0] / 8, data + 2, bytes);
        data += 2 + bytes;
        len -= 2 + bytes;
    }
    transport_dtls_free(harness.dtls);
    return 0;
}
