/*
 * A DTLS engine and devices that are mbedtls clients, joined by a network in memory with a fake
 * clock. The network loses, doubles, holds back and shortens datagrams as a test says.
 */
#pragma once

#include "lwm2m/transport/dtls.h"

/* Tests look into contexts of their own clients. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <stdbool.h>
#include <stdint.h>

struct world;

#define WORLD_CLIENTS   512
#define WORLD_DATAGRAMS 256
#define WORLD_EVENTS    256

struct world_datagram {
    struct transport_route route; /* the client's address */
    bool to_server;
    size_t len;
    uint8_t data[4096];
};

/* What became of it is up to the test: true passes it on (perhaps changed). */
typedef bool world_filter(struct world *world, struct world_datagram *datagram);

struct client {
    struct world *world;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca, certificate;
    mbedtls_pk_context key;
    int suites[2];
    struct transport_route route;
    bool used, established;
    bool deaf;  /* datagrams to its address go to another client there */
    int result; /* of the last step or read; 0 or a code of mbedtls */
    uint64_t intermediate_ms, final_ms;
    bool timing;
    const struct world_datagram *inbox; /* what it reads next, once */
    uint8_t received[2048];
    size_t received_len;
    unsigned received_count;
};

struct world_event {
    enum { EVENT_ESTABLISHED = 1, EVENT_CLOSED, EVENT_CHANGED, EVENT_RECEIVED } what;
    uint32_t session;
    enum transport_dtls_reason reason;
    struct transport_route route;
    enum transport_dtls_kind kind;
    char name[TRANSPORT_DTLS_NAMES_MAX]; /* identity or common name */
    char dns_names[TRANSPORT_DTLS_NAMES_MAX];
    char suite[64];
    uint8_t data[2048];
    size_t len;
};

struct world {
    struct transport_dtls *dtls;
    struct transport_dtls_events callbacks;
    uint64_t now_ms;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    struct client clients[WORLD_CLIENTS];
    struct world_datagram *datagrams; /* of WORLD_DATAGRAMS */
    size_t first, len;
    world_filter *filter;
    unsigned seen;  /* datagrams that came by the filter */
    unsigned spent; /* for the filter's own use */
    struct world_event events[WORLD_EVENTS];
    size_t events_len; /* the last of them wins when there are more */
    size_t echo;       /* answer what is received with the same */
    int close_in;      /* the callback of this event closes its session */
    bool export_on_change;
    uint8_t exported[TRANSPORT_DTLS_EXPORT_MAX];
    int exported_len;
    unsigned keys_asked;
    const char *fault; /* of the last handshake that failed */
    size_t sent_bytes, sent_datagrams, longest_sent;
    uint16_t last_port; /* each client has its own */
    unsigned strangers; /* devices that world_park_all() made */
};

/** What a client shows; NULL members: not used. */
struct client_setup {
    const char *suite;       /* IANA name; NULL: all that mbedtls has */
    const char *identity;    /* PSK */
    const char *key;         /* NULL: that of the identity */
    const char *certificate; /* file of test/vectors */
    bool cid;
    uint8_t mfl_code;
};

struct world *world_new(const struct transport_dtls_settings *settings);
void world_free(struct world *world);

/** A second engine instead of the first one, which is gone; sessions are not taken over. */
void world_restart(struct world *world, const struct transport_dtls_settings *settings);

/** PSK (identities that begin with "unknown" have no key, "fleeting" has one for a moment,
 * "longkey" one that is too long, those that begin with "shared" are of several devices) and the
 * certificates of test/vectors, with CA and revocation list. */
void world_set_credentials(struct world *world);

struct client *world_client(struct world *world, const struct client_setup *setup);
void world_remove(struct client *client);

/** Lets a client begin its handshake, or go on with it. */
void client_step(struct client *client);

/** The whole handshake, time passing where it must; true when the client is content. */
bool client_connect(struct client *client);

void client_send(struct client *client, const char *text);

/** Sends a record as it stands, from the client's address. */
void client_send_raw(struct client *client, const uint8_t *bytes, size_t len);

/** Puts a datagram under way, past no filter but the next. */
void world_put(struct world *world, const struct world_datagram *datagram);

/** Delivers what is under way until nothing is; no time passes. */
void world_settle(struct world *world);
void world_advance(struct world *world, uint64_t ms);

size_t world_count(const struct world *world, int what);
const struct world_event *world_last(const struct world *world, int what);

/** Sends text to a session; returns what the engine says. */
int world_send(struct world *world, uint32_t session, const char *text);

/** So many new devices speak that no other session keeps its context. */
void world_park_all(struct world *world, unsigned live_max);

/** A connected PSK device, and the number of its session. */
struct client *world_device(struct world *world, const char *identity, uint32_t *session);
