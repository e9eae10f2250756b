/*
 * Commands: a row is the JSON that a user sends and what becomes of it, written as one line:
 * operation path?query, formats, arguments, time to live, values, members that are sent back.
 */
#include "gateway/command.h"

#include "gateway/codes.h"
#include "gateway/json_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fake_resource {
    uint16_t object, id;
    struct command_resource definition;
};

static const struct fake_resource resources[] = {
    { 1, 1, { LWM2M_TYPE_INTEGER, true, true, false, false, 0, 0 } },
    { 4, 1, { LWM2M_TYPE_INTEGER, true, true, false, true, -10, 100 } },
    { 4, 2, { LWM2M_TYPE_STRING, true, true, false, true, 1, 3 } },
    { 4, 3, { LWM2M_TYPE_OPAQUE, true, true, false, true, 0, 2 } },
    { 4, 4, { LWM2M_TYPE_INTEGER, true, false, false, false, 0, 0 } },
    { 1, 6, { LWM2M_TYPE_BOOLEAN, true, true, false, false, 0, 0 } },
    { 3, 0, { LWM2M_TYPE_STRING, true, false, false, false, 0, 0 } },
    { 3, 4, { LWM2M_TYPE_NONE, false, false, true, false, 0, 0 } },
    { 3, 6, { LWM2M_TYPE_INTEGER, true, true, false, false, 0, 0 } },
    { 3, 13, { LWM2M_TYPE_TIME, true, true, false, false, 0, 0 } },
    { 3, 14, { LWM2M_TYPE_STRING, true, true, false, false, 0, 0 } },
    { 5, 0, { LWM2M_TYPE_OPAQUE, false, true, false, false, 0, 0 } },
    { 65, 1, { LWM2M_TYPE_OBJLNK, true, true, false, false, 0, 0 } },
    { 65, 2, { LWM2M_TYPE_UNSIGNED, true, true, false, false, 0, 0 } },
    { 65, 3, { LWM2M_TYPE_FLOAT, true, true, false, false, 0, 0 } },
    { 65, 4, { LWM2M_TYPE_CORELNK, true, true, false, false, 0, 0 } },
};

static bool find_resource(void *ctx, uint16_t object, uint16_t id,
                          struct command_resource *definition)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        if (resources[i].object == object && resources[i].id == id) {
            *definition = resources[i].definition;
            return true;
        }
    }
    return false;
}

static const char *const operations[] = {
    [LWM2M_READ] = "READ",
    [LWM2M_DISCOVER] = "DISCOVER",
    [LWM2M_WRITE_REPLACE] = "PUT",
    [LWM2M_WRITE_UPDATE] = "POST",
    [LWM2M_WRITE_ATTRIBUTES] = "ATTR",
    [LWM2M_EXECUTE] = "EXEC",
    [LWM2M_CREATE] = "CREATE",
    [LWM2M_DELETE] = "DELETE",
    [LWM2M_OBSERVE] = "OBSERVE",
    [LWM2M_CANCEL_OBSERVE] = "CANCEL",
    [LWM2M_READ_COMPOSITE] = "READ-COMPOSITE",
    [LWM2M_WRITE_COMPOSITE] = "IPATCH",
    [LWM2M_OBSERVE_COMPOSITE] = "OBSERVE-COMPOSITE",
    [LWM2M_CANCEL_OBSERVE_COMPOSITE] = "CANCEL-COMPOSITE",
};

static void describe_records(const struct lwm2m_request *request, struct lwm2m_buffer *line)
{
    for (size_t i = 0; i < request->record_count; i++) {
        char path[LWM2M_PATH_TEXT_MAX];
        lwm2m_path_format(&request->records[i].path, path);
        lwm2m_buffer_append_text(line, " ");
        lwm2m_buffer_append_text(line, path);
        lwm2m_buffer_append_text(line, "=");
        lwm2m_buffer_append_text(line, lwm2m_type_name(request->records[i].value.type));
        lwm2m_buffer_append_text(line, ":");
        json_value(line, &request->records[i].value);
    }
}

static void describe_request(const struct command *command, struct lwm2m_buffer *line)
{
    const struct lwm2m_request *request = &command->request;
    char text[200];
    lwm2m_path_format(&request->path, text);
    lwm2m_buffer_append_text(line, operations[request->operation]);
    lwm2m_buffer_append_text(line, " ");
    lwm2m_buffer_append_text(line, text);
    if (request->query != NULL) {
        lwm2m_buffer_append_text(line, "?");
        lwm2m_buffer_append_text(line, request->query);
    }
    if (request->format != LWM2M_FORMAT_NONE) {
        (void)snprintf(text, sizeof(text), " format=%u", request->format);
        lwm2m_buffer_append_text(line, text);
    }
    if (request->accept != LWM2M_FORMAT_NONE) {
        (void)snprintf(text, sizeof(text), " accept=%u", request->accept);
        lwm2m_buffer_append_text(line, text);
    }
    if (request->arguments != NULL) {
        lwm2m_buffer_append_text(line, " args=");
        lwm2m_buffer_append_text(line, request->arguments);
    }
    if (command->ttl_ms != COMMAND_TTL_NONE) {
        (void)snprintf(text, sizeof(text), " ttl=%llu", (unsigned long long)command->ttl_ms);
        lwm2m_buffer_append_text(line, text);
    }
    describe_records(request, line);
    if (command->echo.len > 0) {
        lwm2m_buffer_append_text(line, " echo=");
        lwm2m_buffer_append(line, command->echo.text, command->echo.len);
    }
}

/* What becomes of a command, as one line. The caller frees the buffer. */
static void describe(const char *json, bool posts_resources, struct lwm2m_buffer *line)
{
    struct command_context context = {
        .resource = find_resource,
        .posts_resources = posts_resources,
        .max_records = 4,
    };
    struct command *command = NULL;
    struct command_refusal refusal;
    lwm2m_buffer_init(line, 100000);
    int err = command_parse(json, strlen(json), &context, &command, &refusal);
    if (err == 0) {
        assert_ptr_equal(command->request.context, command);
        describe_request(command, line);
    } else {
        char code[5];
        assert_int_equal(err, -EBADMSG);
        code_format(refusal.code, code);
        lwm2m_buffer_append_text(line, code);
        lwm2m_buffer_append_text(line, " ");
        lwm2m_buffer_append_text(line, refusal.reason);
    }
    lwm2m_buffer_append_byte(line, '\0');
    command_free(command);
}

struct row {
    const char *json, *expected;
};

static void check(const struct row *rows, size_t count, bool posts_resources)
{
    for (size_t i = 0; i < count; i++) {
        struct lwm2m_buffer line;
        describe(rows[i].json, posts_resources, &line);
        if (strcmp((const char *)line.data, rows[i].expected) != 0) {
            print_message("%s\n", rows[i].json);
        }
        assert_string_equal((const char *)line.data, rows[i].expected);
        lwm2m_buffer_deinit(&line);
    }
}

#define CHECK(rows_) check((rows_), sizeof(rows_) / sizeof((rows_)[0]), true)

#define DATA(type_, data_) "{\"msgType\":\"" type_ "\",\"data\":{" data_ "}}"

static void paths_of_all_forms_are_understood(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("read", "\"path\":\"/3/0/0\""), "READ /3/0/0" },
        { DATA("read", "\"path\":\"3/0/0\""), "READ /3/0/0" },
        { DATA("read", "\"path\":\"/3/0/\""), "READ /3/0" },
        { DATA("read", "\"path\":\"/3\""), "READ /3" },
        { DATA("read", "\"path\":\"/3/0/6/1\""), "READ /3/0/6/1" },
        { DATA("read", "\"path\":\"/3/0?a=1&b=2\""), "READ /3/0?a=1&b=2" },
        { DATA("read", "\"path\":\"/3/0?\""), "READ /3/0" },
        { DATA("read", "\"path\":\"/65534/65534/65534/65534\""), "READ /65534/65534/65534/65534" },
        { DATA("read", "\"path\":\"/\""), "4.00 data.path \"/\" must name one to four levels" },
        { DATA("read", "\"path\":\"\""), "4.00 data.path \"\" must name one to four levels" },
        { DATA("read", "\"path\":\"/a\""),
          "4.00 data.path \"/a\" is not a path such as \"/3/0/1\"" },
        { DATA("read", "\"path\":\"/3//0\""),
          "4.00 data.path \"/3//0\" is not a path such as \"/3/0/1\"" },
        { DATA("read", "\"path\":\"/65535\""),
          "4.00 data.path \"/65535\" is not a path such as \"/3/0/1\"" },
        { DATA("read", "\"path\":\"/1/2/3/4/5\""),
          "4.00 data.path \"/1/2/3/4/5\" is not a path such as \"/3/0/1\"" },
        { DATA("read", "\"path\":5"), "4.00 data.path must be a string" },
        { DATA("read", "\"path\":null"), "4.00 missing member \"data.path\"" },
        { DATA("read", ""), "4.00 missing member \"data.path\"" },
        { DATA("read", "\"path\":\"/3/0?a\\nb\""),
          "4.00 data.path has a control character in its query" },
        { DATA("discover", "\"path\":\"/3/0?depth=2\""), "DISCOVER /3/0?depth=2" },
        { DATA("discover", "\"path\":\"/3/0/6/0\""),
          "4.00 data.path \"/3/0/6/0\" must name one to three levels" },
        { DATA("delete", "\"path\":\"/3303/1\""), "DELETE /3303/1" },
        { DATA("delete", "\"path\":\"/3/0/6/1\""), "DELETE /3/0/6/1" },
        { DATA("delete", "\"path\":\"/3303\""),
          "4.00 data.path \"/3303\" must name an object instance or a resource instance" },
        { DATA("observe", "\"path\":\"/3303\""), "OBSERVE /3303" },
        { DATA("observe", "\"path\":\"/3/0/6?pmin=1&pmax=10\""), "OBSERVE /3/0/6?pmin=1&pmax=10" },
        { DATA("cancel-observe", "\"path\":\"/3/0/6?pmin=1\""), "CANCEL /3/0/6?pmin=1" },
        { DATA("cancel-observe", "\"path\":\"/3/0/4\""), "CANCEL /3/0/4" },
    };
    CHECK(rows);
}

static void what_is_no_command_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "", "4.00 the payload is not JSON (mistake at byte 0)" },
        { "nonsense", "4.00 the payload is not JSON (mistake at byte 1)" },
        { "{", "4.00 the payload is not JSON (mistake at byte 0)" },
        { "{} {}", "4.00 the payload is not JSON (mistake at byte 2)" },
        { "\xff", "4.00 the payload is not UTF-8" },
        { "{\"msgType\":\"read\",\"reqID\":\"\xc3\"}", "4.00 the payload is not UTF-8" },
        { "[]", "4.00 the payload is not a JSON object" },
        { "5", "4.00 the payload is not a JSON object" },
        { "{}", "4.00 missing member \"msgType\"" },
        { "{\"msgType\":null}", "4.00 missing member \"msgType\"" },
        { "{\"msgType\":5}", "4.00 msgType must be a string" },
        { "{\"msgType\":\"reed\",\"data\":{}}", "4.00 unknown msgType \"reed\"" },
        { "{\"msgType\":\"READ\",\"data\":{}}", "4.00 unknown msgType \"READ\"" },
        { "{\"msgType\":\"0123456789012345678901234567890123456789ä\"}",
          "4.00 unknown msgType \"0123456789012345678901234567890123456789…\"" },
        { "{\"msgType\":\"012345678901234567890123456789012345678ä\"}",
          "4.00 unknown msgType \"012345678901234567890123456789012345678…\"" },
        { "{\"msgType\":\"read\"}", "4.00 missing member \"data\"" },
        { "{\"msgType\":\"read\",\"data\":null}", "4.00 data must be an object" },
        { "{\"msgType\":\"read\",\"data\":[]}", "4.00 data must be an object" },
        { "{\"msgType\":\"read\",\"data\":\"/3\"}", "4.00 data must be an object" },
    };
    CHECK(rows);
}

static void definitions_forbid_what_makes_no_sense(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("read", "\"path\":\"/3/0/4\""),
          "4.05 by its definition, resource 4 of object 3 cannot be read" },
        { DATA("observe", "\"path\":\"/5/0/0\""),
          "4.05 by its definition, resource 0 of object 5 cannot be read" },
        { DATA("write", "\"path\":\"/3/0/0\",\"value\":\"x\""),
          "4.05 by its definition, resource 0 of object 3 cannot be written" },
        { DATA("write", "\"basePath\":\"/3/0/0\",\"content\":[{\"path\":\"1\",\"value\":1}]"),
          "4.05 by its definition, resource 0 of object 3 cannot be written" },
        { DATA("execute", "\"path\":\"/3/0/0\""),
          "4.05 by its definition, resource 0 of object 3 cannot be executed" },
        { DATA("execute", "\"path\":\"/3/0/99\""),
          "EXEC /3/0/99" }, /* unknown: the device decides */
        { DATA("read", "\"path\":\"/3\""), "READ /3" },
        { DATA("read", "\"path\":\"/999/0/0\""), "READ /999/0/0" },
    };
    CHECK(rows);
}

static void values_keep_to_the_range_of_their_definition(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("write", "\"path\":\"/4/0/1\",\"value\":100"), "PUT /4/0/1 /4/0/1=Integer:100" },
        { DATA("write", "\"path\":\"/4/0/1\",\"value\":101"),
          "4.00 data.value: the value 101 is not in the range -10..100 of resource 1 of object 4" },
        { DATA("write", "\"path\":\"/4/0/1\",\"value\":-11"),
          "4.00 data.value: the value -11 is not in the range -10..100 of resource 1 of object 4" },
        { DATA("write", "\"path\":\"/4/0/1\",\"value\":101,\"force\":true"),
          "PUT /4/0/1 /4/0/1=Integer:101" },
        { DATA("write", "\"path\":\"/4/0/2\",\"value\":\"äöü\""),
          "PUT /4/0/2 /4/0/2=String:\"äöü\"" },
        { DATA("write", "\"path\":\"/4/0/2\",\"value\":\"\""),
          "4.00 data.value: the length 0 is not in the range 1..3 of resource 2 of object 4" },
        { DATA("write", "\"path\":\"/4/0/3\",\"value\":\"AAAA\""),
          "4.00 data.value: the length 3 is not in the range 0..2 of resource 3 of object 4" },
        { DATA("write", "\"basePath\":\"/4/0\",\"content\":[{\"path\":\"1\",\"value\":1},"
                        "{\"path\":\"4\",\"value\":1}]"),
          "4.05 by its definition, resource 4 of object 4 cannot be written" },
        { DATA("write", "\"path\":\"/3/0/0\",\"value\":\"x\",\"force\":true"),
          "PUT /3/0/0 /3/0/0=String:\"x\"" },
        { DATA("read", "\"path\":\"/3/0/4\",\"force\":true"), "READ /3/0/4" },
        { DATA("create", "\"basePath\":\"/4\",\"content\":[{\"path\":\"4\",\"value\":1}]"),
          "CREATE /4 /4/65535/4=Integer:1" },
    };
    CHECK(rows);
}

static void composite_commands_name_several_paths(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("read-composite", "\"paths\":[\"/3/0/0\",\"1\",\"/3/0/0\"]"),
          "READ-COMPOSITE / /3/0/0=None:null /1=None:null" },
        { DATA("observe-composite", "\"paths\":[\"/3\"],\"accept\":\"senml-cbor\""),
          "OBSERVE-COMPOSITE / accept=112 /3=None:null" },
        { DATA("cancel-observe-composite", "\"paths\":[\"/3\"],\"format\":110"),
          "CANCEL-COMPOSITE / format=110 /3=None:null" },
        { DATA("write-composite", "\"content\":[{\"path\":\"/3/0/14\",\"value\":\"x\"},"
                                  "{\"path\":\"/1/0/1\",\"value\":5}]"),
          "IPATCH / /3/0/14=String:\"x\" /1/0/1=Integer:5" },
        { DATA("read-composite", ""), "4.00 missing member \"data.paths\"" },
        { DATA("read-composite", "\"paths\":\"/3\""),
          "4.00 data.paths must be an array with at least one path" },
        { DATA("read-composite", "\"paths\":[]"),
          "4.00 data.paths must be an array with at least one path" },
        { DATA("read-composite", "\"paths\":[\"/3\",\"/\"]"),
          "4.00 data.paths[1] is not a path such as \"/3/0/1\"" },
        { DATA("read-composite", "\"paths\":[5]"),
          "4.00 data.paths[0] is not a path such as \"/3/0/1\"" },
        { DATA("write-composite", "\"content\":[{\"path\":\"/3/0\",\"value\":1}]"),
          "4.00 data.content[0].path \"/3/0\" names no resource" },
        { DATA("write-composite", "\"content\":[{\"path\":\"/3/0/0\",\"value\":\"x\"}]"),
          "4.05 by its definition, resource 0 of object 3 cannot be written" },
    };
    CHECK(rows);
}

#define WRITE(path_, rest_) DATA("write", "\"path\":\"" path_ "\"," rest_)

static void values_are_read_by_type(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* The type comes from the command, … */
        { WRITE("/9/0/1", "\"value\":\"5\",\"type\":\"Integer\""), "PUT /9/0/1 /9/0/1=Integer:5" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":\"integer\""), "PUT /9/0/1 /9/0/1=Integer:5" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":\"Unsigned Integer\""),
          "PUT /9/0/1 /9/0/1=Unsigned Integer:5" },
        { WRITE("/9/0/1", "\"value\":\"5\",\"type\":\"unsigned_integer\""),
          "PUT /9/0/1 /9/0/1=Unsigned Integer:5" },
        { WRITE("/9/0/1", "\"value\":18446744073709551615,\"type\":\"Unsigned Integer\""),
          "PUT /9/0/1 /9/0/1=Unsigned Integer:18446744073709551615" },
        { WRITE("/9/0/1", "\"value\":-9223372036854775808,\"type\":\"Integer\""),
          "PUT /9/0/1 /9/0/1=Integer:-9223372036854775808" },
        { WRITE("/9/0/1", "\"value\":25.0,\"type\":\"Integer\""), "PUT /9/0/1 /9/0/1=Integer:25" },
        { WRITE("/9/0/1", "\"value\":9007199254740993,\"type\":\"Float\""),
          "PUT /9/0/1 /9/0/1=Float:9007199254740992" },
        { WRITE("/9/0/1", "\"value\":\"1.5\",\"type\":\"Float\""), "PUT /9/0/1 /9/0/1=Float:1.5" },
        { WRITE("/9/0/1", "\"value\":3,\"type\":\"Float\""), "PUT /9/0/1 /9/0/1=Float:3" },
        { WRITE("/9/0/1", "\"value\":true,\"type\":\"Boolean\""),
          "PUT /9/0/1 /9/0/1=Boolean:true" },
        { WRITE("/9/0/1", "\"value\":\"false\",\"type\":\"Boolean\""),
          "PUT /9/0/1 /9/0/1=Boolean:false" },
        { WRITE("/9/0/1", "\"value\":\"1\",\"type\":\"Boolean\""),
          "PUT /9/0/1 /9/0/1=Boolean:true" },
        { WRITE("/9/0/1", "\"value\":0,\"type\":\"Boolean\""), "PUT /9/0/1 /9/0/1=Boolean:false" },
        { WRITE("/9/0/1", "\"value\":\"AP8=\",\"type\":\"Opaque\""),
          "PUT /9/0/1 /9/0/1=Opaque:\"AP8=\"" },
        { WRITE("/9/0/1", "\"value\":\"\",\"type\":\"Opaque\""), "PUT /9/0/1 /9/0/1=Opaque:\"\"" },
        { WRITE("/9/0/1", "\"value\":1700000000,\"type\":\"Time\""),
          "PUT /9/0/1 /9/0/1=Time:1700000000" },
        { WRITE("/9/0/1", "\"value\":\"3:0\",\"type\":\"Objlnk\""),
          "PUT /9/0/1 /9/0/1=Objlnk:\"3:0\"" },
        { WRITE("/9/0/1", "\"value\":\"</3>\",\"type\":\"Corelnk\""),
          "PUT /9/0/1 /9/0/1=Corelnk:\"</3>\"" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":\"String\""), "PUT /9/0/1 /9/0/1=String:\"5\"" },
        { WRITE("/9/0/1", "\"value\":true,\"type\":\"String\""),
          "PUT /9/0/1 /9/0/1=String:\"true\"" },
        { WRITE("/9/0/1", "\"value\":\"\",\"type\":\"String\""), "PUT /9/0/1 /9/0/1=String:\"\"" },
        /* … from the definition, … */
        { WRITE("/1/0/1", "\"value\":\"300\""), "PUT /1/0/1 /1/0/1=Integer:300" },
        { WRITE("/1/0/6", "\"value\":1"), "PUT /1/0/6 /1/0/6=Boolean:true" },
        { WRITE("/3/0/14", "\"value\":5"), "PUT /3/0/14 /3/0/14=String:\"5\"" },
        { WRITE("/65/0/1", "\"value\":\"65535:65535\""),
          "PUT /65/0/1 /65/0/1=Objlnk:\"65535:65535\"" },
        { WRITE("/65/0/3", "\"value\":5"), "PUT /65/0/3 /65/0/3=Float:5" },
        { WRITE("/5/0/0", "\"value\":\"AA==\""), "PUT /5/0/0 /5/0/0=Opaque:\"AA==\"" },
        /* … or from what it looks like. */
        { WRITE("/9/0/1", "\"value\":5"), "PUT /9/0/1 /9/0/1=Integer:5" },
        { WRITE("/9/0/1", "\"value\":5.5"), "PUT /9/0/1 /9/0/1=Float:5.5" },
        { WRITE("/9/0/1", "\"value\":\"5\""), "PUT /9/0/1 /9/0/1=String:\"5\"" },
        { WRITE("/9/0/1", "\"value\":false"), "PUT /9/0/1 /9/0/1=Boolean:false" },
        { WRITE("/9/0/1", "\"value\":18446744073709551615"),
          "PUT /9/0/1 /9/0/1=Unsigned Integer:18446744073709551615" },
    };
    CHECK(rows);
}

/* A device reads a TLV by its own definition: one byte C8 is 200 or -56. */
static void values_go_out_in_the_type_of_their_definition(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { WRITE("/1/0/1", "\"value\":200,\"type\":\"Unsigned Integer\""),
          "PUT /1/0/1 /1/0/1=Integer:200" },
        { WRITE("/1/0/1", "\"value\":200,\"type\":\"Float\""), "PUT /1/0/1 /1/0/1=Integer:200" },
        { WRITE("/1/0/1", "\"value\":\"200\",\"type\":\"String\""),
          "PUT /1/0/1 /1/0/1=Integer:200" },
        { WRITE("/3/0/13", "\"value\":-1,\"type\":\"Integer\""), "PUT /3/0/13 /3/0/13=Time:-1" },
        { WRITE("/65/0/3", "\"value\":5,\"type\":\"Integer\""), "PUT /65/0/3 /65/0/3=Float:5" },
        { WRITE("/1/0/6", "\"value\":1,\"type\":\"Integer\""), "PUT /1/0/6 /1/0/6=Boolean:true" },
        /* Named a String, its bytes are meant, not base64 of them. */
        { WRITE("/5/0/0", "\"value\":\"abcd\",\"type\":\"String\""),
          "PUT /5/0/0 /5/0/0=Opaque:\"YWJjZA==\"" },
        { WRITE("/3/0/14", "\"value\":\"KzAx\",\"type\":\"Opaque\""),
          "PUT /3/0/14 /3/0/14=String:\"+01\"" },
        { DATA("write", "\"path\":\"/4/0/1\",\"value\":101,\"type\":\"Unsigned Integer\""),
          "4.00 data.value: the value 101 is not in the range -10..100 of resource 1 of object 4" },
        { WRITE("/1/0/1", "\"value\":\"x\",\"type\":\"String\""),
          "4.00 data.value: by its definition, resource 1 of object 1 is of type Integer" },
        { WRITE("/1/0/1", "\"value\":1.5,\"type\":\"Float\""),
          "4.00 data.value: by its definition, resource 1 of object 1 is of type Integer" },
        { WRITE("/1/0/1", "\"value\":\"x\",\"type\":\"String\",\"force\":true"),
          "PUT /1/0/1 /1/0/1=String:\"x\"" },
    };
    CHECK(rows);
}

static void values_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { WRITE("/9/0/1", "\"value\":\"x\",\"type\":\"Integer\""),
          "4.00 data.value \"x\" is not a value of type Integer" },
        { WRITE("/9/0/1", "\"value\":\"\",\"type\":\"Integer\""),
          "4.00 data.value \"\" is not a value of type Integer" },
        { WRITE("/9/0/1", "\"value\":1.5,\"type\":\"Integer\""),
          "4.00 data.value \"1.5\" is not a value of type Integer" },
        { WRITE("/9/0/1", "\"value\":-1,\"type\":\"Unsigned Integer\""),
          "4.00 data.value \"-1\" is not a value of type Unsigned Integer" },
        { WRITE("/9/0/1", "\"value\":\"99999999999999999999\",\"type\":\"Integer\""),
          "4.00 data.value \"99999999999999999999\" is out of range for Integer" },
        { WRITE("/9/0/1", "\"value\":2,\"type\":\"Boolean\""),
          "4.00 data.value \"2\" is not a value of type Boolean" },
        { WRITE("/9/0/1", "\"value\":\"!\",\"type\":\"Opaque\""),
          "4.00 data.value \"!\" is not a value of type Opaque" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":\"Opaque\""),
          "4.00 data.value \"5\" is not a value of type Opaque" },
        { WRITE("/9/0/1", "\"value\":\"3\",\"type\":\"Objlnk\""),
          "4.00 data.value \"3\" is not a value of type Objlnk" },
        { WRITE("/3/0/13", "\"value\":\"noon\""),
          "4.00 data.value \"noon\" is not a value of type Time" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":\"Int\""),
          "4.00 data.type \"Int\" is none of String, Integer, Unsigned Integer, Float, Boolean, "
          "Opaque, Time, Objlnk, Corelnk" },
        { WRITE("/9/0/1", "\"value\":5,\"type\":7"), "4.00 data.type must be a string" },
        { WRITE("/9/0/1", "\"value\":[1]"),
          "4.00 data.value must be a string, a number or a boolean" },
        { WRITE("/9/0/1", "\"value\":{}"),
          "4.00 data.value must be a string, a number or a boolean" },
        { WRITE("/9/0/1", "\"value\":null"), "4.00 missing member \"data.value\"" },
        { WRITE("/9/0/1", "\"type\":\"String\""), "4.00 missing member \"data.value\"" },
        { WRITE("/9/0", "\"value\":5"),
          "4.00 data.path \"/9/0\" must name a resource or a resource instance" },
    };
    CHECK(rows);
}

#define HEX(data_) "{\"msgType\":\"write\",\"encoding\":\"hex\",\"data\":{" data_ "}}"

static void hex_is_for_strings_and_opaque_values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { HEX("\"path\":\"/5/0/0\",\"value\":\"00fFa5\""),
          "PUT /5/0/0 /5/0/0=Opaque:\"AP+l\" echo=,\"encoding\":\"hex\"" },
        { HEX("\"path\":\"/3/0/14\",\"value\":\"2b30\""),
          "PUT /3/0/14 /3/0/14=String:\"+0\" echo=,\"encoding\":\"hex\"" },
        { HEX("\"path\":\"/1/0/1\",\"value\":\"30\""),
          "PUT /1/0/1 /1/0/1=Integer:30 echo=,\"encoding\":\"hex\"" },
        { HEX("\"path\":\"/5/0/0\",\"value\":\"\""),
          "PUT /5/0/0 /5/0/0=Opaque:\"\" echo=,\"encoding\":\"hex\"" },
        { HEX("\"path\":\"/5/0/0\",\"value\":\"abc\""),
          "4.00 data.value \"abc\" is not a value of type Opaque" },
        { HEX("\"path\":\"/5/0/0\",\"value\":\"0g\""),
          "4.00 data.value \"0g\" is not a value of type Opaque" },
        { HEX("\"path\":\"/3/0/14\",\"value\":\"ff\""),
          "4.00 data.value \"ff\" is not a value of type String" },
        { "{\"msgType\":\"write\",\"encoding\":null,\"data\":{\"path\":\"/5/0/"
          "0\",\"value\":\"AA==\"}}",
          "PUT /5/0/0 /5/0/0=Opaque:\"AA==\" echo=,\"encoding\":null" },
    };
    CHECK(rows);
}

#define BATCH(base_, rest_) DATA("write", "\"basePath\":\"" base_ "\"," rest_)

static void a_batch_is_one_request(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { BATCH("/1/0",
                "\"content\":[{\"path\":\"1\",\"value\":5},{\"path\":\"/6\",\"value\":true}]"),
          "POST /1/0 /1/0/1=Integer:5 /1/0/6=Boolean:true" },
        { BATCH("/1/0/", "\"content\":[{\"path\":\"/1/0/1\",\"value\":5}]"),
          "POST /1/0 /1/0/1=Integer:5" },
        { BATCH("1/0", "\"content\":[{\"path\":\"1/0/1\",\"value\":5}]"),
          "POST /1/0 /1/0/1=Integer:5" },
        { BATCH("/3/0", "\"content\":[{\"path\":\"6/1\",\"value\":5}]"),
          "POST /3/0 /3/0/6/1=Integer:5" },
        { BATCH("/3/0", "\"content\":[{\"path\":\"3/0\",\"value\":5}]"), /* relative */
          "POST /3/0 /3/0/3/0=Integer:5" },
        { BATCH("/3/0/6",
                "\"content\":[{\"path\":\"0\",\"value\":1},{\"path\":\"/3/0/6/1\",\"value\":2}]"),
          "PUT /3/0/6 /3/0/6/0=Integer:1 /3/0/6/1=Integer:2" },
        { BATCH("/1/0/1", "\"content\":[{\"path\":\"\",\"value\":1}]"),
          "PUT /1/0/1 /1/0/1=Integer:1" },
        { BATCH("/1/0/1", "\"content\":[{\"value\":1}]"), "PUT /1/0/1 /1/0/1=Integer:1" },
        { BATCH("/1/0", "\"mode\":\"replace\",\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "PUT /1/0 /1/0/1=Integer:5" },
        { BATCH("/3/0/6", "\"mode\":\"update\",\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "POST /3/0/6 /3/0/6/1=Integer:5" },
        { BATCH("/1/0", "\"format\":\"senml-json\",\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "POST /1/0 format=110 /1/0/1=Integer:5" },
        /* The last of duplicates counts, in the place of the first. */
        { BATCH("/1/0", "\"content\":[{\"path\":\"1\",\"value\":5},{\"path\":\"6\",\"value\":0},"
                        "{\"path\":\"/1/0/1\",\"value\":\"7\",\"type\":\"String\"}]"),
          "POST /1/0 /1/0/1=Integer:7 /1/0/6=Boolean:false" },
        /* "/" with a path is a single write. */
        { DATA("write", "\"basePath\":\"/\",\"path\":\"/1/0/1\",\"value\":5"),
          "PUT /1/0/1 /1/0/1=Integer:5" },
        { BATCH("/1/0", "\"content\":[]"),
          "4.00 data.content must be an array with at least one value" },
        { BATCH("/1/0", "\"content\":{\"path\":\"1\",\"value\":5}"),
          "4.00 data.content must be an array with at least one value" },
        { BATCH("/1/0", "\"x\":1"), "4.00 missing member \"data.content\"" },
        { BATCH("/1/0", "\"content\":[5]"), "4.00 data.content[0] must be an object" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"1\",\"value\":5},{\"value\":5}]"),
          "4.00 missing member \"data.content[1].path\"" },
        { BATCH("/1/0", "\"content\":[{\"path\":1,\"value\":5}]"),
          "4.00 data.content[0].path must be a string" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"x\",\"value\":5}]"),
          "4.00 data.content[0].path \"x\" names no resource below data.basePath" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"/3/0/1\",\"value\":5}]"),
          "4.00 data.content[0].path \"/3/0/1\" names no resource below data.basePath" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"\",\"value\":5}]"),
          "4.00 data.content[0].path \"\" names no resource below data.basePath" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"1\",\"value\":\"x\"}]"),
          "4.00 data.content[0].value \"x\" is not a value of type Integer" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"1\"}]"),
          "4.00 missing member \"data.content[0].value\"" },
        { BATCH("/1/0", "\"content\":[{\"path\":\"1\",\"value\":1},{\"path\":\"2\",\"value\":1},"
                        "{\"path\":\"3\",\"value\":1},{\"path\":\"4\",\"value\":1},"
                        "{\"path\":\"5\",\"value\":1}]"),
          "4.00 data.content has too many values" },
        { BATCH("/1", "\"content\":[{\"path\":\"0/1\",\"value\":1}]"),
          "4.00 data.basePath \"/1\" must name an object instance or a resource" },
        { BATCH("/1/0", "\"mode\":\"append\",\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "4.00 data.mode must be \"replace\" or \"update\"" },
        { BATCH("/1/0", "\"format\":\"xml\",\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "4.00 data.format \"xml\" is not a content format" },
        { BATCH("/1/0", "\"format\":40,\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "4.00 data.format 40 cannot be written" },
        { BATCH("/1/0", "\"format\":true,\"content\":[{\"path\":\"1\",\"value\":5}]"),
          "4.00 data.format must be the number or the name of a content format" },
        { DATA("write", "\"value\":5"), "4.00 missing member \"data.path\"" },
    };
    CHECK(rows);
}

static void one_resource_instance_is_a_partial_update(void **state)
{
    (void)state;
    static const struct row newer[] = {
        { WRITE("/3/0/6/1", "\"value\":5"), "POST /3/0/6 /3/0/6/1=Integer:5" },
    };
    static const struct row version_1_0[] = {
        { WRITE("/3/0/6/1", "\"value\":5"), "POST /3/0 /3/0/6/1=Integer:5" },
    };
    check(newer, 1, true);
    check(version_1_0, 1, false);
}

static void creates_address_the_object(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("create", "\"basePath\":\"/65\",\"content\":[{\"path\":\"/7/2\",\"value\":5}]"),
          "CREATE /65 /65/7/2=Unsigned Integer:5" },
        { DATA("create", "\"basePath\":\"/65\",\"content\":[{\"path\":\"/65/7/2\",\"value\":5}]"),
          "CREATE /65 /65/7/2=Unsigned Integer:5" },
        { DATA("create", "\"basePath\":\"/65/7\",\"content\":[{\"path\":\"2\",\"value\":5}]"),
          "CREATE /65 /65/7/2=Unsigned Integer:5" },
        { DATA("create", "\"basePath\":\"/65\",\"content\":[{\"path\":\"2\",\"value\":5}]"),
          "CREATE /65 /65/65535/2=Unsigned Integer:5" }, /* the device numbers the instance */
        { DATA("create", "\"basePath\":\"/65\",\"content\":[]"), "CREATE /65" },
        { DATA("create", "\"basePath\":\"/65\""), "CREATE /65" },
        { DATA("create", "\"basePath\":\"/65\",\"content\":\"\""), "CREATE /65" },
        { DATA("create", "\"basePath\":\"/65\",\"content\":\"x\""),
          "4.00 data.content must be an array with at least one value" },
        { DATA("create", "\"basePath\":\"/65/0/1\",\"content\":[]"),
          "4.00 data.basePath \"/65/0/1\" must name an object or an object instance" },
        { DATA("create", "\"path\":\"/65\""), "4.00 missing member \"data.basePath\"" },
    };
    CHECK(rows);
}

static void attributes_become_a_query(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"pmin\":1,\"pmax\":\"10\""),
          "ATTR /3/0/6?pmin=1&pmax=10" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"gt\":1.5,\"lt\":\"-2.5\",\"st\":0.1"),
          "ATTR /3/0/6?gt=1.5&lt=-2.5&st=0.1" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"pmin\":null,\"gt\":null"),
          "ATTR /3/0/6?pmin&gt" },
        { DATA("write-attr", "\"path\":\"/3\",\"epmin\":1,\"epmax\":2,\"edge\":true,\"con\":0,"
                             "\"hqmax\":3"),
          "ATTR /3?epmin=1&epmax=2&edge=1&con=0&hqmax=3" },
        { DATA("write-attr", "\"path\":\"/3?pmin=1\",\"pmax\":5,\"unknown\":{}"),
          "ATTR /3?pmin=1&pmax=5" },
        { DATA("write-attr", "\"path\":\"/3?pmin=1\""), "ATTR /3?pmin=1" },
        { DATA("write-attr", "\"path\":\"/3/0/6\""),
          "4.00 data has no attribute: pmin pmax gt lt st epmin epmax edge con hqmax" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"pmin\":\"x\""),
          "4.00 data.pmin must be a whole number, not negative, or null to take it away" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"pmin\":-1"),
          "4.00 data.pmin must be a whole number, not negative, or null to take it away" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"pmax\":1.5"),
          "4.00 data.pmax must be a whole number, not negative, or null to take it away" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"gt\":\"1&st=2\""),
          "4.00 data.gt must be a number, or null to take it away" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"edge\":2"),
          "4.00 data.edge must be 0 or 1, or null to take it away" },
        { DATA("write-attr", "\"path\":\"/3/0/6\",\"st\":[]"),
          "4.00 data.st must be a number, or null to take it away" },
    };
    CHECK(rows);
}

#define EXEC(args_) DATA("execute", "\"path\":\"/3/0/4\",\"args\":" args_)
#define BAD_ARGS(args_)                                                                            \
    "4.00 data.args \"" args_ "\" is not a list of arguments such as 0='text',7: digits, each "    \
    "once, values in single quotes without blanks"

static void arguments_follow_their_grammar(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("execute", "\"path\":\"/3/0/4\""), "EXEC /3/0/4" },
        { EXEC("\"\""), "EXEC /3/0/4" },
        { EXEC("null"), "EXEC /3/0/4" },
        { EXEC("\"undefined\""), "EXEC /3/0/4" },
        { EXEC("\"5\""), "EXEC /3/0/4 args=5" },
        { EXEC("5"), "EXEC /3/0/4 args=5" },
        { EXEC("\"0,1,2\""), "EXEC /3/0/4 args=0,1,2" },
        { EXEC("\"2='10.3',7,0='https://www.omaspecworks.org'\""),
          "EXEC /3/0/4 args=2='10.3',7,0='https://www.omaspecworks.org'" },
        { EXEC("\"0=''\""), "EXEC /3/0/4 args=0=''" },
        { EXEC("\"0='ä'\""), "EXEC /3/0/4 args=0='ä'" },
        { EXEC("\"hello\""), BAD_ARGS("hello") },
        { EXEC("\"0,0\""), BAD_ARGS("0,0") },
        { EXEC("\"10\""), BAD_ARGS("10") },
        { EXEC("\"0,\""), BAD_ARGS("0,") },
        { EXEC("\"0=x\""), BAD_ARGS("0=x") },
        { EXEC("\"0='x\""), BAD_ARGS("0='x") },
        { EXEC("\"0='a b'\""), BAD_ARGS("0='a b'") },
        { EXEC("\"0, 1\""), BAD_ARGS("0, 1") },
        { EXEC("12"), BAD_ARGS("12") },
        { EXEC("{}"), "4.00 data.args must be a string" },
        { DATA("execute", "\"path\":\"/3/0\""), "4.00 data.path \"/3/0\" must name a resource" },
    };
    CHECK(rows);
}

static void formats_have_numbers_and_names(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("read", "\"path\":\"/3\",\"accept\":110"), "READ /3 accept=110" },
        { DATA("read", "\"path\":\"/3\",\"accept\":\"110\""), "READ /3 accept=110" },
        { DATA("read", "\"path\":\"/3\",\"accept\":\"TLV\""), "READ /3 accept=11542" },
        { DATA("observe", "\"path\":\"/3\",\"accept\":\"senml-json\""), "OBSERVE /3 accept=110" },
        { DATA("read", "\"path\":\"/3\",\"accept\":12345"), "READ /3 accept=12345" },
        { DATA("read", "\"path\":\"/3\",\"accept\":\"xml\""),
          "4.00 data.accept \"xml\" is not a content format" },
        { DATA("read", "\"path\":\"/3\",\"accept\":65535"),
          "4.00 data.accept must be from 0 to 65534" },
        { DATA("read", "\"path\":\"/3\",\"accept\":-1"),
          "4.00 data.accept must be from 0 to 65534" },
        { WRITE("/1/0/1", "\"value\":1,\"format\":\"text\""),
          "PUT /1/0/1 format=0 /1/0/1=Integer:1" },
        { WRITE("/1/0/1", "\"value\":1,\"format\":11542"),
          "PUT /1/0/1 format=11542 /1/0/1=Integer:1" },
    };
    CHECK(rows);
}

static void the_shortest_time_to_live_counts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { DATA("read", "\"path\":\"/3\",\"ttl\":5"), "READ /3 ttl=5000" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":0.5"), "READ /3 ttl=500" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":\"5\""), "READ /3 ttl=5000" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":0"), "READ /3 ttl=0" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":1e300"), "READ /3" },
        { "{\"msgType\":\"read\",\"mheaders\":{\"ttl\":7},\"data\":{\"path\":\"/3\"}}",
          "READ /3 ttl=7000 echo=,\"mheaders\":{\"ttl\":7}" },
        { "{\"msgType\":\"read\",\"mheaders\":{\"ttl\":7},\"data\":{\"path\":\"/3\",\"ttl\":3}}",
          "READ /3 ttl=3000 echo=,\"mheaders\":{\"ttl\":7}" },
        { "{\"msgType\":\"read\",\"mheaders\":5,\"data\":{\"path\":\"/3\"}}",
          "READ /3 echo=,\"mheaders\":5" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":-1"),
          "4.00 data.ttl must be a number of seconds, not negative" },
        { DATA("read", "\"path\":\"/3\",\"ttl\":\"soon\""),
          "4.00 data.ttl must be a number of seconds, not negative" },
        { "{\"msgType\":\"read\",\"mheaders\":{\"ttl\":[]},\"data\":{\"path\":\"/3\"}}",
          "4.00 mheaders.ttl must be a number of seconds, not negative" },
    };
    CHECK(rows);
}

static void other_members_are_sent_back_as_they_came(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{\"reqID\":1,\"msgType\":\"read\",\"data\":{\"path\":\"/3\"},\"imei\":\"8\"}",
          "READ /3 echo=,\"reqID\":1,\"imei\":\"8\"" },
        { "{\"msgType\":\"read\",\"data\":{\"path\":\"/3\"},\"n\":123456789012345678901234567890,"
          "\"f\":1.10,\"e\":1E5,\"z\":null,\"o\":{\"a\" : [1, {}]},\"s\":\"\\u00e4\"}",
          "READ /3 echo=,\"n\":123456789012345678901234567890,\"f\":1.10,\"e\":1E5,\"z\":null,"
          "\"o\":{\"a\" : [1, {}]},\"s\":\"\\u00e4\"" },
        { "{\"msgType\":\"read\",\"ep\":\"x\",\"ts\":1,\"seqNum\":2,\"data\":{\"path\":\"/3\"}}",
          "READ /3" }, /* members that the gateway writes itself */
        { "{\"\":0,\"a\\\"b\":1,\"msgType\":\"read\",\"data\":{\"path\":\"/3\"}}",
          "READ /3 echo=,\"\":0,\"a\\\"b\":1" },
    };
    CHECK(rows);
}

static void a_refused_command_keeps_what_its_answer_needs(void **state)
{
    (void)state;
    static const struct {
        const char *json, *msg_type, *req_path, *echo;
    } cases[] = {
        { "{\"msgType\":\"read\",\"a\":1,\"data\":{\"path\":\"/x?q=1\"}}", "read", "/x",
          ",\"a\":1" },
        { "{\"msgType\":\"reed\",\"a\":1,\"data\":{\"path\":\"/3/0/?q\"}}", "reed", "/3/0/",
          ",\"a\":1" },
        { "{\"msgType\":\"reed\",\"data\":{\"basePath\":\"/3\"}}", "reed", "/3", "" },
        { "{\"a\":1}", "error", NULL, ",\"a\":1" },
        { "{\"msgType\":5,\"a\":1}", "error", NULL, ",\"a\":1" },
        { "{", "error", NULL, "" },
    };
    struct command_context context = { .max_records = 4 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command *command = NULL;
        struct command_refusal refusal;
        const char *json = cases[i].json;
        assert_int_equal(command_parse(json, strlen(json), &context, &command, &refusal), -EBADMSG);
        assert_string_equal(command->msg_type, cases[i].msg_type);
        if (cases[i].req_path != NULL) {
            assert_string_equal(command->req_path, cases[i].req_path);
        } else {
            assert_null(command->req_path);
        }
        assert_int_equal(command->echo.len, strlen(cases[i].echo));
        assert_memory_equal(command->echo.text, cases[i].echo, command->echo.len);
        command_free(command);
    }
}

static void the_data_is_kept_as_it_came(void **state)
{
    (void)state;
    const char json[] = "{\"data\" : { \"path\":\"/3/0/\" , \"n\":1.00 } ,\"msgType\":\"read\"}";
    struct command_context context = { .max_records = 4 };
    struct command *command = NULL;
    struct command_refusal refusal;
    assert_int_equal(command_parse(json, strlen(json), &context, &command, &refusal), 0);
    const char data[] = "{ \"path\":\"/3/0/\" , \"n\":1.00 }";
    assert_int_equal(command->data.len, strlen(data));
    assert_memory_equal(command->data.text, data, strlen(data));
    assert_string_equal(command->req_path, "/3/0/");
    command_free(command);
}

static void the_gateways_own_commands_need_no_data(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum command_action action;
    } cases[] = {
        { "{\"msgType\":\"queue-list\"}", COMMAND_QUEUE_LIST },
        { "{\"msgType\":\"queue-clear\",\"data\":null}", COMMAND_QUEUE_CLEAR },
        { "{\"msgType\":\"observe-list\",\"data\":{}}", COMMAND_OBSERVE_LIST },
        { "{\"msgType\":\"kick\",\"data\":{\"path\":\"x\"}}", COMMAND_KICK },
        { DATA("read", "\"path\":\"/3\""), COMMAND_REQUEST },
    };
    struct command_context context = { .max_records = 4 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct command *command = NULL;
        struct command_refusal refusal;
        assert_int_equal(
            command_parse(cases[i].json, strlen(cases[i].json), &context, &command, &refusal), 0);
        assert_int_equal(command->action, cases[i].action);
        command_free(command);
    }
}

static void the_gateway_observes_as_a_user_would(void **state)
{
    (void)state;
    struct lwm2m_path path = { .ids = { 3303, 7 }, .depth = 2 };
    struct command *command = command_new_observe(&path);
    assert_non_null(command);
    assert_string_equal(command->msg_type, "observe");
    assert_string_equal(command->req_path, "/3303/7");
    assert_memory_equal(command->data.text, "{\"path\":\"/3303/7\"}", command->data.len);
    assert_memory_equal(command->echo.text, ",\"is_auto_observe\":true", command->echo.len);
    assert_true(command->request.automatic);
    assert_true(lwm2m_path_equal(&command->request.path, &path));
    assert_int_equal(command->request.operation, LWM2M_OBSERVE);
    command_free(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_all_forms_are_understood),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(definitions_forbid_what_makes_no_sense),
        cmocka_unit_test(values_keep_to_the_range_of_their_definition),
        cmocka_unit_test(composite_commands_name_several_paths),
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(values_go_out_in_the_type_of_their_definition),
        cmocka_unit_test(values_that_do_not_fit_are_refused),
        cmocka_unit_test(hex_is_for_strings_and_opaque_values),
        cmocka_unit_test(a_batch_is_one_request),
        cmocka_unit_test(one_resource_instance_is_a_partial_update),
        cmocka_unit_test(creates_address_the_object),
        cmocka_unit_test(attributes_become_a_query),
        cmocka_unit_test(arguments_follow_their_grammar),
        cmocka_unit_test(formats_have_numbers_and_names),
        cmocka_unit_test(the_shortest_time_to_live_counts),
        cmocka_unit_test(other_members_are_sent_back_as_they_came),
        cmocka_unit_test(a_refused_command_keeps_what_its_answer_needs),
        cmocka_unit_test(the_data_is_kept_as_it_came),
        cmocka_unit_test(the_gateways_own_commands_need_no_data),
        cmocka_unit_test(the_gateway_observes_as_a_user_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
