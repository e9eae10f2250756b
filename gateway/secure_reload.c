/*
 * Credentials that change while the listeners run: read and put in force as a whole, then whoever
 * rests on what is gone loses its session, and its registration.
 */
#include <string.h>

#include "config/config.h"
#include "gateway/log.h"
#include "gateway/secure_internal.h"
#include "lwm2m/server.h"

/* The difference between two sets of files, as sessions and registrations are asked about it. */
struct difference {
    const struct secure_listeners *listeners;
    const struct credentials *before;
    const struct credentials *after;
    bool psk;          /* an identity is gone or changed */
    bool certificates; /* devices' are checked otherwise */
};

static bool is_same_identity(const struct difference *difference, const uint8_t *identity,
                             size_t len)
{
    struct credential before, after;
    return credentials_find(difference->before, identity, len, &before) &&
           credentials_find(difference->after, identity, len, &after) &&
           credential_equal(&before, &after);
}

static bool any_identity_lost(const struct difference *difference)
{
    struct credential each, after;
    for (size_t i = 0; credentials_at(difference->before, i, &each); i++) {
        if (!credentials_find(difference->after, each.identity, each.identity_len, &after) ||
            !credential_equal(&each, &after)) {
            return true;
        }
    }
    return false;
}

static bool is_same_text(const struct secret_file *a, const struct secret_file *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

static bool loses_session(void *ctx, const struct transport_dtls_info *info)
{
    const struct difference *difference = ctx;
    if (info->kind == TRANSPORT_DTLS_PSK) {
        return difference->psk && !is_same_identity(difference, info->identity, info->identity_len);
    }
    return difference->certificates;
}

/* A device whose session was lost before is known by its name alone. */
static bool loses_registration(void *ctx, const struct lwm2m_device *device)
{
    const struct difference *difference = ctx;
    const struct transport_route *route = lwm2m_device_route(device);
    const char *endpoint = lwm2m_device_endpoint(device);
    struct transport_dtls_info info;
    if (route->session == 0) {
        return false;
    }
    if (transport_dtls_find(difference->listeners->dtls, route->session, &info)) {
        return info.kind == TRANSPORT_DTLS_PSK && loses_session(ctx, &info);
    }
    return credentials_name(difference->before, endpoint) &&
           !credentials_name(difference->after, endpoint);
}

/* First the registrations: they are told apart by the sessions that end next. */
static void end_what_changed(struct secure_listeners *listeners, struct difference *difference,
                             struct lwm2m_server *server, uint64_t now_ms)
{
    size_t kicked = 0, closed = 0;
    if (difference->psk) {
        kicked = lwm2m_server_kick_if(server, loses_registration, difference, now_ms);
    }
    if (difference->psk || difference->certificates) {
        closed = transport_dtls_close_if(listeners->dtls, loses_session, difference);
    }
    log_info(listeners->log, "credentials-loaded",
             LOG_NUMBER("identities", credentials_count(listeners->files.psk)),
             LOG_NUMBER("sessions_closed", closed), LOG_NUMBER("devices_removed", kicked));
}

int secure_listeners_reload(struct secure_listeners *listeners, const struct config *config,
                            struct lwm2m_server *server, uint64_t now_ms,
                            struct config_error *error)
{
    struct security_files files;
    error->count = 0;
    if (listeners == NULL) {
        return 0;
    }
    int err = security_files_load(config, listeners->hash_key, &files, error);
    if (err != 0) {
        return err;
    }
    err = secure_set_credentials(listeners->dtls, config, &files, error);
    secret_file_deinit(&files.key);
    if (err != 0) {
        security_files_deinit(&files);
        return err;
    }
    struct security_files before = listeners->files;
    listeners->files = files;
    listeners->allow_plain = config->security.allow_plain;
    struct difference difference = {
        .listeners = listeners,
        .before = before.psk,
        .after = files.psk,
        .certificates =
            !is_same_text(&before.ca, &files.ca) || !is_same_text(&before.crl, &files.crl),
    };
    difference.psk = any_identity_lost(&difference);
    end_what_changed(listeners, &difference, server, now_ms);
    secure_log_short_keys(listeners);
    security_files_deinit(&before);
    return 0;
}
