/*
 * Reads a tree into a struct, driven by a table of settings: finds the row of each key, lets
 * its kind read the value, and reports what is unknown or refused.
 */
#ifndef LWM2MQTT_CONFIG_READER_H
#define LWM2MQTT_CONFIG_READER_H

#include "config/config.h"
#include "config/setting.h"
#include "config/tree.h"

#include <stddef.h>

/** What all reading functions share. Borrows everything. */
struct config_reader {
    const char *file;
    const struct config_environment *environment;
    struct config_error *error;
    bool no_memory; /* memory ran out: what was read is worthless */
    char path[64];  /* "lwm2m.listeners[0]." while that item is read, else "" */
};

/** Fills the members of config (zeroed before) with the defaults of all settings. */
void config_reader_defaults(struct config_reader *reader, struct config *config);

/** Reads a whole file's tree over the defaults. */
void config_reader_tree(struct config_reader *reader, const struct config_tree *tree,
                        struct config *config);

/**
 * Reads a mapping by a table; keys that stand for sections of dotted names are entered.
 *
 * @param owner  the struct that the rows' offsets lead into
 */
void config_reader_mapping(struct config_reader *reader, const struct config_tree_node *node,
                           const struct config_setting *table, size_t count, void *owner);

/** The path for messages while a part of setting is read; item is -1 or an index. */
void config_reader_enter(struct config_reader *reader, const struct config_setting *setting,
                         int item);
void config_reader_leave(struct config_reader *reader);

/** Reads one value by its kind. */
void config_reader_value(struct config_reader *reader, const struct config_setting *setting,
                         const struct config_tree_node *node, void *member);

/**
 * The text of a scalar with ${env:NAME} replaced by the variable's value.
 * @return the caller's; NULL after a report (variable not set, bad name) or without memory
 */
char *config_reader_expand(struct config_reader *reader, const struct config_setting *setting,
                           const struct config_tree_node *node);

/** Reports: "setting: found …; allowed: … (did you mean …?)". guess may be NULL. */
void config_reader_refuse(struct config_reader *reader, const struct config_setting *setting,
                          const struct config_tree_node *node, const char *guess);

/** Reports anything else about a setting, at the position of node. */
[[gnu::format(printf, 4, 5)]] void config_reader_report(struct config_reader *reader,
                                                        const struct config_setting *setting,
                                                        const struct config_tree_node *node,
                                                        const char *format, ...);

#endif
