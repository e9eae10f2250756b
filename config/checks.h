/*
 * What a single value cannot tell: settings that contradict each other, files that are
 * missing, topics that MQTT or the gateway cannot use.
 */
#ifndef LWM2MQTT_CONFIG_CHECKS_H
#define LWM2MQTT_CONFIG_CHECKS_H

#include "config/config.h"
#include "config/reader.h"
#include "config/tree.h"

/** What the checks share. Borrows everything. */
struct config_check {
    struct config_reader *reader;
    const struct config_tree *tree; /* for positions only */
    struct config *config;
};

/**
 * Reports about the setting `name` at the place of node; the file's first line when that is
 * NULL, because a default is at fault.
 */
[[gnu::format(printf, 4, 5)]] void config_checks_report(struct config_check *check,
                                                        const char *name,
                                                        const struct config_tree_node *node,
                                                        const char *format, ...);

/** The check of mountpoint and topics (topics.c). */
void config_topics_check(struct config_check *check);

/**
 * Reads password_file and checks config, which was read from tree without errors. What it
 * finds is reported at the position of the setting, or of its neighbour when it is a default.
 */
void config_checks_run(struct config_reader *reader, const struct config_tree *tree,
                       struct config *config);

#endif
