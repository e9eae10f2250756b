/*
 * The topics as a whole: each template below the mountpoint, and the commands apart from
 * what the gateway itself publishes (or it would answer its own answers for ever).
 */
#include "config/checks.h"

#include "config/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICE = CONFIG_PLACEHOLDER_ENDPOINT, UPLINK = DEVICE | CONFIG_PLACEHOLDER_PEERHOST };

static const char mountpoint_name[] = "mqtt.mountpoint";

static const struct row {
    const char *name;
    struct config_template_rule rule;
} rows[CONFIG_TOPICS] = {
    [CONFIG_TOPIC_COMMAND] = { "mqtt.topics.command", { .placeholders = DEVICE, .filter = true } },
    [CONFIG_TOPIC_RESPONSE] = { "mqtt.topics.response", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_REGISTER] = { "mqtt.topics.register", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_UPDATE] = { "mqtt.topics.update", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_DEREGISTER] = { "mqtt.topics.deregister", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_NOTIFY] = { "mqtt.topics.notify", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_SEND] = { "mqtt.topics.send", { .placeholders = UPLINK } },
    [CONFIG_TOPIC_STATUS] = { "mqtt.topics.status", { .placeholders = CONFIG_PLACEHOLDER_CLIENT } },
};

/* Where a topic is in the file; the mountpoint stands in for a topic that is not. */
static const struct config_tree_node *place(const struct config_check *check, const char *name)
{
    char topic_name[64];
    snprintf(topic_name, sizeof topic_name, "%s.topic", name);
    const struct config_tree_node *node = config_tree_find(check->tree, topic_name);
    return node != NULL ? node : config_tree_find(check->tree, mountpoint_name);
}

/* The whole template, the caller's; NULL without memory. The status topic stands alone. */
static char *whole_template(struct config_check *check, size_t index)
{
    const char *topic = check->config->mqtt.topics[index].topic;
    const char *mountpoint = index == CONFIG_TOPIC_STATUS ? "" : check->config->mqtt.mountpoint;
    char *whole = NULL;
    if (asprintf(&whole, "%s%s", mountpoint, topic) < 0) {
        check->reader->no_memory = true;
        return NULL;
    }
    return whole;
}

static void check_topic(struct config_check *check, size_t index)
{
    const struct row *row = &rows[index];
    char *template = whole_template(check, index);
    char problem[CONFIG_PROBLEM_SIZE];
    if (template == NULL) {
        return;
    }
    if (check->config->mqtt.topics[index].topic[0] == '\0') {
        config_checks_report(check, row->name, place(check, row->name),
                             "found an empty topic; allowed: at least one character");
    } else if (!config_template_check(&row->rule, template, problem)) {
        config_checks_report(check, row->name, place(check, row->name), "%s", problem);
    }
    free(template);
}

/* Reports the first topic that the gateway would receive itself; more would say the same. */
static void check_loops(struct config_check *check)
{
    static const char command[] = "mqtt.topics.command";
    char *filter = whole_template(check, CONFIG_TOPIC_COMMAND);
    bool loops = false;
    for (size_t i = CONFIG_TOPIC_COMMAND + 1; i < CONFIG_TOPICS && filter && !loops; i++) {
        char *template = whole_template(check, i);
        loops = template != NULL && config_template_overlaps(filter, template);
        free(template);
        if (loops) {
            const struct config_tree_node *node = place(check, rows[i].name);
            config_checks_report(check, rows[i].name, node != NULL ? node : place(check, command),
                                 "found a topic that %s receives, so the gateway would take its "
                                 "own messages for commands; allowed: another",
                                 command);
        }
    }
    free(filter);
}

static void check_client_id(struct config_check *check)
{
    const struct config *config = check->config;
    bool used = strstr(config->mqtt.topics[CONFIG_TOPIC_STATUS].topic, "${client_id}") != NULL;
    if (used && strpbrk(config->mqtt.client_id, "+#") != NULL) {
        config_checks_report(check, "mqtt.client_id",
                             config_tree_find(check->tree, "mqtt.client_id"),
                             "found + or #, which mqtt.topics.status cannot hold; "
                             "allowed: a name without");
    }
}

void config_topics_check(struct config_check *check)
{
    static const struct config_template_rule mountpoint_rule = { .placeholders = DEVICE,
                                                                 .mountpoint = true };
    char problem[CONFIG_PROBLEM_SIZE];
    if (!config_template_check(&mountpoint_rule, check->config->mqtt.mountpoint, problem)) {
        config_checks_report(check, mountpoint_name, config_tree_find(check->tree, mountpoint_name),
                             "%s", problem);
        return; /* every topic would have the same fault */
    }
    for (size_t i = 0; i < CONFIG_TOPICS; i++) {
        check_topic(check, i);
    }
    check_loops(check);
    check_client_id(check);
}
