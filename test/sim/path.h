/**
 * An LwM2M path: object / instance / resource / resource instance, of any depth 0 … 4.
 *
 * Ids are 16 bits, 65535 is reserved (LwM2M Core, 7.3) and serves here as "not chosen yet".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATH_DEPTH_MAX = 4, PATH_ID_NONE = 65535, PATH_TEXT_SIZE = 28 };

enum path_level {
    PATH_ROOT,
    PATH_OBJECT,
    PATH_INSTANCE,
    PATH_RESOURCE,
    PATH_RESOURCE_INSTANCE,
};

struct path {
    uint8_t depth;
    uint16_t id[PATH_DEPTH_MAX]; /**< beyond depth: 0 */
};

/** Reads "/3/0/3", "3/0/3", "/" or "" of @p len characters. @return 0 or -EBADMSG */
[[nodiscard]] int path_parse(const char *text, size_t len, struct path *path);

/** Writes "/3/0/3" (the root is "/") and returns @p text. */
const char *path_format(const struct path *path, char text[static PATH_TEXT_SIZE]);

/** Order of a tree walk: parents before their children, ids ascending. Like memcmp. */
int path_compare(const struct path *a, const struct path *b);

/** Whether @p path is @p prefix or lies below it. */
bool path_starts_with(const struct path *path, const struct path *prefix);

/** The path one level below. @p path must not be a resource instance. */
struct path path_child(const struct path *path, uint16_t id);

/** The first @p depth ids of @p path, which must be at least that deep. */
struct path path_parent(const struct path *path, uint8_t depth);
