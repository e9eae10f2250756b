/*
 * The dtls listeners: what stands between their sockets and the LwM2M server.
 *
 *   socket -> secure_listeners_receive -> lwm2m/transport/dtls.h -> `receive` (plain CoAP)
 *   lwm2m/ -> secure_listeners_send -> lwm2m/transport/dtls.h -> `send` -> socket
 *
 * It keeps the credentials (security_files.h), answers who may speak for which endpoint
 * (identity.h), and changes the credentials while sessions go on.
 */
#pragma once

#include "lwm2m/transport/dtls.h"

struct config;
struct config_error;
struct log;
struct lwm2m_device;
struct lwm2m_server;
struct secure_listeners;
struct session_journal;

struct secure_listeners_settings {
    const struct config *config;     /* borrowed for the call of _new */
    struct log *log;                 /* NULL: only to check the files */
    uint64_t hash_key[2];            /* random */
    struct session_journal *journal; /* borrowed; NULL: sessions end with the process */
    void *ctx;
    /** An encrypted datagram for the socket of route->listener; borrowed. */
    void (*send)(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len);
    /** What a device said; route->session is its session. */
    void (*receive)(void *ctx, const struct transport_route *route, uint8_t *data, size_t len);
    /** The identity that stands for this endpoint alone made a new session. */
    void (*established)(void *ctx, const struct transport_route *route, const char *endpoint);
};

/** Whether a configuration has a dtls listener. */
bool secure_listeners_wanted(const struct config *config);

/**
 * Reads the credentials and sets the engine up; without a dtls listener there is nothing to do and
 * the result is NULL, which all other functions accept.
 *
 * @param[out] error  what is wrong with the files
 * @return 0, -EBADMSG and other errors of security_files_load(), -EINVAL, -ENOMEM, -EIO
 */
[[nodiscard]] int secure_listeners_new(const struct secure_listeners_settings *settings,
                                       uint64_t now_ms, struct secure_listeners **listeners,
                                       struct config_error *error);
void secure_listeners_free(struct secure_listeners *listeners);

/** Whether a session is at the address of a datagram. */
bool secure_listeners_know(const struct secure_listeners *listeners,
                           const struct transport_route *route);

/** Takes the stored sessions back. @return 0, or as session_journal_restore() */
[[nodiscard]] int secure_listeners_restore(struct secure_listeners *listeners);

/** After the registrations came back too: what an identity stood for that is gone meanwhile ends.
 */
void secure_listeners_check_restored(struct secure_listeners *listeners,
                                     struct lwm2m_server *server, uint64_t now_ms);

/** A datagram from a dtls listener. */
void secure_listeners_receive(struct secure_listeners *listeners,
                              const struct transport_route *route, const uint8_t *data, size_t len,
                              uint64_t now_ms);

/** A CoAP message for a session; what cannot be sent is dropped (CoAP retransmits). */
void secure_listeners_send(struct secure_listeners *listeners, const struct transport_route *route,
                           const uint8_t *data, size_t len);

/** Bytes of the longest CoAP message that goes by a route: by what the path and the device take of
 *  encrypted records; 0 without a session. */
size_t secure_listeners_message_max(const struct secure_listeners *listeners,
                                    const struct transport_route *route);

void secure_listeners_run(struct secure_listeners *listeners, uint64_t now_ms);

/** When secure_listeners_run() is due; UINT64_MAX when nothing waits. */
uint64_t secure_listeners_next_ms(const struct secure_listeners *listeners);

/** For lwm2m_server_callbacks. */
bool secure_listeners_may_speak_for(const struct secure_listeners *listeners,
                                    const struct transport_route *route, const char *endpoint);
bool secure_listeners_endpoint_of(const struct secure_listeners *listeners,
                                  const struct transport_route *route, char *name, size_t size);

/**
 * Reads the files anew, as this configuration names them, and puts them in force as a whole. An
 * identity that is gone, or has another key or endpoint, loses its session and its registration.
 * When certificates of devices are checked with other authorities or another revocation list, their
 * sessions end as well; their registrations wait for the next handshake.
 *
 * @param[out] error  the mistakes; then everything is as before
 * @return 0, or as secure_listeners_new()
 */
[[nodiscard]] int secure_listeners_reload(struct secure_listeners *listeners,
                                          const struct config *config, struct lwm2m_server *server,
                                          uint64_t now_ms, struct config_error *error);

/** Logs what was counted since the start. */
void secure_listeners_log_counters(const struct secure_listeners *listeners);
