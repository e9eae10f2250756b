/*
 * The table of commands and what is common to them: which members are sent back, and which
 * reader takes the rest. The readers of single members are in command_reader.c, those of written
 * values in command_values.c.
 */
#include "gateway/command.h"

#include "gateway/command_reader.h"
#include "gateway/json_members.h"

#include "lwm2m/content/json_exact.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH(depth_) (1u << (depth_))
#define DEPTHS_ALL    (DEPTH(1) | DEPTH(2) | DEPTH(3) | DEPTH(4))

/* What the definition of a resource must allow. */
enum access { ACCESS_ANY, ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

struct row {
    const char *name;
    enum lwm2m_operation operation;
    const char *path_member; /* NULL: a composite operation, of the root */
    unsigned depths;
    const char *levels; /* the same in words */
    enum access access;
    void (*read)(struct command_reader *reader); /* members besides the path; may be NULL */
};

static void read_write(struct command_reader *reader);
static void read_create(struct command_reader *reader);
static void read_composite(struct command_reader *reader);
static void read_write_composite(struct command_reader *reader);

static const struct row rows[] = {
    { "read", LWM2M_READ, "path", DEPTHS_ALL, "one to four levels", ACCESS_READ,
      command_read_accept },
    { "discover", LWM2M_DISCOVER, "path", DEPTH(1) | DEPTH(2) | DEPTH(3), "one to three levels",
      ACCESS_ANY, NULL },
    { "write", LWM2M_WRITE_REPLACE, "path", DEPTH(3) | DEPTH(4),
      "a resource or a resource instance", ACCESS_WRITE, read_write },
    { "write-attr", LWM2M_WRITE_ATTRIBUTES, "path", DEPTHS_ALL, "one to four levels", ACCESS_ANY,
      command_read_attributes },
    { "execute", LWM2M_EXECUTE, "path", DEPTH(3), "a resource", ACCESS_EXECUTE,
      command_read_arguments },
    { "create", LWM2M_CREATE, "basePath", DEPTH(1) | DEPTH(2), "an object or an object instance",
      ACCESS_ANY, read_create },
    { "delete", LWM2M_DELETE, "path", DEPTH(2) | DEPTH(4),
      "an object instance or a resource instance", ACCESS_ANY, NULL },
    { "observe", LWM2M_OBSERVE, "path", DEPTHS_ALL, "one to four levels", ACCESS_READ,
      command_read_accept },
    { "cancel-observe", LWM2M_CANCEL_OBSERVE, "path", DEPTHS_ALL, "one to four levels", ACCESS_ANY,
      command_read_accept },
    { "read-composite", LWM2M_READ_COMPOSITE, NULL, 0, "", ACCESS_ANY, read_composite },
    { "observe-composite", LWM2M_OBSERVE_COMPOSITE, NULL, 0, "", ACCESS_ANY, read_composite },
    { "cancel-observe-composite", LWM2M_CANCEL_OBSERVE_COMPOSITE, NULL, 0, "", ACCESS_ANY,
      read_composite },
    { "write-composite", LWM2M_WRITE_COMPOSITE, NULL, 0, "", ACCESS_ANY, read_write_composite },
};

/* A write of several values; told from a single one by its members. */
static const struct row batch_write = {
    "write",
    LWM2M_WRITE_UPDATE,
    "basePath",
    DEPTH(2) | DEPTH(3),
    "an object instance or a resource",
    ACCESS_WRITE,
    read_write,
};

/* What the gateway carries out itself: there is nothing in `data` to be read. */
static const struct {
    const char *name;
    enum command_action action;
} own_rows[] = {
    { "queue-list", COMMAND_QUEUE_LIST },
    { "queue-clear", COMMAND_QUEUE_CLEAR },
    { "observe-list", COMMAND_OBSERVE_LIST },
    { "kick", COMMAND_KICK },
};

/* --- writes --- */

static void read_mode(struct command_reader *reader)
{
    struct lwm2m_request *request = &reader->command->request;
    const struct cJSON *mode = command_member(reader->data, "mode");
    if (mode == NULL) {
        request->operation = request->path.depth == 2 ? LWM2M_WRITE_UPDATE : LWM2M_WRITE_REPLACE;
    } else if (cJSON_IsString(mode) && strcmp(mode->valuestring, "replace") == 0) {
        request->operation = LWM2M_WRITE_REPLACE;
    } else if (cJSON_IsString(mode) && strcmp(mode->valuestring, "update") == 0) {
        request->operation = LWM2M_WRITE_UPDATE;
    } else {
        command_reject(reader, "data.mode must be \"replace\" or \"update\"");
    }
}

/*
 * One instance of a resource is a partial update of the resource (Core TS 6.3.3); LwM2M 1.0 takes
 * a POST to a resource for an Execute, there it is a partial update of the object instance.
 */
static void address_resource_instance(struct command_reader *reader)
{
    struct lwm2m_request *request = &reader->command->request;
    if (request->path.depth == 4) {
        request->operation = LWM2M_WRITE_UPDATE;
        request->path.depth = reader->context->posts_resources ? 3 : 2;
    }
}

static bool is_batch(const struct cJSON *data)
{
    const struct cJSON *base = command_member(data, "basePath");
    bool is_root = cJSON_IsString(base) && strcmp(base->valuestring, "/") == 0;
    return base != NULL && !(is_root && command_member(data, "path") != NULL);
}

static void read_write(struct command_reader *reader)
{
    if (is_batch(reader->data)) {
        read_mode(reader);
        command_read_content(reader, false);
    } else {
        command_read_value(reader);
        address_resource_instance(reader);
    }
    command_read_format(reader);
}

static void read_create(struct command_reader *reader)
{
    command_read_content(reader, true);
    command_read_format(reader);
    reader->command->request.path.depth = 1;
}

static void read_composite(struct command_reader *reader)
{
    command_read_paths(reader);
    command_read_format(reader);
    command_read_accept(reader);
}

static void read_write_composite(struct command_reader *reader)
{
    command_read_content(reader, false);
    command_read_format(reader);
}

/* --- members that are common to all --- */

/* Members that the gateway writes itself; all others are sent back. */
static bool is_sent_back(const char *name)
{
    static const char *const ours[] = { "msgType",       "ep",      "ts", "data", "seqNum",
                                        "maybeExecuted", "outdated" };
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strcmp(name, ours[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Keeps the members to send back and the data, as they were written. */
static void keep_members(struct command_reader *reader, const struct cJSON *root, const char *text,
                         size_t len)
{
    struct command *command = reader->command;
    char *copy = command_keep(reader, text, len);
    char *echo =
        command_keep(reader, text, len); /* commas for braces: never longer than the text */
    if (echo == NULL) {
        return;
    }
    const struct cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    struct json_members members;
    struct json_member member;
    size_t echo_len = 0;
    json_members_init(&members, copy, len);
    for (const struct cJSON *item = root->child;
         item != NULL && json_members_next(&members, &member); item = item->next) {
        if (item == data) {
            command->data = (struct command_text){ member.value, member.value_len };
        } else if (is_sent_back(item->string)) {
            size_t member_len = (size_t)(member.value + member.value_len - member.name);
            echo[echo_len++] = ',';
            memcpy(echo + echo_len, member.name, member_len);
            echo_len += member_len;
        }
    }
    command->echo = (struct command_text){ echo, echo_len };
}

/* The path of a command that nobody knows, for its answer. */
static void keep_path(struct command_reader *reader)
{
    const struct cJSON *path = command_member(reader->data, "path");
    path = path != NULL ? path : command_member(reader->data, "basePath");
    if (cJSON_IsString(path)) {
        reader->command->req_path =
            command_keep(reader, path->valuestring, strcspn(path->valuestring, "?"));
    }
}

/* Keeps the name of the command; NULL when there is none: then the mistake is noted. */
static const char *read_msg_type(struct command_reader *reader, const struct cJSON *root)
{
    const struct cJSON *msg_type = command_member(root, "msgType");
    if (!cJSON_IsString(msg_type)) {
        command_reject(reader, msg_type == NULL ? "missing member \"msgType\""
                                                : "msgType must be a string");
        return NULL;
    }
    const char *kept = command_keep(reader, msg_type->valuestring, strlen(msg_type->valuestring));
    reader->command->msg_type = kept != NULL ? kept : reader->command->msg_type;
    return kept;
}

static bool is_own(struct command_reader *reader, const char *msg_type)
{
    for (size_t i = 0; i < sizeof(own_rows) / sizeof(own_rows[0]); i++) {
        if (strcmp(own_rows[i].name, msg_type) == 0) {
            reader->command->action = own_rows[i].action;
            return true;
        }
    }
    return false;
}

/* The row of a command, NULL when there is none: then the mistake is noted. */
static const struct row *find_row(struct command_reader *reader, const char *msg_type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, msg_type) == 0) {
            return rows[i].operation == LWM2M_WRITE_REPLACE && is_batch(reader->data) ? &batch_write
                                                                                      : &rows[i];
        }
    }
    keep_path(reader);
    command_reject(reader, "unknown msgType %s", command_quote(msg_type).text);
    return NULL;
}

/* What the definition of the resource forbids is not even tried. */
static void check_access(struct command_reader *reader, enum access access)
{
    static const char *const verbs[] = {
        [ACCESS_READ] = "read",
        [ACCESS_WRITE] = "written",
        [ACCESS_EXECUTE] = "executed",
    };
    const struct lwm2m_path *path = &reader->command->request.path;
    struct command_resource resource;
    if (access == ACCESS_ANY || path->depth < 3 || reader->err != 0 || reader->force ||
        reader->context->resource == NULL ||
        !reader->context->resource(reader->context->ctx, path->ids[0], path->ids[2], &resource)) {
        return;
    }
    bool allowed = access == ACCESS_READ    ? resource.readable
                   : access == ACCESS_WRITE ? resource.writable
                                            : resource.executable;
    if (!allowed) {
        command_reject_access(reader, path, verbs[access]);
    }
}

/* Where the operation goes: a composite one to the root, the paths are in its payload. */
static void read_target(struct command_reader *reader, const struct row *row)
{
    if (row->path_member == NULL) {
        reader->command->req_path = command_keep(reader, "/", 1);
        return;
    }
    command_read_path(reader, row->path_member, row->depths, row->levels);
    check_access(reader, row->access);
}

static void read_command(struct command_reader *reader, const struct cJSON *root)
{
    reader->data = cJSON_GetObjectItemCaseSensitive(root, "data");
    const struct cJSON *encoding = command_member(root, "encoding");
    reader->hex = cJSON_IsString(encoding) && strcmp(encoding->valuestring, "hex") == 0;
    const char *msg_type = read_msg_type(reader, root);
    if (msg_type == NULL || is_own(reader, msg_type)) {
        return;
    }
    const struct row *row = find_row(reader, msg_type);
    if (row != NULL && !cJSON_IsObject(reader->data)) {
        command_reject(reader,
                       reader->data == NULL ? "missing member \"data\"" : "data must be an object");
    }
    if (row == NULL || reader->err != 0) {
        return;
    }
    reader->command->request.operation = row->operation;
    reader->force = cJSON_IsTrue(command_member(reader->data, "force"));
    read_target(reader, row);
    if (row->read != NULL && reader->err == 0) {
        row->read(reader);
    }
    const struct cJSON *headers = command_member(root, "mheaders");
    command_read_ttl(reader, command_member(headers, "ttl"), "mheaders.ttl");
    command_read_ttl(reader, command_member(reader->data, "ttl"), "data.ttl");
}

static void read_text(struct command_reader *reader, const char *text, size_t len)
{
    size_t offset = 0;
    if (!lwm2m_utf8_valid((const uint8_t *)text, len)) {
        command_reject(reader, "the payload is not UTF-8");
        return;
    }
    cJSON *root = lwm2m_json_parse(text, len, &offset);
    if (root == NULL) {
        command_reject(reader, "the payload is not JSON (mistake at byte %zu)", offset);
    } else if (!cJSON_IsObject(root)) {
        command_reject(reader, "the payload is not a JSON object");
    } else {
        keep_members(reader, root, text, len);
        read_command(reader, root);
    }
    cJSON_Delete(root);
}

/* --- the interface --- */

static struct command *command_new(size_t max_records)
{
    struct command *command = calloc(1, sizeof(*command));
    if (command == NULL) {
        return NULL;
    }
    lwm2m_records_init(&command->records, max_records);
    command->msg_type = "error";
    command->ttl_ms = COMMAND_TTL_NONE;
    command->request.format = LWM2M_FORMAT_NONE;
    command->request.accept = LWM2M_FORMAT_NONE;
    command->request.expires_ms = LWM2M_TIMERS_NEVER;
    command->request.context = command;
    return command;
}

int command_parse(const char *text, size_t len, const struct command_context *context,
                  struct command **command, struct command_refusal *refusal)
{
    struct command_reader reader = {
        .context = context,
        .command = command_new(context->max_records),
        .refusal = refusal,
    };
    if (reader.command == NULL) {
        return -ENOMEM;
    }
    read_text(&reader, text, len);
    if (reader.err == -ENOMEM) {
        command_free(reader.command);
        return -ENOMEM;
    }
    reader.command->request.records = reader.command->records.items;
    reader.command->request.record_count = reader.command->records.count;
    *command = reader.command;
    return reader.err;
}

struct command *command_new_observe(const struct lwm2m_path *path)
{
    struct command *command = command_new(1);
    if (command == NULL) {
        return NULL;
    }
    char text[LWM2M_PATH_TEXT_MAX];
    char data[sizeof("{\"path\":\"\"}") + LWM2M_PATH_TEXT_MAX];
    size_t len = lwm2m_path_format(path, text);
    int data_len = snprintf(data, sizeof(data), "{\"path\":\"%s\"}", text);
    command->req_path = command_copy(command, text, len);
    command->data.text = command_copy(command, data, (size_t)data_len);
    command->data.len = (size_t)data_len;
    if (command->req_path == NULL || command->data.text == NULL) {
        command_free(command);
        return NULL;
    }
    command->msg_type = "observe";
    command->echo =
        (struct command_text){ COMMAND_AUTO_OBSERVE_ECHO, sizeof(COMMAND_AUTO_OBSERVE_ECHO) - 1 };
    command->request.operation = LWM2M_OBSERVE;
    command->request.path = *path;
    command->request.automatic = true;
    return command;
}

char *command_copy(struct command *command, const void *text, size_t len)
{
    char *copy = (char *)lwm2m_records_alloc(&command->records, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

void command_free(struct command *command)
{
    if (command != NULL) {
        lwm2m_records_deinit(&command->records);
        free(command);
    }
}
