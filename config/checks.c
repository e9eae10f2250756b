/*
 * Each check is one function over the finished struct, in the table at the end. The tree is
 * at hand for positions only.
 */
#include "config/checks.h"

#include "config/error.h"
#include "config/setting.h"
#include "config/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

void config_checks_report(struct config_check *check, const char *name,
                          const struct config_tree_node *node, const char *format, ...)
{
    static const struct config_tree_node start = { .line = 1, .column = 1 };
    char what[CONFIG_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const struct config_setting setting = { .name = name };
    config_reader_report(check->reader, &setting, node != NULL ? node : &start, "%s", what);
}

static const struct config_tree_node *place(const struct config_check *check, const char *name)
{
    return config_tree_find(check->tree, name);
}

/* ---- amounts ---- */

static void check_order(struct config_check *check)
{
    static const char *const pairs[][2] = {
        { "mqtt.reconnect_min", "mqtt.reconnect_max" },
        { "lwm2m.lifetime_min", "lwm2m.lifetime_max" },
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        char low_text[CONFIG_VALUE_SIZE], high_text[CONFIG_VALUE_SIZE];
        const char *low_name = pairs[i][0], *high_name = pairs[i][1];
        const uint64_t *low = config_setting_member(config_setting_find(low_name), check->config);
        const uint64_t *high = config_setting_member(config_setting_find(high_name), check->config);
        if (*low > *high) {
            const char *name = place(check, low_name) != NULL ? low_name : high_name;
            config_checks_report(
                check, name, place(check, name),
                "found %s of %s above %s of %s; allowed: the other way round", low_name,
                config_value_amount_text(&config_scale_duration, *low, low_text), high_name,
                config_value_amount_text(&config_scale_duration, *high, high_text));
        }
    }
}

/* ---- files ---- */

static void check_files(struct config_check *check)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        bool directory = setting->kind == &config_kind_directory;
        if (!directory && setting->kind != &config_kind_file) {
            continue;
        }
        const char *path = *(char **)config_setting_member(setting, check->config);
        int err = path[0] == '\0' ? 0 : check->reader->environment->readable(path, directory);
        if (err) {
            const struct config_tree_node *node = place(check, setting->name);
            char quote[CONFIG_QUOTE_SIZE];
            const char *text = node != NULL ? node->text : path;
            config_checks_report(
                check, setting->name, node, "found %s%s: %s; allowed: a readable %s",
                node != NULL ? "" : "the default ", config_error_quote(text, strlen(text), quote),
                strerror(-err), directory ? "directory" : "file");
        }
    }
}

static void check_key_pairs(struct config_check *check)
{
    static const char *const pairs[][2] = {
        { "mqtt.tls.cert_file", "mqtt.tls.key_file" },
        { "security.cert_file", "security.key_file" },
    };
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        const char *cert_name = pairs[i][0], *key_name = pairs[i][1];
        char **cert = config_setting_member(config_setting_find(cert_name), check->config);
        char **key = config_setting_member(config_setting_find(key_name), check->config);
        if ((*cert[0] == '\0') != (*key[0] == '\0')) {
            const char *present = *cert[0] != '\0' ? cert_name : key_name;
            config_checks_report(check, present, place(check, present),
                                 "found without %s; allowed: both or none",
                                 *cert[0] != '\0' ? key_name : cert_name);
        }
    }
}

/* A device has to show who it is: a certificate of the gateway alone is not enough. */
static void check_device_certificates(struct config_check *check)
{
    static const char *const needs[][2] = {
        { "security.cert_file", "security.ca_file" },
        { "security.ca_file", "security.cert_file" },
        { "security.crl_file", "security.ca_file" },
    };
    const struct config *config = check->config;
    if ((config->security.cert_file[0] == '\0') != (config->security.key_file[0] == '\0')) {
        return; /* one mistake, one message */
    }
    for (size_t i = 0; i < LENGTH(needs); i++) {
        char **here = config_setting_member(config_setting_find(needs[i][0]), check->config);
        char **there = config_setting_member(config_setting_find(needs[i][1]), check->config);
        if (*here[0] != '\0' && *there[0] == '\0') {
            config_checks_report(check, needs[i][0], place(check, needs[i][0]),
                                 "found without %s; allowed: both", needs[i][1]);
            return;
        }
    }
}

/* ---- credentials at the broker ---- */

static void read_password_file(struct config_check *check)
{
    static const char name[] = "mqtt.password_file";
    enum { SECRET_SIZE = 4096 };
    struct config *config = check->config;
    if (config->mqtt.password_file[0] == '\0') {
        return;
    }
    if (place(check, "mqtt.password") != NULL) {
        config_checks_report(check, name, place(check, name),
                             "found beside mqtt.password; allowed: one of the two");
        return;
    }
    char *line = calloc(1, SECRET_SIZE);
    if (line == NULL) {
        check->reader->no_memory = true;
        return;
    }
    int err = check->reader->environment->first_line(config->mqtt.password_file, line, SECRET_SIZE);
    if (err == 0 && line[0] == '\0') {
        config_checks_report(check, name, place(check, name),
                             "the first line of the file is empty; allowed: the password");
    } else if (err == -ENOSPC) {
        config_checks_report(check, name, place(check, name),
                             "the first line of the file is too long; allowed: %d bytes",
                             SECRET_SIZE - 1);
    } else if (err) {
        config_checks_report(check, name, place(check, name),
                             "the file cannot be read: %s; allowed: a readable file",
                             strerror(-err));
    } else {
        free(config->mqtt.password);
        config->mqtt.password = strdup(line);
        check->reader->no_memory |= config->mqtt.password == NULL;
    }
    explicit_bzero(line, SECRET_SIZE);
    free(line);
}

static void check_password(struct config_check *check)
{
    const struct config *config = check->config;
    /* MQTT 3.1.1, 3.1.2.9: no password without a user name; version 5 allows it. */
    if (config->mqtt.version == CONFIG_MQTT_3_1_1 && config->mqtt.password != NULL &&
        config->mqtt.password[0] != '\0' && config->mqtt.username[0] == '\0') {
        const char *name =
            place(check, "mqtt.password") != NULL ? "mqtt.password" : "mqtt.password_file";
        config_checks_report(check, name, place(check, name),
                             "found without mqtt.username; allowed in MQTT 3.1.1: both");
    }
}

static void check_broker_tls(struct config_check *check)
{
    static const char *const names[] = { "mqtt.tls.ca_file", "mqtt.tls.cert_file",
                                         "mqtt.tls.key_file" };
    const struct config_brokers *brokers = &check->config->mqtt.brokers;
    for (size_t i = 0; i < brokers->count; i++) {
        if (brokers->items[i].tls) {
            return;
        }
    }
    for (size_t i = 0; i < LENGTH(names); i++) {
        char **path = config_setting_member(config_setting_find(names[i]), check->config);
        if (*path[0] != '\0') {
            config_checks_report(
                check, names[i], place(check, names[i]),
                "found with no mqtts:// in mqtt.broker, so nothing would be encrypted; "
                "allowed: with mqtt.broker: mqtts://…");
            return;
        }
    }
}

/* ---- listeners ---- */

static void check_listeners(struct config_check *check)
{
    static const char name[] = "lwm2m.listeners";
    const struct config *config = check->config;
    const struct config_listeners *listeners = &config->lwm2m.listeners;
    bool has_credentials =
        config->security.psk_file[0] != '\0' || config->security.cert_file[0] != '\0';
    const struct config_tree_node *list = config_tree_find(check->tree, name);
    const struct config_tree_node *node = list != NULL ? list->head : NULL;
    for (size_t i = 0; i < listeners->count && node != NULL; i++, node = node->next) {
        const struct config_listener *listener = &listeners->items[i];
        if (listener->transport == CONFIG_TRANSPORT_DTLS && !has_credentials) {
            config_checks_report(check, name, node,
                                 "found transport dtls without credentials; allowed: with "
                                 "security.psk_file or security.cert_file");
        }
        for (size_t j = 0; j < i; j++) {
            if (listeners->items[j].port == listener->port &&
                strcmp(listeners->items[j].host, listener->host) == 0) {
                config_checks_report(check, name, node,
                                     "found the address of listener %zu again; allowed: each once",
                                     j + 1);
            }
        }
    }
}

void config_checks_run(struct config_reader *reader, const struct config_tree *tree,
                       struct config *config)
{
    static void (*const checks[])(struct config_check *) = {
        read_password_file,
        check_password,
        check_broker_tls,
        check_key_pairs,
        check_device_certificates,
        check_order,
        check_listeners,
        config_topics_check,
        check_files,
    };
    struct config_check check = { .reader = reader, .tree = tree, .config = config };
    for (size_t i = 0; i < LENGTH(checks) && !reader->no_memory; i++) {
        checks[i](&check);
    }
}
