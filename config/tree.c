/*
 * Turns libyaml's events into a tree. The event interface is used rather than libyaml's own
 * documents because it shows anchors, aliases and tags before they cost anything, and because
 * depth and size are checked while the text is read, not afterwards.
 */
#include "config/tree.h"

#include "config/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

enum { DEPTH_MAX = 12, NODES_MAX = 16384 };

struct builder {
    struct config_tree *tree;
    const char *file;
    const char *text;
    struct config_error *error;
    struct config_tree_node *open[DEPTH_MAX]; /* collections whose end has not come */
    size_t depth;
    struct config_tree_node *key; /* read, its value has not come */
    size_t documents;
    bool ended;
};

static int refuse(struct builder *builder, yaml_mark_t mark, const char *what)
{
    config_error_add(builder->error, builder->file, mark.line + 1, mark.column + 1, "%s", what);
    return -EBADMSG;
}

/* Where a byte that is no character is: libyaml's reader counts bytes, not lines. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset)
{
    yaml_mark_t mark = { .index = offset };
    for (size_t i = 0; i < offset; i++) {
        mark.column++;
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static int refuse_syntax(struct builder *builder, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return -ENOMEM;
    }
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
    const char *context = parser->context != NULL ? parser->context : "";
    bool tab = strstr(problem, "cannot start any token") != NULL;
    yaml_mark_t mark = parser->error == YAML_READER_ERROR
                           ? mark_of_offset(builder->text, parser->problem_offset)
                           : parser->problem_mark;
    config_error_add(builder->error, builder->file, mark.line + 1, mark.column + 1,
                     "this is not YAML: %s%s%s%s", problem, context[0] != '\0' ? " " : "", context,
                     tab ? " (indentation is blanks, not tabs)" : "");
    return -EBADMSG;
}

static struct config_tree_node *make_node(struct builder *builder, enum config_tree_kind kind,
                                          yaml_mark_t mark)
{
    struct config_tree_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    node->made_before = builder->tree->last_made;
    builder->tree->last_made = node;
    builder->tree->count++;
    return node;
}

/* Puts a node where the text has it: root, item of a list, key or value of a mapping. */
static int place_node(struct builder *builder, struct config_tree_node *node, yaml_mark_t mark)
{
    if (builder->depth == 0) {
        builder->tree->root = node;
        return 0;
    }
    struct config_tree_node *parent = builder->open[builder->depth - 1];
    if (parent->kind == CONFIG_TREE_MAPPING && builder->key == NULL) {
        if (node->kind != CONFIG_TREE_SCALAR) {
            return refuse(builder, mark, "found a list or a mapping as a key; allowed: a name");
        }
        if (config_tree_member(parent, node->text, node->len) != NULL) {
            char quote[CONFIG_QUOTE_SIZE];
            config_error_add(builder->error, builder->file, node->line, node->column,
                             "%s is here for the second time; allowed: once",
                             config_error_quote(node->text, node->len, quote));
            return -EBADMSG;
        }
        builder->key = node;
        return 0;
    }
    node->key = builder->key;
    builder->key = NULL;
    if (parent->tail == NULL) {
        parent->head = node;
    } else {
        parent->tail->next = node;
    }
    parent->tail = node;
    return 0;
}

static bool says_nothing(const yaml_event_t *event)
{
    static const char *const nothings[] = { "", "~", "null", "Null", "NULL" };
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; i < sizeof nothings / sizeof nothings[0]; i++) {
        if (strcmp((const char *)event->data.scalar.value, nothings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int add_scalar(struct builder *builder, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(text, '\0', len) != NULL) {
        return refuse(builder, event->start_mark, "found a NUL character; allowed: text without");
    }
    struct config_tree_node *node = make_node(builder, CONFIG_TREE_SCALAR, event->start_mark);
    if (node == NULL) {
        return -ENOMEM;
    }
    node->text = strndup(text, len);
    if (node->text == NULL) {
        return -ENOMEM;
    }
    node->len = len;
    node->null = says_nothing(event);
    return place_node(builder, node, event->start_mark);
}

static int open_collection(struct builder *builder, const yaml_event_t *event,
                           enum config_tree_kind kind)
{
    if (builder->depth == DEPTH_MAX) {
        return refuse(builder, event->start_mark, "lists and mappings are nested too deeply");
    }
    struct config_tree_node *node = make_node(builder, kind, event->start_mark);
    if (node == NULL) {
        return -ENOMEM;
    }
    int err = place_node(builder, node, event->start_mark);
    if (err == 0) {
        builder->open[builder->depth++] = node;
    }
    return err;
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static int handle_event(struct builder *builder, const yaml_event_t *event)
{
    if (has_anchor_or_tag(event)) {
        return refuse(builder, event->start_mark,
                      "found an anchor (&), an alias (*) or a tag (!); allowed: plain values "
                      "(a text that begins so needs quotes)");
    }
    if (builder->tree->count >= NODES_MAX) {
        return refuse(builder, event->start_mark, "the file holds too many values");
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++ > 0) {
            return refuse(builder, event->start_mark,
                          "found a second document (---); allowed: one");
        }
        return 0;
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(builder, event, CONFIG_TREE_LIST);
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, event, CONFIG_TREE_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        return 0;
    case YAML_STREAM_END_EVENT:
        builder->ended = true;
        return 0;
    default:
        return 0;
    }
}

static int build(struct builder *builder, yaml_parser_t *parser)
{
    while (!builder->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return refuse_syntax(builder, parser);
        }
        int err = handle_event(builder, &event);
        yaml_event_delete(&event);
        if (err) {
            return err;
        }
    }
    return 0;
}

int config_tree_parse(struct config_tree *tree, const char *file, const char *text, size_t len,
                      struct config_error *error)
{
    *tree = (struct config_tree){ 0 };
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    struct builder builder = { .tree = tree, .file = file, .text = text, .error = error };
    int err = build(&builder, &parser);
    yaml_parser_delete(&parser);
    if (err) {
        config_tree_deinit(tree);
    }
    return err;
}

void config_tree_deinit(struct config_tree *tree)
{
    for (struct config_tree_node *node = tree->last_made; node != NULL;) {
        struct config_tree_node *before = node->made_before;
        if (node->text != NULL) {
            explicit_bzero(node->text, node->len); /* it may be a password */
        }
        free(node->text);
        free(node);
        node = before;
    }
    *tree = (struct config_tree){ 0 };
}

const struct config_tree_node *config_tree_member(const struct config_tree_node *node,
                                                  const char *key, size_t len)
{
    if (node->kind != CONFIG_TREE_MAPPING) {
        return NULL;
    }
    for (const struct config_tree_node *value = node->head; value != NULL; value = value->next) {
        if (value->key->len == len && memcmp(value->key->text, key, len) == 0) {
            return value;
        }
    }
    return NULL;
}

const struct config_tree_node *config_tree_find(const struct config_tree *tree, const char *name)
{
    const struct config_tree_node *node = tree->root;
    while (node != NULL) {
        size_t len = strcspn(name, ".");
        node = config_tree_member(node, name, len);
        if (name[len] == '\0') {
            break;
        }
        name += len + 1;
    }
    return node;
}
