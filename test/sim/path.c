/** See path.h. */
#include "test/sim/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int path_parse(const char *text, size_t len, struct path *path)
{
    *path = (struct path){ 0 };
    size_t at = len > 0 && text[0] == '/' ? 1 : 0;
    while (at < len) {
        uint32_t id = 0;
        size_t start = at;
        while (at < len && text[at] >= '0' && text[at] <= '9' && at - start < 5) {
            id = id * 10 + (uint32_t)(text[at++] - '0');
        }
        bool ends = at == len || (text[at] == '/' && at + 1 < len);
        if (at == start || !ends || id > PATH_ID_NONE || path->depth == PATH_DEPTH_MAX) {
            return -EBADMSG;
        }
        path->id[path->depth++] = (uint16_t)id;
        at++;
    }
    return 0;
}

const char *path_format(const struct path *path, char text[static PATH_TEXT_SIZE])
{
    size_t used = 0;
    snprintf(text, PATH_TEXT_SIZE, "/");
    for (uint8_t i = 0; i < path->depth; i++) {
        used += (size_t)snprintf(text + used, PATH_TEXT_SIZE - used, "/%u", path->id[i]);
    }
    return text;
}

int path_compare(const struct path *a, const struct path *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++) {
        if (a->id[i] != b->id[i]) {
            return a->id[i] < b->id[i] ? -1 : 1;
        }
    }
    return (int)a->depth - (int)b->depth;
}

bool path_starts_with(const struct path *path, const struct path *prefix)
{
    return path->depth >= prefix->depth &&
           memcmp(path->id, prefix->id, prefix->depth * sizeof prefix->id[0]) == 0;
}

struct path path_child(const struct path *path, uint16_t id)
{
    struct path child = *path;
    child.id[child.depth++] = id;
    return child;
}

struct path path_parent(const struct path *path, uint8_t depth)
{
    struct path parent = { .depth = depth };
    memcpy(parent.id, path->id, depth * sizeof parent.id[0]);
    return parent;
}
