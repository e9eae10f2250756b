/*
 * A YAML text as a small tree of nodes with positions.
 *
 * Only what a configuration needs: mappings with scalar keys, lists, scalars. Anchors, aliases
 * and tags are refused, as are several documents; depth and number of nodes are bounded.
 */
#ifndef LWM2MQTT_CONFIG_TREE_H
#define LWM2MQTT_CONFIG_TREE_H

#include "config/config.h"

#include <stddef.h>

enum config_tree_kind { CONFIG_TREE_SCALAR, CONFIG_TREE_LIST, CONFIG_TREE_MAPPING };

struct config_tree_node {
    enum config_tree_kind kind;
    bool null;                     /* nothing, ~ or null written without quotes */
    size_t line, column;           /* from 1; column in characters */
    char *text;                    /* of a scalar: without NUL inside, NUL-terminated */
    size_t len;                    /* bytes of text */
    struct config_tree_node *key;  /* a scalar when this is a value of a mapping, else NULL */
    struct config_tree_node *head; /* first item of a list, first value of a mapping */
    struct config_tree_node *tail;
    struct config_tree_node *next;        /* sibling */
    struct config_tree_node *made_before; /* chain of all nodes, for freeing */
};

struct config_tree {
    struct config_tree_node *root; /* NULL when the text holds nothing */
    struct config_tree_node *last_made;
    size_t count;
};

/**
 * Parses a text into a tree.
 *
 * @param file  name for the messages
 * @return 0, -EBADMSG (a message was added to error), -ENOMEM; on failure the tree is empty
 */
[[nodiscard]] int config_tree_parse(struct config_tree *tree, const char *file, const char *text,
                                    size_t len, struct config_error *error);

void config_tree_deinit(struct config_tree *tree);

/** The value under a dotted name ("mqtt.tls.ca_file"), borrowed; NULL when it is not there. */
const struct config_tree_node *config_tree_find(const struct config_tree *tree, const char *name);

/** The value of a mapping under one key, borrowed; NULL when absent or node is no mapping. */
const struct config_tree_node *config_tree_member(const struct config_tree_node *node,
                                                  const char *key, size_t len);

#endif
