/*
 * Records as words of a line, without loss and without the number conversions of the code under
 * test: PATH:TYPE:VALUE, then @TIME if it has one. Bytes are hexadecimal ("-" when there are
 * none), a Float and a time the 16 hexadecimal digits of their IEEE 754 bits, whole numbers
 * decimal, a link "object:instance"; ids up to 65535 are allowed in paths.
 */
#pragma once

#include "lwm2m/content/value.h"

#include <stdio.h>

/* The parsers return false for what is not well-formed; what they read is in the records' memory.
 */
bool tool_path_parse(const char *word, struct lwm2m_path *path);
bool tool_bytes_parse(const char *word, struct lwm2m_records *records, struct lwm2m_bytes *bytes);
bool tool_record_parse(char *word, struct lwm2m_records *records);

void tool_bytes_write(FILE *out, struct lwm2m_bytes bytes);
void tool_record_write(FILE *out, const struct lwm2m_record *record);
