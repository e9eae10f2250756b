/*
 * bench-dtls: what mbedtls allows. A DTLS server for the fleet that finds a peer's session by
 * indexing an array with its address, keeps every context as it is, and answers each message with
 * the shortest one (acknowledge.h). The reference for handshakes and for messages over DTLS.
 */
#include "test/bench/acknowledge.h"
#include "test/bench/fleet.h"
#include "test/bench/random.h"
#include "test/bench/secure_key.h"
#include "test/bench/wire.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_cookie.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 64,
    SESSIONS = 1 << 20,
    FIRST_ADDRESS = 0x7f400000, /* as in wire.c */
    SOCKET_BUFFER = 4 << 20,
};

struct server;

struct session {
    mbedtls_ssl_context ssl;
    struct server *server;
    struct sockaddr_in peer;
    bool open;
};

struct datagram {
    struct sockaddr_in peer;
    size_t len;
    uint8_t data[WIRE_DATAGRAM_MAX];
};

struct server {
    int fd;
    struct random random;
    mbedtls_ssl_config config;
    mbedtls_ssl_cookie_ctx cookies;
    const struct datagram *at_hand; /* NULL: was read */
    unsigned queued;
    struct datagram in[BATCH];
    struct datagram out[BATCH];
    struct session *sessions[SESSIONS];
};

/* --- the socket --- */

static void flush(struct server *server)
{
    struct mmsghdr messages[BATCH] = { 0 };
    struct iovec parts[BATCH];
    for (unsigned i = 0; i < server->queued; i++) {
        parts[i] = (struct iovec){ server->out[i].data, server->out[i].len };
        messages[i].msg_hdr = (struct msghdr){ .msg_name = &server->out[i].peer,
                                               .msg_namelen = sizeof(server->out[i].peer),
                                               .msg_iov = &parts[i],
                                               .msg_iovlen = 1 };
    }
    for (unsigned sent = 0; sent < server->queued;) {
        int done = sendmmsg(server->fd, messages + sent, server->queued - sent, 0);
        sent += done > 0 ? (unsigned)done : 1;
    }
    server->queued = 0;
}

static int receive(struct server *server)
{
    struct mmsghdr messages[BATCH] = { 0 };
    struct iovec parts[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){ server->in[i].data, sizeof(server->in[i].data) };
        messages[i].msg_hdr = (struct msghdr){ .msg_name = &server->in[i].peer,
                                               .msg_namelen = sizeof(server->in[i].peer),
                                               .msg_iov = &parts[i],
                                               .msg_iovlen = 1 };
    }
    int count = recvmmsg(server->fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
        server->in[i].len = messages[i].msg_len;
    }
    return count;
}

/* --- what mbedtls asks for --- */

static int make_random(void *ctx, unsigned char *out, size_t len)
{
    struct server *server = ctx;
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)random_next(&server->random);
    }
    return 0;
}

static int find_key(void *ctx, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t len)
{
    char text[FLEET_ENDPOINT_MAX] = "";
    uint8_t key[SECURE_KEY_LEN];
    uint32_t index;
    (void)ctx;
    if (len >= sizeof(text)) {
        return -1;
    }
    memcpy(text, identity, len);
    if (sscanf(text, "bench-%7" SCNu32, &index) != 1) {
        return -1;
    }
    secure_key(index, key);
    return mbedtls_ssl_set_hs_psk(ssl, key, sizeof(key));
}

static int send_record(void *ctx, const unsigned char *data, size_t len)
{
    struct session *session = ctx;
    struct server *server = session->server;
    if (server->queued == BATCH) {
        flush(server);
    }
    struct datagram *datagram = &server->out[server->queued++];
    datagram->peer = session->peer;
    datagram->len = len < sizeof(datagram->data) ? len : sizeof(datagram->data);
    memcpy(datagram->data, data, datagram->len);
    return (int)len;
}

static int receive_record(void *ctx, unsigned char *data, size_t len)
{
    struct server *server = ((struct session *)ctx)->server;
    const struct datagram *datagram = server->at_hand;
    if (!datagram) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size_t taken = datagram->len < len ? datagram->len : len;
    memcpy(data, datagram->data, taken);
    server->at_hand = NULL;
    return (int)taken;
}

/* The fleet repeats what has no answer; nothing is repeated here. */
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

/* --- sessions --- */

static struct session *session_of(struct server *server, const struct sockaddr_in *peer)
{
    uint32_t index = ntohl(peer->sin_addr.s_addr) - FIRST_ADDRESS;
    if (index >= SESSIONS) {
        return NULL;
    }
    struct session *session = server->sessions[index];
    if (!session) {
        session = calloc(1, sizeof(*session));
        if (!session) {
            return NULL;
        }
        session->server = server;
        mbedtls_ssl_init(&session->ssl);
        if (mbedtls_ssl_setup(&session->ssl, &server->config)) {
            free(session);
            return NULL;
        }
        mbedtls_ssl_set_bio(&session->ssl, session, send_record, receive_record, NULL);
        mbedtls_ssl_set_timer_cb(&session->ssl, session, set_timer, get_timer);
        server->sessions[index] = session;
    }
    session->peer = *peer;
    return session;
}

static void shake(struct session *session)
{
    const struct sockaddr_in *peer = &session->peer;
    (void)mbedtls_ssl_set_client_transport_id(&session->ssl, (const unsigned char *)&peer->sin_addr,
                                              sizeof(peer->sin_addr));
    int result = mbedtls_ssl_handshake(&session->ssl);
    session->open = result == 0;
    if (result != 0 && result != MBEDTLS_ERR_SSL_WANT_READ) {
        (void)mbedtls_ssl_session_reset(&session->ssl); /* a cookie was asked for, or it failed */
    }
}

static void serve(struct server *server, const struct datagram *datagram)
{
    uint8_t message[WIRE_DATAGRAM_MAX];
    struct session *session = session_of(server, &datagram->peer);
    if (!session) {
        return;
    }
    server->at_hand = datagram;
    if (!session->open) {
        shake(session);
        return;
    }
    int len = mbedtls_ssl_read(&session->ssl, message, sizeof(message));
    size_t answer_len = len > 0 ? acknowledge(message, (size_t)len) : 0;
    if (answer_len > 0) {
        (void)mbedtls_ssl_write(&session->ssl, message, answer_len);
    } else if (len <= 0 && len != MBEDTLS_ERR_SSL_WANT_READ) {
        session->open = false;
        (void)mbedtls_ssl_session_reset(&session->ssl);
    }
}

/* --- the start --- */

static int open_socket(uint16_t *port)
{
    int size = SOCKET_BUFFER;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int set_up(struct server *server)
{
    static const int suites[] = { MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, 0 };
    mbedtls_ssl_config *config = &server->config;
    mbedtls_ssl_config_init(config);
    mbedtls_ssl_cookie_init(&server->cookies);
    int err = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config, make_random, server);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_psk_cb(config, find_key, server);
    err = err ? err : mbedtls_ssl_cookie_setup(&server->cookies, make_random, server);
    mbedtls_ssl_conf_dtls_cookies(config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &server->cookies);
    return err;
}

int main(void)
{
    uint16_t port = 0;
    struct server *server = calloc(1, sizeof(*server));
    if (!server || set_up(server) || (server->fd = open_socket(&port)) < 0) {
        fputs("bench-dtls: cannot start\n", stderr);
        return 1;
    }
    server->random = random_of(2);
    printf("port %u\n", (unsigned)port);
    fflush(stdout);
    for (;;) {
        int count = receive(server);
        for (int i = 0; i < count; i++) {
            serve(server, &server->in[i]);
        }
        flush(server);
    }
}
