/*
 * A keyed hash (SipHash, Aumasson and Bernstein) for every table whose keys come from outside:
 * whoever does not know the key cannot make keys collide; and for short proofs that we made
 * something ourselves. The values do not depend on the host.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** SipHash-1-3: for tables. */
uint64_t lwm2m_siphash(const uint64_t key[2], const void *bytes, size_t len);

/** SipHash-2-4: for cookies and other values that strangers would like to forge. */
uint64_t lwm2m_siphash_proof(const uint64_t key[2], const void *bytes, size_t len);
