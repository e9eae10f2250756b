/*
 * ${env:NAME} in a value. Other ${…} is left alone: topics have placeholders of their own.
 * Messages name the variable, never its value: secrets come this way.
 */
#include "config/reader.h"

#include "config/error.h"

#include <stdlib.h>
#include <string.h>

static const char opening[] = "${env:";
enum { OPENING_LEN = sizeof opening - 1, EXPANDED_MAX = 65535 };

static const char *lookup(struct config_reader *reader, const struct config_setting *setting,
                          const struct config_tree_node *node, const char *name, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    char variable[128];
    if (len == 0 || len >= sizeof variable || strspn(name, letters) < len || name[len] != '}' ||
        (name[0] >= '0' && name[0] <= '9')) {
        config_reader_report(reader, setting, node,
                             "found ${env: without the name of a variable and }; "
                             "allowed: ${env:NAME}");
        return NULL;
    }
    memcpy(variable, name, len);
    variable[len] = '\0';
    const char *value = reader->environment->variable(variable);
    if (value == NULL) {
        config_reader_report(reader, setting, node, "the environment variable %s is not set",
                             variable);
    }
    return value;
}

static bool append(char *text, size_t *len, const char *more, size_t more_len)
{
    if (more_len > EXPANDED_MAX - *len) {
        return false;
    }
    memcpy(text + *len, more, more_len);
    *len += more_len;
    text[*len] = '\0';
    return true;
}

/* False after a report. */
static bool expand(struct config_reader *reader, const struct config_setting *setting,
                   const struct config_tree_node *node, char *text)
{
    size_t len = 0;
    const char *at = node->text;
    bool fits = true;
    for (const char *found = strstr(at, opening); fits && found; found = strstr(at, opening)) {
        const char *name = found + OPENING_LEN;
        size_t name_len = strcspn(name, "}");
        const char *value = lookup(reader, setting, node, name, name_len);
        if (value == NULL) {
            return false;
        }
        fits = append(text, &len, at, (size_t)(found - at)) &&
               append(text, &len, value, strlen(value));
        at = name + name_len + 1;
    }
    if (!fits || !append(text, &len, at, strlen(at))) {
        config_reader_report(reader, setting, node, "the value is longer than %d bytes",
                             EXPANDED_MAX);
        return false;
    }
    return true;
}

char *config_reader_expand(struct config_reader *reader, const struct config_setting *setting,
                           const struct config_tree_node *node)
{
    char *text = calloc(1, EXPANDED_MAX + 1);
    if (text == NULL) {
        reader->no_memory = true;
        return NULL;
    }
    if (!expand(reader, setting, node, text)) {
        explicit_bzero(text, strlen(text));
        free(text);
        return NULL;
    }
    return text;
}
