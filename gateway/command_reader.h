/*
 * Reads the members of a command's data. The first mistake sticks, with its reason; whoever reads
 * looks once, at the end. Private to the command_*.c files.
 */
#pragma once

#include "gateway/command.h"

struct cJSON;

struct command_reader {
    const struct command_context *context;
    struct command *command;
    struct command_refusal *refusal;
    const struct cJSON *data; /* never NULL while members are read */
    bool hex;                 /* strings and opaque values are written in hex */
    bool force;               /* `data.force`: what the definition says does not matter */
    int err;                  /* 0, -EBADMSG (refusal is filled), -ENOMEM */
};

/** Quotes a text for a reason: "abc…", cut when it is long. */
struct command_quote {
    char text[64];
};
struct command_quote command_quote(const char *text);

/** Notes a mistake with code 4.00; later ones are ignored. */
[[gnu::format(printf, 2, 3)]] void command_reject(struct command_reader *reader, const char *format,
                                                  ...);

/** As command_reject(), with another code. */
[[gnu::format(printf, 3, 4)]] void command_reject_with(struct command_reader *reader, uint8_t code,
                                                       const char *format, ...);

/** A member of an object, NULL when it is missing or null; JSON null counts as missing. */
const struct cJSON *command_member(const struct cJSON *object, const char *name);

/** A copy of a string in the command's memory; NULL after an error. */
char *command_keep(struct command_reader *reader, const char *text, size_t len);

/**
 * Reads `name` ("path" or "basePath"): request.path, request.query, req_path.
 *
 * @param depths  bits 1 << depth of the levels that are allowed
 * @param levels  the same in words, for the reason
 */
void command_read_path(struct command_reader *reader, const char *name, unsigned depths,
                       const char *levels);

/** Reads `data.format` (only formats that can be written) and `data.accept`. */
void command_read_format(struct command_reader *reader);
void command_read_accept(struct command_reader *reader);

/** Adds a duration in seconds to the command's time to live; the shortest counts. */
void command_read_ttl(struct command_reader *reader, const struct cJSON *item, const char *name);

/** Reads the attributes of write-attr into request.query, behind a query of the path. */
void command_read_attributes(struct command_reader *reader);

/** Reads `data.args` into request.arguments (Core TS 6.3.5: its grammar is checked). */
void command_read_arguments(struct command_reader *reader);

/** Notes with 4.05 that the definition of a resource forbids to have it "read", "written", …. */
void command_reject_access(struct command_reader *reader, const struct lwm2m_path *path,
                           const char *verb);

/** Reads `data.paths` of a composite operation: records without values. */
void command_read_paths(struct command_reader *reader);

/** Reads `data.value` and `data.type` of a single write into one record. */
void command_read_value(struct command_reader *reader);

/** Reads `data.content` below request.path into records; an empty one is allowed if `may_be_empty`.
 */
void command_read_content(struct command_reader *reader, bool may_be_empty);
