#include "gateway/secure_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/error.h"
#include "gateway/identity.h"
#include "gateway/log.h"
#include "gateway/security_files.h"
#include "gateway/session_journal.h"
#include "lwm2m/server.h"

enum {
    RETRANSMIT_MIN_MS = 1000, /* RFC 6347, 4.2.4.1; a minute would be longer than devices wait */
    RETRANSMIT_MAX_MS = 16000,
    ALERTS_PER_S = 10,
    REFUSED_PERIOD_MS = 10000, /* between two lines about handshakes that found no room */
};

/* --- what the engine asks and tells --- */

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    const struct secure_listeners *listeners = ctx;
    listeners->send(listeners->ctx, route, data, len);
}

static void on_receive(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    const struct secure_listeners *listeners = ctx;
    listeners->receive(listeners->ctx, route, data, len);
}

static int on_find_key(void *ctx, const uint8_t *identity, size_t len,
                       struct transport_dtls_key *key)
{
    const struct secure_listeners *listeners = ctx;
    struct credential credential;
    if (!credentials_find(listeners->files.psk, identity, len, &credential)) {
        return -ENOENT;
    }
    memcpy(key->bytes, credential.key, credential.key_len);
    key->len = credential.key_len;
    key->shared = credential.is_pattern;
    return 0;
}

/* Who it is, for a log line: the identity, or the name of the certificate. */
static const char *name_of(const struct transport_dtls_info *info, char text[IDENTITY_TEXT_SIZE])
{
    return info->identity != NULL ? identity_text(info->identity, info->identity_len, text)
                                  : info->common_name;
}

static void on_established(void *ctx, const struct transport_dtls_info *info)
{
    const struct secure_listeners *listeners = ctx;
    char endpoint[256];
    session_journal_numbered(listeners->journal, info->route.session);
    if (log_enabled(listeners->log, LOG_LEVEL_DEBUG)) {
        char peer[TRANSPORT_ADDRESS_TEXT_MAX], name[IDENTITY_TEXT_SIZE];
        transport_address_format(&info->route.remote, peer);
        log_debug(listeners->log, "dtls-established", LOG_NUMBER("session", info->route.session),
                  LOG_TEXT("identity", name_of(info, name)), LOG_TEXT("peer", peer),
                  LOG_TEXT("suite", info->suite),
                  LOG_TEXT("connection_id", info->connection_id ? "yes" : "no"));
    }
    if (identity_name(info, listeners->files.psk, endpoint, sizeof(endpoint))) {
        listeners->established(listeners->ctx, &info->route, endpoint);
    }
}

static void on_failed(void *ctx, const struct transport_route *route, const uint8_t *identity,
                      size_t len, const char *reason)
{
    const struct secure_listeners *listeners = ctx;
    struct credential credential;
    char peer[TRANSPORT_ADDRESS_TEXT_MAX], name[IDENTITY_TEXT_SIZE];
    transport_address_format(&route->remote, peer);
    if (identity != NULL && !credentials_find(listeners->files.psk, identity, len, &credential)) {
        reason = "no such identity";
    }
    log_warn(listeners->log, "handshake-failed", LOG_TEXT("peer", peer),
             LOG_TEXT("identity", identity != NULL ? identity_text(identity, len, name) : ""),
             LOG_TEXT("reason", reason));
}

static const char *const reasons[] = {
    [TRANSPORT_DTLS_CLOSED] = "closed by the gateway",
    [TRANSPORT_DTLS_BY_PEER] = "closed by the device",
    [TRANSPORT_DTLS_REPLACED] = "replaced by a new one",
    [TRANSPORT_DTLS_EVICTED] = "no room for more",
    [TRANSPORT_DTLS_BROKEN] = "the device broke the protocol",
};

static void on_closed(void *ctx, const struct transport_dtls_info *info,
                      enum transport_dtls_reason reason)
{
    const struct secure_listeners *listeners = ctx;
    char name[IDENTITY_TEXT_SIZE];
    session_journal_closed(listeners->journal, info->route.session);
    log_debug(listeners->log, "dtls-closed", LOG_NUMBER("session", info->route.session),
              LOG_TEXT("identity", name_of(info, name)), LOG_TEXT("reason", reasons[reason]));
}

static void on_changed(void *ctx, uint32_t session)
{
    const struct secure_listeners *listeners = ctx;
    session_journal_changed(listeners->journal, session);
}

/* --- start and end --- */

bool secure_listeners_wanted(const struct config *config)
{
    for (size_t i = 0; i < config->lwm2m.listeners.count; i++) {
        if (config->lwm2m.listeners.items[i].transport == CONFIG_TRANSPORT_DTLS) {
            return true;
        }
    }
    return false;
}

static struct transport_dtls_text text_of(const struct secret_file *file)
{
    return (struct transport_dtls_text){ .text = file->text, .len = file->len };
}

int secure_set_credentials(struct transport_dtls *dtls, const struct config *config,
                           const struct security_files *files, struct config_error *error)
{
    const struct config_words *suites = &config->security.ciphersuites;
    const struct transport_dtls_credentials credentials = {
        .psk = files->psk != NULL,
        .chain = text_of(&files->chain),
        .key = text_of(&files->key),
        .ca = text_of(&files->ca),
        .crl = text_of(&files->crl),
        .suites = suites->count > 0 ? (const char *const *)suites->items : NULL,
        .suites_len = suites->count,
    };
    const char *fault = "";
    int err = transport_dtls_set_credentials(dtls, &credentials, &fault);
    if (err != 0) {
        config_error_add(error, "security", 0, 0, "%s", *fault != '\0' ? fault : strerror(-err));
    }
    return err;
}

static int new_engine(struct secure_listeners *listeners, const struct config *config,
                      uint64_t now_ms)
{
    static const struct transport_dtls_events events = {
        .send = on_send,
        .receive = on_receive,
        .established = on_established,
        .failed = on_failed,
        .closed = on_closed,
        .changed = on_changed,
        .find_key = on_find_key,
    };
    struct transport_dtls_settings settings = {
        .sessions_max = config->lwm2m.dtls.max_sessions,
        .live_max = config->lwm2m.dtls.live_sessions,
        .half_open_max = config->lwm2m.dtls.max_handshakes,
        .handshake_ms = (uint32_t)config->lwm2m.dtls.handshake_timeout_ms,
        .retransmit_min_ms = RETRANSMIT_MIN_MS,
        .retransmit_max_ms = RETRANSMIT_MAX_MS,
        .mtu = config->lwm2m.dtls.max_datagram,
        .alerts_per_s = ALERTS_PER_S,
        .connection_id = config->lwm2m.dtls.connection_id,
    };
    session_journal_prepare(listeners->journal, &settings);
    return transport_dtls_new(&settings, &events, listeners, now_ms, &listeners->dtls);
}

void secure_log_short_keys(const struct secure_listeners *listeners)
{
    size_t count = credentials_short_keys(listeners->files.psk);
    if (count > 0 && listeners->log != NULL) {
        log_warn(listeners->log, "keys-short", LOG_NUMBER("count", count),
                 LOG_TEXT("advice", "16 bytes or more"));
    }
}

int secure_listeners_new(const struct secure_listeners_settings *settings, uint64_t now_ms,
                         struct secure_listeners **out, struct config_error *error)
{
    *out = NULL;
    error->count = 0;
    if (!secure_listeners_wanted(settings->config)) {
        return 0;
    }
    struct secure_listeners *listeners = calloc(1, sizeof(*listeners));
    if (listeners == NULL) {
        return -ENOMEM;
    }
    listeners->log = settings->log;
    listeners->hash_key[0] = settings->hash_key[0];
    listeners->hash_key[1] = settings->hash_key[1];
    listeners->ctx = settings->ctx;
    listeners->send = settings->send;
    listeners->receive = settings->receive;
    listeners->established = settings->established;
    listeners->journal = settings->journal;
    listeners->allow_plain = settings->config->security.allow_plain;
    int err = security_files_load(settings->config, listeners->hash_key, &listeners->files, error);
    err = err != 0 ? err : new_engine(listeners, settings->config, now_ms);
    err = err != 0
              ? err
              : secure_set_credentials(listeners->dtls, settings->config, &listeners->files, error);
    secret_file_deinit(&listeners->files.key); /* the engine has its own copy */
    if (err != 0) {
        secure_listeners_free(listeners);
        return err;
    }
    secure_log_short_keys(listeners);
    *out = listeners;
    return 0;
}

void secure_listeners_free(struct secure_listeners *listeners)
{
    if (listeners == NULL) {
        return;
    }
    transport_dtls_free(listeners->dtls);
    security_files_deinit(&listeners->files);
    free(listeners);
}

/* --- datagrams and time --- */

/* How many at the most once in a while: whoever floods the listener shall not fill the disk. */
static void log_refused(struct secure_listeners *listeners, uint64_t now_ms)
{
    uint64_t count = transport_dtls_counters(listeners->dtls)->handshakes_refused;
    if (count == listeners->refused_logged || now_ms < listeners->refused_ms) {
        return;
    }
    log_warn(listeners->log, "handshakes-refused",
             LOG_NUMBER("count", count - listeners->refused_logged),
             LOG_NUMBER("under_way", transport_dtls_half_open(listeners->dtls)),
             LOG_TEXT("reason", "lwm2m.dtls.max_handshakes are under way"));
    listeners->refused_logged = count;
    listeners->refused_ms = now_ms + REFUSED_PERIOD_MS;
}

bool secure_listeners_know(const struct secure_listeners *listeners,
                           const struct transport_route *route)
{
    return listeners != NULL && transport_dtls_knows(listeners->dtls, route);
}

void secure_listeners_receive(struct secure_listeners *listeners,
                              const struct transport_route *route, const uint8_t *data, size_t len,
                              uint64_t now_ms)
{
    transport_dtls_receive(listeners->dtls, route, data, len, now_ms);
    log_refused(listeners, now_ms);
}

void secure_listeners_send(struct secure_listeners *listeners, const struct transport_route *route,
                           const uint8_t *data, size_t len)
{
    int err = transport_dtls_send(listeners->dtls, route, data, len);
    if (err == -EAGAIN && session_journal_renew(listeners->journal, route->session)) {
        err = transport_dtls_send(listeners->dtls, route, data, len);
    }
    if (err == -EMSGSIZE) {
        log_warn(
            listeners->log, "message-too-long", LOG_NUMBER("session", route->session),
            LOG_NUMBER("bytes", len),
            LOG_NUMBER("allowed", transport_dtls_payload_max(listeners->dtls, route->session)));
    }
}

size_t secure_listeners_message_max(const struct secure_listeners *listeners,
                                    const struct transport_route *route)
{
    return route->session != 0 ? transport_dtls_payload_max(listeners->dtls, route->session) : 0;
}

void secure_listeners_run(struct secure_listeners *listeners, uint64_t now_ms)
{
    if (listeners != NULL) {
        transport_dtls_run(listeners->dtls, now_ms);
        log_refused(listeners, now_ms);
    }
}

uint64_t secure_listeners_next_ms(const struct secure_listeners *listeners)
{
    return listeners != NULL ? transport_dtls_next_ms(listeners->dtls) : UINT64_MAX;
}

/* --- identities --- */

bool secure_listeners_may_speak_for(const struct secure_listeners *listeners,
                                    const struct transport_route *route, const char *endpoint)
{
    struct transport_dtls_info info;
    if (listeners == NULL) {
        return true;
    }
    if (route->session == 0) {
        return listeners->allow_plain || !credentials_name(listeners->files.psk, endpoint);
    }
    return transport_dtls_find(listeners->dtls, route->session, &info) &&
           identity_covers(&info, listeners->files.psk, endpoint);
}

bool secure_listeners_endpoint_of(const struct secure_listeners *listeners,
                                  const struct transport_route *route, char *name, size_t size)
{
    struct transport_dtls_info info;
    return listeners != NULL && route->session != 0 &&
           transport_dtls_find(listeners->dtls, route->session, &info) &&
           identity_name(&info, listeners->files.psk, name, size);
}

/* --- a restart --- */

int secure_listeners_restore(struct secure_listeners *listeners)
{
    return listeners != NULL ? session_journal_restore(listeners->journal, listeners->dtls) : 0;
}

static bool is_unknown_by_now(void *ctx, const struct transport_dtls_info *info)
{
    const struct secure_listeners *listeners = ctx;
    struct credential credential;
    return info->kind == TRANSPORT_DTLS_PSK &&
           !credentials_find(listeners->files.psk, info->identity, info->identity_len, &credential);
}

static bool is_spoken_for_by_nobody(void *ctx, const struct lwm2m_device *device)
{
    const struct secure_listeners *listeners = ctx;
    struct transport_dtls_info info;
    uint32_t session = lwm2m_device_route(device)->session;
    return session != 0 && transport_dtls_find(listeners->dtls, session, &info) &&
           is_unknown_by_now(ctx, &info);
}

void secure_listeners_check_restored(struct secure_listeners *listeners,
                                     struct lwm2m_server *server, uint64_t now_ms)
{
    if (listeners == NULL || transport_dtls_sessions(listeners->dtls) == 0) {
        return;
    }
    size_t kicked = lwm2m_server_kick_if(server, is_spoken_for_by_nobody, listeners, now_ms);
    size_t closed = transport_dtls_close_if(listeners->dtls, is_unknown_by_now, listeners);
    if (kicked + closed > 0) {
        log_info(listeners->log, "identities-gone", LOG_NUMBER("sessions_closed", closed),
                 LOG_NUMBER("devices_removed", kicked));
    }
}

/* --- counters --- */

void secure_listeners_log_counters(const struct secure_listeners *listeners)
{
    if (listeners == NULL) {
        return;
    }
    const struct transport_dtls_counters *counters = transport_dtls_counters(listeners->dtls);
    log_info(listeners->log, "dtls-counters",
             LOG_NUMBER("sessions", transport_dtls_sessions(listeners->dtls)),
             LOG_NUMBER("handshakes", counters->handshakes_completed),
             LOG_NUMBER("failed", counters->handshakes_failed),
             LOG_NUMBER("refused", counters->handshakes_refused),
             LOG_NUMBER("hello_verify", counters->hello_verify),
             LOG_NUMBER("garbage", counters->garbage), LOG_NUMBER("unknown", counters->unknown),
             LOG_NUMBER("bad_mac", counters->bad_mac), LOG_NUMBER("replays", counters->replays),
             LOG_NUMBER("loaded", counters->loaded), LOG_NUMBER("parked", counters->parked),
             LOG_NUMBER("alerts", counters->alerts_sent),
             LOG_NUMBER("moved", counters->addresses_changed));
}
