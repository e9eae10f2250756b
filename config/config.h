/*
 * The configuration: one YAML file becomes one plain struct.
 *
 * Every setting is a row of the table in settings.c; the table fills the defaults, checks the
 * file, and prints the reference. lwm2mqtt.yaml.5 says what each setting means to a user.
 * A struct config is plain data: after loading, nothing here looks at the file again.
 */
#ifndef LWM2MQTT_CONFIG_CONFIG_H
#define LWM2MQTT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CONFIG_TEXT_MAX = 1 << 20, /* bytes of a configuration file */
    CONFIG_BROKERS_MAX = 8,
    CONFIG_LISTENERS_MAX = 16,
    CONFIG_OVERRIDES_MAX = 1024, /* rows of lwm2m.qmode_overrides */
    CONFIG_PATHS_MAX = 1024,     /* paths of lwm2m.auto_observe */
    CONFIG_WORDS_MAX = 64,       /* of security.ciphersuites */
    CONFIG_ERRORS_MAX = 10,      /* messages kept; reading stops when they are used up */
    CONFIG_MESSAGE_SIZE = 512    /* bytes of a message with its NUL; a longer one is cut */
};

enum config_mqtt_version {
    CONFIG_MQTT_3_1_1 = 4, /* the numbers are those of the protocol's CONNECT */
    CONFIG_MQTT_5 = 5,
};

/** The translators of protocol.md section 1: indices of config.mqtt.topics. */
enum config_topic_name {
    CONFIG_TOPIC_COMMAND,
    CONFIG_TOPIC_RESPONSE,
    CONFIG_TOPIC_REGISTER,
    CONFIG_TOPIC_UPDATE,
    CONFIG_TOPIC_DEREGISTER,
    CONFIG_TOPIC_NOTIFY,
    CONFIG_TOPIC_SEND,
    CONFIG_TOPIC_STATUS,
    CONFIG_TOPICS
};

enum config_transport { CONFIG_TRANSPORT_UDP, CONFIG_TRANSPORT_DTLS };

/** What happens to a message when no more may wait for the broker. */
enum config_backlog_full {
    CONFIG_BACKLOG_REFUSE,      /* it is not taken: a device is not told that it was */
    CONFIG_BACKLOG_DROP_OLDEST, /* it takes the place of the oldest one that is no answer */
};

/** What a commit of the store survives. */
enum config_store_sync {
    CONFIG_STORE_SYNC_PROCESS, /* the end of the process, however it comes */
    CONFIG_STORE_SYNC_POWER,   /* a loss of power as well */
};

enum config_update_publish { CONFIG_UPDATE_ALWAYS, CONFIG_UPDATE_OBJECT_LIST_CHANGED };

enum config_log_level {
    CONFIG_LOG_ERROR,
    CONFIG_LOG_WARN,
    CONFIG_LOG_INFO,
    CONFIG_LOG_DEBUG,
    CONFIG_LOG_TRACE,
};

enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

/** Where an MQTT broker listens. */
struct config_broker {
    char host[256]; /* a name, an IPv4 address, or an IPv6 address without brackets */
    uint16_t port;  /* 1..65535; 1883 and 8883 (TLS) when the URL has none */
    bool tls;
};

struct config_brokers {
    struct config_broker items[CONFIG_BROKERS_MAX]; /* tried in this order */
    size_t count;                                   /* at least 1 */
};

/** A topic below the mountpoint (the status topic stands alone: it belongs to no device). */
struct config_topic {
    char *topic;  /* may hold ${endpoint_name}, %e, ${peerhost}, ${client_id}: checked at load */
    uint32_t qos; /* 0..2 */
};

/** A socket that devices talk to. */
struct config_listener {
    enum config_transport transport;
    char host[64]; /* an IPv4 or IPv6 address (without brackets, perhaps %zone), or "*" */
    uint16_t port; /* 1..65535 */
};

struct config_listeners {
    struct config_listener items[CONFIG_LISTENERS_MAX];
    size_t count; /* at least 1 */
};

/** How long the queue-mode devices whose endpoint name matches stay awake. */
struct config_qmode_override {
    char *endpoint; /* shell pattern, fnmatch(3) */
    uint64_t time_window_ms;
};

struct config_qmode_overrides {
    struct config_qmode_override *items; /* in the file's order: the first match wins */
    size_t count;
};

struct config_words {
    char **items;
    size_t count;
};

enum config_auto_observe_mode {
    CONFIG_AUTO_OBSERVE_OFF,
    CONFIG_AUTO_OBSERVE_ALL,
    CONFIG_AUTO_OBSERVE_PATHS
};

struct config_auto_observe {
    enum config_auto_observe_mode mode;
    char **paths; /* "/object[/instance[/resource[/resource instance]]]"; NULL unless _PATHS */
    size_t count;
};

/** All strings are NUL-terminated, never NULL and owned by the struct; "" means: not set. */
struct config {
    struct {
        struct config_brokers brokers;
        enum config_mqtt_version version;
        char *client_id;
        char *username;
        char *password; /* already read from password_file when that is set */
        char *password_file;
        struct {
            char *ca_file;
            char *cert_file;
            char *key_file;
            bool verify;
        } tls;
        uint64_t keepalive_ms;
        uint64_t session_expiry_ms; /* whole seconds fit 32 bits */
        bool clean_start;
        uint64_t reconnect_min_ms;
        uint64_t reconnect_max_ms;
        uint32_t max_inflight; /* unconfirmed publishes */
        uint32_t max_backlog;  /* messages waiting in memory for the broker */
        enum config_backlog_full backlog_full;
        uint32_t drain_rate; /* stored messages a second; 0: no bound */
        char *mountpoint;
        struct config_topic topics[CONFIG_TOPICS];
        bool content_names;
    } mqtt;
    struct {
        struct config_listeners listeners;
        uint64_t socket_buffer; /* bytes */
        char *xml_dir;
        uint32_t max_devices;
        struct {
            uint32_t requests_per_source; /* per second, as all below; 0: no limit */
            uint32_t requests_per_prefix;
            uint32_t requests_per_device;
            uint32_t registrations_per_second;
            uint64_t burst_ms;
            uint32_t tracked_sources;
            uint64_t registration_data; /* bytes */
            uint32_t auto_observations; /* of one device */
        } limits;
        bool require_echo;
        uint64_t lifetime_min_ms;
        uint64_t lifetime_max_ms;
        uint64_t qmode_time_window_ms;
        struct config_qmode_overrides qmode_overrides;
        uint32_t queue_length;   /* commands waiting per device */
        uint32_t queue_attempts; /* of one command to a device in queue mode */
        uint64_t observe_grace_ms;
        uint64_t observe_pmax_ms;
        uint64_t response_timeout_ms;
        struct config_auto_observe auto_observe;
        enum config_update_publish update_publish;
        bool report_queued;
        struct {
            uint64_t ack_timeout_ms;
            double ack_random_factor;
            uint32_t max_retransmit;
            uint64_t exchange_lifetime_ms;
            uint32_t max_block_size; /* bytes: 16, 32, 64, …, 1024 */
            uint64_t max_body_size;  /* bytes */
            uint32_t max_transfers;
            uint64_t max_bodies_size; /* bytes */
        } coap;
        struct {
            uint32_t max_sessions;
            uint32_t live_sessions;
            uint32_t max_handshakes;
            uint64_t handshake_timeout_ms;
            uint32_t max_datagram; /* bytes */
            bool connection_id;
        } dtls;
    } lwm2m;
    struct {
        char *psk_file;
        char *cert_file;
        char *key_file;
        char *ca_file;
        char *crl_file;
        uint32_t max_identities;          /* lines of psk_file */
        struct config_words ciphersuites; /* empty: the library's choice */
        bool allow_plain;                 /* endpoints of psk_file may register without DTLS */
    } security;
    struct {
        char *path; /* "": nothing is kept */
        enum config_store_sync sync;
        uint64_t max_bytes;
        bool dtls_sessions;
    } store;
    struct {
        enum config_log_level level;
        enum config_log_format format;
    } log;
};

/**
 * What is wrong with a file, in the file's order as far as it was read.
 *
 * A message is one line without its newline: `file:line:column: setting: found …; allowed: …`,
 * often with `(did you mean "…"?)`. It quotes what the file says, not the value that
 * an environment variable put in its place; never a secret or the content of another file.
 */
struct config_error {
    size_t count; /* 0 after success */
    char messages[CONFIG_ERRORS_MAX][CONFIG_MESSAGE_SIZE];
};

/**
 * What a configuration may ask of its surroundings; tests and fuzzing pass their own.
 */
struct config_environment {
    /** The value of an environment variable, borrowed; NULL when it is not set. */
    const char *(*variable)(const char *name);
    /**
     * Puts the first line of a file, without its line ending, into line.
     * @return 0, -ENOSPC (longer than size - 1), or what open(2) and read(2) say
     */
    int (*first_line)(const char *path, char *line, size_t size);
    /** @return 0 when path can be read and is a directory or a regular file; negative errno */
    int (*readable)(const char *path, bool directory);
};

/** The process's own environment variables and files. */
extern const struct config_environment config_environment_process;

/**
 * Reads a configuration file. Relative paths in it are relative to the current directory.
 *
 * @param[out] config  the caller's; holds memory only after success: then config_deinit it
 * @param[out] error   the caller's; why not, at least one message after a failure
 * @return 0, -EBADMSG (the content is wrong), -ENOMEM, or what open(2) and read(2) say
 */
[[nodiscard]] int config_load_file(const char *path, struct config *config,
                                   struct config_error *error);

/**
 * As config_load_file, with the text in memory.
 *
 * @param file         name for the messages
 * @param text         len bytes, need not be NUL-terminated
 * @param environment  asked for everything that is not in the text
 * @return 0, -EBADMSG, -ENOMEM
 */
[[nodiscard]] int config_load_text(const char *file, const char *text, size_t len,
                                   const struct config_environment *environment,
                                   struct config *config, struct config_error *error);

/** Frees what a loaded config owns and zeroes it; accepts a zeroed one. Secrets are wiped. */
void config_deinit(struct config *config);

/** Prints the table of settings for a reader: name, default, what is allowed, meaning. */
void config_print_reference(FILE *out);

#endif
