/*
 * A template is read level by level where MQTT cares about levels, and placeholder by
 * placeholder for the rest. In a subscription the endpoint becomes "+", so there it must
 * be a level of its own (MQTT 5.0, 4.7.1.3).
 */
#include "config/template.h"

#include "config/error.h"
#include "config/value.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct placeholder {
    const char *text;
    size_t len;
    unsigned bit;
} placeholders[] = {
    { "${endpoint_name}", 16, CONFIG_PLACEHOLDER_ENDPOINT },
    { "%e", 2, CONFIG_PLACEHOLDER_ENDPOINT },
    { "${peerhost}", 11, CONFIG_PLACEHOLDER_PEERHOST },
    { "${client_id}", 12, CONFIG_PLACEHOLDER_CLIENT },
};
enum { PLACEHOLDERS = sizeof placeholders / sizeof placeholders[0] };

static const struct placeholder *placeholder_at(const char *text)
{
    for (size_t i = 0; i < PLACEHOLDERS; i++) {
        if (strncmp(text, placeholders[i].text, placeholders[i].len) == 0) {
            return &placeholders[i];
        }
    }
    return NULL;
}

static void list_placeholders(unsigned allowed, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "none");
    for (size_t i = 0; i < PLACEHOLDERS; i++) {
        if ((allowed & placeholders[i].bit) != 0 && used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     placeholders[i].text);
        }
    }
}

static bool check_placeholders(const struct config_template_rule *rule, const char *template,
                               char *problem)
{
    for (const char *at = template; *at != '\0'; at++) {
        const struct placeholder *known = placeholder_at(at);
        bool starts = known != NULL || strncmp(at, "${", 2) == 0;
        if (!starts || (known != NULL && (known->bit & rule->placeholders) != 0)) {
            continue;
        }
        char quote[CONFIG_QUOTE_SIZE];
        char allowed[96];
        size_t len = strcspn(at, "}");
        len = known != NULL ? known->len : len + (at[len] == '}');
        list_placeholders(rule->placeholders, allowed, sizeof allowed);
        snprintf(problem, CONFIG_PROBLEM_SIZE, "found the placeholder %s; allowed here: %s",
                 config_error_quote(at, len, quote), allowed);
        return false;
    }
    return true;
}

static bool check_bytes(const struct config_template_rule *rule, const char *template,
                        char *problem)
{
    const char *what = NULL;
    if (template[0] == '\0' && !rule->mountpoint) {
        what = "found an empty topic; allowed: at least one character";
    } else if (strlen(template) > UINT16_MAX) {
        what = "found a topic of more than 65535 bytes with its mountpoint; allowed: 65535";
    } else if (!config_value_is_clean_utf8(template)) {
        what = "found a control character or broken UTF-8; allowed: readable text";
    } else if (template[0] == '$' && template[1] != '{') {
        what = "found a topic that begins with $; allowed: others, these belong to the broker";
    }
    if (what != NULL) {
        snprintf(problem, CONFIG_PROBLEM_SIZE, "%s", what);
    }
    return what == NULL;
}

static bool check_wildcards(const struct config_template_rule *rule, const char *template,
                            char *problem)
{
    const char *at = strpbrk(template, "+#");
    if (at == NULL) {
        return true;
    }
    bool last_level = at[0] == '#' && at[1] == '\0' && (at == template || at[-1] == '/');
    if (rule->filter && last_level) {
        return true;
    }
    snprintf(problem, CONFIG_PROBLEM_SIZE, "found the wildcard %c; allowed: %s", *at,
             rule->filter ? "# as the last level, ${endpoint_name} in place of +"
                          : "a topic without + and #");
    return false;
}

/* True when the whole level (up to '/' or the end) is the endpoint. */
static bool is_endpoint_level(const char *level, size_t len)
{
    const struct placeholder *found = placeholder_at(level);
    return found != NULL && found->len == len && found->bit == CONFIG_PLACEHOLDER_ENDPOINT;
}

static bool check_endpoint(const struct config_template_rule *rule, const char *template,
                           char *problem)
{
    if (!rule->filter) {
        return true;
    }
    bool named = false;
    bool whole = true;
    for (const char *at = template; *at != '\0'; at++) {
        const struct placeholder *found = placeholder_at(at);
        if (found != NULL) {
            bool begins = at == template || at[-1] == '/';
            bool ends = at[found->len] == '/' || at[found->len] == '\0';
            named = true;
            whole = whole && begins && ends;
        }
    }
    if (named && whole) {
        return true;
    }
    snprintf(problem, CONFIG_PROBLEM_SIZE, "%s",
             named ? "found ${endpoint_name} as a part of a level; allowed: a level of its own, "
                     "as in dn/${endpoint_name}/cmd"
                   : "found no ${endpoint_name} in the topic or in mqtt.mountpoint, so every "
                     "device would get every command; allowed: dn/${endpoint_name}");
    return false;
}

bool config_template_check(const struct config_template_rule *rule, const char *template,
                           char problem[CONFIG_PROBLEM_SIZE])
{
    return check_bytes(rule, template, problem) && check_placeholders(rule, template, problem) &&
           check_wildcards(rule, template, problem) && check_endpoint(rule, template, problem);
}

bool config_template_overlaps(const char *filter, const char *template)
{
    for (;;) {
        size_t filter_len = strcspn(filter, "/");
        size_t len = strcspn(template, "/");
        if (filter_len == 1 && filter[0] == '#') {
            return true;
        }
        bool same = filter_len == len && memcmp(filter, template, len) == 0;
        if (!same && !is_endpoint_level(filter, filter_len)) {
            return false;
        }
        filter += filter_len;
        template += len;
        if (*filter == '\0' || *template == '\0') {
            /* "a/#" matches "a" itself (MQTT 5.0, 4.7.1.2) */
            return *filter == *template || strcmp(filter, "/#") == 0;
        }
        filter++;
        template ++;
    }
}
