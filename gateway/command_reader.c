#include "gateway/command_reader.h"

#include "lwm2m/content/decimal.h"
#include "lwm2m/content/json_exact.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- mistakes --- */

struct command_quote command_quote(const char *text)
{
    struct command_quote quote;
    const int limit = 40;
    int len = (int)strnlen(text, (size_t)limit + 1);
    bool cut = len > limit;
    if (cut) {
        len = limit;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--; /* not within a character */
        }
    }
    (void)snprintf(quote.text, sizeof(quote.text), "\"%.*s%s\"", len, text, cut ? "…" : "");
    return quote;
}

[[gnu::format(printf, 3, 0)]] static void reject(struct command_reader *reader, uint8_t code,
                                                 const char *format, va_list args)
{
    if (reader->err == 0) {
        reader->err = -EBADMSG;
        reader->refusal->code = code;
        (void)vsnprintf(reader->refusal->reason, sizeof(reader->refusal->reason), format, args);
    }
}

void command_reject(struct command_reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    reject(reader, LWCOAP_CODE(4, 0), format, args);
    va_end(args);
}

void command_reject_with(struct command_reader *reader, uint8_t code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    reject(reader, code, format, args);
    va_end(args);
}

void command_reject_access(struct command_reader *reader, const struct lwm2m_path *path,
                           const char *verb)
{
    command_reject_with(reader, LWCOAP_CODE(4, 5),
                        "by its definition, resource %u of object %u cannot be %s", path->ids[2],
                        path->ids[0], verb);
}

/* --- members --- */

const struct cJSON *command_member(const struct cJSON *object, const char *name)
{
    const struct cJSON *item =
        cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
    return cJSON_IsNull(item) ? NULL : item;
}

char *command_keep(struct command_reader *reader, const char *text, size_t len)
{
    char *copy = command_copy(reader->command, text, len);
    if (copy == NULL) {
        reader->err = -ENOMEM;
    }
    return copy;
}

/* A query goes out in options: no control characters. */
static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static void read_query(struct command_reader *reader, const char *name, const char *query)
{
    if (!is_printable(query)) {
        command_reject(reader, "data.%s has a control character in its query", name);
    } else if (*query != '\0') {
        reader->command->request.query = command_keep(reader, query, strlen(query));
    }
}

void command_read_path(struct command_reader *reader, const char *name, unsigned depths,
                       const char *levels)
{
    const struct cJSON *item = command_member(reader->data, name);
    struct lwm2m_path *path = &reader->command->request.path;
    if (!cJSON_IsString(item)) {
        command_reject(
            reader, item == NULL ? "missing member \"data.%s\"" : "data.%s must be a string", name);
        return;
    }
    const char *text = item->valuestring;
    size_t len = strcspn(text, "?");
    reader->command->req_path = command_keep(reader, text, len);
    if (lwm2m_path_parse(text, len, path) != 0) {
        command_reject(reader, "data.%s %s is not a path such as \"/3/0/1\"", name,
                       command_quote(text).text);
    } else if ((depths & 1u << path->depth) == 0) {
        command_reject(reader, "data.%s %s must name %s", name, command_quote(text).text, levels);
    }
    if (text[len] == '?') {
        read_query(reader, name, text + len + 1);
    }
}

/* --- content formats --- */

/* Reads a number or name; LWM2M_FORMAT_NONE after a mistake or when it is missing. */
static uint16_t read_format(struct command_reader *reader, const char *name)
{
    const struct cJSON *item = command_member(reader->data, name);
    const struct lwm2m_content_format *format = NULL;
    struct lwm2m_value number = { 0 };
    if (item == NULL) {
        return LWM2M_FORMAT_NONE;
    }
    if (cJSON_IsString(item)) {
        const char *text = item->valuestring;
        format = lwm2m_content_find_name(text);
        if (format != NULL) {
            return format->number;
        }
        if (lwm2m_decimal_parse(text, strlen(text), &number) != 0) {
            command_reject(reader, "data.%s %s is not a content format", name,
                           command_quote(text).text);
            return LWM2M_FORMAT_NONE;
        }
    } else if (lwm2m_json_number(item, &number) != 0) {
        command_reject(reader, "data.%s must be the number or the name of a content format", name);
        return LWM2M_FORMAT_NONE;
    }
    if (number.type != LWM2M_TYPE_INTEGER || number.integer < 0 ||
        number.integer >= LWM2M_FORMAT_NONE) {
        command_reject(reader, "data.%s must be from 0 to 65534", name);
        return LWM2M_FORMAT_NONE;
    }
    return (uint16_t)number.integer;
}

void command_read_accept(struct command_reader *reader)
{
    reader->command->request.accept = read_format(reader, "accept");
}

void command_read_format(struct command_reader *reader)
{
    uint16_t number = read_format(reader, "format");
    if (number == LWM2M_FORMAT_NONE) {
        return;
    }
    const struct lwm2m_content_format *format = lwm2m_content_find(number);
    if (format == NULL || format->encode == NULL) {
        command_reject(reader, "data.format %u cannot be written", number);
        return;
    }
    reader->command->request.format = format->number;
}

/* --- time to live --- */

void command_read_ttl(struct command_reader *reader, const struct cJSON *item, const char *name)
{
    struct lwm2m_value seconds = { 0 };
    if (item == NULL || reader->err != 0) {
        return;
    }
    bool is_number =
        cJSON_IsString(item)
            ? lwm2m_decimal_parse(item->valuestring, strlen(item->valuestring), &seconds) == 0
            : lwm2m_json_number(item, &seconds) == 0;
    if (is_number && seconds.type == LWM2M_TYPE_INTEGER) {
        seconds.number = (double)seconds.integer;
    } else if (is_number && seconds.type == LWM2M_TYPE_UNSIGNED) {
        seconds.number = (double)seconds.unsigned_integer;
    }
    if (!is_number || !(seconds.number >= 0)) {
        command_reject(reader, "%s must be a number of seconds, not negative", name);
        return;
    }
    const double limit_s = 1e12; /* longer is for ever */
    uint64_t ttl_ms =
        seconds.number < limit_s ? (uint64_t)(seconds.number * 1000) : COMMAND_TTL_NONE;
    if (ttl_ms < reader->command->ttl_ms) {
        reader->command->ttl_ms = ttl_ms;
    }
}

/* --- write-attr --- */

enum attribute_kind { ATTRIBUTE_INTEGER, ATTRIBUTE_DECIMAL, ATTRIBUTE_SWITCH };

static const struct {
    const char *name;
    enum attribute_kind kind;
} attributes[] = {
    { "pmin", ATTRIBUTE_INTEGER },  { "pmax", ATTRIBUTE_INTEGER }, { "gt", ATTRIBUTE_DECIMAL },
    { "lt", ATTRIBUTE_DECIMAL },    { "st", ATTRIBUTE_DECIMAL },   { "epmin", ATTRIBUTE_INTEGER },
    { "epmax", ATTRIBUTE_INTEGER }, { "edge", ATTRIBUTE_SWITCH },  { "con", ATTRIBUTE_SWITCH },
    { "hqmax", ATTRIBUTE_INTEGER },
};

/* Reads a number, a string that holds one, or a boolean as 0 or 1. */
static bool read_attribute_number(const struct cJSON *item, struct lwm2m_value *value)
{
    if (cJSON_IsBool(item)) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = cJSON_IsTrue(item) };
        return true;
    }
    if (cJSON_IsString(item)) {
        return lwm2m_decimal_parse(item->valuestring, strlen(item->valuestring), value) == 0;
    }
    return lwm2m_json_number(item, value) == 0;
}

static bool attribute_fits(enum attribute_kind kind, const struct lwm2m_value *value)
{
    bool whole = value->type == LWM2M_TYPE_INTEGER && value->integer >= 0;
    switch (kind) {
    case ATTRIBUTE_INTEGER:
        return whole && value->integer <= UINT32_MAX;
    case ATTRIBUTE_SWITCH:
        return whole && value->integer <= 1;
    case ATTRIBUTE_DECIMAL:
        return true;
    }
    return false;
}

/* Appends "&name=value", or "&name" to take the attribute away. */
static void append_attribute(struct command_reader *reader, struct lwm2m_buffer *query,
                             size_t index, const struct cJSON *item)
{
    static const char *const expected[] = {
        [ATTRIBUTE_INTEGER] = "a whole number, not negative",
        [ATTRIBUTE_DECIMAL] = "a number",
        [ATTRIBUTE_SWITCH] = "0 or 1",
    };
    char text[LWM2M_NUMBER_TEXT_MAX];
    struct lwm2m_value value = { 0 };
    if (query->len > 0) {
        lwm2m_buffer_append_byte(query, '&');
    }
    lwm2m_buffer_append_text(query, attributes[index].name);
    if (cJSON_IsNull(item)) {
        return;
    }
    if (!read_attribute_number(item, &value) || !attribute_fits(attributes[index].kind, &value)) {
        command_reject(reader, "data.%s must be %s, or null to take it away",
                       attributes[index].name, expected[attributes[index].kind]);
        return;
    }
    lwm2m_buffer_append_byte(query, '=');
    lwm2m_buffer_append(query, text, lwm2m_value_format(&value, text));
}

void command_read_attributes(struct command_reader *reader)
{
    struct lwm2m_request *request = &reader->command->request;
    struct lwm2m_buffer query;
    lwm2m_buffer_init(&query, SIZE_MAX / 2);
    if (request->query != NULL) {
        lwm2m_buffer_append_text(&query, request->query);
    }
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const struct cJSON *item =
            cJSON_GetObjectItemCaseSensitive(reader->data, attributes[i].name);
        if (item != NULL) {
            append_attribute(reader, &query, i, item);
        }
    }
    if (query.err != 0) {
        reader->err = -ENOMEM;
    } else if (query.len == 0) {
        /* Without a query the request would write an empty value. */
        command_reject(reader,
                       "data has no attribute: pmin pmax gt lt st epmin epmax edge con hqmax");
    } else if (reader->err == 0) {
        request->query = command_keep(reader, (const char *)query.data, query.len);
    }
    lwm2m_buffer_deinit(&query);
}

/* --- execute --- */

/* Behind one argument, `5` or `5='text'`; NULL when there is none (Core TS 6.3.5). */
static const char *skip_argument(const char *at, unsigned *seen)
{
    if (*at < '0' || *at > '9' || (*seen & 1u << (*at - '0')) != 0) {
        return NULL;
    }
    *seen |= 1u << (*at - '0');
    at++;
    if (at[0] != '=') {
        return at;
    }
    if (at[1] != '\'') {
        return NULL;
    }
    for (at += 2; *at != '\''; at++) {
        if ((unsigned char)*at <= ' ' || *at == '\\' || *at == 0x7f) {
            return NULL;
        }
    }
    return at + 1;
}

static bool are_arguments(const char *text)
{
    unsigned seen = 0;
    const char *at = skip_argument(text, &seen);
    while (at != NULL && *at == ',') {
        at = skip_argument(at + 1, &seen);
    }
    return at != NULL && *at == '\0';
}

void command_read_arguments(struct command_reader *reader)
{
    const struct cJSON *item = command_member(reader->data, "args");
    char text[LWM2M_NUMBER_TEXT_MAX] = "";
    struct lwm2m_value number;
    if (item == NULL) {
        return;
    }
    const char *arguments = text;
    if (cJSON_IsString(item)) {
        arguments = item->valuestring;
    } else if (lwm2m_json_number(item, &number) == 0) {
        text[lwm2m_value_format(&number, text)] = '\0';
    } else {
        command_reject(reader, "data.args must be a string");
        return;
    }
    if (*arguments == '\0' || strcmp(arguments, "undefined") == 0) {
        return;
    }
    if (!are_arguments(arguments)) {
        command_reject(reader,
                       "data.args %s is not a list of arguments such as 0='text',7: digits, each "
                       "once, values in single quotes without blanks",
                       command_quote(arguments).text);
        return;
    }
    reader->command->request.arguments = command_keep(reader, arguments, strlen(arguments));
}
