/**
 * DTLS for a device whose CoAP stack is libcoap: a tunnel between a UDP socket on loopback, which
 * libcoap takes for the server, and a UDP socket to the real one. DTLS is mbedtls' client.
 *
 *     libcoap -- CoAP --> inner socket | mbedtls | outer socket -- DTLS --> server
 *
 * So the session can outlive what libcoap cannot: another local port, silence, a server that was
 * away. A handshake starts when there is something to send and no session.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct tunnel;

struct tunnel_settings {
    const char *identity; /**< of the pre-shared key; NULL without */
    const uint8_t *psk;
    size_t psk_len;
    const char *cert_file, *key_file, *ca_file; /**< PEM; NULL without */
    const char
        *suites; /**< names by commas; NULL: the mandatory one of LwM2M for the credentials */
    unsigned int fragment; /**< longest record: 512, 1024, 2048, 4096 (RFC 6066, 4); 0: any */
    bool connection_id;    /**< ask for Connection IDs (RFC 9146) */
    void *ctx;
    /** An event, as a line without its newline. */
    void (*say)(void *ctx, const char *line);
};

/**
 * @param server  where the DTLS server is
 * @param port    local; 0: any
 * @param settings  what it points at is borrowed until tunnel_close()
 * @return 0 or a negative errno; the reason is on stderr
 */
[[nodiscard]] int tunnel_open(struct tunnel **tunnel, const struct sockaddr *server,
                              socklen_t server_len, uint16_t port,
                              const struct tunnel_settings *settings);
/** Closes without a word to the server. Accepts NULL. */
void tunnel_close(struct tunnel *tunnel);

/** Where libcoap finds the server: a port of 127.0.0.1. */
uint16_t tunnel_inner_port(const struct tunnel *tunnel);
/** The local port towards the server. */
uint16_t tunnel_outer_port(const struct tunnel *tunnel);

/** A descriptor that becomes readable when tunnel_process() has something to do. */
int tunnel_descriptor(const struct tunnel *tunnel);
/** Handles what arrived on either side, and timers; returns at once. */
void tunnel_process(struct tunnel *tunnel);

/** Goes on from another local port, as behind a NAT that forgot. */
void tunnel_move(struct tunnel *tunnel);
/** Forgets the session: the next message starts a handshake. */
void tunnel_forget(struct tunnel *tunnel);

/** Whether this mbedtls has Connection IDs in the form of RFC 9146. */
bool tunnel_has_connection_id(void);
