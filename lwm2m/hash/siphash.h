/*
 * A keyed hash (SipHash-1-3, Aumasson and Bernstein) for every table whose keys come from outside:
 * whoever does not know the key cannot make keys collide.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** The value depends on the byte order of the host: it never leaves it. */
uint64_t lwm2m_siphash(const uint64_t key[2], const void *bytes, size_t len);
