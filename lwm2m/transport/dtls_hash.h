/*
 * SipHash-2-4 (Aumasson and Bernstein): the keyed function behind the tables of sessions, which
 * strangers fill, and behind the cookies, which they would like to forge.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** The value does not depend on the host. */
uint64_t dtls_siphash(const uint64_t key[2], const void *bytes, size_t len);
