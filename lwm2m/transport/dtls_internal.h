/*
 * What the files of the DTLS engine share. How a record travels:
 *
 *   dtls.c            splits the datagram into records and finds whose each is
 *   dtls_front.c      ClientHellos without a valid cookie: answered from nothing (RFC 6347, 4.2.1)
 *   dtls_handshake.c  handshakes under way, by address; a complete one becomes a session
 *   dtls_sessions.c   the tables of sessions: by number, address and identity
 *   dtls_session.c    a session: it holds all that it takes to go on, and perhaps a context, which
 * is no more than a cache of that dtls_live.c       the few contexts, least recently used first out
 *   dtls_context.c    one context of mbedtls: step, read, write
 *   dtls_parked.c     a session made into a context, and what a context knows put into the session
 *   dtls_peer.c       who the peer of a complete handshake is
 *   dtls_credentials.c, dtls_suites.c  keys, certificates, suites
 *   dtls_stored.c     sessions as bytes
 */
#pragma once

#include "lwm2m/timers/timers.h"
#include "lwm2m/transport/dtls.h"
#include "lwm2m/transport/dtls_table.h"

#include <sys/queue.h>

struct dtls_context;
struct dtls_credentials;
struct dtls_random;

/* Content types (RFC 5246, 6.2.1; RFC 9146, 4). */
enum {
    DTLS_CHANGE_CIPHER_SPEC = 20,
    DTLS_ALERT = 21,
    DTLS_HANDSHAKE = 22,
    DTLS_APPLICATION_DATA = 23,
    DTLS_WITH_CID = 25,
};

#define DTLS_HEADER_LEN 13
#define DTLS_RANDOM_LEN 32
#define DTLS_CID_LEN    8 /* of those that we give out: number of the session, check value */
#define DTLS_CID_MAX    32

#define DTLS_NUMBER_END (UINT64_C(1) << 48) /* record numbers are below (RFC 6347, 4.1) */

/* One record of a datagram; points into it. */
struct dtls_record {
    const uint8_t *bytes;
    size_t len;        /* with the header */
    size_t header_len; /* with the Connection ID */
    uint8_t type;
    uint16_t epoch;
    uint64_t number;
    const uint8_t *cid; /* DTLS_CID_LEN bytes, or NULL */
};

/* Our last flight of a handshake, as it was sent (RFC 6347, 4.2.4). */
struct dtls_flight {
    size_t len;
    uint8_t bytes[];
};

/* An established session. The members up to `tail` that are not tables are its parked form. */
struct dtls_session {
    struct dtls_link by_number, by_address, by_identity;
    struct dtls_context *context; /* NULL: parked */
    struct dtls_flight *flight;   /* what the peer may have lost, or NULL */
    uint64_t out_next;            /* number of the next record to send */
    uint64_t out_limit;           /* the first that must not be sent now */
    uint64_t in_top, in_window;   /* replay window (RFC 6347, 4.1.2.6) */
    uint32_t out_pending;         /* what out_limit grows by when the last export is on the disk */
    uint32_t in_since_export;
    uint32_t last_used_s;
    uint32_t cid_check; /* second half of our Connection ID */
    struct transport_route route;
    uint16_t suite;
    uint16_t names_len;
    uint8_t kind; /* enum transport_dtls_kind */
    uint8_t encrypt_then_mac;
    uint8_t mfl_code; /* RFC 6066, 4 */
    uint8_t peer_cid_len;
    uint8_t identity_len;
    bool cid : 1;      /* the peer's records carry our Connection ID */
    bool shared : 1;   /* the identity is that of several devices */
    bool exported : 1; /* there may be a stored form: out_limit counts */
    bool told : 1;     /* `changed` was raised since the last export */
    bool spoke : 1;    /* the peer has sent data: it has our last flight */
    uint8_t master[48];
    uint8_t randoms[2 * DTLS_RANDOM_LEN]; /* the server's, the client's */
    uint8_t tail[]; /* peer's Connection ID; PSK identity, or fingerprint of the certificate; names:
                       common name with NUL, dNSNames with NULs */
};

#define DTLS_FINGERPRINT_LEN 32
#define DTLS_TAIL_MAX        (DTLS_CID_MAX + TRANSPORT_DTLS_IDENTITY_MAX + TRANSPORT_DTLS_NAMES_MAX)

/* A handshake under way. */
struct dtls_handshake {
    struct dtls_link by_address;
    TAILQ_ENTRY(dtls_handshake) by_age;
    struct dtls_context *context;
    struct lwm2m_timer deadline;
    struct transport_route route; /* session: the number that it will have */
    uint32_t cid_check;
    uint16_t source; /* index into transport_dtls.sources */
    uint8_t client_random[DTLS_RANDOM_LEN];
    bool has_keys; /* master and randoms are set */
    uint8_t master[48];
    uint8_t randoms[2 * DTLS_RANDOM_LEN];
    uint8_t identity[TRANSPORT_DTLS_IDENTITY_MAX]; /* PSK; identity_len 0: none was named */
    uint8_t identity_len;
    struct transport_dtls_key key;
};

TAILQ_HEAD(dtls_contexts, dtls_context);
TAILQ_HEAD(dtls_handshakes, dtls_handshake);

#define DTLS_SOURCES 1024 /* counters of half-open handshakes per source; a power of two */

struct transport_dtls {
    struct transport_dtls_settings settings;
    struct transport_dtls_events events;
    void *ctx;
    uint64_t now_ms;
    struct lwm2m_timers *timers;
    struct transport_dtls_counters counters;
    struct dtls_random *random;

    struct dtls_table by_number, by_address, by_identity; /* sessions */
    uint64_t table_key[2];
    uint32_t next_session;

    struct dtls_contexts live; /* of sessions, the one used last first */
    size_t live_len;
    struct dtls_credentials *resumption; /* a configuration to load sessions with; never replaced */

    struct dtls_credentials *credentials; /* for handshakes; NULL: none */
    struct dtls_table handshakes;         /* by address */
    struct dtls_handshakes by_age;        /* the oldest first */
    uint16_t sources[DTLS_SOURCES];
    struct dtls_handshake *driving; /* whose keys are exported now */
    uint8_t unknown_key[16];        /* stands in for the key of an identity that nobody knows */

    uint64_t cookie_key[2];
    uint64_t alert_tokens_at_ms; /* token bucket: when it was filled last, and */
    uint32_t alert_tokens;       /* … with how many */
    bool alerted;                /* one for the datagram at hand */

    uint8_t plain[TRANSPORT_DTLS_DATAGRAM_MAX];
};

/* ---- addresses (dtls.c) ---- */

/** Hash of a peer's address and the listener; for tables. */
uint64_t dtls_address_hash(const struct transport_dtls *dtls, const struct transport_route *route);
bool dtls_address_equal(const struct transport_route *a, const struct transport_route *b);

/* ---- records that belong to nobody (dtls_front.c) ---- */

/** Reads the header of the first record; false when the rest of the datagram is not DTLS 1.2. */
bool dtls_record_read(const uint8_t *bytes, size_t len, bool cids, struct dtls_record *record);

/**
 * Judges a record of epoch 0 that begins with a ClientHello: answers it with a HelloVerifyRequest
 * when its cookie is not ours for this address, random and time.
 *
 * @param[out] random  points into the record
 * @return whether the cookie is valid
 */
bool dtls_front_hello(struct transport_dtls *dtls, const struct transport_route *route,
                      const struct dtls_record *record, const uint8_t **random);

/** A record of a later epoch that no session knows. */
void dtls_front_unknown(struct transport_dtls *dtls, const struct transport_route *route,
                        const struct dtls_record *record);

/* ---- handshakes (dtls_handshake.c) ---- */

struct dtls_handshake *dtls_handshake_find(const struct transport_dtls *dtls,
                                           const struct transport_route *route);

/** A ClientHello with a valid cookie: begins a handshake, or goes to the one that it began. */
void dtls_handshake_hello(struct transport_dtls *dtls, const struct transport_route *route,
                          const struct dtls_record *record, const uint8_t *random);

/** Whether a Connection ID is the one that the handshake offered. */
bool dtls_handshake_has_cid(const struct dtls_handshake *handshake,
                            const uint8_t cid[DTLS_CID_LEN]);

void dtls_handshake_record(struct transport_dtls *dtls, struct dtls_handshake *handshake,
                           const struct dtls_record *record);

/** The retransmission timer of its context rang. */
void dtls_handshake_step(struct transport_dtls *dtls, struct dtls_handshake *handshake);

void dtls_handshake_drop(struct transport_dtls *dtls, struct dtls_handshake *handshake);

/** The key of an identity, asked for by mbedtls in the midst of a step. Never fails: an identity
 * that nobody knows gets a key that nobody has. */
void dtls_handshake_find_key(struct dtls_handshake *handshake, struct transport_dtls *dtls,
                             const uint8_t *identity, size_t len);

/* ---- sessions (dtls_sessions.c, dtls_session.c) ---- */

struct dtls_session *dtls_session_find(const struct transport_dtls *dtls, uint32_t number);
struct dtls_session *dtls_session_at(const struct transport_dtls *dtls,
                                     const struct transport_route *route);
/** Whether any session, with a Connection ID or without, is at an address. */
bool dtls_session_lives_at(const struct transport_dtls *dtls, const struct transport_route *route);
struct dtls_session *dtls_session_of_cid(const struct transport_dtls *dtls, const uint8_t *cid);
struct dtls_session *dtls_session_of_identity(const struct transport_dtls *dtls,
                                              const struct dtls_session *like);

/** Puts it into the tables, which own it then. */
void dtls_session_add(struct transport_dtls *dtls, struct dtls_session *session);

/** Takes it out of the tables and gives its context back; the session stays, to be freed. */
void dtls_session_detach(struct transport_dtls *dtls, struct dtls_session *session);
void dtls_session_free(struct dtls_session *session);

/** Detaches, reports and frees. */
void dtls_session_close(struct transport_dtls *dtls, struct dtls_session *session,
                        enum transport_dtls_reason reason);

/** Makes room for one more session when the table is full. */
void dtls_session_make_room(struct transport_dtls *dtls);

void dtls_session_record(struct transport_dtls *dtls, struct dtls_session *session,
                         const struct transport_route *route, const struct dtls_record *record);

/** Raises `changed`, once. The callback may close the session. */
void dtls_session_changed(struct transport_dtls *dtls, struct dtls_session *session);

void dtls_session_describe(const struct dtls_session *session, struct transport_dtls_info *info);

static inline struct dtls_session *dtls_session_by_number(struct dtls_link *link)
{
    return (struct dtls_session *)((char *)link - offsetof(struct dtls_session, by_number));
}

static inline const uint8_t *dtls_session_identity(const struct dtls_session *session)
{
    return session->tail + session->peer_cid_len;
}

/** A number that no session has; counts on. */
uint32_t dtls_session_number(struct transport_dtls *dtls);

/* ---- live contexts (dtls_live.c) ---- */

/** The context of a session, made now if it is parked, and then the next to be parked again unless
 *  the session is touched; NULL when memory is short. */
struct dtls_context *dtls_live_get(struct transport_dtls *dtls, struct dtls_session *session);

/** Takes the context of a handshake that became a session. */
void dtls_live_adopt(struct transport_dtls *dtls, struct dtls_session *session,
                     struct dtls_context *context);

/** The session spoke: it is the last to be parked. */
void dtls_live_touch(struct transport_dtls *dtls, struct dtls_session *session);

/** Gives the context back, if there is one. */
void dtls_live_park(struct transport_dtls *dtls, struct dtls_session *session);

/* ---- contexts (dtls_context.c) ---- */

/* What a step, a read or a write came to. */
enum dtls_outcome {
    DTLS_DONE,    /* step: complete; read: data; write: sent */
    DTLS_WAITS,   /* for another record or a timer */
    DTLS_FATAL,   /* the peer said so */
    DTLS_GOODBYE, /* close_notify */
    DTLS_BROKEN,
};

/** @param credentials  one more user of them; NULL when memory is short */
struct dtls_context *dtls_context_new(struct transport_dtls *dtls,
                                      struct dtls_credentials *credentials);
void dtls_context_free(struct dtls_context *context);

/** Makes a loaded one fit to be loaded again. @return 0, -ENOMEM */
[[nodiscard]] int dtls_context_reset(struct dtls_context *context);

/** Whether it is one that sessions are loaded into. */
bool dtls_context_is_loaded(const struct dtls_context *context);

/** Whether its handshake began with these. */
bool dtls_context_has_credentials(const struct dtls_context *context,
                                  const struct dtls_credentials *credentials);

/** Exactly one of the two is set. */
void dtls_context_set_owner(struct dtls_context *context, struct dtls_handshake *handshake,
                            struct dtls_session *session);
struct dtls_session *dtls_context_session(const struct dtls_context *context);

/** Offers our Connection ID in the handshake; nothing where mbedtls has none. */
[[nodiscard]] int dtls_context_offer_cid(struct dtls_context *context,
                                         const uint8_t cid[DTLS_CID_LEN]);

enum dtls_outcome dtls_context_step(struct dtls_context *context, const struct dtls_record *record);

/** Why the last step of a handshake ended it; plain English, static. */
const char *dtls_context_fault(const struct dtls_context *context);

/** @param[out] len  bytes of data in dtls->plain */
enum dtls_outcome dtls_context_read(struct dtls_context *context, const struct dtls_record *record,
                                    size_t *len);
enum dtls_outcome dtls_context_write(struct dtls_context *context, const uint8_t *data, size_t len);

/** Our last flight, for when the context is gone; NULL when memory is short, or for a loaded one.
 */
struct dtls_flight *dtls_context_flight(const struct dtls_context *context);

/** close_notify, or a fatal access_denied. */
void dtls_context_say_goodbye(struct dtls_context *context);
void dtls_context_deny(struct dtls_context *context);

/** Links of the list of live contexts; the last is the next to be parked. */
void dtls_context_enlist(struct dtls_contexts *list, struct dtls_context *context, bool first);
void dtls_context_delist(struct dtls_contexts *list, struct dtls_context *context);
struct dtls_context *dtls_context_last(struct dtls_contexts *list);

/* ---- peers (dtls_peer.c) ---- */

/**
 * The session that a complete handshake makes: keys, kind, identity, names. Not in any table yet.
 *
 * @return NULL when memory is short
 */
struct dtls_session *dtls_peer_session(struct dtls_context *context);

/* ---- parked sessions (dtls_parked.c) ---- */

/** Makes a new or reset context into that of the session. @return 0, -ENOMEM, -EIO */
[[nodiscard]] int dtls_parked_load(struct dtls_context *context,
                                   const struct dtls_session *session);

/** Makes a session up and loads it: whether this mbedtls reads what we write. @return 0, -ENOTSUP,
 *  -ENOMEM */
[[nodiscard]] int dtls_parked_prove(struct transport_dtls *dtls);

/** Puts the numbers of a context into its session. */
void dtls_parked_pull(const struct dtls_context *context, struct dtls_session *session);

/** Bytes of application data in one record of a session. */
size_t dtls_parked_payload_max(const struct dtls_session *session, size_t mtu);

/* ---- credentials and suites (dtls_credentials.c) ---- */

enum { DTLS_SUITE_PSK = 1, DTLS_SUITE_CERTIFICATE = 2 };

struct dtls_suite {
    const char *name;
    uint16_t id;
    uint8_t credential;
    uint8_t overhead; /* bytes that a record grows by at the most, without its header */
    bool by_default;
};

/** NULL when the suite is not ours, or not in this mbedtls. */
const struct dtls_suite *dtls_suite_find(uint16_t id);
const struct dtls_suite *dtls_suite_named(const char *name);

/** With neither certificate nor PSK: to load sessions with. */
[[nodiscard]] int dtls_credentials_new(struct transport_dtls *dtls,
                                       const struct transport_dtls_credentials *from,
                                       const char **fault, struct dtls_credentials **credentials);
bool dtls_credentials_have_psk(const struct dtls_credentials *credentials);
void dtls_credentials_unref(struct dtls_credentials *credentials);

[[nodiscard]] int dtls_random_new(struct dtls_random **random);
void dtls_random_free(struct dtls_random *random);
[[nodiscard]] int dtls_random_fill(struct dtls_random *random, void *bytes, size_t len);

/** Overwrites a secret, whatever the compiler thinks of it. */
void dtls_forget(void *bytes, size_t len);
