/*
 * Walks over the members of a JSON object in its own text, so that they can be repeated exactly
 * as they were written: numbers of any length, order, blanks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_members {
    const char *next;
    const char *end;
};

struct json_member {
    const char *name; /* from its first quote on; ends before the colon */
    size_t name_len;
    const char *value;
    size_t value_len;
};

/** @param text  borrowed; a JSON object that a parser found to be well-formed */
void json_members_init(struct json_members *members, const char *text, size_t len);

/** The next member; false at the end (or where the text is no JSON object after all). */
bool json_members_next(struct json_members *members, struct json_member *member);
