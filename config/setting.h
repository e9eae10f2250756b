/*
 * What a setting is: a row of a table, with a kind that knows how to read it.
 *
 * The table of all settings is in settings.c; rows also describe the members of list items
 * ("bind" of a listener), with offsets into the item instead of into struct config.
 */
#ifndef LWM2MQTT_CONFIG_SETTING_H
#define LWM2MQTT_CONFIG_SETTING_H

#include "config/config.h"

#include <stddef.h>
#include <stdint.h>

struct config_reader;
struct config_setting;
struct config_tree_node;

enum { CONFIG_ALLOWED_SIZE = 320 }; /* bytes of a text that says what is allowed */

/** A word that is allowed, and what it stands for. The list of them ends with a NULL word. */
struct config_choice {
    const char *word;
    unsigned value;
};

/** How settings of one kind are read, freed and described. */
struct config_kind {
    const char *name; /* for the reference: "duration" */
    /**
     * For kinds that are one scalar: turns its text into the member (environment variables are
     * already put in). @return 0, -EBADMSG or -ERANGE (not allowed), -ENOMEM; the member is
     * unchanged after a failure
     */
    int (*parse)(const struct config_setting *setting, const char *text, void *member);
    /** Or NULL. Guesses what was meant by a refused text; true when guess is worth showing. */
    bool (*guess)(const struct config_setting *setting, const char *text, char *guess, size_t size);
    /** For all other kinds: reads the node, reports what it finds wrong. */
    void (*read)(struct config_reader *reader, const struct config_setting *setting,
                 const struct config_tree_node *node, void *member);
    /** Or NULL when the member owns nothing. The member is zeroed memory or was read. */
    void (*clear)(void *member);
    /** Says what is allowed. */
    void (*allowed)(const struct config_setting *setting, char *text, size_t size);
};

struct config_setting {
    const char *name;   /* "mqtt.keepalive" */
    const char *preset; /* the default, as YAML; NULL in list items: it must be given */
    const char *help;   /* one line */
    const struct config_kind *kind;
    size_t offset;                       /* of the member in its struct */
    uint64_t min, max;                   /* milliseconds, bytes, numbers, thousandths, lengths */
    const struct config_choice *choices; /* of a choice */
};

extern const struct config_kind config_kind_text;
extern const struct config_kind config_kind_secret;      /* text that no message repeats */
extern const struct config_kind config_kind_secret_file; /* the path of a file with a secret */
extern const struct config_kind config_kind_file;        /* the path of a file that must exist */
extern const struct config_kind config_kind_directory;
extern const struct config_kind config_kind_boolean;
extern const struct config_kind config_kind_integer;  /* uint32_t */
extern const struct config_kind config_kind_decimal;  /* double; min and max in thousandths */
extern const struct config_kind config_kind_duration; /* uint64_t, milliseconds */
extern const struct config_kind config_kind_size;     /* uint64_t, bytes */
extern const struct config_kind config_kind_choice;   /* an enum or uint32_t */
extern const struct config_kind config_kind_bind;     /* host and port of a config_listener */
extern const struct config_kind config_kind_brokers;
extern const struct config_kind config_kind_listeners;
extern const struct config_kind config_kind_topic;
extern const struct config_kind config_kind_qmode_overrides;
extern const struct config_kind config_kind_auto_observe;
extern const struct config_kind config_kind_words; /* a list of names */

/** The table. */
extern const struct config_setting config_settings[];
extern const size_t config_settings_count;

/** The row of a name, NULL when there is none. */
const struct config_setting *config_setting_find(const char *name);

/** Where the setting's value is. */
void *config_setting_member(const struct config_setting *setting, struct config *config);

/**
 * The offset of a member, which must be of that type: a row cannot point a kind at a member of
 * another type.
 */
#define CONFIG_MEMBER(owner, member, type)                                                         \
    _Generic(((owner *)0)->member, type : offsetof(owner, member))

#endif
