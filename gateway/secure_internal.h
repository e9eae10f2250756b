/*
 * The dtls listeners as their own files see them: secure_listeners.c runs them, secure_reload.c
 * changes their credentials while they run.
 */
#pragma once

#include "gateway/secure_listeners.h"
#include "gateway/security_files.h"

struct secure_listeners {
    struct log *log;
    uint64_t hash_key[2];
    void *ctx;
    void (*send)(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len);
    void (*receive)(void *ctx, const struct transport_route *route, uint8_t *data, size_t len);
    void (*established)(void *ctx, const struct transport_route *route, const char *endpoint);
    struct transport_dtls *dtls;
    struct session_journal *journal;
    struct security_files files;
    bool allow_plain;

    uint64_t refused_logged; /* handshakes that found no room, as far as the log knows */
    uint64_t refused_ms;     /* when the next line about them may come */
};

/**
 * Puts files in force for handshakes to come.
 *
 * @param[out] error  what is wrong with them, one message more
 * @return 0, or what transport_dtls_set_credentials() says; then the old ones stay
 */
[[nodiscard]] int secure_set_credentials(struct transport_dtls *dtls, const struct config *config,
                                         const struct security_files *files,
                                         struct config_error *error);

/** Logs how many keys are shorter than is advised, if any is. */
void secure_log_short_keys(const struct secure_listeners *listeners);
