/*
 * A command: one JSON object of the command topic, read into a request for the LwM2M server
 * (protocol.md, 3). One block of memory holds what the request points to and what its answers
 * repeat: the members that are sent back as they came, and the command's data.
 *
 * Parsing is a pure function. Whatever is wrong with a command ends in a reason that names the
 * member at fault.
 */
#pragma once

#include "lwm2m/server.h"

/** Borrowed text, not terminated. */
struct command_text {
    const char *text;
    size_t len;
};

/** Who carries a command out. */
enum command_action {
    COMMAND_REQUEST, /* the device, by command.request */
    /* The gateway itself, at once: administration.c. */
    COMMAND_QUEUE_LIST,
    COMMAND_QUEUE_CLEAR,
    COMMAND_OBSERVE_LIST,
    COMMAND_KICK,
};

struct command {
    enum command_action action;
    struct lwm2m_request request; /* its context points back to the command */
    struct lwm2m_records records; /* what the request writes; its arena holds all texts */
    const char *msg_type;         /* as it came, terminated; "error" if there was none to read */
    const char *req_path;         /* path as it came, without the query; NULL without */
    struct command_text
        echo; /* `,"reqID":1,"imei":"x"`: members that are sent back; may be empty */
    struct command_text data; /* JSON of `data` as it came; empty without */
    uint64_t ttl_ms;          /* from `mheaders.ttl` and `data.ttl`; COMMAND_TTL_NONE */

    /* The owner's: where the answer goes (MQTT 5), and a list of commands under way. */
    const char *response_topic; /* terminated, NULL for the usual one */
    const void *correlation;
    size_t correlation_len;
    uint64_t taken_ms;   /* when it came, in the time of the server */
    uint64_t stored_id;  /* key in the journal; 0: not there */
    bool stored_as_sent; /* the store knows that the device may have carried it out */
    struct command *before, *after;
    bool under_way; /* a device is expected to answer soon */
};

#define COMMAND_TTL_NONE UINT64_MAX

/** What a definition says of a resource. */
struct command_resource {
    enum lwm2m_type type; /* NONE when it has no value or none is told */
    bool readable, writable, executable;
    bool has_range; /* of the value; of String and Opaque of the length */
    double min, max;
};

/** What parsing needs to know of the device. */
struct command_context {
    void *ctx;
    /** Definition of a resource in the device's version of the object; false if unknown. May be
     * NULL. */
    bool (*resource)(void *ctx, uint16_t object, uint16_t resource,
                     struct command_resource *definition);
    bool posts_resources; /* LwM2M 1.1 and later: POST to a resource is a partial update */
    size_t max_records;   /* of one command */
};

/** Why a command cannot be carried out. */
struct command_refusal {
    uint8_t code;     /* LWCOAP_CODE(4, 0) or (4, 5) */
    char reason[240]; /* plain English, one line, UTF-8 */
};

/**
 * Reads a command.
 *
 * @param[out] command  the caller's, on -EBADMSG too: then for its answer only (msg_type, req_path,
 * echo)
 * @return 0, -EBADMSG (`refusal` says why), -ENOMEM (no command)
 */
[[nodiscard]] int command_parse(const char *text, size_t len, const struct command_context *context,
                                struct command **command, struct command_refusal *refusal);

/**
 * The command that observes a path on behalf of the gateway itself, as if somebody had sent
 * {"msgType":"observe","data":{"path":…},"is_auto_observe":true}.
 *
 * @return the caller's, NULL when memory is short
 */
struct command *command_new_observe(const struct lwm2m_path *path);

/** Copies a text into the command's memory, terminated; NULL when memory is short. */
char *command_copy(struct command *command, const void *text, size_t len);

/** Accepts NULL. */
void command_free(struct command *command);

/* The member that marks the answers to the gateway's own observe commands. */
#define COMMAND_AUTO_OBSERVE_ECHO ",\"is_auto_observe\":true"
