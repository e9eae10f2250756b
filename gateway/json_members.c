#include "gateway/json_members.h"

#include <string.h>

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* Behind the string that starts at `at`. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\';
    }
    return at < end ? at + 1 : end;
}

/* Behind the value that starts at `at`: where a comma or a closing bracket stands outside of it. */
static const char *skip_value(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']')) {
            break;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    }
    return at;
}

static const char *trim(const char *start, const char *end)
{
    while (end > start && memchr(" \t\r\n", end[-1], 4) != NULL) {
        end--;
    }
    return end;
}

void json_members_init(struct json_members *members, const char *text, size_t len)
{
    members->end = text + len;
    members->next = skip_blanks(text, members->end);
    if (members->next < members->end && *members->next == '{') {
        members->next++;
    } else {
        members->next = members->end;
    }
}

bool json_members_next(struct json_members *members, struct json_member *member)
{
    const char *end = members->end;
    const char *at = skip_blanks(members->next, end);
    if (at < end && *at == ',') {
        at = skip_blanks(at + 1, end);
    }
    if (at == end || *at != '"') {
        members->next = end;
        return false;
    }
    member->name = at;
    at = skip_string(at, end);
    member->name_len = (size_t)(at - member->name);
    at = skip_blanks(at, end);
    if (at == end || *at != ':') {
        members->next = end;
        return false;
    }
    member->value = skip_blanks(at + 1, end);
    members->next = skip_value(member->value, end);
    member->value_len = (size_t)(trim(member->value, members->next) - member->value);
    return true;
}
