/*
 * Walks the tree, not the table, so that messages come in the file's order. A key either names
 * a setting, or a section (the beginning of dotted names), or it is unknown.
 */
#include "config/reader.h"

#include "config/error.h"
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A mapping being read: the rows whose names begin with prefix. */
struct section {
    const struct config_setting *table;
    size_t count;
    void *owner;
    char prefix[64]; /* "" or "mqtt.tls." */
};

enum { NAME_SIZE = 128 };

/* The part of a row's name that a key of this section can be; its length is 0 when none. */
static const char *component(const struct section *section, const struct config_setting *setting,
                             size_t *len)
{
    size_t prefix_len = strlen(section->prefix);
    if (strncmp(setting->name, section->prefix, prefix_len) != 0) {
        *len = 0;
        return setting->name;
    }
    *len = strcspn(setting->name + prefix_len, ".");
    return setting->name + prefix_len;
}

static const char *nearest_key(const struct section *section, const struct config_tree_node *key,
                               size_t *found_len)
{
    const char *found = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < section->count; i++) {
        size_t len;
        const char *name = component(section, &section->table[i], &len);
        size_t distance = config_value_distance(key->text, key->len, name, len);
        if (len > 0 && distance < best) {
            best = distance;
            found = name;
            *found_len = len;
        }
    }
    return found;
}

/* A row elsewhere whose last part is the key: it stands in the wrong section. */
static const char *misplaced_key(const struct section *section, const struct config_tree_node *key)
{
    for (size_t i = 0; i < section->count; i++) {
        const char *name = section->table[i].name;
        const char *dot = strrchr(name, '.');
        if (dot != NULL && strcmp(dot + 1, key->text) == 0) {
            return name;
        }
    }
    return NULL;
}

static void list_keys(const struct section *section, char *text, size_t size)
{
    size_t used = 0;
    const char *last = "";
    size_t last_len = 0;
    for (size_t i = 0; i < section->count; i++) {
        size_t len;
        const char *name = component(section, &section->table[i], &len);
        bool again = len == last_len && strncmp(name, last, len) == 0; /* rows of one section */
        if (len == 0 || again || used + len + 2 >= size) {
            continue;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", used > 0 ? ", " : "", (int)len,
                                 name);
        last = name;
        last_len = len;
    }
}

/* The section as messages call it: "mqtt.tls", "lwm2m.listeners[0]", "file" for the whole. */
static const char *section_name(const struct config_reader *reader, const struct section *section,
                                char name[NAME_SIZE])
{
    int len = snprintf(name, NAME_SIZE, "%s%s", reader->path, section->prefix);
    if (len <= 0) {
        return "file";
    }
    name[strlen(name) - 1] = '\0'; /* the last dot */
    return name;
}

static void refuse_key(struct config_reader *reader, const struct section *section,
                       const struct config_tree_node *key)
{
    char quote[CONFIG_QUOTE_SIZE];
    char name[NAME_SIZE];
    char allowed[CONFIG_ALLOWED_SIZE] = "";
    char guess[80] = "";
    size_t len = 0;
    const char *near = nearest_key(section, key, &len);
    if (near == NULL && (near = misplaced_key(section, key)) != NULL) {
        len = strlen(near);
    }
    if (near != NULL) {
        snprintf(guess, sizeof guess, " (did you mean \"%.*s\"?)", (int)len, near);
    }
    list_keys(section, allowed, sizeof allowed);
    config_error_add(reader->error, reader->file, key->line, key->column,
                     "%s: found the unknown key %s; allowed: %s%s",
                     section_name(reader, section, name),
                     config_error_quote(key->text, key->len, quote), allowed, guess);
}

static bool is_section(const struct section *section, const char *prefix)
{
    for (size_t i = 0; i < section->count; i++) {
        if (strncmp(section->table[i].name, prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

static void read_section(struct config_reader *reader, const struct section *section,
                         const struct config_tree_node *node);

static void read_entry(struct config_reader *reader, const struct section *section,
                       const struct config_tree_node *value)
{
    struct section below = *section;
    int len =
        snprintf(below.prefix, sizeof below.prefix, "%s%s.", section->prefix, value->key->text);
    bool dotted = value->key->len == 0 || strchr(value->key->text, '.') != NULL;
    if (dotted || len < 0 || (size_t)len >= sizeof below.prefix) {
        refuse_key(reader, section, value->key);
        return;
    }
    for (size_t i = 0; i < section->count; i++) {
        const struct config_setting *setting = &section->table[i];
        if (strlen(setting->name) == (size_t)len - 1 &&
            strncmp(setting->name, below.prefix, (size_t)len - 1) == 0) {
            config_reader_value(reader, setting, value, (char *)section->owner + setting->offset);
            return;
        }
    }
    if (!is_section(section, below.prefix)) {
        refuse_key(reader, section, value->key);
        return;
    }
    read_section(reader, &below, value);
}

static void read_section(struct config_reader *reader, const struct section *section,
                         const struct config_tree_node *node)
{
    if (node->null) {
        return; /* a section whose settings are all commented out */
    }
    if (node->kind != CONFIG_TREE_MAPPING) {
        /* What stands here instead is not repeated: it may be "password=…". */
        char name[NAME_SIZE];
        char allowed[CONFIG_ALLOWED_SIZE] = "";
        list_keys(section, allowed, sizeof allowed);
        config_error_add(reader->error, reader->file, node->line, node->column,
                         "%s: found a %s; allowed: a mapping of %s",
                         section_name(reader, section, name),
                         node->kind == CONFIG_TREE_LIST ? "list" : "single value", allowed);
        return;
    }
    for (const struct config_tree_node *value = node->head; value != NULL; value = value->next) {
        if (config_error_full(reader->error)) {
            return;
        }
        read_entry(reader, section, value);
    }
}

void config_reader_mapping(struct config_reader *reader, const struct config_tree_node *node,
                           const struct config_setting *table, size_t count, void *owner)
{
    struct section section = { .table = table, .count = count, .owner = owner };
    read_section(reader, &section, node);
}

void config_reader_tree(struct config_reader *reader, const struct config_tree *tree,
                        struct config *config)
{
    if (tree->root != NULL) {
        config_reader_mapping(reader, tree->root, config_settings, config_settings_count, config);
    }
}

void config_reader_defaults(struct config_reader *reader, struct config *config)
{
    for (size_t i = 0; i < config_settings_count && !reader->no_memory; i++) {
        const struct config_setting *setting = &config_settings[i];
        struct config_tree tree;
        int err = config_tree_parse(&tree, "default", setting->preset, strlen(setting->preset),
                                    reader->error);
        if (err) {
            reader->no_memory = err == -ENOMEM;
            continue;
        }
        config_reader_value(reader, setting, tree.root, config_setting_member(setting, config));
        config_tree_deinit(&tree);
    }
    assert(reader->error->count == 0); /* the table holds only defaults that it allows */
}

void config_reader_enter(struct config_reader *reader, const struct config_setting *setting,
                         int item)
{
    if (item < 0) {
        snprintf(reader->path, sizeof reader->path, "%s.", setting->name);
    } else {
        snprintf(reader->path, sizeof reader->path, "%s[%d].", setting->name, item);
    }
}

void config_reader_leave(struct config_reader *reader)
{
    reader->path[0] = '\0';
}

void config_reader_value(struct config_reader *reader, const struct config_setting *setting,
                         const struct config_tree_node *node, void *member)
{
    if (node->null) {
        config_reader_refuse(reader, setting, node, NULL);
        return;
    }
    if (setting->kind->read != NULL) {
        setting->kind->read(reader, setting, node, member);
        return;
    }
    if (node->kind != CONFIG_TREE_SCALAR) {
        config_reader_refuse(reader, setting, node, NULL);
        return;
    }
    char *text = config_reader_expand(reader, setting, node);
    if (text == NULL) {
        return;
    }
    int err = setting->kind->parse(setting, text, member);
    char guess[80];
    if (err == -ENOMEM) {
        reader->no_memory = true;
    } else if (err) {
        /* A guess is made from what the file says: the variable's value may be a secret. */
        bool guessed = setting->kind->guess != NULL &&
                       setting->kind->guess(setting, node->text, guess, sizeof guess);
        config_reader_refuse(reader, setting, node, guessed ? guess : NULL);
    }
    explicit_bzero(text, strlen(text));
    free(text);
}

static const char *describe_found(const struct config_setting *setting,
                                  const struct config_tree_node *node,
                                  char quote[CONFIG_QUOTE_SIZE])
{
    if (node->null) {
        return "nothing";
    }
    if (node->kind != CONFIG_TREE_SCALAR) {
        return node->kind == CONFIG_TREE_LIST ? "a list" : "a mapping";
    }
    if (setting->kind == &config_kind_secret) {
        return "a value that is not allowed";
    }
    if (strchr(node->text, '@') != NULL) {
        return "a text with @"; /* perhaps "user:password@host" */
    }
    return config_error_quote(node->text, node->len, quote);
}

void config_reader_refuse(struct config_reader *reader, const struct config_setting *setting,
                          const struct config_tree_node *node, const char *guess)
{
    char quote[CONFIG_QUOTE_SIZE];
    char allowed[CONFIG_ALLOWED_SIZE];
    setting->kind->allowed(setting, allowed, sizeof allowed);
    config_reader_report(reader, setting, node, "found %s; allowed: %s%s%s%s",
                         describe_found(setting, node, quote), allowed,
                         guess != NULL ? " (did you mean \"" : "", guess != NULL ? guess : "",
                         guess != NULL ? "\"?)" : "");
}

void config_reader_report(struct config_reader *reader, const struct config_setting *setting,
                          const struct config_tree_node *node, const char *format, ...)
{
    char what[CONFIG_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", reader->path, setting->name);
    if (setting->name[0] == '\0') {
        name[strlen(name) - 1] = '\0'; /* an item that is one scalar: "lwm2m.auto_observe[0]" */
    }
    config_error_add(reader->error, reader->file, node->line, node->column, "%s: %s", name, what);
}
