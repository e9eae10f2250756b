/*
 * An uplink whose messages end in memory: a real backlog, a broker that confirms everything at once
 * and keeps "topic payload" of the last message.
 */
#pragma once

#include "gateway/uplink.h"

struct fake_outlet {
    struct config config;
    struct log *log;
    struct backlog *backlog;
    struct uplink *uplink;
    unsigned count;  /* messages published */
    char last[4096]; /* "topic payload" */
    char correlation[64];
    uint8_t qos;
    bool has_receipt;
    bool keep;
    bool stuck;        /* the broker takes nothing */
    char logged[4096]; /* the last line */
};

/** Sets the outlet's config to usable topics, then call fake_outlet_open(). */
void fake_outlet_init(struct fake_outlet *outlet);
void fake_outlet_open(struct fake_outlet *outlet);
void fake_outlet_deinit(struct fake_outlet *outlet);
