/*
 * DTLS 1.2 for devices that sleep (RFC 6347, pre-shared keys and certificates; RFC 9146 where
 * mbedtls has it). Sans-I/O: datagrams and the time come in, datagrams, application data and events
 * go out by callback. One engine serves all listeners; no thread, no socket, no clock, no log.
 *
 * A session that rests is a few hundred bytes. mbedtls' contexts (33 KiB and more) exist for
 * handshakes and for the sessions that spoke last; a record that comes for another one makes its
 * bytes into a context again. The same bytes can be stored, and outlive the process.
 *
 * Callbacks may call transport_dtls_send, _close, _close_if, _export and the queries; they must not
 * free the engine nor hand it datagrams.
 */
#pragma once

#include "lwm2m/transport/route.h"

struct transport_dtls;

/* Bytes of the longest PSK identity and pre-shared key that are taken; both may be binary. */
#define TRANSPORT_DTLS_IDENTITY_MAX 128
#define TRANSPORT_DTLS_KEY_MAX      64

/* Bytes that the names of a certificate may have together; of a longer list the rest is left out.
 */
#define TRANSPORT_DTLS_NAMES_MAX 512

/* Bytes of the longest exported session. */
#define TRANSPORT_DTLS_EXPORT_MAX 1024

/* Bytes of the longest datagram that is read. */
#define TRANSPORT_DTLS_DATAGRAM_MAX 8192

enum transport_dtls_kind {
    TRANSPORT_DTLS_PSK,
    TRANSPORT_DTLS_CERTIFICATE,
    TRANSPORT_DTLS_ANONYMOUS, /* we showed a certificate and asked for none: no CA is set */
};

enum transport_dtls_reason {
    TRANSPORT_DTLS_CLOSED,   /* transport_dtls_close(), _close_if() */
    TRANSPORT_DTLS_BY_PEER,  /* close_notify or a fatal alert, authenticated */
    TRANSPORT_DTLS_REPLACED, /* the same identity, or another at its address, completed a handshake
                              */
    TRANSPORT_DTLS_EVICTED,  /* the table is full: it was (about) the longest unused */
    TRANSPORT_DTLS_BROKEN,   /* the peer sent what the protocol forbids, authenticated */
};

/** What is known of a session; everything it points at is borrowed for the call. */
struct transport_dtls_info {
    struct transport_route route; /* its address now; route.session is its number, never 0 */
    enum transport_dtls_kind kind;
    const char *suite;       /* IANA name */
    const uint8_t *identity; /* PSK; else NULL */
    size_t identity_len;
    const char *common_name;    /* certificate; else "". Without control characters or NUL */
    const char *dns_names;      /* SAN dNSNames, each with its NUL, one behind the other */
    size_t dns_names_len;       /* bytes with the NULs; 0: none */
    const uint8_t *fingerprint; /* SHA-256 of the certificate (32 bytes); else NULL */
    bool connection_id;         /* the session survives a change of address */
    bool changed;               /* its stored form, if any, is out of date */
};

/** A pre-shared key as the caller knows it. */
struct transport_dtls_key {
    uint8_t bytes[TRANSPORT_DTLS_KEY_MAX];
    size_t len;
    bool shared; /* several devices use it: a handshake then replaces only what is at its address */
};

struct transport_dtls_events {
    /** An encrypted datagram to send; `data` is borrowed. */
    void (*send)(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len);

    /** Decrypted application data; route.session is set, `data` is borrowed and may be changed. */
    void (*receive)(void *ctx, const struct transport_route *route, uint8_t *data, size_t len);

    /** A handshake is complete. A session that it replaces is reported closed right after. */
    void (*established)(void *ctx, const struct transport_dtls_info *info);

    /**
     * A handshake came to nothing. `identity` is the one that it named, NULL when it named none;
     * `reason` is plain English about the device, static. An unknown identity ends like a wrong
     * key. May be NULL.
     */
    void (*failed)(void *ctx, const struct transport_route *route, const uint8_t *identity,
                   size_t len, const char *reason);

    /** The session is gone; its number comes back only after 2^32 handshakes, if ever. */
    void (*closed)(void *ctx, const struct transport_dtls_info *info,
                   enum transport_dtls_reason reason);

    /**
     * The stored form is out of date: it is new, has a new address, or has used up half of what its
     * last export reserved (or as many records came in). Export it soon; raised once until then.
     * NULL when nothing is stored.
     */
    void (*changed)(void *ctx, uint32_t session);

    /**
     * The key of an identity (1 to TRANSPORT_DTLS_IDENTITY_MAX bytes). Called when a handshake
     * names it and again when that is complete: a key that is gone or another by then refuses it.
     * An unknown identity is answered like a wrong key (RFC 4279, 2): the time must not tell
     * either.
     *
     * @return 0, or -ENOENT
     */
    int (*find_key)(void *ctx, const uint8_t *identity, size_t len, struct transport_dtls_key *key);
};

struct transport_dtls_settings {
    size_t sessions_max;        /* established sessions; 1 or more */
    size_t live_max;            /* of them with an mbedtls context (33 KiB); 1 or more */
    size_t half_open_max;       /* handshakes under way (33 to 100 KiB each); 1 or more */
    uint32_t handshake_ms;      /* a handshake must be complete by then */
    uint32_t retransmit_min_ms; /* of a flight, doubles (RFC 6347, 4.2.4.1) until it would be */
    uint32_t retransmit_max_ms; /* more than this; then the handshake fails */
    size_t mtu;                 /* bytes of the longest UDP payload sent; 256 to 8192 */
    uint32_t reserve;       /* records that a session may send beyond its stored form, to 2^24; 0:
                               sessions are not stored, nothing is held back */
    uint32_t run;           /* number of this start of the program, in the store before anything is
                               imported: above that of every start before (a counter, not the clock, which
                               is set back at times); 0: unknown, see transport_dtls_import() */
    uint32_t alerts_per_s;  /* unencrypted alerts for records that nobody knows, all together */
    uint32_t first_session; /* numbers count up from here; 0: from 1. See _next_session() */
    bool connection_id;     /* offer Connection IDs, where mbedtls has them */
};

/** Sensible values: 100 000 sessions, 64 live, 256 half open, 60 s, 1 to 60 s, mtu 1232, reserve
 * 256, 10 alerts/s, Connection IDs. */
extern const struct transport_dtls_settings transport_dtls_defaults;

/** Texts in PEM or DER; `len` without a terminator, `text` NULL: not given. Copied. */
struct transport_dtls_text {
    const void *text;
    size_t len;
};

struct transport_dtls_credentials {
    bool psk;                         /* find_key knows keys */
    struct transport_dtls_text chain; /* own certificate, then its issuers */
    struct transport_dtls_text key;   /* of the own certificate, without a passphrase */
    struct transport_dtls_text ca;  /* with it, clients must show a certificate from one of them */
    struct transport_dtls_text crl; /* revocation lists of these */
    const char *const *suites;      /* IANA names, most wanted first; NULL: the default ones */
    size_t suites_len;
};

/** Since the start; for metrics. */
struct transport_dtls_counters {
    uint64_t handshakes_completed;
    uint64_t handshakes_failed;  /* wrong key, bad certificate, deadline, what the client sent */
    uint64_t handshakes_refused; /* for want of room */
    uint64_t hello_verify;       /* HelloVerifyRequests sent */
    uint64_t garbage;            /* datagrams or records that are not DTLS 1.2; dropped */
    uint64_t unknown;            /* records that belong to no session */
    uint64_t bad_mac;            /* records for a session that did not authenticate */
    uint64_t replays;            /* … that came before, or are too old to tell */
    uint64_t loaded;             /* sessions made into a context */
    uint64_t parked;             /* contexts given up; the session stays */
    uint64_t alerts_sent;        /* for records that nobody knows */
    uint64_t alerts_suppressed;
    uint64_t addresses_changed; /* by Connection ID */
    uint64_t held_back;         /* sends refused until the session is exported anew */
};

/**
 * The default suites, most wanted first; those that this mbedtls lacks are left out.
 *
 * @param[out] names  the first `size` of them; static
 * @return how many there are
 */
size_t transport_dtls_suites(const char **names, size_t size);

/** Whether a suite can be configured: an IANA name ("TLS_PSK_WITH_AES_128_CCM_8") of DTLS 1.2 with
 *  PSK or a certificate that this mbedtls has. */
bool transport_dtls_suite_known(const char *name);

/** Bytes of the longest pre-shared key that this mbedtls takes: 32 as Debian 12 builds it, 48 on
 * 13; never more than TRANSPORT_DTLS_KEY_MAX. A longer key fails like an unknown identity. */
size_t transport_dtls_key_max(void);

/** Whether this mbedtls has Connection IDs in the form of RFC 9146. */
bool transport_dtls_has_connection_id(void);

/**
 * An engine without credentials: it refuses every handshake until it has some.
 *
 * @param events  copied; `changed` may be NULL. @param ctx  handed to each of them
 * @return 0, -EINVAL (settings out of range), -ENOMEM, -EIO (no entropy), -ENOTSUP (an mbedtls
 * whose form of a session is unknown)
 */
[[nodiscard]] int transport_dtls_new(const struct transport_dtls_settings *settings,
                                     const struct transport_dtls_events *events, void *ctx,
                                     uint64_t now_ms, struct transport_dtls **dtls);

/** Sessions are forgotten without a word to anybody. Accepts NULL. */
void transport_dtls_free(struct transport_dtls *dtls);

/**
 * Sets or replaces the credentials, for handshakes to come; sessions stay. Handshakes under way
 * that rest on a certificate fail and are tried again by their clients.
 *
 * @param[out] fault  on failure what was wrong, in words without any secret; static
 * @return 0, -EBADMSG (a text is not what it should be, the key is of another certificate, an
 *         unknown suite), -EINVAL (key without chain, no suite left for these credentials),
 *         -ENOMEM; on failure the old ones stay
 */
[[nodiscard]] int
transport_dtls_set_credentials(struct transport_dtls *dtls,
                               const struct transport_dtls_credentials *credentials,
                               const char **fault);

/** Whether a session is at an address, as far as is known without decrypting anything. */
bool transport_dtls_knows(const struct transport_dtls *dtls, const struct transport_route *route);

/** Takes a datagram; `route` without a session. */
void transport_dtls_receive(struct transport_dtls *dtls, const struct transport_route *route,
                            const uint8_t *datagram, size_t len, uint64_t now_ms);

/**
 * Encrypts one record for the session route.session, and sends it to where that is now; the rest
 * of `route` is not looked at.
 *
 * @return 0, -ENOENT (no such session), -EMSGSIZE (longer than transport_dtls_payload_max()),
 *         -EAGAIN (what the last export reserved is used up: export, then send again), -ENOMEM
 */
[[nodiscard]] int transport_dtls_send(struct transport_dtls *dtls,
                                      const struct transport_route *route, const uint8_t *data,
                                      size_t len);

/** Bytes of application data that fit one record of a session: bounded by the path, and by what the
 *  device asked for (RFC 6066, 4). 0: no such session. */
size_t transport_dtls_payload_max(const struct transport_dtls *dtls, uint32_t session);

/** Retransmissions, deadlines of handshakes. */
void transport_dtls_run(struct transport_dtls *dtls, uint64_t now_ms);

/** When to call transport_dtls_run() next; LWM2M_TIMERS_NEVER when nothing waits. */
uint64_t transport_dtls_next_ms(const struct transport_dtls *dtls);

/** @return false when there is no such session */
bool transport_dtls_find(const struct transport_dtls *dtls, uint32_t session,
                         struct transport_dtls_info *info);

typedef void transport_dtls_visitor(void *ctx, const struct transport_dtls_info *info);
typedef bool transport_dtls_predicate(void *ctx, const struct transport_dtls_info *info);

/** Every session, in no order; the visitor may export, and nothing else. */
void transport_dtls_each(struct transport_dtls *dtls, transport_dtls_visitor *visit, void *ctx);

/** Says goodbye to the peer (close_notify) and forgets the session; an unknown number is ignored.
 */
void transport_dtls_close(struct transport_dtls *dtls, uint32_t session);

/** The same for all that `predicate` wants closed; returns how many. Walks through all sessions. */
size_t transport_dtls_close_if(struct transport_dtls *dtls, transport_dtls_predicate *predicate,
                               void *ctx);

size_t transport_dtls_sessions(const struct transport_dtls *dtls);
size_t transport_dtls_half_open(const struct transport_dtls *dtls);
const struct transport_dtls_counters *transport_dtls_counters(const struct transport_dtls *dtls);

/**
 * The number that the next session gets. What is kept over a restart and speaks of sessions should
 * keep this too (rounded up far enough) and start the next engine with it, so that no number of a
 * session that was lost meanwhile comes back with another peer behind it.
 */
uint32_t transport_dtls_next_session(const struct transport_dtls *dtls);

/**
 * The stored form of a session: its keys, so keep it where only the owner reads.
 *
 * It reserves the next `reserve` record numbers for this run of the program. Once there is a first
 * export, a session sends no more than what the last one that reached the disk reserves; `changed`
 * asks for the next one when half of it is used. So no number is ever used twice with the same key,
 * even when an older form is imported after a crash.
 *
 * Records that came in since the export are not known to it: after a crash each of them is taken a
 * second time if somebody repeats it. `changed` keeps them below `reserve` / 2 or so.
 *
 * @return its length, -ENOENT, -ENOSPC (`size` is too small; TRANSPORT_DTLS_EXPORT_MAX never is),
 *         -ENOTSUP (settings without a reserve)
 */
[[nodiscard]] int transport_dtls_export(struct transport_dtls *dtls, uint32_t session,
                                        uint8_t *bytes, size_t size);

/** The last export of a session is on the disk: it may use what that reserves. Unknown numbers are
 *  ignored. */
void transport_dtls_stored(struct transport_dtls *dtls, uint32_t session);

/** So many sessions are going to be imported: with room made at once that takes half the time. */
void transport_dtls_expect(struct transport_dtls *dtls, size_t sessions);

/**
 * Takes an exported session in again, under its old number. Each run of the program sends with
 * numbers of its own behind those of the export, so that the same form can be imported run after
 * run. Without settings.run, or with one that is not above that of the export, the session reads at
 * once but sends only after transport_dtls_export() and _stored(); `changed` is raised at the first
 * try.
 *
 * @param[out] session  its number; may be NULL
 * @return 0, -EBADMSG (damaged, or of an unknown version), -ENOTSUP (its suite is not in this
 *         mbedtls), -EEXIST (the number, identity or address is taken), -ENOSPC (table full),
 * -ENOMEM
 */
[[nodiscard]] int transport_dtls_import(struct transport_dtls *dtls, const uint8_t *bytes,
                                        size_t len, uint32_t *session);
