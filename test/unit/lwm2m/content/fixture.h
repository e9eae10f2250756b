/*
 * What the tests of content formats share: a small table of definitions, and records as text:
 * `/3/0/9 int 100; /3/0/0 string Open Mobile Alliance; /5/0/3 int 1 @1700000000.5`.
 */
#pragma once

#include "lwm2m/content/content.h"

#define FIXTURE_NOW 1700000000

/** Objects 1, 3, 5, 65, 66, 3303 (in part), and 1000: resources 0-9 single, 10-19 multiple, a type
 * each. */
lwm2m_definition_lookup fixture_definition;

/** Type of resource `resource` of object 1000. */
enum lwm2m_type fixture_type(uint16_t resource);

/** Writes records as text; truncated to `size`. */
void fixture_format(const struct lwm2m_records *records, char *text, size_t size);

/** Reads records from text; false (with a message) when it is not well-formed. */
bool fixture_parse(const char *text, struct lwm2m_records *records);
