/**
 * The names of records in JSON and SenML: a base name joined with each record's own name
 * (RFC 8428, 4.5.1) must give an absolute path (Core, 7.4.4).
 */
#pragma once

#include "test/sim/bytes.h"
#include "test/sim/path.h"

/** @return 0 or -EBADMSG. A missing leading slash is forgiven. */
[[nodiscard]] int name_resolve(const struct bytes *base_name, const struct bytes *name,
                               struct path *path);

/**
 * The base name for a reply to @p path: "/3/0/" below which names are "6/0"; for a single
 * resource its whole path, so that the name is empty.
 */
void name_add_base(const struct path *base, struct bytes *out);
/** The name of @p path relative to name_add_base(). */
void name_add_relative(const struct path *base, const struct path *path, struct bytes *out);
