/*
 * CoAP codes as uplink messages spell them: "2.05" and "content" (RFC 7252, 12.1; RFC 8132;
 * RFC 8516).
 */
#pragma once

#include <stdint.h>

/** Writes class and detail, "2.05", with a terminator. */
void code_format(uint8_t code, char text[5]);

/** Name of a response code, such as "content"; "unknown" for one that has none. */
const char *code_name(uint8_t code);
