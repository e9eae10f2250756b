/*
 * Records in the order in which nested formats (TLV, LwM2M CBOR) need them.
 */
#pragma once

#include "lwm2m/content/value.h"

/**
 * Points at each record once, so that those of one object, in it those of one instance, in it
 * those of one resource stand together; groups and their members keep the order of their first
 * appearance.
 *
 * @param[out] grouped  `count` pointers, the caller's to free()
 * @return 0, or -ENOMEM
 */
[[nodiscard]] int lwm2m_records_group(const struct lwm2m_record *records, size_t count,
                                      const struct lwm2m_record ***grouped);

/** How many records from the first on have the same first `depth` ids; at least 1. */
size_t lwm2m_records_run(const struct lwm2m_record *const *records, size_t count, uint8_t depth);
