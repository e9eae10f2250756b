/*
 * The table of all settings, in the order of the reference and of the default file. A new
 * setting is a member of struct config and a row here; the tests then ask for its place in
 * the manual page and in lwm2mqtt.yaml.
 */
#include "config/setting.h"

#include <string.h>

enum { SECOND = 1000, HOUR = 60 * 60 * SECOND, KIB = 1 << 10, MIB = 1 << 20 };
#define YEAR ((uint64_t)365 * 24 * HOUR)
#define GIB  ((uint64_t)1 << 30)

#define AT(member, type) .offset = CONFIG_MEMBER(struct config, member, type)
#define TEXT(member, min_len, max_len)                                                             \
    .kind = &config_kind_text, AT(member, char *), .min = (min_len), .max = (max_len)
#define PATH(member, a_kind) .kind = &config_kind_##a_kind, AT(member, char *), .max = 4096
#define BOOLEAN(member)      .kind = &config_kind_boolean, AT(member, bool)
#define INTEGER(member, least, most)                                                               \
    .kind = &config_kind_integer, AT(member, uint32_t), .min = (least), .max = (most)
#define DURATION(member, least, most)                                                              \
    .kind = &config_kind_duration, AT(member, uint64_t), .min = (least), .max = (most)
#define SIZE(member, least, most)                                                                  \
    .kind = &config_kind_size, AT(member, uint64_t), .min = (least), .max = (most)
#define CHOICE(member, type, words)                                                                \
    .kind = &config_kind_choice, AT(member, type), .choices = (words)
#define TOPIC(index) .kind = &config_kind_topic, AT(mqtt.topics[index], struct config_topic)

static const struct config_choice versions[] = { { "5", CONFIG_MQTT_5 },
                                                 { "3.1.1", CONFIG_MQTT_3_1_1 },
                                                 { NULL, 0 } };
static const struct config_choice update_publishes[] = {
    { "always", CONFIG_UPDATE_ALWAYS },
    { "object_list_changed", CONFIG_UPDATE_OBJECT_LIST_CHANGED },
    { NULL, 0 },
};
static const struct config_choice backlog_fulls[] = {
    { "refuse", CONFIG_BACKLOG_REFUSE },
    { "drop_oldest", CONFIG_BACKLOG_DROP_OLDEST },
    { NULL, 0 },
};
static const struct config_choice store_syncs[] = { { "process", CONFIG_STORE_SYNC_PROCESS },
                                                    { "power", CONFIG_STORE_SYNC_POWER },
                                                    { NULL, 0 } };
static const struct config_choice block_sizes[] = { { "16", 16 },     { "32", 32 },
                                                    { "64", 64 },     { "128", 128 },
                                                    { "256", 256 },   { "512", 512 },
                                                    { "1024", 1024 }, { NULL, 0 } };
static const struct config_choice log_levels[] = {
    { "error", CONFIG_LOG_ERROR }, { "warn", CONFIG_LOG_WARN },   { "info", CONFIG_LOG_INFO },
    { "debug", CONFIG_LOG_DEBUG }, { "trace", CONFIG_LOG_TRACE }, { NULL, 0 },
};
static const struct config_choice log_formats[] = { { "text", CONFIG_LOG_TEXT },
                                                    { "json", CONFIG_LOG_JSON },
                                                    { NULL, 0 } };

_Static_assert(sizeof(enum config_log_level) == sizeof(unsigned),
               "choices are written as unsigned");

/* clang-format off: a row is a name and a default, what is allowed, a help */
const struct config_setting config_settings[] = {
    { "mqtt.broker", "mqtt://127.0.0.1:1883",
      "MQTT broker, or a list of brokers tried in order; mqtts:// is TLS",
      .kind = &config_kind_brokers, AT(mqtt.brokers, struct config_brokers) },
    { "mqtt.version", "5", "version of MQTT",
      CHOICE(mqtt.version, enum config_mqtt_version, versions) },
    { "mqtt.client_id", "lwm2mqtt", "name of this gateway at the broker; unique there",
      TEXT(mqtt.client_id, 1, 1024) },
    { "mqtt.username", "\"\"", "user name at the broker", TEXT(mqtt.username, 0, UINT16_MAX) },
    { "mqtt.password", "\"\"", "password at the broker, best as ${env:NAME}",
      .kind = &config_kind_secret, AT(mqtt.password, char *), .max = UINT16_MAX },
    { "mqtt.password_file", "\"\"", "file whose first line is the password",
      PATH(mqtt.password_file, secret_file) },
    { "mqtt.tls.ca_file", "\"\"",
      "PEM certificates that the broker's is checked with; default: the system's",
      PATH(mqtt.tls.ca_file, file) },
    { "mqtt.tls.cert_file", "\"\"", "PEM certificate of this gateway",
      PATH(mqtt.tls.cert_file, file) },
    { "mqtt.tls.key_file", "\"\"", "PEM private key of mqtt.tls.cert_file",
      PATH(mqtt.tls.key_file, file) },
    { "mqtt.tls.verify", "true", "whether the broker's certificate is checked",
      BOOLEAN(mqtt.tls.verify) },
    { "mqtt.keepalive", "60s", "longest silence before the broker is pinged",
      DURATION(mqtt.keepalive_ms, SECOND, UINT16_MAX *SECOND) },
    { "mqtt.session_expiry", "24h",
      "how long the broker keeps commands while the gateway is away (MQTT 5)",
      DURATION(mqtt.session_expiry_ms, 0, YEAR) },
    { "mqtt.clean_start", "false", "whether a start discards the session at the broker",
      BOOLEAN(mqtt.clean_start) },
    { "mqtt.reconnect_min", "1s", "first pause before connecting again; it doubles each time",
      DURATION(mqtt.reconnect_min_ms, 100, HOUR) },
    { "mqtt.reconnect_max", "60s", "longest pause before connecting again",
      DURATION(mqtt.reconnect_max_ms, 100, HOUR) },
    { "mqtt.max_inflight", "1000", "publishes that may wait for the broker's confirmation",
      INTEGER(mqtt.max_inflight, 1, UINT16_MAX) },
    { "mqtt.max_backlog", "100000", "messages that may wait in memory for the broker",
      INTEGER(mqtt.max_backlog, 1, 100000000) },
    { "mqtt.backlog_full", "refuse", "what happens when no more messages may wait",
      CHOICE(mqtt.backlog_full, enum config_backlog_full, backlog_fulls) },
    { "mqtt.drain_rate", "2000",
      "stored messages published in a second once the broker is back; 0: as many as it takes",
      INTEGER(mqtt.drain_rate, 0, 1000000) },
    { "mqtt.mountpoint", "\"\"", "put before every topic but that of status; no slash is added",
      TEXT(mqtt.mountpoint, 0, UINT16_MAX) },
    { "mqtt.topics.command", "{topic: 'dn/${endpoint_name}', qos: 1}", "commands to a device",
      TOPIC(CONFIG_TOPIC_COMMAND) },
    { "mqtt.topics.response", "{topic: up/resp, qos: 1}", "answers to commands",
      TOPIC(CONFIG_TOPIC_RESPONSE) },
    { "mqtt.topics.register", "{topic: up/register, qos: 1}", "a device registered",
      TOPIC(CONFIG_TOPIC_REGISTER) },
    { "mqtt.topics.update", "{topic: up/update, qos: 1}", "a device updated its registration",
      TOPIC(CONFIG_TOPIC_UPDATE) },
    { "mqtt.topics.deregister", "{topic: up/deregister, qos: 1}", "a device left",
      TOPIC(CONFIG_TOPIC_DEREGISTER) },
    { "mqtt.topics.notify", "{topic: up/notify, qos: 1}", "notifications of observed paths",
      TOPIC(CONFIG_TOPIC_NOTIFY) },
    { "mqtt.topics.send", "{topic: up/send, qos: 1}", "what devices send unasked (LwM2M 1.1 Send)",
      TOPIC(CONFIG_TOPIC_SEND) },
    { "mqtt.topics.status", "{topic: 'lwm2mqtt/${client_id}/status', qos: 1}",
      "online or offline, retained", TOPIC(CONFIG_TOPIC_STATUS) },
    { "mqtt.content_names", "false", "whether content carries the names of the object definitions",
      BOOLEAN(mqtt.content_names) },

    { "lwm2m.listeners", "[{transport: udp, bind: '[::]:5783'}]", "sockets that devices talk to",
      .kind = &config_kind_listeners, AT(lwm2m.listeners, struct config_listeners) },
    { "lwm2m.socket_buffer", "4MiB", "receive and send buffer of each socket",
      SIZE(lwm2m.socket_buffer, 4 * KIB, GIB) },
    { "lwm2m.xml_dir", "\"" CONFIG_XML_DIR "\"", "directory of object definitions; \"\" for none",
      PATH(lwm2m.xml_dir, directory) },
    { "lwm2m.max_devices", "1000000", "devices that may be registered at once",
      INTEGER(lwm2m.max_devices, 1, 100000000) },
    { "lwm2m.limits.requests_per_source", "0",
      "datagrams a second from an address where no device is registered; 0 is no limit",
      INTEGER(lwm2m.limits.requests_per_source, 0, 1000000) },
    { "lwm2m.limits.requests_per_prefix", "0",
      "datagrams a second from such addresses of one network, /24 or /56; 0 is no limit",
      INTEGER(lwm2m.limits.requests_per_prefix, 0, 1000000) },
    { "lwm2m.limits.requests_per_device", "0",
      "datagrams a second from a registered device; 0 is no limit",
      INTEGER(lwm2m.limits.requests_per_device, 0, 1000000) },
    { "lwm2m.limits.registrations_per_second", "0",
      "registrations a second from all devices together; 0 is no limit",
      INTEGER(lwm2m.limits.registrations_per_second, 0, 1000000) },
    { "lwm2m.limits.burst", "10s", "who was quiet may send at once what comes to this much time",
      DURATION(lwm2m.limits.burst_ms, 100, HOUR) },
    { "lwm2m.limits.tracked_sources", "65536",
      "sources that are told apart, as many networks, and as many devices",
      INTEGER(lwm2m.limits.tracked_sources, 8, 1 << 24) },
    { "lwm2m.limits.registration_data", "1GiB",
      "memory of all object lists, equal ones counted once, and parameters of registrations",
      SIZE(lwm2m.limits.registration_data, 64 * KIB, 1024 * GIB) },
    { "lwm2m.limits.auto_observations", "256",
      "object instances of one device that auto_observe: true observes",
      INTEGER(lwm2m.limits.auto_observations, 1, 65535) },
    { "lwm2m.require_echo", "false",
      "whether devices without DTLS must show that they receive at their address (RFC 9175)",
      BOOLEAN(lwm2m.require_echo) },
    { "lwm2m.lifetime_min", "15s", "a shorter lifetime is raised to this",
      DURATION(lwm2m.lifetime_min_ms, SECOND, 10 * YEAR) },
    { "lwm2m.lifetime_max", "86400s", "a longer lifetime is lowered to this",
      DURATION(lwm2m.lifetime_max_ms, SECOND, 10 * YEAR) },
    { "lwm2m.qmode_time_window", "93s", "how long a queue-mode device stays awake after it spoke",
      DURATION(lwm2m.qmode_time_window_ms, 100, 24 * HOUR) },
    { "lwm2m.qmode_overrides", "[]",
      "other windows for endpoint names that match; first match wins",
      .kind = &config_kind_qmode_overrides,
      AT(lwm2m.qmode_overrides, struct config_qmode_overrides) },
    { "lwm2m.queue_length", "32", "commands that may wait for one device",
      INTEGER(lwm2m.queue_length, 1, 65535) },
    { "lwm2m.queue_attempts", "10",
      "how often a command to a sleeping device goes unanswered before it ends",
      INTEGER(lwm2m.queue_attempts, 1, 65535) },
    { "lwm2m.observe_grace", "5m",
      "silence beyond pmax or Max-Age after which an observation is set up again; 0s: never",
      DURATION(lwm2m.observe_grace_ms, 0, 24 * HOUR) },
    { "lwm2m.observe_pmax", "0s", "pmax of observations for which none is known; 0s: none",
      DURATION(lwm2m.observe_pmax_ms, 0, YEAR) },
    { "lwm2m.response_timeout", "93s", "how long a separate response may take after an empty ACK",
      DURATION(lwm2m.response_timeout_ms, SECOND, 24 * HOUR) },
    { "lwm2m.auto_observe", "false", "what is observed when a device registers",
      .kind = &config_kind_auto_observe, AT(lwm2m.auto_observe, struct config_auto_observe) },
    { "lwm2m.update_publish", "always", "which registration updates are published",
      CHOICE(lwm2m.update_publish, enum config_update_publish, update_publishes) },
    { "lwm2m.report_queued", "false",
      "whether queueing a command for a sleeping device is published",
      BOOLEAN(lwm2m.report_queued) },
    { "lwm2m.coap.ack_timeout", "2s", "ACK_TIMEOUT of RFC 7252: first wait for an acknowledgement",
      DURATION(lwm2m.coap.ack_timeout_ms, 100, 10 * 60 * SECOND) },
    { "lwm2m.coap.ack_random_factor", "1.5", "ACK_RANDOM_FACTOR of RFC 7252",
      .kind = &config_kind_decimal, AT(lwm2m.coap.ack_random_factor, double), .min = 1000,
      .max = 10000 },
    { "lwm2m.coap.max_retransmit", "4", "MAX_RETRANSMIT of RFC 7252: repetitions of a request",
      INTEGER(lwm2m.coap.max_retransmit, 0, 20) },
    { "lwm2m.coap.exchange_lifetime", "247s",
      "EXCHANGE_LIFETIME of RFC 7252: how long duplicates are recognised",
      DURATION(lwm2m.coap.exchange_lifetime_ms, SECOND, HOUR) },
    { "lwm2m.coap.max_block_size", "1024", "largest block of a block-wise transfer, in bytes",
      CHOICE(lwm2m.coap.max_block_size, uint32_t, block_sizes) },
    { "lwm2m.coap.max_body_size", "4MiB", "largest body put together from blocks",
      SIZE(lwm2m.coap.max_body_size, KIB, GIB) },
    { "lwm2m.coap.max_transfers", "1024",
      "block-wise bodies being received at once from all devices",
      INTEGER(lwm2m.coap.max_transfers, 1, 1000000) },
    { "lwm2m.coap.max_bodies_size", "256MiB", "memory of all bodies being put together from blocks",
      SIZE(lwm2m.coap.max_bodies_size, KIB, 1024 * GIB) },

    { "lwm2m.dtls.max_sessions", "1000000",
      "DTLS sessions that are kept; the longest unused one makes room",
      INTEGER(lwm2m.dtls.max_sessions, 1, 100000000) },
    { "lwm2m.dtls.live_sessions", "64",
      "sessions that are kept ready at 33KiB each; the others rest as a few hundred bytes",
      INTEGER(lwm2m.dtls.live_sessions, 1, 100000) },
    { "lwm2m.dtls.max_handshakes", "256", "handshakes under way at once, 33KiB to 100KiB each",
      INTEGER(lwm2m.dtls.max_handshakes, 1, 100000) },
    { "lwm2m.dtls.handshake_timeout", "60s", "how long a handshake may take",
      DURATION(lwm2m.dtls.handshake_timeout_ms, SECOND, HOUR) },
    { "lwm2m.dtls.max_datagram", "1232", "bytes of the longest encrypted datagram that is sent",
      INTEGER(lwm2m.dtls.max_datagram, 256, 8192) },
    { "lwm2m.dtls.connection_id", "true",
      "whether Connection IDs are offered, where mbedtls has them (RFC 9146)",
      BOOLEAN(lwm2m.dtls.connection_id) },

    { "security.psk_file", "\"\"", "pre-shared keys of devices: identity key [endpoint] a line",
      PATH(security.psk_file, file) },
    { "security.cert_file", "\"\"", "PEM certificate of the dtls listeners",
      PATH(security.cert_file, file) },
    { "security.key_file", "\"\"", "PEM private key of security.cert_file",
      PATH(security.key_file, file) },
    { "security.ca_file", "\"\"", "PEM certificates that devices' are checked with",
      PATH(security.ca_file, file) },
    { "security.crl_file", "\"\"", "PEM revocation lists of the authorities in security.ca_file",
      PATH(security.crl_file, file) },
    { "security.max_identities", "1000000", "lines that security.psk_file may have",
      INTEGER(security.max_identities, 1, 10000000) },
    { "security.ciphersuites", "[]", "DTLS cipher suites, most wanted first; [] is a good choice",
      .kind = &config_kind_words, AT(security.ciphersuites, struct config_words) },
    { "security.allow_plain", "false",
      "whether endpoints that security.psk_file names may register without DTLS",
      BOOLEAN(security.allow_plain) },

    { "store.path", "\"\"", "database of what survives a restart; \"\" keeps nothing",
      TEXT(store.path, 0, 4096) },
    { "store.sync", "process",
      "what it withstands at any moment: the end of the process, or a loss of power",
      CHOICE(store.sync, enum config_store_sync, store_syncs) },
    { "store.max_bytes", "1GiB", "largest size of the database; then it counts as full",
      SIZE(store.max_bytes, 4 * MIB, 1024 * GIB) },
    { "store.dtls_sessions", "true", "DTLS sessions survive a restart; their keys are in the file",
      BOOLEAN(store.dtls_sessions) },

    { "log.level", "info", "least severe events that are logged",
      CHOICE(log.level, enum config_log_level, log_levels) },
    { "log.format", "text", "form of a log line",
      CHOICE(log.format, enum config_log_format, log_formats) },
};
/* clang-format on */
const size_t config_settings_count = sizeof config_settings / sizeof config_settings[0];

const struct config_setting *config_setting_find(const char *name)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        if (strcmp(config_settings[i].name, name) == 0) {
            return &config_settings[i];
        }
    }
    return NULL;
}

void *config_setting_member(const struct config_setting *setting, struct config *config)
{
    return (char *)config + setting->offset;
}
