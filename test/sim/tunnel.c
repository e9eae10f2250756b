/** See tunnel.h. */
#include "test/sim/tunnel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#if defined(MBEDTLS_PSA_CRYPTO_C)
#include <psa/crypto.h>
#endif

/* Before 3.3 the extension is that of a draft, which nobody else speaks any more. */
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) && MBEDTLS_VERSION_NUMBER >= 0x03030000
#define HAS_CONNECTION_ID 1
#else
#define HAS_CONNECTION_ID 0
#endif

enum {
    DATAGRAM_MAX = 2048,
    WAITING_MAX = 8, /* messages kept while a handshake is under way */
    SUITES_MAX = 16,
    RETRANSMIT_MIN_MS = 500,
    RETRANSMIT_MAX_MS = 4000,
};

enum state { STATE_IDLE, STATE_SHAKING, STATE_OPEN };

struct datagram {
    size_t len;
    uint8_t bytes[DATAGRAM_MAX];
};

struct tunnel {
    struct tunnel_settings settings;
    struct sockaddr_storage server;
    socklen_t server_len;
    int inner, outer, timer, epoll;
    struct sockaddr_in client; /* libcoap's socket; port 0 until it spoke */
    enum state state;
    int64_t soon_ms, late_ms; /* mbedtls' timer on the clock of clock_ms(); late_ms 0: not set */
    struct datagram waiting[WAITING_MAX];
    size_t waiting_count;
    int suites[SUITES_MAX + 1];
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt chain, authorities;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
};

bool tunnel_has_connection_id(void)
{
    return HAS_CONNECTION_ID;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const struct tunnel *tunnel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct tunnel *tunnel, const char *format, ...)
{
    char line[200];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    tunnel->settings.say(tunnel->settings.ctx, line);
}

/* ---- what mbedtls calls ---- */

static int send_outside(void *ctx, const unsigned char *data, size_t len)
{
    const struct tunnel *tunnel = ctx;
    ssize_t sent = send(tunnel->outer, data, len, MSG_NOSIGNAL);
    (void)sent; /* lost, as anywhere on the way */
    return (int)len;
}

static int receive_outside(void *ctx, unsigned char *data, size_t size)
{
    const struct tunnel *tunnel = ctx;
    for (int tries = 0; tries < 8; tries++) { /* a pending ICMP error is not the end */
        ssize_t got = recv(tunnel->outer, data, size, MSG_DONTWAIT);
        if (got > 0) {
            return (int)got;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
    }
    return MBEDTLS_ERR_SSL_WANT_READ;
}

static void set_timer(void *ctx, uint32_t soon_ms, uint32_t late_ms)
{
    struct tunnel *tunnel = ctx;
    struct itimerspec at = { .it_value = { .tv_sec = late_ms / 1000,
                                           .tv_nsec = (long)(late_ms % 1000) * 1000000 } };
    tunnel->soon_ms = clock_ms() + soon_ms;
    tunnel->late_ms = late_ms > 0 ? clock_ms() + late_ms : 0;
    timerfd_settime(tunnel->timer, 0, &at, NULL);
}

static int get_timer(void *ctx)
{
    const struct tunnel *tunnel = ctx;
    int64_t now_ms = clock_ms();
    if (tunnel->late_ms == 0) {
        return -1;
    }
    return now_ms >= tunnel->late_ms ? 2 : now_ms >= tunnel->soon_ms ? 1 : 0;
}

/* ---- the session ---- */

static void fail(struct tunnel *tunnel, const char *what, int err)
{
    char reason[128];
    mbedtls_strerror(err, reason, sizeof reason);
    say(tunnel, "%s: %s", what, reason);
    tunnel_forget(tunnel);
}

static void write_record(struct tunnel *tunnel, const struct datagram *datagram)
{
    int written = mbedtls_ssl_write(&tunnel->ssl, datagram->bytes, datagram->len);
    if (written < 0) {
        fail(tunnel, "session broken", written);
    }
}

static const char *connection_id_text(struct tunnel *tunnel)
{
#if HAS_CONNECTION_ID
    int enabled = MBEDTLS_SSL_CID_DISABLED;
    mbedtls_ssl_get_peer_cid(&tunnel->ssl, &enabled, NULL, NULL);
    return enabled == MBEDTLS_SSL_CID_ENABLED ? "yes" : "no";
#else
    (void)tunnel;
    return "no";
#endif
}

static void handshake(struct tunnel *tunnel)
{
    int err = mbedtls_ssl_handshake(&tunnel->ssl);
    if (err == MBEDTLS_ERR_SSL_WANT_READ || err == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return;
    }
    if (err != 0) {
        fail(tunnel, "handshake failed", err);
        return;
    }
    tunnel->state = STATE_OPEN;
    say(tunnel, "handshake done suite=%s cid=%s", mbedtls_ssl_get_ciphersuite(&tunnel->ssl),
        connection_id_text(tunnel));
    size_t count = tunnel->waiting_count;
    tunnel->waiting_count = 0;
    for (size_t i = 0; i < count && tunnel->state == STATE_OPEN; i++) {
        write_record(tunnel, &tunnel->waiting[i]);
    }
}

static void start_handshake(struct tunnel *tunnel)
{
    int err = mbedtls_ssl_session_reset(&tunnel->ssl);
#if HAS_CONNECTION_ID
    /* an empty one: we can be told apart by our address, the server cannot */
    err = err == 0 && tunnel->settings.connection_id
              ? mbedtls_ssl_set_cid(&tunnel->ssl, MBEDTLS_SSL_CID_ENABLED, NULL, 0)
              : err;
#endif
    if (err != 0) {
        fail(tunnel, "handshake failed", err);
        return;
    }
    tunnel->state = STATE_SHAKING;
    handshake(tunnel);
}

static void read_records(struct tunnel *tunnel)
{
    uint8_t data[DATAGRAM_MAX];
    while (tunnel->state == STATE_OPEN) {
        int got = mbedtls_ssl_read(&tunnel->ssl, data, sizeof data);
        if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) {
            return;
        }
        if (got <= 0) {
            fail(tunnel, "session closed", got);
            return;
        }
        ssize_t sent = sendto(tunnel->inner, data, (size_t)got, 0,
                              (struct sockaddr *)&tunnel->client, sizeof tunnel->client);
        (void)sent;
    }
}

static void read_messages(struct tunnel *tunnel)
{
    struct datagram datagram;
    for (;;) {
        socklen_t size = sizeof tunnel->client;
        ssize_t got = recvfrom(tunnel->inner, datagram.bytes, sizeof datagram.bytes, MSG_DONTWAIT,
                               (struct sockaddr *)&tunnel->client, &size);
        if (got < 0) {
            return;
        }
        datagram.len = (size_t)got;
        if (tunnel->state == STATE_OPEN) {
            write_record(tunnel, &datagram);
        } else if (tunnel->waiting_count < WAITING_MAX) {
            tunnel->waiting[tunnel->waiting_count++] = datagram;
        }
        if (tunnel->state == STATE_IDLE) {
            start_handshake(tunnel);
        }
    }
}

void tunnel_process(struct tunnel *tunnel)
{
    uint64_t expirations;
    ssize_t got = read(tunnel->timer, &expirations, sizeof expirations);
    (void)got; /* mbedtls asks for the time itself */
    if (tunnel->state == STATE_SHAKING) {
        handshake(tunnel);
    }
    read_records(tunnel);
    read_messages(tunnel);
}

void tunnel_forget(struct tunnel *tunnel)
{
    tunnel->state = STATE_IDLE;
    tunnel->waiting_count = 0;
    set_timer(tunnel, 0, 0);
}

/* ---- opening and closing ---- */

static int add_suites(struct tunnel *tunnel, const char *names)
{
    size_t count = 0;
    while (*names != 0 && count < SUITES_MAX) {
        char name[80];
        size_t len = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        for (char *at = name; *at != 0; at++) {
            *at = *at == '_' ? '-' : *at; /* IANA's spelling */
        }
        int id = mbedtls_ssl_get_ciphersuite_id(name);
        if (id == 0) {
            fprintf(stderr, "lwm2m-sim: this mbedtls has no cipher suite %s\n", name);
            return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
        }
        tunnel->suites[count++] = id;
        names += len + (names[len] == ',');
    }
    mbedtls_ssl_conf_ciphersuites(&tunnel->config, tunnel->suites);
    return 0;
}

static int read_key(struct tunnel *tunnel)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_parse_keyfile(&tunnel->key, tunnel->settings.key_file, NULL,
                                    mbedtls_ctr_drbg_random, &tunnel->random);
#else
    return mbedtls_pk_parse_keyfile(&tunnel->key, tunnel->settings.key_file, NULL);
#endif
}

static void want_1_2(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int limit_records(struct tunnel *tunnel)
{
    static const unsigned int sizes[] = { 512, 1024, 2048, 4096 };
    for (unsigned char code = 0; code < sizeof sizes / sizeof sizes[0]; code++) {
        if (sizes[code] == tunnel->settings.fragment) {
            return mbedtls_ssl_conf_max_frag_len(&tunnel->config, (unsigned char)(code + 1));
        }
    }
    return tunnel->settings.fragment == 0 ? 0 : MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
}

static int add_credentials(struct tunnel *tunnel)
{
    const struct tunnel_settings *settings = &tunnel->settings;
    if (settings->identity != NULL) {
        return mbedtls_ssl_conf_psk(&tunnel->config, settings->psk, settings->psk_len,
                                    (const uint8_t *)settings->identity,
                                    strlen(settings->identity));
    }
    int err = mbedtls_x509_crt_parse_file(&tunnel->chain, settings->cert_file);
    err = err != 0 ? err : read_key(tunnel);
    err = err != 0 ? err : mbedtls_x509_crt_parse_file(&tunnel->authorities, settings->ca_file);
    if (err != 0) {
        return err;
    }
    mbedtls_ssl_conf_ca_chain(&tunnel->config, &tunnel->authorities, NULL);
    return mbedtls_ssl_conf_own_cert(&tunnel->config, &tunnel->chain, &tunnel->key);
}

static int configure(struct tunnel *tunnel)
{
    static const char *const usual[] = { "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8",
                                         "TLS-PSK-WITH-AES-128-CCM-8" };
    const struct tunnel_settings *settings = &tunnel->settings;
    mbedtls_ssl_config *config = &tunnel->config;
    int err =
        mbedtls_ctr_drbg_seed(&tunnel->random, mbedtls_entropy_func, &tunnel->entropy, NULL, 0);
    err = err != 0 ? err
                   : mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT);
    if (err != 0) {
        return err;
    }
    want_1_2(config);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &tunnel->random);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_handshake_timeout(config, RETRANSMIT_MIN_MS, RETRANSMIT_MAX_MS);
#if HAS_CONNECTION_ID
    err = mbedtls_ssl_conf_cid(config, 0, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE);
#endif
    err = err != 0
              ? err
              : add_suites(tunnel, settings->suites != NULL ? settings->suites
                                                            : usual[settings->identity != NULL]);
    err = err != 0 ? err : add_credentials(tunnel);
    err = err != 0 ? err : limit_records(tunnel);
    err = err != 0 ? err : mbedtls_ssl_setup(&tunnel->ssl, config);
    /* A LwM2M server is known by its authority; it need not have a name. */
    return err != 0 ? err : mbedtls_ssl_set_hostname(&tunnel->ssl, NULL);
}

static void watch(const struct tunnel *tunnel, int descriptor)
{
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(tunnel->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        abort();
    }
}

static int open_outer(const struct tunnel *tunnel, uint16_t port)
{
    struct sockaddr_storage local = { .ss_family = tunnel->server.ss_family };
    int outer = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (local.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&local)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)&local)->sin_port = htons(port);
    }
    if (outer < 0 || bind(outer, (struct sockaddr *)&local, tunnel->server_len) != 0 ||
        connect(outer, (const struct sockaddr *)&tunnel->server, tunnel->server_len) != 0) {
        int err = -errno;
        if (outer >= 0) {
            close(outer);
        }
        return err;
    }
    watch(tunnel, outer);
    return outer;
}

static int open_inner(void)
{
    struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int inner = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (inner >= 0 && bind(inner, (struct sockaddr *)&local, sizeof local) != 0) {
        close(inner);
        return -1;
    }
    return inner;
}

static int open_descriptors(struct tunnel *tunnel, uint16_t port)
{
    tunnel->epoll = epoll_create1(EPOLL_CLOEXEC);
    tunnel->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    tunnel->inner = open_inner();
    if (tunnel->epoll < 0 || tunnel->timer < 0 || tunnel->inner < 0) {
        return -errno;
    }
    tunnel->outer = open_outer(tunnel, port);
    if (tunnel->outer < 0) {
        return tunnel->outer;
    }
    watch(tunnel, tunnel->timer);
    watch(tunnel, tunnel->inner);
    return 0;
}

int tunnel_open(struct tunnel **out, const struct sockaddr *server, socklen_t server_len,
                uint16_t port, const struct tunnel_settings *settings)
{
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    if (tunnel == NULL) {
        return -ENOMEM;
    }
#if defined(MBEDTLS_PSA_CRYPTO_C)
    if (psa_crypto_init() != PSA_SUCCESS) {
        free(tunnel);
        return -EIO;
    }
#endif
    tunnel->settings = *settings;
    tunnel->inner = tunnel->outer = tunnel->timer = tunnel->epoll = -1;
    memcpy(&tunnel->server, server, server_len);
    tunnel->server_len = server_len;
    mbedtls_entropy_init(&tunnel->entropy);
    mbedtls_ctr_drbg_init(&tunnel->random);
    mbedtls_x509_crt_init(&tunnel->chain);
    mbedtls_x509_crt_init(&tunnel->authorities);
    mbedtls_pk_init(&tunnel->key);
    mbedtls_ssl_config_init(&tunnel->config);
    mbedtls_ssl_init(&tunnel->ssl);
    int err = open_descriptors(tunnel, port);
    int fault = err == 0 ? configure(tunnel) : 0;
    if (fault != 0) {
        char reason[128];
        mbedtls_strerror(fault, reason, sizeof reason);
        fprintf(stderr, "lwm2m-sim: DTLS: %s\n", reason);
        err = -EINVAL;
    }
    if (err != 0) {
        tunnel_close(tunnel);
        return err;
    }
    mbedtls_ssl_set_bio(&tunnel->ssl, tunnel, send_outside, receive_outside, NULL);
    mbedtls_ssl_set_timer_cb(&tunnel->ssl, tunnel, set_timer, get_timer);
    *out = tunnel;
    return 0;
}

static void close_descriptor(int descriptor)
{
    if (descriptor >= 0) {
        close(descriptor);
    }
}

void tunnel_close(struct tunnel *tunnel)
{
    if (tunnel == NULL) {
        return;
    }
    close_descriptor(tunnel->inner);
    close_descriptor(tunnel->outer);
    close_descriptor(tunnel->timer);
    close_descriptor(tunnel->epoll);
    mbedtls_ssl_free(&tunnel->ssl);
    mbedtls_ssl_config_free(&tunnel->config);
    mbedtls_pk_free(&tunnel->key);
    mbedtls_x509_crt_free(&tunnel->authorities);
    mbedtls_x509_crt_free(&tunnel->chain);
    mbedtls_ctr_drbg_free(&tunnel->random);
    mbedtls_entropy_free(&tunnel->entropy);
    free(tunnel);
}

static uint16_t port_of(int descriptor)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = sizeof address;
    getsockname(descriptor, (struct sockaddr *)&address, &size);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

uint16_t tunnel_inner_port(const struct tunnel *tunnel)
{
    return port_of(tunnel->inner);
}

uint16_t tunnel_outer_port(const struct tunnel *tunnel)
{
    return port_of(tunnel->outer);
}

int tunnel_descriptor(const struct tunnel *tunnel)
{
    return tunnel->epoll;
}

void tunnel_move(struct tunnel *tunnel)
{
    int outer = open_outer(tunnel, 0);
    if (outer < 0) {
        say(tunnel, "not moved: %s", strerror(-outer));
        return;
    }
    close(tunnel->outer);
    tunnel->outer = outer;
    say(tunnel, "moved port=%u", tunnel_outer_port(tunnel));
}
