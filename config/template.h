/*
 * Topic templates: which placeholders they may hold, and whether MQTT can carry them.
 */
#ifndef LWM2MQTT_CONFIG_TEMPLATE_H
#define LWM2MQTT_CONFIG_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_PROBLEM_SIZE = 256 };

enum config_placeholder {
    CONFIG_PLACEHOLDER_ENDPOINT = 1 << 0, /* ${endpoint_name} or %e */
    CONFIG_PLACEHOLDER_PEERHOST = 1 << 1, /* ${peerhost} */
    CONFIG_PLACEHOLDER_CLIENT = 1 << 2,   /* ${client_id} */
};

/** Where a template is used. */
struct config_template_rule {
    unsigned placeholders; /* allowed ones, a set of config_placeholder */
    bool filter;           /* subscribed to: must name the endpoint, may end in # */
    bool mountpoint;       /* only the beginning of topics: may be empty */
};

/**
 * Checks one whole template (mountpoint and topic together).
 *
 * @param[out] problem  "found …; allowed: …" when false is returned
 */
bool config_template_check(const struct config_template_rule *rule, const char *template,
                           char problem[CONFIG_PROBLEM_SIZE]);

/** True when a topic made from template matches the filter for some device, by its fixed parts. */
bool config_template_overlaps(const char *filter, const char *template);

#endif
